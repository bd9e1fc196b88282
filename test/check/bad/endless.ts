// Never returns from one of its commands, once the count is high enough.
import { defineStateMachine, v } from "graft";

export default defineStateMachine({
  name: "endless",
  version: "1.0.0",
  create: () => ({ count: 0 }),
  commands: {
    add: { input: v.object({ by: v.picklist([1, 2]) }), apply: (state, { by }) => (state.count += by) },
    spin: {
      input: v.object({ from: v.picklist(["left", "right"]) }),
      apply(state, { from }) {
        if (from === "right") while (state.count >= 2) state.count = 2;
        return state.count;
      },
    },
  },
  queries: { count: { input: v.null(), answer: ({ count }) => count } },
});
