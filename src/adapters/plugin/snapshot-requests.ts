// The worker's side of snapshots: which one is open, which restore is under way. What the host asks is in worker-messages.ts,
// and in what order is the host's business.
import type { Executor, Restoration } from "./executor.ts";
import { Garbage } from "./garbage.ts";
import type { RunningSnapshot } from "./snapshot-taking.ts";
import type { SnapshotRequest, StateRequest } from "./worker-messages.ts";

/** When these fail, there is half a state, or one that something holds fast. */
const fatal: ReadonlySet<StateRequest["kind"]> = new Set([
  "closeSnapshot",
  "restoreChunk",
  "endRestore",
  "recall",
  "forget",
  "setOrigin",
]);

export const isFatal = ({ kind }: StateRequest): boolean => fatal.has(kind);

export class SnapshotRequests {
  readonly #executor: Executor;
  #running: RunningSnapshot | null = null;
  #restoration: Restoration | null = null;
  readonly #garbage = new Garbage();

  constructor(executor: Executor) {
    this.#executor = executor;
  }

  /** The chunk that was asked for; null for none. Throws `GraftError("state-machine")`. */
  answer(request: SnapshotRequest): Uint8Array<ArrayBuffer> | null {
    switch (request.kind) {
      case "takeSnapshot":
        this.#running = this.#executor.snapshot();
        return null;
      case "readSnapshot":
        return this.#read();
      case "closeSnapshot":
        this.#running?.close();
        this.#running = null;
        return null;
      case "beginRestore":
        this.#restoration = this.#executor.restore(request.plugin, request.reached);
        return null;
      case "restoreChunk":
        this.#restoration?.write(new Uint8Array(request.chunk));
        this.#garbage.note(request.chunk.byteLength, false);
        return null;
      case "endRestore":
        this.#restoration?.end();
        this.#restoration = null;
        return null;
    }
  }

  /** The host asks ahead, and so beyond the end, too. */
  #read(): Uint8Array<ArrayBuffer> | null {
    const chunk = this.#running?.read() ?? null;
    if (chunk === null) this.#running = null;
    return chunk;
  }
}
