// Each rule of the invariants is shown to fire: a table of corruptions of a sound state, and one of impossible steps.
// The last test counts them against the rules in the source, so that a new rule without a corruption is found.
import { describe, expect, test } from "bun:test";
import { checkState, checkTransition } from "../../src/core/invariants.ts";
import type { LogTerms } from "../../src/core/log-terms.ts";
import type { Leader, PendingRead, Progress, Role } from "../../src/core/roles.ts";
import type { Durability, State } from "../../src/core/state.ts";
import { asFollower, asking, asLeader, candidate, follower, leader, play } from "./build.ts";
import { accepted, at, crashed, from, genesisOf, n1, n2, n3, propose, snapshotAt } from "./say.ts";

const following = follower({ log: [1, 1, 2], leader: n3, commitIndex: 2 });
/** n1 leads term 3 with a log of 5, of which 3 to 5 are its own; n2 has 4 and one message under way. */
const leading = play(
  leader({
    log: [1, 2],
    matched: [
      [n2, 3],
      [n3, 3],
    ],
  }),
  propose(4),
  from(n2, accepted(3, 4)),
  propose(4),
);
const standing = asking({ log: [1] });
const bereft = play(following, crashed(n3));
const withCrash = (state: State, change: Partial<NonNullable<State["crashedLeader"]>>): State => ({
  ...state,
  crashedLeader: { ...bereft.crashedLeader!, ...change },
});

const withLog = (state: State, log: Partial<LogTerms>): State => ({ ...state, log: { ...state.log, ...log } });
const withDurability = (state: State, durability: Partial<Durability>): State => ({
  ...state,
  durability: { ...state.durability, ...durability },
});
const withRole = <R extends Role>(state: State, role: R, change: Partial<R>): State => ({
  ...state,
  role: { ...role, ...change },
});
const withLeader = (change: Partial<Leader>): State => withRole(leading, asLeader(leading), change);
function withProgress(change: Partial<Progress>): State {
  const { progress } = asLeader(leading);
  return withLeader({ progress: new Map(progress).set(n2, { ...progress.get(n2)!, ...change } as Progress) });
}
const asked = (id: number) => ({ id, ref: 1, dueMs: 900 });
const withReads = (...reads: readonly Partial<PendingRead>[]): State =>
  withLeader({
    reads: reads.map((read) => ({
      asker: { kind: "client", ref: 1 },
      index: leading.commitIndex,
      after: asLeader(leading).round,
      ...read,
    })),
  });
const send = { kind: "send", to: n2, message: { kind: "timeoutNow", term: 1 } } as const;

test("the states that the corruptions begin with are sound", () => {
  for (const state of [following, leading, standing, bereft, candidate()])
    expect(() => checkState(state)).not.toThrow();
});

const refill = { finding: "the end of the log is gone", clusterUuid: null, id: 7, ticket: null };

