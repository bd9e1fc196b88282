// What comes on a connection for bulk, one message after the other, and how long a silent side is waited for.
import { expect, test } from "bun:test";
import { BulkInbox } from "../../src/node/bulk-inbox.ts";
import type { BulkLink } from "../../src/ports/transport.ts";
import type { BulkMessage } from "../../src/ports/bulk-messages.ts";
import { ManualClock } from "../doubles/manual-clock.ts";
import { afterMicrotasks } from "./cluster.ts";

const piece = (offset: number): BulkMessage => ({ kind: "snapshotChunk", offset, bytes: new Uint8Array(1) });

function setUp() {
  const clock = new ManualClock();
  const link: BulkLink = { onMessage: null, onClose: null, isOpen: true, queuedBytes: 0, send() {}, close() {} };
  const inbox = new BulkInbox(link, clock);
  /** The next message, in words, once it is there. */
  const heard: string[] = [];
  const next = (): void => {
    inbox.next().then(
      (message) => void heard.push(message.kind === "snapshotChunk" ? `piece ${message.offset}` : message.kind),
      (error: Error) => void heard.push(error.message),
    );
  };
  const advance = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await afterMicrotasks();
  };
  return { clock, link, heard, next, advance };
}

test("messages come in their order, those that arrived before they were asked for too", async () => {
  const { clock, link, heard, next, advance } = setUp();
  link.onMessage!(piece(1));
  link.onMessage!(piece(2));
  for (let times = 0; times < 3; times++) {
    next();
    await advance(0);
  }
  expect(heard).toEqual(["piece 1", "piece 2"]);
  link.onMessage!(piece(3));
  await advance(0);
  expect([heard.at(-1), clock.pendingTimers]).toEqual(["piece 3", 0]);
});

test("a side that says nothing for ten seconds is waited for no longer, and each message gives it ten more", async () => {
  const { clock, link, heard, next, advance } = setUp();
  next();
  await advance(9_999);
  expect(heard).toEqual([]);
  link.onMessage!(piece(1));
  await advance(0);
  next();
  await advance(9_999);
  expect(heard).toEqual(["piece 1"]);
  await advance(1);
  expect(heard).toEqual(["piece 1", "nothing came for 10000 ms"]);
  expect(clock.pendingTimers).toBe(0);
});

test("the end of the connection ends the wait, and comes behind what had arrived", async () => {
  const { clock, link, heard, next, advance } = setUp();
  next();
  await advance(0);
  link.onClose!("it is gone");
  await advance(0);
  expect([heard, clock.pendingTimers]).toEqual([["the connection was closed: it is gone"], 0]);
  link.onMessage!(piece(1));
  for (let times = 0; times < 2; times++) {
    next();
    await advance(0);
  }
  expect(heard.slice(1)).toEqual(["piece 1", "the connection was closed: it is gone"]);
});
