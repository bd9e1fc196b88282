// A frame ends its link. Whatever the other side sent behind that frame is not delivered, however it arrives: in the same write, or
// waiting for its turn already. A command among it would run although its client was told that the connection is over.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { encodeFrame } from "../../../src/adapters/cbor/codec.ts";
import type { Frame, HelloSender } from "../../../src/adapters/cbor/frames.ts";
import { FlushTurn } from "../../../src/adapters/tls/flush-turn.ts";
import { refused } from "../../../src/adapters/tls/hello.ts";
import { Link, type LinkHandler, type LinkSocket } from "../../../src/adapters/tls/link.ts";
import type { ClientReply, ClientRequest } from "../../../src/ports/requests.ts";
import { timeoutNow } from "../../contracts/transport-harness.ts";
import {
  clientSender,
  clientTls,
  hello,
  nodeSender,
  nodeTls,
  type RawSocket,
  TlsNet,
  type TlsNodeChoice,
  type TlsTestNode,
  until,
} from "./tls-net.ts";

let net = new TlsNet();
beforeEach(() => {
  net = new TlsNet();
});
afterEach(() => net.close());

const command = (id: number): ClientRequest => ({
  kind: "command",
  id,
  payload: new Uint8Array([id]),
  timeoutMs: 1000,
  session: null,
});
const garbage = Buffer.from([0, 0, 0, 3, 0x9f, 0xff, 0x00]);
const tooLong = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x80]);
const goodbye = encodeFrame(refused("stopping", "it is over"));
const together = (...frames: readonly (Frame | Uint8Array)[]): Buffer =>
  Buffer.concat(frames.map((frame) => (frame instanceof Uint8Array ? frame : encodeFrame(frame))));

async function introduced(node: TlsTestNode, tls: object, sender: HelloSender): Promise<RawSocket> {
  const raw = await net.raw(node, tls);
  await until(() => raw.isSecure, "TLS stands");
  raw.send(hello(sender, sender.role === "node" ? { meant: "n1" } : {}));
  await until(() => raw.frames("bulk").length > 0, "the hello is answered");
  return raw;
}

