// Is this the answer that was asked for? Each function takes what a program sent and returns it checked, or throws `BadMessage`, which says what
// is wrong with it.
import { isPluginWord, pluginWordRule } from "../../core/activation.ts";
import type { LogIndex } from "../../core/log-position.ts";
import type { WakeTime } from "../../core/wake-time.ts";
import type { CborValue } from "../cbor/value.ts";
import { BadMessage } from "./framing.ts";

/** The version of the messages that this program speaks: docs/process.md. */
const protocol = 1;
const operationsMax = 256;
const examplesMax = 1_024;
const messageLengthMax = 2_048;

/** The first message of a program, about itself. */
export interface Hello {
  readonly name: string;
  readonly version: string;
  readonly style: "typed" | "raw";
  readonly commands: readonly string[];
  readonly queries: readonly string[];
  readonly snapshots: boolean;
  /** It asks to be woken, and has something to do then. */
  readonly wakes: boolean;
  /** Commands and queries to try it with, for `graft plugin check`. */
  readonly examples: readonly Example[];
}

export type Example = { readonly kind: "command" | "query" } & (
  { readonly operation: string; readonly input: CborValue } | { readonly payload: Uint8Array }
);

type Fields = Readonly<Record<string, CborValue>>;

export function helloOf(message: CborValue): Hello {
  const fields = fieldsOf(message, "hello");
  if (fields["graft"] !== protocol)
    throw new BadMessage(`its first message says "graft": ${shown(fields["graft"])}, and this node speaks ${protocol}`);
  const word = (key: "name" | "version"): string => {
    const value = fields[key];
    if (typeof value === "string" && isPluginWord(value)) return value;
    throw new BadMessage(`the ${key} in its first message is not a text of ${pluginWordRule}: ${shown(value)}`);
  };
  const [name, version] = [word("name"), word("version")];
  const isTyped = fields["commands"] !== undefined || fields["queries"] !== undefined;
  const flag = (key: "snapshots" | "wakes"): boolean => {
    const value = fields[key] ?? false;
    if (typeof value === "boolean") return value;
    throw new BadMessage(`"${key}" in its first message is not true or false`);
  };
  const named = (key: "commands" | "queries"): readonly string[] => (isTyped ? namesOf(key, fields[key] ?? []) : []);
  const hello = {
    name,
    version,
    style: isTyped ? ("typed" as const) : ("raw" as const),
    commands: named("commands"),
    queries: named("queries"),
    snapshots: flag("snapshots"),
    wakes: flag("wakes"),
  };
  return { ...hello, examples: examplesOf(fields["examples"] ?? [], hello) };
}

function examplesOf(examples: CborValue, hello: Omit<Hello, "examples">): readonly Example[] {
  const wrong = (why: string): BadMessage => new BadMessage(`"examples" in its first message ${why}`);
  if (!Array.isArray(examples) || examples.length > examplesMax) throw wrong(`are no list of at most ${examplesMax}`);
  return (examples as readonly CborValue[]).map((each) => {
    const { kind, operation, input, payload } = isFields(each) ? each : ({} as Fields);
    if (kind !== "command" && kind !== "query")
      throw wrong(`have one that is no "command" and no "query": ${shown(each)}`);
    if (hello.style === "raw") {
      if (payload instanceof Uint8Array) return { kind, payload };
      throw wrong(`have one without bytes as its "payload": ${shown(each)}`);
    }
    const known = kind === "command" ? hello.commands : hello.queries;
    if (typeof operation !== "string" || !known.includes(operation) || input === undefined)
      throw wrong(`have one without an "operation" that it has, or without an "input": ${shown(each)}`);
    return { kind, operation, input };
  });
}

function namesOf(key: string, value: CborValue): readonly string[] {
  const isName = (each: CborValue): each is string => typeof each === "string" && isPluginWord(each);
  if (
    Array.isArray(value) &&
    value.length <= operationsMax &&
    value.every(isName) &&
    new Set(value).size === value.length
  )
    return value;
  throw new BadMessage(`"${key}" in its first message is not a list of at most ${operationsMax} different names`);
}

export type ProgramOutcome =
  /** `wakeAtMs`: when it wants to be woken; null: it asks for nothing. */
  | { readonly kind: "ok"; readonly value: CborValue; readonly wakeAtMs: WakeTime }
  | { readonly kind: "rejected"; readonly message: string }
  | { readonly kind: "failed"; readonly message: string };

