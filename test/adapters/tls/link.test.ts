// What one link owes its handler and its socket: one end, and reading that stops for as long as anybody wants it to.
import { beforeEach, describe, expect, test } from "bun:test";
import { array, assert, constantFrom, property } from "fast-check";
import { FlushTurn } from "../../../src/adapters/tls/flush-turn.ts";
import { Link, type LinkSocket } from "../../../src/adapters/tls/link.ts";
import { brokenHandshake } from "../../../src/adapters/tls/tls-words.ts";

let calls: string[] = [];
let ends: string[] = [];
let link: Link;
function renew(): void {
  [calls, ends] = [[], []];
  const handler = {
    onTrusted() {},
    onFrame() {},
    onBadFrame() {},
    onClose: ({ reason }: { readonly reason: string }) => void ends.push(reason),
  };
  const onEnded = (): void => void ends.push("ended");
  link = new Link({
    side: "accepted",
    frameBytesMax: 10,
    queueBytesMax: 1e9,
    flushTurn: new FlushTurn(() => {}),
    handler,
    onEnded,
  });
  const socket = {
    authorized: true,
    setNoDelay() {},
    setKeepAlive() {},
    getPeerX509Certificate() {},
    pause: () => void calls.push("pause"),
    resume: () => void calls.push("resume"),
    shutdown: () => void calls.push("shutdown"),
    terminate: () => void calls.push("terminate"),
  } as unknown as LinkSocket;
  link.socketOpened(socket);
  link.socketSecured(socket, null);
}
beforeEach(renew);

test("is read from again when all have resumed that have paused it", () => {
  link.pause();
  link.pause();
  link.resume();
  expect(calls).toEqual(["pause"]);
  link.resume();
  expect(calls).toEqual(["pause", "resume"]);
});

test("ends once, for the reason that was known first, and not from inside the call that drops it", async () => {
  link.drop("too slow");
  link.drop("something else");
  expect([calls, ends]).toEqual([[], []]);
  await Promise.resolve();
  expect(calls).toEqual(["terminate"]);
  link.socketClosed(undefined);
  link.socketClosed(new Error("reset"));
  link.neverOpened({ kind: "closed", reason: "late" });
  expect(ends).toEqual(["too slow", "ended"]);
});

test("says its last word also when no frame fits behind what waits, and ends behind it", () => {
  const written: number[] = [];
  const free = { bytes: 0 };
  const socket = {
    authorized: true,
    setNoDelay() {},
    setKeepAlive() {},
    getPeerX509Certificate() {},
    write: (buffer: Uint8Array, offset: number, length: number) => {
      const taken = Math.min(length, free.bytes);
      free.bytes -= taken;
      written.push(...buffer.subarray(offset, offset + taken));
      return taken;
    },
    shutdown: () => void calls.push("shutdown"),
    terminate: () => void calls.push("terminate"),
  } as unknown as LinkSocket;
  const handler = { onTrusted() {}, onFrame() {}, onBadFrame() {}, onClose() {} };
  const flushTurn = new FlushTurn(() => {});
  const full = new Link({ side: "accepted", frameBytesMax: 10, queueBytesMax: 4, flushTurn, handler });
  full.socketOpened(socket);
  full.socketSecured(socket, null);
  full.send(Uint8Array.of(1, 2, 3, 4));
  expect(full.hasRoomFor(1)).toBe(false);
  full.finish("it does not fit", Uint8Array.of(5, 6));
  expect([written, calls]).toEqual([[], []]);
  free.bytes = 5;
  full.socketDrained();
  expect([written, calls]).toEqual([[1, 2, 3, 4, 5], []]);
  free.bytes = 5;
  full.socketDrained();
  expect([written, calls]).toEqual([[1, 2, 3, 4, 5, 6], ["shutdown"]]);
});

test("lets go of a frame that has come in part as soon as it delivers nothing more", () => {
  for (const end of [() => link.finish("the last word", null), () => link.drop("too slow")]) {
    link.socketReceived(Buffer.from([0, 0, 0, 9, 1, 2]));
    expect(link.arrivingBytes).toBeGreaterThan(0);
    end();
    expect([link.arrivingBytes, link.isMidFrame, link.isOpen]).toEqual([0, false, false]);
    renew();
  }
});

