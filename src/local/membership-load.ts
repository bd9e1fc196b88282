// Does anyone notice when all of a cluster is exchanged but its data? Clients count together while nodes are added, promoted,
// removed and replaced; what they were answered is compared with the counter, and every moment without an answer is found.
import type { GraftClient } from "../client/client.ts";
import { waitForLeader } from "../client/cluster-view.ts";
import { noRequest, pursueChange } from "../client/membership.ts";
import type { LocalNode } from "./local-cluster.ts";

/** A running cluster of n1, n2 and n3 with the state machine `counter`. */
export interface ChangingCluster {
  /** A client with connections of its own. */
  connect(): GraftClient;
  /** One node more, which runs and waits to be added. */
  join(id: string): Promise<LocalNode>;
  /** As a power cut would. */
  kill(id: string): Promise<void>;
}

export interface MembershipLoad {
  readonly clients: number;
  readonly acknowledged: number;
  readonly counter: number;
  readonly errors: readonly string[];
  /** The longest time without any answer, in ms, and during which step. */
  readonly longestGapMs: number;
  readonly steps: readonly Step[];
}

interface Step {
  readonly name: string;
  readonly ms: number;
  readonly acknowledged: number;
  readonly longestGapMs: number;
}

const stepTimeoutMs = 60_000;
const increment = new TextEncoder().encode("add 1");

/** Resolves with what was seen; errors of clients are among it, a change that fails rejects. */
export async function changeUnderLoad(
  cluster: ChangingCluster,
  {
    clients,
    calmMs,
  }: { readonly clients: number; /** Load alone, before and after each step. */ readonly calmMs: number },
): Promise<MembershipLoad> {
  const load = new Load(Array.from({ length: clients }, () => cluster.connect()));
  const admin = cluster.connect();
  const steps: Step[] = [];
  const step = async (name: string, act: () => Promise<unknown>): Promise<void> => {
    const [beganMs, before] = [performance.now(), load.acknowledged];
    load.longestGapMs = 0;
    await act();
    await Bun.sleep(calmMs);
    const acknowledged = load.acknowledged - before;
    steps.push({ name, ms: performance.now() - beganMs, acknowledged, longestGapMs: load.gapMs() });
  };
  try {
    await step("load alone", () => Bun.sleep(calmMs));
    for (const { name, act } of stepsOf(cluster, admin)) await step(name, act);
    await load.stop();
    const { payload } = await admin.query(new Uint8Array());
    const counter = Number(new TextDecoder().decode(payload));
    const { acknowledged, errors } = load;
    return {
      clients,
      acknowledged,
      counter,
      errors,
      steps,
      longestGapMs: Math.max(...steps.map((each) => each.longestGapMs)),
    };
  } finally {
    await load.stop();
    await admin.close();
  }
}

interface Act {
  readonly name: string;
  readonly act: () => Promise<unknown>;
}

function stepsOf(cluster: ChangingCluster, admin: GraftClient): readonly Act[] {
  const change = (changes: Partial<typeof noRequest>) =>
    pursueChange(admin, { ...noRequest, ...changes }, { timeoutMs: stepTimeoutMs });
  const newcomer = async (id: string, voter: boolean) => {
    const { address } = await cluster.join(id);
    return { id, address, priority: null, voter, behindNat: false };
  };
  const founders = ["n1", "n2", "n3"];
  const take = (id: string): string => founders.splice(founders.indexOf(id), 1)[0]!;
  return [
    { name: "add n4, a learner", act: async () => change({ add: [await newcomer("n4", false)] }) },
    { name: "promote n4", act: () => change({ promote: ["n4"] }) },
    { name: "add n5", act: async () => change({ add: [await newcomer("n5", true)] }) },
    {
      name: "remove the leader",
      act: async () => {
        const { leader } = await waitForLeader(admin, stepTimeoutMs, (view) =>
          founders.includes(view.leader?.id ?? ""),
        );
        await change({ remove: [take(leader!.id)] });
      },
    },
    { name: "remove another founder", act: () => change({ remove: [take(founders[0]!)] }) },
    {
      name: "replace a killed node by n6",
      act: async () => {
        const dead = take(founders[0]!);
        await cluster.kill(dead);
        await change({ add: [await newcomer("n6", true)], remove: [dead] });
      },
    },
  ];
}

/** Every client has one increment under way at any time. */
class Load {
  acknowledged = 0;
  /** The longest time between two answers since it was set to 0. */
  longestGapMs = 0;
  readonly errors: string[] = [];
  readonly #clients: readonly GraftClient[];
  readonly #work: Promise<unknown>;
  #lastMs = performance.now();
  #isOver = false;

  constructor(clients: readonly GraftClient[]) {
    this.#clients = clients;
    this.#work = Promise.all(clients.map((client) => this.#count(client)));
  }

  /** The longest, that included which lasts just now. */
  gapMs(): number {
    return Math.max(this.longestGapMs, performance.now() - this.#lastMs);
  }

  /** Once every increment has its answer. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#work;
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  async #count(client: GraftClient): Promise<void> {
    while (!this.#isOver) {
      try {
        await client.command(increment);
      } catch (error) {
        this.errors.push(String(error));
        continue;
      }
      const nowMs = performance.now();
      this.longestGapMs = Math.max(this.longestGapMs, nowMs - this.#lastMs);
      this.#lastMs = nowMs;
      this.acknowledged += 1;
    }
  }
}
