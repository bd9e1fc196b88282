// A cluster of one from the data of a node that is left: what is kept, what changes, that the core can go on from it, and
// where it is refused.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { planRecovery, recover } from "../../../src/adapters/sqlite/recover.ts";
import { toMemberKey } from "../../../src/core/configuration.ts";
import { checkState } from "../../../src/core/invariants.ts";
import { stampMsMax } from "../../../src/core/entry.ts";
import { restore } from "../../../src/core/restore.ts";
import type { State } from "../../../src/core/state.ts";
import type { SavedState } from "../../../src/ports/log-store.ts";
import {
  append,
  command,
  commands,
  found,
  ignoreDurable,
  keyOf,
  snapshot,
  snapshotAt,
  vote,
} from "../../contracts/log-entries.ts";
import { asFollower, effectsOf, follower, starting, take } from "../../core/build.ts";
import { append as appendEntries, from, persisted, propose, tick } from "../../core/say.ts";
import { createDataDirectory, damageError, type DataDirectory, storageError } from "./data-directory.ts";
import { fillLostCluster, foundedAtMs, genesisOf, newCluster, votersOf } from "./lost-cluster.ts";

let directory: DataDirectory;
beforeEach(() => {
  directory = createDataDirectory();
});
afterEach(() => directory.remove());

const newSelf = toMemberKey("n1", newCluster.incarnation);
const at = (index: number, term: number) => ({ index, term });

function savedNow(): SavedState {
  const store = directory.open();
  const { saved } = store;
  expect(store.read(saved.base.index + 1, saved.last.index, 1e9)).toHaveLength(saved.last.index - saved.base.index);
  store.close();
  return saved;
}

/** What the core makes of it: the node stands, and leads and commits by its own vote and its own disk. */
function leadsAlone(saved: SavedState, commitIndex = 11): State {
  const restored = restore(saved, { ...starting(), self: newSelf });
  checkState(restored);
  const standing = take(restored, tick, asFollower(restored).electionDueMs)[0];
  const elected = take(standing, persisted(standing.durability.issued))[0];
  expect(elected.role.kind).toBe("leader");
  const leading = take(elected, persisted(elected.durability.issued))[0];
  expect(leading).toMatchObject({ currentTerm: 5, commitIndex, removed: null });
  return leading;
}

describe("the data of one node out of three", () => {
  test("is kept whole; cluster, incarnation, term and configuration are new", () => {
    fillLostCluster(directory);
    const plan = planRecovery(directory.dataDir);
    expect(plan).toMatchObject({ self: { address: "n1:7400" }, saved: { last: at(9, 2), currentTerm: 3 } });
    const recovered = recover(plan, newCluster);
    expect(recovered).toEqual({
      member: { key: newSelf, address: "elsewhere:1", priority: 7 },
      position: at(10, 4),
    });
    const saved = savedNow();
    const alone = {
      members: [recovered.member],
      voters: [newSelf],
      outgoing: [],
      leaving: [],
      pending: [],
    };
    expect(saved).toMatchObject({
      incarnation: newCluster.incarnation,
      genesis: { clusterUuid: newCluster.clusterUuid, members: [recovered.member], foundedAtMs },
      currentTerm: 4,
      votedFor: null,
      last: at(10, 4),
      lastStampMs: foundedAtMs + 9,
      configurations: [{ position: at(10, 4), configuration: alone }],
    });
    leadsAlone(saved);
  });

  test("a log that begins with a snapshot", () => {
    const self = fillLostCluster(directory);
    const store = directory.open();
    const record = snapshotAt(at(8, 2), store.chainAt(8));
    const placed = { position: at(5, 2), configuration: votersOf(self, keyOf("n2"), keyOf("n3")) };
    store.write([snapshot({ ...record, configuration: placed }, at(6, 2), placed)], ignoreDurable);
    store.close();
    recover(planRecovery(directory.dataDir), newCluster);
    const saved = savedNow();
    expect(saved.snapshot).toMatchObject({
      position: at(8, 2),
      configuration: { configuration: { voters: [newSelf] } },
    });
    expect(saved.baseConfiguration).toMatchObject({ configuration: { voters: [newSelf] } });
    leadsAlone(saved);
  });

  test("P65: a log whose time has come to the end of its range: the new cluster goes on in it, and others join", () => {
    fillLostCluster(directory, () => [append({ ...command(10, 2), stampMs: stampMsMax })]);
    recover(planRecovery(directory.dataDir), newCluster);
    const saved = savedNow();
    expect(saved).toMatchObject({ last: at(11, 4), lastStampMs: stampMsMax });
    const leading = leadsAlone(saved, 12);
    const [after, effects] = take(leading, propose(4), leading.nowMs + 1000);
    const [entry] = effectsOf(effects, "appendLog")[0]!.entries;
    expect(entry?.stampMs).toBe(stampMsMax);
    const joining = follower({ self: keyOf("n4"), members: [newSelf] });
    const brought = from(newSelf, appendEntries({ term: after.currentTerm, entries: [{ ...entry!, index: 1 }] }));
    expect(take(joining, brought)[0].log.last.index).toBe(1);
  });

  test("a second time: the new cluster is not lost, and is left alone", () => {
    fillLostCluster(directory);
    recover(planRecovery(directory.dataDir), newCluster);
    expect(storageError(() => planRecovery(directory.dataDir))).toContain("the only voter");
  });
});

