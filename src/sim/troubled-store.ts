// How does the key-value store become trouble? A mark behind a value says what its put does: it throws or hangs on every copy, or
// its result and each answer with this value are large. The store itself knows nothing of marks.
import { decodeValue } from "../adapters/cbor/value.ts";
import type { Command, Plugin, Query } from "../adapters/plugin/definition-check.ts";
import type { LogIndex } from "../core/log-position.ts";
import type { AppliedEntry } from "../ports/state-machine.ts";

export type Mark =
  { readonly kind: "throws" } | { readonly kind: "hangs" } | { readonly kind: "large"; readonly bytes: number };

const sign = "!";

/** What stands behind the value. */
export const textOfMark = (mark: Mark): string => sign + (mark.kind === "large" ? String(mark.bytes) : mark.kind);

function markOf(value: string): Mark | null {
  const [, mark] = value.split(sign);
  if (mark === undefined) return null;
  return mark === "throws" || mark === "hangs" ? { kind: mark } : { kind: "large", bytes: Number(mark) };
}

/** The value of an answer, however large it is. */
export const valueOf = (answer: Uint8Array): string => {
  const end = answer.indexOf(0);
  return textOf(end < 0 ? answer : answer.subarray(0, end));
};

/** The mark of the value that the entry puts; null: it puts none. */
export function markIn(entry: AppliedEntry): Mark | null {
  if (entry.kind !== "command") return null;
  const [name, input] = decodeValue(entry.payload) as readonly [string, Readonly<Record<string, unknown>>];
  return name === "put" ? markOf(textOf(input["value"] as Uint8Array)) : null;
}

/** `done`: told of each value that is put, and of the entry that puts it. */
export function troubled(plugin: Plugin, done: (value: string, index: LogIndex) => void): Plugin {
  if (plugin.style === "raw") return plugin;
  const [put, get] = [plugin.commands.get("put")!, plugin.queries.get("get")!];
  const troubledPut: Command = {
    ...put,
    run: (state, input, context) => {
      const value = textOf((input as { readonly value: Uint8Array }).value);
      const result = put.run(state, input, context);
      done(value, context.index);
      const mark = markOf(value);
      return mark?.kind === "large" ? { ...(result as object), padding: new Uint8Array(mark.bytes) } : result;
    },
  };
  const troubledGet: Query = {
    ...get,
    run: (state, input, context) => enlarged(get.run(state, input, context) as Uint8Array | null),
  };
  return {
    ...plugin,
    commands: new Map(plugin.commands).set("put", troubledPut),
    queries: new Map(plugin.queries).set("get", troubledGet),
  };
}

function enlarged(value: Uint8Array | null): Uint8Array | null {
  const mark = value === null ? null : markOf(textOf(value));
  if (value === null || mark?.kind !== "large") return value;
  const answer = new Uint8Array(mark.bytes);
  answer.set(value);
  return answer;
}

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
