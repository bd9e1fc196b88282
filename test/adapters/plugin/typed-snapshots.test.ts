// Snapshots of the typed style: what items may be, what is let go of by itself, and what comes too late.
import { describe, expect, test } from "bun:test";
import { defineStateMachine, Rejected, SnapshotMap, v } from "graft";
import { type CborValue, decodeValue, encodeValue } from "../../../src/adapters/cbor/value.ts";
import { checkDefinition } from "../../../src/adapters/plugin/definition-check.ts";
import { createExecutor, type Executor } from "../../../src/adapters/plugin/executor.ts";
import type { RunningSnapshot } from "../../../src/adapters/plugin/snapshot-taking.ts";

interface Pair {
  readonly one: SnapshotMap<string, CborValue>;
  readonly other: SnapshotMap<number, CborValue>;
}

type Take = (pair: Pair) => Iterable<unknown>;

/** Two maps, changed together; an item that is a text is refused. */
const machineOf = (snapshot: Take) =>
  defineStateMachine({
    name: "pair",
    version: "1.0.0",
    create: (): Pair => ({ one: new SnapshotMap(), other: new SnapshotMap() }),
    snapshot,
    restore({ one, other }, item) {
      if (typeof item === "string") throw new Rejected("no item");
      const [key, value] = item as readonly [string | number, CborValue];
      if (typeof key === "string") one.set(key, value);
      else other.set(key, value);
    },
    commands: {
      set: {
        input: v.object({ at: v.number(), value: v.any() }),
        apply({ one, other }, { at, value }) {
          one.set(`k${at}`, value);
          other.set(at, value);
        },
      },
    },
    queries: {
      all: { input: v.null(), answer: ({ one, other }) => [...one, ...other] },
    },
  });

/** As the guide has it: both are frozen before anything is yielded. */
const both: Take = (pair) => {
  const [one, other] = [pair.one.snapshot(), pair.other.snapshot()];
  return (function* () {
    yield* one;
    yield* other;
  })();
};

const open = (take: Take = both): Executor => createExecutor(checkDefinition(machineOf(take)));
const reached = new WeakMap<Executor, number>();
const set = (executor: Executor, at: number, value: CborValue): void => {
  const payload = encodeValue(["set", { at, value }]);
  const index = (reached.get(executor) ?? 0) + 1;
  reached.set(executor, index);
  const entry = {
    kind: "command",
    index,
    term: 1,
    timeMs: 0,
    payload,
    session: null,
    isAwaited: false,
  } as const;
  expect(executor.apply(entry).kind).toBe("ok");
};
const all = (executor: Executor): unknown => {
  const outcome = executor.query(encodeValue(["all", null]));
  return outcome.kind === "ok" ? decodeValue(outcome.payload) : outcome;
};
const readAll = (snapshot: RunningSnapshot, meanwhile = (): void => {}): Uint8Array[] => {
  const chunks: Uint8Array[] = [];
  for (let chunk = snapshot.read(); chunk !== null; chunk = snapshot.read()) {
    chunks.push(chunk);
    meanwhile();
  }
  return chunks;
};
const restore = (executor: Executor, chunks: readonly Uint8Array[]): void => {
  const restoration = executor.restore(null);
  for (const chunk of chunks) restoration.write(chunk);
  restoration.end();
};

test("two maps are one snapshot, as of one moment, whatever happens while it is read", () => {
  const executor = open();
  for (let at = 0; at < 3000; at++) set(executor, at, at);
  const before = all(executor);
  let next = 0;
  const chunks = readAll(executor.snapshot(), () => {
    for (let time = 0; time < 500; time++) set(executor, (next++ * 7) % 4000, "changed");
  });
  expect(chunks.length).toBeGreaterThan(3);
  const other = open();
  restore(other, chunks);
  expect(all(other)).toEqual(before);
  expect(all(executor)).not.toEqual(before);
});

