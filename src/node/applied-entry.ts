// What of a committed entry concerns the state machine? Its commands, and what clients do with their sessions.
import type { Entry } from "../core/entry.ts";
import type { AppliedEntry } from "../ports/state-machine.ts";

/** Null: the entry concerns the consensus alone. */
export function appliedEntry(entry: Entry, isAwaited: boolean): AppliedEntry | null {
  const { index, term, stampMs: timeMs } = entry;
  switch (entry.kind) {
    case "command":
      return { kind: "command", index, term, timeMs, payload: entry.payload, session: entry.session, isAwaited };
    case "openSession":
      return {
        kind: "openSession",
        index,
        term,
        timeMs,
        client: entry.client,
        isAdmin: entry.isAdmin,
        timeoutMs: entry.timeoutMs,
        isAwaited,
      };
    case "closeSession":
      return { kind: "closeSession", index, term, timeMs, client: entry.client, session: entry.session, isAwaited };
    case "noop":
    case "configuration":
      return null;
  }
}
