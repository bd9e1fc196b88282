// Many clients that take their answers slowly cannot together do what one of them cannot: the one for which most waits goes.
import { afterEach, beforeEach, expect, test } from "bun:test";
import type { ClientConnection } from "../../../src/ports/transport.ts";
import { clientSender, clientTls, hello, type RawSocket, TlsNet, type TlsTestNode, until } from "./tls-net.ts";

const bound = 8 * 1024 * 1024;
const resultBytes = 500_000;

let net = new TlsNet();
let node: TlsTestNode;
let nextId = 1;

beforeEach(async () => {
  net = new TlsNet();
  node = await net.node("n1", { limits: { stallTimeoutMs: 60_000, clientQueuesBytesMax: bound } });
});
afterEach(() => net.close());

interface Client {
  readonly raw: RawSocket;
  answer(bytes?: number): void;
}

async function connect(name: string): Promise<Client> {
  const raw = await net.raw(node, await clientTls(name));
  await until(() => raw.isSecure, "TLS stands");
  raw.send(hello(clientSender(name)));
  const asked = node.heard.requests.length;
  raw.send({ kind: "status", id: nextId });
  await until(() => node.heard.requests.length > asked, "it has asked");
  const asker: ClientConnection = node.heard.requests[asked]!.client;
  return {
    raw,
    answer: (bytes = resultBytes) => {
      const payload = new Uint8Array(bytes);
      asker.reply({ kind: "result", id: nextId++, payload, index: 1, term: 1, stalenessMs: null });
    },
  };
}

const lost = () => node.lines.filter(({ message }) => message === "client left with answers unsent");

test("P54: beyond what may wait for all clients together the one for which most waits is dropped, with a warning", async () => {
  const [slow, slower, honest] = [await connect("slow"), await connect("slower"), await connect("honest")];
  slow.raw.socket?.pause();
  slower.raw.socket?.pause();
  let rounds = 0;
  // The system's own buffers take some of it.
  for (; lost().length === 0 && rounds < 200; rounds++) {
    slower.answer();
    slower.answer();
    slow.answer();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const [line] = lost();
  expect(line).toMatchObject({ level: "warn", fields: { identity: "client slower" } });
  expect(line?.fields["reason"]).toContain("takes its answers too slowly");
  expect(Number(line?.fields["bytes"])).toBeLessThan(bound);
  expect(Number(line?.fields["bytes"])).toBeGreaterThan(bound / 2);
  honest.answer(10);
  await until(() => honest.raw.frames("reply").length === 2, "who reads is served");
  slow.raw.socket?.resume();
  await until(() => slow.raw.frames("reply").length === rounds + 1, "who was not the worst has lost nothing");
  expect(lost().length).toBe(1);
});

test("P54: one that brings the others to the bound is dropped itself, and its answer with it", async () => {
  const [slow, quiet] = [await connect("slow"), await connect("quiet")];
  quiet.raw.socket?.pause();
  slow.raw.socket?.pause();
  for (let count = 0; lost().length === 0 && count < 400; count++) {
    slow.answer();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(lost().map(({ fields }) => fields["identity"])).toEqual(["client slow"]);
  // What waited for it counts no more: there is room for all of this.
  const before = node.heard.requests.length;
  for (let count = 0; count < 10; count++) quiet.answer();
  quiet.raw.socket?.resume();
  await until(() => quiet.raw.frames("reply").length === 11, "the other one is served");
  expect([lost().length, node.heard.requests.length]).toEqual([1, before]);
});