test("maps of a snapshot that nobody read, or whose plugin failed, are let go of, and go on like any other", () => {
  let fails = true;
  const executor = open((pair) => {
    const items = both(pair);
    if (fails) throw new Error("not now");
    return items;
  });
  const model = open();
  const change = (value: number): void => {
    for (const one of [executor, model]) for (let at = 0; at < 300; at++) set(one, (value * 37 + at) % 500, value);
  };
  change(1);
  expect(() => executor.snapshot()).toThrow("not now");
  fails = false;
  for (let round = 2; round < 10; round++) {
    const snapshot = executor.snapshot();
    change(round);
    if (round % 2 === 0) snapshot.read();
    snapshot.close();
    change(round * 10);
    expect(all(executor)).toEqual(all(model));
  }
  expect(Buffer.concat(readAll(executor.snapshot()))).toEqual(Buffer.concat(readAll(model.snapshot())));
});

test("once a snapshot is over, each command puts back some of what changed meanwhile", () => {
  const kept: Pair[] = [];
  const executor = open((pair) => {
    kept.push(pair);
    return both(pair);
  });
  const snapshot = executor.snapshot();
  for (let at = 0; at < 300; at++) set(executor, at, at);
  snapshot.close();
  const kinds: string[] = [];
  // While it is in one piece again, its entries are those of a Map.
  for (let at = 0; at < 8; at++, set(executor, at, at))
    kinds.push(Object.prototype.toString.call(kept[0]?.one.entries()));
  expect(new Set(kinds.slice(0, 4))).toEqual(new Set(["[object Generator]"]));
  expect(kinds.at(-1)).toBe("[object Map Iterator]");
});

test("a map that is frozen when commands have gone on is refused, and so is nothing that follows", () => {
  let isLate = true;
  const late: Take = ({ one, other }) =>
    (function* () {
      yield* one.snapshot();
      yield* other.snapshot();
    })();
  const executor = open((pair) => (isLate ? late(pair) : both(pair)));
  set(executor, 1, 1);
  const snapshot = executor.snapshot();
  expect(() => snapshot.read()).toThrow("a snapshot of a SnapshotMap is opened too late");
  isLate = false;
  expect(readAll(executor.snapshot())).not.toBeEmpty();
});

test.each<readonly [string, Take, string]>([
  ["a Map", ({ one }) => new Map(one), "snapshot returned a Map, which changes with the state"],
  ["a Set", () => new Set([1]), "snapshot returned a Set, which changes with the state"],
  ["the SnapshotMap itself", ({ one }) => one, "snapshot returned a SnapshotMap, which changes with the state"],
  ["a Map's entries", ({ one }) => one.entries() as Iterable<unknown>, "snapshot returned a Map Iterator"],
  ["no item of CBOR", () => [new Date(0)], "a value that CBOR does not carry: an object of a class"],
])("a snapshot that returns %s fails at once", (_, take, message) => {
  const executor = open(take);
  set(executor, 1, 1);
  expect(() => executor.snapshot()).toThrow(`The state machine pair 1.0.0 failed at a snapshot: TypeError: ${message}`);
  expect(all(executor)).toEqual([
    ["k1", 1],
    [1, 1],
  ]);
});

test("an array of things that change is written down at once", () => {
  const state = { count: 1 };
  const executor = open(() => [["k", state]]);
  const snapshot = executor.snapshot();
  state.count = 2;
  const other = open();
  restore(other, readAll(snapshot));
  expect(all(other)).toEqual([["k", { count: 1 }]]);
});

describe("a restore", () => {
  test("has no Rejected: an item that is refused is a failure", () => {
    const executor = open(() => ["text"]);
    expect(() => restore(open(), readAll(executor.snapshot()))).toThrow(
      "The state machine pair 1.0.0 failed at restoring a snapshot: Rejected: no item",
    );
  });

  test("refuses an item that is no CBOR", () => {
    const executor = open();
    set(executor, 1, "value");
    const bytes = Buffer.concat(readAll(executor.snapshot()));
    bytes[bytes.indexOf("value") - 1] = 0xff;
    expect(() => restore(open(), [bytes])).toThrow("failed at restoring a snapshot: BadFrame");
  });
});
