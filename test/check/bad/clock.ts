// Reads the clock of the machine.
import { defineStateMachine, v } from "graft";

export default defineStateMachine({
  name: "clock",
  version: "1.0.0",
  create: () => ({ lastMs: 0 }),
  commands: { stamp: { input: v.object({}), apply: (state) => ({ ms: (state.lastMs = Date.now()) }) } },
  queries: {},
});
