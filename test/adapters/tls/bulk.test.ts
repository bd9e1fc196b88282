// Connections for bulk over TLS: who may open one, what may be said on it, and that it makes no other connection wait.
import { afterEach, beforeEach, expect, test } from "bun:test";
import type { Frame, HelloSender, NodePurpose } from "../../../src/adapters/cbor/frames.ts";
import { FlushTurn } from "../../../src/adapters/tls/flush-turn.ts";
import { Link, type LinkSocket } from "../../../src/adapters/tls/link.ts";
import { toMemberKey } from "../../../src/core/configuration.ts";
import type { BulkMessage } from "../../../src/ports/bulk-messages.ts";
import type { BulkLink } from "../../../src/ports/transport.ts";
import { HeardLink, incarnation, timeoutNow } from "../../contracts/transport-harness.ts";
import { clientTls, hello, nodeSender, nodeTls, type RawSocket, TlsNet, type TlsTestNode, until } from "./tls-net.ts";

let net = new TlsNet();
beforeEach(() => {
  net = new TlsNet();
});
afterEach(() => net.close());

const nonce = "00112233445566778899aabbccddeeff";
const read: BulkMessage = { kind: "snapshotRead", file: "f", offset: 0, bytesMax: 1 };

/** Says a hello for bulk under the certificate of that node, and returns when it is answered. */
async function greet(node: TlsTestNode, id: string, purpose: NodePurpose): Promise<RawSocket> {
  const raw = await net.raw(node, await nodeTls(id));
  await until(() => raw.isSecure, "TLS stands");
  const sender: HelloSender = { ...nodeSender(id), role: "node", purpose } as HelloSender;
  raw.send(hello(sender, { meant: node.key.split("@")[0] ?? "" }));
  await until(() => raw.frames("bulk").length > 0, "the hello is answered");
  return raw;
}

/** The ordinary connection of the node n1 to this node, which is n2. */
async function connectedAsN1(node: TlsTestNode): Promise<RawSocket> {
  const raw = await net.raw(node, await nodeTls("n1"));
  await until(() => raw.isSecure, "TLS stands");
  raw.send(hello(nodeSender("n1"), { meant: "n2" }));
  await until(() => node.heard.isConnectedTo("n1"), "connected");
  return raw;
}

test("P53: a client's certificate opens none", async () => {
  const node = await net.node("n1");
  const raw = await net.raw(node, await clientTls("alice"));
  await until(() => raw.isSecure, "TLS stands");
  raw.send(hello({ ...nodeSender("n2"), purpose: { kind: "bulk", nonce: null } } as HelloSender));
  await until(() => raw.isClosed, "closed");
  expect(raw.frames("bulk")).toMatchObject([{ kind: "refused", code: "wrong-identity" }]);
  expect(node.heard.bulk).toEqual([]);
});

test("one that answers a request nobody has made is refused", async () => {
  const node = await net.node("n1");
  const raw = await greet(node, "n2", { kind: "bulk", nonce });
  expect(raw.frames("bulk")).toMatchObject([{ kind: "refused", code: "not-allowed" }]);
  expect(node.heard.bulk).toEqual([]);
});

test.each<readonly [string, Frame, NodePurpose]>([
  ["no peer message is taken on one for bulk", timeoutNow(1), { kind: "bulk", nonce: null }],
  ["and nothing for bulk on the ordinary one", read, { kind: "peer" }],
])("P53: %s", async (_, frame, purpose) => {
  const node = await net.node("n1");
  const raw = await greet(node, "n2", purpose);
  expect(raw.frames("bulk")).toMatchObject([{ kind: "hello", sender: { purpose: { kind: purpose.kind } } }]);
  raw.send(frame);
  await until(() => raw.isClosed, "closed");
  expect(raw.frames("bulk")[1]).toMatchObject({ kind: "refused", code: "not-allowed" });
  expect(node.heard.messages).toEqual([]);
});

