// The messages and events of tests, short enough that a table of them can be read. What stands here builds data and
// checks nothing; states are build.ts.
import { incarnationOf, type MemberKey, nodeIdOf, toMemberKey } from "../../src/core/configuration.ts";
import type { Entry } from "../../src/core/entry.ts";
import type { Event } from "../../src/core/events.ts";
import { type Affiliation, type Genesis, genesisConfiguration } from "../../src/core/genesis.ts";
import type { Impediment } from "../../src/core/impediment.ts";
import type { LogPosition } from "../../src/core/log-position.ts";
import { type Addition, type MembershipChange, noChange } from "../../src/core/membership-change.ts";
import type { Message, RefillGoal } from "../../src/core/messages.ts";
import type { SnapshotRecord } from "../../src/core/snapshot-record.ts";

/** An event without its time: `take` adds it. */
export type Untimed = Event extends infer Each ? (Each extends Event ? Omit<Each, "nowMs"> : never) : never;

/** Node n1 with the incarnation `disk1`, and so on. */
export const [n1, n2, n3, n4, n5] = ["n1", "n2", "n3", "n4", "n5"].map((id) =>
  toMemberKey(id, `disk${id.slice(1)}`),
) as [MemberKey, MemberKey, MemberKey, MemberKey, MemberKey];

/** The same name on an empty disk. */
export const wiped = (key: MemberKey): MemberKey => toMemberKey(nodeIdOf(key), `${incarnationOf(key)}-new`);

export const at = (index: number, term: number): LogPosition => ({ index, term });

/** Replicated time at which the clusters of tests are founded, ms. */
export const foundedAtMs = 1_000_000;

/** Commands of the given terms, the first at `first`; each with a payload of `bytes`. */
export const commands = (terms: readonly number[], first = 1, bytes = 4): readonly Entry[] =>
  terms.map((term, offset) => {
    const index = first + offset;
    return {
      kind: "command",
      index,
      term,
      stampMs: foundedAtMs + index,
      payload: new Uint8Array(bytes),
      session: null,
    };
  });

export const noop = (index: number, term: number): Entry => ({
  kind: "noop",
  index,
  term,
  stampMs: foundedAtMs + index,
});

export const genesisOf = (...members: readonly MemberKey[]): Genesis => ({
  clusterUuid: "c1c1c1c1".repeat(4),
  members: members.map((key) => ({ key, address: `${nodeIdOf(key)}:7400`, priority: 0 })),
  foundedAtMs,
});

// Messages

export const preVote = (term: number, last: LogPosition, transfer = false): Message => ({
  kind: "requestPreVote",
  term,
  last,
  transfer,
});
export const preVoteReply = (askedTerm: number, term: number, granted: boolean): Message => ({
  kind: "requestPreVoteReply",
  askedTerm,
  term,
  granted,
});
export const requestVote = (term: number, last: LogPosition, transfer = false): Message => ({
  kind: "requestVote",
  term,
  last,
  transfer,
});
export const voteReply = (term: number, granted: boolean): Message => ({ kind: "requestVoteReply", term, granted });
export const timeoutNow = (term: number): Message => ({ kind: "timeoutNow", term });

interface Append {
  readonly term: number;
  readonly prev?: LogPosition;
  readonly entries?: readonly Entry[];
  readonly commit?: number;
  readonly round?: number;
  readonly freshAsOf?: number | null;
  readonly prevChain?: number;
  readonly confirmed?: number;
  readonly refill?: RefillGoal | null;
}
export const append = ({
  term,
  prev = at(0, 0),
  entries = [],
  commit = 0,
  round = 1,
  freshAsOf = null,
  prevChain = 0,
  confirmed = 0,
  refill = null,
}: Append): Message => ({
  kind: "appendEntries",
  term,
  prev,
  entries,
  leaderCommit: commit,
  round,
  freshAsOf,
  prevChain,
  confirmed,
  refill,
});
export const accepted = (term: number, matchIndex: number, round = 1, clockMs = 0): Message => ({
  kind: "appendEntriesReply",
  term,
  round,
  clockMs,
  refill: null,
  outcome: { kind: "accepted", matchIndex },
});

