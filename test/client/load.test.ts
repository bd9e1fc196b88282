// Do the figures of a bench say what has happened? On a simulated clock it is known to the millisecond.
import { expect, test } from "bun:test";
import { decodeValue } from "../../src/adapters/cbor/value.ts";
import type { GraftClient } from "../../src/client/client.ts";
import { gets, quantile, runLoad } from "../../src/client/load.ts";
import type { ClientReply, ClientRequest } from "../../src/ports/requests.ts";
import { clientOfOneNode } from "./one-node.ts";
import { PlayedTime } from "./played-time.ts";

const load = { clients: 2, bytes: 32, seconds: 2, warmUpSeconds: 1 };
const warmUpMs = load.warmUpSeconds * 1000;
/** A command takes so long in the warm-up, which begins after the first one, and so long afterwards. */
const [coldMs, warmMs] = [50, 20];

/** Calls back with the answer when its time has come. `isRefused`: by the number of the command. */
function clientOf(time: PlayedTime, keys: string[], isRefused: (nth: number) => boolean): GraftClient {
  let commands = 0;
  const answer = (request: ClientRequest, nth: number): ClientReply =>
    isRefused(nth)
      ? { kind: "error", id: request.id, code: "rejected", message: "no", leader: null }
      : { kind: "result", id: request.id, payload: new Uint8Array(), index: nth, term: 1, stalenessMs: null };
  return clientOfOneNode(time, (request, onReply) => {
    if (request.kind !== "command") throw new Error(`not asked for here: ${request.kind}`);
    keys.push(/key\d{8}/.exec(Buffer.from(request.payload).toString("latin1"))?.[0] ?? "none");
    const nth = ++commands;
    const nowMs = time.nowMs();
    time.at(nowMs + (time.passedMs < warmUpMs + coldMs ? coldMs : warmMs), () => onReply(answer(request, nth)));
  });
}

test("what began after the warm-up counts, and nothing else", async () => {
  const time = new PlayedTime();
  const keys: string[] = [];
  const result = await time.until(runLoad(() => clientOf(time, keys, () => false), load));
  expect(result).toMatchObject({ op: "put", clients: 2, bytes: 32, failures: 0 });
  // Two clients, each with a command every 20 ms and the look at the clock that follows.
  const perSecond = (load.clients * 1000) / warmMs;
  expect(result.opsPerSecond).toBeGreaterThan(perSecond * 0.75);
  expect(result.opsPerSecond).toBeLessThanOrEqual(perSecond);
  for (const ms of [result.p50Ms, result.p99Ms, result.p999Ms]) {
    expect(ms).toBeGreaterThanOrEqual(warmMs);
    expect(ms).toBeLessThan(coldMs);
  }
  expect(keys).not.toContain("none");
  expect(new Set(keys).size).toBeGreaterThan(keys.length / 2);
});

test("what failed counts as a failure alone", async () => {
  const time = new PlayedTime();
  // Not the first, which shows that the cluster takes commands at all.
  const result = await time.until(runLoad(() => clientOf(time, [], (nth) => nth > 1 && nth % 2 === 0), load));
  const operations = result.opsPerSecond * load.seconds;
  expect(result.failures).toBeGreaterThan(operations);
  expect(result.failures).toBeLessThan(operations + (2 * load.clients * warmUpMs) / coldMs);
});

test("a cluster that does not take the first put fails the run, and no connection is left", async () => {
  const time = new PlayedTime();
  const clients: GraftClient[] = [];
  const connect = (): GraftClient => {
    clients.push(clientOf(time, [], () => true));
    return clients.at(-1)!;
  };
  await expect(time.until(runLoad(connect, load))).rejects.toMatchObject({ code: "rejected" });
  expect(clients).toHaveLength(2);
  for (const client of clients) {
    await expect(client.command(new Uint8Array())).rejects.toThrow("this client is closed");
  }
});

