// What of a committed entry concerns the state machine? Its commands, and what clients do with their sessions.
import type { PluginVersion } from "../core/activation.ts";
import type { Entry } from "../core/entry.ts";
import type { LogIndex } from "../core/log-position.ts";
import type { AppliedEntry } from "../ports/state-machine.ts";

/** The version of the state machine that runs here from the activation at this index on. */
type VersionFrom = (index: LogIndex) => PluginVersion;

/** Null: the entry concerns the consensus alone. */
export function appliedEntry(entry: Entry, isAwaited: boolean, versionFrom: VersionFrom): AppliedEntry | null {
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
    case "activate":
      return { kind: "activate", index, term, timeMs, plugin: versionFrom(index), isAwaited };
    case "tick":
      return { kind: "tick", index, term, timeMs, isAwaited };
    case "noop":
    case "configuration":
      return null;
  }
}
