// Depends on the order in which its modules are loaded.
import { defineStateMachine, v } from "graft";
import "./parts/apples.ts";
import "./parts/pears.ts";
import { kinds } from "./parts/kinds.ts";

export default defineStateMachine({
  name: "module-order",
  version: "1.0.0",
  create: () => ({ picked: 0 }),
  commands: {
    pick: { input: v.object({ nth: v.picklist([0, 1]) }), apply: (state, { nth }) => [state.picked++, kinds[nth]] },
  },
  queries: {},
});
