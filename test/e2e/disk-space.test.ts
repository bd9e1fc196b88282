// Disks that fill, under the compiled binary: nobody ends, nothing that was acknowledged is lost, and it ends by itself.
import { afterEach, describe, expect, test } from "bun:test";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parse, stringify } from "smol-toml";
import { encodeOperation } from "../../src/client/typed-payload.ts";
import { GraftError } from "../../src/errors.ts";
import { mountSmallDisk, type SmallDisk } from "../small-disk.ts";
import { TestCluster, until } from "./test-cluster.ts";

const mebibyte = 2 ** 20;
const diskBytes = 160 * mebibyte;
/** The reserve is 48 MiB: the larger of these. */
const storage = { min_free_bytes: 48 * mebibyte, min_free_percent: 5 };

let open: TestCluster | null = null;
let disks: ReadonlyMap<string, SmallDisk> = new Map();
afterEach(async () => {
  await open?.remove();
  for (const disk of disks.values()) await disk.remove();
  open = null;
  disks = new Map();
});

/** A cluster of which each node has a small disk of its own. */
async function onSmallDisks(): Promise<TestCluster> {
  const cluster = await TestCluster.create({ settings: { storage } });
  open = cluster;
  const mounted = new Map<string, SmallDisk>();
  disks = mounted;
  for (const { id, config } of cluster.layout.nodes) {
    const disk = await mountSmallDisk(diskBytes);
    mounted.set(id, disk);
    const file = parse(await readFile(config, "utf8"));
    const node = { ...(file["node"] as object), data_dir: join(disk.path, "data") };
    await writeFile(config, stringify({ ...file, node }));
    cluster.run(id);
  }
  await cluster.leader();
  return cluster;
}

const put = (cluster: TestCluster, key: string, timeout = "30s") =>
  cluster.graft(["execute", "command", "put", JSON.stringify({ key, value: "x" }), "--timeout", timeout]);

const has = async (cluster: TestCluster, key: string): Promise<boolean> =>
  (await cluster.graft(["execute", "query", "get", JSON.stringify({ key })])).stdout.includes("x");

const areAllRunning = (cluster: TestCluster): boolean =>
  cluster.layout.nodes.every(({ id }) => cluster.process(id).isRunning);

/** Puts large values one after the other, and notes which of them were acknowledged. */
async function load(cluster: TestCluster, acknowledged: string[], ending: AbortSignal): Promise<void> {
  const client = cluster.connect();
  const value = "x".repeat(64 * 1024);
  for (let count = 0; !ending.aborted; count++) {
    const key = `k${count}`;
    try {
      await client.command(encodeOperation("put", { key, value }), { timeoutMs: 1_000 });
      acknowledged.push(key);
    } catch (error) {
      // Refused, or in doubt: only what was acknowledged has to be there.
      if (!(error instanceof GraftError)) throw error;
      await Bun.sleep(20);
    }
  }
}

describe("a disk that is nearly full", () => {
  test("on the leader has it hand over; on all of them commands are refused with the reason, and reads go on", async () => {
    const cluster = await onSmallDisks();
    expect((await put(cluster, "before")).exitCode).toBe(0);
    const first = await cluster.leader();
    await disks.get(first)!.fillTo(40 * mebibyte);
    await until("another one leads", async () => (await cluster.leader()) !== first);
    expect((await put(cluster, "between")).exitCode).toBe(0);
    for (const disk of disks.values()) await disk.fillTo(40 * mebibyte);
    await until("commands are refused, with the reason", async () => {
      const { exitCode, stderr } = await put(cluster, "while", "1s");
      return exitCode !== 0 && stderr.replace(/\s+/g, " ").includes("nearly full");
    });
    expect(await has(cluster, "between")).toBe(true);
    const { stdout } = await cluster.graft(["cluster", "status"]);
    expect(stdout.replace(/\s+/g, " ")).toContain("its disk is nearly full: less than 48 MiB are free");
    for (const disk of disks.values()) await disk.empty();
    await until("commands are taken again", async () => (await put(cluster, "after", "2s")).exitCode === 0);
    expect(areAllRunning(cluster)).toBe(true);
  }, 180_000);
});

describe("a disk that is full to the last byte", () => {
  test("before a node starts ends it with the remedy, and the first start with space succeeds", async () => {
    const cluster = await onSmallDisks();
    const client = cluster.connect();
    // The next start has to carry so much WAL over into the database that it needs space.
    for (let count = 0; count < 30; count++)
      await client.command(encodeOperation("put", { key: `k${count}`, value: "x".repeat(64 * 1024) }));
    await cluster.caughtUp();
    const [id = ""] = await cluster.followers();
    await cluster.process(id).kill();
    const disk = disks.get(id)!;
    await disk.fillTo(0);
    for (let start = 0; start < 2; start++) expect(await cluster.run(id).exited).toBe(1);
    expect(cluster.logOf(id)).toMatch(
      /cannot be opened: .*SQLITE_FULL.*Free space on that disk, then start the node again/,
    );
    expect((await put(cluster, "meanwhile")).exitCode).toBe(0);
    await disk.empty();
    cluster.run(id);
    await cluster.caughtUp();
    expect(await has(cluster, "meanwhile")).toBe(true);
  }, 90_000);

  test("on all nodes, while commands come in, ends none of them, and all of them recover", async () => {
    const cluster = await onSmallDisks();
    const acknowledged: string[] = [];
    const ending = new AbortController();
    const loading = load(cluster, acknowledged, ending.signal);
    await until("commands are acknowledged", () => acknowledged.length > 20);
    await Promise.all([...disks.values()].map((disk) => disk.fillTo(0)));
    const allLogs = (words: RegExp): readonly boolean[] =>
      cluster.layout.nodes.map(({ id }) => words.test(cluster.logOf(id)));
    // Whoever meets the end of the disk with a write no longer says that it is nearly full.
    await until("every node knows", () => allLogs(/its disk is (nearly )?full/).every(Boolean));
    // Without a leader there are votes to write.
    const leader = (await cluster.view()).leader?.id;
    if (leader !== undefined) cluster.process(leader).signal("SIGSTOP");
    await until("a node takes no part", () => allLogs(/the disk is full: this node takes no part/).some(Boolean));
    if (leader !== undefined) cluster.process(leader).signal("SIGCONT");
    expect(areAllRunning(cluster)).toBe(true);
    const before = acknowledged.length;
    for (const disk of disks.values()) await disk.empty();
    await until("commands are acknowledged again", () => acknowledged.length > before + 5);
    ending.abort();
    await loading;
    await cluster.caughtUp();
    expect(areAllRunning(cluster)).toBe(true);
    for (const key of acknowledged) expect([key, await has(cluster, key)]).toEqual([key, true]);
  }, 180_000);
});