test("a few slow ones show in the high quantiles, and not in the median", async () => {
  const time = new PlayedTime();
  const slowMs = (nth: number): number => (nth % 300 === 0 ? 300 : nth % 40 === 0 ? 100 : 20);
  let puts = 0;
  const connect = () =>
    clientOfOneNode(time, ({ id }, onReply) => {
      const reply = { kind: "result", id, payload: new Uint8Array(), index: 1, term: 1, stalenessMs: null } as const;
      time.at(time.nowMs() + slowMs(++puts), () => onReply(reply));
    });
  const { p50Ms, p99Ms, p999Ms } = await time.until(runLoad(connect, { ...load, clients: 1, seconds: 20 }));
  expect([p50Ms, p99Ms, p999Ms].map((ms) => Math.floor(ms / 10) * 10)).toEqual([20, 100, 300]);
});

test.each([
  [[], 0.5, 0],
  [[1, 2, 3], 0, 1],
  [[1, 2, 3], 0.5, 2],
  [[1, 2, 3], 1, 3],
  [[1, 2, 3, 4], 0.5, 2],
  [[0.12345], 0.5, 0.123],
])("of %j the quantile %p is %p", (sorted, share, expected) => expect(quantile(sorted, share)).toBe(expected));

/** What each connection's node is asked: the operations, with the size of a put's value. */
function recording(time: PlayedTime) {
  const pool: { readonly client: GraftClient; readonly asked: string[] }[] = [];
  const connect = (): GraftClient => {
    const asked: string[] = [];
    const client = clientOfOneNode(time, (request, onReply) => {
      if (request.kind !== "command" && request.kind !== "query") throw new Error(`not asked for: ${request.kind}`);
      const [name, input] = decodeValue(request.payload) as [string, { key: string; value?: Uint8Array }];
      const how = request.kind === "query" ? request.consistency : (input.value?.byteLength ?? "none");
      asked.push(`${name} ${input.key} ${how}`);
      const { id } = request;
      const reply = { kind: "result", id, payload: new Uint8Array(), index: 1, term: 1, stalenessMs: null } as const;
      time.at(time.nowMs() + warmMs, () => onReply(reply));
    });
    pool.push({ client, asked });
    return client;
  };
  return { pool, connect };
}

test("gets ask for every key, and each is there: it was put over the same connection before", async () => {
  const time = new PlayedTime();
  const { pool, connect } = recording(time);
  const result = await time.until(runLoad(connect, load, gets({ consistency: "stale" })));
  expect(result).toMatchObject({ op: "get", clients: 2, failures: 0 });
  expect(pool).toHaveLength(2);
  for (const { asked } of pool) {
    const keys = Array.from({ length: 64 }, (_, at) => `key${String(at).padStart(8, "0")}`);
    expect(asked.slice(0, 64)).toEqual(keys.map((key) => `put ${key} 32`));
    expect(asked.slice(64).every((each) => each.startsWith("get "))).toBe(true);
    expect(new Set(asked.slice(64))).toEqual(new Set(keys.map((key) => `get ${key} stale`)));
  }
});

test.each([
  [3, 3],
  [16, 16],
  [40, 16],
])("%i clients have %i connections, which all carry puts and are closed", async (clients, connections) => {
  const time = new PlayedTime();
  const { pool, connect } = recording(time);
  await time.until(runLoad(connect, { clients, bytes: 100, seconds: 1, warmUpSeconds: 0 }));
  expect(pool).toHaveLength(connections);
  for (const { client, asked } of pool) {
    // The first put shows that the cluster takes commands at all.
    expect(asked.length).toBeGreaterThan(2);
    expect(asked.every((each) => /^put key\d{8} 100$/.test(each))).toBe(true);
    await expect(client.command(new Uint8Array())).rejects.toThrow("this client is closed");
  }
  const [first, second] = pool.map(({ asked }) => new Set(asked.slice(1)));
  expect(first!.isDisjointFrom(second!)).toBe(true);
});
