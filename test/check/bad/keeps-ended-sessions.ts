// A record that a commit removes stays.
import { defineDurableStateMachine, v } from "graft";
import { inFile } from "./parts/file-state.ts";

const durable = inFile(0);

export default defineDurableStateMachine({
  name: "keeps-ended-sessions",
  version: "1.0.0",
  durable: {
    ...durable,
    commit: (state, changes) =>
      durable.commit(
        state,
        changes.filter(([, value]) => value !== null),
      ),
  },
  snapshot: ({ data }) => [data],
  restore: (state, data) => void (state.data = data),
  commands: { add: { input: v.object({}), apply: (state) => ++state.data } },
  queries: { total: { input: v.null(), answer: ({ data }) => data } },
});
