// How long a frame may be, and how much may wait, on each kind of connection: the wrong bound would cut off honest sides, or let one
// side take the memory of another.
import { describe, expect, test } from "bun:test";
import { encodeFrame } from "../../../src/adapters/cbor/codec.ts";
import type { FrameContext } from "../../../src/adapters/cbor/codec.ts";
import { frameBytesMax } from "../../../src/adapters/cbor/limits.ts";
import { openBulkLink } from "../../../src/adapters/tls/bulk-link.ts";
import { FlushTurn } from "../../../src/adapters/tls/flush-turn.ts";
import { Greeting } from "../../../src/adapters/tls/greeting.ts";
import type { NodeSender } from "../../../src/adapters/tls/hello.ts";
import { defaultLimits } from "../../../src/adapters/tls/limits.ts";
import type { Link } from "../../../src/adapters/tls/link.ts";
import { PeerTable } from "../../../src/adapters/tls/peer-table.ts";
import { Recorder } from "../../contracts/transport-harness.ts";
import { openLink } from "./open-link.ts";
import { cluster, nodeSender } from "./tls-net.ts";

const limits = { ...defaultLimits, peerQueueBytesMax: 1_000, bulkQueueBytesMax: 2_000, bulkPieceBytes: 300 };

const connected: Readonly<
  Record<string, { context: FrameContext; queueBytesMax: number; make: (link: Link) => void }>
> = {
  "with a peer": {
    context: "peer",
    queueBytesMax: 1_000,
    make: (link) =>
      new PeerTable({
        selfId: "n1",
        handshakeTimeoutMs: 1,
        queueBytesMax: limits.peerQueueBytesMax,
        partNoticeMs: 50,
        nowMs: () => 0,
        handler: new Recorder(),
        onDialBack() {},
        onReplaced() {},
        onLost() {},
      }).attach(link, nodeSender("n2") as NodeSender, "joining", []),
  },
  "for bulk": { context: "bulk", queueBytesMax: 2_000, make: (link) => void openBulkLink(link, limits, () => {}) },
};

describe.each(Object.entries(connected))("a connection %s", (_, { context, queueBytesMax, make }) => {
  test("takes a frame as long as one may be there, and none that is longer", () => {
    const [long, tooLong] = [openLink(), openLink()];
    for (const { link } of [long, tooLong]) make(link);
    long.announce(frameBytesMax(context));
    tooLong.announce(frameBytesMax(context) + 1);
    expect([long.link.isOpen, tooLong.link.isOpen]).toEqual([true, false]);
  });

  test("holds as much as may wait there, and is dropped with a byte more", () => {
    const { link, room } = openLink();
    make(link);
    room.bytes = 0;
    link.send(new Uint8Array(queueBytesMax - 10));
    link.send(new Uint8Array(10));
    expect([link.isOpen, link.queuedBytes]).toEqual([true, queueBytesMax]);
    link.send(new Uint8Array(1));
    expect(link.isOpen).toBe(false);
  });
});

test("a connection for bulk writes one piece in a turn, and one with a peer all that waits", () => {
  for (const [name, piece] of [
    ["for bulk", 300],
    ["with a peer", 900],
  ] as const) {
    const { link, written, turn } = openLink();
    connected[name]!.make(link);
    link.send(new Uint8Array(900));
    turn();
    expect(written.map(({ length }) => length)).toEqual([piece]);
  }
});

test("before the hello no frame is longer than a hello may be", () => {
  const failures: string[] = [];
  const greeting = (): Link =>
    new Greeting({
      expected: { cluster, self: "n1", meant: null, side: "accepted" },
      queueBytesMax: 100_000,
      flushTurn: new FlushTurn(() => {}),
      opening: null,
      onHello: () => null,
      onFailed: ({ reason }) => void failures.push(reason),
    }).link;
  const socket = {
    authorized: true,
    setNoDelay() {},
    setKeepAlive() {},
    getPeerX509Certificate: () => ({ subjectAltName: `URI:graft://${cluster}/node/n2` }),
    write: (_: Uint8Array, __: number, length: number) => length,
    shutdown() {},
  };
  const states = [0, 1].map((more) => {
    const link = greeting();
    link.socketOpened(socket as never);
    link.socketSecured(socket as never, null);
    const head = Buffer.alloc(4);
    head.writeUInt32BE(frameBytesMax("hello") + more);
    link.socketReceived(head);
    return link.isOpen;
  });
  expect(states).toEqual([true, false]);
});

test("a last word fits behind whatever waits", () => {
  const { link, room, written, turn } = openLink();
  connected["with a peer"]!.make(link);
  room.bytes = 0;
  link.send(new Uint8Array(1_000));
  const word = encodeFrame({ kind: "refused", code: "stopping", message: "n1 is stopping" });
  link.finish("it stops", word);
  room.bytes = 10_000;
  link.socketDrained();
  turn();
  expect(Buffer.concat(written).subarray(1_000).equals(word)).toBe(true);
});
