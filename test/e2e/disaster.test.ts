// When the worst has happened, with the real binary: a backup under load becomes a new cluster of three; one data directory out
// of three is enough to go on; old nodes and new ones keep apart; and a process killed on the way leaves the old or the new.
import { afterEach, describe, expect, test } from "bun:test";
import { cpSync, existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { LoadedCounter, valueOf } from "./loaded-counter.ts";
import { binary, patienceMs, type Ran, TestCluster, until } from "./test-cluster.ts";

let open: TestCluster | null = null;
afterEach(async () => {
  await open?.remove();
  open = null;
});

async function counting(settings: Parameters<typeof TestCluster.start>[0] = {}): Promise<TestCluster> {
  open = await TestCluster.start({ plugin: "counter", ...settings });
  return open;
}

const limitMs = 120_000;
const ids = ["n1", "n2", "n3"] as const;

function documentOf({ exitCode, stdout, stderr }: Ran) {
  if (exitCode !== 0) throw new Error(`exit code ${exitCode}: ${stdout}${stderr}`);
  return JSON.parse(stdout);
}

const inspect = async (cluster: TestCluster, dataDir: string, ...more: string[]) =>
  documentOf(await cluster.graft(["log", "inspect", "--data-dir", dataDir, "--json", ...more]));

const killAll = (cluster: TestCluster): Promise<unknown> => Promise.all(ids.map((id) => cluster.process(id).kill()));

const votersIn = async (cluster: TestCluster, address: string) => {
  const ran = await cluster.graft(["cluster", "configuration", "--json", "-c", address]);
  const { members } = documentOf(ran) as {
    readonly members: readonly { readonly id: string; readonly voter: boolean }[];
  };
  return members.filter(({ voter }) => voter).map(({ id }) => id);
};

/** Alone in its cluster. */
const leads = (cluster: TestCluster, id: string): Promise<unknown> =>
  until(`${id} leads`, () => cluster.logOf(id).includes(`${id} leader term`));

test(
  "a backup under load, restored into a new cluster that grows to three",
  async () => {
    const cluster = await counting();
    const load = new LoadedCounter(cluster.client, { timeoutMs: 10_000 });
    await load.progress(200);
    const acknowledgedBefore = load.acknowledged;
    const backup = documentOf(await cluster.graft(["backup", "state.backup", "--json"]));
    const sentBefore = load.sent;
    expect(backup).toEqual({
      file: "state.backup",
      bytes: expect.any(Number),
      index: expect.any(Number),
      term: expect.any(Number),
      checksum: expect.any(Number),
    });
    const again = await cluster.graft(["backup", "state.backup"]);
    expect(again).toMatchObject({ exitCode: 2, stderr: expect.stringContaining("is there already") });
    await load.progress(200);
    await killAll(cluster);

    const { config, dataDir, address } = cluster.node("n1");
    const lost = await inspect(cluster, dataDir, "--entries", "100000", "--verify");
    const entries = lost.lastEntries as readonly { readonly index: number; readonly kind: string }[];
    expect(entries[0]?.index).toBe(1);
    const counted = entries.filter(({ index, kind }) => kind === "command" && index <= backup.index).length;
    expect(counted).toBeGreaterThanOrEqual(acknowledgedBefore);
    expect(counted).toBeLessThanOrEqual(sentBefore);

    const full = await cluster.graft(["restore", "state.backup", "--config", config]);
    expect(full).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("is not empty") });
    renameSync(dataDir, `${dataDir}.lost`);
    const restored = documentOf(await cluster.graft(["restore", "state.backup", "--config", config, "--json"]));
    expect(restored).toMatchObject({
      node: "n1",
      index: backup.index,
      term: backup.term,
      from: lost.genesis.clusterUuid,
    });
    expect(restored.clusterUuid).not.toBe(lost.genesis.clusterUuid);
    const acknowledgedByTheOld = load.acknowledged;
    cluster.run("n1");
    const client = cluster.connect([address]);
    await until("clients have noticed", () => load.inDoubt > 0 || load.acknowledged > acknowledgedByTheOld);
    await load.stop();
    // What was under way when the old cluster was lost has been done once in the new one, or not, and never twice.
    const value = await valueOf(client);
    const sinceThen = load.acknowledged - acknowledgedByTheOld;
    expect(value).toBeGreaterThanOrEqual(counted + sinceThen);
    expect(value).toBeLessThanOrEqual(counted + sinceThen + load.inDoubt);
    // A client of the old cluster does not take the new one for it; one that starts now does.
    const late = cluster.client.command(new TextEncoder().encode("add 1"), { timeoutMs: 2000 });
    await expect(late).rejects.toThrow("belongs to another cluster of the same name");
    await client.command(new TextEncoder().encode("add 100"));
    expect(await valueOf(client)).toBe(value + 100);
    expect(await votersIn(cluster, address)).toEqual(["n1"]);

    for (const id of ["n4", "n5"]) {
      const joining = await cluster.join(id, { join: [address] });
      const added = await cluster.graft(["cluster", "add", id, joining.address, "-c", address]);
      expect(added).toMatchObject({ exitCode: 0 });
    }
    expect(await votersIn(cluster, address)).toEqual(["n1", "n4", "n5"]);
    await client.command(new TextEncoder().encode("add 7"));
    expect(await valueOf(cluster.connect([cluster.node("n5").address]))).toBe(value + 107);
    // The founder is needed no more than any other one.
    await cluster.process("n1").kill();
    expect(await valueOf(cluster.connect([cluster.node("n4").address]))).toBe(value + 107);
  },
  limitMs,
);

