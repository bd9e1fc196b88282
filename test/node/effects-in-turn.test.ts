// Each effect against the calls that it makes, with their arguments and in their order.
import { describe, expect, test } from "bun:test";
import type { ChangeSettled, DurableEffect, Effect, FollowerFault, TransferSettled } from "../../src/core/effects.ts";
import type { Entry } from "../../src/core/entry.ts";
import type { State } from "../../src/core/state.ts";
import { type EffectTargets, executeEffect } from "../../src/node/execute-effects.ts";
import { follower, leader } from "../core/build.ts";
import { at, commands, genesisOf, n1, n2, n3, snapshotAt, voteReply } from "../core/say.ts";

/** Everything that is called, and what is written with the turn. */
function calledBy(effect: Effect, state: State = follower({ log: [1], leader: n2 }), read: readonly Entry[] = []) {
  const calls: unknown[][] = [];
  const recorded = (name: string, answer?: unknown) =>
    function record(...given: unknown[]) {
      calls.push([name, ...given]);
      return answer;
    };
  /** Which calls a part takes; any other one throws. */
  const part = (name: string, ...methods: readonly string[]) =>
    Object.fromEntries(methods.map((method) => [method, recorded(`${name}.${method}`)]));
  const writes: DurableEffect[] = [];
  const targets = {
    transport: part("transport", "send", "setAffiliation", "dismiss"),
    tail: {
      ...part("tail", "append", "truncate", "clear"),
      read: recorded("tail.read", read),
      chainAt: recorded("tail.chainAt", 77),
    },
    applier: part("applier", "advance", "serve", "hold", "restore"),
    waiting: part("waiting", "place", "refuse", "coverThrough"),
    reads: part("reads", "ready", "refuse"),
    snapshots: part("snapshots", "fetch", "check", "onWritten"),
    writes,
    ...Object.fromEntries(
      ["transferSettled", "changeSettled", "removed", "followerFault", "halt"].map((name) => [name, recorded(name)]),
    ),
  } as unknown as EffectTargets;
  executeEffect(effect, state, targets);
  return { calls, writes };
}

const snapshot = snapshotAt(at(6, 2));
const cut = {
  kind: "writeSnapshot",
  ticket: 5,
  snapshot,
  base: at(4, 2),
  baseConfiguration: snapshot.configuration,
  baseActivation: null,
} as const;
const entries = commands([2, 2], 3);
const notLeader = (known: object | null, message: string) => ({ code: "not-leader", message, leader: known });
const namesN2 = notLeader({ id: "n2", address: "n2:7400" }, "this node does not lead, n2 does");
const namesNobody = notLeader(null, "this node does not lead and knows no leader");
const transfer: TransferSettled = { kind: "transferSettled", ref: 4, outcome: { kind: "done" } };
const change = { kind: "changeSettled", ref: 4, outcome: { kind: "busy" } } as unknown as ChangeSettled;
const fault: FollowerFault = { kind: "followerFault", of: n3, fault: null };

describe("an effect that is written", () => {
  const written: readonly (readonly [DurableEffect, ...(readonly unknown[][])])[] = [
    [{ kind: "writeVote", ticket: 1, currentTerm: 3, votedFor: n2 }],
    [{ kind: "writeGenesis", ticket: 1, genesis: genesisOf(n1, n2) }],
    [{ kind: "writeRemoved", ticket: 1, ...snapshot.configuration }],
    [{ kind: "writeRefilled", ticket: 1 }],
    [{ kind: "appendLog", ticket: 1, entries }, ["tail.append", entries]],
    [{ kind: "truncateLog", ticket: 1, through: 3 }, ["tail.truncate", 3]],
    [{ ...cut, discardsLog: false }, ["snapshots.onWritten", 5]],
    [{ ...cut, discardsLog: true }, ["tail.clear", snapshot], ["applier.hold"], ["snapshots.onWritten", 5]],
  ];

  test("is collected for the turn, and those who look at the log see it at once", () => {
    for (const [effect, ...calls] of written) expect(calledBy(effect)).toEqual({ calls, writes: [effect] });
  });
});

