// A snapshot is read from the file, and not before its first item is asked for.
import { defineDurableStateMachine, v } from "graft";
import { inFile } from "./parts/file-state.ts";

const durable = inFile(0);

export default defineDurableStateMachine({
  name: "freezes-late",
  version: "1.0.0",
  durable,
  snapshot: ({ folder }) => ({
    *[Symbol.iterator]() {
      yield durable.open(folder).data;
    },
  }),
  restore: (state, data) => void (state.data = data),
  commands: { add: { input: v.object({}), apply: (state) => ++state.data } },
  queries: { total: { input: v.null(), answer: ({ data }) => data } },
});
