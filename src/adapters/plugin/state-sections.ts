// What the state of a state machine consists of, and what its snapshot (§5): the same parts, in the order of
// `snapshotSections`. Whatever follows from the log and is kept nowhere else belongs here.
import type { PluginVersion } from "../../core/activation.ts";
import { type SessionLimits } from "../../core/session-limits.ts";
import { SessionTable } from "../../core/sessions.ts";
import type { WakeTime } from "../../core/wake-time.ts";
import { decodeValue, encodeValue } from "../cbor/value.ts";
import type { Reached, RestoredState } from "../../ports/state-machine.ts";
import type { QueryContext } from "./api.ts";
import type { Plugin, RawState } from "./definition-check.ts";
import type { Handlers, SnapshotHandlers } from "./handlers.ts";
import type { Found, Kept } from "./kept-states.ts";
import { isChain, OutcomeChain } from "./outcome-chain.ts";
import { createRawHandlers } from "./raw-handlers.ts";
import { sessionPieces, SessionPiecesReader } from "./session-section.ts";
import type { KeptPosition } from "./state-records.ts";
import { type SectionSink, type SectionSource, snapshotSections } from "./snapshot-layout.ts";
import { createTypedHandlers } from "./typed-handlers.ts";

type Named = Pick<Plugin, "name" | "version">;

export interface State {
  /** What the plugin knows. */
  readonly handlers: Handlers;
  readonly sessions: SessionTable;
  /** Of all outcomes so far. */
  chain: OutcomeChain;
  /** The last entry that is in it, as queries see it. */
  reached: QueryContext;
  /** Where in the log it stands; null: nobody knows, or before the first entry. */
  position: Reached | null;
  /** Who made its content; null: the one that it belongs to. */
  origin: string | null;
  /** Null: it is in memory. */
  readonly kept: Kept | null;
  /** Later than that. */
  wakeAtMs: WakeTime;
}

/** Before the first entry, of what is no plugin. */
export const stateWithout = (limits: SessionLimits): State => ({
  handlers: { apply: noPlugin, query: noPlugin, due: null, snapshots: null },
  sessions: new SessionTable(limits),
  chain: new OutcomeChain(),
  reached: nothingReached,
  position: null,
  origin: null,
  wakeAtMs: null,
  kept: null,
});

function noPlugin(): never {
  throw new Error("there is no plugin");
}

/** Before the first entry. Throws what the plugin's `create` throws. `kept`: an empty state on disk; null: one in memory begins. */
export function emptyState(plugin: Plugin, limits: SessionLimits, kept: Kept | null): State {
  const sessions = new SessionTable(limits);
  if (kept !== null) sessions.trackChanges();
  return {
    handlers: handlersOf(plugin, kept),
    sessions,
    chain: new OutcomeChain(),
    reached: nothingReached,
    position: null,
    origin: null,
    wakeAtMs: null,
    kept,
  };
}

/** As it was when it was committed. */
export function recordedState(plugin: Plugin, limits: SessionLimits, { kept, reached, sessions }: Found): State {
  const state = emptyState(plugin, limits, kept);
  state.sessions.restore(sessions);
  state.sessions.takeChanges();
  const { position, origin, seen, wakeAtMs } = reached;
  const chain = new OutcomeChain(reached.chain);
  const wakes = state.handlers.due === null ? null : wakeAtMs;
  return { ...state, chain, reached: seen, position, origin, wakeAtMs: wakes };
}

/** As it is recorded. Null: nobody knows what it has reached. */
export function keptPosition(state: State, plugin: PluginVersion, owner: string): KeptPosition | null {
  const { position, origin, chain, reached: seen, wakeAtMs } = state;
  return position && { position, plugin, owner, origin: origin ?? owner, chain: chain.text, seen, wakeAtMs };
}

/** It has come from a snapshot. */
export function placeAt(state: State, restored: RestoredState | undefined): void {
  if (restored === undefined) return;
  const { origin, ...position } = restored;
  state.position = position;
  state.origin = origin;
}

const nothingReached: QueryContext = Object.freeze({ index: 0, timeMs: 0 });

function handlersOf(plugin: Plugin, kept: Kept | null): Handlers {
  if (plugin.style === "typed") return createTypedHandlers(plugin, kept === null ? plugin.create() : kept.state);
  return createRawHandlers(kept === null ? plugin.create() : (kept.state as RawState));
}

/**
 * The state goes over to another version of the plugin, as a snapshot of it would: so other code of the same version, which some nodes may
 * have run before, restores it as it is. Throws what either plugin throws.
 */
