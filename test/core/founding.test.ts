// How a cluster begins: who writes the genesis and when, who takes it over, and who must stop.
import { describe, expect, test } from "bun:test";
import { toMemberKey } from "../../src/core/configuration.ts";
import { type MemberKey, nodeIdOf } from "../../src/core/configuration.ts";
import { mayCampaign } from "../../src/core/election.ts";
import { isReadyToFound } from "../../src/core/founding.ts";
import { latestConfiguration } from "../../src/core/log-terms.ts";
import { restore } from "../../src/core/restore.ts";
import type { State } from "../../src/core/state.ts";
import { asFollower, effectsOf, follower, leader, linesOf, play, saved, starting, take } from "./build.ts";
import {
  append,
  at,
  commands,
  foundedAtMs,
  from,
  genesisOf,
  hello,
  n1,
  n2,
  n3,
  n4,
  n5,
  persisted,
  preVote,
  requestVote,
  tick,
  wiped,
} from "./say.ts";

const bootstrap = ["n1", "n2", "n3"].map((id) => ({ id, address: `${id}:7400` }));

/** A node at its first start, with a table of three founders. */
const founder = (self: MemberKey, table: typeof bootstrap | null = bootstrap): State =>
  restore({ ...saved(), genesis: null, lastStampMs: 0 }, starting({ self, bootstrap: table }));

const founded = genesisOf(n1, n2, n3);

describe("writing the genesis", () => {
  test("waits for a hello of every founder", () => {
    const one = play(founder(n1), hello(n2, "founding"));
    expect(isReadyToFound(one)).toBe(false);
    expect(one.genesis).toBeNull();
    const [state, effects] = take(one, hello(n3, "founding"));
    expect(effects.map(({ kind }) => kind)).toEqual(["writeGenesis"]);
    expect(state.genesis?.members).toEqual(founded.members);
    expect(state.genesis?.clusterUuid).toMatch(/^[0-9a-f]{32}$/);
    expect(state.genesis?.foundedAtMs).toBe(foundedAtMs);
    expect(state.founding).toBeNull();
    expect(latestConfiguration(state.log)).toEqual({
      members: founded.members,
      voters: [n1, n2, n3],
      outgoing: [],
      leaving: [],
      pending: [],
    });
  });

  test("is the business of the smallest id alone, whoever hears the others first", () => {
    for (const self of [n2, n3]) {
      const state = play(founder(self), hello(n1, "founding"), hello(n2, "founding"), hello(n3, "founding"));
      expect(state.genesis).toBeNull();
    }
  });

  test("takes the incarnation that spoke last: a founder whose disk was replaced before the founding is the new one", () => {
    const state = play(founder(n1), hello(n2, "founding"), hello(wiped(n2), "founding"), hello(n3, "founding"));
    expect(state.genesis?.members.map(({ key }) => key)).toEqual([n1, wiped(n2), n3]);
  });

  test("does not count a stranger, or the same founder twice", () => {
    const state = play(founder(n1), hello(n2, "founding"), hello(n2, "founding"), hello(n4, "founding"));
    expect(state.genesis).toBeNull();
    expect(state.founding?.heard).toEqual([n1, n2]);
  });

  test("does not count one that waits to be added, nor one that did so since it was heard", () => {
    const waits = play(founder(n1), hello(n2, "joining"), hello(n3, "founding"));
    expect(waits.genesis).toBeNull();
    expect(waits.founding?.heard).toEqual([n1, n3]);
    const turned = play(founder(n1), hello(n2, "founding"), hello(wiped(n2), "joining"), hello(n3, "founding"));
    expect(turned.genesis).toBeNull();
    expect(turned.founding?.heard).toEqual([n1, n3]);
  });

  test("tells the others once it is durable here, and not before", () => {
    const state = play(founder(n1), hello(n2, "founding"), hello(n3, "founding"));
    expect(linesOf(state, persisted(1)).map((line) => line.replace(/[0-9a-f]{8}/, "…"))).toEqual([
      "genesis … is durable",
      "to n2: GenesisNotice …",
      "to n3: GenesisNotice …",
    ]);
  });

  test("happens once: later hellos find it written", () => {
    const state = play(founder(n1), hello(n2, "founding"), hello(n3, "founding"), persisted(1));
    expect(play(state, hello(n2, "founding"), hello(n3, "founding")).genesis).toBe(state.genesis);
    expect(linesOf(state, tick)).toEqual([]);
  });

  test("two clusters have two names", () => {
    const uuidOf = (seed: readonly [number, number, number, number]): string | undefined => {
      const start = restore({ ...saved(), genesis: null }, starting({ seed, bootstrap: bootstrap.slice(0, 1) }));
      return take(start, tick)[0].genesis?.clusterUuid;
    };
    expect(uuidOf([1, 1, 1, 1])).not.toBe(uuidOf([1, 1, 1, 2])!);
  });
});

