// Do reads through any node see what they must, while leaders are killed and frozen? Clients put and get concurrently; then
// every key's history is searched for an order that explains it.
import { expect, test } from "bun:test";
import type { GraftClient } from "../../src/client/client.ts";
import { decodeResult, encodeOperation } from "../../src/client/typed-payload.ts";
import { isLinearizable, type Operation } from "../../src/sim/register.ts";
import { TestCluster, until } from "./test-cluster.ts";

const keys = ["a", "b", "c", "d", "e", "f"];
const requestTimeoutMs = 1500;

/** Clients that put values nobody else puts and get what is there, and remember when each answer came. */
class Histories {
  readonly byKey = new Map<string, Operation[]>(keys.map((key) => [key, []]));
  gets = 0;
  #isOver = false;
  readonly #workers: Promise<unknown>;

  constructor(clients: readonly GraftClient[]) {
    this.#workers = Promise.all(clients.map((client, number) => this.#work(client, number)));
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#workers;
  }

  async #work(client: GraftClient, number: number): Promise<void> {
    for (let turn = 0; !this.#isOver; turn++) {
      const key = keys[(number * 5 + turn * 7) % keys.length]!;
      const history = this.byKey.get(key)!;
      const beganMs = performance.now();
      try {
        if ((number + turn) % 3 === 0) {
          // A put may take effect whatever becomes of its answer.
          const value = `${number} ${turn}`;
          const at = history.push({ kind: "put", value, beganMs, endedMs: Number.POSITIVE_INFINITY }) - 1;
          await client.command(encodeOperation("put", { key, value }), { timeoutMs: requestTimeoutMs });
          history[at] = { kind: "put", value, beganMs, endedMs: performance.now() };
        } else {
          const { payload } = await client.query(encodeOperation("get", { key }), { timeoutMs: requestTimeoutMs });
          const bytes = decodeResult(payload, "query") as Uint8Array | null;
          const value = bytes === null ? null : new TextDecoder().decode(bytes);
          history.push({ kind: "get", value, beganMs, endedMs: performance.now() });
          this.gets++;
        }
      } catch {
        // What had no answer explains nothing; whoever fails at once must not keep the cores from the nodes.
        await Bun.sleep(5);
      }
      // Histories are to be searched: a few hundred operations a second are enough.
      await Bun.sleep(4);
    }
  }
}

test("reads through any node are linearizable while the leader is killed, and frozen and woken again", async () => {
  const cluster = await TestCluster.start();
  try {
    const addresses = cluster.layout.nodes.map(({ address }) => address);
    const clients = Array.from({ length: 6 }, () => cluster.connect(addresses, { readFrom: "any" }));
    const histories = new Histories(clients);
    const progress = async (): Promise<void> => {
      const wanted = histories.gets + 60;
      await until("60 more gets", () => histories.gets >= wanted);
    };
    for (const signal of ["SIGSTOP", "SIGKILL", "SIGSTOP"] as const) {
      await progress();
      const leader = await cluster.leader();
      cluster.process(leader).signal(signal);
      await until("another leader", async () => {
        const others = cluster.layout.nodes.filter(({ id }) => id !== leader);
        const known = await Promise.all(others.map(({ address }) => cluster.client.status(address)));
        return known.some((status) => status.leader !== null && status.leader.id !== leader);
      });
      await progress();
      if (signal === "SIGSTOP") cluster.process(leader).signal("SIGCONT");
      else cluster.run(leader);
    }
    await progress();
    await histories.end();
    for (const [key, history] of histories.byKey) expect([key, isLinearizable(history)]).toEqual([key, true]);
  } finally {
    for (const { id } of cluster.layout.nodes) cluster.process(id).signal("SIGCONT");
    await cluster.remove();
  }
}, 60_000);
