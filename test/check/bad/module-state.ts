// Draws tickets from a variable of the module.
import { defineStateMachine, v } from "graft";

let drawn = 0;

export default defineStateMachine({
  name: "module-state",
  version: "1.0.0",
  create: () => ({ tickets: 0 }),
  snapshot: (state) => [state],
  restore: (state, item) => void Object.assign(state, item),
  commands: { draw: { input: v.object({}), apply: (state) => [++state.tickets, ++drawn] } },
  queries: {},
});
