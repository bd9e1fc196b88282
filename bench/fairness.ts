// Does one client stop the others? A client with a name of its own asks for as much as it can, without pause, while another one
// puts small values, one after the other: how long does a put take? Then as many connections as one name can get, and
// whether the administrator still gets in.
//
//   bun bench/fairness.ts [--seconds 10] [--graft PATH] [--out DIR] [--only TEXT]   only loads with this text in their name
import { join } from "node:path";
import { parseArgs } from "node:util";
import { issueInto } from "../src/adapters/certs/folder.ts";
import type { GraftClient } from "../src/client/client.ts";
import { waitForLeader } from "../src/client/cluster-view.ts";
import { encodeOperation } from "../src/client/typed-payload.ts";
import { composeClient } from "../src/compose.ts";
import { armFailStop } from "../src/fail-stop.ts";
import { localClientSettings } from "../src/local/local-cluster.ts";
import { TemporaryCluster } from "../src/local/temporary-cluster.ts";
import { printTable, type Row, writeResults } from "./present.ts";

armFailStop();

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "10" },
    graft: { type: "string", default: join(import.meta.dir, "..", "dist", "graft") },
    out: { type: "string" },
    only: { type: "string", default: "" },
  },
});
const seconds = Number(values.seconds);
const startTimeoutMs = 30_000;
const boundMs = 250;
/** A payload of 8 MiB, less what names it. */
const largeBytes = 8 * 1024 * 1024 - 64;
const listedKeys = 10_000;
const greedy = "greedy";
const modest = "modest";
const loads = [
  { label: "nothing", what: "", count: 0 },
  { label: "200 gets of 8 MiB", what: "get", count: 200 },
  { label: "1,000 lists of 10,000 keys", what: "list", count: 1_000 },
  { label: "32 puts of 1 MiB", what: "put", count: 32 },
  { label: "4,000 puts of 64 bytes", what: "smallPut", count: 4_000 },
  { label: "32,000 puts of 64 bytes", what: "smallPut", count: 32_000 },
  { label: "2,000 openings of sessions", what: "open", count: 2_000 },
  { label: "5,000 questions for the status", what: "status", count: 5_000 },
];
const connections = 1_024;
const crowdLabel = "1,024 connections: status";

const temporary = await TemporaryCluster.create([values.graft], {});
const { cluster } = temporary;
const certs = join(cluster.dir, "certs");

/** Resolves when the greedy client is at work. */
async function startGreedy(address: string, what: string, count: number) {
  const command = [process.execPath, join(import.meta.dir, "greedy-client.ts"), certs, cluster.id, greedy, address];
  const child = Bun.spawn([...command, what, String(count)], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
  const lines = child.stdout.values();
  const next = async (): Promise<string> => {
    const { value } = await lines.next();
    return value === undefined ? "" : Buffer.from(value).toString().trim();
  };
  if ((await next()) !== "at work") throw new Error(`the greedy client did not begin: ${what}`);
  return {
    async end(): Promise<{ readonly answers: number; readonly refusals: number }> {
      await child.stdin.end();
      const told = JSON.parse(await next()) as { readonly answers: number; readonly refusals: number };
      await child.exited;
      return told;
    },
  };
}

/** The first one is told apart: it finds the leader, connects and opens a session as well. */
async function measure(client: GraftClient): Promise<{ readonly firstMs: number; readonly sorted: readonly number[] }> {
  const latenciesMs: number[] = [];
  const endMs = performance.now() + seconds * 1000;
  for (let nth = 0; performance.now() < endMs; nth++) {
    const fromMs = performance.now();
    await client.command(encodeOperation("put", { key: `modest${nth % 64}`, value: new Uint8Array(64) }));
    latenciesMs.push(performance.now() - fromMs);
  }
  const [firstMs = Number.NaN, ...others] = latenciesMs;
  return { firstMs, sorted: others.toSorted((one, other) => one - other) };
}

const quantile = (sorted: readonly number[], part: number): number =>
  Number((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN).toFixed(1));

async function fill(client: GraftClient): Promise<void> {
  const put = (key: string, bytes: number): Promise<unknown> =>
    client.command(encodeOperation("put", { key, value: new Uint8Array(bytes) }), { timeoutMs: startTimeoutMs });
  await put("large", largeBytes);
  const keys = Array.from({ length: listedKeys }, (_, nth) => `listed-${"k".repeat(200)}-${nth}`);
  for (let nth = 0; nth < keys.length; nth += 256) {
    await Promise.all(keys.slice(nth, nth + 256).map((key) => put(key, 1)));
  }
}

async function measureUnder({ label, what, count }: (typeof loads)[number], leader: string): Promise<Row> {
  const load = count === 0 ? null : await startGreedy(leader, what, count);
  const client = composeClient({ ...settings, name: modest, tls: modestTls, timeoutMs: 120_000 });
  const { firstMs, sorted } = await measure(client);
  await client.close();
  const told = await load?.end();
  const more = {
    p50: quantile(sorted, 0.5),
    max: quantile(sorted, 1),
    first: quantile([firstMs], 1),
    "puts/s": Math.round(sorted.length / seconds),
    "greedy answers/s": Math.round((told?.answers ?? 0) / seconds),
    "greedy refusals/s": Math.round((told?.refusals ?? 0) / seconds),
  };
  return { label, value: quantile(sorted, 0.99), more };
}

/** How many connections one name got, and how long the administrator needs for a word with the node beside them. */
async function crowd(leader: string): Promise<Row> {
  const load = await startGreedy(leader, "connect", connections);
  const admin = composeClient({ ...settings, addresses: [leader], timeoutMs: 5_000 });
  const fromMs = performance.now();
  const ms = await admin.status(leader).then(
    () => performance.now() - fromMs,
    () => Number.POSITIVE_INFINITY,
  );
  await admin.close();
  const { answers, refusals } = await load.end();
  const more = { "connections of one name": answers, refused: refusals };
  return { label: crowdLabel, value: Number(ms.toFixed(1)), more };
}

const settings = localClientSettings(cluster);
let modestTls = settings.tls;
try {
  await issueInto(certs, { clients: [greedy, modest] });
  const read = (file: string): Promise<string> => Bun.file(join(certs, file)).text();
  modestTls = { ca: settings.tls.ca, cert: await read(`${modest}.crt`), key: await read(`${modest}.key`) };
  const first = composeClient({ ...settings, timeoutMs: 60_000 });
  await waitForLeader(first, startTimeoutMs);
  await fill(first);
  const rows: Row[] = [];
  for (const load of loads.filter(({ label }) => label.includes(values.only))) {
    const { leader } = await first.status();
    if (leader === null) throw new Error("nobody leads");
    rows.push(await measureUnder(load, leader.address));
  }
  if (crowdLabel.includes(values.only)) {
    const { leader } = await first.status();
    rows.push(await crowd(leader?.address ?? cluster.nodes[0]!.address));
  }
  await first.close();
  await temporary.checkRunning();
  const title = `Another client's put while a greedy one is at work: p99 over ${seconds} s`;
  printTable(title, rows, "ms");
  if (values.out !== undefined) {
    await writeResults(values.out, "fairness", { title, unit: "ms", rows, lines: rows });
  }
  process.exitCode = rows.every(({ value }) => value < boundMs) ? 0 : 1;
} finally {
  await temporary.remove();
}
process.exit();
