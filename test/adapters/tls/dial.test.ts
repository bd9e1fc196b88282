// What a program that has dialled a node may rely on when it wants no more of it.
import { describe, expect, spyOn, test } from "bun:test";
import { join } from "node:path";
import { encodeFrame } from "../../../src/adapters/cbor/codec.ts";
import type { Frame, HelloSender, RefusalCode } from "../../../src/adapters/cbor/frames.ts";
import { type ClientLink, dialNode } from "../../../src/adapters/tls/dial.ts";
import { toMemberKey } from "../../../src/core/configuration.ts";
import type { ErrorCode } from "../../../src/errors.ts";
import { clientTls, cluster, hello, nodeSender, nodeTls, TlsNet, until } from "./tls-net.ts";

/** Dials a node that answers a hello with this frame. */
async function dialOneThatAnswers(frame: Frame, meant = "n1") {
  using listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    tls: { ...(await nodeTls("n1")), requestCert: true, rejectUnauthorized: true },
    socket: { data: (socket) => void socket.write(encodeFrame(frame)) },
  });
  const address = `127.0.0.1:${listener.port}`;
  const handler = { onReply() {}, onClose() {} };
  const options = { address, tls: await clientTls("alice"), cluster, meant, name: "alice", software: "1.2.3" };
  const link = await dialNode({ ...options, handler }).catch((error: unknown) => error);
  return { address, link };
}

/** Each code that there is: a new one does not compile without its line here. */
const outcomes: Readonly<Record<RefusalCode, ErrorCode>> = {
  "wrong-cluster": "unauthorized",
  "wrong-identity": "unauthorized",
  "not-allowed": "unauthorized",
  "wrong-node": "unavailable",
  "wrong-version": "unavailable",
  "wrong-state-machine": "unavailable",
  "duplicate-node": "unavailable",
  "bad-frame": "unavailable",
  stopping: "unavailable",
  busy: "overloaded",
};

test.each(Object.entries(outcomes) as [RefusalCode, ErrorCode][])(
  "a node that refuses a client as %s: the client's error is %s, with the node's words",
  async (refusal, code) => {
    const { address, link } = await dialOneThatAnswers({ kind: "refused", code: refusal, message: "its words" });
    const message = `cannot use the node at ${address}: n1 refused this connection: its words`;
    expect(link).toMatchObject({ name: "GraftError", code, message });
  },
);

test.each([null, "a".repeat(32)])(
  "a connection knows the node, its version and its cluster %p",
  async (clusterUuid) => {
    const members = [{ key: toMemberKey("n1", "disk"), address: "h:1", priority: 0 }];
    const genesis = clusterUuid === null ? null : { clusterUuid, members, foundedAtMs: 1 };
    const sender = { ...nodeSender("n1"), genesis } as HelloSender;
    const { link } = await dialOneThatAnswers(hello(sender, { meant: "alice", software: "9.8.7" }));
    expect(link).toMatchObject({ nodeId: "n1", clusterUuid, software: "9.8.7" });
  },
);

test("a node that is not the one that was meant is refused, although it does not say so itself", async () => {
  const { address, link } = await dialOneThatAnswers(hello(nodeSender("n1"), { meant: "alice" }), "n2");
  const message = `cannot use the node at ${address}: n1 answers at this address, n2 was meant`;
  expect(link).toMatchObject({ code: "unavailable", message });
});

test.each([
  ["the connection", async () => ({})],
  ["the handshake", async () => ({ tls: { ...(await nodeTls("n1")), requestCert: true } })],
])("a node that takes %s and says nothing is given up when the time is up", async (_, settings) => {
  using mute = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} }, ...(await settings()) });
  const net = new TlsNet();
  const address = `127.0.0.1:${mute.port}`;
  const node = { address } as Parameters<TlsNet["dial"]>[0];
  await expect(net.dial(node, { timeoutMs: 200 })).rejects.toMatchObject({
    code: "unavailable",
    message: `cannot use the node at ${address}: no answer within 200 ms`,
  });
});

/** Dials n1. `ends` gets the reason of each end. */
const dialAsAlice = async (port: number, ends: string[], queueBytesMax?: number): Promise<ClientLink> =>
  dialNode({
    address: `127.0.0.1:${port}`,
    tls: await clientTls("alice"),
    cluster,
    meant: "n1",
    name: "alice",
    software: "1.2.3",
    handler: { onReply() {}, onClose: (reason) => void ends.push(reason) },
    ...(queueBytesMax === undefined ? {} : { queueBytesMax }),
  });

