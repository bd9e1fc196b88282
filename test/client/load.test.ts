// Do the figures of a bench say what has happened? On a simulated clock it is known to the millisecond.
import { expect, test } from "bun:test";
import type { GraftClient } from "../../src/client/client.ts";
import { runLoad } from "../../src/client/load.ts";
import type { ClientReply, ClientRequest } from "../../src/ports/requests.ts";
import { clientOfOneNode } from "./one-node.ts";
import { PlayedTime } from "./played-time.ts";

const load = { clients: 2, bytes: 32, seconds: 2, warmUpSeconds: 1 };
const warmUpMs = load.warmUpSeconds * 1000;
/** A command takes so long in the warm-up, and so long afterwards. */
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
    time.at(nowMs + (nowMs < warmUpMs ? coldMs : warmMs), () => onReply(answer(request, nth)));
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
