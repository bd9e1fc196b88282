// Does anyone notice when a cluster changes all its nodes? Clients with sessions count while two nodes are added and promoted,
// two founders leave, the leader among them, and a killed one is replaced; every moment without an answer is found.
//
//   bun bench/membership.ts [--clients 32] [--calm 2000] [--out DIR]
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { GraftClient } from "../src/client/client.ts";
import { waitForLeader } from "../src/client/cluster-view.ts";
import { composeClient } from "../src/compose.ts";
import { armFailStop } from "../src/fail-stop.ts";
import { localClientSettings } from "../src/local/local-cluster.ts";
import { changeUnderLoad } from "../src/local/membership-load.ts";
import { TemporaryCluster } from "../src/local/temporary-cluster.ts";
import { printTable, type Row, writeResults } from "./present.ts";

armFailStop();

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "32" },
    calm: { type: "string", default: "2000" },
    out: { type: "string" },
  },
});
const [clients, calmMs] = [values.clients, values.calm].map(Number) as [number, number];
const electionTimeoutMs = 500;
const startTimeoutMs = 30_000;

const graft = join(import.meta.dir, "..", "dist", "graft");
const temporary = await TemporaryCluster.create([graft], {}, "counter");
try {
  const settings = localClientSettings(temporary.cluster);
  const connect = (): GraftClient => composeClient({ ...settings, timeoutMs: 60_000 });
  const first = connect();
  await waitForLeader(first, startTimeoutMs);
  await first.close();
  const kill = (id: string): Promise<void> => temporary.processOf(id).kill();
  const seen = await changeUnderLoad({ connect, kill, join: (id) => temporary.join(id) }, { clients, calmMs });

  const rows = seen.steps.map(({ name, ms, acknowledged, longestGapMs }): Row => {
    const more = { "step took, ms": Math.round(ms), "increments/s": Math.round(acknowledged / (ms / 1000)) };
    return { label: name, value: Number(longestGapMs.toFixed(1)), more };
  });
  const title = `Every node of a cluster exchanged under ${clients} clients: the longest time without any answer`;
  printTable(title, rows, "ms");
  const isExact = seen.counter === seen.acknowledged;
  console.log(
    `${seen.acknowledged} increments acknowledged, the counter stands at ${seen.counter}; ${seen.errors.length} errors; ` +
      `longest gap ${seen.longestGapMs.toFixed(1)} ms, two election timeouts are ${2 * electionTimeoutMs} ms`,
  );
  for (const error of seen.errors.slice(0, 10)) console.log(error);
  if (values.out !== undefined) {
    await writeResults(values.out, "membership", { title, unit: "ms", rows, lines: seen });
  }
  const isFine = isExact && seen.errors.length === 0 && seen.longestGapMs < 2 * electionTimeoutMs;
  process.exitCode = isFine ? 0 : 1;
} finally {
  await temporary.remove();
}
process.exit();
