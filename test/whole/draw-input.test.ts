// What is drawn for a plugin's operations: always what their schemas accept, and from few values.
import { describe, expect, test } from "bun:test";
import { bytes, defineRawStateMachine, defineStateMachine, type Draw, type Schema, v } from "graft";
import { decodeValue } from "../../src/adapters/cbor/value.ts";
import { checkDefinition } from "../../src/adapters/plugin/definition-check.ts";
import { installDeterminismGuard } from "../../src/adapters/plugin/determinism-guard.ts";
import { Chance } from "../../src/sim/chance.ts";
import { Drawing, drawOver } from "../../src/sim/draw-input.ts";
import { Whereabouts } from "../../src/sim/whereabouts.ts";

// As before a plugin is loaded.
installDeterminismGuard();

const definitionOf = (input: Schema, example?: (draw: Draw) => unknown): unknown => ({
  style: "typed",
  name: "drawn",
  version: "1",
  create: () => ({}),
  commands: { act: { input, apply: () => null, ...(example && { example }) } },
  queries: {},
});
const drawingOf = (definition: unknown): Drawing =>
  new Drawing(checkDefinition(definition), "drawn.ts", new Whereabouts());

function inputs(input: Schema, count = 200, seed = 1): readonly unknown[] {
  const drawing = drawingOf(definitionOf(input));
  const draw = drawOver(new Chance(seed));
  return Array.from({ length: count }, () => (decodeValue(drawing.payload("command", draw)!) as readonly unknown[])[1]);
}

interface Tree {
  readonly value: number;
  readonly children: Tree[];
}
const tree: v.GenericSchema<Tree> = v.object({ value: v.number(), children: v.lazy(() => v.array(tree)) });

const endless: v.GenericSchema<unknown> = v.object({ more: v.lazy(() => endless) });

const drawable: Readonly<Record<string, Schema>> = {
  string: v.string(),
  "a string with bounds": v.pipe(v.string(), v.minLength(3), v.maxLength(5)),
  "a name": v.pipe(v.string(), v.nonEmpty(), v.regex(/^[a-z]+$/)),
  "an address": v.pipe(v.string(), v.email()),
  "a date": v.pipe(v.string(), v.isoDate()),
  "a prefix": v.pipe(v.string(), v.startsWith("key/"), v.endsWith("!")),
  number: v.number(),
  "a whole number with bounds": v.pipe(v.number(), v.integer(), v.minValue(10), v.maxValue(12)),
  "a narrow number": v.pipe(v.number(), v.gtValue(0), v.ltValue(1)),
  "a negative number": v.pipe(v.number(), v.maxValue(-100)),
  "a multiple": v.pipe(v.number(), v.multipleOf(5), v.minValue(100)),
  boolean: v.boolean(),
  null: v.null(),
  literal: v.literal("x"),
  picklist: v.picklist(["a", "b"]),
  enum: v.enum({ One: 1, Two: "two" }),
  array: v.pipe(v.array(v.string()), v.minLength(2), v.maxLength(4)),
  tuple: v.tuple([v.string(), v.number()]),
  object: v.strictObject({ key: v.string(), more: v.optional(v.number(), 1), none: v.nullish(v.boolean()) }),
  record: v.record(v.string(), v.number()),
  union: v.union([v.string(), v.number()]),
  variant: v.variant("kind", [
    v.object({ kind: v.literal("a"), x: v.number() }),
    v.object({ kind: v.literal("b"), y: v.string() }),
  ]),
  intersect: v.intersect([v.object({ a: v.number() }), v.object({ b: v.string() })]),
  bytes: bytes(),
  "a transformed string": v.pipe(v.string(), v.transform(Number)),
  "a checked object": v.pipe(
    v.object({ low: v.number(), high: v.number() }),
    v.check(({ low, high }) => low <= high, "low above high"),
  ),
  "a tree": tree,
  any: v.any(),
};

describe("what is drawn is accepted, and differs", () => {
  for (const [name, schema] of Object.entries(drawable)) {
    test(name, async () => {
      const drawn = inputs(schema);
      const results = await Promise.all(drawn.map((input) => schema["~standard"].validate(input)));
      expect(results.filter(({ issues }) => issues !== undefined)).toEqual([]);
      const distinct = new Set(drawn.map((input) => Bun.inspect(input)));
      if (!["null", "literal"].includes(name)) expect(distinct.size).toBeGreaterThan(1);
    });
  }
});

