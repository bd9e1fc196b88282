// The typed style: what a payload must look like, when the input is parsed, and what a client reads when it is wrong.
import { describe, expect, test } from "bun:test";
import { defineStateMachine, Rejected, v } from "graft";
import { type CborValue, decodeValue, encodeValue } from "../../../src/adapters/cbor/value.ts";
import { checkDefinition } from "../../../src/adapters/plugin/definition-check.ts";
import { createExecutor, type Executor } from "../../../src/adapters/plugin/executor.ts";
import type { Outcome } from "../../../src/ports/state-machine.ts";

/** A schema without a library: any object with this shape is one. */
const handMade = {
  "~standard": {
    version: 1 as const,
    vendor: "test",
    validate: (given: unknown) =>
      typeof given === "number"
        ? { value: given * 2 }
        : {
            issues: Array.from({ length: 7 }, (_, nth) => ({
              message: `problem ${nth}`,
              path: ["list", { key: nth }],
            })),
          },
  },
};

const asynchronous = {
  "~standard": { version: 1 as const, vendor: "test", validate: async (given: unknown) => ({ value: given }) },
};

const machine = defineStateMachine({
  name: "log",
  version: "1.0.0",
  create: () => ({ words: [] as string[] }),
  commands: {
    append: {
      input: v.strictObject({ word: v.pipe(v.string(), v.toLowerCase()), times: v.optional(v.number(), 2) }),
      apply(state, { word, times }) {
        if (word === "never") throw new Rejected("that word is refused");
        for (let time = 0; time < times; time++) state.words.push(word);
        return state.words.length;
      },
    },
    nothing: { input: v.null(), apply: () => undefined },
    twice: { input: handMade, apply: (_, input) => input },
    later: { input: v.null(), apply: () => Promise.resolve(1) },
    slowly: { input: asynchronous, apply: () => 1 },
    broken: { input: v.null(), apply: () => decodeURIComponent("%") },
    unsent: {
      input: v.null(),
      apply(state) {
        state.words.push("kept");
        return new Map() as never;
      },
    },
    lateClock: {
      input: v.null(),
      apply: () => ({
        get now() {
          return Date.now();
        },
      }),
    },
    constructor: { input: v.null(), apply: () => "a name like any other" },
  },
  queries: {
    words: { input: v.null(), answer: (state) => state.words },
  },
});

const open = (): Executor => createExecutor(checkDefinition(machine));
const apply = (executor: Executor, ...operation: readonly CborValue[]): Outcome =>
  executor.apply({
    kind: "command",
    index: 1,
    term: 1,
    timeMs: 0,
    payload: encodeValue(operation),
    session: null,
    isAwaited: true,
  });
const resultOf = (outcome: Outcome): unknown => (outcome.kind === "ok" ? decodeValue(outcome.payload) : outcome);

