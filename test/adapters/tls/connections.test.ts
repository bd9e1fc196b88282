// Which connections two nodes keep with each other: one, whoever dialled it, and never one with an impostor.
import { afterEach, beforeEach, describe, expect, spyOn, test } from "bun:test";
import { encodeFrame } from "../../../src/adapters/cbor/codec.ts";
import type { HelloSender } from "../../../src/adapters/cbor/frames.ts";
import { toMemberKey } from "../../../src/core/configuration.ts";
import { incarnation, timeoutNow } from "../../contracts/transport-harness.ts";
import {
  breakingPlace,
  hello,
  nodeSender,
  nodeTls,
  type RawSocket,
  TlsNet,
  type TlsTestNode,
  until,
} from "./tls-net.ts";

let net = new TlsNet();
beforeEach(() => {
  net = new TlsNet();
});
afterEach(() => net.close());

/** A process under the name of a node that does only what the test says; null when the node has closed on it. */
async function process(of: TlsTestNode, id: string, bootId: string): Promise<RawSocket> {
  const raw = await net.raw(of, await nodeTls(id));
  await until(() => raw.isSecure, "TLS stands");
  raw.send(hello(nodeSender(id, bootId), { meant: of.key.split("@")[0] ?? "" }));
  await until(() => raw.frames("peer").length > 0, "the hello is answered");
  return raw;
}

describe("nodes that dial each other at the same moment", () => {
  test("keep one connection, are never without, and lose nothing that is sent on it", async () => {
    const pairs = await Promise.all(
      Array.from({ length: 12 }, async (_, k) => {
        const ids = [`a${k}`, `b${k}`] as const;
        return [await net.node(ids[0]), await net.node(ids[1])] as const;
      }),
    );
    for (const [a, b] of pairs) {
      a.transport.setPeers([{ id: b.key.split("@")[0] ?? "", address: b.address }]);
      b.transport.setPeers([{ id: a.key.split("@")[0] ?? "", address: a.address }]);
    }
    await until(() => pairs.flat().every((node) => node.heard.story.length > 0), "all are connected");
    // Each sends until it has been heard; from then on nothing may be lost.
    await until(() => {
      for (const [a, b] of pairs) {
        a.transport.send(b.key, timeoutNow(1));
        b.transport.send(a.key, timeoutNow(1));
      }
      return pairs.flat().every((node) => node.heard.messages.length > 20);
    }, "all have heard each other");
    for (const [a, b] of pairs) {
      for (let term = 100; term < 200; term += 1) {
        a.transport.send(b.key, timeoutNow(term));
        b.transport.send(a.key, timeoutNow(term));
      }
    }
    await until(() => pairs.flat().every((node) => node.heard.terms.at(-1) === 199), "the last ones have arrived");
    for (const node of pairs.flat()) {
      expect(node.heard.terms.filter((term) => term >= 100)).toEqual(Array.from({ length: 100 }, (_, k) => 100 + k));
      expect(node.heard.story.filter((line) => line.startsWith("-"))).toEqual([]);
      // At most the own connection and the other side's.
      expect(node.heard.story.filter((line) => line.startsWith("+")).length).toBeLessThanOrEqual(2);
    }
  });

  test("the connection that is not to stay is closed on both sides", async () => {
    const node = await net.node("n2");
    // n1 dials twice as fast as n2 can: n2 has its answer on neither yet. The one of the smaller id stays.
    const first = await process(node, "n1", "boot");
    const second = await process(node, "n1", "boot");
    await until(() => first.isClosed, "the older one is closed");
    expect(second.isClosed).toBe(false);
    expect(node.heard.story).toEqual(["+n1/boot", "+n1/boot"]);
    first.send(timeoutNow(1));
    second.send(timeoutNow(2));
    await until(() => node.heard.messages.length > 0, "a message has arrived");
    expect(node.heard.terms).toEqual([2]);
  });

  test("messages of a replaced connection are not delivered, even if they are there already", async () => {
    const node = await net.node("n2");
    const first = await process(node, "n1", "boot");
    const second = await net.raw(node, await nodeTls("n1"));
    await until(() => second.isSecure, "TLS stands");
    second.send(hello(nodeSender("n1"), { meant: "n2" }));
    await until(() => node.heard.story.length === 2, "the newer one is known");
    for (let count = 0; count < 50; count += 1) first.send(timeoutNow(1));
    second.send(timeoutNow(2));
    await until(() => node.heard.terms.includes(2) && first.isClosed, "the newer one is heard, the older one closed");
    expect(node.heard.terms).toEqual([2]);
  });
});

