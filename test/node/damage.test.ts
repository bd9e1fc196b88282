// What becomes of a node whose data is less than it has promised, or another history? It says so, a restart says so again, and
// where the others have its data it is whole again by itself.
import { describe, expect, test } from "bun:test";
import { latestConfiguration } from "../../src/core/log-terms.ts";
import { createMemoryLogStore } from "../../src/sim/memory/log-store.ts";
import { type MemoryDisk } from "../../src/sim/memory/memory-disk.ts";
import { markOf } from "../../src/sim/memory/memory-mark.ts";
import type { Entry } from "../../src/core/entry.ts";
import { GraftError } from "../../src/errors.ts";
import { knownLeader } from "../../src/node/known-leader.ts";
import { BrokenRule, keepCause, OutdatedDamage } from "../../src/node/node-end.ts";
import { createMemorySnapshotFiles } from "../../src/sim/memory/snapshot-store.ts";
import { change } from "./administering.ts";
import { Cluster, type Member } from "./cluster.ts";
import { bytes } from "./recording-machine.ts";

const three = ["n1", "n2", "n3"] as const;

/** A cluster that has acknowledged some commands, held by all. */
async function loaded(count = 20): Promise<Cluster> {
  const cluster = await Cluster.founded(three);
  const client = cluster.client(cluster.leader.id);
  for (let at = 0; at < count; at++) client.command(`c${at}`);
  await cluster.advance(200);
  expect(client.replies.length).toBe(count);
  return cluster;
}

/** The disk forgets its last entries, and what is remembered beside it as well: a whole directory of an earlier time. */
function rollBack(disk: MemoryDisk, entries: number): MemoryDisk {
  disk.entries.length -= entries;
  disk.mark = markOf(disk);
  return disk;
}

/** The disk holds another command at the index than all others, under the same term, and its checksums fit. */
function forge(disk: MemoryDisk, index: number): MemoryDisk {
  const at = disk.entries.findIndex((entry) => entry.index === index);
  disk.entries[at] = { ...disk.entries[at], payload: bytes("forged") } as Entry;
  disk.mark = markOf(disk);
  return disk;
}

const problemOf = (cluster: Cluster, id: string): string | null =>
  cluster.leader.node.requests.problemOf(cluster.member(id).node.state.self);

async function startAgain(cluster: Cluster, member: Member): Promise<Member> {
  const disk = member.store.crash();
  cluster.members.delete(member.id);
  return cluster.start(member.id, { disk });
}

describe("P59: a node whose directory was rolled back", () => {
  test("finds out by its leader's word, sets its files aside and is whole again; the leader says so meanwhile", async () => {
    const cluster = await loaded();
    const [follower] = cluster.followers;
    const { leader } = cluster;
    const disk = rollBack(await cluster.crash(follower!.id), 5);
    const back = await cluster.start(follower!.id, { disk });
    await cluster.until("the node has found out", () => back.end !== null);
    expect(back.end).toMatchObject({ kind: "damaged" });
    expect(back.logs.join("\n")).toContain("error this node's data is damaged");
    expect(leader.logs.join("\n")).toContain(`error ${back.id} has acknowledged through`);
    expect(problemOf(cluster, back.id)).toContain("its disk has lost the rest; it does not count");

    const again = await startAgain(cluster, back);
    expect(disk.setAside.length).toBe(1);
    expect(again.node.state.refill).not.toBeNull();
    await cluster.until("it is whole again", () => again.node.state.refill === null);
    expect(again.node.state.log.last).toEqual(leader.node.state.log.last);
    await cluster.until("it counts again", () => problemOf(cluster, again.id) === null);
    expect(leader.logs.join("\n")).toContain(`info ${again.id} holds its whole log again and counts`);

    // The third node stops: what is acknowledged now rests on this one.
    const [third] = cluster.followers.filter(({ id }) => id !== again.id);
    await cluster.crash(third!.id);
    const client = cluster.client(cluster.leader.id);
    client.command("with two");
    await cluster.advance(200);
    expect(client.replies[0]).toContain("with two");
    await cluster.stopAll();
  });

  test("without the third node nothing is committed by it, and the leader steps down", async () => {
    const cluster = await loaded();
    const [follower, third] = cluster.followers;
    const { leader } = cluster;
    const disk = rollBack(await cluster.crash(follower!.id), 5);
    const back = await cluster.start(follower!.id, { disk });
    await cluster.until("the node has found out", () => back.end !== null);
    cluster.kill(third!.id);
    const again = await startAgain(cluster, back);
    again.holdsDisk = "appends";
    await cluster.until("the leader hears that it abstains", () => problemOf(cluster, again.id) !== null);
    const committed = leader.node.state.commitIndex;
    cluster.client(leader.id).command("with one");
    await cluster.until("the leader has stepped down", () => leader.node.state.role.kind !== "leader");
    await cluster.advance(5_000, 50);
    expect(leader.node.state.commitIndex).toBe(committed);
    expect([leader, again].map(({ node }) => node.state.role.kind)).not.toContain("leader");
    await cluster.stopAll();
  });
});

