// The records of a commit take the place of all before them.
import { defineDurableStateMachine, v } from "graft";
import { inFile } from "./parts/file-state.ts";

const durable = inFile(0);

export default defineDurableStateMachine({
  name: "keeps-latest-records",
  version: "1.0.0",
  durable: {
    ...durable,
    commit(state, changes) {
      if (changes.length > 0) state.records = {};
      durable.commit(state, changes);
    },
  },
  snapshot: ({ data }) => [data],
  restore: (state, data) => void (state.data = data),
  commands: { add: { input: v.object({}), apply: (state) => ++state.data } },
  queries: { total: { input: v.null(), answer: ({ data }) => data } },
});
