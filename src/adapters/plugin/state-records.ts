// What does Graft keep beside the data of a durable state machine? The place in the log that the data has reached, and the table of the clients'
// sessions, one record each. Whatever a snapshot holds beside the plugin's items is here, too.
//
//   "position"      a map: whose it is, who made it, the version, the place in the log, the hash of the outcomes, what queries and `due` see
//   "session/<id>"  [piece, …], the pieces as session-section.ts writes them; the id has 16 digits
import type { PluginVersion } from "../../core/activation.ts";
import type { SessionsImage, SessionTable } from "../../core/sessions.ts";
import type { WakeTime } from "../../core/wake-time.ts";
import type { Reached } from "../../ports/state-machine.ts";
import { type CborValue, decodeValue, encodeValue } from "../cbor/value.ts";
import type { QueryContext, RecordChange } from "./api.ts";
import { isChain } from "./outcome-chain.ts";
import { piecesOfSession, SessionPiecesReader, stampPiece } from "./session-section.ts";

/** Fields that are not known are passed over, so that a later program may add some. */
const format = 1;
const positionKey = "position";
const sessionPrefix = "session/";
const idDigits = 16;

/** What the data of a state machine has reached. */
export interface KeptPosition {
  /** The last entry that is in it. */
  readonly position: Reached;
  readonly plugin: PluginVersion;
  /** The incarnation of the node that wrote it. */
  readonly owner: string;
  /** The incarnation that came to it by applying the log, or none. */
  readonly origin: string;
  /** The hash of all outcomes so far. */
  readonly chain: string;
  /** What queries see. */
  readonly seen: QueryContext;
  readonly wakeAtMs: WakeTime;
}

/** Drains the changes of `sessions`. `reached` null: nobody knows what the data has reached. */
export function recordChanges(reached: KeptPosition | null, sessions: SessionTable): readonly RecordChange[] {
  const changes: RecordChange[] = sessions.takeChanges().map(([id, session]) => {
    const key = sessionPrefix + id.toString().padStart(idDigits, "0");
    return [key, session && encodeValue([...piecesOfSession(session)])];
  });
  changes.push([positionKey, reached && encodeReached(reached, sessions.stampMs)]);
  return changes;
}

export interface Recorded {
  readonly reached: KeptPosition;
  readonly sessions: SessionsImage;
}

/** Null: there is no word of what the data has reached. Throws `RangeError` for what `recordChanges` does not write. */
export function readRecords(records: unknown): Recorded | null {
  let position: Uint8Array | null = null;
  const sessions: (readonly [key: string, value: Uint8Array])[] = [];
  for (const [key, value] of pairsOf(records)) {
    if (key === positionKey) position = value;
    else if (key.startsWith(sessionPrefix)) sessions.push([key, value]);
  }
  if (position === null) return null;
  const { stampMs, ...reached } = decodeReached(position);
  const reader = new SessionPiecesReader();
  reader.take(stampPiece(stampMs));
  for (const [, value] of sessions.sort(([one], [other]) => (one < other ? -1 : 1))) {
    for (const piece of listOf(decodeValue(value))) reader.take(bytesOf(piece));
  }
  return { reached, sessions: reader.end() };
}

function encodeReached(reached: KeptPosition, stampMs: number): Uint8Array {
  const { position, plugin, owner, origin, chain, seen, wakeAtMs } = reached;
  const { index, term, timeMs } = position;
  const { name, version, hash } = plugin;
  const place = { index, term, timeMs, seenIndex: seen.index, seenTimeMs: seen.timeMs, wakeAtMs, stampMs };
  return encodeValue({ format, owner, origin, name, version, hash, chain, ...place });
}

function decodeReached(bytes: Uint8Array): KeptPosition & { readonly stampMs: number } {
  const fields = mapOf(decodeValue(bytes));
  if (fields["format"] !== format) throw new RangeError(`its records are not of format ${format}`);
  const text = (name: string): string => {
    const value = fields[name];
    if (typeof value !== "string") throw new RangeError(`the record of its position has no ${name}`);
    return value;
  };
  const count = (name: string): number => {
    const value = fields[name];
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0)
      throw new RangeError(`the record of its position has no ${name}`);
    return value;
  };
  return {
    owner: text("owner"),
    origin: text("origin"),
    chain: chainOf(text("chain")),
    plugin: { name: text("name"), version: text("version"), hash: text("hash") },
    position: { index: count("index"), term: count("term"), timeMs: count("timeMs") },
    seen: Object.freeze({ index: count("seenIndex"), timeMs: count("seenTimeMs") }),
    wakeAtMs: fields["wakeAtMs"] === null ? null : count("wakeAtMs"),
    stampMs: count("stampMs"),
  };
}

function chainOf(text: string): string {
  if (isChain(text)) return text;
  throw new RangeError("the record of its position has no hash of the outcomes");
}

/** The plugin gave them, and nothing of what it gives is taken on trust. */
function* pairsOf(records: unknown): Generator<readonly [key: string, value: Uint8Array]> {
  if (typeof records !== "object" || records === null || !(Symbol.iterator in records))
    throw new TypeError("durable.records returned nothing to iterate");
  for (const record of records as Iterable<unknown>) {
    const [key, value] = Array.isArray(record) ? (record as readonly unknown[]) : [];
    if (typeof key !== "string" || !(value instanceof Uint8Array))
      throw new TypeError("durable.records gave what is no pair of a key and a Uint8Array");
    yield [key, value];
  }
}

function mapOf(value: CborValue): Readonly<Record<string, CborValue>> {
  if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof Uint8Array)
    throw new RangeError("the record of its position is no map");
  return value as Readonly<Record<string, CborValue>>;
}

function listOf(value: CborValue): readonly CborValue[] {
  if (!Array.isArray(value)) throw new RangeError("the record of a session is no list");
  return value as readonly CborValue[];
}

function bytesOf(value: CborValue): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new RangeError("the record of a session holds what are no bytes");
  return value;
}
