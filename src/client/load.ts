// How much does a cluster carry? Closed-loop clients, each with one put or get under way at a time, over a bounded number of
// connections. It shares the machine with the nodes it measures, so that a put is a buffer of which eight digits change.
import type { GraftClient, QueryOptions } from "./client.ts";
import { encodeOperation } from "./typed-payload.ts";

export interface Load {
  readonly clients: number;
  /** Size of each value. */
  readonly bytes: number;
  readonly seconds: number;
  /** Before that, the same load that is not counted: code that has just started is still being compiled. */
  readonly warmUpSeconds: number;
}

/** One run, in the words that other systems are measured in too. */
export interface LoadResult {
  readonly system: "graft";
  readonly op: "put" | "get";
  readonly clients: number;
  readonly bytes: number;
  readonly opsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly failures: number;
}

const connectionsMax = 16;
const keySpace = 100_000;
const keyDigits = 8;
/** How many keys are read. */
const readKeys = 64;

const keyOf = (number: number): string => `key${String(number).padStart(keyDigits, "0")}`;

/** What the clients do. */
export interface Work {
  readonly op: LoadResult["op"];
  /** Before anything is measured, once for each connection. */
  prepare(client: GraftClient, load: Load): Promise<unknown>;
  /** One client's operations: its turns, one after the other. */
  begin(number: number, load: Load): (client: GraftClient, turn: number) => Promise<unknown>;
}

const puts: Work = {
  op: "put",
  prepare: (client, { bytes }) => client.command(new Put(bytes).payload),
  begin: (number, { bytes }) => {
    const put = new Put(bytes);
    return (client, turn) => {
      put.setKey((number * 7919 + turn * 104_729) % keySpace);
      return client.command(put.payload);
    };
  },
};

/** Gets of keys that are there. */
export const gets = (options: QueryOptions): Work => ({
  op: "get",
  async prepare(client, { bytes }) {
    const put = new Put(bytes);
    for (let key = 0; key < readKeys; key++) {
      put.setKey(key);
      await client.command(put.payload);
    }
  },
  begin: (number) => {
    const payloads = Array.from({ length: readKeys }, (_, key) => encodeOperation("get", { key: keyOf(key) }));
    return (client, turn) => client.query(payloads[(number * 7919 + turn) % readKeys]!, options);
  },
});

/**
 * Runs against a `kv`. `connect` makes a client with connections of its own. A failed operation counts as a failure and not as
 * an operation; rejects when not even the first ones succeed.
 */
export async function runLoad(connect: () => GraftClient, load: Load, work: Work = puts): Promise<LoadResult> {
  const pool = Array.from({ length: Math.min(load.clients, connectionsMax) }, connect);
  try {
    await Promise.all(pool.map((client) => work.prepare(client, load)));
    const { clock } = pool[0]!;
    const latenciesMs: number[] = [];
    let failures = 0;
    const beganMs = clock.nowMs() + load.warmUpSeconds * 1000;
    const endMs = beganMs + load.seconds * 1000;
    await Promise.all(
      Array.from({ length: load.clients }, async (_, number) => {
        const client = pool[number % pool.length]!;
        const operate = work.begin(number, load);
        for (let turn = 0; ; turn++) {
          const fromMs = clock.nowMs();
          if (fromMs >= endMs) return;
          try {
            await operate(client, turn);
            if (fromMs >= beganMs) latenciesMs.push(clock.nowMs() - fromMs);
          } catch {
            failures++;
          }
        }
      }),
    );
    return summarize(work.op, load, latenciesMs, (clock.nowMs() - beganMs) / 1000, failures);
  } finally {
    await Promise.all(pool.map((client) => client.close()));
  }
}

/** `["put", {key: "key00000000", value: …}]`; only one client uses it, and only when its last command is over. */
class Put {
  readonly payload: Uint8Array;
  readonly #digitsAt: number;

  constructor(valueBytes: number) {
    const key = `key${"0".repeat(keyDigits)}`;
    this.payload = encodeOperation("put", { key, value: new Uint8Array(valueBytes).fill(0x78) });
    this.#digitsAt = Buffer.from(this.payload.buffer, this.payload.byteOffset).indexOf(key) + "key".length;
  }

  setKey(number: number): void {
    for (let place = keyDigits - 1, left = number; place >= 0; place--) {
      this.payload[this.#digitsAt + place] = 0x30 + (left % 10);
      left = Math.floor(left / 10);
    }
  }
}

function summarize(
  op: LoadResult["op"],
  { clients, bytes }: Load,
  latenciesMs: number[],
  seconds: number,
  failures: number,
): LoadResult {
  latenciesMs.sort((one, other) => one - other);
  return {
    system: "graft",
    op,
    clients,
    bytes,
    opsPerSecond: Math.round(latenciesMs.length / seconds),
    p50Ms: quantile(latenciesMs, 0.5),
    p99Ms: quantile(latenciesMs, 0.99),
    p999Ms: quantile(latenciesMs, 0.999),
    failures,
  };
}

/** Of numbers in ascending order; to the microsecond. 0 of none. */
export const quantile = (sorted: readonly number[], share: number): number =>
  Number((sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(3));
