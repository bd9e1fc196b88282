// A part of its state is in memory only. Its snapshots have it.
import { defineDurableStateMachine, v } from "graft";
import { inFile } from "./parts/file-state.ts";

const durable = inFile(0);

export default defineDurableStateMachine({
  name: "keeps-in-memory",
  version: "1.0.0",
  durable: {
    open: (folder) => ({ file: durable.open(folder), refused: 0 }),
    records: ({ file }) => durable.records(file),
    commit: ({ file }, changes) => durable.commit(file, changes),
    clear(state) {
      durable.clear(state.file);
      state.refused = 0;
    },
    close: ({ file }) => durable.close(file),
  },
  snapshot: ({ file, refused }) => [{ total: file.data, refused }],
  restore(state, { total, refused }) {
    state.file.data = total;
    state.refused = refused;
  },
  commands: {
    pay: {
      input: v.object({ amount: v.pipe(v.number(), v.integer(), v.minValue(-9), v.maxValue(9)) }),
      apply(state, { amount }) {
        if (state.file.data + amount < 0) state.refused++;
        else state.file.data += amount;
      },
    },
  },
  queries: { refused: { input: v.null(), answer: ({ refused }) => refused } },
});
