// States, events and effects as prose: each kind has its line, names are short, and payloads never show.
import { describe, expect, test } from "bun:test";
import type { MemberKey } from "../../src/core/configuration.ts";
import { describeEffect, describeEvent, describeState } from "../../src/core/describe.ts";
import type { Effect, TransferOutcome } from "../../src/core/effects.ts";
import { genesisConfiguration } from "../../src/core/genesis.ts";
import { restore } from "../../src/core/restore.ts";
import { asking, follower, leader, play, preCandidate, saved, starting } from "./build.ts";
import {
  accepted,
  append,
  at,
  commands,
  fitness,
  from,
  genesisOf,
  hello,
  n1,
  n2,
  n3,
  noop,
  persisted,
  preVote,
} from "./say.ts";
import {
  preVoteReply,
  propose,
  read,
  readIndex,
  readIndexReply,
  refused,
  requestVote,
  tick,
  timeoutNow,
  transferTo,
  type Untimed,
  voteReply,
  snapshotAt,
} from "./say.ts";

const genesis = genesisOf(n1, n2, n3);

function writeSnapshot(discardsLog: boolean): Effect {
  const snapshot = snapshotAt(at(9, 3));
  const base = discardsLog ? snapshot.position : at(7, 2);
  const atBase = { base, baseConfiguration: snapshot.configuration, baseActivation: null };
  return { kind: "writeSnapshot", ticket: 1, snapshot, ...atBase, discardsLog };
}

test("states", () => {
  const lines = [
    restore({ ...saved(), genesis: null }, starting()),
    restore({ ...saved(), genesis: null }, starting({ bootstrap: [{ id: "n1", address: "n1:7400" }] })),
    follower({ log: [1, 2], commitIndex: 1 }),
    follower({ log: [1], leader: n3 }),
    preCandidate({ log: [1] }),
    asking({ log: [1] }),
    play(leader({ log: [1], matched: [[n2, 2]] }), propose(4)),
  ].map(describeState);
  expect(lines).toEqual([
    "n1 joining term 0, log 0.0, commit 0",
    "n1 founding term 0, log 0.0, commit 0",
    "n1 follower term 2, log 2.2, commit 1",
    "n1 follower of n3 term 1, log 1.1, commit 0",
    "n1 preCandidate term 1, log 1.1, commit 0",
    "n1 candidate term 2, log 1.1, commit 0",
    "n1 leader term 2, log 3.2 (durable 2), commit 2",
  ]);
});

describe("events", () => {
  const configuration = genesisConfiguration(genesis);
  const entries = [...commands([3], 2), noop(3, 3), { ...noop(4, 3), kind: "configuration", configuration } as const];
  const cases: readonly (readonly [Untimed, string])[] = [
    [tick, "the timer fires"],
    [persisted(4), "ticket 4 is durable"],
    [propose(1, 2), "2 proposed"],
    [hello(n2, "founding"), "n2 says hello and is founding"],
    [hello(n2, "joining"), "n2 says hello and is joining"],
    [hello(n2, genesis), "n2 says hello and knows cluster c1c1c1c1"],
    [read(4), "read 4 arrives"],
    [transferTo("n2"), "leadership shall go to n2"],
    [fitness([n2, "space"], [n3, "hidden"]), "unfit to lead: n2 (space), n3 (hidden)"],
    [fitness(), "unfit to lead: nobody"],
    [transferTo(null), "leadership shall go to the best prepared voter"],
    [from(n2, preVote(3, at(4, 2))), "from n2: RequestPreVote term 3, last 4.2"],
    [from(n2, preVoteReply(3, 2, true)), "from n2: RequestPreVoteReply for term 3: granted"],
    [from(n2, preVoteReply(3, 5, false)), "from n2: RequestPreVoteReply for term 3: refused, term 5"],
    [from(n2, requestVote(3, at(4, 2), true)), "from n2: RequestVote term 3, last 4.2 (transfer)"],
    [from(n2, voteReply(3, true)), "from n2: RequestVoteReply term 3: granted"],
    [from(n2, voteReply(3, false)), "from n2: RequestVoteReply term 3: refused"],
    [
      from(n2, append({ term: 3, prev: at(1, 1), entries, commit: 1 })),
      "from n2: AppendEntries term 3 after 1.1: 2.3, 3.3 noop, 4.3 (voters n1 n2 n3), commit 1",
    ],
    [from(n2, append({ term: 3 })), "from n2: AppendEntries term 3 after 0.0: nothing, commit 0"],
    [from(n2, accepted(3, 7)), "from n2: AppendEntriesReply term 3: matches through 7"],
    [
      from(n2, refused(3, { prevIndex: 7, conflict: at(4, 2), lastIndex: 9 })),
      "from n2: AppendEntriesReply term 3: refused after 7, conflict 4.2, last 9",
    ],
    [from(n2, timeoutNow(3)), "from n2: TimeoutNow term 3"],
    [from(n2, readIndex(3, 77)), "from n2: ReadIndex term 3"],
    [from(n2, readIndexReply(3, 77, 9)), "from n2: ReadIndexReply term 3: 9"],
    [from(n2, readIndexReply(3, 77, null)), "from n2: ReadIndexReply term 3: refused"],
    [from(n2, { kind: "genesisNotice", genesis }), "from n2: GenesisNotice c1c1c1c1"],
  ];
  for (const [event, line] of cases) test(line, () => expect(describeEvent({ ...event, nowMs: 0 })).toBe(line));
});

