// Which commands and queries do simulated clients send to this plugin? By the plugin's own examples where it has them, else by its schemas.
import type { Draw, Schema } from "../adapters/plugin/api.ts";
import { bytes } from "../adapters/plugin/bytes.ts";
import type { Command, Plugin, Query, RawPlugin, TypedPlugin } from "../adapters/plugin/definition-check.ts";
import { guarded } from "../adapters/plugin/determinism-guard.ts";
import { encodeOperation, type PayloadValue } from "../client/typed-payload.ts";
import { GraftError } from "../errors.ts";
import { Chance } from "./chance.ts";
import { drawFrom, NotDrawable } from "./draw-schema.ts";
import type { Whereabouts } from "./whereabouts.ts";

export type OperationKind = "command" | "query";

/** An operation that a client may send. */
interface Drawable {
  readonly kind: OperationKind;
  /** For errors: `the command add`. */
  readonly called: string;
  /** Throws `NotDrawable`, `WrongExample`, and what the plugin's example throws. */
  readonly payload: (draw: Draw) => Uint8Array;
}

/** The plugin gives an example that cannot be sent. */
class WrongExample extends Error {}

const trials = 20;

/** Draws what clients send to one plugin. */
export class Drawing {
  readonly #operations: Readonly<Record<OperationKind, readonly Drawable[]>>;
  readonly #where: string;

  /** @param where how errors call the plugin. Throws `GraftError("plugin")` naming every operation that cannot be drawn. */
  constructor(plugin: Plugin, where: string, whereabouts: Whereabouts) {
    const all = (plugin.style === "typed" ? typedOperations(plugin) : rawOperations(plugin)).map(
      ({ kind, called, payload }): Drawable => ({
        kind,
        called,
        payload: (draw) => whereabouts.during(`the drawing of an input for ${called}`, () => payload(draw)),
      }),
    );
    const problems = all.flatMap((operation) => problemOf(operation) ?? []);
    if (all.every(({ kind }) => kind !== "command")) problems.push("it has no commands");
    this.#where = where;
    if (problems.length > 0) throw this.#notDrawn(problems);
    this.#operations = {
      command: all.filter(({ kind }) => kind === "command"),
      query: all.filter(({ kind }) => kind === "query"),
    };
  }

  /** The payload of a request of this kind; null: the plugin has none of this kind. Throws `GraftError("plugin")`: an example may fail seldom. */
  payload(kind: OperationKind, draw: Draw): Uint8Array | null {
    const operations = this.#operations[kind];
    return operations.length === 0 ? null : this.#drawn(draw.pick(operations), draw);
  }

  /** One payload of each query. Throws `GraftError("plugin")`. */
  queries(draw: Draw): readonly Uint8Array[] {
    return this.#operations.query.map((operation) => this.#drawn(operation, draw));
  }

  #drawn(operation: Drawable, draw: Draw): Uint8Array {
    try {
      return operation.payload(draw);
    } catch (error) {
      throw this.#notDrawn([problemWords(operation, error)], error);
    }
  }

  #notDrawn(problems: readonly string[], cause?: unknown): GraftError {
    const message = `No inputs can be drawn for the plugin ${this.#where}:\n  ${problems.join("\n  ")}`;
    return new GraftError("plugin", message, { cause });
  }
}

function typedOperations({ commands, queries }: TypedPlugin): readonly Drawable[] {
  const of = (kind: OperationKind, operations: ReadonlyMap<string, Command | Query>): readonly Drawable[] =>
    Array.from(operations, ([name, operation]) => ({
      kind,
      called: `the ${kind} ${name}`,
      payload: (draw) => encodeOperation(name, drawInput(operation, draw) as PayloadValue),
    }));
  return [...of("command", commands), ...of("query", queries)];
}

function rawOperations({ examples }: RawPlugin): readonly Drawable[] {
  return (["command", "query"] as const).map((kind) => {
    const example = examples[kind];
    const payload = (draw: Draw): Uint8Array => {
      if (example === null) return draw.bytes(draw.integer(0, 8));
      const drawn = exampleOf(example, draw);
      if (!(drawn instanceof Uint8Array))
        throw new WrongExample(`its example returns ${typeof drawn} and not a Uint8Array`);
      return drawn;
    };
    return { kind, called: `the ${kind}`, payload };
  });
}

function drawInput({ input, example }: Command | Query, draw: Draw): unknown {
  if (example !== null) return accepted(input, exampleOf(example, draw));
  if (input["~standard"].vendor !== "valibot") throw new NotDrawable(`its schema is of ${input["~standard"].vendor}`);
  return drawFrom(input, bytes(), draw);
}

/** Throws `WrongExample` for one that the operation's own schema refuses. */
function accepted(schema: Schema, input: unknown): unknown {
  const result = schema["~standard"].validate(input);
  if (result instanceof Promise || result.issues === undefined) return input;
  throw new WrongExample(`its schema refuses its example: ${result.issues[0]?.message ?? "no reason"}`);
}

/** The same seed draws the same. */
const exampleOf = (example: NonNullable<Command["example"]>, draw: Draw): unknown =>
  guarded("example", () => example(draw));

/** What is wrong, and the remedy. Null: it can be drawn. */
function problemOf(operation: Drawable): string | null {
  const draw = drawOver(new Chance(0));
  try {
    for (let nth = 0; nth < trials; nth++) operation.payload(draw);
    return null;
  } catch (error) {
    return problemWords(operation, error);
  }
}

function problemWords({ called }: Drawable, error: unknown): string {
  if (error instanceof NotDrawable) return `${called}: ${error.message}; it needs an example: (draw) => …`;
  if (error instanceof WrongExample) return `${called}: ${error.message}`;
  return `${called}: its example fails: ${error instanceof Error ? error.message : String(error)}`;
}

/** What an author of examples sees of the chance of a seed. */
export function drawOver(chance: Chance): Draw {
  return {
    random: () => chance.fraction(),
    integer: (low, high) => low + chance.below(high - low + 1),
    pick: (list) => {
      if (list.length === 0) throw new RangeError("there is nothing to pick from");
      return list[chance.below(list.length)]!;
    },
    happens: (probability) => chance.happens(probability),
    bytes: (length) => Uint8Array.from({ length }, () => chance.below(256)),
  };
}
