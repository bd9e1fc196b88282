// What could somebody type to try a plugin out? One command and one query, drawn as for a check: the simplest that say something.
import { decodeValue } from "../adapters/cbor/value.ts";
import { locateVersions } from "../adapters/plugin/loader.ts";
import { isTextAlone } from "../client/text-input.ts";
import { type JsonValue, textOf, toJson } from "../client/typed-payload.ts";
import { Chance } from "../sim/chance.ts";
import { Player } from "./player.ts";
import { type Tape, tapeNumberMax } from "./tape.ts";
import type { Step } from "./transcript.ts";

/** The arguments of `graft execute command` or `graft execute query`. */
export type Example = readonly string[];

export interface ExampleRequest {
  /** As in the TOML file; the last version counts. */
  readonly plugins: readonly string[];
  /** The folder that relative paths begin in. */
  readonly directory: string;
  readonly style: "typed" | "raw";
  /** By their names, in the order of the plugin. Empty: raw. */
  readonly commands: readonly string[];
  readonly queries: readonly string[];
}

export interface Examples {
  /** Null: the plugin has none that can be typed. */
  readonly command: Example | null;
  readonly query: Example | null;
}

/** Of processor time, while a function of the plugin does not return. */
const loopSeconds = 2;
const draws = { count: 1000, numbers: 12 } as const;
/** Longer ones are not typed. */
const lengthMax = 100;

/** Throws `GraftError("plugin")`: its operations cannot be drawn. */
export async function examplesOf(request: ExampleRequest): Promise<Examples> {
  const player = new Player(locateVersions(request.plugins, request.directory).at(-1)!, loopSeconds);
  try {
    await player.load();
    const steps = await player.draw(tapes());
    const command = bestOf(typed(steps, "command", request), request.commands, null);
    const query = bestOf(typed(steps, "query", request), request.queries, command);
    return { command: command?.args ?? null, query: query?.args ?? null };
  } finally {
    player.close();
  }
}

interface Typed {
  readonly operation: string | null;
  readonly args: Example;
  readonly values: readonly JsonValue[];
}

/** The same each time. */
function tapes(): readonly Tape[] {
  const chance = new Chance(1);
  return Array.from({ length: draws.count }, () =>
    Array.from({ length: draws.numbers }, () => chance.below(tapeNumberMax)),
  );
}

function typed(steps: readonly Step[], kind: Step["kind"], request: ExampleRequest): readonly Typed[] {
  const isOnly = (kind === "command" ? request.commands : request.queries).length === 1;
  return steps
    .filter((step) => step.kind === kind)
    .map(({ payload }) => (request.style === "raw" ? rawExample(payload) : typedExample(payload, isOnly)))
    .filter(({ args }) => args.join(" ").length <= lengthMax);
}

function rawExample(payload: Uint8Array): Typed {
  const text = textOf(payload);
  const isTypeable = text !== null && /^[^\p{C}]*$/u.test(text) && !text.startsWith("-");
  const args = isTypeable ? [text] : ["--hex", payload.toHex()];
  return { operation: null, args: args[0] === "" ? [] : args, values: [] };
}

/** @param isOnly whether its operation is the only one, so that a text needs no name before it */
function typedExample(payload: Uint8Array, isOnly: boolean): Typed {
  const [operation, input] = toJson(decodeValue(payload)) as readonly [string, JsonValue];
  const isObject = typeof input === "object" && input !== null;
  const values = isObject ? Object.values(input) : [input];
  if (isOnly && typeof input === "string" && isTextAlone(input)) return { operation, args: [input], values };
  // Without INPUT, `graft execute` sends an empty object.
  const args = JSON.stringify(input) === "{}" ? [operation] : [operation, JSON.stringify(input)];
  return { operation, args, values };
}

/** Of the first operation that has one: the one that says most, in the fewest words. A query that asks for what the command changes. */
function bestOf(candidates: readonly Typed[], operations: readonly string[], command: Typed | null): Typed | null {
  const first = operations.find((name) => candidates.some(({ operation }) => operation === name)) ?? null;
  const scored = candidates
    .filter(({ operation }) => operation === first)
    .map((candidate) => ({ candidate, score: scoreOf(candidate, command) }));
  return scored.toSorted((a, b) => b.score - a.score)[0]?.candidate ?? null;
}

function scoreOf({ args, values }: Typed, command: Typed | null): number {
  const dull = values.filter((value) => !isTelling(value)).length + (args.length === 0 ? 1 : 0);
  const shared = command === null ? 0 : values.filter((value) => command.values.includes(value)).length;
  return 100 * shared - 10 * dull - args.join(" ").length / lengthMax;
}

function isTelling(value: JsonValue): boolean {
  if (typeof value === "string") return /^[\w@.:-]+$/.test(value);
  return typeof value === "object" ? value !== null && Object.keys(value).length > 0 : true;
}