describe("P42: two processes under one identity", () => {
  test("the second is refused loudly on the accepting side, and the first is not disturbed", async () => {
    const node = await net.node("n2");
    const first = await process(node, "n1", "boot");
    const second = await process(node, "n1", "another");
    await until(() => second.isClosed, "closed");
    expect(second.frames("peer")).toMatchObject([{ kind: "refused", code: "duplicate-node" }]);
    expect(node.lines).toContainEqual(
      expect.objectContaining({ level: "error", message: "two processes run as one node" }),
    );
    first.send(timeoutNow(3));
    await until(() => node.heard.terms.length === 1, "the first is heard");
    expect(node.heard.story).toEqual(["+n1/boot", "n1@i: 3"]);
  });

  test("the first is written to, so that its system answers with a reset if it is gone and its last word was lost", async () => {
    const node = await net.node("n2", { limits: { keepAliveMs: 600_000, silenceMs: 1_200_000 } });
    const first = await process(node, "n1", "boot");
    const before = first.received.length;
    const second = await process(node, "n1", "another");
    await until(() => second.isClosed && first.received.length > before, "the first has received a sign of life");
    expect([...first.received.subarray(before)]).toEqual([0, 0, 0, 0]);
  });

  test("both sides say so when it is a node, and it keeps trying", async () => {
    const node = await net.node("n2");
    const first = await net.node("n1");
    first.transport.setPeers([{ id: "n2", address: node.address }]);
    await until(() => node.heard.isConnectedTo("n1"), "the first is connected");
    const second = await net.node("n1", { bootId: "another" });
    second.transport.setPeers([{ id: "n2", address: node.address }]);
    await until(() => second.lines.length > 0, "the second has been told");
    expect(second.transport.peers()[0]?.reason).toBe(
      "n2 refused this connection: another process is connected as n1, from 127.0.0.1: two run as one node",
    );
    await first.transport.stop(1_000);
    await until(() => node.heard.isConnectedTo("n1") && node.heard.story.at(-1) === "+n1/another", "it gets in now");
  });

  test("a process that carries this node's own identity is refused", async () => {
    const node = await net.node("n1");
    const twin = await process(node, "n1", "another");
    await until(() => twin.isClosed, "closed");
    const message = "this is n1 itself: another process runs with the same identity";
    expect(twin.frames("peer")).toEqual([{ kind: "refused", code: "duplicate-node", message }]);
    expect(node.heard.story).toEqual([]);
    await until(() => node.lines.length === 2, "both lines are there");
    expect(node.lines.map(({ level, fields }) => [level, fields["peer"] ?? fields["identity"]])).toEqual([
      ["error", "n1"],
      ["warn", "node n1"],
    ]);
  });
});

describe("P54: a peer that vanished without a word", () => {
  test("is found out by its silence, and its next process is let in", async () => {
    const limits = { sweepMs: 5, keepAliveMs: 50, silenceMs: 300 };
    const node = await net.node("n2", { limits });
    // The former process says nothing more, and nobody has closed its connection.
    await process(node, "n1", "former");
    const next = await net.node("n1", { bootId: "next" });
    next.transport.setPeers([{ id: "n2", address: node.address }]);
    await until(() => node.heard.story.includes("+n1/next"), "the next process is known");
    expect(node.heard.story).toEqual(["+n1/former", "-n1", "†n1/former", "+n1/next"]);
    expect(node.heard.reasons).toEqual(["nothing was heard for 300 ms"]);
  });

  test("while an idle peer that lives is kept by its signs of life", async () => {
    const limits = { sweepMs: 5, keepAliveMs: 30, silenceMs: 400 };
    const [a, b] = [await net.node("n1", { limits }), await net.node("n2", { limits })];
    b.transport.setPeers([{ id: "n1", address: a.address }]);
    await until(() => a.heard.isConnectedTo("n2"), "connected");
    const began = performance.now();
    await until(() => performance.now() - began > 1_200, "three silences long");
    expect([a.heard.story, b.heard.story]).toEqual([["+n2/boot"], ["+n1/boot"]]);
  });
});

