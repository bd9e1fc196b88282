// What waits to be written to one socket? One growing buffer, so that a turn's frames leave in a single write.
// Bounded in bytes: who takes too little is dropped by link.ts and never grows memory. What waits in several queues together
// is told by a tally that they share; whose bound that is, its owner says.

const firstBytes = 4 * 1024;

/** A buffer up to this size is kept while it is empty. */
const keptBytes = 64 * 1024;

/** Beyond twice what it was a buffer does not grow, nor by more than this. */
const growthBytesMax = 16 * 1024 * 1024;

/** What waits in several queues together. */
export interface Tally {
  bytes: number;
}

export class SendQueue {
  bytesMax: number;
  #tally: Tally = { bytes: 0 };
  #buffer: Uint8Array = new Uint8Array(firstBytes);
  #start = 0;
  #end = 0;
  /** The most that was queued since the last `trim`. */
  #peakBytes = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#end - this.#start;
  }

  /** From now on it counts there, and no longer where it did. */
  countIn(tally: Tally): void {
    this.#tally.bytes -= this.bytes;
    this.#tally = tally;
    this.#tally.bytes += this.bytes;
  }

  /** A single frame always fits. */
  hasRoomFor(frameBytes: number): boolean {
    return this.bytes === 0 || this.bytes + frameBytes <= this.bytesMax;
  }

  /** Copies the frame to the end of the queue; false when it does not fit. */
  push(frame: Uint8Array): boolean {
    if (!this.hasRoomFor(frame.length)) return false;
    if (this.#end + frame.length > this.#buffer.length) this.#makeRoom(frame.length);
    this.#buffer.set(frame, this.#end);
    this.#end += frame.length;
    this.#tally.bytes += frame.length;
    if (this.bytes > this.#peakBytes) this.#peakBytes = this.bytes;
    return true;
  }

  /**
   * Hands up to `bytesMax` to `write`, which answers how many bytes it took: fewer when the socket is full, -1 when closed.
   * Answers how many that were.
   */
  writeTo(write: (buffer: Uint8Array, offset: number, length: number) => number, bytesMax = Infinity): number {
    const taken = Math.max(0, write(this.#buffer, this.#start, Math.min(bytesMax, this.bytes)));
    this.#start += taken;
    this.#tally.bytes -= taken;
    if (this.#start === this.#end) this.#start = this.#end = 0;
    return taken;
  }

  /** Gives memory back that a burst had needed. Called now and then. */
  trim(): void {
    const isOversize = this.#buffer.length > keptBytes && this.#peakBytes < this.#buffer.length / 4;
    if (isOversize && this.bytes === 0) this.#buffer = new Uint8Array(firstBytes);
    this.#peakBytes = this.bytes;
  }

  clear(): void {
    this.#tally.bytes -= this.bytes;
    this.#buffer = new Uint8Array(0);
    this.#start = this.#end = 0;
  }

  /**
   * Moves to the front when at least half is free there, and otherwise grows: either way a byte moves only a few times, since
   * bounds are a few times `growthBytesMax`.
   */
  #makeRoom(extra: number): void {
    const queued = this.bytes;
    const fits = queued + extra <= this.#buffer.length && this.#start >= this.#buffer.length / 2;
    if (fits) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
    } else {
      const { length } = this.#buffer;
      const roomy = Math.min(2 * length, length + growthBytesMax);
      const grown = new Uint8Array(Math.max(firstBytes, roomy, queued + extra));
      grown.set(this.#buffer.subarray(this.#start, this.#end));
      this.#buffer = grown;
    }
    this.#start = 0;
    this.#end = queued;
  }
}
