// What does a node remember beside its database, so that it can tell a short log from a lost one? The mark: how far the log
// reached, and what the node has promised. This file says what is in it and how it stands in a slot of 4096 bytes. How the
// slots are written is mark-file.ts; when, marking.ts; what follows from it at the start, open-data.ts.
import type { Incarnation, MemberKey } from "../../core/configuration.ts";
import { type LogPosition, logStart, type Term } from "../../core/log-position.ts";
import type { Refill } from "../../core/refill.ts";
import { type Chain, chainStart } from "./chain.ts";
import { formatVersion } from "./schema.ts";

/** How far a log reaches: its last entry, with the checksum there. */
export interface Reach {
  readonly last: LogPosition;
  readonly chain: Chain;
}

/** The least that the database must hold. The log once contained the entry `last`. */
export interface Promises extends Reach {
  readonly incarnation: Incarnation;
  /** Of the database file, random: each one that is created has another. An older one that is moved back is told by it. */
  readonly databaseId: string;
  /** Null before the genesis. */
  readonly clusterUuid: string | null;
  readonly currentTerm: Term;
  readonly votedFor: MemberKey | null;
  /** False: this node is the only voter, so nobody could refill it. */
  readonly hasOtherVoters: boolean;
}

export type MarkState =
  /** The database is to be created with these promises. Nothing has been confirmed since. */
  | { readonly kind: "creating"; readonly refill: Refill | null }
  | { readonly kind: "inUse" }
  /** The files beside the mark are to be set aside in `folder`, a name in the data directory. */
  | { readonly kind: "damaged"; readonly finding: string; readonly folder: string }
  /** The database is about to become that of another incarnation. If it has not, `before` still holds. */
  | { readonly kind: "recovering"; readonly to: Incarnation; readonly before: MarkState };

export interface Mark extends Promises {
  readonly state: MarkState;
}

export const firstPromises = (incarnation: Incarnation, databaseId: string): Promises => ({
  incarnation,
  databaseId,
  clusterUuid: null,
  currentTerm: 0,
  votedFor: null,
  last: logStart,
  chain: chainStart,
  hasOtherVoters: true,
});

/** Whether this incarnation has told anyone anything that it has to stand by. */
export const hasPromised = ({ clusterUuid, currentTerm }: Promises): boolean => clusterUuid !== null || currentTerm > 0;

/** A block of its own on every usual disk, so that tearing one slot never touches the other. */
export const slotBytes = 4096;

const magic = 0x47524d4b; // "GRMK"
const headBytes = 32;
const contentBytesMax = slotBytes - headBytes;
/** Index, term and chain of the last entry, as floats: they change with every transaction, and the JSON behind them seldom. */
const reachBytes = 24;
/** As it stands in JSON. The rest of a mark is far shorter than what this leaves. */
const findingBytesMax = 2400;

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder("utf-8", { fatal: true });

export interface WrittenMark {
  /** Each mark that is written counts one more. */
  readonly sequence: number;
  readonly mark: Mark;
  /** Of the system that wrote it (boot-id.ts); null: unknown. */
  readonly bootId: string | null;
}

/** What stands in a slot. */
export type SlotContent =
  | { readonly kind: "empty" }
  /** Torn by a power cut, or rotten. */
  | { readonly kind: "unreadable" }
  | { readonly kind: "otherFormat"; readonly format: number }
  | ({ readonly kind: "mark" } & WrittenMark);

/** Fills the slot: magic, format, length, sequence, checksum, then how far the log reaches and the rest of the mark as JSON. */
export function encodeSlot(slot: Uint8Array, content: WrittenMark, format: number = formatVersion): void {
  const { sequence, mark, bootId } = content;
  const { last, chain, ...rest } = mark;
  const text = JSON.stringify({ bootId, mark: { ...rest, state: bounded(mark.state) } });
  const { read, written } = utf8.encodeInto(text, slot.subarray(headBytes + reachBytes));
  if (read < text.length) throw new Error("a mark that does not fit into its slot");
  const view = viewOf(slot);
  view.setUint32(0, magic);
  view.setUint32(4, format);
  view.setUint32(8, reachBytes + written);
  view.setUint32(12, 0);
  moveOn(slot, { sequence, last, chain });
}

/** In a slot that holds a mark, only this changes. */
export function moveOn(slot: Uint8Array, { sequence, last, chain }: { readonly sequence: number } & Reach): void {
  const view = viewOf(slot);
  view.setFloat64(headBytes, last.index);
  view.setFloat64(headBytes + 8, last.term);
  view.setFloat64(headBytes + 16, chain);
  view.setBigUint64(16, BigInt(sequence));
  view.setBigUint64(24, checksumOf(slot, view.getUint32(8)));
}

const viewOf = (slot: Uint8Array): DataView => new DataView(slot.buffer, slot.byteOffset, slot.byteLength);

export function decodeSlot(slot: Uint8Array): SlotContent {
  if (slot.every((byte) => byte === 0)) return { kind: "empty" };
  const view = viewOf(slot);
  if (slot.byteLength < slotBytes || view.getUint32(0) !== magic) return { kind: "unreadable" };
  const length = view.getUint32(8);
  if (length < reachBytes || length > contentBytesMax || view.getBigUint64(24) !== checksumOf(slot, length))
    return { kind: "unreadable" };
  const format = view.getUint32(4);
  if (format !== formatVersion) return { kind: "otherFormat", format };
  const text = fromUtf8.decode(slot.subarray(headBytes + reachBytes, headBytes + length));
  const { bootId, mark } = JSON.parse(text) as {
    readonly bootId: string | null;
    readonly mark: Omit<Mark, keyof Reach>;
  };
  const last = { index: view.getFloat64(headBytes), term: view.getFloat64(headBytes + 8) };
  const chain = view.getFloat64(headBytes + 16);
  return { kind: "mark", sequence: Number(view.getBigUint64(16)), mark: { ...mark, last, chain }, bootId };
}

function bounded(state: MarkState): MarkState {
  switch (state.kind) {
    case "creating":
      return { kind: "creating", refill: state.refill && { ...state.refill, finding: cut(state.refill.finding) } };
    case "damaged":
      return { ...state, finding: cut(state.finding) };
    case "recovering":
      return { ...state, before: bounded(state.before) };
    case "inUse":
      return state;
  }
}

function cut(text: string): string {
  let bytes = 0;
  let end = 0;
  for (const character of text) {
    bytes += utf8.encode(JSON.stringify(character)).length - 2;
    if (bytes > findingBytesMax) return `${text.slice(0, end)}…`;
    end += character.length;
  }
  return text;
}

/** Over everything that is believed of a slot: what stands before the checksum, and the content. */
function checksumOf(slot: Uint8Array, length: number): bigint {
  return Bun.hash.xxHash3(slot.subarray(0, 24), Bun.hash.xxHash3(slot.subarray(headBytes, headBytes + length)));
}
