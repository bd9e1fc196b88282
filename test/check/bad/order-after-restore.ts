// Answers with the oldest name, and a restored state has another order.
import { defineStateMachine, v } from "graft";

export default defineStateMachine({
  name: "order-after-restore",
  version: "1.0.0",
  create: () => new Set<string>(),
  snapshot: (names) => [...names].sort(),
  restore: (names, name) => void names.add(name),
  commands: {
    join: { input: v.object({ name: v.picklist(["ann", "bob"]) }), apply: (names, { name }) => void names.add(name) },
  },
  queries: { oldest: { input: v.null(), answer: ([oldest]) => oldest ?? null } },
});
