// When are two states the same, and where do two states part?
import { describe, expect, test } from "bun:test";
import { SnapshotMap } from "graft";
import { describeState, firstDifference } from "../../src/sim/state-text.ts";

const textOf = (state: unknown): string => describeState(state).text;

class Account {
  owner = "ann";
  amount = 3;
}

/** An object that contains itself. */
function ring(length: number): object {
  const first: { next?: object } = {};
  let last = first;
  for (let nth = 1; nth < length; nth++) {
    const link = {};
    last.next = link;
    last = link;
  }
  last.next = first;
  return first;
}

const shared = { x: 1 };

const same: readonly (readonly [title: string, one: unknown, other: unknown])[] = [
  [
    "the order of a Map's entries",
    new Map([
      ["a", 1],
      ["b", 2],
    ]),
    new Map([
      ["b", 2],
      ["a", 1],
    ]),
  ],
  ["the order of a Set's entries", new Set(["a", "b"]), new Set(["b", "a"])],
  ["the order of an object's fields", { a: 1, b: 2 }, { b: 2, a: 1 }],
  [
    "the order of a Map whose keys are objects",
    new Map([
      [{ a: 1 }, 1],
      [{ a: 2 }, 2],
    ]),
    new Map([
      [{ a: 2 }, 2],
      [{ a: 1 }, 1],
    ]),
  ],
  ["a field that is undefined", { a: 1, b: undefined }, { a: 1 }],
  ["whether two places share one object", [shared, shared], [{ x: 1 }, { x: 1 }]],
  ["a field that was given to many bytes", Object.assign(new Uint8Array(2000), { note: 1 }), new Uint8Array(2000)],
  ["a Buffer and the bytes in it", Buffer.from("ab"), new Uint8Array([97, 98])],
  ["an object without a prototype", Object.assign(Object.create(null) as object, { a: 1 }), { a: 1 }],
  ["equal rings", ring(3), ring(3)],
  ["NaN", [Number.NaN], [Number.NaN]],
  ["equal instances", new Account(), new Account()],
  [
    "the order of a SnapshotMap",
    new SnapshotMap<string, number>().set("a", 1).set("b", 2),
    new SnapshotMap<string, number>().set("b", 2).set("a", 1),
  ],
];

const different: readonly (readonly [title: string, one: unknown, other: unknown])[] = [
  ["0 and -0", 0, -0],
  ["NaN and null", Number.NaN, null],
  ["a number and its text", 1, "1"],
  ["a number and a bigint", 1, 1n],
  ["null and undefined in an array", [null], [undefined]],
  ["false and no field", { a: false }, {}],
  ["the order of an array", [1, 2], [2, 1]],
  ["a Map and an object", new Map([["a", 1]]), { a: 1 }],
  ["an array and a Set", [1], new Set([1])],
  ["a value of a Map", new Map([["a", 1]]), new Map([["a", 2]])],
  ["a member of a Set", new Set([1]), new Set([2])],
  ["keys of a Map that look alike", new Map<unknown, number>([[1, 1]]), new Map<unknown, number>([["1", 1]])],
  ["two dates", new Date(1), new Date(2)],
  ["kinds of bytes", new Uint8Array([1]), new Int8Array([1])],
  ["a field that was given to bytes", Object.assign(new Uint8Array(9), { note: 1 }), new Uint8Array(9)],
  ["a byte", new Uint8Array([1]), new Uint8Array([2])],
  ["a float that is not a number", new Float64Array([Number.NaN]), new Float64Array([0])],
  ["a class and a plain object", new Account(), { owner: "ann", amount: 3 }],
  ["a field of an instance", new Account(), Object.assign(new Account(), { amount: 4 })],
  ["a symbol's field", { [Symbol.for("a")]: 1 }, { [Symbol.for("a")]: 2 }],
  ["a field that a text imitates", { a: 'x"\n.b: 1' }, { a: "x", b: 1 }],
  ["rings of different lengths", ring(2), ring(3)],
  [
    "a value of a SnapshotMap",
    new SnapshotMap<string, number>().set("a", 1),
    new SnapshotMap<string, number>().set("a", 2),
  ],
  ["a pattern's place", /a/g, Object.assign(/a/g, { lastIndex: 1 })],
  ["the message of an error", new Error("a"), new Error("b")],
];

describe("these make no difference", () => {
  for (const [title, one, other] of same) {
    test(title, () => {
      expect(textOf(one)).toBe(textOf(other));
      expect(firstDifference(textOf(one), textOf(other))).toBeNull();
    });
  }
});

describe("these make a difference", () => {
  for (const [title, one, other] of different) {
    test(title, () => {
      expect(textOf(one)).not.toBe(textOf(other));
      expect(firstDifference(textOf(one), textOf(other))).not.toBeNull();
    });
  }
});

test("looking at a state calls nothing of it", () => {
  let calls = 0;
  class Lazy {
    get value(): number {
      return ++calls;
    }
    toJSON(): number {
      return ++calls;
    }
  }
  const state = Object.defineProperty(new Lazy(), "own", { enumerable: true, get: () => ++calls });
  class Odd extends Map<string, number> {
    override entries(): MapIterator<[string, number]> {
      calls++;
      return super.entries();
    }
  }
  expect(textOf([state, new Odd([["a", 1]])])).toContain("an accessor");
  expect(calls).toBe(0);
});

test("where two states part is told by the names that lead there", () => {
  const state = (points: number, more: object = {}): string =>
    textOf({
      games: 3,
      players: new Map([
        ["ann", { points, ...more }],
        ["bob: x", { points: 1 }],
      ]),
    });
  expect(firstDifference(state(1), state(2))).toEqual({ path: '.players "ann" .points', one: "1", other: "2" });
  expect(firstDifference(state(1), state(1, { won: 1 }))).toEqual({
    path: '.players "ann" .won',
    one: null,
    other: "1",
  });
  const lists = [textOf({ items: ["a", "b"] }), textOf({ items: ["a"] })] as const;
  expect(firstDifference(...lists)).toEqual({ path: ".items [1]", one: '"b"', other: null });
});
