// What a certified but hostile or broken other side can do to a node that runs: nothing that lasts.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { encodeFrame } from "../../../src/adapters/cbor/codec.ts";
import { toMemberKey } from "../../../src/core/configuration.ts";
import type { Logger } from "../../../src/ports/logger.ts";
import type { HelloSender } from "../../../src/adapters/cbor/frames.ts";
import { explainGreeting } from "../../../src/adapters/tls/greeting.ts";
import { TransportLog } from "../../../src/adapters/tls/transport-log.ts";
import type { ClientReply } from "../../../src/ports/requests.ts";
import { incarnation, timeoutNow } from "../../contracts/transport-harness.ts";
import {
  clientSender,
  clientTls,
  hello,
  nodeSender,
  nodeTls,
  type RawSocket,
  TlsNet,
  type TlsTestNode,
  until,
} from "./tls-net.ts";

let net = new TlsNet();
let node: TlsTestNode;
const limits = { sweepMs: 5, handshakeTimeoutMs: 1_000, frameTimeoutMs: 300, stallTimeoutMs: 300, lingerMs: 100 };
const reasons = (): string[] => node.lines.map(({ fields }) => String(fields["reason"]));

beforeEach(async () => {
  net = new TlsNet();
  node = await net.node("n1", { limits: { ...limits, clientsMax: 3, pendingMax: 8 } });
});
afterEach(() => net.close());

async function rawClient(name = "alice"): Promise<RawSocket> {
  const raw = await net.raw(node, await clientTls(name));
  await until(() => raw.isSecure, "TLS stands");
  raw.send(hello(clientSender(name)));
  await until(() => raw.frames("reply").length === 1, "the hello is answered");
  return raw;
}

async function rawPeer(id = "n2"): Promise<RawSocket> {
  const raw = await net.raw(node, await nodeTls(id));
  await until(() => raw.isSecure, "TLS stands");
  raw.send(hello(nodeSender(id), { meant: "n1" }));
  await until(() => raw.frames("peer").length === 1, "the hello is answered");
  return raw;
}

/** What else a leader says. */
const told = { prevChain: 0, confirmed: 0, refill: null } as const;

describe("P55: a frame that claims 4 GiB", () => {
  const claim = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x80]);

  test("instead of a hello: refused, closed, and nothing was allocated", async () => {
    const raw = await net.raw(node, await clientTls("alice"));
    await until(() => raw.isSecure, "TLS stands");
    const before = process.memoryUsage().rss;
    raw.send(claim);
    await until(() => raw.isClosed, "closed");
    expect(raw.frames("reply")).toMatchObject([{ kind: "refused", code: "bad-frame" }]);
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
    await until(() => reasons().length > 0, "the reason is logged");
    expect(reasons()[0]).toContain("a frame of 4294967295 bytes is announced");
  });

  test("from a client", async () => {
    const raw = await rawClient();
    raw.send(claim);
    await until(() => raw.isClosed, "closed");
    expect(raw.frames("reply")[1]).toMatchObject({ kind: "refused", code: "bad-frame" });
    await until(() => reasons().length > 0, "the reason is logged");
    expect(reasons()[0]).toContain("4294967295");
  });

  test("from a peer", async () => {
    const raw = await rawPeer();
    raw.send(claim);
    await until(() => raw.isClosed, "closed");
    expect(raw.frames("peer")[1]).toMatchObject({ kind: "refused", code: "bad-frame" });
    await until(() => node.heard.story.includes("-n2"), "the peer is gone");
    expect(node.heard.reasons[0]).toContain("4294967295");
  });

  test("from a node, to a client that dialled it", async () => {
    using liar = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      tls: { ...(await nodeTls("n1")), requestCert: true },
      socket: {
        data(socket) {
          socket.write(encodeFrame(hello(nodeSender("n1"), { meant: "alice" })));
          socket.write(claim);
        },
      },
    });
    const ended = Promise.withResolvers<string>();
    const handler = { onReply() {}, onClose: ended.resolve };
    await net.dial({ ...node, address: `127.0.0.1:${liar.port}` }, { handler });
    expect(await ended.promise).toContain("4294967295");
  });
});

test("P55: bytes that are no frame of ours end one connection and no other", async () => {
  const [good, bad] = [await rawClient(), await rawClient("bob")];
  bad.send(Buffer.concat([Buffer.from([0, 0, 0, 3]), Buffer.from([0x9f, 0xff, 0x00])]));
  await until(() => bad.isClosed, "closed");
  expect(bad.frames("reply")[1]).toMatchObject({ kind: "refused", code: "bad-frame" });
  good.send({ kind: "status", id: 1 });
  await until(() => node.heard.requests.length === 1, "the other one is served");
  expect(good.isClosed).toBe(false);
});

