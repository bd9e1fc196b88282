// May a snapshot go into a state on disk? It takes as much room as the state again, and what is left of a nearly full disk is for the log.
import { GraftError } from "../errors.ts";

/** The same chunks, as long as there is room. Throws `GraftError("state-machine")` from then on. */
export async function* roomy(
  chunks: AsyncIterable<Uint8Array>,
  hasRoom: () => boolean,
): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of chunks) {
    if (!hasRoom()) throw noRoom();
    yield chunk;
  }
}

const noRoom = (): GraftError =>
  new GraftError(
    "state-machine",
    "the disk is nearly full, and what is left of it is for the log: the state on disk is restored when there is room; free space on it",
  );
