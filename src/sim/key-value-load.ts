// What clients ask of the key-value store that ships: puts and gets of some keys. What each came to is remembered key by key; afterwards
// some order of them has to explain every answer.
import type { GraftClient } from "../client/client.ts";
import { decodeResult, encodeOperation } from "../client/typed-payload.ts";
import { GraftError } from "../errors.ts";
import type { Chance } from "./chance.ts";
import type { HowFar } from "./how-far.ts";
import type { PluginTrouble } from "./plugin-trouble.ts";
import { type Operation, searchOrder } from "./register.ts";
import type { Schedule } from "./schedule.ts";
import type { StaleReads } from "./stale-reads.ts";
import { valueOf } from "./troubled-store.ts";
import type { Asker, Load } from "./workload.ts";

interface Attempt {
  readonly key: string;
  readonly value: string;
}

export interface KeyValueLoadOptions {
  readonly keys: number;
  /** Which values are marked, and which questions are large. */
  readonly trouble: Pick<PluginTrouble, "mark" | "questionBytes">;
  readonly stale: StaleReads;
  readonly howFar: HowFar;
  readonly trace: (sentence: string) => void;
  /** A client has read what a command has written whose outcome its client does not know. */
  readonly foundDoubtful: () => void;
}

export class KeyValueLoad implements Load {
  readonly #schedule: Schedule;
  readonly #chance: Chance;
  readonly #keys: number;
  readonly #trouble: KeyValueLoadOptions["trouble"];
  readonly #stale: StaleReads;
  readonly #howFar: HowFar;
  readonly #trace: (sentence: string) => void;
  readonly #foundDoubtful: () => void;
  /** Values of puts whose outcome is not known. */
  readonly #doubtful = new Set<string>();
  readonly #histories = new Map<string, Operation[]>();
  /** Puts that were said to have had no effect. */
  readonly #failed: Attempt[] = [];
  commands = 0;

  constructor(schedule: Schedule, chance: Chance, options: KeyValueLoadOptions) {
    const { keys, trouble, stale, howFar, trace, foundDoubtful } = options;
    this.#schedule = schedule;
    this.#chance = chance;
    this.#keys = keys;
    this.#trouble = trouble;
    this.#stale = stale;
    this.#howFar = howFar;
    this.#trace = trace;
    this.#foundDoubtful = foundDoubtful;
  }

  operate(client: GraftClient, asker: Asker): Promise<GraftError | null> {
    const key = `k${this.#chance.below(this.#keys)}`;
    const bytes = this.#trouble.questionBytes();
    if (bytes > 0) return this.#list(client, asker, bytes);
    return this.#chance.happens(0.5) ? this.#put(client, asker, key) : this.#get(client, asker, key);
  }

  async #put(client: GraftClient, asker: Asker, key: string): Promise<GraftError | null> {
    const value = `${++this.commands}${this.#trouble.mark()}`;
    const history = this.#historyOf(key);
    const beganMs = this.#schedule.nowMs;
    this.#trace(`${asker.name} puts ${value} to ${key}`);
    const at = history.push({ kind: "put", value, beganMs, endedMs: Number.POSITIVE_INFINITY }) - 1;
    try {
      const payload = encodeOperation("put", { key, value: new TextEncoder().encode(value) });
      await client.command(payload, { timeoutMs: asker.timeoutMs() });
      asker.commanded();
      history[at] = { kind: "put", value, beganMs, endedMs: this.#schedule.nowMs };
      this.#trace(`${asker.name} has put ${value} to ${key}`);
      return null;
    } catch (error) {
      if (!(error instanceof GraftError)) throw error;
      this.#trace(`${asker.name} is told of its put of ${value} to ${key}: ${error.message}`);
      if (error.effect === "none") this.#failed.push({ key, value });
      else this.#doubtful.add(value);
      return error;
    }
  }

  async #get(client: GraftClient, asker: Asker, key: string): Promise<GraftError | null> {
    const beganMs = this.#schedule.nowMs;
    const stale = this.#stale.draw(asker.mustSucceed);
    this.#trace(`${asker.name} asks for ${key}${stale === null ? "" : ", as it was"}`);
    try {
      const options = { timeoutMs: asker.timeoutMs(), ...stale };
      const { payload, index, stalenessMs } = await client.query(encodeOperation("get", { key }), options);
      const asOfMs = stale === null ? beganMs : this.#stale.asOf(beganMs, stalenessMs, stale.maxStalenessMs);
      this.#howFar.answered(asOfMs, index);
      const bytes = decodeResult(payload, "query") as Uint8Array | null;
      const value = bytes === null ? null : valueOf(bytes);
      this.#historyOf(key).push({ kind: "get", value, beganMs: asOfMs, endedMs: this.#schedule.nowMs });
      if (value !== null && this.#doubtful.has(value)) this.#foundDoubtful();
      this.#trace(`${asker.name} has the value of ${key}: ${value ?? "nothing"}`);
      return null;
    } catch (error) {
      if (!(error instanceof GraftError)) throw error;
      this.#trace(`${asker.name} is told of ${key}: ${error.message}`);
      return error;
    }
  }

  /** A question that is large, and about no key. */
  async #list(client: GraftClient, asker: Asker, bytes: number): Promise<GraftError | null> {
    this.#trace(`${asker.name} asks a question of ${bytes} bytes`);
    try {
      await client.query(encodeOperation("list", { prefix: "x".repeat(bytes) }), { timeoutMs: asker.timeoutMs() });
      this.#trace(`${asker.name} has the answer to its question of ${bytes} bytes`);
      return null;
    } catch (error) {
      if (!(error instanceof GraftError)) throw error;
      this.#trace(`${asker.name} is told of its question of ${bytes} bytes: ${error.message}`);
      return error;
    }
  }

  #historyOf(key: string): Operation[] {
    const known = this.#histories.get(key) ?? [];
    this.#histories.set(key, known);
    return known;
  }

  /** Throws when no order explains the answers, or when a command had an effect of which the client was told that it had none. */
  *check(violated: (what: string) => never): Generator<undefined, void> {
    for (const { key, value } of this.#failed) {
      const isSeen = this.#historyOf(key).some((each) => each.kind === "get" && each.value === value);
      if (isSeen) violated(`the put of ${value} to ${key} was reported to have had no effect, and was read`);
    }
    for (const [key, history] of this.#histories) {
      if (!(yield* searchOrder(history))) violated(`the history of ${key} is not linearizable`);
    }
  }
}