const corruptions: readonly (readonly [rule: string, state: State])[] = [
  [
    "a node that knows the genesis waits for no founder",
    { ...following, founding: { bootstrap: [], heard: [], joining: [] } },
  ],
  [
    "a node that has lost its data founds no cluster",
    { ...following, genesis: null, refill, founding: { bootstrap: [], heard: [], joining: [] } },
  ],
  ["a node that has lost something does not stand for election", { ...standing, refill }],
  ["nothing is confirmed in a round to come", withProgress({ matchedAfter: 1000 })],
  ["no vote precedes the genesis", { ...following, genesis: null }],
  ["before the genesis a node only waits", { ...standing, genesis: null, currentTerm: 0, votedFor: null }],
  ["entries go only when a snapshot covers them", withLog(following, { base: at(2, 1) })],
  ["what a snapshot covers is applied", { ...following, appliedIndex: 1, snapshot: snapshotAt(at(2, 1)) }],
  ["what is being installed is not durable yet", { ...following, installing: 1, snapshot: snapshotAt(at(2, 1)) }],
  [
    "a snapshot covers what is committed, and nothing else",
    withDurability({ ...following, installing: 1, snapshot: snapshotAt(at(3, 2)) }, { persistedIndex: 2 }),
  ],
  [
    "the log ends no earlier than its snapshot, also in time",
    { ...following, snapshot: { ...snapshotAt(at(2, 1)), stampMs: following.log.lastStampMs + 1 } },
  ],
  ["nothing is applied before it is committed (§3.5)", { ...following, appliedIndex: 3 }],
  ["nothing is applied before it is durable here", withDurability(following, { persistedIndex: 1 })],
  ["what is committed is in the log", { ...following, commitIndex: 4 }],
  ["what is durable is in the log", withDurability(following, { persistedIndex: 4 })],
  ["no entry has a term that this node has not reached", { ...following, currentTerm: 1 }],
  ["no ticket is confirmed before it is issued", withDurability(following, { confirmed: 1 })],
  ["the vote's ticket has been issued", withDurability(following, { voteTicket: 1 })],
  [
    "appends are confirmed in order",
    withDurability(following, {
      issued: 2,
      appends: [
        { ticket: 2, through: 3 },
        { ticket: 1, through: 3 },
      ],
    }),
  ],
  [
    "promises are kept in order",
    withDurability(following, {
      issued: 2,
      promised: [
        { ticket: 2, effect: send },
        { ticket: 1, effect: send },
      ],
    }),
  ],
  ["terms rise along the log", withLog(following, { termStarts: [at(1, 2), at(3, 2)] })],
  ["term starts rise along the log", withLog(following, { termStarts: [at(3, 1), at(3, 2)] })],
  [
    "segments rise along the log",
    withLog(following, {
      segments: [
        { through: 3, bytes: 1 },
        { through: 3, bytes: 1 },
      ],
    }),
  ],
  ["the segments reach the end of the log", withLog(following, { segments: [{ through: 2, bytes: 1 }] })],
  [
    "configurations rise along the log",
    withLog(following, { configurations: [...following.log.configurations, ...following.log.configurations] }),
  ],
  ["what is verified is in the log", withRole(following, asFollower(following), { verifiedIndex: 4 })],
  [
    "nobody is asked about reads but a leader",
    withRole(following, asFollower(following), { leader: null, reads: [asked(1)] }),
  ],
  [
    "reads are asked about once each, in order",
    withRole(following, asFollower(following), { reads: [asked(1), asked(1)] }),
  ],
  [
    "the next read has a name of its own",
    withRole(following, asFollower(following), { reads: [asked(following.nextReadId)] }),
  ],
  ["a read waits for messages after those that were sent when it came", withReads({ after: 99 })],
  ["no read waits that a quorum has confirmed (§6.4)", withReads({ after: -1 })],
  ["no read is served before the leader's term is committed (§6.4)", withReads({ index: 2 })],
  ["a read waits for nothing later than itself", withReads({ index: 5 })],
  ["a leader does not ask itself", withReads({ asker: { kind: "member", key: n1, id: 1 } })],
  ["reads are confirmed in the order of their arrival", withReads({}, { after: asLeader(leading).round - 1 })],
  ["nobody has been asked in a round to come", withLeader({ askedAfter: 99 })],
  ["a candidate has voted for itself (§3.4)", { ...standing, votedFor: n2 }],
  ["nobody votes before being asked", { ...standing, role: { ...standing.role, asked: false } as Role }],
  ["a leader waits for no other one's crash", withCrash(leading, {})],
  ["a leader that has crashed had led a term", withCrash(bereft, { term: 3 })],
  ["evidence of a crash is acted on a few times", withCrash(bereft, { attemptsLeft: 6 })],
  ["an attempt has its time, and only an attempt", withCrash(bereft, { attemptsLeft: 0 })],
  ["a leader that is heard voids what spoke for its crash", withCrash(bereft, { key: n2 })],
  [
    "a state machine asks after what it was given",
    { ...leading, wake: { atMs: 1, through: leading.appliedIndex + 1 } },
  ],
  ["what a leader has appended stays in its log", withLeader({ stirring: { index: 6, stampMs: 0 } })],
  ["a leader has voted for itself", { ...leading, votedFor: n2 }],
  ["a leader never removes entries of its own term (§3.5)", withLeader({ termStartIndex: 6 })],
  ["a leader's term opens with its no-op", withLeader({ termStartIndex: 2 })],
  [
    "a leader's time goes on from where its log stood",
    withLog(leading, { lastStampMs: asLeader(leading).stampBaseMs - 1 }),
  ],
  [
    "a leader's last entry is of its own term",
    { ...withLog(leading, { last: at(5, 2) }), role: { ...asLeader(leading), progress: new Map() } },
  ],
  [
    "a leader follows itself by its own disk only",
    withLeader({ progress: new Map(asLeader(leading).progress).set(n1, asLeader(leading).progress.get(n2)!) }),
  ],
  ["matchIndex is below nextIndex", withProgress({ matchIndex: 6 })],
  ["nextIndex is at most one beyond the log", withProgress({ nextIndex: 7 })],
  ["no round is acknowledged before it is sent", withProgress({ ackedRound: 99 })],
  [
    "messages in flight rise along the log",
    withProgress({
      inFlight: [
        { through: 5, entries: 1, bytes: 1 },
        { through: 5, entries: 1, bytes: 1 },
      ],
    }),
  ],
  ["nothing in flight is beyond nextIndex", withProgress({ inFlight: [{ through: 6, entries: 1, bytes: 1 }] })],
  ["the window of entries holds", withProgress({ inFlight: [{ through: 5, entries: 1e6, bytes: 1 }] })],
];