interface Refused {
  readonly prevIndex: number;
  readonly conflict: LogPosition;
  readonly lastIndex: number;
}
export const refused = (term: number, outcome: Refused, round = 1): Message => ({
  kind: "appendEntriesReply",
  term,
  round,
  clockMs: 0,
  refill: null,
  outcome: { kind: "refused", ...outcome },
});

export const readIndex = (term: number, id: number): Message => ({ kind: "readIndex", term, id });
export const readIndexReply = (term: number, id: number, index: number | null): Message => ({
  kind: "readIndexReply",
  term,
  id,
  index,
});
/** A snapshot through `position`, of the cluster of the given members or of n1, n2, n3. */
export const snapshotAt = (position: LogPosition, ...members: readonly MemberKey[]): SnapshotRecord => ({
  position,
  stampMs: foundedAtMs + position.index,
  chain: 1000 + position.index,
  configuration: {
    position: at(0, 0),
    configuration: genesisConfiguration(genesisOf(...(members.length > 0 ? members : [n1, n2, n3]))),
  },
  activation: null,
  origin: "a1",
  file: `${position.index}-${position.term}`,
  bytes: 100,
  checksum: 7,
});
interface Told {
  readonly confirmed: number;
  readonly refill: RefillGoal | null;
}
export const install = (
  snapshot: SnapshotRecord,
  { term, round = 1, ...told }: { readonly term: number; readonly round?: number } & Partial<Told>,
): Message => ({
  kind: "installSnapshot",
  term,
  round,
  snapshot,
  confirmed: 0,
  refill: null,
  ...told,
});
export const fetchFailed = (term: number, file: string, round = 1): Message => ({
  kind: "appendEntriesReply",
  term,
  round,
  clockMs: 0,
  refill: null,
  outcome: { kind: "fetchFailed", file },
});
export const fetching = (term: number, round = 1): Message => ({
  kind: "appendEntriesReply",
  term,
  round,
  clockMs: 0,
  refill: null,
  outcome: { kind: "fetching" },
});

// Events

export const tick: Untimed = { kind: "tick" };
export const from = (sender: MemberKey, message: Message): Untimed => ({ kind: "message", from: sender, message });
export const persisted = (ticket: number): Untimed => ({ kind: "persisted", ticket });
export const hello = (key: MemberKey, affiliation: Affiliation): Untimed => ({
  kind: "peerConnected",
  peer: { id: nodeIdOf(key), incarnation: incarnationOf(key) },
  affiliation,
});
export const arriving = (sender: MemberKey): Untimed => ({ kind: "partReceived", from: sender });
export const crashed = (peer: MemberKey): Untimed => ({ kind: "peerCrashed", peer });
/** Commands of the given sizes, named 1, 2, … */
export const propose = (...sizes: readonly number[]): Untimed => ({
  kind: "propose",
  proposals: sizes.map((size, offset) => ({
    kind: "command",
    ref: offset + 1,
    payload: new Uint8Array(size),
    session: null,
  })),
});
export const read = (ref = 1): Untimed => ({ kind: "read", ref });
export const change = (part: Partial<MembershipChange>, expectedIndex: number | null = null): Untimed => ({
  kind: "changeMembership",
  ref: 1,
  change: { ...noChange, ...part },
  expectedIndex,
});
/** To be a voter once it has caught up. */
export const voter = (key: MemberKey, address = `${nodeIdOf(key)}:7400`): Addition => ({
  key,
  address,
  priority: null,
  voter: true,
});
/** To stay a learner. */
export const learner = (key: MemberKey): Addition => ({ ...voter(key), voter: false });
export const taken = (snapshot: SnapshotRecord): Untimed => ({ kind: "snapshotTaken", snapshot });
export const fetched = (snapshot: SnapshotRecord): Untimed => ({ kind: "snapshotFetched", snapshot });
export const failedFetch = (sender: MemberKey, file: string): Untimed => ({ kind: "fetchFailed", from: sender, file });
export const fitness = (...unfit: readonly (readonly [MemberKey, Impediment])[]): Untimed => ({
  kind: "fitness",
  unfit: new Map(unfit),
});
export const transferTo = (to: string | null, ref = 1): Untimed => ({ kind: "transferLeadership", ref, to });