/** A dead cluster, and which of its nodes knows the most. */
async function lostCluster() {
  const cluster = await counting({ settings: { raft: { snapshot_every_entries: 100 } } });
  const load = new LoadedCounter(cluster.connect());
  await load.progress(200);
  // An entry that names the old members.
  expect(await cluster.graft(["cluster", "priority", "n1", "1"])).toMatchObject({ exitCode: 0 });
  await load.progress(200);
  await killAll(cluster);
  const ends = await Promise.all(
    ids.map(async (id) => ({ id, ...(await inspect(cluster, cluster.node(id).dataDir)).log.last })),
  );
  const [best] = ends.toSorted((a, b) => b.term - a.term || b.index - a.index);
  return { cluster, load, id: best!.id, others: ids.filter((id) => id !== best!.id) };
}

describe("one data directory out of three", () => {
  test(
    "P42, P43: has the data, and the old nodes do not mix with it, in either direction",
    async () => {
      const { cluster, load, id, others } = await lostCluster();
      const { dataDir, address } = cluster.node(id);
      const acknowledged = load.acknowledged;
      const look = await cluster.graft(["recover", "--data-dir", dataDir]);
      expect(look).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("Nothing was changed") });
      const [witness = ""] = others;
      const since = cluster.logOf(witness).length;
      cluster.run(witness);
      await until(`${witness} runs`, () => cluster.logOf(witness).slice(since).includes("node started"));
      const needless = await cluster.graft(["recover", "--data-dir", dataDir, "--accept-data-loss"]);
      expect(needless).toMatchObject({ exitCode: 1, stderr: expect.stringContaining(`Start ${id} as it is`) });
      await cluster.process(witness).kill();
      const before = await inspect(cluster, dataDir);
      expect(before.snapshot).not.toBeNull();
      expect(before.configurations.length).toBeGreaterThan(0);
      const snapshots = join(dataDir, "snapshots");
      renameSync(snapshots, `${snapshots}.elsewhere`);
      const without = await cluster.graft(["recover", "--data-dir", dataDir, "--accept-data-loss"]);
      expect(without).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("Nothing was changed") });
      renameSync(`${snapshots}.elsewhere`, snapshots);
      const recovered = documentOf(
        await cluster.graft(["recover", "--data-dir", dataDir, "--accept-data-loss", "--json"]),
      );
      expect(recovered).toMatchObject({
        recovered: true,
        node: id,
        last: before.log.last,
        oldClusterUuid: before.genesis.clusterUuid,
        lostVoters: expect.arrayContaining(others),
      });

      // The old majority first, so that it is there when the new cluster comes.
      for (const other of others) cluster.run(other);
      await until("the old nodes elect a leader", () =>
        others.some((other) => cluster.logOf(other).match(/leader term \d+, log/g)?.length),
      );
      cluster.run(id);
      await leads(cluster, id);
      const client = cluster.connect([address]);
      const value = await valueOf(client);
      expect(value).toBeGreaterThanOrEqual(acknowledged);
      await client.command(new TextEncoder().encode("add 1000000"));
      await until("both sides say why", () =>
        [id, ...others].every((each) =>
          cluster.logOf(each).includes("was founded with another cluster of the same name"),
        ),
      );
      expect(await votersIn(cluster, address)).toEqual([id]);
      const old = cluster.connect(others.map((other) => cluster.node(other).address));
      expect(await valueOf(old)).toBeLessThan(1_000_000);
      expect(await valueOf(client)).toBe(value + 1_000_000);

      // And an old node that starts beside the new cluster.
      await cluster.process(witness).kill();
      const mark = cluster.logOf(witness).length;
      cluster.run(witness);
      await until("it is refused", () =>
        cluster.logOf(witness).slice(mark).includes("another cluster of the same name"),
      );
      expect(await votersIn(cluster, address)).toEqual([id]);
      expect(await valueOf(client)).toBe(value + 1_000_000);

      const joining = await cluster.join("n4", { join: [address] });
      const added = await cluster.graft(["cluster", "add", "n4", joining.address, "-c", address]);
      expect(added).toMatchObject({ exitCode: 0 });
      expect(await votersIn(cluster, address)).toEqual([id, "n4"]);
      expect(await valueOf(cluster.connect([joining.address]))).toBe(value + 1_000_000);
      expect((await inspectRunning(cluster, dataDir)).stderr).toContain("A node is running");
    },
    limitMs,
  );

  const inspectRunning = (cluster: TestCluster, dataDir: string): Promise<Ran> =>
    cluster.graft(["log", "inspect", "--data-dir", dataDir]);

  test(
    "whose log has been cut, becomes a cluster that others join by its snapshot",
    async () => {
      const cluster = await counting({ nodes: 1, settings: { raft: { snapshot_every_entries: 2_000 } } });
      const other = await cluster.join("n2", { join: [cluster.node("n1").address] });
      expect(await cluster.graft(["cluster", "add", "n2", other.address])).toMatchObject({ exitCode: 0 });
      // More than the tail that stays behind a snapshot.
      const counts = 13_000;
      const add = new TextEncoder().encode("add 1");
      let left = counts;
      const count = async (): Promise<void> => {
        while (left-- > 0) await cluster.client.command(add);
      };
      await Promise.all(Array.from({ length: 200 }, count));
      await Promise.all(["n1", "n2"].map((id) => cluster.process(id).kill()));
      const { dataDir, address } = cluster.node("n1");
      expect((await inspect(cluster, dataDir)).log.base.index).toBeGreaterThan(0);
      documentOf(await cluster.graft(["recover", "--data-dir", dataDir, "--accept-data-loss", "--json"]));
      cluster.run("n1");
      await leads(cluster, "n1");
      const joining = await cluster.join("n3", { join: [address] });
      const added = await cluster.graft(["cluster", "add", "n3", joining.address, "-c", address]);
      expect(added).toMatchObject({ exitCode: 0 });
      expect(cluster.logOf("n3")).toContain("snapshot fetched");
      expect(await valueOf(cluster.connect([joining.address]))).toBe(counts);
    },
    limitMs,
  );

  test(
    "P29: killed at any moment, a recovery has been done or has not",
    async () => {
      const { cluster, id } = await lostCluster();
      const { dataDir } = cluster.node(id);
      const before = await inspect(cluster, dataDir);
      const outcomes = new Set<boolean>();
      let wholeMs = 1;
      for (const share of shares) {
        const copy = `${dataDir}.${share}`;
        cpSync(dataDir, copy, { recursive: true });
        const command = ["recover", "--data-dir", copy, "--accept-data-loss", "--json"];
        const ranMs = await killedAfter(share * wholeMs, command);
        if (share === Number.POSITIVE_INFINITY) wholeMs = ranMs;
        const after = await inspect(cluster, copy, "--verify");
        const isDone = after.genesis.clusterUuid !== before.genesis.clusterUuid;
        outcomes.add(isDone);
        const { clusterUuid, members } = after.genesis;
        const added = isDone ? 1 : 0;
        expect({ members: members.length, last: after.log.last.index, known: after.configurations.length }).toEqual({
          members: isDone ? 1 : 3,
          last: before.log.last.index + added,
          known: isDone ? 1 : before.configurations.length,
        });
        expect(after.incarnation === before.incarnation).toBe(!isDone);
        const finished = await cluster.graft(["recover", "--data-dir", copy, "--accept-data-loss", "--json"]);
        expect(finished.exitCode).toBe(isDone ? 1 : 0);
        if (isDone) expect((await inspect(cluster, copy)).genesis.clusterUuid).toBe(clusterUuid);
      }
      expect(outcomes).toEqual(new Set([true, false]));
    },
    limitMs,
  );
});