describe("effects", () => {
  const sent = {
    kind: "sendEntries",
    to: n2,
    term: 3,
    prev: at(1, 1),
    bytesMax: 1,
    leaderCommit: 1,
    round: 4,
    freshAsOf: null,
    confirmed: 0,
    refill: null,
  } as const;
  const settled = (outcome: TransferOutcome): Effect => ({ kind: "transferSettled", ref: 1, outcome });
  const halted = (kind: "wiped" | "notListed"): Effect => ({
    kind: "halt",
    reason: { kind, clusterUuid: genesis.clusterUuid, id: "n1" },
  });
  const cases: readonly (readonly [Effect, string])[] = [
    [{ kind: "writeVote", ticket: 1, currentTerm: 3, votedFor: n2 }, "write term 3, vote n2 [1]"],
    [{ kind: "writeVote", ticket: 1, currentTerm: 3, votedFor: null }, "write term 3, vote none [1]"],
    [{ kind: "truncateLog", ticket: 2, through: 7 }, "truncate after 7 [2]"],
    [{ kind: "appendLog", ticket: 3, entries: commands([1, 1]) }, "append 1.1, 2.1 [3]"],
    [{ kind: "writeGenesis", ticket: 1, genesis }, "write genesis c1c1c1c1 [1]"],
    [writeSnapshot(false), "write snapshot 9.3, the log begins after 7.2 [1]"],
    [writeSnapshot(true), "write snapshot 9.3, the log begins anew after 9.3 [1]"],
    [{ kind: "send", to: n2, message: timeoutNow(3) }, "to n2: TimeoutNow term 3"],
    [{ ...sent, through: at(1, 1) }, "to n2: heartbeat term 3 at 1.1, commit 1"],
    [{ ...sent, through: at(4, 3) }, "to n2: entries term 3 after 1.1 through 4.3, commit 1"],
    [{ kind: "apply", after: 3, through: 7 }, "apply 4 through 7"],
    [{ kind: "proposalsAccepted", refs: [1, 2], first: at(3, 2) }, "accept 2 from 3.2"],
    [{ kind: "proposalsRefused", refs: [1], leader: n3 }, "refuse 1, leader n3"],
    [{ kind: "proposalsRefused", refs: [1], leader: null }, "refuse 1, leader unknown"],
    [{ kind: "readReady", ref: 4, index: 9 }, "read 4 may be served at 9"],
    [{ kind: "readRefused", ref: 4, leader: n3 }, "refuse read 4, leader n3"],
    [{ kind: "readRefused", ref: 4, leader: null }, "refuse read 4, leader unknown"],
    [settled({ kind: "done" }), "transfer: done"],
    [settled({ kind: "notLeader", leader: n3 }), "transfer: this node does not lead, n3 does"],
    [settled({ kind: "notLeader", leader: null }), "transfer: this node does not lead"],
    [settled({ kind: "unknownTarget", to: "n9" }), "transfer: n9 is not a voter of this cluster"],
    [settled({ kind: "noTarget" }), "transfer: no other voter that could lead has answered lately"],
    [
      settled({ kind: "unfitTarget", to: "n2", impediment: "hidden" }),
      "transfer: n2 cannot lead well: no other voter can dial it",
    ],
    [settled({ kind: "busy" }), "transfer: another transfer is under way"],
    [settled({ kind: "timedOut" }), "transfer: the target did not take over within an election timeout"],
    [{ kind: "genesisDurable", genesis }, "genesis c1c1c1c1 is durable"],
    [halted("wiped"), "halt: cluster c1c1c1c1 knows n1 with another disk: this one is new or was wiped"],
    [halted("notListed"), "halt: cluster c1c1c1c1 was founded without n1"],
  ];
  for (const [effect, line] of cases) test(line, () => expect(describeEffect(effect)).toBe(line));
});

test("P57: a payload never shows, in no line", () => {
  const payload = new TextEncoder().encode("secret");
  const entry = { kind: "command", index: 1, term: 1, stampMs: 0, payload, session: null } as const;
  const lines = [
    describeEvent({ kind: "propose", nowMs: 0, proposals: [{ kind: "command", ref: 1, payload, session: null }] }),
    describeEvent({
      kind: "message",
      nowMs: 0,
      from: "n2@x" as MemberKey,
      message: append({ term: 1, entries: [entry] }),
    }),
    describeEffect({ kind: "appendLog", ticket: 1, entries: [entry] }),
  ].join("\n");
  expect(lines).not.toContain("secret");
  expect(lines).not.toContain(payload.join(","));
});
