// A cluster for one measurement: three nodes in a temporary folder, up and with a leader, and nothing left of it afterwards.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GraftError } from "../errors.ts";
import { findFreePorts } from "./free-ports.ts";
import {
  createJoiningNode,
  createLocalCluster,
  type JoiningNodeRequest,
  type LocalCluster,
  type LocalNode,
} from "./local-cluster.ts";
import { NodeProcess } from "./node-process.ts";

const nodesCount = 3;
const logTailChars = 2000;

export class TemporaryCluster {
  readonly cluster: LocalCluster;
  readonly #program: readonly string[];
  readonly #kind: Kind;
  readonly #addresses: string[] = [];
  readonly #processes = new Map<string, NodeProcess>();

  private constructor(cluster: LocalCluster, program: readonly string[], kind: Kind) {
    this.#kind = kind;
    this.cluster = cluster;
    this.#program = program;
    for (const node of cluster.nodes) this.start(node);
  }

  static async create(
    program: readonly string[],
    settings: LocalClusterSettings = {},
    plugin: Kind["plugin"] = "kv",
  ): Promise<TemporaryCluster> {
    const dir = await mkdtemp(join(tmpdir(), "graft-bench-"));
    try {
      const request = { dir, id: "bench", ports: findFreePorts(nodesCount), plugin, settings };
      return new TemporaryCluster(await createLocalCluster(request), program, { plugin, settings });
    } catch (error) {
      await rm(dir, { recursive: true, force: true });
      throw error;
    }
  }

  processOf(id: string): NodeProcess {
    const process = this.#processes.get(id);
    if (process === undefined) throw new RangeError(`there is no node ${id}`);
    return process;
  }

  /** One node more, which runs and waits to be added. */
  async join(id: string): Promise<LocalNode> {
    const [port = 0] = findFreePorts(1);
    const members = [...this.#addresses];
    const node = await createJoiningNode(this.cluster, { id, port, join: members, ...this.#kind });
    this.start(node);
    return node;
  }

  start(node: LocalNode): void {
    if (!this.#addresses.includes(node.address)) this.#addresses.push(node.address);
    const log = join(this.cluster.dir, `${node.id}.log`);
    this.#processes.set(node.id, new NodeProcess({ program: this.#program, node, log }));
  }

  /** Kills what runs, without grace: the data is thrown away with the folder. */
  async remove(): Promise<void> {
    await Promise.all([...this.#processes.values()].map((process) => process.kill()));
    await rm(this.cluster.dir, { recursive: true, force: true });
  }

  /** Throws with the end of its log when a node has ended that should not have. */
  async checkRunning(): Promise<void> {
    for (const [id, process] of this.#processes) {
      if (process.isRunning) continue;
      const log = await readFile(join(this.cluster.dir, `${id}.log`), "utf8");
      throw new GraftError("unavailable", `node ${id} has ended; its log:\n${log.slice(-logTailChars)}`);
    }
  }
}

type Kind = Pick<JoiningNodeRequest, "plugin" | "settings">;
type LocalClusterSettings = Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>;
