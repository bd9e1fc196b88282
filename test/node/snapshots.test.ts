// A node keeps its log short by snapshots, starts from the latest one, and a follower that has been away for too long
// gets the leader's over a connection of its own.
import { describe, expect, test } from "bun:test";
import { GraftError } from "../../src/errors.ts";
import { createMemorySnapshotFiles, type MemorySnapshotFiles } from "../../src/sim/memory/snapshot-store.ts";
import { gatherMs } from "../../src/node/gathering.ts";
import { afterMicrotasks, Cluster, type Member } from "./cluster.ts";

const three = ["n1", "n2", "n3"] as const;
const every = (entries: number) => ({ everyEntries: entries, everyBytes: 1e9 });
const noTail = { tailEntriesMax: 0 };

async function founded(snapshotEvery: number): Promise<Cluster> {
  const cluster = new Cluster(three, noTail);
  cluster.snapshotPolicy = every(snapshotEvery);
  for (const id of three) await cluster.start(id);
  await cluster.settle();
  await cluster.electLeader();
  return cluster;
}

async function command(cluster: Cluster, ...texts: readonly string[]): Promise<void> {
  const client = cluster.client(cluster.leader.id);
  for (const text of texts) {
    client.command(text);
    await cluster.settle();
  }
  await cluster.advance(100);
}

/** For longer than a leader holds its log back for a follower that says nothing. */
async function cutOff(cluster: Cluster, id: string): Promise<void> {
  cluster.isolate(id);
  await cluster.advance(1_500);
}

/** A follower has got the leader's snapshot, is in step, and has crashed: `kept` is its disk. */
async function crashedWithLeadersSnapshot() {
  const cluster = await founded(10);
  const files = createMemorySnapshotFiles();
  const away = cluster.followers[0]!.id;
  const disk = await cluster.crash(away);
  await command(cluster, ...numbered(33));
  await cluster.start(away, { disk, files });
  await cluster.until("it is in step", () => cluster.member(away).node.appliedIndex >= 34);
  return { cluster, away, files, kept: await cluster.crash(away) };
}

const numbered = (count: number, prefix = "c"): string[] => Array.from({ length: count }, (_, at) => `${prefix}${at}`);
const snapshotOf = ({ node }: Member): number => node.state.snapshot?.position.index ?? 0;

describe("taking", () => {
  test("comes at each multiple of the interval on every node, and the log begins behind it", async () => {
    const cluster = await founded(10);
    for (const each of numbered(25)) await command(cluster, each);
    for (const member of cluster.members.values()) {
      expect(snapshotOf(member)).toBe(20);
      expect(member.node.state.log.base.index).toBe(snapshotOf(member));
      expect(() => member.store.read(1, 1, 1)).toThrow();
    }
    await cluster.stopAll();
  });

  test("comes after so many bytes, if that is sooner", async () => {
    const cluster = new Cluster(["n1"], noTail);
    cluster.snapshotPolicy = { everyEntries: 1e6, everyBytes: 1000 };
    await cluster.start("n1");
    await cluster.electLeader();
    await command(cluster, "x".repeat(500));
    expect(snapshotOf(cluster.leader)).toBe(0);
    await command(cluster, "y".repeat(500));
    expect(snapshotOf(cluster.leader)).toBe(3);
    await cluster.stopAll();
  });

  test("lets commands go on while it is read, which are not in it", async () => {
    const cluster = new Cluster(["n1"], noTail);
    cluster.snapshotPolicy = every(5);
    const files = createMemorySnapshotFiles();
    await cluster.start("n1", { files });
    const { machine } = await cluster.electLeader();
    await command(cluster, ...numbered(3));
    machine.isSlow = true;
    const client = cluster.client("n1");
    client.command("c3");
    await cluster.settle();
    client.command("late");
    await cluster.settle();
    machine.isSlow = false;
    machine.release();
    await cluster.advance(100);
    expect(client.replies.length).toBe(2);
    const disk = await cluster.crash("n1");
    const again = await cluster.start("n1", { disk, files });
    await cluster.settle();
    expect(again.machine.applied).toEqual(numbered(4).map((text, at) => `${at + 2}:${text}`));
    await cluster.electLeader();
    await cluster.advance(gatherMs);
    expect(again.machine.applied.at(-1)).toBe("6:late");
    await cluster.stopAll();
  });

  test("is not done by a state machine that cannot: its log stays whole", async () => {
    const cluster = new Cluster(["n1"], noTail);
    cluster.snapshotPolicy = every(5);
    const member = cluster.make("n1");
    Object.assign(member.machine, { description: { ...member.machine.description, snapshots: false } });
    await member.node.start();
    await cluster.electLeader();
    await command(cluster, ...numbered(20));
    expect([snapshotOf(member), member.store.read(1, 1, 1).length]).toEqual([0, 1]);
    await cluster.stopAll();
  });

  test("removes the files that no record names any more", async () => {
    const cluster = new Cluster(["n1"], noTail);
    cluster.snapshotPolicy = every(5);
    const files = createMemorySnapshotFiles();
    await cluster.start("n1", { files });
    await cluster.electLeader();
    await command(cluster, ...numbered(40));
    expect([...files.complete.keys()]).toEqual([cluster.leader.node.state.snapshot!.file]);
    await cluster.stopAll();
  });
});