export function handOver(before: State, { from, to, timeMs, limits, kept }: HandingOver): State {
  const { handlers, chain, reached, position, origin, wakeAtMs } = before;
  const next = handlersOf(to, kept);
  if (handlers.snapshots === null)
    throw new TypeError(`${from.name} ${from.version} has no snapshot to hand its state over`);
  if (next.snapshots === null) throw new TypeError(`${to.name} ${to.version} has no restore to take a state over`);
  const written = from.version === to.version ? null : from.version;
  const pieces = handlers.snapshots.take();
  for (let piece = pieces.next(); piece.done !== true; piece = pieces.next()) {
    next.snapshots.restore(piece.value, written);
  }
  if (kept === null) next.snapshots.settle();
  // It may have something to do that nobody has asked for: it is woken to look.
  const firstMs = handlers.due === null ? timeMs + 1 : wakeAtMs;
  const sessions = kept === before.kept ? before.sessions : copyOf(before.sessions, limits, kept !== null);
  return {
    handlers: next,
    sessions,
    chain,
    reached,
    position,
    origin,
    wakeAtMs: next.due === null ? null : firstMs,
    kept,
  };
}

export interface HandingOver {
  readonly from: Plugin;
  readonly to: Plugin;
  /** Of the entry that has it go over. */
  readonly timeMs: number;
  readonly limits: SessionLimits;
  /** An empty state of the other version on disk; null: one in memory begins. */
  readonly kept: Kept | null;
}

/** What is tracked is yet to be recorded, each session. */
function copyOf(sessions: SessionTable, limits: SessionLimits, isTracked: boolean): SessionTable {
  const copy = new SessionTable(limits);
  if (isTracked) copy.trackChanges();
  copy.restore(sessions.image());
  return copy;
}

/** Freezes every part. Throws what the plugin throws. */
export function sectionsOf(
  plugin: Named,
  snapshots: Pick<SnapshotHandlers, "take"> | { take(): Iterator<Uint8Array | null, unknown> },
  state: State,
): readonly SectionSource[] {
  return [
    { tag: snapshotSections.origin, pieces: [originOf(plugin, state)].values() },
    { tag: snapshotSections.sessions, pieces: sessionPieces(state.sessions.image()) },
    { tag: snapshotSections.plugin, pieces: snapshots.take() },
  ];
}

/** Fill an empty state. They throw what the plugin throws, and for what it did not write. */
export function sinksOf(
  plugin: Named,
  snapshots: Pick<SnapshotHandlers, "restore" | "settle">,
  state: State,
): readonly SectionSink[] {
  const reader = new SessionPiecesReader();
  let from: string | null = null;
  return [
    {
      tag: snapshotSections.origin,
      take: (origin) => {
        const { version, reached, wakeAtMs, chain } = readOrigin(plugin, origin);
        from = version === plugin.version ? null : version;
        state.reached = reached;
        state.chain = chain;
        state.wakeAtMs = state.handlers.due === null ? null : wakeAtMs;
      },
    },
    {
      tag: snapshotSections.sessions,
      take: (piece) => reader.take(piece),
      end: () => state.sessions.restore(reader.end()),
    },
    {
      tag: snapshotSections.plugin,
      take: (piece) => snapshots.restore(piece, from),
      // A state on disk is committed later, together with its records.
      end: () => {
        if (state.kept === null) snapshots.settle();
      },
    },
  ];
}

/** By whom a snapshot was taken, and of which state. A later version of a plugin may read what an earlier one wrote: that is its business. */
const originOf = ({ name, version }: Named, { reached, wakeAtMs, chain }: State): Uint8Array =>
  encodeValue([name, version, reached.index, reached.timeMs, wakeAtMs, chain.text]);

interface Origin extends Pick<State, "reached" | "wakeAtMs" | "chain"> {
  readonly version: string;
}

/** Of the first piece of a snapshot: when its state machine is to be woken. */
export function wakeTimeIn(origin: Uint8Array): WakeTime {
  const written = decodeValue(origin);
  const wakeAtMs: unknown = Array.isArray(written) ? written[4] : null;
  return typeof wakeAtMs === "number" ? wakeAtMs : null;
}

/** Throws for a snapshot of another state machine. */
function readOrigin(plugin: Named, origin: Uint8Array): Origin {
  const written = decodeValue(origin);
  const [name, version, index, timeMs, wakeAtMs, chain] = Array.isArray(written) ? written : [];
  if (name !== plugin.name) throw new RangeError(`it is a snapshot of ${String(name)} ${String(version)}`);
  if (typeof index !== "number" || typeof timeMs !== "number")
    throw new RangeError("it does not say of which state it is");
  if (typeof wakeAtMs !== "number" && wakeAtMs !== null) throw new RangeError("it does not say when it is to be woken");
  if (!isChain(chain)) throw new RangeError("it has no hash of the outcomes");
  const reached = Object.freeze({ index, timeMs });
  return { version: String(version), reached, wakeAtMs, chain: new OutcomeChain(chain) };
}
