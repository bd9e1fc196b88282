// Answers something else once its function has been called often.
import { defineStateMachine, v } from "graft";

let calls = 0;

export default defineStateMachine({
  name: "tires",
  version: "1.0.0",
  create: () => ({ total: 0 }),
  commands: {
    add: {
      input: v.object({ amount: v.number() }),
      apply: (state, { amount }) => (state.total += ++calls > 1000 ? 0 : amount),
    },
  },
  queries: {},
});
