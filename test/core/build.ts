// States of nodes for tests, and one checked step. Followers are what `restore` makes of a disk, leaders have won an
// election: no test starts from a state that no node could be in. Messages and events are say.ts.
import type { Configuration, MemberKey } from "../../src/core/configuration.ts";
import { describeEffect } from "../../src/core/describe.ts";
import type { Effect } from "../../src/core/effects.ts";
import { genesisConfiguration } from "../../src/core/genesis.ts";
import { checkState, checkTransition } from "../../src/core/invariants.ts";
import { type LogPosition, logStart } from "../../src/core/log-position.ts";
import { latestConfiguration } from "../../src/core/log-terms.ts";
import { restore, type Saved, type Start } from "../../src/core/restore.ts";
import type {
  Candidate,
  Follower,
  Leader,
  PreCandidate,
  Probing,
  Progress,
  Replicating,
} from "../../src/core/roles.ts";
import { defaultSettings, type Settings } from "../../src/core/settings.ts";
import type { State } from "../../src/core/state.ts";
import { step } from "../../src/core/step.ts";
import {
  accepted,
  at,
  foundedAtMs,
  from,
  genesisOf,
  n1,
  n2,
  n3,
  persisted,
  preVoteReply,
  snapshotAt,
  tick,
} from "./say.ts";
import { type Untimed, voteReply } from "./say.ts";

export interface Node {
  readonly self?: MemberKey;
  readonly members?: readonly MemberKey[];
  /** Changes to the configuration in which every member votes. */
  readonly configuration?: Partial<Configuration>;
  /** The terms of the entries after the snapshot. */
  readonly log?: readonly number[];
  readonly snapshot?: LogPosition;
  /** Default: the term of the last entry. */
  readonly term?: number;
  readonly votedFor?: MemberKey | null;
  readonly settings?: Partial<Settings>;
  readonly seed?: Start["seed"];
  /** Whom it follows: heard just now. */
  readonly leader?: MemberKey;
  readonly verifiedIndex?: number;
  readonly commitIndex?: number;
}

/** What a disk with this log holds. */
export function saved(node: Node = {}): Saved {
  const { log = [], snapshot = logStart } = node;
  const lastTerm = log.at(-1) ?? snapshot.term;
  return {
    genesis: genesisOf(...(node.members ?? [n1, n2, n3])),
    currentTerm: node.term ?? lastTerm,
    votedFor: node.votedFor ?? null,
    base: snapshot,
    baseConfiguration: null,
    baseActivation: null,
    snapshot: snapshot.index === 0 ? null : snapshotAt(snapshot),
    last: at(snapshot.index + log.length, lastTerm),
    lastStampMs: foundedAtMs + snapshot.index + log.length,
    termStarts: log.flatMap((term, place) => (term === log[place - 1] ? [] : [at(snapshot.index + 1 + place, term)])),
    configurations: [],
    activations: [],
    removed: null,
    refill: null,
  };
}

export const starting = (start: Partial<Start> = {}): Start => ({
  self: n1,
  settings: defaultSettings,
  seed: [1, 2, 3, 4],
  nowMs: 0,
  wallMs: foundedAtMs,
  bootstrap: null,
  plugin: null,
  ...start,
});

/** When the election of a node made by `follower` is due, and since when one made by `leader` leads. */
const dueMs = 800;

/** A node restored at time 0. Everything it has is durable. */
export function follower(node: Node = {}): State {
  const { members = [n1, n2, n3], leader: heard = null, verifiedIndex = 0 } = node;
  const settings = { ...defaultSettings, ...node.settings };
  const state = restore(
    saved(node),
    starting({ self: node.self ?? n1, settings, ...(node.seed && { seed: node.seed }) }),
  );
  const configuration = { ...genesisConfiguration(genesisOf(...members)), ...node.configuration };
  const log = { ...state.log, configurations: [{ position: logStart, configuration }] };
  const commitIndex = Math.max(node.commitIndex ?? 0, state.commitIndex);
  const leaderHeardMs = heard === null ? null : 0;
  const role: Follower = { ...asFollower(state), electionDueMs: dueMs, leader: heard, leaderHeardMs, verifiedIndex };
  return checked({ ...state, log, commitIndex, appliedIndex: commitIndex, role });
}

/** A follower whose wait is over: it asks for pre-votes in the term after that of `node`. */
export const preCandidate = (node: Node = {}): State => take(follower(node), tick, dueMs)[0];

