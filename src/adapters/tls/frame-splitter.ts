// Where does one frame end and the next begin? Cuts a stream of chunks into the bodies of length-prefixed frames.
// A length is checked before anything is allocated for it (P55), memory follows what has arrived and not what was claimed,
// and every byte is copied at most a constant number of times however small the chunks are.
import { BadFrame } from "../cbor/codec.ts";

const headerBytes = 4;

/** What a partial frame gets to begin with: most frames are smaller. */
const firstAllocationBytes = 4 * 1024;

export class FrameSplitter {
  /** The longest body accepted from now on, in bytes. */
  frameBytesMax: number;

  #partial: Buffer | null = null;
  /** How much of `#partial` is filled, the header included. */
  #filled = 0;

  constructor(frameBytesMax: number) {
    this.frameBytesMax = frameBytesMax;
  }

  get isMidFrame(): boolean {
    return this.#partial !== null;
  }

  /** Memory of the incomplete frame, bytes; 0: there is none. */
  get partialBytes(): number {
    return this.#partial?.length ?? 0;
  }

  /** Lets go of that frame: nothing more will be cut. */
  clear(): void {
    this.#partial = null;
    this.#filled = 0;
  }

  /**
   * Calls `onFrame` with each body that is complete. The body is a view that is the callee's to read until it returns.
   * Stops early when `onFrame` answers false. Throws `BadFrame` when a frame is longer than allowed.
   */
  push(chunk: Buffer, onFrame: (body: Buffer) => boolean): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#partial === null) {
        const end = this.#endOfFrame(chunk, at);
        if (end !== null) {
          const body = chunk.subarray(at + headerBytes, end);
          at = end;
          if (!onFrame(body)) return;
          continue;
        }
      }
      at += this.#gather(chunk, at);
      const body = this.#takeComplete();
      if (body !== null && !onFrame(body)) return;
    }
  }

  /** Where the frame at `at` ends, or null when the chunk does not hold all of it. */
  #endOfFrame(chunk: Buffer, at: number): number | null {
    if (chunk.length - at < headerBytes) return null;
    const end = at + headerBytes + this.#checkedLength(chunk, at);
    return end <= chunk.length ? end : null;
  }

  /** Copies what belongs to the partial frame; answers how many bytes that were. */
  #gather(chunk: Buffer, at: number): number {
    const wanted = this.#wantedBytes() - this.#filled;
    const count = Math.min(wanted, chunk.length - at);
    const partial = this.#roomFor(this.#filled + count);
    chunk.copy(partial, this.#filled, at, at + count);
    this.#filled += count;
    return count;
  }

  #takeComplete(): Buffer | null {
    const partial = this.#partial;
    if (partial === null || this.#filled < headerBytes || this.#filled < this.#wantedBytes()) return null;
    const body = partial.subarray(headerBytes, this.#filled);
    this.#partial = null;
    this.#filled = 0;
    return body;
  }

  /** The header first, then, once it is known, the whole frame. */
  #wantedBytes(): number {
    if (this.#partial === null || this.#filled < headerBytes) return headerBytes;
    return headerBytes + this.#checkedLength(this.#partial, 0);
  }

  /** Doubles up to the frame's size, so that a claim costs nothing and copying stays linear. */
  #roomFor(bytes: number): Buffer {
    const partial = this.#partial;
    if (partial !== null && bytes <= partial.length) return partial;
    const size = Math.max(bytes, partial === null ? firstAllocationBytes : 2 * partial.length);
    const grown = Buffer.allocUnsafe(Math.min(size, headerBytes + this.frameBytesMax));
    if (partial !== null) partial.copy(grown, 0, 0, this.#filled);
    this.#partial = grown;
    return grown;
  }

  #checkedLength(from: Buffer, at: number): number {
    const length = from.readUInt32BE(at);
    if (length > this.frameBytesMax) {
      throw new BadFrame(`a frame of ${length} bytes is announced; at most ${this.frameBytesMax} are allowed here`);
    }
    return length;
  }
}
