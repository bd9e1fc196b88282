// Changes the state before it refuses the command.
import { defineStateMachine, Rejected, v } from "graft";

export default defineStateMachine({
  name: "refuses-late",
  version: "1.0.0",
  create: () => ({ left: 0 }),
  commands: {
    take: {
      input: v.object({ count: v.picklist([1, 2]) }),
      apply(state, { count }) {
        state.left -= count;
        if (state.left < 0) throw new Rejected("not so many left");
      },
    },
  },
  queries: {},
});