test("a connection that was closed ends although the node reads nothing more, and says so once", async () => {
  const node = { sockets: [] as Bun.Socket<undefined>[] };
  const listener = Bun.listen<undefined>({
    hostname: "127.0.0.1",
    port: 0,
    tls: { ...(await nodeTls("n1")), requestCert: true, rejectUnauthorized: true },
    socket: {
      open: (socket) => void node.sockets.push(socket),
      // From its hello on the node is frozen: what it is sent stays with the system, the end of the connection too.
      data(socket) {
        socket.pause();
        socket.write(encodeFrame(hello(nodeSender("n1"), { meant: "alice" })));
      },
      close() {},
    },
  });
  try {
    const ends: string[] = [];
    const link = await dialAsAlice(listener.port, ends);
    link.send({ kind: "status", id: 1 });
    link.close();
    expect([link.isOpen, ends]).toEqual([false, []]);
    await until(() => ends.length > 0, "the connection has ended");
    link.close();
    expect(ends).toEqual(["closed by this side"]);
  } finally {
    for (const socket of node.sockets) socket.terminate();
    listener.stop(true);
  }
});

describe("a client that sends", () => {
  /** Dials a node that answers the hello and hands on what comes behind it. */
  async function dialled(then: (socket: Bun.Socket<undefined>, chunk: Buffer) => void, queueBytesMax?: number) {
    const node = await nodeTls("n1");
    let isGreeted = false;
    const listener = Bun.listen<undefined>({
      hostname: "127.0.0.1",
      port: 0,
      tls: { ...node, requestCert: true, rejectUnauthorized: true },
      socket: {
        data(socket, chunk) {
          if (isGreeted) return then(socket, chunk);
          isGreeted = true;
          socket.write(encodeFrame(hello(nodeSender("n1"), { meant: "alice" })));
          then(socket, Buffer.alloc(0));
        },
      },
    });
    const ends: string[] = [];
    const link = await dialAsAlice(listener.port, ends, queueBytesMax);
    return { link, ends, [Symbol.dispose]: () => listener.stop(true) };
  }

  test("more than may wait, to a node that takes nothing, loses the connection, and not from inside the call", async () => {
    using client = await dialled((socket) => socket.pause(), 1_000_000);
    const payload = new Uint8Array(500_000);
    // More than the system's own buffers take.
    for (let id = 1; id <= 100; id++) client.link.send({ kind: "command", id, payload, timeoutMs: 1, session: null });
    expect([client.link.isOpen, client.ends]).toEqual([false, []]);
    await until(() => client.ends.length > 0, "it has ended");
    expect(client.ends[0]).toContain("the other side is too slow");
  });

  test("and flushes writes at once, though its loop is held up", async () => {
    const chunks: Buffer[] = [];
    using client = await dialled((_, chunk) => void chunks.push(Buffer.from(chunk)));
    const request = { kind: "status", id: 1 } as const;
    const later = spyOn(globalThis, "setImmediate").mockImplementation((() => {}) as never);
    try {
      client.link.send(request);
      client.link.flush();
      await until(() => Buffer.concat(chunks).length > 0, "it has arrived");
      expect(Buffer.concat(chunks).equals(encodeFrame(request))).toBe(true);
    } finally {
      later.mockRestore();
    }
    client.link.close();
  });

  test("nothing more and closes keeps its program no longer: no timer of it holds the loop", async () => {
    using client = await dialled(() => {});
    const timers = spyOn(globalThis, "setTimeout");
    try {
      client.link.close();
      const made = timers.mock.results.map(({ value }) => value as NodeJS.Timeout);
      expect(made.filter((timer) => timer.hasRef())).toEqual([]);
    } finally {
      timers.mockRestore();
    }
    await until(() => client.ends.length > 0, "it has ended");
  });
});

describe("a program that has dialled a node", () => {
  /** Dials with a time of ten minutes, as `dial` says, and has nothing else to do. It writes what came of it. */
  const program = (dial: string): string => `
import { dialNode } from ${JSON.stringify(join(import.meta.dir, "../../../src/adapters/tls/dial.ts"))};
import { clientTls, cluster, TlsNet } from ${JSON.stringify(join(import.meta.dir, "tls-net.ts"))};
const net = new TlsNet();
const n1 = await net.node("n1");
const options = {
  address: n1.address, tls: await clientTls("alice"), cluster, meant: null, name: "alice", software: "1.2.3",
  handler: { onReply() {}, onClose() {} }, timeoutMs: 600_000,
};
const dialled = (changes) => dialNode({ ...options, ...changes }).then(() => "connected", ({ code }) => code);
const came = await ${dial};
await net.close();
console.log(came);
`;

  test.each([
    ["which nobody answers", 'dialled({ address: "127.0.0.1:1" })', "unavailable"],
    ["which refuses it", 'dialled({ meant: "n2" })', "unavailable"],
    ["which answers", "dialled({})", "connected"],
    ["with a certificate that is none", 'dialled({ tls: { ca: "", cert: "none", key: "none" } })', "config"],
  ])("%s, ends when it has nothing left to do, and not when the time for the dial is up", async (_, dial, outcome) => {
    const child = Bun.spawn([process.execPath, "-e", program(dial)], { stdout: "pipe", stderr: "inherit" });
    try {
      expect([(await child.stdout.text()).trim(), await child.exited]).toEqual([outcome, 0]);
    } finally {
      child.kill();
    }
  });
});
