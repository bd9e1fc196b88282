// The typed style on top of bytes: a payload is the CBOR array [operation, input], a result is one CBOR value. The input is
// parsed here, at every apply, and not where the client was: what a schema makes of it is part of the state machine.
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { type CborValue, decodeValue, encodeShared, encodeValue } from "../cbor/value.ts";
import { Rejected, type Schema } from "./api.ts";
import type { StateMachineDescription } from "../../ports/state-machine.ts";
import type { Operation, TypedPlugin } from "./definition-check.ts";
import { frozenPieces } from "./frozen-pieces.ts";
import { type Encode, type Handlers, isPromise, mustBeOver, type SnapshotHandlers } from "./handlers.ts";
import { RejectedByGraft } from "./refusals.ts";

const ISSUES_MAX = 5;
const ISSUE_CHARACTERS_MAX = 200;

/** @param state of this plugin, which is empty or was kept */
export function createTypedHandlers(plugin: TypedPlugin, state: unknown): Handlers {
  if (isPromise(state)) throw new TypeError("create returned a Promise: the state must be there when it returns");
  const run = <Context>(kind: Kind<Context>, payload: Uint8Array, context: Context): Encode => {
    const { name, input } = decodeOperation(payload);
    const operation = findOperation(plugin, kind, name);
    const result = operation.run(state, parse(operation.input, input, name), context);
    mustBeOver(name, result);
    return () => encodeValue((result ?? null) as CborValue); // It throws for whatever is none.
  };
  return {
    apply: (payload, context) => run({ name: "command", operations: plugin.commands }, payload, context),
    query: (payload, context) => run({ name: "query", operations: plugin.queries }, payload, context),
    due: plugin.due && ((context) => mustBeOver("due", plugin.due?.(state, context))),
    snapshots: snapshotHandlers(plugin, state),
  };
}

/** What an item looks like is between the plugin and itself: no schema, and the bytes are Graft's own. */
function snapshotHandlers({ snapshots }: TypedPlugin, state: unknown): SnapshotHandlers | null {
  if (snapshots === null) return null;
  return {
    take: () => frozenPieces(snapshots.take(state), (item) => encodeShared(item as CborValue)),
    restore(piece, from) {
      const item = decodeValue(piece);
      const { migrate, restore } = snapshots;
      if (from === null || migrate === null) return mustBeOver("restore", restore(state, item));
      mustBeOver("migrate", migrate(state, item, from));
    },
    settle: () => snapshots.settle?.(state),
  };
}

interface Kind<Context> {
  readonly name: "command" | "query";
  readonly operations: ReadonlyMap<string, Operation<Context>>;
}

function decodeOperation(payload: Uint8Array): { readonly name: string; readonly input: unknown } {
  let decoded: unknown;
  try {
    decoded = decodeValue(payload);
  } catch (error) {
    throw new RejectedByGraft(`the payload is not CBOR: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!Array.isArray(decoded) || decoded.length !== 2 || typeof decoded[0] !== "string") {
    throw new RejectedByGraft("the payload is not the CBOR array [operation, input]");
  }
  return { name: decoded[0], input: decoded[1] };
}

/** For people: the operation of a command that the plugin has. Null: it says none. */
export function operationIn(payload: Uint8Array, { style, commands }: StateMachineDescription): string | null {
  if (style === "raw") return null;
  try {
    const { name } = decodeOperation(payload);
    return commands.includes(name) ? name : null;
  } catch (error) {
    if (error instanceof Rejected) return null;
    throw error;
  }
}

function findOperation<Context>(plugin: TypedPlugin, kind: Kind<Context>, name: string): Operation<Context> {
  const operation = kind.operations.get(name);
  if (operation !== undefined) return operation;
  const [others, other] = kind.name === "command" ? [plugin.queries, "query"] : [plugin.commands, "command"];
  if (others.has(name)) throw new RejectedByGraft(`${name} is a ${other} and not a ${kind.name}`);
  const known = [...kind.operations.keys()].join(", ") || "none";
  throw new RejectedByGraft(`${plugin.name} has no ${kind.name} ${shorten(JSON.stringify(name))}; it has: ${known}`);
}

/** Throws `Rejected` with every problem and where it is. */
function parse(schema: Schema, input: unknown, name: string): unknown {
  const result = schema["~standard"].validate(input);
  if (isPromise(result)) throw new TypeError(`the schema of ${name} validates asynchronously: it must be synchronous`);
  if (result.issues === undefined) return result.value;
  const told = result.issues.slice(0, ISSUES_MAX).map((issue) => shorten(tell(issue)));
  const more = result.issues.length - told.length;
  throw new RejectedByGraft(`${name}: ${told.join("; ")}${more > 0 ? `; and ${more} more` : ""}`);
}

function tell(issue: StandardSchemaV1.Issue): string {
  const keys = (issue.path ?? []).map((segment) => String(typeof segment === "object" ? segment.key : segment));
  return keys.length === 0 ? issue.message : `${keys.join(".")}: ${issue.message}`;
}

/** A schema may quote its input, which may be large. */
function shorten(text: string): string {
  return text.length <= ISSUE_CHARACTERS_MAX ? text : `${text.slice(0, ISSUE_CHARACTERS_MAX)}…`;
}