describe("a link before and behind its conversation", () => {
  /** A link whose handler and socket note what they are told; the socket takes `room` bytes. */
  function setUp(authorized = true) {
    const seen: string[] = [];
    const room = { bytes: Number.POSITIVE_INFINITY };
    const handler = {
      onTrusted: () => void seen.push("trusted"),
      onFrame: (body: Buffer) => void seen.push(`frame ${body.length}`),
      onBadFrame: () => void seen.push("bad frame"),
      onPart: () => void seen.push("part"),
      onSent: () => void seen.push("sent"),
      onClose: ({ kind, reason }: { readonly kind: string; readonly reason: string }) =>
        void seen.push(`closed ${kind}: ${reason}`),
    };
    const flushes: (() => void)[] = [];
    const flushTurn = new FlushTurn((callback) => void flushes.push(callback));
    const made = new Link({ side: "accepted", frameBytesMax: 10, queueBytesMax: 100, flushTurn, handler });
    const socket = {
      authorized,
      remoteAddress: "10.0.0.9",
      getAuthorizationError: () => Object.assign(new Error("expired"), { code: "CERT_HAS_EXPIRED" }),
      setNoDelay: (isOn: boolean) => void seen.push(`no delay ${isOn}`),
      setKeepAlive: (isOn: boolean, ms: number) => void seen.push(`keep alive ${isOn} ${ms}`),
      getPeerX509Certificate() {},
      write: (_: Uint8Array, __: number, length: number) => {
        const taken = Math.min(length, room.bytes);
        room.bytes -= taken;
        seen.push(`write ${taken} of ${length}`);
        return taken;
      },
      pause: () => void seen.push("pause"),
      resume: () => void seen.push("resume"),
      shutdown: () => void seen.push("shutdown"),
      terminate: () => void seen.push("terminate"),
    } as unknown as LinkSocket;
    const open = (): void => {
      made.socketOpened(socket);
      made.socketSecured(socket, null);
      seen.length = 0;
    };
    const turn = (): void => {
      for (const callback of flushes.splice(0)) callback();
    };
    return { seen, room, made, socket, open, turn };
  }

  test("is trusted once, and its socket is set up for small frames and for hosts that vanish", () => {
    const { seen, made, socket } = setUp();
    expect(made.remoteAddress).toBe("unknown");
    made.socketOpened(socket);
    expect([made.remoteAddress, made.isOpen]).toEqual(["10.0.0.9", false]);
    made.socketSecured(socket, null);
    made.socketSecured(socket, null);
    expect(seen).toEqual(["no delay true", "keep alive true 10000", "trusted"]);
  });

  test("is ended within the handshake's own callback when the certificate is not accepted", () => {
    const { seen, made, socket } = setUp(false);
    made.socketOpened(socket);
    made.socketSecured(socket, null);
    expect(seen).toEqual(["terminate"]);
    made.send(new Uint8Array(3));
    made.socketReceived(Buffer.from([0, 0, 0, 1, 7]));
    made.socketClosed(undefined);
    expect(seen).toEqual(["terminate", "closed untrusted: the other side's certificate has expired"]);
  });

  test("that ends before it is trusted has a broken handshake, with an error or without", () => {
    for (const error of [undefined, new Error("reset")]) {
      const { seen, made, socket } = setUp();
      made.socketOpened(socket);
      made.socketClosed(error);
      expect(seen).toEqual([`closed unreachable: ${brokenHandshake.reason}`]);
    }
  });

  test("carries nothing before it is trusted, and nothing behind its last word", () => {
    const { seen, made, open, turn } = setUp();
    made.send(new Uint8Array(5));
    made.socketReceived(Buffer.from([0, 0, 0, 1, 7]));
    expect([made.framesQueued, made.bytesReceived]).toEqual([0, 0]);
    open();
    made.finish("first", new Uint8Array(6));
    made.finish("second", new Uint8Array(7));
    made.send(new Uint8Array(8));
    made.socketReceived(Buffer.from([0, 0, 0, 1, 7]));
    turn();
    expect([made.isOpen, made.isFinishing, made.framesQueued]).toEqual([false, true, 0]);
    made.socketClosed(undefined);
    expect(seen).toEqual(["write 6 of 6", "sent", "shutdown", "closed closed: first"]);
  });

  test("is dropped by a last word before the handshake, and its socket is ended also when it opens later", async () => {
    const { seen, made, socket } = setUp();
    made.finish("it stops", new Uint8Array(6));
    await Promise.resolve();
    expect(seen).toEqual(["closed closed: it stops"]);
    made.socketOpened(socket);
    expect(seen.at(-1)).toBe("terminate");
  });

  test("counts what comes: a sign of life is a frame, and is delivered to nobody; a part is told as one", () => {
    const { seen, made, open } = setUp();
    open();
    made.socketReceived(Buffer.from([0, 0, 0, 0, 0, 0, 0, 2, 1, 1, 0, 0]));
    expect([made.bytesReceived, made.framesReceived, made.isMidFrame]).toEqual([12, 2, true]);
    expect(seen).toEqual(["frame 2", "part"]);
    made.socketReceived(Buffer.from([0, 1, 9]));
    expect([made.bytesReceived, made.framesReceived, made.isMidFrame]).toEqual([15, 3, false]);
    expect(seen.slice(2)).toEqual(["frame 1"]);
    made.socketReceived(Buffer.from([0, 0, 0, 11]));
    expect(seen.at(-1)).toBe("bad frame");
  });

  test("waits for the socket that has taken less than it was given, and then writes on", () => {
    const { seen, room, made, open, turn } = setUp();
    open();
    room.bytes = 4;
    made.send(new Uint8Array(10));
    turn();
    made.send(new Uint8Array(10));
    turn();
    expect([seen.splice(0), made.queuedBytes, made.bytesSent]).toEqual([["write 4 of 10", "sent"], 16, 4]);
    made.socketDrained();
    expect(seen.splice(0)).toEqual(["write 0 of 16"]);
    room.bytes = 100;
    made.socketDrained();
    expect([seen, made.queuedBytes, made.bytesSent, made.framesQueued]).toEqual([["write 16 of 16", "sent"], 0, 20, 2]);
  });

  test("writes pieces only while its bounds say so", () => {
    const { seen, made, open, turn } = setUp();
    open();
    made.setBounds({ frameBytesMax: 10, queueBytesMax: 100, pieceBytesMax: 6 });
    made.send(new Uint8Array(10));
    turn();
    turn();
    made.setBounds({ frameBytesMax: 10, queueBytesMax: 100 });
    made.send(new Uint8Array(10));
    turn();
    expect(seen.filter((line) => line !== "sent")).toEqual(["write 6 of 6", "write 4 of 4", "write 10 of 10"]);
  });

  test("counts in its tally until it is dropped, and can still be asked then how much waited", async () => {
    const { room, made, open, turn } = setUp();
    open();
    room.bytes = 0;
    const tally = { bytes: 5 };
    made.setBounds({ frameBytesMax: 10, queueBytesMax: 100, tally });
    made.send(new Uint8Array(10));
    turn();
    expect(tally.bytes).toBe(15);
    made.drop("too slow");
    expect([tally.bytes, made.queuedBytes]).toEqual([5, 10]);
    made.socketClosed(undefined);
    expect([tally.bytes, made.queuedBytes]).toEqual([5, 0]);
  });

  test("is dropped by a frame that does not fit, with the number of bytes that wait", () => {
    const { seen, room, made, open } = setUp();
    open();
    room.bytes = 0;
    made.send(new Uint8Array(60));
    made.send(new Uint8Array(40));
    expect(made.isOpen).toBe(true);
    made.send(new Uint8Array(1));
    expect([made.isOpen, made.framesQueued]).toEqual([false, 2]);
    made.socketClosed(undefined);
    expect(seen.at(-1)).toBe("closed closed: the other side is too slow: 100 bytes wait for it");
  });

  test("is not read from again once it is closed", () => {
    const { seen, made, open } = setUp();
    open();
    made.pause();
    made.drop("too slow");
    made.resume();
    expect(seen).toEqual(["pause"]);
  });
});

