// How does a thread write its last words when it must not go back to its event loop? Another thread writes them (worker.ts),
// and this one stands still until they are out. A sink that is stuck holds up the end for a bounded time only.

/** The bundler drops the folders above the entry points and turns `.ts` into `.js`; build.ts fixes the root at src/. */
const WORKER_ENTRY = Bun.isStandaloneExecutable ? "./adapters/system/worker.js" : "./worker.ts";

/** What the other thread is told. */
export interface LastWrite {
  readonly fileDescriptor: number;
  readonly bytes: Uint8Array;
  /** One number: 1 once all is written, or the sink is gone. */
  readonly isOver: Int32Array;
}

/** Returns when all is written, when the sink is gone, or after `graceMs`. Nothing else runs on this thread meanwhile. */
export function writeLast(fileDescriptor: number, bytes: Uint8Array, graceMs: number): void {
  const isOver = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const worker = new Worker(new URL(WORKER_ENTRY, import.meta.url).href);
  worker.postMessage({ fileDescriptor, bytes, isOver } satisfies LastWrite);
  Atomics.wait(isOver, 0, 0, graceMs);
}
