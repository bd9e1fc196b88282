// How the chunks of snapshots cross between the host and its worker: a few are always under way, so that neither side waits for
// every one, and never more, so that neither piles them up.
import { GraftError } from "../../errors.ts";
import type { StateSnapshot } from "../../ports/state-machine.ts";
import { ContentHash } from "./content-hash.ts";
import type { SnapshotRequest } from "./worker-messages.ts";

/** Chunks that have been asked for, or sent, and not yet been taken. */
const CHUNKS_AHEAD = 2;

/** To be settled in the order of asking. */
type Ask = (request: SnapshotRequest) => Promise<Uint8Array | null>;

/** What came of a chunk: kept until somebody asks for it, which may be never. */
type Arrival =
  { readonly kind: "chunk"; readonly chunk: Uint8Array | null } | { readonly kind: "failed"; readonly error: unknown };

/** A promise that is not rejected, and so may be left alone. */
const arrivalOf = (asked: Promise<Uint8Array | null>): Promise<Arrival> =>
  asked.then(
    (chunk) => ({ kind: "chunk", chunk }),
    (error: unknown) => ({ kind: "failed", error }),
  );

function chunkOf(arrival: Arrival): Uint8Array | null {
  if (arrival.kind === "failed") throw arrival.error;
  return arrival.chunk;
}

/** The snapshot that the worker has just frozen. */
export class WorkerSnapshot implements StateSnapshot {
  readonly #ask: Ask;
  readonly #hash = new ContentHash();
  readonly #ahead: Promise<Arrival>[] = [];
  #state: "open" | "atEnd" | "closed" = "open";

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  get contentHash(): number | null {
    return this.#hash.value;
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#state === "atEnd") return null;
    if (this.#state === "closed") throw new GraftError("state-machine", "The snapshot is closed");
    while (this.#ahead.length <= CHUNKS_AHEAD) this.#ahead.push(arrivalOf(this.#ask({ kind: "readSnapshot" })));
    const oldest = await this.#ahead.shift()!;
    // The worker has closed what failed, and may have another one open by now.
    if (oldest.kind === "failed") this.#state = "closed";
    const chunk = this.#hash.note(chunkOf(oldest));
    if (chunk === null) this.#state = "atEnd";
    return chunk;
  }

  close(): void {
    if (this.#state !== "open") return;
    this.#state = "closed";
    void arrivalOf(this.#ask({ kind: "closeSnapshot" }));
  }
}

/** Resolves when the worker has taken all of them in. Rejects with what the worker says, or what the iteration throws. */
export async function sendChunks(chunks: AsyncIterable<Uint8Array>, ask: Ask): Promise<void> {
  const ahead: Promise<Arrival>[] = [];
  for await (const chunk of chunks) {
    ahead.push(arrivalOf(ask({ kind: "restoreChunk", chunk: new Uint8Array(chunk).buffer })));
    if (ahead.length > CHUNKS_AHEAD) chunkOf(await ahead.shift()!);
  }
  for (const arrival of await Promise.all(ahead)) chunkOf(arrival);
  await ask({ kind: "endRestore" });
}
