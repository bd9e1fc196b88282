// What does each call of a client ask, of which node, and for how long? Everything that the caller gives reaches the request.
import { expect, test } from "bun:test";
import { type ClientOptions, GraftClient } from "../../src/client/client.ts";
import type { RequestBody } from "../../src/client/connection.ts";
import { noRequest } from "../../src/client/membership.ts";
import type { GraftError } from "../../src/errors.ts";
import { PlayedTime, settled } from "./played-time.ts";

/** Two nodes that record what they are asked, and answer only that a session is open. */
function clientOf(options: Partial<ClientOptions> = {}) {
  const time = new PlayedTime();
  const asked: (readonly [string, RequestBody])[] = [];
  const client = new GraftClient({
    addresses: ["a:1", "b:1"],
    clock: time,
    dial: async (address, { onReply }) => ({
      clusterUuid: "c1",
      close() {},
      send({ id, ...body }) {
        asked.push([address, body]);
        // It takes a moment: what is left is no whole number of ms.
        time.stall(0.3);
        if (body.kind === "openSession") queueMicrotask(() => onReply({ kind: "sessionOpened", id, session: 3 }));
      },
    }),
    ...options,
  });
  return { time, client, asked };
}

const payload = new Uint8Array([1, 2]);
const change = { ...noRequest, promote: ["n2"] };
const piece = { file: "s1", offset: 7, bytesMax: 9 };
const defaultMs = 10_000;
/** A node has nine tenths of the time for a change. */
const changeMs = 9_000;

type Call = (client: GraftClient) => Promise<unknown>;

const calls: readonly (readonly [Call, string, RequestBody])[] = [
  [(client) => client.command(payload), "a:1", { kind: "command", payload, timeoutMs: defaultMs, session: null }],
  [
    (client) => client.command(payload, { timeoutMs: 700 }),
    "a:1",
    { kind: "command", payload, timeoutMs: 700, session: null },
  ],
  [
    (client) => client.query(payload),
    "a:1",
    { kind: "query", payload, timeoutMs: defaultMs, consistency: "linearizable", maxStalenessMs: null },
  ],
  [
    (client) => client.query(payload, { timeoutMs: 700, consistency: "stale", maxStalenessMs: 50 }),
    "a:1",
    { kind: "query", payload, timeoutMs: 700, consistency: "stale", maxStalenessMs: 50 },
  ],
  [(client) => client.status(), "a:1", { kind: "status" }],
  [(client) => client.status("b:1"), "b:1", { kind: "status" }],
  [(client) => client.configuration(), "a:1", { kind: "configuration" }],
  [(client) => client.configuration({}, "b:1"), "b:1", { kind: "configuration" }],
  [(client) => client.describe(), "a:1", { kind: "describe" }],
  [(client) => client.transferLeadership("n2"), "a:1", { kind: "transferLeadership", to: "n2" }],
  [(client) => client.transferLeadership(null), "a:1", { kind: "transferLeadership", to: null }],
  [
    (client) => client.changeMembership(change),
    "a:1",
    { kind: "changeMembership", timeoutMs: changeMs, change, expectedIndex: null, dryRun: false },
  ],
  [
    (client) => client.changeMembership(change, { timeoutMs: 705, expectedIndex: 5 }),
    "a:1",
    { kind: "changeMembership", timeoutMs: 635, change, expectedIndex: 5, dryRun: false },
  ],
  [
    (client) => client.planMembership(change, { expectedIndex: 5 }),
    "a:1",
    { kind: "changeMembership", timeoutMs: changeMs, change, expectedIndex: 5, dryRun: true },
  ],
  [
    (client) => client.rollOut(),
    "a:1",
    { kind: "rollOut", version: null, replaces: false, dryRun: false, timeoutMs: defaultMs },
  ],
  [
    (client) => client.rollOut({ version: "2.0.0", replaces: true, dryRun: true, timeoutMs: 700 }),
    "a:1",
    { kind: "rollOut", version: "2.0.0", replaces: true, dryRun: true, timeoutMs: 700 },
  ],
  [(client) => client.backup("b:1"), "b:1", { kind: "backup", timeoutMs: defaultMs }],
  [(client) => client.backup("b:1", { timeoutMs: 700 }), "b:1", { kind: "backup", timeoutMs: 700 }],
  [(client) => client.readBackup("b:1", piece), "b:1", { kind: "readBackup", ...piece }],
  [(client) => client.stopNode("b:1"), "b:1", { kind: "stop" }],
];

const named = calls.map(([call, address, body]) => [body.kind, address, body, call] as const);

test.each(named)("%s: asks the node at %s for what the caller has given: %j", async (_, address, body, call) => {
  const { client, asked, time } = clientOf({ session: "none" });
  const over = call(client).catch(() => {});
  await settled();
  expect(asked).toEqual([[address, body]]);
  await client.close();
  await over;
  expect(time.pendingTimers).toBe(0);
});

