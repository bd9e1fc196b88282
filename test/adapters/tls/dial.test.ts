// What a program that has dialled a node may rely on when it wants no more of it.
import { expect, test } from "bun:test";
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
