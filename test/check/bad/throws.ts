// Throws an error that is no refusal, for an amount that its schema lets through.
import { defineStateMachine, v } from "graft";

export default defineStateMachine({
  name: "throws",
  version: "1.0.0",
  create: () => ({ left: 0 }),
  commands: {
    fill: { input: v.object({ amount: v.picklist([1, 2, 3]) }), apply: (state, { amount }) => (state.left += amount) },
    take: {
      input: v.object({ amount: v.picklist([1, 2, 3]) }),
      apply(state, { amount }) {
        if (amount > 2 && state.left > 0) throw new RangeError(`no more than two of ${state.left}`);
        state.left = Math.max(0, state.left - amount);
      },
    },
  },
  queries: {},
});
