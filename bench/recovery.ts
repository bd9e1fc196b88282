// What does a log cost that never ends? Many commands over few keys with snapshots in between: how large the data directory
// becomes at the most, how large it is afterwards, and how long a node, and then all of them, take to be in step again.
//
//   bun bench/recovery.ts [--commands 1000000] [--keys 10000] [--bytes 256] [--every 50000] [--clients 256] [--out DIR]
import { join } from "node:path";
import { parseArgs } from "node:util";
import { composeClient } from "../src/compose.ts";
import type { GraftClient } from "../src/client/client.ts";
import { encodeOperation } from "../src/client/typed-payload.ts";
import { armFailStop } from "../src/fail-stop.ts";
import { localClientSettings } from "../src/local/local-cluster.ts";
import { TemporaryCluster } from "../src/local/temporary-cluster.ts";
import { bytesIn, DiskWatch } from "./disk-use.ts";
import { printTable, type Row, writeResults } from "./present.ts";

armFailStop();

const { values } = parseArgs({
  options: {
    commands: { type: "string", default: "1000000" },
    keys: { type: "string", default: "10000" },
    bytes: { type: "string", default: "256" },
    every: { type: "string", default: "50000" },
    clients: { type: "string", default: "256" },
    out: { type: "string" },
  },
});
const [commands, keys, bytes, every, clients] = [
  values.commands,
  values.keys,
  values.bytes,
  values.every,
  values.clients,
].map(Number) as [number, number, number, number, number];
const connections = 16;
const watchEveryMs = 100;
const stillLooks = 20;
const megabyte = 1_000_000;

const graft = join(import.meta.dir, "..", "dist", "graft");
const value = new Uint8Array(bytes).fill(0x78);

/** Each client has one put under way at a time. */
async function fill(pool: readonly GraftClient[]): Promise<void> {
  let next = 0;
  const one = async (client: GraftClient): Promise<void> => {
    for (let at = next++; at < commands; at = next++) {
      await client.command(encodeOperation("put", { key: `key${at % keys}`, value }), { timeoutMs: 60_000 });
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, at) => one(pool[at % pool.length]!)));
}

/** Resolves with the ms until each of these nodes says that it has applied what the cluster has committed. */
async function untilInStep(client: GraftClient, addresses: readonly string[], through: number): Promise<number> {
  const fromMs = performance.now();
  await Promise.all(
    addresses.map(async (address) => {
      for (;;) {
        const reply = await client.status(address, { timeoutMs: 500 }).catch(() => null);
        const own = reply?.nodes.find(({ id }) => id === reply.node);
        if ((own?.appliedIndex ?? 0) >= through) return;
        await Bun.sleep(5);
      }
    }),
  );
  return performance.now() - fromMs;
}

/** How much the folder holds once that has not changed for a while: space is given back in small steps. */
async function untilStill(dir: string): Promise<number> {
  let held = await bytesIn(dir);
  for (let same = 0; same < stillLooks; same++) {
    await Bun.sleep(watchEveryMs);
    const now = await bytesIn(dir);
    if (now !== held) same = 0;
    held = now;
  }
  return held;
}

const temporary = await TemporaryCluster.create([graft], { raft: { snapshot_every_entries: every } });
try {
  const { cluster } = temporary;
  const dirs = cluster.nodes.map(({ dataDir }) => dataDir);
  const settings = localClientSettings(cluster);
  const connect = (): GraftClient => composeClient({ ...settings, timeoutMs: 60_000 });
  const pool = Array.from({ length: connections }, connect);
  await pool[0]!.command(encodeOperation("put", { key: "first", value }));
  const watch = new DiskWatch(dirs, watchEveryMs);
  const fromMs = performance.now();
  await fill(pool);
  const seconds = (performance.now() - fromMs) / 1000;
  const { commitIndex, leader } = await pool[0]!.status();
  await untilInStep(pool[0]!, settings.addresses, commitIndex);
  const after = await untilStill(dirs[0]!);
  const most = await watch.end();

  const one = cluster.nodes.find(({ address }) => address !== leader?.address)!;
  await temporary.processOf(one.id).kill();
  temporary.start(one);
  const oneMs = await untilInStep(pool[0]!, [one.address], commitIndex);

  await Promise.all(cluster.nodes.map(({ id }) => temporary.processOf(id).kill()));
  for (const node of cluster.nodes) temporary.start(node);
  const allMs = await untilInStep(connect(), settings.addresses, commitIndex);

  const rows: Row[] = [
    { label: "commands a second", value: Math.round(commands / seconds), more: {} },
    { label: "data directory, most", value: Number((most / megabyte).toFixed(1)), more: { unit: "MB" } },
    { label: "data directory, afterwards", value: Number((after / megabyte).toFixed(1)), more: { unit: "MB" } },
    { label: "one node in step again", value: Math.round(oneMs), more: { unit: "ms" } },
    { label: "all three in step again", value: Math.round(allMs), more: { unit: "ms" } },
  ];
  const title = `${commands} commands of ${bytes} bytes over ${keys} keys, a snapshot every ${every}`;
  printTable(title, rows, "value");
  if (values.out !== undefined) await writeResults(values.out, "recovery", { title, unit: "", rows, lines: [] });
} finally {
  await temporary.remove();
}
process.exit(0);
