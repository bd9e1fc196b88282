// What a connection for bulk carries, and what its owner hears of its end, without any network.
import { expect, test } from "bun:test";
import { decodeFrame, encodeFrame } from "../../../src/adapters/cbor/codec.ts";
import type { Frame } from "../../../src/adapters/cbor/frames.ts";
import { openBulkLink } from "../../../src/adapters/tls/bulk-link.ts";
import { refused } from "../../../src/adapters/tls/hello.ts";
import { defaultLimits } from "../../../src/adapters/tls/limits.ts";
import type { BulkMessage } from "../../../src/ports/bulk-messages.ts";
import { timeoutNow } from "../../contracts/transport-harness.ts";
import { openLink } from "./open-link.ts";

const read = (offset: number): BulkMessage => ({ kind: "snapshotRead", file: "f", offset, bytesMax: 1 });

function setUp() {
  const opened = openLink();
  const told: string[] = [];
  const messages: BulkMessage[] = [];
  const bulk = openBulkLink(opened.link, defaultLimits, () => void told.push("ended"));
  bulk.onMessage = (message) => void messages.push(message);
  bulk.onClose = (reason) => void told.push(reason);
  const receive = (frame: Frame): void => opened.link.socketReceived(Buffer.from(encodeFrame(frame)));
  const sent = (): readonly Frame[] => {
    opened.turn();
    const bytes = Buffer.concat(opened.written);
    const frames: Frame[] = [];
    for (let at = 0; at < bytes.length;) {
      const end = at + 4 + bytes.readUInt32BE(at);
      frames.push(decodeFrame(bytes.subarray(at + 4, end), "bulk"));
      at = end;
    }
    return frames;
  };
  return { ...opened, bulk, told, messages, receive, sent };
}

test("messages travel in their order, either way", () => {
  const { bulk, messages, receive, sent } = setUp();
  for (const offset of [1, 2, 3]) {
    receive(read(offset));
    bulk.send(read(10 * offset));
  }
  expect(messages).toEqual([read(1), read(2), read(3)]);
  expect(sent()).toEqual([read(10), read(20), read(30)]);
});

test("a message is dropped while nobody listens, and the connection stays", () => {
  const { bulk, messages, receive } = setUp();
  bulk.onMessage = null;
  receive(read(1));
  expect([bulk.isOpen, messages]).toEqual([true, []]);
});

test("the other side's last word is the reason of the end, and what was queued before it still leaves", () => {
  const { link, bulk, told, messages, receive, sent } = setUp();
  bulk.send(read(1));
  receive(refused("stopping", "n2 is stopping"));
  expect([bulk.isOpen, link.isFinishing, messages]).toEqual([false, true, []]);
  bulk.send(read(2));
  expect(sent()).toEqual([read(1)]);
  link.socketClosed(undefined);
  expect(told).toEqual(["ended", "n2 is stopping"]);
});

test("a frame that does not belong there is answered with its refusal, and the reason says whose it is", () => {
  const { link, told, receive, sent } = setUp();
  receive(timeoutNow(1));
  const [answer] = sent();
  expect(answer).toMatchObject({ kind: "refused", code: "not-allowed" });
  const { message } = answer as ReturnType<typeof refused>;
  link.socketClosed(undefined);
  expect(told).toEqual(["ended", `it was refused: ${message}`]);
});

test("what is queued leaves before the connection is closed, with the reason that its owner gives", () => {
  const { link, bulk, told, sent } = setUp();
  for (const offset of [1, 2]) bulk.send(read(offset));
  bulk.close("all is here");
  expect([bulk.isOpen, link.isFinishing]).toEqual([false, true]);
  expect(sent()).toEqual([read(1), read(2)]);
  link.socketClosed(undefined);
  link.socketClosed(undefined);
  expect(told).toEqual(["ended", "all is here"]);
});
