// Rolls dice, but only for one of its commands.
import { defineStateMachine, v } from "graft";

export default defineStateMachine({
  name: "chance",
  version: "1.0.0",
  create: () => ({ points: 0 }),
  commands: {
    win: { input: v.object({ points: v.picklist([1, 2]) }), apply: (state, { points }) => (state.points += points) },
    roll: { input: v.object({}), apply: (state) => (state.points += Math.floor(Math.random() * 6)) },
  },
  queries: {},
});
