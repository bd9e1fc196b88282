// How much does one connection take on? Never so much that its link would drop it; the rest waits, in order, and whether
// it has left decides what may be said of it.
import { expect, test } from "bun:test";
import { payloadBytesMax } from "../../src/adapters/cbor/limits.ts";
import {
  Connection,
  type Dial,
  type Ending,
  type Link,
  type LinkHandlers,
  type RequestBody,
} from "../../src/client/connection.ts";
import { noRequest } from "../../src/client/membership.ts";
import { GraftError } from "../../src/errors.ts";
import type { ClientRequest } from "../../src/ports/requests.ts";
import { PlayedTime, settled } from "./played-time.ts";

const command = (bytes: number): RequestBody => ({
  kind: "command",
  payload: new Uint8Array(bytes),
  timeoutMs: 1,
  session: null,
});

const query = (bytes: number): RequestBody => ({
  kind: "query",
  payload: new Uint8Array(bytes),
  timeoutMs: 1,
  consistency: "linearizable",
  maxStalenessMs: null,
});

const to = (dial: Dial, objection: () => GraftError | null = () => null): Connection =>
  new Connection({ address: "a:1", dial, clock: new PlayedTime(), pauseMs: 0, objection, onOver: () => {} });

/** A connection that stands, and what its link has been given. */
async function connected(clusterUuid: string | null = "c1") {
  const sent: ClientRequest[] = [];
  const endings: string[] = [];
  const node: { handlers: LinkHandlers | null } = { handlers: null };
  const connection = to(async (_address, handlers) => {
    node.handlers = handlers;
    const send = (request: ClientRequest): void => {
      if ("payload" in request && request.payload.byteLength > payloadBytesMax) throw new RangeError("too large");
      sent.push(request);
    };
    return { clusterUuid, send, close: () => {} };
  });
  await settled();
  const ask = (body: RequestBody): number => {
    const id = connection.request(body, (ending: Ending) => endings.push(`${id} ${ending.kind}`));
    return id;
  };
  const answer = (id: number): void => node.handlers?.onReply({ kind: "done", id, leader: null });
  return { connection, sent, endings, ask, answer, handlers: node.handlers! };
}

const idsOf = (sent: readonly ClientRequest[]): number[] => sent.map(({ id }) => id);

test.each<readonly [string, (bytes: number) => RequestBody]>([
  ["commands", command],
  ["queries", query],
])("a burst of 120 MiB of %s leaves 16 MiB at a time, in order", async (_, body) => {
  const { sent, ask, answer } = await connected();
  const ids = Array.from({ length: 120 }, () => ask(body(1024 * 1024)));
  expect(idsOf(sent)).toEqual(ids.slice(0, 16));
  ids.forEach((id, at) => {
    answer(id);
    expect(sent.length).toBe(Math.min(120, 17 + at));
  });
  expect(idsOf(sent)).toEqual(ids);
});

test("at most 4096 requests are under way, however small; what came later does not overtake", async () => {
  const { sent, ask, answer } = await connected();
  const ids = Array.from({ length: 5000 }, () => ask({ kind: "status" }));
  expect(sent.length).toBe(4096);
  answer(ids[7]!);
  expect(sent.at(-1)?.id).toBe(ids[4096]);
});

test("what is small does not overtake what has no room yet", async () => {
  const { sent, ask, answer } = await connected();
  const [one, two] = [ask(command(payloadBytesMax)), ask(command(payloadBytesMax - 1))];
  const [large, small] = [ask(command(payloadBytesMax)), ask(command(1))];
  expect(idsOf(sent)).toEqual([one, two]);
  answer(one);
  expect(idsOf(sent)).toEqual([one, two, large, small]);
});

test("of a lost connection only what had left is lost", async () => {
  const { connection, sent, endings, ask, handlers } = await connected();
  const [one, two, three] = [ask(command(payloadBytesMax)), ask(command(payloadBytesMax)), ask(command(1))];
  expect([one, two, three].map((id) => connection.hasLeft(id))).toEqual([true, true, false]);
  handlers.onClosed({ kind: "lost", reason: "connection reset" });
  expect(endings).toEqual([`${one} lost`, `${two} lost`, `${three} notTaken`]);
  expect(sent.length).toBe(2);
});