test("another process under the name of a node that is connected does not disturb that connection", async () => {
  const [a, b] = [await net.node("n1"), await net.node("n2")];
  b.transport.setPeers([{ id: "n1", address: a.address }]);
  await until(() => a.heard.isConnectedTo("n2"), "connected");
  await greet(a, "n2", { kind: "bulk", nonce: null });
  expect(a.heard.story).toEqual(["+n2/boot", "bulk from n2/boot"]);
});

test("P53: a nonce is good for the node that was asked alone, and for one connection", async () => {
  const node = await net.node("n2", { limits: { handshakeTimeoutMs: 10_000 } });
  node.transport.setPeers([{ id: "n1", address: "127.0.0.1:1" }]);
  const asked = await net.raw(node, await nodeTls("n1"));
  await until(() => asked.isSecure, "TLS stands");
  asked.send(hello(nodeSender("n1"), { meant: "n2" }));
  await until(() => node.heard.isConnectedTo("n1"), "connected");
  const opening = node.transport.openBulk(toMemberKey("n1", incarnation));
  await until(() => asked.frames("peer").at(-1)?.kind === "dialBack", "it is asked");
  const told = asked.frames("peer").at(-1) as Extract<Frame, { kind: "dialBack" }>;
  const purpose: NodePurpose = { kind: "bulk", nonce: told.nonce };

  const stranger = await greet(node, "n3", purpose);
  expect(stranger.frames("bulk")).toMatchObject([{ kind: "refused", code: "not-allowed" }]);
  const otherDisk = await net.raw(node, await nodeTls("n1"));
  await until(() => otherDisk.isSecure, "TLS stands");
  const sender = { ...nodeSender("n1"), role: "node", incarnation: "f".repeat(32), purpose } as HelloSender;
  otherDisk.send(hello(sender, { meant: "n2" }));
  await until(() => otherDisk.frames("bulk").length > 0, "the hello is answered");
  expect(otherDisk.frames("bulk")).toMatchObject([{ kind: "refused", code: "not-allowed" }]);

  const right = await greet(node, "n1", purpose);
  expect(right.frames("bulk")).toMatchObject([{ kind: "hello" }]);
  expect((await opening).isOpen).toBe(true);
  const again = await greet(node, "n1", purpose);
  expect(again.frames("bulk")).toMatchObject([{ kind: "refused", code: "not-allowed" }]);
  expect(node.heard.bulk).toEqual([]);
});

test("a node that asks to be dialled back, and whose address is none, ends nothing", async () => {
  const node = await net.node("n2", { limits: { bulkLinksMax: 1 } });
  node.transport.setPeers([{ id: "n1", address: "::1:7401" }]);
  const raw = await connectedAsN1(node);
  for (let count = 0; count < 3; count++) raw.send({ kind: "dialBack", nonce });
  raw.send(timeoutNow(9));
  await until(() => node.heard.terms.includes(9), "it is heard all the same");
  // No place is left taken: once its address is right, it is dialled.
  const back = await net.node("n1");
  node.transport.setPeers([{ id: "n1", address: back.address }]);
  raw.send({ kind: "dialBack", nonce });
  await until(() => back.lines.some(({ fields }) => fields["code"] === "not-allowed"), "it is dialled");
});

test("a process under this node's own name opens none", async () => {
  const node = await net.node("n1");
  const raw = await greet(node, "n1", { kind: "bulk", nonce: null });
  expect(raw.frames("bulk")).toMatchObject([{ kind: "refused", code: "duplicate-node" }]);
  expect(node.heard.bulk).toEqual([]);
});

test("a peer that has gone is not asked to dial back: the error comes at once", async () => {
  const node = await net.node("n2", { limits: { handshakeTimeoutMs: 600_000 } });
  node.transport.setPeers([{ id: "n1", address: "127.0.0.1:1" }]);
  const raw = await connectedAsN1(node);
  raw.socket?.terminate();
  await until(() => !node.heard.isConnectedTo("n1"), "it has gone");
  await expect(node.transport.openBulk(toMemberKey("n1", incarnation))).rejects.toMatchObject({
    message: expect.stringContaining("no connection stands over which it could be asked"),
  });
});

