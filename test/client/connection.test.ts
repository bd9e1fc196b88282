// How much does one connection take on? Never so much that its link would drop it; the rest waits, in order, and whether
// it has left decides what may be said of it.
import { expect, test } from "bun:test";
import { payloadBytesMax } from "../../src/adapters/cbor/limits.ts";
import {
  Connection,
  type Dial,
  type Ending,
  type LinkHandlers,
  type RequestBody,
} from "../../src/client/connection.ts";
import type { ClientRequest } from "../../src/ports/requests.ts";

const command = (bytes: number): RequestBody => ({
  kind: "command",
  payload: new Uint8Array(bytes),
  timeoutMs: 1,
  session: null,
});

/** A connection that stands, and what its link has been given. */
async function connected() {
  const sent: ClientRequest[] = [];
  const endings: string[] = [];
  const node: { handlers: LinkHandlers | null } = { handlers: null };
  const connection = new Connection(
    "a:1",
    async (_address, handlers) => {
      node.handlers = handlers;
      const send = (request: ClientRequest): void => {
        if ("payload" in request && request.payload.byteLength > payloadBytesMax) throw new RangeError("too large");
        sent.push(request);
      };
      return { clusterUuid: null, send, close: () => {} };
    },
    0,
    () => {},
  );
  await Bun.sleep(0);
  const ask = (body: RequestBody): number => {
    const id = connection.request(body, null, (ending: Ending) => endings.push(`${id} ${ending.kind}`));
    return id;
  };
  const answer = (id: number): void => node.handlers?.onReply({ kind: "done", id, leader: null });
  return { connection, sent, endings, ask, answer, handlers: node.handlers! };
}

const idsOf = (sent: readonly ClientRequest[]): number[] => sent.map(({ id }) => id);

test("a burst of 120 MiB leaves 16 MiB at a time, in order", async () => {
  const { sent, ask, answer } = await connected();
  const ids = Array.from({ length: 120 }, () => ask(command(1024 * 1024)));
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
  connection.request(command(payloadBytesMax + 1), null, (ending) => seen.push(ending));
  expect(seen).toMatchObject([{ kind: "notTaken", error: { code: "rejected" } }]);
  answer(one);
  answer(two);
  expect(endings).toEqual([`${one} reply`, `${two} reply`]);
  expect(idsOf(sent)).toEqual([one, two]);
});

test("an answer from inside send is an answer", async () => {
  const dial: Dial = async (_address, { onReply }) => ({
    send: ({ id }) => onReply({ kind: "done", id, leader: null }),
    clusterUuid: null,
    close: () => {},
  });
  const seen: string[] = [];
  const connection = new Connection("a:1", dial, 0, () => {});
  for (const name of ["one", "two"])
    connection.request({ kind: "status" }, null, ({ kind }) => seen.push(`${name} ${kind}`));
  await Bun.sleep(0);
  connection.request({ kind: "status" }, null, ({ kind }) => seen.push(`three ${kind}`));
  expect(seen).toEqual(["one reply", "two reply", "three reply"]);
});
