// Keeps its state on disk as it should.
import { defineDurableStateMachine, Rejected, v } from "graft";
import { inFile } from "../bad/parts/file-state.ts";

export default defineDurableStateMachine({
  name: "tally",
  version: "1.0.0",
  durable: inFile(0),
  snapshot: ({ data }) => [data],
  restore: (state, data) => void (state.data = data),
  due: (state) => void (state.data *= 2),
  commands: {
    add: {
      input: v.object({ amount: v.pipe(v.number(), v.integer(), v.minValue(-9), v.maxValue(9)) }),
      apply(state, { amount }, ctx) {
        if (state.data + amount < 0) throw new Rejected("too little");
        state.data += amount;
        ctx.wakeAt(ctx.timeMs + 1500);
        return state.data;
      },
    },
  },
  queries: { total: { input: v.null(), answer: ({ data }) => data } },
});