describe("any other effect", () => {
  const done: readonly (readonly [Effect, ...(readonly unknown[][])])[] = [
    [{ kind: "fetchSnapshot", from: n2, snapshot }, ["snapshots.fetch", n2, snapshot]],
    [{ kind: "checkSnapshot", by: n3, snapshot }, ["snapshots.check", n3, snapshot]],
    [{ kind: "restoreState", snapshot }, ["waiting.coverThrough", 6], ["applier.restore", snapshot]],
    [{ kind: "send", to: n3, message: voteReply(2, true) }, ["transport.send", n3, voteReply(2, true)]],
    [{ kind: "apply", after: 3, through: 5 }, ["applier.advance", 5]],
    [{ kind: "proposalsAccepted", refs: [8, 9], first: at(3, 2) }, ["waiting.place", [8, 9], at(3, 2)]],
    [{ kind: "proposalsRefused", refs: [8, 9], leader: n2 }, ["waiting.refuse", [8, 9], namesN2]],
    [{ kind: "proposalsRefused", refs: [8], leader: null }, ["waiting.refuse", [8], namesNobody]],
    [{ kind: "readReady", ref: 7, index: 5 }, ["reads.ready", 7, { index: 5, term: 1 }], ["applier.serve"]],
    [{ kind: "readRefused", ref: 7, leader: n2 }, ["reads.refuse", 7, namesN2]],
    [{ kind: "readRefused", ref: 7, leader: null }, ["reads.refuse", 7, namesNobody]],
    [{ kind: "genesisDurable", genesis: genesisOf(n1, n2) }, ["transport.setAffiliation", genesisOf(n1, n2)]],
    [transfer, ["transferSettled", transfer]],
    [change, ["changeSettled", change]],
    [fault, ["followerFault", fault]],
    [{ kind: "accuse", from: n3, lie: "it lies" }, ["transport.dismiss", n3, "it lies"]],
    [
      { kind: "halt", reason: { kind: "wiped", clusterUuid: "c", id: "n1" } },
      ["halt", { kind: "wiped", clusterUuid: "c", id: "n1" }],
    ],
  ];

  test("calls the part that it concerns, and writes nothing", () => {
    for (const [effect, ...calls] of done) expect(calledBy(effect)).toEqual({ calls, writes: [] });
  });

  test("a removal is told with its configuration", () => {
    const removed = { kind: "removed", ...snapshot.configuration } as const;
    expect(calledBy(removed)).toEqual({ calls: [["removed", removed]], writes: [] });
  });

  test("a read that a leader refuses is one too many, and names no other node", () => {
    const { calls } = calledBy({ kind: "readRefused", ref: 7, leader: n1 }, leader({ log: [1] }));
    const error = { code: "overloaded", message: "too many reads wait already", leader: null };
    expect(calls).toEqual([["reads.refuse", 7, error]]);
  });
});

describe("entries that are sent", () => {
  const effect = {
    kind: "sendEntries",
    to: n3,
    term: 2,
    prev: at(2, 2),
    through: at(4, 2),
    bytesMax: 900,
    leaderCommit: 1,
    round: 5,
    freshAsOf: 60,
    confirmed: 3,
    refill: { index: 9, term: 2 },
  } as unknown as Extract<Effect, { kind: "sendEntries" }>;
  const sent = (prev: object, found: readonly Entry[]) => [
    "transport.send",
    n3,
    {
      kind: "appendEntries",
      term: 2,
      prev,
      prevChain: 77,
      entries: found,
      leaderCommit: 1,
      round: 5,
      freshAsOf: 60,
      confirmed: 3,
      refill: effect.refill,
    },
  ];
  const reading = ["tail.read", 3, 4, 900];

  test("are read after prev, and go with the checksum there and with all that the leader says", () => {
    const { calls } = calledBy(effect, undefined, entries);
    expect(calls).toEqual([reading, ["tail.chainAt", 2], sent(at(2, 2), entries)]);
  });

  test("may be fewer, and then nobody knows yet what stands at the end", () => {
    const [first] = entries;
    const { calls } = calledBy({ ...effect, through: at(4, 9) }, undefined, [first!]);
    expect(calls.at(-1)).toEqual(sent(at(2, 2), [first!]));
  });

  test("are none when nothing is read, or when the end is another one", () => {
    expect(calledBy(effect).calls).toEqual([reading]);
    expect(calledBy({ ...effect, through: at(4, 3) }, undefined, entries).calls).toEqual([reading]);
  });

  test("a heartbeat reads none, also behind a longer log", () => {
    const { calls } = calledBy({ ...effect, prev: at(4, 2) }, undefined, entries);
    expect(calls).toEqual([["tail.chainAt", 4], sent(at(4, 2), [])]);
  });
});