test("what waits hears why the connection is over, and so does what has left", async () => {
  const { connection, handlers } = await connected();
  const heard: unknown[] = [];
  for (let count = 0; count < 3; count++) {
    connection.request(command(payloadBytesMax), (ending) => heard.push("reason" in ending && ending.reason));
  }
  handlers.onClosed({ kind: "lost", reason: "connection reset" });
  expect(heard).toEqual(["connection reset", "connection reset", "connection reset"]);
});

test("what is small does not overtake what waits while room for it comes bit by bit", async () => {
  const { sent, ask, answer } = await connected();
  const [one, two, bit] = [ask(command(payloadBytesMax)), ask(command(payloadBytesMax - 2)), ask(command(2))];
  const [large, small] = [ask(command(payloadBytesMax)), ask(command(1))];
  answer(bit);
  expect(idsOf(sent)).toEqual([one, two, bit]);
  answer(one);
  expect(idsOf(sent)).toEqual([one, two, bit, large, small]);
});

test("a forgotten request leaves no more; one that has left takes up room until it is answered", async () => {
  const { sent, endings, ask, answer, connection } = await connected();
  const [one, two] = [ask(command(payloadBytesMax)), ask(command(payloadBytesMax))];
  const [three, four] = [ask(command(1)), ask(command(1))];
  connection.forget(one);
  connection.forget(three);
  expect(idsOf(sent)).toEqual([one, two]);
  answer(one);
  expect(idsOf(sent)).toEqual([one, two, four]);
  expect(endings).toEqual([]);
});

test("a request that fits into no frame ends alone", async () => {
  const { connection, sent, endings, ask, answer } = await connected();
  const [one, two] = [ask(command(1)), ask(command(2))];
  const seen: Ending[] = [];
  const large = connection.request(command(payloadBytesMax + 1), (ending) => seen.push(ending));
  expect(seen).toMatchObject([{ kind: "notTaken", error: { code: "rejected" } }]);
  expect(connection.hasLeft(large)).toBe(false);
  answer(one);
  answer(two);
  expect(endings).toEqual([`${one} reply`, `${two} reply`]);
  expect(idsOf(sent)).toEqual([one, two]);
});

test("requests that fit into no frame take no room from those that come later", async () => {
  const { connection, sent, ask, answer } = await connected();
  for (let count = 0; count < 40; count++) connection.request(command(payloadBytesMax + 1), () => {});
  const [one, two] = [ask(command(payloadBytesMax)), ask(command(payloadBytesMax))];
  expect(idsOf(sent)).toEqual([one, two]);
  for (const id of [one, two]) answer(id);
  const ids = Array.from({ length: 16 }, () => ask(command(1024 * 1024)));
  expect(idsOf(sent).slice(2)).toEqual(ids);
});

test("an answer from inside send is an answer", async () => {
  const dial: Dial = async (_address, { onReply }) => ({
    send: ({ id }) => onReply({ kind: "done", id, leader: null }),
    clusterUuid: "c1",
    close: () => {},
  });
  const seen: string[] = [];
  const connection = to(dial);
  for (const name of ["one", "two"]) connection.request({ kind: "status" }, ({ kind }) => seen.push(`${name} ${kind}`));
  await settled();
  connection.request({ kind: "status" }, ({ kind }) => seen.push(`three ${kind}`));
  expect(seen).toEqual(["one reply", "two reply", "three reply"]);
});

test("a node that had joined no cluster when it was dialled is asked of itself alone, then dialled anew", async () => {
  const { connection, sent, endings, ask, answer } = await connected(null);
  const one = ask({ kind: "status" });
  answer(one);
  const two = ask({ kind: "configuration" });
  connection.request(command(1), ({ kind }) => endings.push(`command ${kind}`));
  expect(idsOf(sent)).toEqual([one, two]);
  expect(endings).toEqual([`${one} reply`, "command notTaken", `${two} lost`]);
});

