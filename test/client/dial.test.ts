// Does the client tell a node that stops, and has taken nothing, from a connection that is lost, whose requests are in doubt?
import { expect, test } from "bun:test";
import { encodeFrame } from "../../src/adapters/cbor/codec.ts";
import type { Frame } from "../../src/adapters/cbor/frames.ts";
import { refused } from "../../src/adapters/tls/hello.ts";
import { tlsDial } from "../../src/client/dial.ts";
import { clientTls, cluster, hello, nodeSender, nodeTls, until } from "../adapters/tls/tls-net.ts";

test.each<readonly [string, Frame | null]>([
  ["stopping", refused("stopping", "n1 is stopping")],
  ["lost", refused("wrong-version", "it speaks another one")],
  ["lost", null],
])("a connection that ends is told as %s (%#)", async (kind, lastWord) => {
  const listener = Bun.listen<undefined>({
    hostname: "127.0.0.1",
    port: 0,
    tls: { ...(await nodeTls("n1")), requestCert: true, rejectUnauthorized: true },
    socket: {
      data(socket) {
        socket.write(encodeFrame(hello(nodeSender("n1"), { meant: "alice" })));
        if (lastWord !== null) socket.write(encodeFrame(lastWord));
        socket.end();
      },
    },
  });
  try {
    const ends: string[] = [];
    const dial = tlsDial({ cluster, name: "alice", tls: await clientTls("alice"), software: "1.2.3" });
    await dial(`127.0.0.1:${listener.port}`, { onReply() {}, onClosed: (end) => void ends.push(end.kind) });
    await until(() => ends.length > 0, "the connection has ended");
    expect(ends).toEqual([kind]);
  } finally {
    listener.stop(true);
  }
});
