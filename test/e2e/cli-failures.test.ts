// What clients see of failures, with a load running all the while: leaders that leave and nodes that are killed, one and all.
import { describe, expect, test } from "bun:test";
import type { GraftClient } from "../../src/client/client.ts";
import { decodeResult, encodeOperation } from "../../src/client/typed-payload.ts";
import { TestCluster, until } from "./test-cluster.ts";

/** Clients that put one new key after the other and remember which puts were acknowledged. */
class Load {
  readonly acknowledged: string[] = [];
  readonly errors: Error[] = [];
  readonly #clients: readonly GraftClient[];
  #isOver = false;
  readonly #workers: Promise<unknown>;

  constructor(cluster: TestCluster, name: string) {
    this.#clients = Array.from({ length: 4 }, () => cluster.connect());
    this.#workers = Promise.all(Array.from({ length: 8 }, (_, number) => this.#work(`${name} ${number}`, number)));
  }

  async #work(name: string, number: number): Promise<void> {
    const client = this.#clients[number % this.#clients.length]!;
    for (let turn = 0; !this.#isOver; turn++) {
      const key = `${name} ${turn}`;
      try {
        await client.command(encodeOperation("put", { key, value: key }));
        this.acknowledged.push(key);
      } catch (error) {
        this.errors.push(error as Error);
        // Whoever fails at once must not keep the cores from the nodes.
        await Bun.sleep(5);
      }
    }
  }

  /** Until `more` further puts have been acknowledged. */
  async progress(more: number): Promise<void> {
    const wanted = this.acknowledged.length + more;
    await until(`${more} more puts`, () => this.acknowledged.length >= wanted);
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#workers;
  }
}

/** The keys of those given that the cluster does not have. */
async function missing(cluster: TestCluster, keys: readonly string[]): Promise<readonly string[]> {
  const there = new Set<string>();
  for (let after = "", more = true; more;) {
    const { payload } = await cluster.client.query(encodeOperation("list", { after, limit: 10_000 }));
    const page = decodeResult(payload, "query") as { readonly keys: readonly string[]; readonly more: boolean };
    for (const key of page.keys) there.add(key);
    ({ more } = page);
    after = page.keys.at(-1) ?? "";
  }
  return keys.filter((key) => !there.has(key));
}

describe("under load", () => {
  test("SIGTERM of the leader: leadership is handed over, and no client sees an error", async () => {
    const cluster = await TestCluster.start();
    try {
      const load = new Load(cluster, "handover");
      await load.progress(200);
      const leader = await cluster.leader();
      cluster.process(leader).signal("SIGTERM");
      expect(await cluster.process(leader).exited).toBe(0);
      await load.progress(200);
      await load.end();
      expect(load.errors).toEqual([]);
      expect(await cluster.leader()).not.toBe(leader);
      expect(await missing(cluster, load.acknowledged)).toEqual([]);
    } finally {
      await cluster.remove();
    }
  });

  test("SIGKILL of any one node: the others go on, and it catches up when it is started again", async () => {
    const cluster = await TestCluster.start();
    try {
      const load = new Load(cluster, "one");
      await load.progress(100);
      for (const { id } of cluster.layout.nodes) {
        await cluster.process(id).kill();
        await load.progress(100);
        cluster.run(id);
        await until(`${id} follows`, async () => {
          const { nodes } = await cluster.view();
          return nodes.some((node) => node.id === id && node.reachable && node.lagEntries !== null);
        });
      }
      await load.end();
      await cluster.caughtUp();
      expect(await missing(cluster, load.acknowledged)).toEqual([]);
      // What was under way at a leader that was killed has been sent again.
      expect(load.errors).toEqual([]);
    } finally {
      await cluster.remove();
    }
  });

  test("P45: SIGKILL of all three: no acknowledged command is missing after the restart", async () => {
    const cluster = await TestCluster.start();
    try {
      const load = new Load(cluster, "all");
      await load.progress(500);
      const ids = cluster.layout.nodes.map(({ id }) => id);
      await Promise.all(ids.map((id) => cluster.process(id).kill()));
      const acknowledged = [...load.acknowledged];
      for (const id of ids) cluster.run(id);
      await load.progress(100);
      await load.end();
      expect(acknowledged.length).toBeGreaterThanOrEqual(500);
      expect(await missing(cluster, [...acknowledged, ...load.acknowledged])).toEqual([]);
      await cluster.caughtUp();
    } finally {
      await cluster.remove();
    }
  });
});
