// Damage to one node's files in a cluster of three, by the binary: the node notices, sets the files aside, is refilled and is
// back in step by itself, and nothing that was acknowledged is lost.
import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, openSync, closeSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { encodeOperation } from "../../src/client/typed-payload.ts";
import { patienceMs, TestCluster, until } from "./test-cluster.ts";

let open: TestCluster | null = null;
afterEach(async () => {
  await open?.remove();
  open = null;
});

const limitMs = 4 * patienceMs;
const valueBytes = 20_000;

async function startCluster(settings: Parameters<typeof TestCluster.start>[0] = {}): Promise<TestCluster> {
  open = await TestCluster.start(settings);
  return open;
}

async function put(cluster: TestCluster, from: number, count: number): Promise<void> {
  const keys = Array.from({ length: count }, (_, at) => from + at);
  await Promise.all(
    keys.map((key) =>
      cluster.client.command(
        encodeOperation("put", { key: `key${key}`, value: new Uint8Array(valueBytes).fill(key % 251) }),
      ),
    ),
  );
}

/** How many keys the state machine has, asked of this node alone. */
async function keysOn(cluster: TestCluster, id: string): Promise<number> {
  const { address } = cluster.node(id);
  const ran = await cluster.graft([
    "execute",
    "query",
    "list",
    '{"limit":1000}',
    "--consistency",
    "stale",
    "-c",
    address,
    "--json",
  ]);
  if (ran.exitCode !== 0) throw new Error(`${id} does not answer: ${ran.stderr}${ran.stdout}`);
  return JSON.stringify(JSON.parse(ran.stdout)).match(/key\d+/g)?.length ?? 0;
}

const setAside = (cluster: TestCluster, id: string): readonly string[] =>
  readdirSync(cluster.node(id).dataDir).filter((name) => name.startsWith("damaged-"));

/** The damaged node says what it does, and is a member like any other again. */
async function comesBack(cluster: TestCluster, id: string, keys: number): Promise<void> {
  await until(`${id} sets its data aside`, () => cluster.logOf(id).includes("damaged data was set aside"));
  await cluster.caughtUp();
  await until(`${id} takes part again`, async () => {
    const { nodes } = await cluster.view();
    return !/damaged|refill/.test(JSON.stringify(nodes.find((node) => node.id === id)));
  });
  expect(await keysOn(cluster, id)).toBe(keys);
  expect(setAside(cluster, id)).toHaveLength(1);
}

function change(path: string, alter: (bytes: Buffer) => Buffer | void): void {
  const bytes = readFileSync(path);
  writeFileSync(path, alter(bytes) ?? bytes);
}

const flipAt = (part: number) => (bytes: Buffer) => {
  const at = Math.floor(bytes.length * part);
  bytes[at] = bytes[at]! ^ 0x10;
};

describe("P46: damage to the files of a follower that was killed", () => {
  test.each<[string, (dataDir: string) => void]>([
    ["a flipped bit in its WAL", (dir) => change(join(dir, "graft.sqlite-wal"), flipAt(0.3))],
    [
      "its WAL cut in the middle",
      (dir) => change(join(dir, "graft.sqlite-wal"), (bytes) => bytes.subarray(0, bytes.length >> 1)),
    ],
    ["its database gone", (dir) => rmSync(join(dir, "graft.sqlite"))],
  ])(
    "%s: it is refilled",
    async (_, damage) => {
      const cluster = await startCluster();
      await put(cluster, 0, 60);
      const [id = ""] = await cluster.followers();
      await cluster.caughtUp();
      await cluster.process(id).kill();
      damage(cluster.node(id).dataDir);
      cluster.run(id);
      await comesBack(cluster, id, 60);
      // Its vote counts again: without it two of three could not go on.
      const [other = ""] = (await cluster.followers()).filter((each) => each !== id);
      await cluster.process(other).kill();
      await put(cluster, 60, 5);
    },
    limitMs,
  );
});

test(
  "P35: a snapshot that is found damaged when its node starts is replaced by the leader's",
  async () => {
    const cluster = await startCluster({ settings: { raft: { snapshot_every_entries: 100 } } });
    await put(cluster, 0, 400);
    const [id = ""] = await cluster.followers();
    await until("it has a snapshot", () => cluster.logOf(id).includes("snapshot taken"));
    await cluster.caughtUp();
    await cluster.process(id).stop();
    const folder = join(cluster.node(id).dataDir, "snapshots");
    for (const name of readdirSync(folder)) change(join(folder, name), flipAt(0.5));
    cluster.run(id);
    await comesBack(cluster, id, 400);
    expect(existsSync(join(cluster.node(id).dataDir, setAside(cluster, id)[0]!, "snapshots"))).toBe(true);
  },
  limitMs,
);

test(
  "P46: a follower whose database rots while it runs finds it, and comes back in the same process",
  async () => {
    const cluster = await startCluster({ settings: { storage: { scrub_interval_ms: 1000 } } });
    // More than the WAL takes before it is carried over, and more than SQLite keeps in memory.
    await put(cluster, 0, 600);
    const [id = ""] = await cluster.followers();
    await cluster.caughtUp();
    const { pid } = cluster.process(id);
    rotEntries(join(cluster.node(id).dataDir, "graft.sqlite"));
    await comesBack(cluster, id, 600);
    expect(cluster.process(id)).toMatchObject({ pid, isRunning: true });
    await put(cluster, 600, 5);
  },
  limitMs,
);

/** Changes the file's payloads through a descriptor of its own, while SQLite has it open. */
function rotEntries(file: string): void {
  const bytes = readFileSync(file);
  const descriptor = openSync(file, "r+");
  try {
    // A run of one value's bytes in the middle of an overflow page.
    for (let page = 2; page * 4096 < bytes.length; page++) {
      const at = page * 4096 + 2000;
      if (bytes[at] !== bytes[at + 1] || bytes[at] === 0) continue;
      writeSync(descriptor, Buffer.from([bytes[at]! ^ 1]), 0, 1, at);
    }
  } finally {
    closeSync(descriptor);
  }
}
