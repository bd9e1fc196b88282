// Reads the clock when the module is loaded, where nothing keeps it from that.
import { defineStateMachine, v } from "graft";

const began = performance.now();

export default defineStateMachine({
  name: "clock-at-load",
  version: "1.0.0",
  create: () => ({ began: 0 }),
  commands: { begin: { input: v.object({}), apply: (state) => void (state.began = began) } },
  queries: {},
});
