// What does it cost to take in a node that lacks everything? A cluster is filled up; then a new node joins it and is sent a
// snapshot. How long that takes, how much memory it takes on both sides, how late heartbeats get.
//
//   bun bench/snapshot.ts [--megabytes 500] [--bytes 1024] [--clients 256] [--cut] [--out DIR]
//
// --cut: the receiver is killed when it has received half, started again, and goes on where it was.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { GraftClient } from "../src/client/client.ts";
import { noRequest, pursueChange } from "../src/client/membership.ts";
import { encodeOperation } from "../src/client/typed-payload.ts";
import { composeClient } from "../src/compose.ts";
import { armFailStop } from "../src/fail-stop.ts";
import { localClientSettings } from "../src/local/local-cluster.ts";
import { TemporaryCluster } from "../src/local/temporary-cluster.ts";
import { bytesIn } from "./disk-use.ts";
import { printTable, type Row, writeResults } from "./present.ts";
import { MemoryWatch, residentBytes } from "./memory-use.ts";

armFailStop();

const { values } = parseArgs({
  options: {
    megabytes: { type: "string", default: "500" },
    bytes: { type: "string", default: "1024" },
    clients: { type: "string", default: "256" },
    cut: { type: "boolean", default: false },
    out: { type: "string" },
  },
});
const megabyte = 1_000_000;
const [megabytes, bytes, clients] = [values.megabytes, values.bytes, values.clients].map(Number) as [
  number,
  number,
  number,
];
const keys = Math.ceil((megabytes * megabyte) / bytes);
const connections = 16;
const graft = join(import.meta.dir, "..", "dist", "graft");
const value = new Uint8Array(bytes).fill(0x78);

async function fill(pool: readonly GraftClient[]): Promise<void> {
  let next = 0;
  const one = async (client: GraftClient): Promise<void> => {
    for (let at = next++; at < keys; at = next++) {
      await client.command(encodeOperation("put", { key: `key${at}`, value }), { timeoutMs: 60_000 });
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, at) => one(pool[at % pool.length]!)));
}

/** How far the node has applied, as it says itself; 0 while it does not answer. */
async function appliedAt(client: GraftClient, address: string): Promise<number> {
  const reply = await client.status(address, { timeoutMs: 500 }).catch(() => null);
  return reply?.nodes.find(({ id }) => id === reply.node)?.appliedIndex ?? 0;
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const endMs = performance.now() + 600_000; !(await holds()); await Bun.sleep(10)) {
    if (performance.now() > endMs) throw new Error(`still not so after ten minutes: ${what}`);
  }
}

/** The most that any node has logged a heartbeat to be late by, since the time `from` of the wall clock. */
async function latestHeartbeatMs(dir: string, ids: readonly string[], from: Date): Promise<number> {
  const logs = await Promise.all(ids.map((id) => readFile(join(dir, `${id}.log`), "utf8")));
  const lines = logs.flatMap((log) => log.split("\n").filter((line) => line.includes('"lateMs"')));
  const late = lines.map((line) => JSON.parse(line) as { readonly time: string; readonly lateMs: number });
  return Math.max(0, ...late.filter(({ time }) => new Date(time) >= from).map(({ lateMs }) => lateMs));
}

/** At which byte each fetching of a snapshot began. */
async function offsetsOf(log: string): Promise<readonly number[]> {
  const begun = (await readFile(log, "utf8")).split("\n").filter((line) => line.includes('"fetching a snapshot"'));
  return begun.map((line) => (JSON.parse(line) as { readonly received: number }).received);
}

const temporary = await TemporaryCluster.create([graft], { log: { level: "debug", format: "json" } });
try {
  const { cluster } = temporary;
  const settings = localClientSettings(cluster);
  const pool = Array.from({ length: connections }, () => composeClient({ ...settings, timeoutMs: 60_000 }));
  const client = pool[0]!;
  await client.command(encodeOperation("put", { key: "first", value }));
  await fill(pool);
  const { leader, commitIndex, term } = await client.status();
  const witness = cluster.nodes.find(({ id }) => id !== leader?.id)!;
  await until("all have applied everything", async () => {
    const applied = await Promise.all(settings.addresses.map((address) => appliedAt(client, address)));
    return applied.every((index) => index >= commitIndex);
  });
  await Bun.sleep(5_000);

  const senderPid = temporary.processOf(leader!.id).pid;
  const senderBefore = await residentBytes(senderPid);
  const sender = new MemoryWatch(senderPid);
  const fromMs = performance.now();
  const from = new Date();
  const joining = await temporary.join("n4");
  const added = pursueChange(
    client,
    {
      ...noRequest,
      add: [{ id: joining.id, address: joining.address, priority: null, voter: true, behindNat: false }],
    },
    { timeoutMs: 600_000 },
  );
  if (values.cut) {
    await until("half of it is there", async () => (await bytesIn(joining.dataDir)) > (megabytes * megabyte) / 2);
    await temporary.processOf(joining.id).kill();
    temporary.start(joining);
  }
  const receiver = new MemoryWatch(temporary.processOf(joining.id).pid);
  await until("it is in step", async () => (await appliedAt(client, joining.address)) >= commitIndex);
  await added;
  const seconds = (performance.now() - fromMs) / 1000;
  const [senderMost, receiverMost] = [await sender.end(), await receiver.end()];
  const loadedByCommands = await residentBytes(temporary.processOf(witness.id).pid, "most");
  const after = await client.status();

  const inMegabytes = (amount: number): number => Number((amount / megabyte).toFixed(1));
  const rows: Row[] = [
    { label: "in step after", value: Number(seconds.toFixed(1)), more: { unit: "s" } },
    { label: "sender grew by", value: inMegabytes(senderMost - senderBefore), more: { unit: "MB" } },
    { label: "receiver, most", value: inMegabytes(receiverMost), more: { unit: "MB" } },
    { label: "loaded by commands, most", value: inMegabytes(loadedByCommands), more: { unit: "MB" } },
    { label: "receiver beyond that", value: inMegabytes(receiverMost - loadedByCommands), more: { unit: "MB" } },
    { label: "elections meanwhile", value: after.term - term, more: { unit: "" } },
    {
      label: "latest heartbeat",
      value: await latestHeartbeatMs(cluster.dir, [...cluster.nodes.map(({ id }) => id), joining.id], from),
      more: { unit: "ms" },
    },
  ];
  const offsets = await offsetsOf(join(cluster.dir, `${joining.id}.log`));
  const title = `A node joins a cluster that holds ${megabytes} MB in ${keys} keys; it fetched from ${offsets.join(", then ")}`;
  printTable(title, rows, "value");
  if (values.out !== undefined) await writeResults(values.out, "snapshot", { title, unit: "", rows, lines: [] });
} finally {
  await temporary.remove();
}
process.exit(0);
