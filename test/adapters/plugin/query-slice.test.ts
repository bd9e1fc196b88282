// A slice of queries ends when it has cost enough: commands that come meanwhile do not wait for the rest.
import { expect, test } from "bun:test";
import { answerSlice } from "../../../src/adapters/plugin/query-slice.ts";
import { querySliceBytesMax, querySliceMs } from "../../../src/ports/state-machine.ts";

/** Answers with the first byte of a query as many ms later, and with as many mebibytes as the second says. */
function machine() {
  let nowMs = 1000;
  const query = (payload: Uint8Array) => {
    nowMs += payload[0]!;
    if (payload[2] === 1) throw new RangeError("no such question");
    return { kind: "ok", payload: new Uint8Array(payload[1]! * querySliceBytesMax) } as const;
  };
  return { answer: (slice: readonly Uint8Array[]) => answerSlice({ query }, slice, undefined, () => nowMs) };
}
const query = (ms: number, mebibytes = 0, fails = 0): Uint8Array => Uint8Array.of(ms, mebibytes, fails);
const elapsed = (answers: ReturnType<typeof answerSlice>): readonly number[] =>
  answers.map(({ elapsedMs }) => elapsedMs);

test("P64: it begins no further query once it has taken its time", () => {
  const { answer } = machine();
  expect(elapsed(answer([query(1), query(querySliceMs - 2), query(1), query(1)]))).toEqual([1, querySliceMs - 2, 1]);
  expect(elapsed(answer([query(200), query(0)]))).toEqual([200]);
});

test("P64: it begins no further query once its answers weigh enough", () => {
  const { answer } = machine();
  expect(answer([query(0), query(0, 1), query(0)])).toHaveLength(2);
  expect(answer([query(0, 8), query(0)])).toHaveLength(1);
});

test("a query that throws fails alone, and has its time counted", () => {
  const { answer } = machine();
  const answers = answer([query(1), query(2, 0, 1), query(1)]);
  expect(answers.map(({ outcome }) => outcome.kind)).toEqual(["ok", "failed", "ok"]);
  expect(elapsed(answers)).toEqual([1, 2, 1]);
});