describe("a follower that lacks what the others have forgotten", () => {
  test("gets the leader's snapshot, then what follows it, and has the same state", async () => {
    const cluster = await founded(10);
    const away = cluster.followers[0]!;
    await cutOff(cluster, away.id);
    await command(cluster, ...numbered(33));
    cluster.rejoin(away.id);
    await cluster.advance(2_000);
    const { leader } = cluster;
    expect(away.logs.some((line) => line.includes("snapshot fetched"))).toBe(true);
    expect(away.machine.applied).toEqual(leader.machine.applied);
    expect(away.node.appliedIndex).toBe(leader.node.appliedIndex);
    await command(cluster, "after");
    expect(away.machine.applied.at(-1)).toContain("after");
    await cluster.stopAll();
  });

  test("P21: the leader reads no more of its log than before", async () => {
    const cluster = await founded(10);
    const away = cluster.followers[0]!;
    await cutOff(cluster, away.id);
    await command(cluster, ...numbered(33));
    const { leader } = cluster;
    const { base } = leader.node.state.log;
    cluster.rejoin(away.id);
    await cluster.advance(2_000);
    expect(base.index).toBeGreaterThan(20);
    expect(away.node.state.log.base.index).toBeGreaterThanOrEqual(base.index);
    await cluster.stopAll();
  });

  test("starts from it after a crash, with its state and its place in the log", async () => {
    const { cluster, away, kept, files } = await crashedWithLeadersSnapshot();
    cluster.isolate(away);
    const again = await cluster.start(away, { disk: kept, files });
    await cluster.settle();
    expect(again.machine.applied.length).toBeGreaterThan(20);
    expect(again.node.appliedIndex).toBe(again.node.state.snapshot!.position.index);
    cluster.rejoin(away);
    await cluster.advance(1_000);
    expect(again.machine.applied).toEqual(cluster.leader.machine.applied);
    await cluster.stopAll();
  });

  test("restores from it although a newer one has replaced it before the state machine began to read", async () => {
    const { cluster, away, kept, files } = await crashedWithLeadersSnapshot();
    await command(cluster, ...numbered(33, "later"));
    const again = cluster.make(away, { disk: kept, files });
    const first = snapshotOf(again);
    const begins = Promise.withResolvers<void>();
    again.machine.restoresAfter = begins.promise;
    await again.node.start();
    await cluster.until("a newer one has replaced it", () => snapshotOf(again) > first);
    await cluster.advance(100);
    begins.resolve();
    await cluster.until("it is in step", () => again.node.appliedIndex === cluster.leader.node.appliedIndex);
    expect(again.end).toBeNull();
    expect(again.machine.applied).toEqual(cluster.leader.machine.applied);
    await cluster.advance(100);
    expect([...files.complete.keys()]).toEqual([again.node.state.snapshot!.file]);
    await cluster.stopAll();
  });

  test("may be stopped while it restores, and does not call that a failure of its state machine", async () => {
    const { cluster, away, kept, files } = await crashedWithLeadersSnapshot();
    const again = cluster.make(away, { disk: kept, files });
    const begins = Promise.withResolvers<void>();
    again.machine.restoresAfter = begins.promise;
    await again.node.start();
    const stopped = again.node.stop();
    await cluster.advance(3_000);
    await stopped;
    begins.resolve();
    await cluster.settle();
    expect(again.end).toEqual({ kind: "stopped" });
    expect(again.logs.filter((line) => /^(warn|error)/.test(line))).toEqual([]);
    await cluster.stopAll();
  });

  test("P36: is sent each byte once, though the offer comes with every heartbeat", async () => {
    const cluster = await founded(10);
    const away = cluster.followers[0]!;
    await cutOff(cluster, away.id);
    await command(cluster, ...numbered(33));
    cluster.rejoin(away.id);
    await cluster.advance(3_000);
    expect(away.logs.filter((line) => line.includes("fetching a snapshot")).length).toBe(1);
    await cluster.stopAll();
  });

  test("takes none of another state machine: its log and its snapshot stay, and nobody's disk is suspected", async () => {
    const cluster = await founded(10);
    const away = cluster.followers[0]!;
    Object.assign(away.machine, { description: { ...away.machine.description, name: "other" } });
    await cutOff(cluster, away.id);
    const { last } = away.node.state.log;
    await command(cluster, ...numbered(33));
    cluster.rejoin(away.id);
    await cluster.advance(3_000);
    expect(away.logs.some((line) => line.includes('of the state machine "recording" and this node runs "other"'))).toBe(
      true,
    );
    expect([away.node.state.log.last, away.node.state.snapshot]).toEqual([last, null]);
    expect(cluster.leader.logs.filter((line) => line.includes("snapshot damaged"))).toEqual([]);
    await cluster.stopAll();
  });

  test("gets another one when the leader's is damaged on its disk, and until then it is read more and more seldom", async () => {
    const cluster = new Cluster(three, noTail);
    cluster.snapshotPolicy = every(10);
    const files = new Map<string, MemorySnapshotFiles>(three.map((id) => [id, createMemorySnapshotFiles()]));
    for (const id of three) await cluster.start(id, { files: files.get(id)! });
    await cluster.settle();
    const { id: leaderId } = await cluster.electLeader();
    const away = cluster.followers[0]!;
    await cutOff(cluster, away.id);
    await command(cluster, ...numbered(39));
    const { leader } = cluster;
    const { complete } = files.get(leaderId)!;
    const { file, position } = leader.node.state.snapshot!;
    expect([leader.id, leader.node.appliedIndex]).toEqual([leaderId, position.index]);
    complete.set(
      file,
      complete.get(file)!.map((byte, at) => (at === 300 ? byte ^ 1 : byte)),
    );
    const { machine } = leader;
    const takeSnapshot = machine.snapshot.bind(machine);
    machine.snapshot = () => Promise.reject(new GraftError("state-machine", "not now"));
    cluster.rejoin(away.id);
    await cluster.advance(30_000, 20);
    const saying = ({ logs }: Member, words: string) => logs.filter((line) => line.includes(words)).length;
    expect(saying(leader, "this node's snapshot is damaged")).toBe(1);
    expect(saying(away, "the leader's snapshot is damaged")).toBeGreaterThan(4);
    expect(saying(away, "the leader's snapshot is damaged")).toBeLessThan(10);
    // The status of the leader names both, with what to do.
    const problemOf = ({ node }: Member): string | null => leader.node.requests.problemOf(node.state.self);
    expect(problemOf(leader)).toMatch(/^its snapshot is damaged: .* do not stop it before; .* graft cluster leader ID/);
    expect(problemOf(leader)).toContain(file);
    expect(problemOf(away)).toMatch(/^it cannot receive the leader's snapshot, .* the leader's snapshot is damaged/);
    // Nothing has been applied since: the same file takes the place of the damaged one.
    machine.snapshot = takeSnapshot;
    await cluster.until("it is in step", () => away.node.appliedIndex === leader.node.appliedIndex, 120_000);
    expect(away.machine.applied).toEqual(leader.machine.applied);
    expect(snapshotOf(leader)).toBe(position.index);
    await cluster.advance(2_000, 100);
    expect([leader, away].map(problemOf)).toEqual([null, null]);
    await cluster.stopAll();
  });

  test("goes on where it was when the connection was cut", async () => {
    const cluster = await founded(10);
    const away = cluster.followers[0]!;
    const files = createMemorySnapshotFiles();
    const disk = await cluster.crash(away.id);
    await command(cluster, ...numbered(33, "x".repeat(100_000)));
    const again = await cluster.start(away.id, { disk, files });
    const received = (): number => Math.max(0, ...[...files.partial.values()].map((bytes) => bytes.byteLength));
    const { bytes } = cluster.leader.node.state.snapshot!;
    for (let looks = 0; received() < bytes / 3; looks++) {
      if (looks > 10_000) throw new Error("nothing arrives");
      if (!cluster.network.deliverNext()) cluster.clock.advance(1);
      cluster.clock.runSoon();
      await afterMicrotasks();
    }
    const cut = received();
    expect(cut).toBeLessThan(bytes);
    const asking = cluster.client(cluster.leader.id);
    asking.send((id) => ({ kind: "status", id }));
    const [status] = asking.raw;
    const row = status?.kind === "status" ? status.nodes.find(({ id }) => id === away.id) : undefined;
    expect(row?.snapshot).toMatchObject({ bytes });
    expect(row?.snapshot?.sentBytes).toBeGreaterThanOrEqual(cut);
    cluster.isolate(away.id);
    await cluster.advance(300);
    expect(received()).toBeGreaterThanOrEqual(cut);
    cluster.rejoin(away.id);
    await cluster.until("it is in step", () => again.node.appliedIndex === cluster.leader.node.appliedIndex);
    expect(again.logs.filter((line) => line.includes("fetching a snapshot")).length).toBeGreaterThan(1);
    await cluster.stopAll();
  });
});
