// A query that takes away what it answers.
import { defineStateMachine, v } from "graft";

export default defineStateMachine({
  name: "asks-once",
  version: "1.0.0",
  create: () => ({ waiting: [] as string[] }),
  commands: { add: { input: v.object({ item: v.string() }), apply: ({ waiting }, { item }) => waiting.push(item) } },
  queries: { next: { input: v.null(), answer: ({ waiting }) => waiting.shift() ?? null } },
});
