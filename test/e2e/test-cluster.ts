// A cluster of the compiled binary for one test: a temporary folder, free ports, processes that end with the test. Waits
// look at a condition again and again until it holds or the deadline has passed; nothing waits for time alone.
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ClientOptions, GraftClient } from "../../src/client/client.ts";
import { type ClusterView, viewCluster } from "../../src/client/cluster-view.ts";
import { composeClient } from "../../src/compose.ts";
import { findFreePorts } from "../../src/local/free-ports.ts";
import {
  createJoiningNode,
  createLocalCluster,
  type LocalCluster,
  type JoiningNodeRequest,
  type LocalClusterRequest,
  localClientSettings,
  type LocalNode,
} from "../../src/local/local-cluster.ts";
import { NodeProcess } from "../../src/local/node-process.ts";

export const binary = join(import.meta.dir, "..", "..", "dist", "graft");
if (!existsSync(binary)) throw new Error(`${binary} is not there: bun run build`);

/** Generous: two cores may be shared with other tests. */
export const patienceMs = 45_000;
const pollMs = 30;

export interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly stdoutBytes: Uint8Array;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly stdin?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs the binary to its end. Nothing of this process's environment that Graft looks at reaches it. */
export async function graft(args: readonly string[], { cwd, stdin, env = {} }: RunOptions = {}): Promise<Ran> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("GRAFT_"));
  const child = Bun.spawn([binary, ...args], {
    stdin: stdin === undefined ? "ignore" : Buffer.from(stdin),
    stdout: "pipe",
    stderr: "pipe",
    env: { ...Object.fromEntries(inherited), ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });
  const [stdoutBytes, stderr, exitCode] = await Promise.all([child.stdout.bytes(), child.stderr.text(), child.exited]);
  return { exitCode, stdout: new TextDecoder().decode(stdoutBytes), stderr, stdoutBytes };
}

/** Resolves with what `look` returns once that is neither null nor false; throws after the deadline, saying what was awaited. */
export async function until<T>(
  what: string,
  look: () => Promise<T | null | false> | T | null | false,
  limitMs = patienceMs,
): Promise<T> {
  const dueMs = performance.now() + limitMs;
  for (;;) {
    const seen = await look();
    if (seen !== null && seen !== false) return seen;
    if (performance.now() > dueMs) throw new Error(`not within ${limitMs} ms: ${what}`);
    await Bun.sleep(pollMs);
  }
}

type Settings = Partial<Pick<LocalClusterRequest, "id" | "plugin" | "settings">> & { readonly nodes?: number };

export async function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), "graft-e2e-"));
}

export class TestCluster {
  readonly layout: LocalCluster;
  readonly client: GraftClient;
  readonly #plugin: LocalClusterRequest["plugin"];
  readonly #joined: LocalNode[] = [];
  readonly #processes = new Map<string, NodeProcess>();
  readonly #clients: GraftClient[] = [];

  private constructor(layout: LocalCluster, plugin: LocalClusterRequest["plugin"]) {
    this.layout = layout;
    this.#plugin = plugin;
    this.client = this.connect();
  }

  /** The files of a cluster; no node runs yet. */
  static async create({ nodes = 3, ...settings }: Settings = {}): Promise<TestCluster> {
    const dir = await temporaryFolder();
    const request: LocalClusterRequest = { dir, id: "test", ports: findFreePorts(nodes), plugin: "kv", ...settings };
    return new TestCluster(await createLocalCluster(request), request.plugin);
  }

  /** A cluster whose nodes run and that has a leader. */
  static async start(settings: Settings = {}): Promise<TestCluster> {
    const cluster = await TestCluster.create(settings);
    for (const { id } of cluster.layout.nodes) cluster.run(id);
    await cluster.leader();
    return cluster;
  }

  /** One node more, or one that was there before with another file, which runs and looks for the cluster. */
  async join(id: string, more: Partial<JoiningNodeRequest> = {}): Promise<LocalNode> {
    const [port = 0] = findFreePorts(1);
    const members = [...this.layout.nodes, ...this.#joined].map(({ address }) => address);
    const node = await createJoiningNode(this.layout, { id, port, join: members, plugin: this.#plugin, ...more });
    this.#joined.unshift(node);
    this.run(id);
    return node;
  }

  /** Starts a node, or starts it again. Its log goes on in the same file. */
  run(id: string): NodeProcess {
    const process = new NodeProcess({ program: [binary], node: this.node(id), log: this.#logFile(id) });
    this.#processes.set(id, process);
    return process;
  }

  node(id: string): LocalNode {
    return required(
      [...this.#joined, ...this.layout.nodes].find((node) => node.id === id),
      `node ${id}`,
    );
  }

  process(id: string): NodeProcess {
    return required(this.#processes.get(id), `process of ${id}`);
  }

  logOf(id: string): string {
    return readFileSync(this.#logFile(id), "utf8");
  }

  /** A client with connections of its own, closed with the cluster. */
  connect(
    addresses: readonly string[] = this.layout.nodes.map(({ address }) => address),
    options: Pick<ClientOptions, "readFrom"> = {},
  ): GraftClient {
    const settings = { ...localClientSettings(this.layout), addresses, timeoutMs: patienceMs };
    const client = composeClient(settings, options);
    this.#clients.push(client);
    return client;
  }

  view(): Promise<ClusterView> {
    return viewCluster(this.client, patienceMs);
  }

  /** The leader's id, once there is one. */
  leader(): Promise<string> {
    return until("a leader", async () => (await this.view()).leader?.id ?? null);
  }

  async followers(): Promise<readonly string[]> {
    const leader = await this.leader();
    return this.layout.nodes.map(({ id }) => id).filter((id) => id !== leader);
  }

  /** Until every node runs and has applied all entries that there are. Not for a cluster under load: there are always more. */
  async caughtUp(): Promise<void> {
    await until("every node has caught up", async () => {
      const { commitIndex, nodes, leader } = await this.view();
      return leader !== null && nodes.every((node) => node.reachable && node.appliedIndex === commitIndex);
    });
  }

  /** Until every node runs and has applied what is committed now. */
  async inStep(): Promise<void> {
    const { commitIndex } = await this.view();
    await until(`every node has applied ${commitIndex}`, async () => {
      const { nodes } = await this.view();
      return nodes.every((node) => node.reachable && (node.appliedIndex ?? 0) >= commitIndex);
    });
  }

  /** Runs the command line in the cluster's folder, where its graft.toml is. */
  graft(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
    return graft(args, { cwd: this.layout.dir, ...options });
  }

  /** Kills what this test started, and removes the folder. */
  async remove(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await Promise.all([...this.#processes.values()].map((process) => process.kill()));
    await rm(this.layout.dir, { recursive: true, force: true });
  }

  #logFile(id: string): string {
    return join(this.layout.dir, `${id}.log`);
  }
}

function required<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`there is no ${what}`);
  return value;
}
