// What the state of a state machine consists of, and what its snapshot (§5): the same parts, in the order of
// `snapshotSections`. Whatever follows from the log and is kept nowhere else belongs here.
import { type SessionLimits, SessionTable } from "../../core/sessions.ts";
import { decodeValue, encodeValue } from "../cbor/value.ts";
import type { Plugin } from "./definition-check.ts";
import type { Handlers, SnapshotHandlers } from "./handlers.ts";
import { createRawHandlers } from "./raw-handlers.ts";
import { sessionPieces, SessionPiecesReader } from "./session-section.ts";
import { type SectionSink, type SectionSource, snapshotSections } from "./snapshot-layout.ts";
import { createTypedHandlers } from "./typed-handlers.ts";

export interface State {
  /** What the plugin knows. */
  readonly handlers: Handlers;
  readonly sessions: SessionTable;
}

/** Before the first entry. Throws what the plugin's `create` throws. */
export function emptyState(plugin: Plugin, limits: SessionLimits): State {
  const handlers = plugin.style === "typed" ? createTypedHandlers(plugin) : createRawHandlers(plugin);
  return { handlers, sessions: new SessionTable(limits) };
}

/** Freezes every part. Throws what the plugin throws. */
export function sectionsOf(
  plugin: Plugin,
  snapshots: SnapshotHandlers,
  sessions: SessionTable,
): readonly SectionSource[] {
  return [
    { tag: snapshotSections.origin, pieces: [originOf(plugin)].values() },
    { tag: snapshotSections.sessions, pieces: sessionPieces(sessions.image()) },
    { tag: snapshotSections.plugin, pieces: snapshots.take() },
  ];
}

/** Fill an empty state. They throw what the plugin throws, and for what it did not write. */
export function sinksOf(plugin: Plugin, snapshots: SnapshotHandlers, sessions: SessionTable): readonly SectionSink[] {
  const reader = new SessionPiecesReader();
  return [
    { tag: snapshotSections.origin, take: (origin) => mustBeOf(plugin, origin) },
    {
      tag: snapshotSections.sessions,
      take: (piece) => reader.take(piece),
      end: () => sessions.restore(reader.end()),
    },
    { tag: snapshotSections.plugin, take: (piece) => snapshots.restore(piece) },
  ];
}

/** By whom a snapshot was taken. A later version of a plugin may read what an earlier one wrote: that is its business. */
const originOf = ({ name, version }: Plugin): Uint8Array => encodeValue([name, version]);

function mustBeOf(plugin: Plugin, origin: Uint8Array): void {
  const written = decodeValue(origin);
  const [name, version] = Array.isArray(written) ? written : [];
  if (name !== plugin.name) throw new RangeError(`it is a snapshot of ${String(name)} ${String(version)}`);
}
