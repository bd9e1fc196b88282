// A cluster of three compiled nodes whose disks are to be damaged: how its nodes are killed, frozen and started again, and when
// all of them are in step.
import { readFileSync } from "node:fs";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import type { GraftClient } from "../../src/client/client.ts";
import { type ClusterView, viewCluster } from "../../src/client/cluster-view.ts";
import { noRequest, pursueChange } from "../../src/client/membership.ts";
import { composeClient } from "../../src/compose.ts";
import { createJoiningNode, type LocalNode, localClientSettings } from "../../src/local/local-cluster.ts";
import { TemporaryCluster } from "../../src/local/temporary-cluster.ts";
import { type Acknowledged, compareLogs, type Comparison, doubleLeaders } from "./compare-logs.ts";
import { until } from "./wait.ts";

type Settings = Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>;

/** Generous: the machine may be busy with other things. */
export const limitMs = 120_000;
const viewMs = 4_000;

export class DamagedCluster {
  readonly admin: GraftClient;
  readonly #temporary: TemporaryCluster;
  readonly #settings: Settings;
  readonly #nodes: Map<string, LocalNode>;

  private constructor(temporary: TemporaryCluster, settings: Settings) {
    this.#temporary = temporary;
    this.#settings = settings;
    this.#nodes = new Map(temporary.cluster.nodes.map((node) => [node.id, node]));
    this.admin = this.connect();
  }

  /** Resolves when all nodes are in step. */
  static async start(graft: string, settings: Settings = {}): Promise<DamagedCluster> {
    const cluster = new DamagedCluster(await TemporaryCluster.create([graft], settings), settings);
    try {
      await cluster.untilInStep();
      return cluster;
    } catch (error) {
      await cluster.remove(null);
      throw error;
    }
  }

  get ids(): readonly string[] {
    return [...this.#nodes.keys()];
  }

  get dir(): string {
    return this.#temporary.cluster.dir;
  }

  readonly connect = (): GraftClient =>
    composeClient({ ...localClientSettings(this.#temporary.cluster), timeoutMs: limitMs });

  dataDir(id: string): string {
    return this.#node(id).dataDir;
  }

  isRunning(id: string): boolean {
    return this.#temporary.processOf(id).isRunning;
  }

  start(id: string): void {
    this.#temporary.start(this.#node(id));
  }

  /** Also one that is frozen. */
  kill(id: string): Promise<void> {
    return this.#temporary.processOf(id).kill();
  }

  signal(id: string, signal: "SIGSTOP" | "SIGCONT"): void {
    this.#temporary.processOf(id).signal(signal);
  }

  logOf(id: string): string {
    return readFileSync(join(this.dir, `${id}.log`), "utf8");
  }

  /** The leader that the nodes which answer know of; null: none at the moment. */
  async leader(): Promise<string | null> {
    return (await this.#view())?.leader?.id ?? null;
  }

  untilLeader(isWanted: (id: string) => boolean = () => true): Promise<string> {
    return until("a leader", limitMs, async () => {
      const leader = await this.leader();
      return leader !== null && isWanted(leader) ? leader : null;
    });
  }

  /** Until every node has no problem, and holds and has applied what is committed now. Throws with what it saw last. */
  async untilInStep(): Promise<void> {
    let through: number | null = null;
    let seen: ClusterView | null = null;
    try {
      await until("every node is in step", limitMs, async () => {
        seen = await this.#view();
        if (seen === null || seen.leader === null) return false;
        through ??= seen.commitIndex;
        return isInStep(seen, through, this.ids.length);
      });
    } catch (error) {
      throw new Error(`every node is to be in step through ${through}: ${JSON.stringify(seen)}`, { cause: error });
    }
  }

  /** Follows the advice that a node gives whose mark is damaged: another incarnation, with an empty disk. */
  async rejoin(id: string, setAside: (dataDir: string) => void): Promise<void> {
    const { address, dataDir } = this.#node(id);
    setAside(dataDir);
    const others = [...this.#nodes.values()].filter((node) => node.id !== id).map((node) => node.address);
    const port = Number(address.split(":").at(-1));
    const request = { id, port, join: others, plugin: "kv", settings: this.#settings, again: true };
    this.#nodes.set(id, await createJoiningNode(this.#temporary.cluster, request));
    this.start(id);
    const newcomer = { id, address, priority: null, voter: true, behindNat: false };
    await pursueChange(this.admin, { ...noRequest, add: [newcomer] }, { timeoutMs: limitMs });
  }

  /** Ends all nodes and compares what they hold, and who has led. */
  async stopAndCompare(terms: Acknowledged, areInStep: boolean): Promise<Comparison> {
    await Promise.all(this.ids.map((id) => this.kill(id)));
    const { violations, problems } = compareLogs(
      this.ids.map((id) => ({ id, dataDir: this.dataDir(id) })),
      terms,
      areInStep,
    );
    return { problems, violations: [...violations, ...doubleLeaders(this.ids.map((id) => this.logOf(id)))] };
  }

  /** `keep`: where a copy of everything goes first; null: nowhere. */
  async remove(keep: string | null): Promise<void> {
    await this.admin.close();
    await Promise.all(this.ids.map((id) => this.kill(id)));
    if (keep !== null) await cp(this.dir, keep, { recursive: true });
    await this.#temporary.remove();
  }

  #node(id: string): LocalNode {
    const node = this.#nodes.get(id);
    if (node === undefined) throw new RangeError(`there is no node ${id}`);
    return node;
  }

  #view(): Promise<ClusterView | null> {
    return viewCluster(this.admin, viewMs).catch(() => null);
  }
}

const isInStep = ({ nodes }: ClusterView, through: number, count: number): boolean =>
  nodes.length === count &&
  nodes.every(
    ({ reachable, voter, problem, appliedIndex, matchIndex }) =>
      reachable && voter && problem === null && (appliedIndex ?? 0) >= through && (matchIndex ?? 0) >= through,
  );