test("keys meet: most of many drawn strings are one of three", () => {
  const drawn = inputs(v.string(), 300) as readonly string[];
  expect(drawn.filter((key) => ["a", "b", "c"].includes(key)).length).toBeGreaterThan(100);
  expect(new Set(drawn).size).toBeLessThan(20);
});

test("an optional field is sometimes there and sometimes not, and a nullable one sometimes null", () => {
  const drawn = inputs(v.object({ a: v.optional(v.number()), b: v.nullable(v.number()) })) as readonly object[];
  expect(drawn.some((each) => "a" in each) && drawn.some((each) => !("a" in each))).toBe(true);
  expect(drawn.some((each) => Reflect.get(each, "b") === null)).toBe(true);
});

test("the same seed draws the same", () => {
  expect(inputs(tree, 20, 7)).toEqual(inputs(tree, 20, 7));
  expect(inputs(tree, 20, 7)).not.toEqual(inputs(tree, 20, 8));
});

describe("an operation that cannot be drawn is named, with what it needs", () => {
  const other: Schema = { "~standard": { version: 1, vendor: "other", validate: (value) => ({ value }) } };
  const cases: readonly (readonly [string, unknown, RegExp])[] = [
    [
      "another library",
      definitionOf(other),
      /the command act: its schema is of other; it needs an example: \(draw\) => …$/,
    ],
    [
      "a pattern",
      definitionOf(v.object({ code: v.pipe(v.string(), v.regex(/^Q{9}$/)) })),
      /its input's code accepted none of 200 values that were tried; it needs an example/,
    ],
    [
      "a kind that no client can send",
      definitionOf(v.object({ at: v.date() })),
      /its input's at is a schema of the kind date/,
    ],
    [
      "an example that the schema refuses",
      definitionOf(v.string(), () => 1),
      /act: its schema refuses its example: (?!.*needs an example).*string/,
    ],
    [
      "an example that throws",
      definitionOf(v.string(), () => Object.keys(null as never)),
      /act: its example fails: null is not an object[^;]*$/,
    ],
    ["an example by real chance", definitionOf(v.number(), () => Math.random()), /Math\.random inside example/],
    ["a schema without an end", definitionOf(endless), /its input contains itself without an end/],
    [
      "each operation, on a line of its own",
      { ...(definitionOf(other) as object), queries: { ask: { input: other, answer: () => null } } },
      /No inputs can be drawn for the plugin [^\n]*:\n {2}the command act: [^\n]*\n {2}the query ask: [^\n]*$/,
    ],
    ["no commands", { ...(definitionOf(v.string()) as object), commands: {} }, /it has no commands/],
  ];
  for (const [title, definition, told] of cases) test(title, () => expect(() => drawingOf(definition)).toThrow(told));

  test("with an example it can", () => {
    const drawing = drawingOf(definitionOf(other, (draw) => draw.pick(["x", "y"])));
    expect(decodeValue(drawing.payload("command", drawOver(new Chance(1)))!)).toEqual([
      "act",
      expect.stringMatching(/^[xy]$/),
    ]);
  });
});

test("a raw plugin gets what its examples draw, else a few bytes", () => {
  const create = () => ({ apply: (command: Uint8Array) => command, query: (query: Uint8Array) => query });
  const named = { name: "raw", version: "1", create };
  const draw = drawOver(new Chance(1));
  const plain = drawingOf(defineRawStateMachine(named));
  const payloads = Array.from({ length: 50 }, () => plain.payload("command", draw)!);
  expect(Math.max(...payloads.map(({ length }) => length))).toBeLessThanOrEqual(8);
  const own = drawingOf(defineRawStateMachine({ ...named, example: { command: () => Buffer.from("add 1") } }));
  expect(Buffer.from(own.payload("command", draw)!).toString()).toBe("add 1");
});

test("the compiler checks an example against its schema", () => {
  defineStateMachine({
    name: "checked",
    version: "1",
    create: () => ({}),
    commands: {
      set: { input: v.object({ key: v.string() }), example: (draw) => ({ key: draw.pick(["a"]) }), apply: () => null },
      // @ts-expect-error: a key is a string
      wrong: { input: v.object({ key: v.string() }), example: () => ({ key: 1 }), apply: () => null },
    },
    queries: {},
  });
});
