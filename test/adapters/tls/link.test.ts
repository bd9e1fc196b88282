// What one link owes its handler and its socket: one end, and reading that stops for as long as anybody wants it to.
import { beforeEach, expect, test } from "bun:test";
import { FlushTurn } from "../../../src/adapters/tls/flush-turn.ts";
import { Link, type LinkSocket } from "../../../src/adapters/tls/link.ts";

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
