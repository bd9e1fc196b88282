// What is a node's state when it starts? What it saved, and nothing else: it follows, knows no leader, and counts as
// committed only what a snapshot covers.
import type { PlacedActivation, PluginVersion } from "./activation.ts";
import { type MemberKey, nodeIdOf, type PlacedConfiguration } from "./configuration.ts";
import { restoredDurability } from "./durability.ts";
import { nothingFresh } from "./freshness.ts";
import { type Genesis, genesisConfiguration } from "./genesis.ts";
import { type LogPosition, logStart, type Millis, type Term } from "./log-position.ts";
import type { LogTerms } from "./log-terms.ts";
import { nextUint32, type RandomState, seedRandom } from "./random.ts";
import { hasBeenMember } from "./removal.ts";
import type { Follower } from "./roles.ts";
import type { Settings } from "./settings.ts";
import type { SnapshotRecord } from "./snapshot-record.ts";
import type { Founding, State, Refill } from "./state.ts";
import { drawElectionDue } from "./timers.ts";

/** What the core gets back after a restart. The bytes of commands are not in it. */
export interface Saved {
  readonly genesis: Genesis | null;
  readonly currentTerm: Term;
  readonly votedFor: MemberKey | null;
  /** The log holds what comes after it: the log's start, or a position that the snapshot covers. */
  readonly base: LogPosition;
  /** In force at the base; null until a snapshot has moved it. */
  readonly baseConfiguration: PlacedConfiguration | null;
  /** Active at the base; null: nothing was activated before it. */
  readonly baseActivation: PlacedActivation | null;
  /** The latest one. Its file was complete and durable before this record was. */
  readonly snapshot: SnapshotRecord | null;
  readonly last: LogPosition;
  /** Replicated time of the last entry, or without one at the base, or of the genesis; 0 when there is none. */
  readonly lastStampMs: number;
  /** Where each term begins in the log after the base, ascending: one position per term. */
  readonly termStarts: readonly LogPosition[];
  /** The configuration entries in the log after the base, ascending. */
  readonly configurations: readonly PlacedConfiguration[];
  /** The activations in the log after the base, ascending. */
  readonly activations: readonly PlacedActivation[];
  /** The configuration by which this incarnation was removed: the node does not start from this data. Null: it was not. */
  readonly removed: PlacedConfiguration | null;
  /** Set when damaged files were set aside: what this log held is to be copied from a leader. Null: nothing is missing. */
  readonly refill: Refill | null;
}

export interface Start {
  readonly self: MemberKey;
  readonly settings: Settings;
  /** 128 bits that no other node and no other start has. */
  readonly seed: RandomState;
  readonly nowMs: Millis;
  /** Wall clock, ms since 1970; used to found a cluster, and to tell a stamp that leaps. */
  readonly wallMs: number;
  /** The founders' table of the configuration file; null if there is none. Without effect once there is a genesis. */
  readonly bootstrap: Founding["bootstrap"] | null;
  /** The version of the state machine that this node would have a new cluster begin with; null: its log never names one. */
  readonly plugin: PluginVersion | null;
}

export function restore(saved: Saved, start: Start): State {
  const { self, settings, nowMs } = start;
  const role: Follower = {
    kind: "follower",
    leader: null,
    electionDueMs: nowMs,
    leaderHeardMs: null,
    wokeLate: false,
    verifiedIndex: 0,
    round: 0,
    owesAck: false,
    refillThrough: null,
    reads: [],
  };
  const state: State = {
    settings,
    plugin: start.plugin,
    self,
    random: seedRandom(start.seed),
    nowMs,
    wallOffsetMs: start.wallMs - nowMs,
    genesis: saved.genesis,
    strangers: [],
    founding: mayFound(saved) && start.bootstrap !== null ? beginFounding(start, start.bootstrap) : null,
    currentTerm: saved.currentTerm,
    votedFor: saved.votedFor,
    log: restoreLog(saved),
    snapshot: saved.snapshot,
    installing: null,
    wake: null,
    heldFrom: [],
    commitIndex: saved.snapshot?.position.index ?? 0,
    appliedIndex: saved.snapshot?.position.index ?? 0,
    durability: restoredDurability(saved.last.index),
    wasMember: false,
    removed: saved.removed === null ? null : { ...saved.removed, ticket: 0 },
    firstTerm: null,
    refill: saved.refill === null ? null : { ...saved.refill, id: drawStart(start.seed, 3), ticket: null },
    role,
    freshness: nothingFresh,
    clockStartMs: drawStart(start.seed, 1),
    nextReadId: drawStart(start.seed, 2),
    vouching: null,
    handingOver: null,
    crashedLeader: null,
    postponed: new Map(),
    unfit: new Map(),
  };
  const [electionDueMs, drawn] = drawElectionDue({
    ...state,
    wasMember: saved.removed !== null || hasBeenMember(state),
  });
  return { ...drawn, role: { ...role, electionDueMs } };
}

/** A node that has lost its data knows that there is a cluster already: it waits to hear of it. */
const mayFound = ({ genesis, refill }: Saved): boolean => genesis === null && refill === null;

/** Anything below 2^52, other than at any other start of any node: it leaves room to count on. */
const drawStart = ([a, b, c, d]: RandomState, salt: number): number =>
  nextUint32(seedRandom([a, b, c, d ^ salt]))[0] * 2 ** 20;

function beginFounding(start: Start, bootstrap: Founding["bootstrap"]): Founding {
  if (!bootstrap.some((founder) => founder.id === nodeIdOf(start.self))) {
    throw new Error(`${nodeIdOf(start.self)} is not in its own bootstrap table`);
  }
  return { bootstrap, heard: [start.self], joining: [] };
}

/** The configurations of the log stand on the one in force at its base, or on that of the genesis. */
function restoreLog(saved: Saved): LogTerms {
  const { genesis, baseConfiguration, baseActivation } = saved;
  const founding = genesis === null ? null : { position: logStart, configuration: genesisConfiguration(genesis) };
  const first = baseConfiguration ?? founding;
  return {
    base: saved.base,
    last: saved.last,
    lastStampMs: Math.max(saved.lastStampMs, saved.genesis?.foundedAtMs ?? 0),
    termStarts: saved.termStarts,
    configurations: [...(first === null ? [] : [first]), ...saved.configurations],
    activations: [...(baseActivation === null ? [] : [baseActivation]), ...saved.activations],
    sizedAfter: saved.last.index,
    segments: [],
  };
}