test("who waits for a peer to dial back hears at once that the node stops", async () => {
  const node = await net.node("n2", { limits: { handshakeTimeoutMs: 600_000 } });
  node.transport.setPeers([{ id: "n1", address: "127.0.0.1:1" }]);
  const raw = await connectedAsN1(node);
  const opening = node.transport.openBulk(toMemberKey("n1", incarnation)).catch((error: Error) => error.message);
  await until(() => raw.frames("peer").at(-1)?.kind === "dialBack", "it is asked");
  await node.transport.stop(10);
  expect(await opening).toContain("n2 is stopping");
});

test("who waits for a dial when the node stops hears it at once, and no peer is asked to dial back any more", async () => {
  // It takes the connection and says nothing.
  const mute = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  try {
    const node = await net.node("n2", { limits: { handshakeTimeoutMs: 600_000 } });
    node.transport.setPeers([{ id: "n1", address: `127.0.0.1:${mute.port}` }]);
    const raw = await net.raw(node, await nodeTls("n1"));
    await until(() => raw.isSecure, "TLS stands");
    raw.send(hello(nodeSender("n1"), { meant: "n2" }));
    await until(() => node.heard.isConnectedTo("n1"), "connected");
    // It reads nothing, so that its connection stands while the node stops.
    raw.socket?.pause();
    const opening = node.transport.openBulk(toMemberKey("n1", incarnation)).catch(({ message }: Error) => message);
    void node.transport.stop(600_000);
    expect(await opening).toContain("this node is stopping; no connection stands over which it could be asked");
    raw.socket?.terminate();
  } finally {
    mute.stop(true);
  }
});

test("P54: a peer that asks again and again to be dialled is dialled a few times only", async () => {
  const [a, b] = [await net.node("n1"), await net.node("n2", { limits: { bulkLinksMax: 2 } })];
  b.transport.setPeers([{ id: "n1", address: a.address }]);
  await until(() => b.heard.isConnectedTo("n1"), "connected");
  const raw = await net.raw(b, await nodeTls("n1"));
  await until(() => raw.isSecure, "TLS stands");
  raw.send(hello(nodeSender("n1"), { meant: "n2" }));
  await until(() => raw.frames("peer").length > 0, "the hello is answered");
  for (let count = 0; count < 50; count += 1) raw.send({ kind: "dialBack", nonce });
  raw.send(timeoutNow(9));
  await until(() => b.heard.terms.includes(9), "all have been read");
  const refused = (): number => a.lines.filter(({ fields }) => fields["code"] === "not-allowed").length;
  await until(() => refused() > 0, "it is dialled");
  expect(refused()).toBeLessThanOrEqual(2);
});

test("a peer at whose address nothing ever answers is asked to dial back before a dial would give up", async () => {
  const silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  try {
    const limits = { handshakeTimeoutMs: 3_000, sweepMs: 20 };
    const [a, b] = [await net.node("n1", { limits }), await net.node("n2")];
    b.transport.setPeers([{ id: "n1", address: a.address }]);
    await until(() => a.heard.isConnectedTo("n2"), "it has dialled");
    a.transport.setPeers([{ id: "n2", address: `127.0.0.1:${silent.port}` }]);
    const beganMs = performance.now();
    const heard = new HeardLink(await a.transport.openBulk(b.key));
    expect(performance.now() - beganMs).toBeLessThan(2_500);
    heard.link.send(read);
    await until(() => b.heard.bulk[0]?.link.messages.length === 1, "it is heard");
  } finally {
    silent.stop(true);
  }
});