test("a lost connection is renewed, and messages flow again", async () => {
  const [a, b] = [await net.node("n1"), await net.node("n2")];
  a.transport.setPeers([{ id: "n2", address: b.address }]);
  await until(() => a.heard.isConnectedTo("n2"), "connected");
  const impostor = await net.raw(b, await nodeTls("n1"));
  await until(() => impostor.isSecure, "TLS stands");
  // The same process, by a newer connection, which then breaks: both sides are without.
  impostor.send(hello(nodeSender("n1"), { meant: "n2" }));
  await until(() => a.heard.story.includes("-n2"), "the connection is lost");
  impostor.socket?.terminate();
  await until(() => a.heard.isConnectedTo("n2") && b.heard.isConnectedTo("n1"), "it is renewed");
  await until(() => {
    a.transport.send(toMemberKey("n2", incarnation), timeoutNow(4));
    return b.heard.terms.includes(4);
  }, "messages flow");
  // A connection that broke says nothing of the process behind it.
  expect([...a.heard.story, ...b.heard.story].filter((line) => line.startsWith("†"))).toEqual([]);
});

test("that a peer has ended is found out at once, also when it was long away before and came back by itself", async () => {
  const limits = { backoffMinMs: 60_000, backoffMaxMs: 60_000 };
  const before = await net.node("n1", { bootId: "before" });
  await before.transport.stop(1_000);
  const node = await net.node("n2", { limits });
  node.transport.setPeers([{ id: "n1", address: before.address }]);
  await until(
    () => node.transport.peers()[0]?.reason?.includes("refused") ?? false,
    "it is away, and not tried again soon",
  );
  const back = await net.node("n1", { address: before.address });
  back.transport.setPeers([{ id: "n2", address: node.address }]);
  await until(() => net.hasSeen(node, back), "it is back");
  const beganMs = performance.now();
  await until(() => performance.now() - beganMs > 250, "the connection has held");
  await back.transport.stop(1_000);
  await until(() => node.heard.story.includes("†n1/boot"), "it is found out");
});

test("a dial that is refused while the peer itself has connected does not tell that its process has ended", async () => {
  const peer = await net.node("n1");
  const node = await net.node("n2");
  node.transport.setPeers([{ id: "n1", address: peer.address }]);
  await until(() => net.hasSeen(node, peer), "it has been reached by a dial");
  // Each refusal is checked by a UDP socket. The check takes until the test says so.
  const checked = Promise.withResolvers<void>();
  const checking = spyOn(Bun, "udpSocket").mockImplementation(async () => {
    await checked.promise;
    return { close() {} } as never;
  });
  try {
    await peer.transport.stop(1_000);
    await until(() => checking.mock.calls.length > 0, "a dial has been refused");
    const again = await process(node, "n1", "boot");
    checked.resolve();
    again.socket?.terminate();
    const { story } = node.heard;
    await until(() => story.filter((line) => line === "-n1").length === 2, "that connection has ended, too");
    // Only now is the peer without a connection: what comes behind is in order.
    expect(story.slice(0, 4)).toEqual(["+n1/boot", "-n1", "+n1/boot", "-n1"]);
  } finally {
    checking.mockRestore();
  }
});

test("a peer whose address changes is found at the new one", async () => {
  const [a, b] = [await net.node("n1"), await net.node("n2")];
  a.transport.setPeers([{ id: "n2", address: "127.0.0.1:1" }]);
  await until(() => a.transport.peers()[0]?.reason?.includes("refused") ?? false, "nobody is there");
  expect(a.lines).toHaveLength(1);
  a.transport.setPeers([{ id: "n2", address: b.address }]);
  await until(() => a.heard.isConnectedTo("n2"), "found");
  expect(a.transport.peers()[0]).toMatchObject({ address: b.address, reachable: true, reason: null });
});

