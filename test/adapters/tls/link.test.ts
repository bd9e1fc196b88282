// What one link owes its handler and its socket: one end, and reading that stops for as long as anybody wants it to.
import { beforeEach, expect, test } from "bun:test";
import { FlushTurn } from "../../../src/adapters/tls/flush-turn.ts";
import { Link, type LinkSocket } from "../../../src/adapters/tls/link.ts";

let calls: string[] = [];
let ends: string[] = [];
let link: Link;
beforeEach(() => {
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
    terminate: () => void calls.push("terminate"),
  } as unknown as LinkSocket;
  link.socketOpened(socket);
  link.socketSecured(socket, null);
});

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