test("when the peer does not dial back either, the error says both", async () => {
  const limits = { handshakeTimeoutMs: 1500, sweepMs: 5 };
  const node = await net.node("n2", { limits });
  // Connected under the name of n1, whose address leads nowhere and which does not do what it is asked to.
  node.transport.setPeers([{ id: "n1", address: "127.0.0.1:1" }]);
  const raw = await connectedAsN1(node);
  const [peer] = node.heard.messages;
  expect(peer).toBeUndefined();
  await expect(node.transport.openBulk("n1@i" as never)).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringMatching(
      /n1 cannot be reached: .*nothing listens there; it did not dial back within 1500 ms/,
    ),
  });
  const asked = raw.frames("peer").at(-1) as Extract<Frame, { kind: "dialBack" }>;
  expect(asked).toMatchObject({ kind: "dialBack" });
  // Nobody waits for it any more.
  const late = await greet(node, "n1", { kind: "bulk", nonce: asked.nonce });
  expect(late.frames("bulk")).toMatchObject([{ kind: "refused", code: "not-allowed" }]);
});

test("an attempt that fails takes no place from those that come later", async () => {
  const [a, b] = [await net.node("n1", { limits: { bulkLinksMax: 2 } }), await net.node("n2")];
  for (let count = 0; count < 5; count++) {
    await expect(a.transport.openBulk(b.key)).rejects.toMatchObject({ code: "unavailable" });
  }
  a.transport.setPeers([{ id: "n2", address: b.address }]);
  const links = [await a.transport.openBulk(b.key), await a.transport.openBulk(b.key)];
  expect(links.map(({ isOpen }) => isOpen)).toEqual([true, true]);
  await expect(a.transport.openBulk(b.key)).rejects.toMatchObject({ code: "overloaded" });
});

test("one that has ended has left its place when its end is told", async () => {
  const [a, b] = [await net.node("n1", { limits: { bulkLinksMax: 1 } }), await net.node("n2")];
  a.transport.setPeers([{ id: "n2", address: b.address }]);
  const first = await a.transport.openBulk(b.key);
  const next = Promise.withResolvers<BulkLink>();
  first.onClose = () => void a.transport.openBulk(b.key).then(next.resolve, next.reject);
  first.close("over");
  expect((await next.promise).isOpen).toBe(true);
});

test("one that nobody reads is closed with a reason, and memory does not grow", async () => {
  const limits = { bulkQueueBytesMax: 1024 * 1024 };
  const [a, b] = [await net.node("n1", { limits }), await net.node("n2")];
  a.transport.setPeers([{ id: "n2", address: b.address }]);
  const heard = new HeardLink(await a.transport.openBulk(b.key));
  const piece = { kind: "snapshotChunk", offset: 0, bytes: new Uint8Array(256 * 1024) } as const;
  // Within one turn: the socket takes some, and the rest waits.
  for (let count = 0; count < 10; count += 1) heard.link.send(piece);
  expect(heard.link.queuedBytes).toBeLessThanOrEqual(1024 * 1024);
  await until(() => heard.ends.length === 1, "closed");
  expect(heard.ends[0]).toContain("too slow");
});

test("P49: what is queued for bulk leaves in pieces, one in a turn, and other connections between them", () => {
  const turns: (() => void)[] = [];
  const flushTurn = new FlushTurn((callback) => void turns.push(callback));
  const written: string[] = [];
  const link = (name: string): Link => {
    const handler = { onTrusted() {}, onFrame() {}, onBadFrame() {}, onClose() {} };
    const made = new Link({ side: "dialled", frameBytesMax: 1, queueBytesMax: 1e9, flushTurn, handler });
    const socket = {
      authorized: true,
      write: (_: Uint8Array, __: number, length: number) => (written.push(`${name} ${length}`), length),
      setNoDelay() {},
      setKeepAlive() {},
      getPeerX509Certificate() {},
    } as unknown as LinkSocket;
    made.socketOpened(socket);
    made.socketSecured(socket, null);
    return made;
  };
  const [bulk, peer] = [link("bulk"), link("peer")];
  bulk.setBounds({ frameBytesMax: 1, queueBytesMax: 1e9, pieceBytesMax: 1_000 });
  bulk.send(new Uint8Array(2_500));
  for (let turn = 0; turn < 4; turn += 1) {
    peer.send(new Uint8Array(9));
    for (const callback of turns.splice(0)) callback();
  }
  expect(written).toEqual(["bulk 1000", "peer 9", "bulk 1000", "peer 9", "bulk 500", "peer 9", "peer 9"]);
});
