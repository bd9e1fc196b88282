// What a program that has dialled a node may rely on when it wants no more of it.
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { encodeFrame } from "../../../src/adapters/cbor/codec.ts";
import { dialNode } from "../../../src/adapters/tls/dial.ts";
import { clientTls, cluster, hello, nodeSender, nodeTls, until } from "./tls-net.ts";

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
    const link = await dialNode({
      address: `127.0.0.1:${listener.port}`,
      tls: await clientTls("alice"),
      cluster,
      meant: "n1",
      name: "alice",
      software: "1.2.3",
      handler: { onReply() {}, onClose: (reason) => void ends.push(reason) },
    });
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