describe("refused, and nothing is changed:", () => {
  const refused = (): string => {
    const before = directory.sql("SELECT * FROM identity, vote, base");
    const message = storageError(() => planRecovery(directory.dataDir));
    expect(directory.sql("SELECT * FROM identity, vote, base")).toEqual(before);
    return message;
  };

  test("a node that runs", () => {
    fillLostCluster(directory);
    const plan = planRecovery(directory.dataDir);
    const running = directory.open();
    expect(storageError(() => planRecovery(directory.dataDir))).toContain("A node is running");
    expect(storageError(() => recover(plan, newCluster))).toContain("Another process");
    running.close();
  });

  test("a folder without a node", () => {
    expect(storageError(() => planRecovery(directory.dataDir))).toContain("There is no log");
  });

  test("a node that was never in a cluster", () => {
    directory.open().close();
    expect(refused()).toContain("never been part of a cluster");
  });

  test("an empty log", () => {
    const store = directory.open();
    store.write([found(genesisOf(keyOf("n2")))], ignoreDurable);
    store.close();
    expect(refused()).toContain("its log is empty");
  });

  test("a node that was still waiting to be added", () => {
    const store = directory.open();
    store.write([found(genesisOf(keyOf("n2"), keyOf("n3"))), vote(1, null), append(command(1, 1))], ignoreDurable);
    store.close();
    expect(refused()).toContain("waiting to be added");
  });

  test("P43: a node that was removed: what it has ends there", () => {
    const configuration = votersOf(keyOf("n2"), keyOf("n3"));
    fillLostCluster(directory, () => [{ kind: "writeRemoved", ticket: 1, position: at(9, 2), configuration }]);
    expect(refused()).toContain("was removed from the cluster by the configuration at 9");
  });

  test("P46: a log that is damaged, wherever it is", () => {
    fillLostCluster(directory, () => [append(...commands(10, 40, 2))]);
    directory.sql("UPDATE log SET payload = CAST('Entry 3' || substr(payload, 8) AS BLOB) WHERE idx = 3");
    const message = damageError(() => planRecovery(directory.dataDir));
    expect(message).toContain("damaged at entry 3");
    expect(message).toContain("restore the latest backup");
  });

  test("P46: a damaged log of the only voter, which is not told to start as it is", () => {
    fillLostCluster(directory, (self) => [
      append({ kind: "configuration", index: 10, term: 3, stampMs: foundedAtMs + 10, configuration: votersOf(self) }),
    ]);
    directory.sql("UPDATE log SET payload = CAST('Entry 3' || substr(payload, 8) AS BLOB) WHERE idx = 3");
    expect(damageError(() => planRecovery(directory.dataDir))).toContain("damaged at entry 3");
  });

  test("a cluster that has a quorum in this node alone", () => {
    fillLostCluster(directory, (self) => [
      append({ kind: "configuration", index: 10, term: 3, stampMs: foundedAtMs + 10, configuration: votersOf(self) }),
    ]);
    expect(refused()).toContain("the only voter");
  });
});