describe("P61: a node that has lost its log and knows so", () => {
  test("votes for nobody until it is whole", async () => {
    const cluster = await loaded();
    const [follower, third] = cluster.followers;
    const disk = await cluster.crash(follower!.id);
    disk.entries.length -= 5;
    const leaderId = cluster.leader.id;
    await cluster.crash(leaderId);
    const back = await cluster.start(follower!.id, { disk });
    await cluster.advance(10_000, 50);
    // Two of three run, and one of them does not know what it has promised.
    expect([third!, back].map(({ node }) => node.state.role.kind)).not.toContain("leader");
    expect(back.node.requests.problemOf(back.node.state.self)).toContain(
      "its data is damaged, and it copies the log anew",
    );
    await cluster.stopAll();
  });
});

describe("a node of which two records have gone back in time: it knows no genesis, and is to be refilled", () => {
  /** A follower's disk with a snapshot, a configuration after it, and more entries. */
  async function forgetful() {
    const files = createMemorySnapshotFiles();
    const cluster = new Cluster(three, { tailEntriesMax: 0 });
    cluster.snapshotPolicy = { everyEntries: 10, everyBytes: 1e9 };
    cluster.scrubIntervalMs = 1_000;
    for (const id of three) await cluster.start(id, id === "n3" ? { files } : {});
    await cluster.settle();
    await cluster.electLeader();
    if (cluster.leader.id === "n3") await moveLeadership(cluster);
    const { leader } = cluster;
    const client = cluster.client(leader.id);
    for (let at = 0; at < 13; at++) client.command(`c${at}`);
    await cluster.advance(200);
    const reply = await change(cluster, leader, { prioritize: [{ name: leader.id, priority: 1 }] });
    expect(reply.kind).toBe("membershipChanged");
    await cluster.advance(200);
    const disk = await cluster.crash("n3");
    const { clusterUuid } = disk.genesis!;
    expect(disk.snapshot).not.toBeNull();
    expect(disk.entries.map(({ kind }) => kind)).toContain("configuration");
    disk.genesis = null;
    disk.refill = { finding: "an earlier loss", clusterUuid };
    return { cluster, disk, files };
  }

  async function moveLeadership(cluster: Cluster): Promise<void> {
    const moved = cluster.leader.node.transfer("n1");
    await cluster.advance(200);
    expect(await moved).toMatchObject({ kind: "done" });
  }

  test("has the members of the leader when it is whole", async () => {
    const { cluster, disk, files } = await forgetful();
    const back = await cluster.start("n3", { disk, files });
    await cluster.until("it is whole again", () => back.node.state.refill === null);
    const { leader } = cluster;
    expect(back.node.state.genesis).toEqual(leader.node.state.genesis);
    expect(latestConfiguration(back.node.state.log)).toEqual(latestConfiguration(leader.node.state.log));
    expect(back.end).toBeNull();
    await cluster.stopAll();
  });

  test("goes on alone when a scrub finds its snapshot damaged as well", async () => {
    const { cluster, disk, files } = await forgetful();
    cluster.isolate("n3");
    const back = await cluster.start("n3", { disk, files });
    for (const file of files.complete.values()) file.fill(0);
    await cluster.advance(5_000, 50);
    expect([back.end, back.fatal]).toEqual([null, null]);
    await cluster.stopAll();
  });
});

