// A restored state does not know how often it has refused.
import { defineStateMachine, v } from "graft";

export default defineStateMachine({
  name: "forgets-field",
  version: "1.0.0",
  create: () => ({ total: 0, refused: 0 }),
  snapshot: ({ total }) => [total],
  restore: (state, total) => void (state.total = total),
  commands: {
    pay: {
      input: v.object({ amount: v.pipe(v.number(), v.integer(), v.minValue(-9), v.maxValue(9)) }),
      apply(state, { amount }) {
        if (state.total + amount < 0) state.refused++;
        else state.total += amount;
      },
    },
  },
  queries: { total: { input: v.null(), answer: ({ total }) => total } },
});
