// What Graft is for, in half a minute: three nodes on this machine, a few commands, a leader killed without warning, and
// a look at what was lost. `bun run demo` builds first; nothing is left behind.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GraftClient } from "./src/client/client.ts";
import { waitForLeader } from "./src/client/cluster-view.ts";
import { decodeResult, encodeOperation } from "./src/client/typed-payload.ts";
import { composeClient } from "./src/compose.ts";
import { GraftError } from "./src/errors.ts";
import { armFailStop } from "./src/fail-stop.ts";
import { findFreePorts } from "./src/local/free-ports.ts";
import { createLocalCluster, type LocalCluster, localClientSettings } from "./src/local/local-cluster.ts";
import { NodeProcess } from "./src/local/node-process.ts";

armFailStop();

const graft = join(import.meta.dir, "dist", "graft");
const writers = 8;
const writesAfterKill = 2000;
const patienceMs = 30_000;
/** For all the writing, the failover in its midst included. */
const writingMaxMs = 60_000;

const say = (text = ""): void => console.log(text);

/** Runs the program as a person would, in the cluster's folder, and shows what it says. */
async function type(cluster: LocalCluster, ...words: string[]): Promise<void> {
  const shown = words.map((word) => (/[^\w./:=-]/.test(word) ? `'${word}'` : word)).join(" ");
  say(`$ graft ${shown}`);
  const child = Bun.spawn([graft, ...words], { cwd: cluster.dir, stdout: "pipe", stderr: "inherit" });
  const [output, code] = await Promise.all([new Response(child.stdout).text(), child.exited]);
  say(output.trimEnd().replaceAll(/^/gm, "  "));
  if (code !== 0) throw new Error(`graft ${shown} ended with ${code}`);
}

interface Written {
  /** Keys whose put was acknowledged. */
  readonly keys: string[];
  /** The longest time without any acknowledgement, ms. */
  readonly gapMs: number;
  readonly unknown: number;
}

/** Throws what is no doubt about an outcome: of a cluster that comes back nothing else is expected. */
async function isAcknowledged(client: GraftClient, key: string): Promise<boolean> {
  try {
    await client.command(encodeOperation("put", { key, value: key }), { timeoutMs: patienceMs });
    return true;
  } catch (error) {
    if (error instanceof GraftError && error.code === "outcome-unknown") return false;
    throw error;
  }
}

/** Writers that go on when an outcome is unknown; `kill` is called in the midst of them. Throws when it takes too long. */
async function writeThrough(client: GraftClient, kill: () => void): Promise<Written> {
  const keys: string[] = [];
  let unknown = 0;
  let gapMs = 0;
  let lastMs = performance.now();
  const dueMs = lastMs + writingMaxMs;
  let killedAt: number | null = null;
  const isDone = (): boolean => killedAt !== null && keys.length >= killedAt + writesAfterKill;
  const write = async (writer: number): Promise<void> => {
    for (let number = 0; !isDone(); number++) {
      const key = `w${writer}-${number}`;
      if (performance.now() >= dueMs) {
        throw new Error(`only ${keys.length} writes acknowledged, ${unknown} unknown, within ${writingMaxMs} ms`);
      }
      if (!(await isAcknowledged(client, key))) {
        unknown++;
        continue;
      }
      keys.push(key);
      const nowMs = performance.now();
      if (killedAt !== null) gapMs = Math.max(gapMs, nowMs - lastMs);
      lastMs = nowMs;
      if (killedAt === null && keys.length >= writesAfterKill) {
        killedAt = keys.length;
        kill();
      }
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
  return { keys, gapMs, unknown };
}

/** How many of the keys do not hold what was acknowledged. */
async function countMissing(client: GraftClient, keys: readonly string[]): Promise<number> {
  let missing = 0;
  const pending = [...keys];
  const read = async (): Promise<void> => {
    for (let key = pending.pop(); key !== undefined; key = pending.pop()) {
      const value = decodeResult((await client.query(encodeOperation("get", { key }))).payload, "query");
      if (!(value instanceof Uint8Array) || new TextDecoder().decode(value) !== key) missing++;
    }
  };
  await Promise.all(Array.from({ length: 64 }, read));
  return missing;
}

async function demonstrate(cluster: LocalCluster, nodes: Map<string, NodeProcess>): Promise<void> {
  const client = composeClient({ ...localClientSettings(cluster), timeoutMs: patienceMs });
  try {
    await waitForLeader(client, patienceMs, (view) => view.nodes.every((node) => node.reachable));
    await type(cluster, "cluster", "status");
    await type(cluster, "execute", "command", "put", '{"key":"greeting","value":"hello"}');
    await type(cluster, "execute", "query", "get", '{"key":"greeting"}');
    await killLeaderUnderLoad(cluster, client, nodes);
    await type(cluster, "cluster", "status");
  } finally {
    await client.close();
  }
}

async function killLeaderUnderLoad(cluster: LocalCluster, client: GraftClient, nodes: Map<string, NodeProcess>) {
  const { leader } = await waitForLeader(client, patienceMs);
  const victim = nodes.get(leader?.id ?? "");
  if (victim === undefined) throw new Error("the leader is none of the three nodes");
  say(`\n${writers} writers at work; then the leader, ${victim.node.id}, is killed with SIGKILL …`);
  const { keys, gapMs, unknown } = await writeThrough(client, () => victim.signal("SIGKILL"));
  await victim.exited;
  const next = await waitForLeader(client, patienceMs);
  say(`  without a leader for ${Math.round(gapMs)} ms; ${next.leader?.id} leads now`);
  say(`  ${keys.length} writes acknowledged, ${unknown} under way when it died and honestly "outcome-unknown"`);

  say(`\n${victim.node.id} is started again …`);
  nodes.set(victim.node.id, startNode(cluster, victim.node.id));
  await waitForLeader(client, patienceMs, (view) =>
    view.nodes.every((node) => node.reachable && node.lagEntries === 0 && node.appliedIndex === view.commitIndex),
  );
  say("  it has caught up");

  const missing = await countMissing(client, keys);
  say(`  ${keys.length} acknowledged writes read back, ${missing} missing\n`);
  if (missing > 0) throw new Error(`${missing} acknowledged writes are missing`);
}

function startNode(cluster: LocalCluster, id: string): NodeProcess {
  const node = cluster.nodes.find((candidate) => candidate.id === id);
  if (node === undefined) throw new RangeError(`there is no node ${id}`);
  return new NodeProcess({ program: [graft], node, log: join(cluster.dir, `${id}.log`) });
}

const dir = await mkdtemp(join(tmpdir(), "graft-demo-"));
const nodes = new Map<string, NodeProcess>();
try {
  say(`Three nodes on this machine, with certificates of their own, in ${dir}\n`);
  const cluster = await createLocalCluster({ dir, id: "demo", ports: findFreePorts(3), plugin: "kv" });
  for (const { id } of cluster.nodes) nodes.set(id, startNode(cluster, id));
  await demonstrate(cluster, nodes);
  say("\nNothing was lost. Next: graft dev, and README.md");
} finally {
  await Promise.all([...nodes.values()].map((node) => node.stop()));
  await rm(dir, { recursive: true, force: true });
}
