// Asks on which thread it runs.
import { isMainThread } from "node:worker_threads";
import { defineStateMachine, v } from "graft";

export default defineStateMachine({
  name: "thread-aware",
  version: "1.0.0",
  create: () => ({ total: 0 }),
  commands: { add: { input: v.object({}), apply: (state) => (state.total += isMainThread ? 2 : 1) } },
  queries: { total: { input: v.null(), answer: ({ total }) => total } },
});
