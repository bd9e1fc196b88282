// What of a committed entry concerns the state machine? Its commands, and what clients do with their sessions.
import type { PluginVersion } from "../core/activation.ts";
import type { Entry } from "../core/entry.ts";
import type { LogIndex } from "../core/log-position.ts";
import type { AppliedEntry } from "../ports/state-machine.ts";

/** What the log, or this node, adds to an entry. */
export interface AboutEntry {
  readonly isAwaited: boolean;
  /** An administrator has skipped it. */
  readonly isSkipped: boolean;
  /** The version of the state machine that runs here from the activation at this index on. */
  readonly versionFrom: (index: LogIndex) => PluginVersion;
}

/** Null: the entry concerns the consensus alone. */
export function appliedEntry(entry: Entry, { isAwaited, isSkipped, versionFrom }: AboutEntry): AppliedEntry | null {
  const { index, term, stampMs: timeMs } = entry;
  const committed = { index, term, timeMs, isAwaited, ...(isSkipped ? { isSkipped } : {}) };
  switch (entry.kind) {
    case "command":
      return { kind: "command", ...committed, payload: entry.payload, session: entry.session };
    case "openSession": {
      const { client, isAdmin, timeoutMs } = entry;
      return { kind: "openSession", ...committed, client, isAdmin, timeoutMs };
    }
    case "closeSession":
      return { kind: "closeSession", ...committed, client: entry.client, session: entry.session };
    case "activate":
      return { kind: "activate", ...committed, plugin: versionFrom(index) };
    case "tick":
      return { kind: "tick", ...committed };
    case "noop":
    case "configuration":
      return null;
  }
}
