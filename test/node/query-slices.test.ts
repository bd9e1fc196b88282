// A slice of queries at a time: whose turn it was, what each is charged with, and what becomes of those that were not reached.
import { describe, expect, test } from "bun:test";
import { GraftError } from "../../src/errors.ts";
import { QuerySlices } from "../../src/node/query-slices.ts";
import { UnderWay } from "../../src/node/under-way.ts";
import type { DueQuery } from "../../src/node/waiting-reads.ts";
import type { Answer } from "../../src/ports/state-machine.ts";
import { afterMicrotasks } from "./cluster.ts";
import { bytes, text } from "./recording-machine.ts";
import { TestAsker, unbounded } from "./test-asker.ts";

const position = { index: 4, term: 2 };

function setUp() {
  const did: unknown[][] = [];
  const due: DueQuery[] = [];
  const asked: (readonly string[])[] = [];
  let slice = Promise.withResolvers<readonly Answer[]>();
  const underWay = new UnderWay({
    done: () => void did.push(["done"]),
    answered: () => {},
    failed: (error) => void did.push(["failed", (error as Error).message]),
  });
  const named = (query: DueQuery): string => text(query.waiter.payload);
  const slices = new QuerySlices({
    clock: { nowMs: () => 700 },
    underWay,
    reads: {
      take: (through, nowMs) => {
        did.push(["take", through, nowMs]);
        return due.splice(0);
      },
      charge: (query, elapsedMs, count) => void did.push(["charge", named(query), elapsedMs, count]),
      drop: (query) => void did.push(["drop", named(query)]),
      giveBack: (queries) => void did.push(["giveBack", ...queries.map(named)]),
    },
    stateMachine: {
      query: (payloads) => {
        asked.push(payloads.map(text));
        slice = Promise.withResolvers();
        return slice.promise;
      },
    },
  });
  const add = (name: string, kind: "query" | "reach" = "query", from = "a"): void => {
    const waiter = {
      notDone: "",
      payload: bytes(name),
      from: new TestAsker(from),
      open: unbounded,
      dueMs: 1_000,
      succeed: (payload: Uint8Array, at: unknown, stalenessMs: number | null) =>
        void did.push(["succeed", name, text(payload), at, stalenessMs]),
      fail: (error: unknown) => void did.push(["fail", name, error]),
    };
    due.push({ waiter: { ...waiter, kind }, position, stalenessMs: 3, taken: {} as DueQuery["taken"] });
  };
  /** What is done once the state machine has answered. */
  const answered = async (...answers: readonly Answer[]) => {
    slice.resolve(answers);
    await afterMicrotasks();
    return did.splice(0);
  };
  const broken = async (error: Error) => {
    slice.reject(error);
    await afterMicrotasks();
    return did.splice(0);
  };
  return { slices, add, asked, did, due, underWay, answered, broken };
}

const ok = (payload: string, elapsedMs = 0): Answer => ({
  outcome: { kind: "ok", payload: bytes(payload) },
  elapsedMs,
});

describe("a slice of queries", () => {
  test("is the only one with the state machine, and each query is charged with its time and its answer", async () => {
    const { slices, add, asked, did, underWay, answered } = setUp();
    add("one");
    add("two", "query", "b");
    slices.ask(9);
    add("three");
    slices.ask(10);
    expect([asked, did.splice(0)]).toEqual([[["one", "two"]], [["take", 9, 700]]]);
    expect([0, 1, 2].map((nth) => slices.askerOf(nth))).toEqual(["a", "b", null]);
    const failure = new GraftError("query-failed", "no such key");
    expect(await answered(ok("long answer", 5), { outcome: { kind: "failed", error: failure }, elapsedMs: 7 })).toEqual(
      [
        ["charge", "one", 5, 11],
        ["succeed", "one", "long answer", position, 3],
        ["charge", "two", 7, 0],
        ["fail", "two", { code: "query-failed", message: "no such key", leader: null }],
        ["giveBack"],
        ["done"],
      ],
    );
    expect(underWay.isEmpty).toBe(true);
    slices.ask(10);
    expect(asked.at(-1)).toEqual(["three"]);
    expect([0, 1].map((nth) => slices.askerOf(nth))).toEqual(["a", null]);
  });

  test("is over when each of its queries has its answer: one that is asked meanwhile waits for that", async () => {
    const { slices, add, asked, due, answered } = setUp();
    add("one");
    const [first] = due;
    slices.ask(9);
    const counts: number[] = [];
    first!.waiter.succeed = () => {
      add("two");
      slices.ask(9);
      counts.push(asked.length);
    };
    await answered(ok("1"));
    expect(counts).toEqual([1]);
    slices.ask(9);
    expect(asked).toEqual([["one"], ["two"]]);
  });

  test("gives back what was not reached, and is done with", async () => {
    const { slices, add, answered } = setUp();
    for (const name of ["one", "two", "three"]) add(name);
    slices.ask(9);
    expect((await answered(ok("1"))).slice(-3)).toEqual([
      ["succeed", "one", "1", position, 3],
      ["giveBack", "two", "three"],
      ["done"],
    ]);
  });

  test.each([
    [0, "1 queries asked, but 0 answers"],
    [2, "1 queries asked, but 2 answers"],
  ])("ends the node when the state machine breaks its contract: %d answers to one query", async (count, message) => {
    const { slices, add, did, answered } = setUp();
    add("one");
    slices.ask(9);
    did.length = 0;
    expect(await answered(...Array.from({ length: count }, () => ok("x")))).toEqual([["failed", message]]);
  });

  test("is refused as a whole, each query once, when the state machine stops with it", async () => {
    const { slices, add, asked, did, broken } = setUp();
    add("one");
    add("two");
    slices.ask(9);
    did.length = 0;
    const error = { code: "state-machine", message: "the state machine of this node has stopped: gone", leader: null };
    expect(await broken(new GraftError("state-machine", "gone"))).toEqual([
      ["drop", "one"],
      ["fail", "one", error],
      ["drop", "two"],
      ["fail", "two", error],
      ["done"],
    ]);
    add("three");
    slices.ask(9);
    expect(asked).toEqual([["one", "two"], ["three"]]);
  });
});

describe("whoever waits for the state to get so far", () => {
  test("has what it waits for without a query, and a slice of nothing else is none", () => {
    const { slices, add, asked, did, underWay } = setUp();
    add("so far", "reach");
    slices.ask(9);
    expect(did).toEqual([
      ["take", 9, 700],
      ["drop", "so far"],
      ["succeed", "so far", "", position, null],
    ]);
    expect([asked, underWay.isEmpty]).toEqual([[], true]);
    add("so far", "reach");
    add("one");
    slices.ask(9);
    expect(asked).toEqual([["one"]]);
    expect(slices.askerOf(0)).toBe("a");
  });
});

test("a state machine that stands still: each query that is due is told so, until none is left", () => {
  const { slices, add, asked, did } = setUp();
  add("one");
  slices.refuse(9, new Error("gone"));
  expect(did).toEqual([
    ["take", 9, 700],
    ["drop", "one"],
    [
      "fail",
      "one",
      { code: "state-machine", message: "the state machine of this node has stopped: gone", leader: null },
    ],
    ["take", 9, 700],
  ]);
  expect(asked).toEqual([]);
});