const timeoutMs = 1;
test.each<readonly [RequestBody, boolean]>([
  [{ kind: "status" }, true],
  [{ kind: "configuration" }, true],
  [{ kind: "describe" }, true],
  [{ kind: "stop" }, true],
  [{ kind: "backup", timeoutMs }, false],
  [{ kind: "readBackup", file: "s1", offset: 0, bytesMax: 1 }, false],
  [{ kind: "openSession", timeoutMs, sessionTimeoutMs: 1000 }, false],
  [{ kind: "closeSession", timeoutMs, session: 1 }, false],
  [{ kind: "transferLeadership", to: null }, false],
  [{ kind: "changeMembership", timeoutMs, change: noRequest, expectedIndex: null, dryRun: true }, false],
  [{ kind: "query", payload: new Uint8Array(1), timeoutMs, consistency: "stale", maxStalenessMs: null }, false],
])("P68: %j may be asked of a node that belongs to no cluster: %p", async (body, isAsked) => {
  const { connection, sent } = await connected(null);
  const endings: string[] = [];
  connection.request(body, ({ kind }) => endings.push(kind));
  expect(sent.map(({ kind }) => kind)).toEqual(isAsked ? [body.kind] : []);
  expect(endings).toEqual(isAsked ? [] : ["notTaken"]);
});

test("P68: nothing is asked of a node that the client objects to", async () => {
  const sent: ClientRequest[] = [];
  const seen: Ending[] = [];
  let closed = 0;
  const link = {
    clusterUuid: "c2",
    send: (request: ClientRequest) => void sent.push(request),
    close: () => void closed++,
  };
  const connection = to(
    async () => link,
    () => new GraftError("wrong-cluster", "another cluster"),
  );
  connection.request({ kind: "status" }, (ending) => seen.push(ending));
  await settled();
  expect(seen).toMatchObject([{ kind: "notTaken", error: { code: "wrong-cluster" } }]);
  expect([sent.length, closed]).toEqual([0, 1]);
});

test("a connection that is closed while it is dialled closes the link that comes, and sends nothing", async () => {
  const { promise, resolve } = Promise.withResolvers<Link>();
  const calls: string[] = [];
  const endings: string[] = [];
  const connection = to(() => promise);
  connection.request(command(1), ({ kind }) => endings.push(kind));
  connection.close();
  resolve({ clusterUuid: "c1", send: () => void calls.push("send"), close: () => void calls.push("close") });
  await settled();
  expect([endings, calls]).toEqual([["notTaken"], ["close"]]);
});

test("a connection that is closed before it may be dialled is never dialled", async () => {
  const clock = new PlayedTime();
  let dials = 0;
  const dial: Dial = () => {
    dials++;
    return Promise.reject(new GraftError("unavailable", "refused"));
  };
  const make = () =>
    new Connection({ address: "a:1", dial, clock, pauseMs: 100, objection: () => null, onOver: () => {} });
  make().close();
  await clock.pass(200);
  expect(dials).toBe(0);
  make();
  await clock.pass(200);
  expect(dials).toBe(1);
});

test("that a connection is over is told once, however often it ends", async () => {
  const told: boolean[] = [];
  const node: { handlers: LinkHandlers | null } = { handlers: null };
  const dial: Dial = async (_, handlers) => {
    node.handlers = handlers;
    const close = (): void => handlers.onClosed({ kind: "lost", reason: "closed by this side" });
    return { clusterUuid: "c1", send: () => {}, close };
  };
  const onOver = (hasServed: boolean): void => void told.push(hasServed);
  const connection = new Connection({
    address: "a:1",
    dial,
    clock: new PlayedTime(),
    pauseMs: 0,
    objection: () => null,
    onOver,
  });
  await settled();
  connection.close();
  node.handlers!.onClosed({ kind: "lost", reason: "connection reset" });
  connection.close();
  expect(told).toEqual([false]);
});