describe("typed style", () => {
  test("describes its operations", () => {
    expect(open().description).toEqual({
      name: "log",
      version: "1.0.0",
      style: "typed",
      commands: ["append", "nothing", "twice", "later", "slowly", "broken", "unsent", "lateClock", "constructor"],
      queries: ["words"],
      snapshots: false,
    });
  });

  test("defaults and transforms of the schema take place at apply", () => {
    const executor = open();
    expect(resultOf(apply(executor, "append", { word: "Oak" }))).toBe(2);
    expect(resultOf(apply(executor, "append", { word: "Elm", times: 1 }))).toBe(3);
    expect(resultOf(executor.query(encodeValue(["words", null])))).toEqual(["oak", "oak", "elm"]);
  });

  test("a query is told how far the state has come", () => {
    const executor = createExecutor(
      checkDefinition(
        defineStateMachine({
          name: "moments",
          version: "1.0.0",
          create: () => ({}),
          commands: { pass: { input: v.null(), apply: () => null } },
          queries: { now: { input: v.null(), answer: (_, __, { index, timeMs }) => [index, timeMs] } },
        }),
      ),
    );
    const now = (): unknown => resultOf(executor.query(encodeValue(["now", null])));
    expect(now()).toEqual([0, 0]);
    const payload = encodeValue(["pass", null]);
    executor.apply({ kind: "command", index: 4, term: 2, timeMs: 1234, payload, session: null, isAwaited: true });
    expect(now()).toEqual([4, 1234]);
  });

  test("any Standard Schema will do", () => {
    expect(resultOf(apply(open(), "twice", 21))).toBe(42);
  });

  test("undefined arrives as null", () => {
    expect(resultOf(apply(open(), "nothing", null))).toBeNull();
  });

  test("a name that objects inherit is an operation only if it is defined", () => {
    expect(resultOf(apply(open(), "constructor", null))).toBe("a name like any other");
    expect(resultOf(apply(open(), "toString", null))).toMatchObject({ kind: "rejected" });
  });

  test.each([
    [["append", { word: 5 }], "append: word: Invalid type: Expected string but received 5"],
    [["append", { word: "a", tmies: 3 }], 'append: tmies: Invalid key: Expected never but received "tmies"'],
    [["append", { word: "Never" }], "that word is refused"],
    [
      ["apend", {}],
      'log has no command "apend"; it has: append, nothing, twice, later, slowly, broken, unsent, lateClock, constructor',
    ],
    [["words", null], "words is a query and not a command"],
    [["append"], "the payload is not the CBOR array [operation, input]"],
    [["append", {}, 1], "the payload is not the CBOR array [operation, input]"],
    [[7, {}], "the payload is not the CBOR array [operation, input]"],
    [
      ["twice", "x"],
      "twice: list.0: problem 0; list.1: problem 1; list.2: problem 2; list.3: problem 3; list.4: problem 4; and 2 more",
    ],
  ])("%j is refused", (operation, message) => {
    const executor = open();
    expect(apply(executor, ...operation)).toEqual({ kind: "rejected", message });
    expect(resultOf(executor.query(encodeValue(["words", null])))).toEqual([]);
  });

  test("bytes that are no CBOR are refused", () => {
    const outcome = open().apply({
      kind: "command",
      index: 1,
      term: 1,
      timeMs: 0,
      payload: Uint8Array.of(0xff),
      session: null,
      isAwaited: true,
    });
    expect(outcome).toMatchObject({ kind: "rejected" });
    expect(outcome.kind === "rejected" && outcome.message).toStartWith("the payload is not CBOR: ");
  });

  test("P57: a refusal does not echo a large input", () => {
    const outcome = apply(open(), "append", { word: "a", times: "x".repeat(100_000) });
    expect(outcome.kind === "rejected" && outcome.message.length).toBeLessThan(300);
  });

  test("a command may not be sent as a query, nor the other way round", () => {
    const outcome = open().query(encodeValue(["append", { word: "a" }]));
    expect(outcome).toEqual({ kind: "rejected", message: "append is a command and not a query" });
  });

  test.each([
    ["unsent", "TypeError: a value that CBOR does not carry: an object of a class", ["kept", "kept"]],
    [
      "lateClock",
      "ForbiddenInApply: Date.now inside apply: the nodes would differ; use ctx.timeMs, the replicated time",
      [],
    ],
  ])("a result that cannot be encoded (%s) is told to who waits for it, and stops no node", (name, reason, words) => {
    const executor = open();
    const payload = encodeValue([name, null]);
    const command = { kind: "command", index: 1, term: 1, timeMs: 0, payload, session: null } as const;
    const message = `the result cannot be sent: ${reason}`;
    expect(executor.apply({ ...command, isAwaited: true })).toEqual({ kind: "unsendable", message });
    expect(executor.apply({ ...command, isAwaited: false })).toEqual({ kind: "ok", payload: new Uint8Array() });
    expect(resultOf(executor.query(encodeValue(["words", null])))).toEqual(words);
  });

  test.each([
    ["later", "TypeError: later returned a Promise: it must finish before it returns"],
    ["slowly", "TypeError: the schema of slowly validates asynchronously: it must be synchronous"],
    ["broken", "URIError: "],
  ])("%s stops the state machine", (name, reason) => {
    expect(() => apply(open(), name, null)).toThrow(
      `The state machine log 1.0.0 failed at entry 1 (term 1), the command ${name}: ${reason}`,
    );
  });
});