describe("a state is refused", () => {
  for (const [rule, state] of corruptions) {
    test(`that breaks: ${rule}`, () => expect(() => checkState(state)).toThrow(`invariant broken: ${rule}`));
  }
});

const steps: readonly (readonly [rule: string, before: State, after: State])[] = [
  ["time does not go back", { ...following, nowMs: 5 }, following],
  ["the current term never falls (§3.3)", { ...following, currentTerm: 9 }, following],
  ["the commit index never falls", following, { ...following, commitIndex: 1 }],
  ["nothing is applied twice", following, { ...following, appliedIndex: 1 }],
  ["a node stays itself", following, { ...following, self: n2 }],
  [
    "who has been removed stays removed",
    { ...following, removed: { ...following.log.configurations[0]!, ticket: 1 } },
    following,
  ],
  ["who has been a member has been one", following, { ...following, wasMember: false }],
  ["a genesis is for ever", following, { ...following, genesis: genesisOf(n1) }],
  ["a vote stands for its whole term (§3.4)", { ...following, votedFor: n2 }, { ...following, votedFor: null }],
  ["what was durable stays durable", withDurability(following, { confirmed: 3 }), following],
  ["tickets rise", withDurability(following, { issued: 3 }), following],
  ["a node that takes part does so until it stops", following, { ...following, refill }],
  ["the log's base never goes back", withLog(following, { base: at(1, 1) }), following],
  ["a snapshot never goes back", { ...following, snapshot: snapshotAt(at(2, 1)) }, following],
  [
    "the time of a snapshot never goes back",
    { ...following, snapshot: snapshotAt(at(2, 1)) },
    { ...following, snapshot: { ...snapshotAt(at(2, 1)), stampMs: 5 } },
  ],
  ["a committed entry is never replaced (§3.6.3)", following, withLog(following, { termStarts: [at(1, 1), at(2, 2)] })],
  ["a leader only appends (§3.5)", leading, withLog(leading, { last: at(4, 3) })],
  ["rounds rise", leading, withLeader({ round: 0 })],
  ["matchIndex never falls", leading, withProgress({ matchIndex: 3 })],
];

describe("a step is refused", () => {
  for (const [rule, before, after] of steps) {
    test(`that breaks: ${rule}`, () =>
      expect(() => checkTransition(before, after)).toThrow(`invariant broken: ${rule}`));
  }

  test("but not a step of another kind: a new term, a new leadership, a snapshot over what was committed", () => {
    expect(() =>
      checkTransition({ ...following, votedFor: n2 }, { ...following, currentTerm: 3, votedFor: null }),
    ).not.toThrow();
    expect(() => checkTransition(leading, { ...leading, role: asFollower(following) })).not.toThrow();
    const compacted = withLog(following, { base: at(3, 2), termStarts: [] });
    expect(() => checkTransition(following, { ...compacted, commitIndex: 3, appliedIndex: 3 })).not.toThrow();
    const next = { ...withLeader({ round: 0 }), currentTerm: 9 };
    expect(() => checkTransition(leading, next)).not.toThrow();
  });
});

test("every rule in the source has its corruption here", async () => {
  const source = await Bun.file(new URL("../../src/core/invariants.ts", import.meta.url)).text();
  const rules = [...source.matchAll(/"([^"]+)",?\s*\);/g)].map(([, rule]) => rule!);
  const covered = new Set([...corruptions, ...steps].map(([rule]) => rule));
  expect(rules.length).toBe(source.match(/\bmust\(/g)!.length);
  expect(rules.filter((rule) => !covered.has(rule))).toEqual([]);
});
