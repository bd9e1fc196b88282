// What it removes is gone from the file before the next commit.
import { defineDurableStateMachine, v } from "graft";
import { inFile, save } from "./parts/file-state.ts";

const durable = inFile(0);

export default defineDurableStateMachine({
  name: "clears-early",
  version: "1.0.0",
  durable: {
    ...durable,
    clear(state) {
      state.data = 0;
      save(state);
      durable.clear(state);
    },
  },
  snapshot: ({ data }) => [data],
  restore: (state, data) => void (state.data = data),
  commands: { add: { input: v.object({}), apply: (state) => ++state.data } },
  queries: { total: { input: v.null(), answer: ({ data }) => data } },
});
