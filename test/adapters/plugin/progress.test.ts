// What the state machine's thread notes in shared memory, as the node's thread reads it.
import { expect, test } from "bun:test";
import { Progress } from "../../../src/adapters/plugin/progress.ts";

test("the moment of a failure names the entry in which it happened, or the one before it", () => {
  const noted = new Progress();
  const read = new Progress(noted.shared);
  expect(read.moment).toBe("before its first entry");
  noted.beginEntry(6, 2);
  expect([read.busyWith, read.moment]).toEqual([
    { kind: "entry", count: 1, index: 6, term: 2 },
    "while it applied entry 6 (term 2)",
  ]);
  noted.end();
  expect([read.busyWith, read.moment]).toEqual([null, "after entry 6 (term 2)"]);
  noted.beginQuery(3);
  expect([read.busyWith, read.moment]).toEqual([
    { kind: "query", count: 2, nth: 3 },
    "while it answered a query, after entry 6 (term 2)",
  ]);
  noted.end();
  expect(read.moment).toBe("after entry 6 (term 2)");
  noted.beginSnapshot();
  expect([read.busyWith, read.moment]).toEqual([
    { kind: "snapshot", count: 3 },
    "while it took or restored a snapshot, after entry 6 (term 2)",
  ]);
  noted.beginCommit();
  expect([read.busyWith, read.entry, read.moment]).toEqual([
    { kind: "commit", count: 4 },
    null,
    "while it made its state durable, after entry 6 (term 2)",
  ]);
});
