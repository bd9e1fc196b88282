// Refuses in `due`, where nobody waits for an answer, when a hold ends that was never given back.
import { defineStateMachine, Rejected, v } from "graft";

export default defineStateMachine({
  name: "refuses-when-due",
  version: "1.0.0",
  create: () => ({ held: false }),
  due(state) {
    if (state.held) throw new Rejected("still held");
  },
  commands: {
    hold: {
      input: v.object({}),
      apply(state, _, ctx) {
        state.held = true;
        ctx.wakeAt(ctx.timeMs + 500);
      },
    },
    free: { input: v.object({}), apply: (state) => void (state.held = false) },
  },
  queries: {},
});
