// How does a line reach a file descriptor without ever blocking? One write at a time, in the platform's pool of threads;
// what comes meanwhile waits in a bounded queue, and what does not fit is counted and told later (P50).
import { write } from "node:fs";
import { writeLast } from "../system/last-write.ts";

export interface LineSinkOptions {
  readonly fileDescriptor: number;
  /** What may wait, in bytes. A line that does not fit is dropped. */
  readonly queueBytesMax: number;
  /** The line that stands for the lines dropped before it. */
  readonly describeDropped: (count: number) => string;
}

/** A non-blocking descriptor that is full says so at once: looked at again after this. */
const FULL_RETRY_MS = 20;

export class LineSink {
  readonly #options: LineSinkOptions;
  #queue: Uint8Array[] = [];
  #queueBytes = 0;
  #dropped = 0;
  #isWriting = false;
  #onIdle: (() => void)[] = [];

  constructor(options: LineSinkOptions) {
    this.#options = options;
  }

  /** Takes a line without its newline. Never blocks, never throws. */
  write(line: string): void {
    const bytes = Buffer.from(`${line}\n`);
    if (this.#queueBytes + bytes.length > this.#options.queueBytesMax) {
      this.#dropped++;
      return;
    }
    this.#enqueue(bytes);
    if (this.#isWriting) return;
    this.#isWriting = true;
    // With the other lines of this turn. Those of a turn that ends the process are then still here for its last words.
    setImmediate(() => this.#writeNext());
  }

  /** Resolves once all is written or given up, or after `graceMs`: a sink that is stuck does not hold up an exit. */
  flush(graceMs: number): Promise<void> {
    if (!this.#isWriting) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, graceMs);
      this.#onIdle.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /**
   * For the end of a process that must not go back to its event loop: writes what waits and this line, and returns when that is
   * out, or after `graceMs`. A write under way belongs to a thread that had it before.
   */
  writeLast(line: string, graceMs: number): void {
    if (this.#dropped > 0) this.#tellDropped();
    writeLast(this.#options.fileDescriptor, Buffer.concat([...this.#queue, Buffer.from(`${line}\n`)]), graceMs);
  }

  #enqueue(bytes: Uint8Array): void {
    this.#queue.push(bytes);
    this.#queueBytes += bytes.length;
  }

  #writeNext(): void {
    if (this.#queue.length === 0 && this.#dropped > 0) this.#tellDropped();
    this.#isWriting = this.#queue.length > 0;
    if (!this.#isWriting) {
      for (const resolve of this.#onIdle.splice(0)) resolve();
      return;
    }
    const lines = this.#queue.length;
    const batch = Buffer.concat(this.#queue);
    this.#queue = [];
    this.#writeBatch(batch, lines);
  }

  /** The batch counts as waiting until it is out: memory stays bounded while a write is stuck. */
  #writeBatch(batch: Buffer, lines: number): void {
    write(this.#options.fileDescriptor, batch, (error, written) => {
      if (error === null || error === undefined) {
        this.#queueBytes -= written;
        if (written < batch.length) this.#writeBatch(batch.subarray(written), lines);
        else this.#writeNext();
      } else if (error.code === "EAGAIN") {
        setTimeout(() => this.#writeBatch(batch, lines), FULL_RETRY_MS);
      } else {
        this.#giveUp(batch, lines);
      }
    });
  }

  /** The sink is gone, or its disk is full: the lines are lost, the next one tries again. */
  #giveUp(batch: Buffer, lines: number): void {
    this.#queueBytes -= batch.length;
    this.#dropped += lines + this.#queue.length;
    for (const bytes of this.#queue.splice(0)) this.#queueBytes -= bytes.length;
    this.#isWriting = false;
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  #tellDropped(): void {
    const line = this.#options.describeDropped(this.#dropped);
    this.#dropped = 0;
    this.#enqueue(Buffer.from(`${line}\n`));
  }
}
