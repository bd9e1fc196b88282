// The raw style hands bytes over for good, in both directions.
import { expect, test } from "bun:test";
import { defineRawStateMachine } from "graft";
import { checkDefinition } from "../../../src/adapters/plugin/definition-check.ts";
import { createExecutor } from "../../../src/adapters/plugin/executor.ts";

const kept: Uint8Array[] = [];
const scratch = new Uint8Array(1);

const keeper = defineRawStateMachine({
  name: "keeper",
  version: "1",
  create: () => ({
    apply(command) {
      kept.push(command);
      scratch.set(command);
      return scratch;
    },
    query(question) {
      kept.push(question);
      return scratch;
    },
  }),
});

const letters = Uint8Array.of(97, 98, 99);
const command = (nth: number) => ({
  kind: "command" as const,
  index: nth + 1,
  term: 1,
  timeMs: 0,
  payload: letters.subarray(nth, nth + 1),
  session: null,
  isAwaited: true,
});

test("what a plugin keeps does not keep the whole run's memory", () => {
  const executor = createExecutor(checkDefinition(keeper));
  executor.apply(command(0));
  executor.query(letters.subarray(1, 2));
  expect(kept.map((bytes) => [...bytes])).toEqual([[97], [98]]);
  expect(kept.map((bytes) => bytes.buffer.byteLength)).toEqual([1, 1]);
});

test("a result stays what it was when the plugin writes on", () => {
  const executor = createExecutor(checkDefinition(keeper));
  const results = [executor.apply(command(0)), executor.apply(command(1)), executor.query(letters)];
  executor.apply(command(2));
  expect(results.map((outcome) => outcome.kind === "ok" && [...outcome.payload])).toEqual([[97], [98], [98]]);
});

test("a command whose result is not needed returns null, and its client gets no bytes", () => {
  const silent = defineRawStateMachine({
    name: "silent",
    version: "1",
    create: () => ({ apply: () => null, query: () => scratch }),
  });
  expect(createExecutor(checkDefinition(silent)).apply(command(0))).toMatchObject({
    kind: "ok",
    payload: new Uint8Array(0),
  });
});