test("a peer that is no longer listed is not dialled any more", async () => {
  const node = await net.node("n1", { limits: { backoffMinMs: 5, backoffMaxMs: 10 } });
  using listed = breakingPlace();
  using dropped = breakingPlace();
  const n2 = { id: "n2", address: listed.address };
  node.transport.setPeers([n2, { id: "n3", address: dropped.address }]);
  await until(() => listed.seen.attempts > 2 && dropped.seen.attempts > 2, "both are dialled again and again");
  node.transport.setPeers([n2]);
  const more = async (count: number): Promise<void> => {
    const enough = listed.seen.attempts + count;
    await until(() => listed.seen.attempts >= enough, "the other one is dialled on");
  };
  // What was under way may still arrive.
  await more(2);
  const before = dropped.seen.attempts;
  await more(10);
  expect(dropped.seen.attempts).toBe(before);
});

test("stopping does not wait for a side that never closes", async () => {
  const node = await net.node("n1");
  const raw = await net.raw(node, null);
  const stopped = node.transport.stop(50);
  await stopped;
  await until(() => raw.isClosed, "closed all the same");
});

test("P49: a peer's frame that arrives slowly is noticed now and then, and a sign of life is not taken for one", async () => {
  const node = await net.node("n1", { limits: { partNoticeMs: 20 } });
  const raw = await process(node, "n2", "boot");
  for (let count = 0; count < 5; count += 1) raw.send(new Uint8Array(4));
  raw.send(timeoutNow(1));
  await until(() => node.heard.terms.includes(1), "it is heard");
  expect(node.heard.parts).toEqual([]);
  // The head of a frame of a mebibyte, and then a little of it again and again.
  raw.send(new Uint8Array([0, 16, 0, 0]));
  const beganMs = performance.now();
  await until(() => {
    raw.send(new Uint8Array(100));
    return node.heard.parts.length >= 5;
  }, "it is noticed");
  expect(performance.now() - beganMs).toBeGreaterThanOrEqual(4 * 20 - 1);
  expect(new Set(node.heard.parts)).toEqual(new Set([toMemberKey("n2", incarnation)]));
});

test("a member whose address is none, as an older rule may have let it into the log, is reported and not dialled", async () => {
  const node = await net.node("n1");
  const other = await net.node("n2");
  node.transport.setPeers([
    { id: "n4", address: "::1:7404" },
    { id: "n2", address: other.address },
  ]);
  await until(() => node.heard.story.length > 0, "the others are dialled all the same");
  await until(() => node.transport.peers()[0]?.reason !== "not connected yet", "the reason is known");
  expect(node.transport.peers()[0]).toMatchObject({
    id: "n4",
    address: "::1:7404",
    reachable: false,
    reason: "its address needs brackets: [::1]:7404",
  });
  const reach = await node.transport.reach("n4", "::1:7404", 1000);
  expect(reach).toEqual({ kind: "unreachable", reason: "its address needs brackets: [::1]:7404" });
  expect(await node.transport.discover("::1:7404", 1000)).toMatchObject({ kind: "failed" });
});

test("a node that answers for another purpose than it was dialled for is no peer", async () => {
  using liar = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    tls: { ...(await nodeTls("n2")), requestCert: true },
    socket: {
      data(socket) {
        const sender = { ...nodeSender("n2"), role: "node", purpose: { kind: "probe" } } as HelloSender;
        socket.write(encodeFrame(hello(sender, { meant: "n1" })));
      },
    },
  });
  const node = await net.node("n1");
  node.transport.setPeers([{ id: "n2", address: `127.0.0.1:${liar.port}` }]);
  await until(() => node.transport.peers()[0]?.reason !== "not connected yet", "the reason is known");
  expect(node.transport.peers()[0]).toMatchObject({
    reachable: false,
    reason: "the answer to a hello has another purpose than it",
  });
  expect(node.heard.story).toEqual([]);
});
