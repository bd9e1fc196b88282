// Which node is asked next, for requests of each kind, and what remains when nothing is under way? The nodes are scripts behind the
// Dial seam.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type ClientOptions, GraftClient } from "../../src/client/client.ts";
import type { LinkHandlers } from "../../src/client/connection.ts";
import { noRequest } from "../../src/client/membership.ts";
import { GraftError } from "../../src/errors.ts";
import type { ClientReply, ClientRequest } from "../../src/ports/requests.ts";
import { PlayedTime, settled } from "./played-time.ts";

type Answer = (request: ClientRequest, handlers: LinkHandlers) => void;
type Node = GraftError | Answer;

const payload = new Uint8Array([1]);
const version = { name: "kv", version: "1.0.0", hash: "a" };

function doneOf({ kind, id }: ClientRequest): ClientReply {
  if (kind === "openSession") return { kind: "sessionOpened", id, session: 1 };
  if (kind === "closeSession") return { kind: "done", id, leader: null };
  if (kind === "changeMembership") return { kind: "membershipChanged", id, index: 7, message: "" };
  if (kind === "rollOut") return { kind: "rolledOut", id, index: 7, plugin: version, before: null, refusal: null };
  return { kind: "result", id, payload, index: 5, term: 2, stalenessMs: null };
}

const answers: Answer = (request, { onReply }) => onReply(doneOf(request));
const refuses: Answer = ({ id }, { onReply }) =>
  onReply({ kind: "error", id, code: "unavailable", message: "not now", leader: null });
const names =
  (address: string): Answer =>
  ({ id }, { onReply }) =>
    onReply({ kind: "error", id, code: "not-leader", message: "not the leader", leader: { id: "x", address } });
const down = new GraftError("unavailable", "connection refused");
const stranger = new GraftError("unauthorized", "not for you");

let time = new PlayedTime();
let client: GraftClient | null = null;
beforeEach(() => void (time = new PlayedTime()));
afterEach(() => time.until(client?.close() ?? Promise.resolve()));

/** The addresses that are dialled, and what each node is asked. An error refuses the dial. */
function clientOf(table: Readonly<Record<string, Node>>, options: Partial<ClientOptions> = {}) {
  const dials: string[] = [];
  const taken: string[] = [];
  client = new GraftClient({
    addresses: Object.keys(table),
    clock: time,
    session: "none",
    dial: async (address, handlers) => {
      dials.push(address);
      const node = table[address]!;
      if (node instanceof GraftError) throw node;
      const send = (request: ClientRequest): void => {
        taken.push(`${address} ${request.kind}`);
        queueMicrotask(() => node(request, handlers));
      };
      return { clusterUuid: "c1", send, close: () => {} };
    },
    ...options,
  });
  return { client, dials, taken };
}

/** Answers so much later. */
const late =
  (ms: number, answer: Answer): Answer =>
  (request, handlers) =>
    void time.at(time.nowMs() + ms, () => answer(request, handlers));

type Ask = (client: GraftClient) => Promise<unknown>;
const leaders: readonly (readonly [string, Partial<ClientOptions>, Ask])[] = [
  ["command", {}, (asked) => asked.command(payload)],
  ["changeMembership", {}, (asked) => asked.changeMembership(noRequest)],
  ["rollOut", {}, (asked) => asked.rollOut()],
  ["openSession", { session: { timeoutMs: 60_000 } }, (asked) => asked.command(payload)],
];

test.each(leaders)(
  "who answers a %s leads: when it stops, the node that named it is asked",
  async (kind, options, ask) => {
    let hasLed = false;
    const leads: Answer = (request, handlers) => {
      if (hasLed) return handlers.onClosed({ kind: "stopping", reason: "this node is stopping" });
      hasLed = true;
      answers(request, handlers);
    };
    const named: Answer = (request, handlers) => (hasLed ? answers : names("c:1"))(request, handlers);
    const cluster = clientOf({ "a:1": named, "b:1": answers, "c:1": leads }, options);
    await time.until(ask(cluster.client));
    if (kind !== "openSession") await time.until(cluster.client.command(payload));
    expect(cluster.taken).toEqual([`a:1 ${kind}`, `c:1 ${kind}`, "c:1 command", "a:1 command"]);
  },
);

test("each node that is asked has its own time to answer, however long the one before took to refuse", async () => {
  const cluster = clientOf({ "a:1": late(900, refuses), "b:1": late(500, answers), "c:1": answers });
  await time.until(cluster.client.query(payload));
  expect(cluster.taken.filter((taken) => taken.endsWith("query"))).toEqual(["a:1 query", "b:1 query"]);
});

test("when a node does not accept this program the next one is asked at once", async () => {
  const cluster = clientOf({ "a:1": stranger, "b:1": answers });
  await time.until(cluster.client.query(payload));
  expect(time.passedMs).toBeLessThan(50);
  expect(cluster.taken).toEqual(["b:1 query"]);
});

test("a node that names itself as the leader, and does not lead, is not asked again at once", async () => {
  const cluster = clientOf({ "a:1": names("a:1") }, { timeoutMs: 100 });
  const asked = cluster.client.query(payload).catch(() => {});
  for (let turn = 0; turn < 5; turn++) await settled();
  expect(cluster.taken).toEqual(["a:1 query"]);
  await time.until(asked);
});

describe("a query for any node", () => {
  test.each<readonly [string, Partial<ClientOptions>, "stale" | "linearizable"]>([
    ["stale", {}, "stale"],
    ["linearizable", { readFrom: "any" }, "linearizable"],
  ])("that the first node cannot answer goes to the leader that it names: %s", async (_, options, consistency) => {
    const table = { "a:1": names("c:1"), "b:1": answers, "c:1": answers };
    const cluster = clientOf(table, options);
    await time.until(cluster.client.query(payload, { consistency }));
    expect(cluster.taken).toEqual(["a:1 query", "c:1 query"]);
  });

  test("does not wait for a node that is down while another one can be asked", async () => {
    const cluster = clientOf({ "a:1": down, "b:1": answers }, { readFrom: "any" });
    await time.until(cluster.client.query(payload));
    for (let turn = 0; turn < 4; turn++) await time.until(cluster.client.query(payload));
    expect(cluster.dials).toEqual(["a:1", "b:1"]);
  });
});

describe("while one node has a query and the only other one does not accept this program", () => {
  test("the answer is waited for", async () => {
    const cluster = clientOf({ "a:1": late(1_500, answers), "b:1": stranger });
    await time.until(cluster.client.query(payload));
    expect(cluster.taken.filter((taken) => taken.endsWith("query"))).toEqual(["a:1 query"]);
  });

  test("a refusal is followed by another attempt", async () => {
    let isFirst = true;
    const cluster = clientOf({
      "a:1": (request, handlers) => {
        const answer = isFirst ? late(1_500, refuses) : answers;
        isFirst = false;
        answer(request, handlers);
      },
      "b:1": stranger,
    });
    await time.until(cluster.client.query(payload));
    expect(time.passedMs).toBeLessThan(2_000);
  });
});

test.each<readonly [string, Partial<ClientOptions>]>([
  ["without a session", {}],
  ["with a session", { session: { timeoutMs: 60_000 } }],
])("a client that has nothing under way has no timer: %s", async (_, options) => {
  const cluster = clientOf({ "a:1": late(200, answers) }, options);
  await time.until(cluster.client.command(payload));
  await time.pass(100);
  expect(time.pendingTimers).toBe(0);
});