describe("a link that several things end", () => {
  const failed = Object.assign(new Error("reset"), { code: "ECONNRESET" });
  /** Each way, and the reason that it gives. */
  const ways: readonly (readonly [string, (of: Link) => void])[] = [
    ["the last word", (of) => of.finish("the last word", null)],
    ["too slow", (of) => of.drop("too slow")],
    [brokenHandshake.reason, (of) => of.socketFailed(failed)],
    ["the other side closed the connection", (of) => of.socketClosed(undefined)],
    ["the connection broke (ECONNRESET)", (of) => of.socketClosed(failed)],
  ];

  test("ends once, for the reason that was known first, whatever comes behind it", () => {
    assert(
      property(array(constantFrom(...ways), { minLength: 1, maxLength: 5 }), (sequence) => {
        renew();
        for (const [, end] of sequence) end(link);
        link.socketClosed(undefined);
        expect(ends).toEqual([sequence[0]![0], "ended"]);
      }),
    );
  });
});

test("an error of its handler that is no bad frame passes through: it is a fault of this program", () => {
  link.handler = {
    ...link.handler,
    onFrame() {
      throw new TypeError("broken");
    },
  };
  expect(() => link.socketReceived(Buffer.from([0, 0, 0, 1, 7]))).toThrow("broken");
  expect([link.isOpen, ends]).toEqual([true, []]);
});
