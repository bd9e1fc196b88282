// How long does a command that needs a leader wait, and what does it say when none comes?
import { expect, test } from "bun:test";
import type { GraftClient } from "../../src/client/client.ts";
import { waitForLeader } from "../../src/client/cluster-view.ts";
import { GraftError } from "../../src/errors.ts";
import { clientOfOneNode } from "./one-node.ts";
import { PlayedTime } from "./played-time.ts";
import { statusRow } from "./status-row.ts";

const leader = { id: "n1", address: "n1:1" };
const timeoutMs = 1000;
const comesMs = 600;

/** Its node knows of a leader from `comesMs` on. */
const clientOf = (time: PlayedTime): GraftClient =>
  clientOfOneNode(time, ({ id }, onReply) => {
    const hasLeader = time.passedMs >= comesMs;
    // It takes a moment: what is left is no whole number of ms.
    time.stall(0.3);
    queueMicrotask(() =>
      onReply({
        kind: "status",
        id,
        cluster: "c",
        clusterUuid: "c1",
        node: "n1",
        leader: hasLeader ? leader : null,
        term: 1,
        commitIndex: 0,
        agreesThrough: null,
        plugin: null,
        nodes: [statusRow("n1")],
        waitingFor: hasLeader ? [] : ["n2 at n2:1: refused"],
      }),
    );
  });

test("until there is a leader", async () => {
  const time = new PlayedTime();
  const view = await time.until(waitForLeader(clientOf(time), timeoutMs));
  expect(view.leader).toEqual(leader);
  expect(time.passedMs).toBeGreaterThanOrEqual(comesMs);
  expect(time.passedMs).toBeLessThan(comesMs + 100);
});

test.each<readonly [string, number, string]>([
  ["there is none", comesMs - 75, "no leader within 525 ms; not there: n2 at n2:1: refused"],
  ["it is not the one that is wanted", timeoutMs, "no leader within 1000 ms"],
])("until its time is up when %s", async (_, withinMs, message) => {
  const time = new PlayedTime();
  const waiting = waitForLeader(clientOf(time), withinMs, () => false);
  const told = await time.until(waiting.catch((error: unknown) => error));
  expect(told).toEqual(new GraftError("unavailable", message));
  expect(time.passedMs).toBeGreaterThanOrEqual(withinMs);
  expect(time.passedMs).toBeLessThan(withinMs + 20);
});

test("no longer than its time when the node falls silent", async () => {
  const time = new PlayedTime();
  const client = clientOfOneNode(time, (request, onReply) => {
    if (time.passedMs > comesMs) return;
    const own = {
      kind: "status",
      cluster: "c",
      clusterUuid: "c1",
      node: "n1",
      leader: null,
      term: 1,
      commitIndex: 0,
      agreesThrough: null,
      plugin: null,
    } as const;
    queueMicrotask(() => onReply({ ...own, id: request.id, nodes: [statusRow("n1")], waitingFor: [] }));
  });
  await expect(time.until(waitForLeader(client, timeoutMs))).rejects.toMatchObject({ code: "unavailable" });
  expect(time.passedMs).toBeGreaterThanOrEqual(timeoutMs);
  expect(time.passedMs).toBeLessThan(timeoutMs + 60);
});

test("without any time it asks no node, and says so", async () => {
  const time = new PlayedTime();
  const told = await waitForLeader(clientOf(time), 0).catch((error: unknown) => error);
  expect(told).toEqual(new GraftError("unavailable", "no leader within 0 ms"));
});