describe("where too many voters have lost data", () => {
  /** Those of `damaged` have lost the end of their logs, and nobody can lead. */
  async function withDamaged(...damaged: readonly string[]): Promise<Cluster> {
    const cluster = await loaded();
    const disks = new Map<string, MemoryDisk>();
    for (const id of damaged) disks.set(id, await cluster.crash(id));
    for (const [id, disk] of disks) {
      disk.entries.length -= 5;
      const back = await cluster.start(id, { disk });
      // Nothing of a leader's log gets to its disk, if there is a leader.
      back.holdsDisk = "appends";
    }
    await cluster.advance(10_000, 50);
    return cluster;
  }

  const ofDamaged = (id: string): string =>
    `a leader from which ${id} copies the log: only a majority of voters with sound data elects one; if no node has sound data, stop all nodes, ` +
    "examine each data directory and each folder damaged-… in it with graft log inspect --data-dir DIR, and compare what graft recover --data-dir DIR would keep with the latest backup";

  function waitingForOf(cluster: Cluster, id: string): readonly string[] {
    const client = cluster.client(id);
    client.send((request) => ({ kind: "status", id: request }));
    const [status] = client.raw;
    if (status?.kind !== "status") throw new Error("no status");
    expect(status.leader).toBeNull();
    return status.waitingFor;
  }

  test("the sound voter says that it never ends by itself, and what to do; the others say what they wait for", async () => {
    const cluster = await withDamaged("n1", "n3");
    expect(waitingForOf(cluster, "n2")).toEqual([
      "a majority of voters with sound data: n1, n3 copy the log anew and do not vote, so no leader can be elected, and this does not end by itself; " +
        "stop n1, n3, empty no data directory, and recover from a node with sound data: graft recover --data-dir DIR",
    ]);
    for (const id of ["n1", "n3"]) expect(waitingForOf(cluster, id)).toEqual([ofDamaged(id)]);
    await cluster.stopAll();
  });

  /** Runs without the data of the member of its id, and waits to be added. */
  async function wiped(cluster: Cluster, id: string): Promise<void> {
    await cluster.crash(id);
    await cluster.start(id, { incarnation: `${id}-new-disk`, bootstrap: null, join: ["n2"] });
  }

  test("a node that was given an empty data directory is not the voter of its id: the sound voter says so, and what to do", async () => {
    const cluster = await loaded();
    await wiped(cluster, "n1");
    await cluster.crash("n3");
    await cluster.until("nobody leads", () => knownLeader(cluster.member("n2").node.state) === null);
    await cluster.advance(5_000, 50);
    expect(waitingForOf(cluster, "n2")).toEqual([
      expect.stringContaining("n3 at n3.test:7400: "),
      "n1 with its old data: n1 runs with other data than the member n1 and does not vote; once there is a leader it can be added",
    ]);
    await cluster.start("n3", { incarnation: "n3-new-disk", bootstrap: null, join: ["n2"] });
    await cluster.advance(5_000, 50);
    expect(waitingForOf(cluster, "n2")).toEqual([
      "a majority of voters with sound data: n1, n3 run with other data than the members n1, n3 and do not vote; if no node knows a leader, none can be elected, " +
        "and this does not end by itself: start n1, n3 with the old data if it is sound; otherwise stop n1, n3, empty no data directory, " +
        "and recover from a node with sound data: graft recover --data-dir DIR",
    ]);
    await cluster.stopAll();
  });

  test("a damaged voter and one with an empty data directory are both named", async () => {
    const cluster = await withDamaged("n1", "n3");
    await wiped(cluster, "n1");
    await cluster.advance(5_000, 50);
    expect(waitingForOf(cluster, "n2")).toEqual([
      "a majority of voters with sound data: n3 copies the log anew and does not vote, and n1 runs with other data than the member n1 and does not vote; " +
        "if no node knows a leader, none can be elected, and this does not end by itself: start n1 with the old data if it is sound; otherwise stop n3, n1, " +
        "empty no data directory, and recover from a node with sound data: graft recover --data-dir DIR",
    ]);
    await cluster.stopAll();
  });

  test("where all have, each says what it waits for, and what to do", async () => {
    const cluster = await withDamaged(...three);
    for (const id of three) expect(waitingForOf(cluster, id)).toEqual([ofDamaged(id)]);
    await cluster.stopAll();
  });

  test("one damaged voter beside one that is away is no such case: the one that is away is named", async () => {
    const cluster = await withDamaged("n1");
    await cluster.crash("n3");
    await cluster.until("nobody leads", () => knownLeader(cluster.member("n2").node.state) === null);
    expect(waitingForOf(cluster, "n2")).toEqual([expect.stringContaining("n3 at n3.test:7400: ")]);
    await cluster.stopAll();
  });
});

