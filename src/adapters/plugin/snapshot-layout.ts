// How a state machine's snapshot stands in bytes, whatever is in it. What the pieces of a section mean is the business of
// whoever fills it; that the bytes are those that were written, of the snapshot store, which keeps a checksum.
//
//   snapshot  version (1 byte), sections in the order of `snapshotSections`, END (1 byte)
//   section   tag (1 byte), pieces, NO_PIECE (4 bytes)
//   piece     length (4 bytes, big-endian), bytes
import { snapshotChunkBytesMax } from "../../ports/state-machine.ts";

const VERSION = 3;
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
  /** Each piece may be changed when a chunk is finished, or the next piece is asked for. Null: the next one is yet to come. */
  readonly pieces: Iterator<Uint8Array | null, unknown>;
}

export interface SectionSink {
  readonly tag: SectionTag;
  /** The bytes are a view of something larger: copy what is kept. */
  take(piece: Uint8Array): void;
  /** That was the last piece. */
  end?(): void;
}

/** Puts sections into chunks, each when it is asked for. Of millions of pieces it leaves next to nothing to be collected. */
export class SnapshotWriter {
  readonly #parts: Iterator<Part | null, unknown>;
  /** What was begun, and in no chunk yet: in memory of its own, since the source may use its own again. */
  #rest: Uint8Array = nothing;
  #isWaiting = false;

  constructor(sections: readonly SectionSource[]) {
    this.#parts = partsOf(sections);
  }

  /** Whether there was no chunk because a piece is yet to come. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /** The next chunk, in memory of its own; null at the end, or while it waits. Throws what a source throws. */
  read(): Uint8Array<ArrayBuffer> | null {
    const chunk = new Uint8Array(snapshotChunkBytesMax);
    let filled = this.#putRest(chunk, 0);
    this.#isWaiting = false;
    for (let parts = 0; filled < chunk.length && parts < chunkPiecesMax; parts++) {
      const next = this.#parts.next();
      this.#isWaiting = next.done !== true && next.value === null;
      if (next.done === true || next.value === null) break;
      const { head, headBytes, body } = next.value;
      if (filled + headBytes + body.length <= chunk.length) {
        putHead(chunk, filled, head, headBytes);
        chunk.set(body, filled + headBytes);
        filled += headBytes + body.length;
      } else {
        this.#rest = new Uint8Array(headBytes + body.length);
        putHead(this.#rest, 0, head, headBytes);
        this.#rest.set(body, headBytes);
        filled = this.#putRest(chunk, filled);
      }
    }
    if (this.#isWaiting) {
      this.#rest = chunk.slice(0, filled);
      return null;
    }
    if (filled === 0) return null;
    return filled === chunk.length ? chunk : chunk.slice(0, filled);
  }

  /** As much of it as there is room for from `at` on: where it ends. */
  #putRest(chunk: Uint8Array, at: number): number {
    const fitting = this.#rest.subarray(0, chunk.length - at);
    chunk.set(fitting, at);
    this.#rest = this.#rest.subarray(fitting.length);
    return at + fitting.length;
  }
}

/** The bytes of a source come together with their length: who asks for more may find them changed. */
interface Part {
  head: number;
  headBytes: 1 | typeof LENGTH_BYTES;
  body: Uint8Array;
}

const nothing = new Uint8Array();

/** One object for all parts: each is good until the next. */
function* partsOf(sections: readonly SectionSource[]): Generator<Part | null> {
  const part: Part = { head: VERSION, headBytes: 1, body: nothing };
  yield part;
  for (const { tag, pieces } of sections) {
    part.head = tag;
    yield part;
    part.headBytes = LENGTH_BYTES;
    for (let next = pieces.next(); next.done !== true; next = pieces.next()) {
      if (next.value === null) {
        yield null;
        continue;
      }
      part.body = next.value;
      part.head = part.body.length;
      if (part.head > pieceBytesMax)
        throw new RangeError(`an item of ${part.head} bytes: ${pieceBytesMax} are allowed`);
      yield part;
    }
    part.head = NO_PIECE;
    part.body = nothing;
    yield part;
    part.headBytes = 1;
  }
  part.head = END;
  yield part;
}

function putHead(bytes: Uint8Array, at: number, head: number, headBytes: 1 | typeof LENGTH_BYTES): void {
  let place = at;
  for (let shift = 8 * (headBytes - 1); shift >= 0; shift -= 8) bytes[place++] = head >>> shift;
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
