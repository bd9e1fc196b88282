// What goes out for an effect that names a range of the log: the entries themselves, as far as bytesMax allows.
import type { SendEntries } from "../../src/core/effects.ts";
import { type Entry, entryBytes } from "../../src/core/entry.ts";
import { samePosition } from "../../src/core/log-position.ts";
import type { AppendEntries } from "../../src/core/messages.ts";
import { chainAt } from "../core/chain.ts";

/** `log`: everything that the node has, from the first entry on. Throws when it is not what the core meant. */
export function appendEntriesOf(effect: SendEntries, log: readonly Entry[]): AppendEntries {
  const { prev, through, bytesMax, to: _to, kind: _kind, ...sent } = effect;
  let bytes = 0;
  const entries = log
    .slice(prev.index, through.index)
    .filter((entry, at) => (bytes += entryBytes(entry)) <= bytesMax || at === 0);
  const last = entries.at(-1);
  if (last?.index === through.index && !samePosition(last, through))
    throw new Error("what is sent is not what was meant");
  return { ...sent, kind: "appendEntries", prev, prevChain: chainAt(log, prev.index), entries };
}
