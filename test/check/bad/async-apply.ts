// Is not over when `apply` returns.
import { defineStateMachine, v } from "graft";

export default defineStateMachine({
  name: "async-apply",
  version: "1.0.0",
  create: () => ({ total: 0 }),
  commands: {
    add: {
      input: v.object({ amount: v.number() }),
      async apply(state, { amount }) {
        await Promise.resolve();
        state.total += amount;
      },
    },
  },
  queries: {},
});