test(
  "P29: killed at any moment, a restore has made a node or none",
  async () => {
    const cluster = await counting();
    const load = new LoadedCounter(cluster.client);
    await load.progress(50);
    await load.stop();
    documentOf(await cluster.graft(["backup", "state.backup", "--json"]));
    await killAll(cluster);
    const { config, dataDir } = cluster.node("n1");
    const command = ["restore", join(cluster.layout.dir, "state.backup"), "--config", config];
    const outcomes = new Set<boolean>();
    let wholeMs = 1;
    for (const share of shares) {
      rmSync(dataDir, { recursive: true, force: true });
      const ranMs = await killedAfter(share * wholeMs, command);
      if (share === Number.POSITIVE_INFINITY) wholeMs = ranMs;
      const isDone = existsSync(join(dataDir, "graft.sqlite"));
      outcomes.add(isDone);
      if (isDone) {
        const made = await inspect(cluster, dataDir, "--verify");
        expect(made.genesis.members).toHaveLength(1);
        expect(made.snapshot.file).toBe(readdirSync(join(dataDir, "snapshots"))[0]);
      } else if (existsSync(dataDir) && readdirSync(dataDir).length > 0) {
        const started = await cluster.graft(["start", "--config", config]);
        expect(started).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("would begin without the data") });
      }
    }
    expect(outcomes).toEqual(new Set([true, false]));
  },
  limitMs,
);

/** When it is killed, as a share of the time that it took the first time, when it was let run to its end. */
const shares = [Number.POSITIVE_INFINITY, 0, 0.3, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1] as const;

/** Returns how long it ran, ms. */
async function killedAfter(afterMs: number, args: readonly string[]): Promise<number> {
  const beganMs = performance.now();
  const child = Bun.spawn([binary, ...args], { stdout: "ignore", stderr: "ignore" });
  const timer = afterMs < patienceMs ? setTimeout(() => child.kill("SIGKILL"), afterMs) : undefined;
  await child.exited;
  clearTimeout(timer);
  return performance.now() - beganMs;
}
