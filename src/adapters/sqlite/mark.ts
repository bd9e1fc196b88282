// What does a node remember beside its database, so that it can tell a short log from a lost one? The mark: how far the log
// reached, and what the node has promised. This file says what is in it and how it stands in a slot of 4096 bytes. How the
// slots are written is mark-file.ts; when, marking.ts; what follows from it at the start, open-data.ts.
import type { Incarnation, MemberKey } from "../../core/configuration.ts";
import { type LogIndex, type LogPosition, logStart, type Term } from "../../core/log-position.ts";
import { type Chain, chainStart } from "./chain.ts";
import { formatVersion } from "./schema.ts";
import type { Refill } from "../../core/state.ts";

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
  /** Which entry holds the configuration that is in force at `last`; 0: it is that of the genesis, or there is none. */
  readonly configuredAt: LogIndex;
  /** Which entry has made the version active that applies what comes after `last`; 0: none. */
  readonly activatedAt: LogIndex;
  readonly isRemoved: boolean;
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
  configuredAt: 0,
  activatedAt: 0,
  isRemoved: false,
});

/** Whether this incarnation has told anyone anything that it has to stand by. */
export const hasPromised = ({ clusterUuid, currentTerm }: Promises): boolean => clusterUuid !== null || currentTerm > 0;

/** A block of its own on every usual disk, so that tearing one slot never touches the other. */
export const slotBytes = 4096;

const magic = 0x47524d4b; // "GRMK"

// The layout of a slot. Every format has the magic, the checksum, the format and the length at these places: so a node tells a slot
// of a later format from a damaged one. The JSON comes last. It seldom changes. The floats before it change with every transaction.
const checksumAt = 4;
const formatAt = 12;
const lengthAt = 16;
const sequenceAt = 20;
const indexAt = 28;
const termAt = 36;
const chainAt = 44;
const textAt = 52;

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

/** A slot that is written again and again. */
export class Slot {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  /** The bytes that the checksum covers. */
  #believed: Uint8Array;

  constructor(bytes: Uint8Array = new Uint8Array(slotBytes)) {
    this.bytes = bytes;
    this.#view = viewOf(bytes);
    this.#believed = bytes;
  }

  /** Fills it. */
  write({ sequence, mark, bootId }: WrittenMark, format: number = formatVersion): void {
    const { last, chain, ...rest } = mark;
    const text = JSON.stringify({ bootId, mark: { ...rest, state: bounded(mark.state) } });
    const { read, written } = utf8.encodeInto(text, this.bytes.subarray(textAt));
    if (read < text.length) throw new Error("a mark that does not fit into its slot");
    this.#view.setUint32(0, magic);
    this.#view.setUint32(formatAt, format);
    this.#view.setUint32(lengthAt, written);
    this.#believed = believedOf(this.bytes, written);
    this.moveOn(sequence, { last, chain });
  }

  /** When it holds a mark, only this changes. */
  moveOn(sequence: number, { last, chain }: Reach): void {
    const view = this.#view;
    view.setFloat64(sequenceAt, sequence);
    view.setFloat64(indexAt, last.index);
    view.setFloat64(termAt, last.term);
    view.setFloat64(chainAt, chain);
    view.setBigUint64(checksumAt, Bun.hash.xxHash3(this.#believed));
  }
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** From the format to the end of the JSON. */
const believedOf = (bytes: Uint8Array, textBytes: number): Uint8Array => bytes.subarray(formatAt, textAt + textBytes);

export function decodeSlot(bytes: Uint8Array): SlotContent {
  if (bytes.every((byte) => byte === 0)) return { kind: "empty" };
  const view = viewOf(bytes);
  if (bytes.byteLength < slotBytes || view.getUint32(0) !== magic) return { kind: "unreadable" };
  const length = view.getUint32(lengthAt);
  if (length > slotBytes - textAt) return { kind: "unreadable" };
  if (view.getBigUint64(checksumAt) !== Bun.hash.xxHash3(believedOf(bytes, length))) return { kind: "unreadable" };
  const format = view.getUint32(formatAt);
  if (format !== formatVersion) return { kind: "otherFormat", format };
  const text = fromUtf8.decode(bytes.subarray(textAt, textAt + length));
  const { bootId, mark } = JSON.parse(text) as {
    readonly bootId: string | null;
    readonly mark: Omit<Mark, keyof Reach>;
  };
  const last = { index: view.getFloat64(indexAt), term: view.getFloat64(termAt) };
  const chain = view.getFloat64(chainAt);
  return { kind: "mark", sequence: view.getFloat64(sequenceAt), mark: { ...mark, last, chain }, bootId };
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
