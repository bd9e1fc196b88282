// What a peer that reads a snapshot here is answered, how much it may ask for at once, and for how long its file is kept.
import { expect, test } from "bun:test";
import { SnapshotServer } from "../../src/node/snapshot-server.ts";
import type { BulkMessage } from "../../src/ports/bulk-messages.ts";
import type { SnapshotStore } from "../../src/ports/snapshot-store.ts";
import type { BulkLink } from "../../src/ports/transport.ts";
import { afterMicrotasks } from "./cluster.ts";

type Read = SnapshotStore["read"];

function setUp(readFile: Read) {
  const logs: string[] = [];
  const read: Read = (...asked) => readFile(...asked);
  const server = new SnapshotServer({ read } as SnapshotStore, {
    enabled: () => true,
    log: (_, message, fields) =>
      void logs.push(`${message}: ${String(fields?.["peer"])} ${String(fields?.["reason"])}`),
  });
  const connect = (id: string) => {
    const sent: BulkMessage[] = [];
    const ends: string[] = [];
    const link = {
      isOpen: true as boolean,
      queuedBytes: 0,
      onMessage: null as ((message: BulkMessage) => void) | null,
      onClose: null as ((reason: string) => void) | null,
      send: (message: BulkMessage) => void sent.push(message),
      close: (reason: string) => {
        link.isOpen = false;
        ends.push(reason);
      },
    } satisfies BulkLink;
    server.serve({ id, incarnation: "disk", bootId: "boot" }, link);
    const ask = (offset: number, file = "f") => link.onMessage!({ kind: "snapshotRead", file, offset, bytesMax: 10 });
    return { link, sent, ends, ask };
  };
  return { server, connect, logs };
}

const held = () => {
  const waiting: ((bytes: Uint8Array) => void)[] = [];
  const read: Read = () => new Promise((resolve) => void waiting.push(resolve));
  return { read, waiting };
};

test("each read is answered with the bytes of its place, in the order of the reads, one after the other", async () => {
  const { read, waiting } = held();
  const { server, connect } = setUp(read);
  const { sent, ask } = connect("n2");
  expect([server.filesInUse, server.sentTo("n2")]).toEqual([[], null]);
  for (const offset of [0, 10, 20]) ask(offset);
  await afterMicrotasks();
  expect([waiting.length, server.sentTo("n2")]).toEqual([1, 0]);
  for (let nth = 0; nth < 3; nth++) {
    waiting[nth]!(new Uint8Array(10 - nth));
    await afterMicrotasks();
  }
  expect(sent.map((each) => each.kind === "snapshotChunk" && [each.offset, each.bytes.byteLength])).toEqual([
    [0, 10],
    [10, 9],
    [20, 8],
  ]);
  expect([server.sentTo("n2"), server.sentTo("n3"), server.filesInUse]).toEqual([28, null, ["f"]]);
  ask(30);
  await afterMicrotasks();
  expect(waiting).toHaveLength(4);
});

test("sixteen reads may wait behind the one that is answered, and no more", async () => {
  const { read } = held();
  const { connect } = setUp(read);
  const { ends, ask } = connect("n2");
  for (let nth = 0; nth < 17; nth++) ask(nth);
  await afterMicrotasks();
  expect(ends).toEqual([]);
  ask(17);
  expect(ends).toEqual(["too many reads at once"]);
});

test("a link that closes is read for no longer, and lets go of its file", async () => {
  const { read, waiting } = held();
  const { server, connect } = setUp(read);
  const [gone, other] = [connect("n2"), connect("n3")];
  gone.ask(0, "old");
  gone.ask(10, "old");
  other.ask(0, "new");
  await afterMicrotasks();
  expect(server.filesInUse).toEqual(["old", "new"]);
  gone.link.isOpen = false;
  gone.link.onClose!("cut");
  expect([server.filesInUse, server.sentTo("n2")]).toEqual([["new"], null]);
  waiting[0]!(new Uint8Array(10));
  await afterMicrotasks();
  expect(waiting).toHaveLength(2);
});

test("what is not there, or cannot be read, is said to be gone, and the next read is answered", async () => {
  let nth = 0;
  const { connect, logs } = setUp(() => {
    nth++;
    if (nth === 1) return Promise.resolve(null);
    return nth === 2 ? Promise.reject(new Error("the disk is broken")) : Promise.resolve(new Uint8Array(3));
  });
  const { sent, ask } = connect("n2");
  for (const offset of [0, 10, 20]) ask(offset);
  await afterMicrotasks();
  expect(sent).toMatchObject([
    { kind: "snapshotGone", file: "f", reason: "there is no such file" },
    { kind: "snapshotGone", file: "f", reason: "it cannot be read" },
    { kind: "snapshotChunk", offset: 20 },
  ]);
  expect(logs).toEqual(["a snapshot cannot be read: n2 the disk is broken"]);
});

test("only reads are answered", () => {
  const { connect } = setUp(held().read);
  const { link, ends } = connect("n2");
  link.onMessage!({ kind: "snapshotChunk", offset: 0, bytes: new Uint8Array(1) });
  expect(ends).toEqual(["only reads are answered here"]);
});

test("the file that a peer reads now is kept for it, and the one that it read before is not", async () => {
  const { server, connect } = setUp(async () => new Uint8Array(10));
  const { ask } = connect("n2");
  ask(0, "old");
  await afterMicrotasks();
  ask(0, "new");
  await afterMicrotasks();
  expect(server.filesInUse).toEqual(["new"]);
});