/** Of the first commands of a batch, whose indexes these are: at least one. */
export function appliedOf(message: CborValue, indexes: readonly LogIndex[], wakes: boolean): readonly ProgramOutcome[] {
  const { through, results } = fieldsOf(message, "applied");
  const outcomes = outcomesOf(results, "results", { max: indexes.length, wakes });
  const last = indexes[outcomes.length - 1];
  if (through !== last)
    throw new BadMessage(
      `it answered ${outcomes.length} commands through entry ${shown(through)}, and the last of these is entry ${last}`,
    );
  return outcomes;
}

/** Of the first ones of so many queries: at least one. */
export const answeredOf = (message: CborValue, count: number): readonly ProgramOutcome[] =>
  outcomesOf(fieldsOf(message, "answered")["results"], "results", { max: count, wakes: false });

/** It has done what was due. When it wants to be woken again; null: it asks for nothing. */
export const wokenOf = (message: CborValue): WakeTime => wakeTimeOf(fieldsOf(message, "done")["wakeAt"]);

/** The next items of a snapshot; whether they are the last. */
export function itemsOf(message: CborValue): { readonly items: readonly CborValue[]; readonly isLast: boolean } {
  const { items, last } = fieldsOf(message, "items");
  if (!Array.isArray(items)) throw new BadMessage(`it sent "items" that are no list: ${shown(items)}`);
  if (typeof last !== "boolean") throw new BadMessage(`it sent items and did not say with "last" whether more come`);
  if (items.length === 0 && !last) throw new BadMessage("it sent no items and said that more come");
  return { items, isLast: last };
}

export function doneOf(message: CborValue): void {
  fieldsOf(message, "done");
}

/** What `check` makes of an answer. `refusal`: the program cannot do what it was asked, and goes on. */
export const orRefused =
  <Result>(check: (message: CborValue) => Result) =>
  (message: CborValue): { readonly result: Result } | { readonly refusal: string } =>
    isFields(message) && message["type"] === "failed"
      ? { refusal: bounded(message["message"], "failed") }
      : { result: check(message) };

function fieldsOf(message: CborValue, type: string): Fields {
  if (isFields(message) && message["type"] === type) return message;
  const sent = isFields(message) ? `a message of type ${shown(message["type"])}` : shown(message);
  throw new BadMessage(`it sent ${sent}, and "${type}" was due`);
}

interface Expected {
  readonly max: number;
  /** A result may say when its program wants to be woken. */
  readonly wakes: boolean;
}

function outcomesOf(value: CborValue | undefined, key: string, { max, wakes }: Expected): readonly ProgramOutcome[] {
  if (!Array.isArray(value)) throw new BadMessage(`its "${key}" are no list: ${shown(value)}`);
  if (value.length === 0 || value.length > max)
    throw new BadMessage(`it sent ${value.length} results, and 1 to ${max} were due`);
  return value.map((each) => outcomeOf(each, wakes));
}

function outcomeOf(value: CborValue, wakes: boolean): ProgramOutcome {
  const { wakeAt, ...fields } = isFields(value) ? value : ({} as Fields);
  const entries = Object.entries(fields);
  const [kind, content] = entries[0] ?? [];
  const wakeAtMs = wakeTimeOf(wakeAt);
  if (wakeAtMs !== null && (kind !== "ok" || !wakes)) {
    throw new BadMessage(
      kind === "ok"
        ? `one of its results has a "wakeAt", and it is that of a query, or its first message does not say "wakes": true`
        : `one of its results has a "wakeAt", and only one with "ok" may have that: ${shown(value)}`,
    );
  }
  if (entries.length === 1 && content !== undefined) {
    if (kind === "ok") return { kind, value: content, wakeAtMs };
    if (kind === "rejected" || kind === "failed") return { kind, message: bounded(content, kind) };
  }
  throw new BadMessage(`one of its results has not exactly one of "ok", "rejected" and "failed": ${shown(value)}`);
}

function wakeTimeOf(value: CborValue | undefined): WakeTime {
  if (value === undefined || value === null) return null;
  if (typeof value === "number" && !Number.isNaN(value)) return value;
  throw new BadMessage(`its "wakeAt" is no replicated time, ms since 1970: ${shown(value)}`);
}

function bounded(text: CborValue | undefined, kind: string): string {
  if (typeof text !== "string") throw new BadMessage(`its message for "${kind}" is no text: ${shown(text)}`);
  const line = text.toWellFormed().split("\n", 1)[0]!;
  return line.slice(0, messageLengthMax);
}

const isFields = (value: CborValue | undefined): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);

/** The beginning of what was sent. */
function shown(value: CborValue | undefined): string {
  const text = value === undefined ? "nothing" : JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
