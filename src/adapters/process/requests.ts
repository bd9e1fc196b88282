// What is a program asked? The requests of docs/process.md, from commands and queries as the log and the clients have them. What a client sent
// is a stranger's, too: an operation that the program does not have never reaches it.
import type { AppliedCommand, Outcome, QueryOutcome } from "../../ports/state-machine.ts";
import { hasResultHashed } from "../plugin/outcome-chain.ts";
import { PluginRefusal } from "../plugin/refusals.ts";
import { type CborValue, decodeValue, encodeValue } from "../cbor/value.ts";
import type { Hello, ProgramOutcome } from "./answers.ts";
import { type Framing, toJson } from "./framing.ts";

/** Bytes of results after which a program ends its answer to a batch. */
const resultBytesBudget = 1024 * 1024;
/** Of all results of an answer but the last. A program counts its own bytes, and a number of three digits in JSON may have nine in CBOR. */
export const resultBytesTolerated = 3 * resultBytesBudget;
/** Of one result. */
export const resultBytesMax = 8 * 1024 * 1024;

/** What a client asks for, for the program; or why it is refused, the same on every node. */
export type Asked =
  | { readonly kind: "operation"; readonly fields: { readonly [key: string]: CborValue } }
  | { readonly kind: "rejected"; readonly message: string };

export type Kind = "command" | "query";

export function askedOf(payload: Uint8Array, kind: Kind, hello: Hello, framing: Framing): Asked {
  if (hello.style === "raw") return { kind: "operation", fields: { payload } };
  try {
    const value = decodeValue(payload);
    if (!Array.isArray(value) || value.length !== 2 || typeof value[0] !== "string")
      return refused("the payload is not the CBOR array [operation, input]");
    const [operation, input] = value as unknown as readonly [string, CborValue];
    const known = kind === "command" ? hello.commands : hello.queries;
    if (!known.includes(operation))
      return refused(
        `${hello.name} has no ${kind} ${JSON.stringify(operation.slice(0, 200))}; it has: ${known.join(", ") || "none"}`,
      );
    if (framing === "json") toJson(input);
    return { kind: "operation", fields: { operation, input } };
  } catch (error) {
    return refused(`the payload cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

const refused = (message: string): Asked => ({ kind: "rejected", message });

/** A batch of commands. `reply`: somebody waits for the result, it is kept, or the nodes compare it. */
export const applyRequest = (commands: readonly CborValue[]): CborValue => ({
  type: "apply",
  budget: resultBytesBudget,
  commands,
});

export function commandFields(command: AppliedCommand, fields: { readonly [key: string]: CborValue }): CborValue {
  const { index, term, timeMs, isAwaited } = command;
  return { index, term, timeMs, reply: isAwaited || hasResultHashed(command), ...fields };
}

/** Where the state is. */
export interface Reached {
  readonly index: number;
  readonly timeMs: number;
}

export const queryRequest = (queries: readonly CborValue[], { index, timeMs }: Reached): CborValue => ({
  type: "query",
  budget: resultBytesBudget,
  index,
  timeMs,
  queries,
});

/** The bytes of a result. Throws `TypeError` for what has none. */
function resultBytes(value: CborValue, style: Hello["style"]): Uint8Array {
  if (style === "typed") return encodeValue(value);
  if (value instanceof Uint8Array) return value;
  throw new TypeError("the result of a program without operations is a string of bytes, and this one is not");
}

/** Throws `Error` for a failure of the program. */
export function outcomeOf(
  told: ProgramOutcome,
  style: Hello["style"],
): Extract<Outcome, { kind: "ok" | "rejected" | "unsendable" }> {
  if (told.kind === "failed") throw new Error(told.message);
  if (told.kind === "rejected") return new PluginRefusal(told.message);
  try {
    const payload = resultBytes(told.value, style);
    if (payload.byteLength <= resultBytesMax) return { kind: "ok", payload };
    return unsendable(`it has ${payload.byteLength} bytes, and ${resultBytesMax} are allowed`);
  } catch (error) {
    return unsendable(error instanceof Error ? error.message : String(error));
  }
}

const unsendable = (why: string) => ({ kind: "unsendable", message: `the result cannot be sent: ${why}` }) as const;

export function answerOf(told: ProgramOutcome, style: Hello["style"]): QueryOutcome {
  const outcome = outcomeOf(told, style);
  if (outcome.kind === "unsendable") throw new Error(outcome.message);
  return outcome;
}