describe("P60, P62: a node with another history", () => {
  test("halts before it applies any of it, both sides say so, and a restart says so again", async () => {
    const cluster = await loaded();
    const [follower] = cluster.followers;
    const { leader } = cluster;
    const disk = forge(await cluster.crash(follower!.id), 7);
    const back = await cluster.start(follower!.id, { disk });
    await cluster.until("the node has found out", () => back.end !== null);
    expect(back.end).toMatchObject({ kind: "failed" });
    expect(back.machine.applied).toEqual([]);
    const { finding } = disk;
    expect(finding).toMatchObject({ kind: "diverged", leader: leader.node.state.self });
    expect(finding!.text).toContain(`the chained checksum is ${String(finding!["chain"])} here`);
    expect(leader.logs.join("\n")).toContain(`error ${back.id} has another history than this leader at`);
    expect(leader.logs.join("\n")).toContain(`checksum ${String(finding!["chain"])} there`);
    expect(() => createMemoryLogStore({ incarnation: "n", disk: back.store.crash() })).toThrow(finding!.text);
    await cluster.stopAll();
  });
});

describe("P62: why a node ends is kept for the next start", () => {
  const store = () => createMemoryLogStore({ incarnation: "a", autoDurable: true });
  const event = { kind: "tick", nowMs: 5 } as const;

  test("a broken rule of Raft is, with the event that showed it", () => {
    const kept = store();
    const end = keepCause(new BrokenRule(event, new Error("both lead term 2")), { store: kept, wallMs: 1_000 });
    expect(end.kind).toBe("failed");
    const { finding } = kept.crash();
    expect(finding).toMatchObject({ kind: "invariant", at: "1970-01-01T00:00:01.000Z" });
    expect(finding!.text).toContain("a rule of Raft does not hold: both lead term 2; found at: the timer fires");
  });

  test("damage is, and the next start sets the data aside", () => {
    const kept = store();
    expect(keepCause(new GraftError("damaged", "entry 7 is damaged"), { store: kept, wallMs: 0 }).kind).toBe("damaged");
    expect(kept.crash().mark?.damage).toBe("entry 7 is damaged");
  });

  test("damage of a file that nothing needs any more is not: the data stays", () => {
    const kept = store();
    const end = keepCause(new OutdatedDamage(new Error("It is damaged.")), { store: kept, wallMs: 0 });
    expect(end).toMatchObject({ kind: "outdated", error: { code: "damaged" } });
    expect(kept.crash()).toMatchObject({ finding: null, mark: { damage: null } });
  });

  test("any other failure is not: the next start may go better", () => {
    const kept = store();
    expect(keepCause(new GraftError("storage", "the disk failed"), { store: kept, wallMs: 0 }).kind).toBe("failed");
    expect(kept.crash()).toMatchObject({ finding: null, mark: { damage: null } });
  });

  test("when even that cannot be written, both are said", () => {
    const failing = {
      keepDamage: () => undefined,
      keepFinding: (): never => {
        throw new Error("no space");
      },
    };
    const end = keepCause(new BrokenRule(event, new Error("both lead term 2")), { store: failing, wallMs: 0 });
    expect(end.error.message).toMatch(/both lead term 2.*no space/s);
  });
});
