// Is everything still there that was acknowledged, and is every answer right? Writers put values of which each key has only one
// author, and remember what was acknowledged and where in the log it stands. Readers ask for it while all this goes on.
import type { GraftClient } from "../../src/client/client.ts";
import { decodeResult, encodeOperation } from "../../src/client/typed-payload.ts";
import { until } from "./wait.ts";

export interface LoadOptions {
  readonly writers: number;
  readonly readers: number;
  /** Between two operations of a writer or reader, ms: 0 fills logs quickly. */
  readonly pauseMs: number;
}

/** What a key may hold: a put that was acknowledged, or one that was sent after it. */
interface Witnessed {
  acknowledged: number;
  sent: number;
}

const valueBytes = 300;
const keysPerWriter = 40;
const requestTimeoutMs = 10_000;
const retryPauseMs = 50;
const verifiersMax = 32;
const verifyTimeoutMs = 60_000;

export class WitnessedLoad {
  acknowledged = 0;
  reads = 0;
  /** Of these nobody knows what became of them. */
  inDoubt = 0;
  /** Answers that cannot be right, in words. */
  readonly wrong: string[] = [];
  /** In which term each acknowledged command stands in the log, by its index. */
  readonly terms = new Map<number, number>();
  readonly #keys = new Map<string, Witnessed>();
  /** The latest key that each writer has an acknowledgement for. */
  readonly #latest: string[] = [];
  readonly #work: Promise<unknown>;
  readonly #pauseMs: number;
  #isOver = false;

  constructor(connect: () => GraftClient, { writers, readers, pauseMs }: LoadOptions) {
    this.#pauseMs = pauseMs;
    const all = [
      ...Array.from({ length: writers }, (_, writer) => this.#write(connect(), writer)),
      ...Array.from({ length: readers }, (_, reader) => this.#read(connect(), reader)),
    ];
    this.#work = Promise.all(all);
  }

  async progress(puts: number, limitMs: number): Promise<void> {
    const wanted = this.acknowledged + puts;
    await until(`${puts} more puts are acknowledged`, limitMs, () => this.acknowledged >= wanted);
  }

  /** Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#work;
  }

  /** Reads back every key. Call it after `stop`. What is not as it must be comes to `wrong`. */
  async verify(client: GraftClient): Promise<void> {
    const keys = [...this.#keys];
    const one = async (): Promise<void> => {
      for (let next = keys.pop(); next !== undefined; next = keys.pop()) {
        const [key, { acknowledged }] = next;
        if (acknowledged >= 0) this.#judge(key, acknowledged, await numberAt(client, key, verifyTimeoutMs));
      }
    };
    await Promise.all(Array.from({ length: verifiersMax }, one));
  }

  async #write(client: GraftClient, writer: number): Promise<void> {
    // A put in doubt may take effect at any later time, so its keys are not used again.
    let generation = 0;
    for (let number = 0; !this.#isOver; number++) {
      const key = `w${writer}.${generation}.${number % keysPerWriter}`;
      const witnessed = this.#keys.get(key) ?? { acknowledged: -1, sent: -1 };
      this.#keys.set(key, witnessed);
      witnessed.sent = number;
      const payload = encodeOperation("put", { key, value: valueOf(number) });
      const result = await client.command(payload, { timeoutMs: requestTimeoutMs }).catch(() => null);
      if (result === null) {
        this.inDoubt++;
        generation++;
        await Bun.sleep(retryPauseMs);
        continue;
      }
      witnessed.acknowledged = number;
      this.#latest[writer] = key;
      this.acknowledged++;
      this.terms.set(result.index, result.term);
      if (this.#pauseMs > 0) await Bun.sleep(this.#pauseMs);
    }
    await client.close();
  }

  async #read(client: GraftClient, reader: number): Promise<void> {
    for (let turn = reader; !this.#isOver; turn++) {
      const key = this.#latest[turn % Math.max(1, this.#latest.length)];
      const atLeast = key === undefined ? undefined : this.#keys.get(key)?.acknowledged;
      if (key === undefined || atLeast === undefined) {
        await Bun.sleep(retryPauseMs);
        continue;
      }
      try {
        const found = await numberAt(client, key, requestTimeoutMs);
        this.#judge(key, atLeast, found);
        this.reads++;
      } catch {
        // Nothing was answered, so nothing can be wrong.
        await Bun.sleep(retryPauseMs);
      }
      if (this.#pauseMs > 0) await Bun.sleep(this.#pauseMs);
    }
    await client.close();
  }

  #judge(key: string, atLeast: number, found: number | null): void {
    const sent = this.#keys.get(key)?.sent ?? -1;
    if (found !== null && found >= atLeast && found <= sent) return;
    this.wrong.push(`${key} holds ${found ?? "nothing"}; acknowledged before the read: ${atLeast}, sent: ${sent}`);
  }
}

const valueOf = (number: number): Uint8Array => Buffer.from(String(number).padEnd(valueBytes, "."));

/** A linearizable read; null: the key is not there. */
async function numberAt(client: GraftClient, key: string, timeoutMs: number): Promise<number | null> {
  const { payload } = await client.query(encodeOperation("get", { key }), { timeoutMs });
  const value = decodeResult(payload, "query");
  return value instanceof Uint8Array ? Number(Buffer.from(value).toString().replaceAll(".", "")) : null;
}
