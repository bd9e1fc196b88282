// A peer whose address changes, or that connects itself, while it is dialled: what an attempt shows, it shows of the address to which
// it went.
import { afterEach, beforeEach, expect, spyOn, test } from "bun:test";
import { encodeFrame } from "../../../src/adapters/cbor/codec.ts";
import { timeoutNow } from "../../contracts/transport-harness.ts";
import { breakingPlace, hello, nodeSender, nodeTls, TlsNet, type TlsTestNode, until } from "./tls-net.ts";

let net = new TlsNet();
beforeEach(() => {
  net = new TlsNet();
});
afterEach(() => net.close());

const nowhere = "127.0.0.1:1";
const addressesIn = ({ lines }: TlsTestNode, message: string): unknown[] =>
  lines.filter((line) => line.message === message).map(({ fields }) => fields["address"]);

/** A process of n1 that answers the hellos of n2, at once or when it is let. */
async function process(isAtOnce = true) {
  const hello1 = encodeFrame(hello(nodeSender("n1"), { meant: "n2" }));
  const sockets = new Set<Bun.Socket>();
  const waiting: Bun.Socket[] = [];
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    tls: { ...(await nodeTls("n1")), requestCert: true },
    socket: {
      open: (socket) => void sockets.add(socket),
      data: (socket) => void (isAtOnce ? socket.write(hello1) : waiting.push(socket)),
      close: (socket) => void sockets.delete(socket),
    },
  });
  return {
    address: `127.0.0.1:${listener.port}`,
    waiting,
    sockets,
    answer: (): void => {
      for (const socket of waiting.splice(0)) socket.write(hello1);
    },
    breakAll: (): void => {
      for (const socket of sockets) socket.terminate();
    },
    [Symbol.dispose]: () => listener.stop(true),
  };
}

const listing = (node: TlsTestNode, address: string): void => node.transport.setPeers([{ id: "n1", address }]);

test("that nobody listens at the former address tells nothing of the process at the new one", async () => {
  using peer = await process();
  const node = await net.node("n2", { limits: { backoffMinMs: 1, backoffMaxMs: 5 } });
  listing(node, peer.address);
  await until(() => node.lines.some(({ message }) => message === "peer reached"), "it is reached by a dial");
  // Each refusal is checked by a UDP socket. The check takes until the test says so.
  const checked = Promise.withResolvers<void>();
  const checking = spyOn(Bun, "udpSocket").mockImplementation(async () => {
    await checked.promise;
    return { close() {} } as never;
  });
  try {
    listing(node, nowhere);
    peer.breakAll();
    await until(() => checking.mock.calls.length > 1, "a probe of the other address has been refused, and a dial");
    listing(node, peer.address);
    checked.resolve();
    await until(() => node.heard.story.filter((line) => line === "+n1/boot").length === 2, "it is connected again");
    expect(node.heard.story).toEqual(["+n1/boot", "-n1", "+n1/boot"]);
    expect(new Set(addressesIn(node, "peer cannot be reached"))).toEqual(new Set([nowhere]));
  } finally {
    checking.mockRestore();
  }
});

test("a process that answers late at the former address was reached there, and not at the new one", async () => {
  using peer = await process(false);
  const node = await net.node("n2", { limits: { backoffMinMs: 60_000, backoffMaxMs: 60_000 } });
  listing(node, peer.address);
  await until(() => peer.waiting.length > 0, "it is dialled");
  listing(node, nowhere);
  peer.answer();
  await until(() => node.heard.isConnectedTo("n1"), "connected");
  expect(addressesIn(node, "peer reached")).toEqual([peer.address]);
  const beganMs = performance.now();
  await until(() => performance.now() - beganMs > 250, "the connection has held");
  peer.breakAll();
  await until(() => node.transport.peers()[0]?.reason?.includes("refused") ?? false, "nobody is at the new address");
  expect(node.heard.story).toEqual(["+n1/boot", "-n1"]);
});

test("the former address is dialled no more", async () => {
  const node = await net.node("n1", { limits: { backoffMinMs: 5, backoffMaxMs: 10 } });
  using former = breakingPlace();
  using present = breakingPlace();
  node.transport.setPeers([{ id: "n2", address: former.address }]);
  await until(() => former.seen.attempts > 2, "it is dialled again and again");
  node.transport.setPeers([{ id: "n2", address: present.address }]);
  // What was under way may still arrive.
  await until(() => present.seen.attempts > 2, "the new one is dialled");
  const before = former.seen.attempts;
  const enough = present.seen.attempts + 10;
  await until(() => present.seen.attempts >= enough, "the new one is dialled on");
  expect(former.seen.attempts).toBe(before);
});

test("a process that answers a dial when its own connection stands was reached there, and is left to close the dialled one", async () => {
  using peer = await process(false);
  const node = await net.node("n2", { limits: { lingerMs: 600_000 } });
  listing(node, peer.address);
  await until(() => peer.waiting.length > 0, "it is dialled");
  const own = await net.raw(node, await nodeTls("n1"));
  await until(() => own.isSecure, "TLS stands");
  own.send(hello(nodeSender("n1"), { meant: "n2" }));
  await until(() => node.heard.isConnectedTo("n1"), "it has connected itself");
  // The address is probed as well, which gets no sound answer: the hello is that of a peer.
  await until(() => peer.waiting.length > 1, "it is probed");
  peer.answer();
  await until(() => addressesIn(node, "peer reached").length > 0, "it was reached");
  await until(() => peer.sockets.size < 2, "the probe has ended");
  own.send(timeoutNow(7));
  await until(() => node.heard.terms.includes(7), "it is heard on its own connection");
  expect([node.heard.story[0], own.isClosed, peer.sockets.size]).toEqual(["+n1/boot", false, 1]);
});
