// At most one link per node: of one that was replaced nothing more is heard, whoever closes it, and when.
import { expect, test } from "bun:test";
import { decodeFrame, encodeFrame } from "../../../src/adapters/cbor/codec.ts";
import { FlushTurn } from "../../../src/adapters/tls/flush-turn.ts";
import { spareHandler } from "../../../src/adapters/tls/greeter.ts";
import { copiesFeature, type NodeSender } from "../../../src/adapters/tls/hello.ts";
import { Link } from "../../../src/adapters/tls/link.ts";
import { PeerTable } from "../../../src/adapters/tls/peer-table.ts";
import { toMemberKey } from "../../../src/core/configuration.ts";
import { incarnation, Recorder, timeoutNow } from "../../contracts/transport-harness.ts";
import { nodeSender } from "./tls-net.ts";

const n2 = nodeSender("n2") as NodeSender;
const key = toMemberKey("n2", incarnation);
/** The body of a frame. */
const message = (term: number): Buffer => Buffer.from(encodeFrame(timeoutNow(term)).slice(4));

function setUp({ nowMs }: { nowMs: () => number } = { nowMs: () => 0 }) {
  const heard = new Recorder();
  const told: string[] = [];
  const table = new PeerTable({
    selfId: "n1",
    handshakeTimeoutMs: 5_000,
    queueBytesMax: 1e6,
    partNoticeMs: 50,
    nowMs,
    handler: heard,
    onDialBack: (_, nonce) => void told.push(`dial back ${nonce}`),
    onReplaced: () => void told.push("replaced"),
    onLost: (id, _, livedMs) => void told.push(`lost ${id}${livedMs === 0 ? "" : ` after ${livedMs} ms`}`),
  });
  const linkOf = (side: "dialled" | "accepted"): Link => {
    const flushTurn = new FlushTurn(() => {});
    return new Link({ side, frameBytesMax: 1e6, queueBytesMax: 1e6, flushTurn, handler: spareHandler });
  };
  const attached = (side: "dialled" | "accepted"): Link => {
    const link = linkOf(side);
    table.attach(link, n2, "joining", []);
    return link;
  };
  return { heard, told, table, attached, linkOf };
}

test("what comes on a link that was replaced is not delivered, and its end is not that of the connection", () => {
  const { heard, told, table, attached } = setUp();
  const old = attached("dialled");
  old.handler.onFrame(message(1));
  const by = attached("accepted");
  old.handler.onFrame(message(2));
  old.handler.onFrame(Buffer.from(encodeFrame({ kind: "dialBack", nonce: "7" }).slice(4)));
  old.handler.onPart?.();
  old.handler.onClose({ kind: "closed", reason: "late" });
  by.handler.onFrame(message(3));
  expect([heard.terms, heard.parts, told]).toEqual([[1, 3], [], ["replaced"]]);
  expect([table.has("n2"), table.isConnected(key)]).toEqual([true, true]);
  by.handler.onPart?.();
  by.handler.onClose({ kind: "closed", reason: "gone" });
  expect([heard.parts, told, table.has("n2"), table.isConnected(key)]).toEqual([
    [key],
    ["replaced", "lost n2"],
    false,
    false,
  ]);
  expect(heard.story.at(-1)).toBe("-n2");
});

test("what comes behind the end is not delivered", () => {
  const { heard, attached } = setUp();
  const link = attached("accepted");
  link.handler.onClose({ kind: "closed", reason: "gone" });
  link.handler.onFrame(message(1));
  link.handler.onPart?.();
  expect([heard.terms, heard.parts]).toEqual([[], []]);
});

test("a second connection of the same process is surplus until the first one is older than any handshake", () => {
  let nowMs = 1_000_000;
  const { table, attached } = setUp({ nowMs: () => nowMs });
  // The one that stays of two that come at the same time: the smaller id has dialled it.
  attached("dialled");
  for (const [ageMs, verdict] of [
    [0, "surplus"],
    [5_000, "surplus"],
    [5_001, null],
  ] as const) {
    nowMs = 1_000_000 + ageMs;
    expect(table.objection(n2, "accepted")?.kind ?? null).toBe(verdict);
  }
});

test.each([
  [[copiesFeature], ["copyAsk", "timeoutNow"]],
  [["copies"], ["timeoutNow"]],
  [["copies-2"], ["timeoutNow"]],
])("messages about copies go to peers alone that make the hashes in the same way: %j", (features, sent) => {
  const { table, linkOf } = setUp();
  const link = linkOf("dialled");
  const frames: string[] = [];
  link.send = (frame) => void frames.push(decodeFrame(Buffer.from(frame.slice(4)), "peer").kind);
  table.attach(link, n2, "joining", features);
  table.send(key, { kind: "copyAsk", term: 1, at: 8 });
  table.send(key, timeoutNow(1));
  expect(frames).toEqual(sent);
});

test("how long a connection stood is told with its end", () => {
  let nowMs = 1_000_000;
  const { told, attached } = setUp({ nowMs: () => nowMs });
  const link = attached("dialled");
  nowMs += 199;
  link.handler.onClose({ kind: "closed", reason: "gone" });
  expect(told).toEqual(["lost n2 after 199 ms"]);
});

test("a connection that has replaced another one is as old as itself", () => {
  let nowMs = 1_000_000;
  const { told, table, attached } = setUp({ nowMs: () => nowMs });
  attached("accepted");
  nowMs += 60_000;
  const link = attached("dialled");
  nowMs += 10;
  expect(table.objection(n2, "accepted")?.kind).toBe("surplus");
  link.handler.onClose({ kind: "closed", reason: "gone" });
  expect(told).toEqual(["replaced", "lost n2 after 10 ms"]);
});
