// What is in the log of a stopped node, entry by entry? It is read in stretches, so that a long log costs no memory. Between two stretches
// nothing is held: a node that starts meanwhile is noticed.
import type { Entry } from "../../core/entry.ts";
import type { LogIndex } from "../../core/log-position.ts";
import { GraftError } from "../../errors.ts";
import type { SavedState } from "../../ports/log-store.ts";
import { prepareEntryReader } from "./entry-reader.ts";
import { lookAtStopped } from "./open-stopped.ts";
import { readSavedState } from "./saved-state.ts";

const stretchBytesMax = 4 * 1024 * 1024;

/** What the node remembers beside its entries. Throws `GraftError`. */
export const savedIn = (dataDir: string): SavedState =>
  lookAtStopped(dataDir, ({ file, db }) => readSavedState(db, file).saved);

/** The entries after `after` through `through`, verified. Throws `GraftError`. */
export function* entriesIn(dataDir: string, after: LogIndex, through: LogIndex): Generator<readonly Entry[]> {
  for (let index = after; index < through;) {
    const entries = lookAtStopped(dataDir, ({ file, db }) => {
      const { base, tail } = readSavedState(db, file);
      if (index < base.index || through > tail.index) throw new GraftError("storage", `${file} has changed meanwhile`);
      const chainAt = db.prepare<{ chain: number }, [number]>("SELECT chain FROM log WHERE idx = ?");
      const before = index === base.index ? base.chain : chainAt.get(index)!.chain;
      return prepareEntryReader(db, file)(before, { first: index + 1, last: through, bytesMax: stretchBytesMax });
    });
    yield entries;
    index = entries.at(-1)!.index;
  }
}
