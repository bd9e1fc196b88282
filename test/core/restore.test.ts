// What a node is when it starts: what it saved, and nothing else.
import { describe, expect, test } from "bun:test";
import { genesisConfiguration } from "../../src/core/genesis.ts";
import { checkState } from "../../src/core/invariants.ts";
import { logStart } from "../../src/core/log-position.ts";
import { latestConfiguration } from "../../src/core/log-terms.ts";
import { restore } from "../../src/core/restore.ts";
import { asFollower, linesOf, saved, starting, take } from "./build.ts";
import { at, foundedAtMs, from, genesisOf, n1, n2, n3, preVote, requestVote, tick } from "./say.ts";

const bootstrap = ["n1", "n2", "n3"].map((id) => ({ id, address: `${id}:7400` }));

describe("a restart", () => {
  test("keeps term, vote and log, and follows nobody", () => {
    const state = restore(saved({ log: [1, 1, 4], term: 6, votedFor: n2 }), starting());
    expect(state).toMatchObject({ currentTerm: 6, votedFor: n2, founding: null });
    expect(state.log).toMatchObject({ last: at(3, 4), termStarts: [at(1, 1), at(3, 4)], segments: [], sizedAfter: 3 });
    expect(asFollower(state)).toMatchObject({ leader: null, leaderHeardMs: null, verifiedIndex: 0, round: 0 });
  });

  test("P3: remembers its vote: nobody else gets one in that term", () => {
    const state = restore(saved({ log: [1], term: 6, votedFor: n2 }), starting());
    expect(linesOf(state, from(n3, requestVote(6, at(9, 5))))).toEqual(["to n3: RequestVoteReply term 6: refused"]);
    expect(linesOf(state, from(n2, requestVote(6, at(1, 1))))).toEqual(["to n2: RequestVoteReply term 6: granted"]);
  });

  test("counts as committed only what a snapshot covers, and as durable all it found", () => {
    const state = restore(saved({ snapshot: at(4, 2), log: [2, 3] }), starting());
    expect(state).toMatchObject({
      commitIndex: 4,
      appliedIndex: 4,
      durability: { issued: 0, confirmed: 0, persistedIndex: 6 },
    });
  });

  test("waits for a leader before it stands: at least an election timeout from now on", () => {
    for (const nowMs of [0, 5000]) {
      const { electionDueMs } = asFollower(restore(saved(), starting({ nowMs })));
      expect(electionDueMs).toBeGreaterThanOrEqual(nowMs + 500);
      expect(electionDueMs).toBeLessThan(nowMs + 1000);
    }
  });

  test("binds nobody to a leader it no longer knows", () => {
    const state = restore(saved({ log: [1] }), starting());
    expect(linesOf(state, from(n2, preVote(2, at(1, 1))))[0]).toContain("granted");
  });

  test("P41: the configurations of the log stand on that of the genesis; the bootstrap table of the file is not read", () => {
    const smaller = genesisConfiguration(genesisOf(n1, n2));
    const disk = { ...saved({ log: [1, 1] }), configurations: [{ position: at(2, 1), configuration: smaller }] };
    const state = restore(disk, starting({ bootstrap: [{ id: "n1", address: "elsewhere:1" }] }));
    expect(state.founding).toBeNull();
    expect(latestConfiguration(state.log)).toEqual(smaller);
    expect(state.log.configurations[0]).toEqual({
      position: logStart,
      configuration: genesisConfiguration(genesisOf(n1, n2, n3)),
    });
  });

  test("P10: a configuration that was not committed before the restart is in force after it: votes are counted over it", () => {
    const smaller = genesisConfiguration(genesisOf(n1));
    const joint = { ...genesisConfiguration(genesisOf(n1, n2, n3)), voters: [n1], outgoing: [n1, n2, n3] };
    const configurations = [
      { position: at(1, 1), configuration: { ...joint, leaving: [n2, n3] } },
      { position: at(2, 1), configuration: smaller },
    ];
    const disk = { ...saved({ log: [1, 1] }), configurations };
    const state = restore(disk, starting());
    expect(state.commitIndex).toBe(0);
    expect(take(state, tick, asFollower(state).electionDueMs)[0].role.kind).toBe("candidate");
  });

  test("a node that has been removed has been a member, also when its log says nothing of that any more", () => {
    const others = { position: at(3, 1), configuration: genesisConfiguration(genesisOf(n2, n3)) };
    const state = restore({ ...saved({ log: [1, 1, 1], members: [n2, n3] }), removed: others }, starting());
    expect(state).toMatchObject({ removed: others, wasMember: true });
    expect(() => checkState(state)).not.toThrow();
  });

  test("replicated time goes on from the last entry, or from the founding", () => {
    expect(restore(saved({ log: [1, 1] }), starting()).log.lastStampMs).toBe(foundedAtMs + 2);
    expect(restore({ ...saved(), lastStampMs: 0 }, starting()).log.lastStampMs).toBe(foundedAtMs);
  });

  test("two starts with different seeds draw different waits", () => {
    const dueOf = (seed: readonly [number, number, number, number]): number =>
      asFollower(restore(saved(), starting({ seed }))).electionDueMs;
    expect(dueOf([1, 2, 3, 4])).toBe(dueOf([1, 2, 3, 4]));
    expect(dueOf([1, 2, 3, 4])).not.toBe(dueOf([2, 2, 3, 4]));
  });
});

describe("a first start", () => {
  const fresh = { ...saved(), genesis: null, lastStampMs: 0 };

  test("with a bootstrap table waits for its founders, itself heard", () => {
    const state = restore(fresh, starting({ bootstrap, nowMs: 100 }));
    checkState(state);
    expect(state).toMatchObject({
      genesis: null,
      founding: { bootstrap, heard: [n1] },
    });
    expect(latestConfiguration(state.log)).toBeNull();
  });

  test("without one waits to be told", () => {
    const state = restore(fresh, starting());
    checkState(state);
    expect(state.founding).toBeNull();
  });

  test("with a table that does not list it cannot be meant", () => {
    const others = bootstrap.filter(({ id }) => id !== "n1");
    expect(() => restore(fresh, starting({ bootstrap: others }))).toThrow("n1 is not in its own bootstrap table");
  });
});