/** A pre-candidate that has been encouraged by everyone; its vote for itself is not durable yet. */
export const candidate = (node: Node = {}): State => encouraged(preCandidate(node));

function encouraged(asked: State): State {
  let state = asked;
  const term = state.currentTerm;
  for (const key of othersOf(state)) {
    if (state.role.kind === "preCandidate") state = play(state, from(key, preVoteReply(term + 1, term, true)));
  }
  asCandidate(state);
  return state;
}

/** A candidate whose vote for itself is durable: it has asked the others. */
export const asking = (node: Node = {}): State => allDurable(candidate(node));

const allDurable = (state: State): State => play(state, persisted(state.durability.issued));

/** The follower waits for its election and wins it; its no-op is not durable yet. */
export function elected(waiting: State): State {
  let state = allDurable(encouraged(take(waiting, tick, asFollower(waiting).electionDueMs)[0]));
  for (const key of othersOf(state)) {
    if (state.role.kind === "candidate") state = play(state, from(key, voteReply(state.currentTerm, true)));
  }
  asLeader(state);
  return state;
}

interface LeaderNode extends Node {
  /** What followers have acknowledged, by node; the no-op that opened the term is the last entry. */
  readonly matched?: readonly (readonly [MemberKey, number])[];
  /** Whether the no-op is on the leader's own disk; default: it is. */
  readonly isDurable?: boolean;
}

/** It leads the term after that of `node`, with a no-op at the end of its log. */
export function leader(node: LeaderNode = {}): State {
  let state = elected(follower(node));
  if (node.isDurable !== false) state = allDurable(state);
  for (const [key, matchIndex] of node.matched ?? []) {
    state = play(state, from(key, accepted(state.currentTerm, matchIndex)));
  }
  return state;
}

const othersOf = (state: State): readonly MemberKey[] =>
  (latestConfiguration(state.log)?.members ?? []).map(({ key }) => key).filter((key) => key !== state.self);

// Steps

function checked(state: State): State {
  checkState(state);
  return state;
}

/** One step, with the invariants checked after it. It happens at the time of the state unless `nowMs` is given. */
export function take(state: State, event: Untimed, nowMs: number = state.nowMs): readonly [State, readonly Effect[]] {
  const before = structuredClone(state);
  const [after, effects] = step(state, { ...event, nowMs });
  if (!Bun.deepEquals(state, before)) throw new Error("the step changed the state it was given");
  checkTransition(state, checked(after));
  return [after, effects];
}

/** The state after all these events, at the time of the state. */
export const play = (state: State, ...events: readonly Untimed[]): State =>
  events.reduce((before, event) => take(before, event)[0], state);

/** What a step does, one line an effect. */
export const linesOf = (state: State, event: Untimed, nowMs?: number): readonly string[] =>
  take(state, event, nowMs)[1].map(describeEffect);

/** What a step does, without what it writes or sends elsewhere: the effects of one kind. */
export const effectsOf = <Kind extends Effect["kind"]>(
  effects: readonly Effect[],
  kind: Kind,
): readonly Extract<Effect, { kind: Kind }>[] =>
  effects.filter((effect): effect is Extract<Effect, { kind: Kind }> => effect.kind === kind);

// Roles, narrowed

export function asFollower({ role }: State): Follower {
  if (role.kind !== "follower") throw new Error(`a follower is expected, not a ${role.kind}`);
  return role;
}

export function asPreCandidate({ role }: State): PreCandidate {
  if (role.kind !== "preCandidate") throw new Error(`a preCandidate is expected, not a ${role.kind}`);
  return role;
}

export function asCandidate({ role }: State): Candidate {
  if (role.kind !== "candidate") throw new Error(`a candidate is expected, not a ${role.kind}`);
  return role;
}

export function asLeader({ role }: State): Leader {
  if (role.kind !== "leader") throw new Error(`a leader is expected, not a ${role.kind}`);
  return role;
}

export function progressOf(state: State, key: MemberKey): Progress {
  const progress = asLeader(state).progress.get(key);
  if (progress === undefined) throw new Error(`no progress of ${key}`);
  return progress;
}

export function probingOf(state: State, key: MemberKey): Probing {
  const progress = progressOf(state, key);
  if (progress.kind !== "probing") throw new Error(`${key} is ${progress.kind}`);
  return progress;
}

export function replicatingOf(state: State, key: MemberKey): Replicating {
  const progress = progressOf(state, key);
  if (progress.kind !== "replicating") throw new Error(`${key} is ${progress.kind}`);
  return progress;
}