describe("P53: nobody steps out of its role", () => {
  test("a client that sends a peer's message is refused, and the message is not delivered", async () => {
    const raw = await rawClient();
    raw.send(timeoutNow(9));
    await until(() => raw.isClosed, "closed");
    expect(raw.frames("reply")[1]).toMatchObject({ kind: "refused", code: "not-allowed" });
    expect(node.heard.messages).toEqual([]);
    expect(node.lines[0]?.fields).toMatchObject({ identity: "client alice", code: "not-allowed" });
  });

  test("a peer that sends a client's request is refused, and the request is not delivered", async () => {
    const raw = await rawPeer();
    raw.send({ kind: "stop", id: 1 });
    await until(() => raw.isClosed, "closed");
    expect(raw.frames("peer")[1]).toMatchObject({ kind: "refused", code: "not-allowed" });
    expect(node.heard.requests).toEqual([]);
  });

  test("what comes before the hello is refused", async () => {
    const raw = await net.raw(node, await clientTls("admin"));
    await until(() => raw.isSecure, "TLS stands");
    raw.send({ kind: "stop", id: 1 });
    await until(() => raw.isClosed, "closed");
    expect(raw.frames("reply")).toMatchObject([{ kind: "refused", code: "not-allowed" }]);
    expect(node.heard.requests).toEqual([]);
  });

  test("only an administrator may stop the node or move leadership; others get an answer and stay connected", async () => {
    const [alice, admin] = [await net.client(node, "alice"), await net.client(node, "admin")];
    alice.send({ kind: "stop", id: 1 });
    alice.send({ kind: "transferLeadership", id: 2, to: "n2" });
    alice.send({ kind: "status", id: 3 });
    admin.send({ kind: "transferLeadership", id: 4, to: null });
    await until(() => node.heard.requests.length === 2 && alice.replies.length === 2, "all are treated");
    expect(node.heard.requests.map(({ request }) => request.id).toSorted((a, b) => a - b)).toEqual([3, 4]);
    expect(alice.replies).toMatchObject([
      { kind: "error", id: 1, code: "unauthorized" },
      { kind: "error", id: 2, code: "unauthorized" },
    ]);
    expect(alice.isOpen).toBe(true);
  });
});

