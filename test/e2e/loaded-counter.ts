// A cluster whose counter counts up all the time: how many increments have been acknowledged, and how many were sent at all.
import type { GraftClient } from "../../src/client/client.ts";
import { patienceMs, until } from "./test-cluster.ts";

const increment = new TextEncoder().encode("add 1");
const nothing = new Uint8Array();

export async function valueOf(client: GraftClient): Promise<number> {
  return Number(new TextDecoder().decode((await client.query(nothing)).payload));
}

export class LoadedCounter {
  acknowledged = 0;
  sent = 0;
  /** Of the increments that failed: nobody knows whether they have had their effect. */
  readonly errors: unknown[] = [];
  readonly #work: Promise<unknown>;
  #isOver = false;

  /** `workers` increments are under way at once. One that fails is not sent again. */
  constructor(client: GraftClient, { workers = 8, timeoutMs = patienceMs } = {}) {
    this.#work = Promise.all(Array.from({ length: workers }, () => this.#count(client, timeoutMs)));
  }

  get inDoubt(): number {
    return this.errors.length;
  }

  async progress(increments: number): Promise<void> {
    const wanted = this.acknowledged + increments;
    await until(`${increments} more increments`, () => this.acknowledged >= wanted);
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#work;
  }

  async #count(client: GraftClient, timeoutMs: number): Promise<void> {
    while (!this.#isOver) {
      this.sent++;
      await client.command(increment, { timeoutMs }).then(
        () => void this.acknowledged++,
        (error: unknown) => {
          this.errors.push(error);
          this.#isOver = true;
        },
      );
    }
  }
}
