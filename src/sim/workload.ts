// The clients of a simulation, over a key-value store: each has one operation under way at a time. What each came to is remembered
// key by key; afterwards some order of them has to explain every answer.
import { GraftClient } from "../client/client.ts";
import { decodeResult, encodeOperation } from "../client/typed-payload.ts";
import { GraftError } from "../errors.ts";
import { isLinearizable, type Operation } from "./register.ts";
import type { Chance, Range } from "./chance.ts";
import type { Schedule } from "./schedule.ts";
import type { ClientLinks } from "./client-links.ts";
import { Life } from "./life.ts";

export interface WorkloadOptions {
  readonly clients: number;
  readonly keys: number;
  readonly thinkMs: Range;
  readonly timeoutMs: Range;
  /** How long an operation may take when nothing is wrong any more. */
  readonly patienceMs: number;
  readonly addresses: readonly string[];
}

interface Attempt {
  readonly key: string;
  readonly value: string;
}

export class Workload {
  readonly #schedule: Schedule;
  readonly #chance: Chance;
  readonly #options: WorkloadOptions;
  readonly #clients: GraftClient[] = [];
  readonly #histories = new Map<string, Operation[]>();
  /** Puts that were said to have had no effect. */
  readonly #failed: Attempt[] = [];
  #isOver = false;
  /** Nothing is wrong with the cluster any more: what begins from now on succeeds. */
  #mustSucceed = false;
  #values = 0;
  #violated: (what: string) => void = () => {};
  /** Operations that began when they had to succeed, and did. */
  successes = 0;
  commands = 0;
  answers = 0;
  underWay = 0;

  constructor(schedule: Schedule, chance: Chance, links: ClientLinks, options: WorkloadOptions) {
    this.#schedule = schedule;
    this.#chance = chance;
    this.#options = options;
    for (let nth = 0; nth < options.clients; nth++) {
      const life = new Life(schedule, chance);
      const client = new GraftClient({
        addresses: chance.shuffled(options.addresses),
        dial: links.dialOf(`client${nth}`, life),
        clock: life,
        readFrom: chance.pick(["leader", "any"]),
        session: chance.happens(0.3) ? "none" : { timeoutMs: 600_000 },
      });
      this.#clients.push(client);
      this.#next(client, life);
    }
  }

  /** From now on an operation that fails is a violation: `violated` is told what it was. `addresses`: where the nodes are now. */
  expectSuccess(addresses: readonly string[], violated: (what: string) => void): void {
    for (const client of this.#clients) for (const address of addresses) client.alsoTry(address);
    this.#mustSucceed = true;
    this.#violated = violated;
  }

  /** What is under way goes on to its end, and nothing new begins. */
  end(): void {
    this.#isOver = true;
  }

  #next(client: GraftClient, life: Life): void {
    life.after(this.#chance.wait(this.#chance.from(this.#options.thinkMs)), () => {
      if (this.#isOver) return;
      const key = `k${this.#chance.below(this.#options.keys)}`;
      const mustSucceed = this.#mustSucceed;
      const work = this.#chance.happens(0.5) ? this.#put(client, key) : this.#get(client, key);
      this.commands++;
      this.underWay++;
      void work.then((error) => this.#concluded(error, mustSucceed)).then(() => this.#next(client, life));
    });
  }

  #concluded(error: GraftError | null, mustSucceed: boolean): void {
    this.underWay--;
    if (!mustSucceed) return;
    if (error === null) this.successes++;
    else this.#violated(`with all faults over, an operation failed: ${error.message}`);
  }

  /** Null: it was answered. */
  async #put(client: GraftClient, key: string): Promise<GraftError | null> {
    const value = String(++this.#values);
    const history = this.#historyOf(key);
    const beganMs = this.#schedule.nowMs;
    const at = history.push({ kind: "put", value, beganMs, endedMs: Number.POSITIVE_INFINITY }) - 1;
    try {
      const timeoutMs = this.#timeoutMs();
      await client.command(encodeOperation("put", { key, value: new TextEncoder().encode(value) }), { timeoutMs });
      this.answers++;
      history[at] = { kind: "put", value, beganMs, endedMs: this.#schedule.nowMs };
      return null;
    } catch (error) {
      if (!(error instanceof GraftError)) throw error;
      if (error.effect === "none") this.#failed.push({ key, value });
      return error;
    }
  }

  async #get(client: GraftClient, key: string): Promise<GraftError | null> {
    const beganMs = this.#schedule.nowMs;
    try {
      const { payload } = await client.query(encodeOperation("get", { key }), { timeoutMs: this.#timeoutMs() });
      const bytes = decodeResult(payload, "query") as Uint8Array | null;
      const value = bytes === null ? null : new TextDecoder().decode(bytes);
      this.answers++;
      this.#historyOf(key).push({ kind: "get", value, beganMs, endedMs: this.#schedule.nowMs });
      return null;
    } catch (error) {
      if (!(error instanceof GraftError)) throw error;
      return error;
    }
  }

  #timeoutMs(): number {
    return Math.ceil(this.#mustSucceed ? this.#options.patienceMs : this.#chance.from(this.#options.timeoutMs));
  }

  #historyOf(key: string): Operation[] {
    const known = this.#histories.get(key) ?? [];
    this.#histories.set(key, known);
    return known;
  }

  /** Throws when no order explains the answers, or when a command had an effect of which the client was told that it had none. */
  check(violated: (what: string) => never): void {
    for (const { key, value } of this.#failed) {
      const isSeen = this.#historyOf(key).some((each) => each.kind === "get" && each.value === value);
      if (isSeen) violated(`the put of ${value} to ${key} was reported to have had no effect, and was read`);
    }
    for (const [key, history] of this.#histories) {
      if (!isLinearizable(history)) violated(`the history of ${key} is not linearizable`);
    }
  }
}
