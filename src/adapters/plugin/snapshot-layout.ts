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

/** What a snapshot is made of, in this order: by whom, the clients' sessions, what the plugin knows. */
export const snapshotSections = { origin: 1, sessions: 2, plugin: 3 } as const;

export type SectionTag = (typeof snapshotSections)[keyof typeof snapshotSections];

/** Bytes of a piece: an item of a plugin's. */
export const pieceBytesMax = 64 * 1024 * 1024;

/** A chunk ends after so many pieces although it has room, so that to make one never takes long. */
const chunkPiecesMax = 1024;

export interface SectionSource {
  readonly tag: SectionTag;
  /** Each piece may be changed when a chunk is finished, or the next piece is asked for. */
  readonly pieces: Iterator<Uint8Array, unknown>;
}

export interface SectionSink {
  readonly tag: SectionTag;
  /** The bytes are a view of something larger: copy what is kept. */
  take(piece: Uint8Array): void;
  /** That was the last piece. */
  end?(): void;
}

/** Puts sections into chunks, each when it is asked for. */
export class SnapshotWriter {
  readonly #parts: Iterator<Part, unknown>;
  /** What is begun, and in no chunk yet. Memory of its own between two chunks. */
  #rest: Part = { head: nothing, body: nothing };
  #ownsRest = true;

  constructor(sections: readonly SectionSource[]) {
    this.#parts = partsOf(sections);
  }

  /** The next chunk, in memory of its own; null at the end. Throws what a source throws. */
  read(): Uint8Array<ArrayBuffer> | null {
    const chunk = new Uint8Array(snapshotChunkBytesMax);
    let filled = 0;
    for (let parts = 0; filled < chunk.length && parts < chunkPiecesMax; parts++) {
      if (this.#rest.head.length === 0 && this.#rest.body.length === 0) {
        const next = this.#parts.next();
        if (next.done === true) break;
        this.#rest = next.value;
        this.#ownsRest = false;
      }
      filled += this.#put(chunk.subarray(filled));
    }
    if (!this.#ownsRest) this.#rest = { head: this.#rest.head, body: this.#rest.body.slice() };
    this.#ownsRest = true;
    if (filled === 0) return null;
    return filled === chunk.length ? chunk : chunk.slice(0, filled);
  }

  /** As much of the rest as there is room for: how many bytes that is. */
  #put(room: Uint8Array): number {
    const head = this.#rest.head.subarray(0, room.length);
    const body = this.#rest.body.subarray(0, room.length - head.length);
    room.set(head);
    room.set(body, head.length);
    this.#rest = { head: this.#rest.head.subarray(head.length), body: this.#rest.body.subarray(body.length) };
    return head.length + body.length;
  }
}

/** The bytes of a source come together with their length: who asks for more may find them changed. */
interface Part {
  readonly head: Uint8Array;
  readonly body: Uint8Array;
}

const nothing = new Uint8Array();

function* partsOf(sections: readonly SectionSource[]): Generator<Part> {
  yield { head: Uint8Array.of(VERSION), body: nothing };
  for (const { tag, pieces } of sections) {
    yield { head: Uint8Array.of(tag), body: nothing };
    for (let next = pieces.next(); next.done !== true; next = pieces.next()) {
      const body = next.value;
      if (body.length > pieceBytesMax) {
        throw new RangeError(`an item of ${body.length} bytes: ${pieceBytesMax} are allowed`);
      }
      yield { head: lengthOf(body.length), body };
    }
    yield { head: lengthOf(NO_PIECE), body: nothing };
  }
  yield { head: Uint8Array.of(END), body: nothing };
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
      this.#sinks[0]?.end?.();
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