describe("P54: slow and many", () => {
  test("a TCP connection that says nothing is closed", async () => {
    const raw = await net.raw(node, null);
    await until(() => raw.isClosed, "closed");
    expect(reasons()).toEqual(["no handshake and hello within 1000 ms"]);
  });

  test("a hello that comes byte by byte is not waited for", async () => {
    const raw = await net.raw(node, await clientTls("alice"));
    await until(() => raw.isSecure, "TLS stands");
    const bytes = encodeFrame(hello(clientSender("alice")));
    let at = 0;
    await until(() => {
      if (at < bytes.length - 1) raw.send(bytes.subarray(at, ++at));
      return raw.isClosed;
    }, "closed");
    expect(reasons()).toEqual(["no handshake and hello within 1000 ms"]);
  });

  test("a request that comes byte by byte is not waited for, while an idle client is", async () => {
    const [slow, idle] = [await rawClient(), await rawClient("bob")];
    slow.send(Uint8Array.of(0, 0, 0, 200, 0x83));
    let count = 0;
    await until(() => {
      if (count++ < 180) slow.send(Uint8Array.of(0));
      return slow.isClosed;
    }, "closed");
    idle.send({ kind: "status", id: 1 });
    await until(() => node.heard.requests.length === 1, "the idle one is served");
  });

  test("the oldest of too many strangers makes room, and an honest client gets in", async () => {
    const strangers: RawSocket[] = [];
    for (let count = 0; count < 9; count += 1) strangers.push(await net.raw(node, null));
    await until(() => strangers[0]?.isClosed ?? false, "the oldest is closed");
    expect((await net.client(node, "alice")).nodeId).toBe("n1");
    expect(reasons()).toContain("too many connections have not introduced themselves");
  });

  test("a stranger who has left counts no more: one that is slow keeps its place", async () => {
    const crowded = await net.node("n2", { limits: { ...limits, handshakeTimeoutMs: 60_000, pendingMax: 4 } });
    const slow = await net.raw(crowded, null);
    for (let count = 1; count <= 6; count += 1) {
      const bare = await net.raw(crowded, null);
      bare.socket?.end();
      await until(() => crowded.lines.length === count, "it has left");
    }
    expect(slow.isClosed).toBe(false);
    expect(crowded.lines.filter(({ level }) => level !== "debug")).toEqual([]);
  });

  test("no flood of strangers drops who has introduced itself", async () => {
    const client = await net.client(node, "alice");
    const peer = await rawPeer();
    const strangers: RawSocket[] = [];
    for (let count = 0; count < 20; count += 1) strangers.push(await net.raw(node, null));
    await until(() => strangers.filter(({ isClosed }) => isClosed).length >= 12, "the oldest are closed");
    expect([client.isOpen, peer.isClosed]).toEqual([true, false]);
  });

  test("as many make room as come too many, also when they come at the same moment", async () => {
    const crowded = await net.node("n2", { limits: { ...limits, handshakeTimeoutMs: 60_000, pendingMax: 8 } });
    const strangers = await Promise.all(Array.from({ length: 40 }, () => net.raw(crowded, null)));
    await until(() => strangers.filter(({ isClosed }) => isClosed).length === 32, "all but eight are closed");
  });

  test("one client too many is told so, and a place that is left can be taken", async () => {
    const clients = [await net.client(node, "a"), await net.client(node, "b"), await net.client(node, "c")];
    await expect(net.client(node, "d")).rejects.toMatchObject({
      code: "overloaded",
      message: expect.stringContaining("this node serves 3 connections"),
    });
    clients[0]?.close();
    await until(() => clients[0]?.ends.length === 1, "one has left");
    expect((await net.client(node, "d")).isOpen).toBe(true);
  });

  test("large results of one turn all arrive, and one that finds no room is answered with an error", async () => {
    const generous = await net.node("n4", { limits: { clientQueueBytesMax: 16 << 20 } });
    const client = await net.client(generous, "alice");
    for (let id = 1; id <= 30; id += 1) client.send({ kind: "status", id });
    await until(() => generous.heard.requests.length === 30, "it has asked");
    const payload = new Uint8Array(2 << 20);
    const answer = (count: number, from: number): void => {
      for (const { request, client: asker } of generous.heard.requests.slice(from, from + count))
        asker.reply({ kind: "result", id: request.id, payload, index: 1, term: 1, stalenessMs: null });
    };
    answer(8, 0);
    await until(() => client.replies.length === 8, "eight have arrived");
    expect(client.replies.map(({ kind }) => kind)).toEqual(Array.from({ length: 8 }, () => "result"));
    answer(22, 8);
    await until(() => client.replies.length === 30, "each of the others is answered");
    expect(client.replies.at(-1)).toMatchObject({ kind: "error", id: 30, code: "result-lost" });
    expect(client.isOpen).toBe(true);
  }, 30_000);

  test("a client that does not read is dropped at its bound, and memory does not grow", async () => {
    const greedy = await net.node("n2", {
      limits: { ...limits, clientQueueBytesMax: 1 << 20, stallTimeoutMs: 60_000 },
    });
    const raw = await net.raw(greedy, await clientTls("alice"));
    await until(() => raw.isSecure, "TLS stands");
    raw.send(hello(clientSender("alice")));
    raw.send({ kind: "status", id: 1 });
    await until(() => greedy.heard.requests.length === 1, "it has asked");
    raw.socket?.pause();
    const client = greedy.heard.requests[0]?.client;
    const answer: ClientReply = {
      kind: "result",
      id: 1,
      payload: new Uint8Array(500_000),
      index: 1,
      term: 1,
      stalenessMs: null,
    };
    const before = process.memoryUsage().rss;
    for (let count = 0; count < 400; count += 1) {
      client?.reply(answer);
      greedy.transport.flush();
    }
    // The results are errors by now, and those have a bound as well.
    const error: ClientReply = { kind: "error", id: 1, code: "rejected", message: "x".repeat(1_000), leader: null };
    for (let count = 0; count < 2_000; count += 1) client?.reply(error);
    await until(() => greedy.lines.some(({ message }) => message.includes("answers unsent")), "the log says so");
    expect(greedy.lines.at(-1)?.fields["reason"]).toContain("too slow");
    raw.socket?.resume();
    await until(() => raw.isClosed, "it is dropped");
    // 200 MB were offered; what the system's own buffers take is not ours.
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
  });

  test("a peer that does not read is dropped with a reason, never from inside `send`", async () => {
    // The bounds of other connections are no bound here.
    const others = { bulkQueueBytesMax: 1 << 30, clientQueueBytesMax: 1 << 30, clientQueuesBytesMax: 1 << 30 };
    const bounds = { ...limits, ...others, peerQueueBytesMax: 1 << 20, stallTimeoutMs: 60_000 };
    const sender = await net.node("n3", { limits: bounds });
    const raw = await net.raw(sender, await nodeTls("n2"));
    await until(() => raw.isSecure, "TLS stands");
    raw.send(hello(nodeSender("n2"), { meant: "n3" }));
    await until(() => sender.heard.isConnectedTo("n2"), "connected");
    raw.socket?.pause();
    sender.heard.isInsideCall = true;
    // More than the system's own buffers take.
    const entries = [
      { kind: "command" as const, index: 1, term: 1, stampMs: 1, payload: new Uint8Array(500_000), session: null },
    ];
    for (let round = 0; round < 100; round += 1) {
      const position = { term: 1, prev: { index: 0, term: 0 }, leaderCommit: 0, round, freshAsOf: null };
      const message = { kind: "appendEntries", ...position, ...told, entries } as const;
      sender.transport.send(toMemberKey("n2", incarnation), message);
    }
    sender.heard.isInsideCall = false;
    await until(() => sender.heard.story.includes("-n2"), "it is dropped");
    expect(sender.heard.reasons[0]).toContain("too slow");
  });

  test("a peer that takes nothing for too long is dropped", async () => {
    const raw = await rawPeer();
    raw.socket?.pause();
    for (let count = 0; count < 8; count += 1) {
      node.transport.send(toMemberKey("n2", incarnation), {
        kind: "appendEntries",
        term: 1,
        prev: { index: 0, term: 0 },
        entries: [{ kind: "command", index: 1, term: 1, stampMs: 1, payload: new Uint8Array(4 << 20), session: null }],
        leaderCommit: 0,
        round: 1,
        freshAsOf: null,
        ...told,
      });
    }
    await until(() => node.heard.story.includes("-n2"), "it is dropped");
    expect(node.heard.reasons[0]).toContain("took nothing for 300 ms");
  });

  test("a bare connection, and one that hangs up after the handshake, are told only to a reader who looks for them", async () => {
    const bare = await net.raw(node, null);
    bare.socket?.end();
    const silent = await net.raw(node, await clientTls("alice"));
    await until(() => silent.isSecure, "TLS stands");
    silent.socket?.end();
    const about = () =>
      node.lines.filter(({ message }) => message === "a connection ended before it had said anything");
    await until(() => about().length === 2, "both are told");
    expect(node.lines.filter(({ level }) => level !== "debug")).toEqual([]);
    expect(new Set(node.lines.map(({ cause }) => cause))).toEqual(new Set(["bare"]));
  });

  test("a liar that takes another incarnation with every connection is one cause", async () => {
    for (let count = 0; count < 3; count += 1) {
      const disk = `disk${count}`;
      const raw = await net.raw(node, await nodeTls("n2"));
      await until(() => raw.isSecure, "TLS stands");
      raw.send(hello({ ...nodeSender("n2"), incarnation: disk } as HelloSender, { meant: "n1" }));
      await until(() => raw.frames("peer").length === 1, "the hello is answered");
      node.transport.dismiss(toMemberKey("n2", disk), `lie ${count}`);
      await until(() => raw.isClosed, "closed");
    }
    await until(() => !node.heard.isConnectedTo("n2"), "the last one is gone");
    // What it had sent before is no news any more.
    node.transport.dismiss(toMemberKey("n2", "disk2"), "lie 3");
    const lies = node.lines.filter(({ message }) => message.startsWith("a peer has sent what no honest node sends"));
    expect(lies.length).toBe(3);
    expect(new Set(lies.map(({ cause }) => cause))).toEqual(new Set(["lied n2"]));
  });

  test("what the other side of a dial says is no part of the cause, and what this side finds is", () => {
    const lines: string[] = [];
    const logger: Logger = {
      enabled: () => true,
      log: (_level, _message, _fields, cause) => void lines.push(cause ?? "none"),
    };
    const log = new TransportLog(logger, null);
    const dialled = { id: "n2", tls: { ca: "", cert: "", key: "" }, nowMs: 0 };
    const failure = { kind: "closed", isOurRefusal: false, isSilent: false, identity: null } as const;
    for (const words of ["one", "two"]) {
      const { reason, cause } = explainGreeting({ ...failure, code: "busy", reason: words }, dialled);
      expect(reason).toBe(`n2 refused this connection: ${words}`);
      log.unreachable("n2", "n2.test:7400", { reason, cause });
    }
    const found = explainGreeting({ ...failure, code: null, reason: "no route to the host" }, dialled);
    log.unreachable("n2", "n2.test:7400", found);
    expect(lines).toEqual(["unreachable n2 busy", "unreachable n2 busy", "unreachable n2 no route to the host"]);
  });

  test("a flood of strangers does not fill the log", async () => {
    for (let count = 0; count < 60; count += 1) {
      const raw = await net.raw(node, null);
      raw.send(Buffer.from("hello"));
      await until(() => raw.isClosed, "closed");
    }
    // The logger writes the first line of a cause, and counts the others.
    const warnings = node.lines.filter(({ level }) => level !== "debug");
    expect(warnings.length).toBe(60);
    expect(new Set(warnings.map(({ cause }) => cause)).size).toBe(1);
  });
});