describe("taking a genesis over", () => {
  const notice = { kind: "genesisNotice", genesis: founded } as const;
  for (const [how, event] of [
    ["from a notice", from(n1, notice)],
    ["from a hello", hello(n1, founded)],
  ] as const) {
    test(`${how}: written, passed on when durable, and its wait for a leader begins`, () => {
      const [state, effects] = take(founder(n2), event, 5000);
      expect(effects).toEqual([{ kind: "writeGenesis", ticket: 1, genesis: founded }]);
      expect(state.genesis).toEqual(founded);
      expect(asFollower(state).electionDueMs).toBeGreaterThanOrEqual(5500);
      expect(linesOf(state, persisted(1))).toEqual([
        "genesis c1c1c1c1 is durable",
        "to n1: GenesisNotice c1c1c1c1",
        "to n3: GenesisNotice c1c1c1c1",
      ]);
    });
  }

  test("a node without a table takes one over too, if it is in it", () => {
    expect(play(founder(n2, null), hello(n1, founded)).genesis).toEqual(founded);
  });

  test("a node that knows one keeps it, whatever others say", () => {
    const other = { ...genesisOf(n1, n2), clusterUuid: "d2d2d2d2".repeat(4) };
    const state = follower();
    for (const told of [hello(n2, other), from(n2, { kind: "genesisNotice", genesis: other })]) {
      const [after, effects] = take(state, told);
      expect(effects).toEqual([]);
      expect(after).toEqual({ ...state, strangers: [n2] });
    }
  });

  test("foreign nodes are remembered up to a bound, and before all others those that a configuration here names", () => {
    const other = { ...genesisOf(n1, n2), clusterUuid: "d2d2d2d2".repeat(4) };
    let state = play(follower(), hello(n2, other));
    for (let disk = 1; disk <= 1_000; disk += 1) state = play(state, hello(toMemberKey("n9", `disk${disk}`), other));
    expect(state.strangers.length).toBe(128);
    expect(state.strangers[0]).toBe(n2);
    expect(state.strangers.at(-1)).toBe(toMemberKey("n9", "disk1000"));
  });

  test("P42: of two clusters that name the same nodes, none hears the votes and entries of the other", () => {
    const other = { ...genesisOf(n1, n2), clusterUuid: "d2d2d2d2".repeat(4) };
    const estranged = play(follower(), hello(n2, other));
    const asked = [
      from(n2, preVote(1, at(9, 9), true)),
      from(n2, requestVote(7, at(9, 9), true)),
      from(n2, append({ term: 7, entries: commands([7]) })),
    ];
    for (const message of asked) expect(take(estranged, message)).toEqual([estranged, []]);
    expect(effectsOf(take(follower(), from(n2, requestVote(7, at(9, 9), true)))[1], "writeVote")).not.toEqual([]);
    // Once it is of this cluster after all, it is heard again.
    expect(play(estranged, hello(n2, founded)).strangers).toEqual([]);
  });

  test("a founder takes a genesis from another founder alone: no other node ends its process, or founds for it", () => {
    const waiting = founder(n1);
    const foreign = { ...genesisOf(n4, n5), clusterUuid: "d2d2d2d2".repeat(4) };
    for (const genesis of [foreign, { ...foreign, members: [...foreign.members, ...genesisOf(n1).members] }]) {
      for (const told of [hello(n4, genesis), from(n4, { kind: "genesisNotice", genesis })]) {
        expect(take(waiting, told)).toEqual([waiting, []]);
      }
    }
  });

  test("a node that knows one tells a newcomer, when it is durable here", () => {
    expect(linesOf(follower(), hello(n2, "founding"))).toEqual(["to n2: GenesisNotice c1c1c1c1"]);
    const fresh = play(founder(n2), hello(n1, founded));
    expect(linesOf(fresh, hello(n3, "founding"))).toEqual([]);
    const told = linesOf(play(fresh, hello(n3, "founding")), persisted(1)).filter((line) => line.startsWith("to n3"));
    expect(told).toHaveLength(1);
  });

  test("a leader tells a newcomer as well, though it keeps no progress for it", () => {
    expect(linesOf(leader(), hello(wiped(n3), "founding"))).toEqual(["to n3: GenesisNotice c1c1c1c1"]);
  });
});

