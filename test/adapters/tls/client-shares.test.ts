// P64: what one client takes of a node leaves room for the others: connections, and what waits to be sent.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { ClientDesk } from "../../../src/adapters/tls/client-desk.ts";
import { FlushTurn } from "../../../src/adapters/tls/flush-turn.ts";
import { spareHandler } from "../../../src/adapters/tls/greeter.ts";
import { defaultLimits } from "../../../src/adapters/tls/limits.ts";
import { Link } from "../../../src/adapters/tls/link.ts";
import type { TransportHandler } from "../../../src/ports/transport.ts";
import { clientSender, clientTls, hello, TlsNet, type TlsTestNode, until } from "./tls-net.ts";

const creditBytes = 1024 * 1024;
let net = new TlsNet();
let node: TlsTestNode;

beforeEach(async () => {
  net = new TlsNet();
  const limits = { clientsMax: 8, adminsReserve: 2, clientCreditBytes: creditBytes };
  node = await net.node("n1", { limits });
});
afterEach(() => net.close());

const isBusy = { code: "overloaded", message: expect.stringContaining("has none left for this name") };

describe("P64: connections", () => {
  test("a name has no more of them than it leaves for others, and a place that it gives back can be taken", async () => {
    const greedy: Awaited<ReturnType<typeof net.client>>[] = [];
    for (let count = 0; count < 4; count++) greedy.push(await net.client(node, "greedy"));
    await expect(net.client(node, "greedy")).rejects.toMatchObject(isBusy);
    expect((await net.client(node, "modest")).isOpen).toBe(true);
    greedy[0]!.close();
    greedy[1]!.close();
    await until(() => greedy.slice(0, 2).every(({ ends }) => ends.length === 1), "two have left");
    expect((await net.client(node, "greedy")).isOpen).toBe(true);
  });

  test("an administrator gets in where nobody else does", async () => {
    for (const name of ["a", "b", "c", "d", "e", "f", "g", "h"]) await net.client(node, name);
    await expect(net.client(node, "i")).rejects.toMatchObject(isBusy);
    expect((await net.client(node, "admin")).isOpen).toBe(true);
  });
});

test("P64: who takes no answers has no credit, and it is told when it has some again", async () => {
  const raw = await net.rawClient(node, "slow");
  raw.send({ kind: "status", id: 1 });
  await until(() => node.heard.requests.length === 1, "it has asked");
  const { client } = node.heard.requests[0]!;
  expect([client.hasCredit, client.isOpen]).toEqual([true, true]);
  raw.socket?.pause();
  let isInside = false;
  let calls = 0;
  const answer = (): void => {
    isInside = true;
    client.reply({
      kind: "result",
      id: 1,
      payload: new Uint8Array(creditBytes / 4),
      index: 1,
      term: 1,
      stalenessMs: null,
    });
    isInside = false;
  };
  // The system's own buffers take some of it.
  for (let turns = 0; client.hasCredit && turns < 1_000; turns++) {
    answer();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(client.hasCredit).toBe(false);
  client.whenCredit(() => {
    expect(isInside).toBe(false);
    calls++;
  });
  answer();
  expect(calls).toBe(0);
  raw.socket?.resume();
  await until(() => calls === 1, "it is told");
  expect(client.hasCredit).toBe(true);
  raw.socket?.terminate();
  await until(() => !client.isOpen, "it is gone");
  expect(calls).toBe(1);
});

test("P64: each connection has the same part of a turn, also after others have left", async () => {
  const desk = new ClientDesk({
    admins: new Set(),
    limits: { ...defaultLimits, clientsTurnBytes: 4 * 1024 * 1024 },
    handler: {} as TransportHandler,
    clock: { nowMs: () => 0, soon: () => {} },
    onRefused() {},
    onLost() {},
  });
  const links: Link[] = [];
  const parts = (): readonly number[] => links.map(({ pieceBytesMax }) => pieceBytesMax / (1024 * 1024));
  for (const name of ["a", "a", "b", "c"]) {
    links.push(
      new Link({
        side: "accepted",
        frameBytesMax: 10,
        queueBytesMax: 10,
        flushTurn: new FlushTurn(() => {}),
        handler: spareHandler,
      }),
    );
    desk.attach(links.at(-1)!, name);
  }
  expect(parts()).toEqual([1, 1, 1, 1]);
  for (const left of [2, 1]) {
    for (const gone of links.splice(left)) gone.neverOpened({ kind: "closed", reason: "it has left" });
    expect(parts()).toEqual(Array.from({ length: left }, () => 4 / left));
  }
});

test("results take no room that is kept for errors: who is told that one does not fit keeps the connection", async () => {
  const bound = 1024 * 1024;
  const small = await net.node("n2", { limits: { clientQueueBytesMax: bound, stallTimeoutMs: 600_000 } });
  const raw = await net.raw(small, await clientTls("slow"));
  await until(() => raw.isSecure, "TLS stands");
  raw.send(hello(clientSender("slow")));
  raw.send({ kind: "status", id: 1 });
  await until(() => small.heard.requests.length === 1, "it has asked");
  raw.socket?.pause();
  const { client } = small.heard.requests[0]!;
  let lastId = 1;
  const answer = (bytes: number): void =>
    client.reply({
      kind: "result",
      id: ++lastId,
      payload: new Uint8Array(bytes),
      index: 1,
      term: 1,
      stalenessMs: null,
    });
  // More than the system's own buffers take, and then what would still fit into the room for errors.
  for (let count = 0; count < 200; count++) {
    answer(bound / 8);
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (const bytes of [bound / 16, 1024, 100]) for (let count = 0; count < 1_200; count++) answer(bytes);
  expect(client.isOpen).toBe(true);
  raw.socket?.resume();
  await until(() => raw.frames("reply").length === lastId, "each is answered");
  const [, ...frames] = raw.frames("reply");
  const kinds = frames.map((frame) => (frame.kind === "error" ? frame.code : frame.kind));
  expect(new Set(kinds)).toEqual(new Set(["result", "result-lost"]));
  expect(kinds.at(-1)).toBe("result-lost");
});
