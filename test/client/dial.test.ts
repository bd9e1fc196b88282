// What a closed connection says of the requests on it: only the farewell of a node that stops says that it took none of the others.
import { expect, test } from "bun:test";
import { encodeFrame } from "../../src/adapters/cbor/codec.ts";
import type { RefusalCode } from "../../src/adapters/cbor/frames.ts";
import { FrameSplitter } from "../../src/adapters/tls/frame-splitter.ts";
import type { Closed } from "../../src/client/connection.ts";
import { tlsDial } from "../../src/client/dial.ts";
import { clientTls, cluster, hello, nodeSender, nodeTls, until } from "../adapters/tls/tls-net.ts";

/** A node that answers the hello, and a request with this last word; null: it closes without one. */
async function nodeThatCloses(code: RefusalCode | null) {
  return Bun.listen<{ readonly splitter: FrameSplitter; frames: number }>({
    hostname: "127.0.0.1",
    port: 0,
    tls: { ...(await nodeTls("n1")), requestCert: true, rejectUnauthorized: true },
    socket: {
      open: (socket) => void (socket.data = { splitter: new FrameSplitter(1 << 20), frames: 0 }),
      data(socket, chunk) {
        socket.data.splitter.push(chunk, () => {
          if (++socket.data.frames === 1) {
            socket.write(encodeFrame(hello(nodeSender("n1"), { meant: "alice" })));
            return true;
          }
          if (code !== null) socket.write(encodeFrame({ kind: "refused", code, message: "that was it" }));
          socket.end();
          return false;
        });
      },
    },
  });
}

test.each<[RefusalCode | null, Closed["kind"]]>([
  ["stopping", "stopping"],
  ["busy", "lost"],
  ["bad-frame", "lost"],
  ["not-allowed", "lost"],
  [null, "lost"],
])("a node that closes with the word %p: %s", async (code, kind) => {
  const listener = await nodeThatCloses(code);
  try {
    const ends: Closed[] = [];
    const dial = tlsDial({ cluster, name: "alice", tls: await clientTls("alice"), software: "1.2.3" });
    const link = await dial(`127.0.0.1:${listener.port}`, {
      onReply: () => {},
      onClosed: (end) => void ends.push(end),
    });
    link.send({ kind: "status", id: 1 });
    await until(() => ends.length > 0, "the connection has ended");
    expect(ends.map((end) => end.kind)).toEqual([kind]);
    if (code !== null) expect(ends[0]!.reason).toContain("that was it");
    link.close();
  } finally {
    listener.stop(true);
  }
});
