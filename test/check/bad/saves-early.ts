// Each command makes its change durable at once, without the records.
import { defineDurableStateMachine, v } from "graft";
import { inFile, save } from "./parts/file-state.ts";

export default defineDurableStateMachine({
  name: "saves-early",
  version: "1.0.0",
  durable: inFile(0),
  snapshot: ({ data }) => [data],
  restore: (state, data) => void (state.data = data),
  commands: {
    add: {
      input: v.object({}),
      apply(state) {
        state.data++;
        save(state);
        return state.data;
      },
    },
  },
  queries: { total: { input: v.null(), answer: ({ data }) => data } },
});
