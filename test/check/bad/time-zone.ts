// Writes a time down as the machine's time zone has it.
import { defineStateMachine, v } from "graft";

export default defineStateMachine({
  name: "time-zone",
  version: "1.0.0",
  create: () => ({ hour: 0 }),
  commands: {
    note: { input: v.object({}), apply: (state, _, { timeMs }) => (state.hour = new Date(timeMs).getHours()) },
  },
  queries: { hour: { input: v.null(), answer: ({ hour }) => hour } },
});
