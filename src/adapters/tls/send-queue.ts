// What waits to be written to one socket? Small frames are gathered, so that those of a turn leave in a single write; large ones
// wait as they are, without a copy. Bounded in bytes: who takes too little is dropped by link.ts and never grows memory. What
// waits in several queues together is told by a tally that they share; whose bound that is, its owner says.

const firstBytes = 4 * 1024;

/** Small frames are gathered in buffers up to this size; a frame of half of it is not small. */
const gatheredBytesMax = 64 * 1024;

const nothing = new Uint8Array();

/** What waits in several queues together. */
export interface Tally {
  bytes: number;
}

/** Some of what waits: from `start` to `end`. */
interface Stretch {
  buffer: Uint8Array;
  start: number;
  end: number;
  /** Whether more may be written behind its end. */
  readonly isGathering: boolean;
}

export class SendQueue {
  bytesMax: number;
  #tally: Tally = { bytes: 0 };
  /** In the order of leaving. */
  readonly #stretches: Stretch[] = [];
  /** To gather in when nothing waits. */
  #spare: Uint8Array = new Uint8Array(firstBytes);
  #bytes = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** From now on it counts there, and no longer where it did. */
  countIn(tally: Tally): void {
    this.#tally.bytes -= this.#bytes;
    this.#tally = tally;
    this.#tally.bytes += this.#bytes;
  }

  /** A single frame always fits. */
  hasRoomFor(frameBytes: number): boolean {
    return this.#bytes === 0 || this.#bytes + frameBytes <= this.bytesMax;
  }

  /** Puts the frame, which must not change any more, at the end of the queue; false when it does not fit. */
  push(frame: Uint8Array): boolean {
    if (!this.hasRoomFor(frame.length)) return false;
    if (frame.length * 2 > gatheredBytesMax) {
      this.#stretches.push({ buffer: frame, start: 0, end: frame.length, isGathering: false });
    } else {
      const stretch = this.#roomFor(frame.length);
      stretch.buffer.set(frame, stretch.end);
      stretch.end += frame.length;
    }
    this.#count(frame.length);
    return true;
  }

  /**
   * Hands up to `bytesMax` to `write`, which answers how many bytes it took: fewer when the socket is full, -1 when closed.
   * Answers how many that were.
   */
  writeTo(write: (buffer: Uint8Array, offset: number, length: number) => number, bytesMax = Infinity): number {
    let total = 0;
    for (let [stretch] = this.#stretches; stretch !== undefined && total < bytesMax; [stretch] = this.#stretches) {
      const offered = Math.min(bytesMax - total, stretch.end - stretch.start);
      const taken = Math.max(0, write(stretch.buffer, stretch.start, offered));
      stretch.start += taken;
      total += taken;
      if (stretch.start === stretch.end) this.#letGo(stretch);
      if (taken < offered) break;
    }
    this.#count(-total);
    return total;
  }

  clear(): void {
    this.#stretches.length = 0;
    this.#count(-this.#bytes);
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    this.#tally.bytes += bytes;
  }

  /** The first one has left. */
  #letGo({ buffer, isGathering }: Stretch): void {
    this.#stretches.shift();
    if (isGathering && buffer.length >= this.#spare.length) this.#spare = buffer;
  }

  /** The last stretch, if more can be gathered in it; otherwise a new one. */
  #roomFor(bytes: number): Stretch {
    const last = this.#stretches.at(-1);
    if (last?.isGathering === true && growFor(last, bytes)) return last;
    const buffer = this.#spare.length >= bytes ? this.#spare : new Uint8Array(Math.max(firstBytes, bytes));
    // Of several that wait, each has a buffer of its own.
    this.#spare = nothing;
    const added = { buffer, start: 0, end: 0, isGathering: true };
    this.#stretches.push(added);
    return added;
  }
}

/** Doubles a buffer that is still small; false when it is not. */
function growFor(stretch: Stretch, bytes: number): boolean {
  const { buffer, end } = stretch;
  if (end + bytes <= buffer.length) return true;
  if (end + bytes > gatheredBytesMax) return false;
  stretch.buffer = new Uint8Array(Math.min(gatheredBytesMax, Math.max(2 * buffer.length, end + bytes)));
  stretch.buffer.set(buffer.subarray(0, end));
  return true;
}
