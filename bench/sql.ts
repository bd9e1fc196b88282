// How many inserts a second does a cluster of three acknowledge whose state machine is sql, against the puts of kv in the same run?
//
//   bun bench/sql.ts [--clients 64] [--bytes 256] [--seconds 6] [--rounds 3]
import { join } from "node:path";
import { parseArgs } from "node:util";
import { waitForLeader } from "../src/client/cluster-view.ts";
import { type Load, type LoadResult, runLoad, type Work } from "../src/client/load.ts";
import { encodeOperation } from "../src/client/typed-payload.ts";
import { composeClient } from "../src/compose.ts";
import { armFailStop } from "../src/fail-stop.ts";
import { localClientSettings } from "../src/local/local-cluster.ts";
import { TemporaryCluster } from "../src/local/temporary-cluster.ts";
import { printTable } from "./present.ts";

armFailStop();

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "64" },
    bytes: { type: "string", default: "256" },
    seconds: { type: "string", default: "6" },
    rounds: { type: "string", default: "3" },
  },
});
const load: Load = {
  clients: Number(values.clients),
  bytes: Number(values.bytes),
  seconds: Number(values.seconds),
  warmUpSeconds: 2,
};
const graft = join(import.meta.dir, "..", "dist", "graft");

/** Rows of a text and of bytes. @param column what is said of the text */
const inserts = (column: string): Work => ({
  op: "put",
  prepare: (client) =>
    client.command(
      encodeOperation(
        "execute",
        `CREATE TABLE IF NOT EXISTS things (id INTEGER PRIMARY KEY, key ${column}, value BLOB)`,
      ),
    ),
  begin: (number, { bytes }) => {
    const value = new Uint8Array(bytes).fill(0x78);
    const sql = "INSERT INTO things (key, value) VALUES (?, ?)";
    return (client, turn) =>
      client.command(encodeOperation("execute", { sql, params: [`client ${number}, ${turn}`, value] }));
  },
});

/** Without work of its own: puts. */
const systems: readonly { readonly plugin: string; readonly label: string; readonly work?: Work }[] = [
  { plugin: "kv", label: "puts of kv" },
  { plugin: "sql", label: "inserts of sql", work: inserts("TEXT") },
  { plugin: "sql", label: "inserts of sql, unique", work: inserts("TEXT UNIQUE") },
];

const bySpeed = (one: LoadResult, other: LoadResult): number => one.opsPerSecond - other.opsPerSecond;

async function measure(plugin: string, work: Work | undefined): Promise<LoadResult> {
  const cluster = await TemporaryCluster.create([graft], {}, plugin);
  try {
    const connect = () => composeClient({ ...localClientSettings(cluster.cluster), timeoutMs: 10_000 });
    const first = connect();
    await waitForLeader(first, 30_000);
    await first.close();
    return await runLoad(connect, load, work);
  } finally {
    await cluster.remove();
  }
}

const results = systems.map((): LoadResult[] => []);
for (let round = 0; round < Number(values.rounds); round++) {
  for (const [nth, { plugin, work }] of systems.entries()) results[nth]!.push(await measure(plugin, work));
}
/** Of each system the round in the middle. */
const medians = results.map((rounds) => rounds.toSorted(bySpeed)[Math.floor(rounds.length / 2)]!);
const rows = medians.map(({ opsPerSecond: value, p50Ms, p99Ms, failures }, nth) => ({
  label: systems[nth]!.label,
  value,
  more: { p50Ms, p99Ms, failures, share: `${Math.round((100 * value) / medians[0]!.opsPerSecond)} %` },
}));
printTable(`${load.clients} clients, ${load.bytes} bytes, ${load.seconds} s`, rows, "ops/s");

process.exit();
