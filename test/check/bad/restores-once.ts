// Remembers in the module which items it has restored, and leaves them out when they come again.
import { defineStateMachine, v } from "graft";

const restored = new Set<string>();

export default defineStateMachine({
  name: "restores-once",
  version: "1.0.0",
  create: () => new Set<string>(),
  snapshot: (names) => [...names],
  restore(names, name) {
    if (!restored.has(name)) names.add(name);
    restored.add(name);
  },
  commands: {
    join: { input: v.object({ name: v.picklist(["ann", "bob"]) }), apply: (names, { name }) => void names.add(name) },
  },
  queries: {},
});
