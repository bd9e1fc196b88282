// How a state machine's snapshot stands in bytes, whatever is in it. What the pieces of a section mean is the business of
// whoever fills it; that the bytes are those that were written, of the snapshot store, which keeps a checksum.
//
//   snapshot  version (1 byte), sections in the order of `snapshotSections`, END (1 byte)
//   section   tag (1 byte), pieces, NO_PIECE (4 bytes)
//   piece     length (4 bytes, big-endian), bytes
import { snapshotChunkBytesMax } from "../../ports/state-machine.ts";

const VERSION = 1;
const END = 0;
const NO_PIECE = 0xffff_ffff;
const LENGTH_BYTES = 4;

/** What a snapshot is made of, in this order. 2 is kept for the clients' sessions: they come before what the plugin knows. */
export const snapshotSections = { origin: 1, plugin: 3 } as const;

export type SectionTag = (typeof snapshotSections)[keyof typeof snapshotSections];

/** Bytes of a piece: an item of a plugin's. */
export const pieceBytesMax = 64 * 1024 * 1024;

/** A chunk ends after so many pieces although it has room, so that to make one never takes long. */
const chunkPiecesMax = 2048;

export interface SectionSource {
  readonly tag: SectionTag;
  /** Each piece is read at once, and may be changed when the next is asked for. */
  readonly pieces: Iterator<Uint8Array, unknown>;
}

export interface SectionSink {
  readonly tag: SectionTag;
  /** The bytes are a view of something larger: copy what is kept. */
  take(piece: Uint8Array): void;
}

/** Puts sections into chunks, each when it is asked for. */
export class SnapshotWriter {
  readonly #parts: Iterator<Uint8Array, unknown>;
  #rest: Uint8Array = new Uint8Array();

  constructor(sections: readonly SectionSource[]) {
    this.#parts = partsOf(sections);
  }

  /** The next chunk, in memory of its own; null at the end. Throws what a source throws. */
  read(): Uint8Array<ArrayBuffer> | null {
    const chunk = new Uint8Array(snapshotChunkBytesMax);
    let filled = 0;
    for (let parts = 0; filled < chunk.length && parts < 2 * chunkPiecesMax; parts++) {
      if (this.#rest.length === 0) {
        const next = this.#parts.next();
        if (next.done === true) break;
        this.#rest = next.value;
      }
      const fitting = this.#rest.subarray(0, chunk.length - filled);
      chunk.set(fitting, filled);
      filled += fitting.length;
      this.#rest = this.#rest.subarray(fitting.length);
    }
    if (filled === 0) return null;
    return filled === chunk.length ? chunk : chunk.slice(0, filled);
  }
}

function* partsOf(sections: readonly SectionSource[]): Generator<Uint8Array> {
  yield Uint8Array.of(VERSION);
  for (const { tag, pieces } of sections) {
    yield Uint8Array.of(tag);
    for (let next = pieces.next(); next.done !== true; next = pieces.next()) {
      const piece = next.value;
      if (piece.length > pieceBytesMax) {
        throw new RangeError(`an item of ${piece.length} bytes: ${pieceBytesMax} are allowed`);
      }
      yield lengthOf(piece.length);
      yield piece;
    }
    yield lengthOf(NO_PIECE);
  }
  yield Uint8Array.of(END);
}

function lengthOf(length: number): Uint8Array {
  const bytes = new Uint8Array(LENGTH_BYTES);
  new DataView(bytes.buffer).setUint32(0, length);
  return bytes;
}

/** Takes chunks of any size and hands the pieces on. Every method throws `RangeError` for what is no snapshot. */
export class SnapshotReader {
  /** The section that is read comes first. */
  #sinks: readonly SectionSink[];
  #expected: "version" | "tag" | "length" | "piece" | "nothing" = "version";
  #wantedBytes = 1;
  /** The beginning of what is wanted, where a chunk ended within it. */
  #begun: Uint8Array | null = null;
  #begunBytes = 0;

  /** One for each section, in order. */
  constructor(sinks: readonly SectionSink[]) {
    this.#sinks = sinks;
  }

  write(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length;) {
      if (this.#expected === "nothing") throw new RangeError("the snapshot goes on after its end");
      const bytes = chunk.subarray(at, at + this.#wantedBytes - this.#begunBytes);
      at += bytes.length;
      if (bytes.length === this.#wantedBytes) this.#onBytes(bytes);
      else this.#gather(bytes);
    }
  }

  /** Nothing more comes. */
  end(): void {
    if (this.#expected !== "nothing") throw new RangeError("the snapshot ends too early");
  }

  #gather(bytes: Uint8Array): void {
    this.#begun ??= new Uint8Array(this.#wantedBytes);
    this.#begun.set(bytes, this.#begunBytes);
    this.#begunBytes += bytes.length;
    if (this.#begunBytes < this.#wantedBytes) return;
    const whole = this.#begun;
    this.#begun = null;
    this.#begunBytes = 0;
    this.#onBytes(whole);
  }

  #onBytes(bytes: Uint8Array): void {
    if (this.#expected === "version") this.#onVersion(bytes[0]);
    else if (this.#expected === "tag") this.#onTag(bytes[0]);
    else if (this.#expected === "length") this.#onLength(uint32Of(bytes));
    else this.#onPiece(bytes);
  }

  #onVersion(version: number | undefined): void {
    if (version !== VERSION) throw new RangeError(`the snapshot has format ${version}, this program reads ${VERSION}`);
    this.#expect("tag", 1);
  }

  #onTag(tag: number | undefined): void {
    if (tag !== (this.#sinks[0]?.tag ?? END)) throw new RangeError(`the snapshot has no section ${tag} here`);
    if (tag === END) this.#expect("nothing", 0);
    else this.#expect("length", LENGTH_BYTES);
  }

  #onLength(length: number): void {
    if (length === NO_PIECE) {
      this.#sinks = this.#sinks.slice(1);
      this.#expect("tag", 1);
    } else if (length > pieceBytesMax) throw new RangeError(`the snapshot has an item of ${length} bytes`);
    else if (length === 0) this.#onPiece(new Uint8Array());
    else this.#expect("piece", length);
  }

  #onPiece(piece: Uint8Array): void {
    this.#sinks[0]?.take(piece);
    this.#expect("length", LENGTH_BYTES);
  }

  #expect(next: "tag" | "length" | "piece" | "nothing", bytes: number): void {
    this.#expected = next;
    this.#wantedBytes = bytes;
  }
}

const uint32Of = (bytes: Uint8Array): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
