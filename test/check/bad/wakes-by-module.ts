// Asks to be woken at a time that depends on a variable of the module.
import { defineStateMachine, v } from "graft";

let times = 0;

export default defineStateMachine({
  name: "wakes-by-module",
  version: "1.0.0",
  create: () => ({ held: 0 }),
  snapshot: (state) => [state.held],
  restore: (state, held: number) => void (state.held = held),
  due: () => {},
  commands: {
    hold: {
      input: v.object({}),
      apply(state, _, ctx) {
        state.held = 1;
        ctx.wakeAt(ctx.timeMs + 500_000 + ++times);
      },
    },
  },
  queries: {},
});
