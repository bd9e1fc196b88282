// How does the mark reach the disk? Two slots, of which the newer sound one counts. The slot that was synced last is never
// overwritten before another one has been synced: a power cut can tear the other slot only, and every vote stays where it was
// synced. A slot that is damaged otherwise is rot, and then the mark cannot be relied on: the other slot may be an older one.
// Reading changes nothing.
import { closeSync, fsyncSync, openSync, readSync, writeSync } from "node:fs";
import { join, resolve } from "node:path";
import { readBootId } from "./boot-id.ts";
import { writeDurably } from "./data-directory.ts";
import { decodeSlot, type Mark, type Reach, Slot, slotBytes, type SlotContent, type WrittenMark } from "./mark.ts";
import { isMissing, orUnusable } from "./storage-errors.ts";

export const markFile = (dataDir: string): string => join(resolve(dataDir), "graft.mark");

/** Of the mark that creates the file; each later one counts one more. */
const firstSequence = 1;

/** What a data directory has for a mark. */
export type FoundMark =
  | { readonly kind: "none" }
  | { readonly kind: "unreadable" }
  | { readonly kind: "otherFormat"; readonly format: number }
  | {
      readonly kind: "mark";
      readonly mark: Mark;
      readonly sequence: number;
      readonly slot: 0 | 1;
      /** False: a power cut may have torn the other slot. It may have been the newer one. */
      readonly isNewest: boolean;
    };

/** Throws `GraftError("storage")` where the system refuses it. */
export const readMark = (path: string): FoundMark => orUnusable(path, () => readSlots(path));

function readSlots(path: string): FoundMark {
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch (error) {
    if (isMissing(error)) return { kind: "none" };
    throw error;
  }
  try {
    return newestOf([readSlot(descriptor, 0), readSlot(descriptor, 1)]);
  } finally {
    closeSync(descriptor);
  }
}

function readSlot(descriptor: number, slot: number): SlotContent {
  const bytes = new Uint8Array(slotBytes);
  let count = 0;
  for (let read = -1; read !== 0 && count < slotBytes; count += read) {
    read = readSync(descriptor, bytes, count, slotBytes - count, slot * slotBytes + count);
  }
  return decodeSlot(count === slotBytes ? bytes : bytes.subarray(0, count));
}

function newestOf(slots: readonly [SlotContent, SlotContent]): FoundMark {
  const [first, second] = slots;
  for (const content of slots) if (content.kind === "otherFormat") return content;
  if (first.kind === "mark" && second.kind === "mark") {
    if (first.sequence === second.sequence) return { kind: "unreadable" };
    return first.sequence > second.sequence ? markIn(0, first, true) : markIn(1, second, true);
  }
  if (first.kind === "mark" && isAloneInOrder(first, second)) return markIn(0, first, second.kind === "empty");
  if (second.kind === "mark" && isTorn(first, second)) return markIn(1, second, false);
  return { kind: "unreadable" };
}

const markIn = (slot: 0 | 1, { mark, sequence }: WrittenMark, isNewest: boolean): FoundMark & { kind: "mark" } => ({
  kind: "mark",
  mark,
  sequence,
  slot,
  isNewest,
});

/** Nothing has reached the second slot yet, or a power cut has torn it. */
const isAloneInOrder = (first: WrittenMark, second: SlotContent): boolean =>
  (second.kind === "empty" && first.sequence === firstSequence) || isTorn(second, first);

/**
 * Whether a power cut may have torn the slot: it holds something, and the system has been started since the other slot was
 * written. Under the same boot id nothing can have been torn.
 */
function isTorn(slot: SlotContent, { bootId }: WrittenMark): boolean {
  const current = readBootId();
  return slot.kind === "unreadable" && (bootId === null || current === null || bootId !== current);
}

/** The mark of a data directory that this process holds. Each call throws what the file system throws. */
export class MarkFile {
  readonly path: string;
  readonly #descriptor: number;
  /** The slot as it was written last. */
  readonly #slot = new Slot();
  readonly #bootId = readBootId();
  #sequence: number;
  /** Where the mark stands that was synced last. */
  #synced: 0 | 1;
  #mark: Mark;
  /** Where the log has reached since. */
  #reach: Reach;
  #isSynced = true;

  private constructor(path: string, descriptor: number, found: FoundMark & { readonly kind: "mark" }) {
    this.path = path;
    this.#descriptor = descriptor;
    this.#sequence = found.sequence;
    this.#synced = found.slot;
    this.#mark = found.mark;
    this.#reach = reachOf(found.mark);
  }

  /** A mark where there is none: it is there whole, and durable, or not at all. */
  static create(path: string, mark: Mark): MarkFile {
    // Both slots, so that no later write has to ask the file system for space.
    const bytes = new Uint8Array(2 * slotBytes);
    new Slot(bytes.subarray(0, slotBytes)).write({ sequence: firstSequence, mark, bootId: readBootId() });
    const descriptor = orUnusable(path, () => {
      writeDurably(path, bytes);
      return openSync(path, "r+");
    });
    return new MarkFile(path, descriptor, { kind: "mark", mark, sequence: firstSequence, slot: 0, isNewest: true });
  }

  /** The mark as it was found is on disk when this returns. */
  static open(path: string, found: FoundMark & { readonly kind: "mark" }): MarkFile {
    const descriptor = orUnusable(path, () => openSync(path, "r+"));
    try {
      fsyncSync(descriptor);
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
    return new MarkFile(path, descriptor, found);
  }

  /** The latest one, durable or not. */
  get mark(): Mark {
    return { ...this.#mark, ...this.#reach };
  }

  /** Survives the end of the process, and not yet a power cut. */
  write(mark: Mark): void {
    this.#slot.write({ sequence: ++this.#sequence, mark, bootId: this.#bootId });
    this.#writeSlot();
    this.#mark = mark;
    this.#reach = reachOf(mark);
  }

  /** As `write`, with a mark that has been written by this process and says the same but for this. */
  moveOn(reach: Reach): void {
    this.#slot.moveOn(++this.#sequence, reach);
    this.#writeSlot();
    this.#reach = reach;
  }

  #writeSlot(): void {
    const slot = this.#synced === 0 ? 1 : 0;
    writeFully(this.#descriptor, this.#slot.bytes, slot * slotBytes);
    this.#isSynced = false;
  }

  /** What was written last is on disk when this returns. */
  sync(): void {
    if (this.#isSynced) return;
    fsyncSync(this.#descriptor);
    this.#synced = this.#synced === 0 ? 1 : 0;
    this.#isSynced = true;
  }

  writeSynced(mark: Mark): void {
    this.write(mark);
    this.sync();
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

const reachOf = ({ last, chain }: Mark): Reach => ({ last, chain });

function writeFully(descriptor: number, bytes: Uint8Array, position: number): void {
  let count = 0;
  while (count < bytes.byteLength) {
    count += writeSync(descriptor, bytes, count, bytes.byteLength - count, position + count);
  }
}
