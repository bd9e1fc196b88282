// What it has committed is gone: the file that it opens is another one than it writes.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { defineDurableStateMachine, v } from "graft";
import { inFile } from "./parts/file-state.ts";

const durable = inFile(0);

export default defineDurableStateMachine({
  name: "commits-nothing",
  version: "1.0.0",
  durable: {
    ...durable,
    open(folder) {
      const written = join(folder, "written");
      mkdirSync(written, { recursive: true });
      return { ...durable.open(folder), folder: written };
    },
  },
  snapshot: ({ data }) => [data],
  restore: (state, data) => void (state.data = data),
  commands: { add: { input: v.object({}), apply: (state) => ++state.data } },
  queries: { total: { input: v.null(), answer: ({ data }) => data } },
});
