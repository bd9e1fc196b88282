// How many puts a second does a cluster of three acknowledge whose state machine is the example in Python?
//
//   bun bench/program.ts [--clients 64] [--bytes 256] [--seconds 6] [--command 'python3 /path/to/machine.py']
import { join } from "node:path";
import { parseArgs } from "node:util";
import { waitForLeader } from "../src/client/cluster-view.ts";
import { runLoad } from "../src/client/load.ts";
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
    command: { type: "string", default: `python3 ${join(import.meta.dir, "..", "examples", "machine.py")}` },
  },
});
const [clients, bytes, seconds] = [values.clients, values.bytes, values.seconds].map(Number) as [
  number,
  number,
  number,
];
const graft = join(import.meta.dir, "..", "dist", "graft");
const cluster = await TemporaryCluster.create([graft], {}, { command: values.command.split(" ") });
try {
  const connect = () => composeClient({ ...localClientSettings(cluster.cluster), timeoutMs: 10_000 });
  const first = connect();
  await waitForLeader(first, 30_000).catch(async (error: unknown) => {
    await cluster.checkRunning();
    throw error;
  });
  await first.close();
  const {
    opsPerSecond: value,
    p50Ms,
    p99Ms,
    failures,
  } = await runLoad(connect, {
    clients,
    bytes,
    seconds,
    warmUpSeconds: 2,
  });
  const title = `A program as the state machine: ${clients} clients, ${bytes} bytes, ${seconds} s`;
  printTable(title, [{ label: values.command, value, more: { p50Ms, p99Ms, failures } }], "puts/s");
} finally {
  await cluster.remove();
}