describe("P42: a disk that is not the one the cluster was founded with", () => {
  test("P42: a wiped node is told so and stops; it writes nothing", () => {
    for (const self of [wiped(n1), wiped(n2)]) {
      const [state, effects] = take(founder(self), hello(n3, founded));
      const id = self === wiped(n1) ? "n1" : "n2";
      expect(effects).toEqual([{ kind: "halt", reason: { kind: "wiped", clusterUuid: founded.clusterUuid, id } }]);
      expect(state.genesis).toBeNull();
    }
  });

  test("P42: a node that the cluster was founded without is told so and stops", () => {
    const table = [n4, n1, n2].map((key) => ({ id: nodeIdOf(key), address: `${nodeIdOf(key)}:7400` }));
    const [, effects] = take(founder(n4, table), from(n1, { kind: "genesisNotice", genesis: founded }));
    expect(effects).toEqual([
      { kind: "halt", reason: { kind: "notListed", clusterUuid: founded.clusterUuid, id: "n4" } },
    ]);
  });

  test("P42: a node without a table of founders adopts the genesis and waits to be added, under an old name as well", () => {
    for (const self of [n4, wiped(n3)]) {
      const [state, effects] = take(founder(self, null), from(n1, { kind: "genesisNotice", genesis: founded }));
      expect(effects.map(({ kind }) => kind)).toEqual(["writeGenesis"]);
      expect(state.genesis).toEqual(founded);
      // It is no voter: its timer makes it stand for nothing.
      expect(linesOf(state, tick, 10_000)).toEqual([]);
      expect(mayCampaign(state)).toBe(false);
      // Another cluster's genesis finds it taken.
      const other = { ...founded, clusterUuid: "d2".repeat(16) };
      expect(play(state, from(n2, { kind: "genesisNotice", genesis: other })).genesis).toEqual(founded);
    }
  });

  test("P42: one founder that knows the old cluster is enough to keep a wiped one from founding a second", () => {
    const lagging = play(founder(wiped(n1)), hello(n3, "founding"));
    expect(lagging.genesis).toBeNull();
    expect(linesOf(lagging, hello(n2, founded))).toEqual([
      "halt: cluster c1c1c1c1 knows n1 with another disk: this one is new or was wiped",
    ]);
  });

  test("P42: without a genesis a node neither votes, encourages, takes entries nor stands", () => {
    const state = founder(wiped(n1));
    for (const message of [requestVote(9, at(9, 9)), preVote(9, at(9, 9)), append({ term: 9 })]) {
      expect(take(state, from(n2, message))).toEqual([state, []]);
    }
    const later = take(state, tick, 1e6);
    expect(later[1]).toEqual([]);
    expect(later[0].role.kind).toBe("follower");
  });
});

test("P2: before the genesis there is no term and no vote to write", () => {
  const state = play(founder(n1), hello(n2, "founding"));
  expect(state).toMatchObject({ currentTerm: 0, votedFor: null });
  expect(effectsOf(take(state, from(n2, requestVote(3, at(0, 0))))[1], "writeVote")).toEqual([]);
});