const timed: readonly (readonly [string, (client: GraftClient, timeoutMs?: number) => Promise<unknown>])[] = [
  ["a command", (client, timeoutMs) => client.command(payload, optional(timeoutMs))],
  ["a command of a session", (client, timeoutMs) => client.command(payload, optional(timeoutMs))],
  ["a query", (client, timeoutMs) => client.query(payload, optional(timeoutMs))],
  ["a status", (client, timeoutMs) => client.status(null, optional(timeoutMs))],
  ["the status of one node", (client, timeoutMs) => client.status("b:1", optional(timeoutMs))],
  ["the members", (client, timeoutMs) => client.configuration(optional(timeoutMs))],
  ["a description", (client, timeoutMs) => client.describe(optional(timeoutMs))],
  ["a hand-over", (client, timeoutMs) => client.transferLeadership(null, optional(timeoutMs))],
  ["a change", (client, timeoutMs) => client.changeMembership(change, optional(timeoutMs))],
  ["a plan", (client, timeoutMs) => client.planMembership(change, optional(timeoutMs))],
  ["a roll-out", (client, timeoutMs) => client.rollOut(optional(timeoutMs))],
  ["a backup", (client, timeoutMs) => client.backup("b:1", optional(timeoutMs))],
  ["a piece of a backup", (client, timeoutMs) => client.readBackup("b:1", piece, optional(timeoutMs))],
  ["a stop", (client, timeoutMs) => client.stopNode("b:1", optional(timeoutMs))],
];
const optional = (timeoutMs: number | undefined) => (timeoutMs === undefined ? {} : { timeoutMs });

test.each(timed)("%s is given up when its time is up, or else the client's", async (name, call) => {
  for (const timeoutMs of [undefined, 0, 700]) {
    const session = name.endsWith("session") ? {} : ({ session: "none" } as const);
    const { client, time } = clientOf({ timeoutMs: 3_000, ...session });
    const limitMs = timeoutMs ?? 3_000;
    const failed = call(client, timeoutMs).then(
      () => expect.unreachable(),
      (error: GraftError) => error,
    );
    const { code, message } = await time.until(failed);
    expect(["outcome-unknown", "unavailable"]).toContain(code);
    expect(message).toContain("not answered in time");
    expect(time.passedMs).toBeGreaterThanOrEqual(limitMs);
    // It looks every 50 ms.
    expect(time.passedMs).toBeLessThanOrEqual(limitMs + 55);
    await time.until(client.close());
  }
});

test("the longest time that can be asked for is one", async () => {
  const { client, asked } = clientOf({ timeoutMs: 2 ** 31 - 1, session: "none" });
  const over = client.query(payload, { consistency: "stale", maxStalenessMs: 2 ** 31 - 1 }).catch(() => {});
  await settled();
  expect(asked).toMatchObject([["a:1", { timeoutMs: 2 ** 31 - 1, maxStalenessMs: 2 ** 31 - 1 }]]);
  await client.close();
  await over;
});

test.each([
  [{}, 600_000],
  [{ session: { timeoutMs: 1_000 } }, 1_000],
  [{ session: { timeoutMs: 86_400_000 } }, 86_400_000],
])(
  "a session with the options %j may idle for %i ms, and is opened within the time of the command",
  async (more, ms) => {
    const { client, asked, time } = clientOf(more);
    const over = client.command(payload, { timeoutMs: 700 }).catch(() => {});
    await settled();
    const stamp = { id: 3, sequence: 1, answeredBelow: 1 };
    expect(asked).toEqual([
      ["a:1", { kind: "openSession", timeoutMs: 700, sessionTimeoutMs: ms }],
      ["a:1", { kind: "command", payload, timeoutMs: 700, session: stamp }],
    ]);
    const closing = client.close();
    await settled();
    expect(asked.at(-1)).toEqual(["a:1", { kind: "closeSession", timeoutMs: 250, session: 3 }]);
    await time.until(closing);
    await over;
  },
);

test("a session that could not be opened is opened anew in the time of the command that has most of it", async () => {
  const opened: number[] = [];
  const { client, time } = clientOf({
    dial: async () => ({
      clusterUuid: "c1",
      close() {},
      send: (body) => void (body.kind === "openSession" && opened.push(body.timeoutMs)),
    }),
    addresses: ["a:1"],
  });
  const over = Promise.allSettled([100, 5_000, 700].map((timeoutMs) => client.command(payload, { timeoutMs })));
  await time.until(over);
  expect(opened).toEqual([100, expect.any(Number)]);
  expect(opened[1]).toBeGreaterThan(4_800);
  await client.close();
});