/** Closed by the node, and all that it has taken is with its handler. */
async function closed(raw: RawSocket): Promise<void> {
  await until(() => raw.isClosed, "closed");
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

const asked = (node: TlsTestNode): readonly number[] => node.heard.requests.map(({ request }) => request.id);

describe("of a client", () => {
  const client = async (choice: TlsNodeChoice = {}): Promise<{ node: TlsTestNode; raw: RawSocket }> => {
    const node = await net.node("n1", choice);
    return { node, raw: await introduced(node, await clientTls("alice"), clientSender("alice")) };
  };

  test.each<readonly [string, Frame | Uint8Array]>([
    ["bytes that are no frame", garbage],
    ["a length beyond the bound", tooLong],
    ["a message of a peer", timeoutNow(9)],
    ["a second hello", hello(clientSender("alice"))],
  ])("a command behind %s is not delivered, and the one before is", async (_, last) => {
    const { node, raw } = await client();
    raw.send(together(command(1), last, command(2), command(3)));
    await closed(raw);
    expect(asked(node)).toEqual([1]);
  });

  test("nor is one that waits for its turn already", async () => {
    const { node, raw } = await client({ limits: { requestsPerTurn: 1 } });
    raw.send(together(command(1), command(2), garbage, command(3), command(4), command(5)));
    await closed(raw);
    expect(asked(node)).toEqual([1, 2]);
  });

  test("a request behind a hello that is refused is not delivered", async () => {
    const node = await net.node("n1");
    const raw = await net.raw(node, await clientTls("alice"));
    await until(() => raw.isSecure, "TLS stands");
    raw.send(together(hello(clientSender("alice"), { cluster: "other" }), command(1)));
    await closed(raw);
    expect(asked(node)).toEqual([]);
  });

  test("once the node stops, none is", async () => {
    const { node, raw } = await client();
    const stopped = node.transport.stop(100);
    raw.send(command(1));
    await stopped;
    await closed(raw);
    expect(asked(node)).toEqual([]);
  });
});

describe("of a peer", () => {
  test.each<readonly [string, Frame | Uint8Array]>([
    ["bytes that are no frame", garbage],
    ["a client's request", command(1)],
    ["its last word", goodbye],
  ])("a message behind %s is not delivered, and the one before is", async (_, last) => {
    const node = await net.node("n1");
    const raw = await introduced(node, await nodeTls("n2"), nodeSender("n2"));
    raw.send(together(timeoutNow(7), last, timeoutNow(8), timeoutNow(9)));
    await closed(raw);
    expect(node.heard.terms).toEqual([7]);
  });

  test("a message behind the one for which it is dismissed is not delivered", async () => {
    const node = await net.node("n1");
    const raw = await introduced(node, await nodeTls("n2"), nodeSender("n2"));
    const { messages } = node.heard;
    node.heard.onMessage = (from, message) => {
      messages.push({ from, message });
      node.transport.dismiss(from, "it lies");
    };
    raw.send(together(timeoutNow(7), timeoutNow(8)));
    await closed(raw);
    expect(node.heard.terms).toEqual([7]);
  });

  test.each<readonly [string, Frame | Uint8Array]>([
    ["bytes that are no frame", garbage],
    ["a message of the ordinary connection", timeoutNow(9)],
    ["its last word", goodbye],
  ])("on one for bulk, nothing behind %s is delivered", async (_, last) => {
    const node = await net.node("n1");
    const purpose = { kind: "bulk", nonce: null } as const;
    const raw = await introduced(node, await nodeTls("n2"), {
      ...nodeSender("n2"),
      role: "node",
      purpose,
    } as HelloSender);
    const read = (offset: number): Frame => ({ kind: "snapshotRead", file: "f", offset, bytesMax: 1 });
    raw.send(together(read(1), last, read(2)));
    await closed(raw);
    expect(node.heard.bulk[0]!.link.messages).toEqual([read(1) as never]);
  });
});

test.each([
  ["its last word", goodbye],
  ["bytes that are no frame", garbage],
] as const)("a client hears no answer that a node sends behind %s", async (_, last) => {
  const answer = (id: number): ClientReply => ({ kind: "done", id, leader: null });
  const key = await nodeTls("n1");
  using liar = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    tls: { ...key, requestCert: true },
    socket: {
      data(socket) {
        const opening = hello(nodeSender("n1"), { meant: "alice" });
        socket.write(together(opening, answer(1), last, answer(2)));
      },
    },
  });
  const replies: number[] = [];
  const ended = Promise.withResolvers<string>();
  const handler = { onReply: ({ id }: ClientReply) => void replies.push(id), onClose: ended.resolve };
  const node = await net.node("n2");
  await net.dial({ ...node, address: `127.0.0.1:${liar.port}` }, { handler });
  await ended.promise;
  expect(replies).toEqual([1]);
});

test.each(["finish", "drop"] as const)("a link delivers nothing that arrives after %s, frame by frame", async (end) => {
  const delivered: number[] = [];
  const handler: LinkHandler = {
    onTrusted() {},
    onFrame(body) {
      delivered.push(body[0]!);
      if (end === "finish") link.finish("it is over", null);
      else link.drop("it is over");
    },
    onBadFrame() {},
    onClose() {},
  };
  const flushTurn = new FlushTurn(() => {});
  const link = new Link({ side: "accepted", frameBytesMax: 10, queueBytesMax: 1e9, flushTurn, handler });
  // The other side takes nothing: what is queued keeps the link from closing.
  const socket = {
    authorized: true,
    write: () => 0,
    setNoDelay() {},
    setKeepAlive() {},
    getPeerX509Certificate() {},
    terminate() {},
    end() {},
  } as unknown as LinkSocket;
  link.socketOpened(socket);
  link.socketSecured(socket, null);
  link.send(new Uint8Array(100));
  for (let count = 1; count <= 3; count++) link.socketReceived(Buffer.from([0, 0, 0, 1, count]));
  expect(delivered).toEqual([1]);
  expect(link.isFinishing).toBe(end === "finish");
});
