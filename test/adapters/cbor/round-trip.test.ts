// Whatever is encoded comes back as it was, for every kind of frame; and what our own writer writes is what cbor-x
// would have written.
import { describe, expect, test } from "bun:test";
import { toMemberKey } from "../../../src/core/configuration.ts";
import { membersMax as configurationMembersMax } from "../../../src/core/next-configuration.ts";
import { decodeFrame, encodeFrame } from "../../../src/adapters/cbor/codec.ts";
import type { Frame } from "../../../src/adapters/cbor/frames.ts";
import { membersMax, messageLengthMax, operationsMax, payloadBytesMax } from "../../../src/adapters/cbor/limits.ts";
import { messageNumbers } from "../../../src/adapters/cbor/message-numbers.ts";
import type { ErrorReply } from "../../../src/ports/requests.ts";
import { decodePlain, type PlainItem } from "../../../src/adapters/cbor/plain-cbor.ts";
import { Draw } from "./draw.ts";
import { kinds, names } from "./frame-generator.ts";
import { encodePlain, type PlainInput } from "./plain-encoder.ts";

const framesPerKind = 300;
const bodyOf = (frame: Uint8Array): Uint8Array => frame.subarray(4);

/** Integers beyond 32 bits as BigInt, which is the form in which cbor-x writes them as integers. */
function forCborX(item: PlainItem): PlainInput {
  if (Array.isArray(item)) return (item as readonly PlainItem[]).map(forCborX);
  return typeof item === "number" && item >= 2 ** 32 ? BigInt(item) : item;
}

describe.each(names)("%s", (name) => {
  const [context, drawFrame] = kinds[name];
  const frames = Array.from({ length: framesPerKind }, (_, seed) => drawFrame(new Draw(seed)));

  test("comes back as it was sent", () => {
    for (const frame of frames) expect(decodeFrame(bodyOf(encodeFrame(frame)), context)).toStrictEqual(frame);
  });

  test("begins with its length and its number", () => {
    for (const frame of frames) {
      const bytes = encodeFrame(frame);
      expect(new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)).toBe(bytes.byteLength - 4);
      expect((decodePlain(bodyOf(bytes)) as readonly PlainItem[])[0]).toBe(messageNumbers[name]);
    }
  });

  test("is written as another encoder writes it", () => {
    for (const frame of frames) {
      const body = bodyOf(encodeFrame(frame));
      expect(encodePlain(forCborX(decodePlain(body)))).toEqual(new Uint8Array(body));
    }
  });
});

test("a decoded payload does not live in the receive buffer", () => {
  const sent: Frame = { kind: "command", id: 1, timeoutMs: 1000, payload: new Uint8Array([1, 2, 3]), session: null };
  const received = Buffer.from(bodyOf(encodeFrame(sent)));
  const decoded = decodeFrame(received, "request");
  received.fill(0xff);
  expect(decoded).toStrictEqual(sent);
  expect(decoded.kind === "command" && decoded.payload.constructor).toBe(Uint8Array);
});

test("an encoded frame does not change with the frames encoded after it", () => {
  const first = encodeFrame({ kind: "timeoutNow", term: 1 });
  const copy = first.slice();
  encodeFrame({ kind: "timeoutNow", term: 2 ** 40 });
  expect(first).toEqual(copy);
});

test("a payload of a mebibyte passes, one of the largest size as well, and one byte more does not leave", () => {
  for (const size of [1024 * 1024, payloadBytesMax]) {
    const payload = new Uint8Array(size).fill(0xa5);
    const command: Frame = { kind: "command", id: 2 ** 53 - 1, timeoutMs: 5000, payload, session: null };
    const decoded = decodeFrame(bodyOf(encodeFrame(command)), "request");
    expect(decoded.kind === "command" && Buffer.compare(decoded.payload, payload)).toBe(0);
  }
  const tooLarge: Frame = {
    kind: "command",
    id: 1,
    timeoutMs: 1,
    payload: new Uint8Array(payloadBytesMax + 1),
    session: null,
  };
  expect(() => encodeFrame(tooLarge)).toThrow(RangeError);
  expect(decodeFrame(bodyOf(encodeFrame({ kind: "stop", id: 7 })), "request")).toStrictEqual({ kind: "stop", id: 7 });
});

test("a batch of entries that no frame can carry does not leave", () => {
  const payload = new Uint8Array(payloadBytesMax);
  const entries = [1, 2].map(
    (index) => ({ kind: "command", index, term: 1, stampMs: 1, payload, session: null }) as const,
  );
  const batch: Frame = {
    kind: "appendEntries",
    term: 1,
    prev: { index: 0, term: 0 },
    entries,
    leaderCommit: 0,
    round: 1,
    freshAsOf: null,
    prevChain: 0,
    confirmed: 0,
    refill: null,
  };
  expect(() => encodeFrame(batch)).toThrow(RangeError);
  expect(encodeFrame({ ...batch, entries: entries.slice(1) }).byteLength).toBeGreaterThan(payloadBytesMax);
});

test("a list that its reader would not take does not leave", () => {
  const members = Array.from({ length: membersMax + 1 }, (_, i) => ({
    key: toMemberKey(`n${i}`, "a1"),
    address: "127.0.0.1:7401",
    priority: 0,
  }));
  const genesis = { clusterUuid: "0".repeat(32), members, foundedAtMs: 0 };
  expect(() => encodeFrame({ kind: "genesisNotice", genesis })).toThrow(RangeError);
  const founders = { ...genesis, members: members.slice(1) };
  expect(encodeFrame({ kind: "genesisNotice", genesis: founders })).toBeInstanceOf(Uint8Array);
});

test("the largest configuration that there may be, joint and with learners that wait, goes with a snapshot's offer", () => {
  expect(membersMax).toBe(configurationMembersMax);
  const keys = Array.from({ length: membersMax }, (_, i) => toMemberKey(`${"n".repeat(50)}${i}`, "a".repeat(32)));
  const members = keys.map((key) => ({ key, address: `${"h".repeat(200)}:7401`, priority: 0 }));
  const [voters, outgoing] = [keys.slice(0, 64), keys.slice(64)];
  const pending = [{ promote: outgoing, demote: voters.slice(32), remove: voters.slice(0, 32) }];
  const configuration = { members, voters, outgoing, leaving: outgoing, pending };
  const position = { index: 9, term: 1 };
  const placed = { position, configuration };
  const at = { position, stampMs: 1, chain: 1, bytes: 1, checksum: 1, origin: "a".repeat(64), file: "s1" };
  const snapshot = { ...at, configuration: placed, activation: null };
  const offer: Frame = { kind: "installSnapshot", term: 1, round: 1, confirmed: 0, refill: null, snapshot };
  expect(decodeFrame(bodyOf(encodeFrame(offer)), "peer")).toStrictEqual(offer);
});

test("operations that only people read are cut off, and not refused", () => {
  const commands = Array.from({ length: operationsMax + 1 }, (_, i) => `c${i}`);
  const reply: Frame = { kind: "describe", id: 1, name: "kv", version: "1", style: "typed", commands, queries: [] };
  const decoded = decodeFrame(bodyOf(encodeFrame(reply)), "reply");
  expect(decoded).toStrictEqual({ ...reply, commands: commands.slice(0, operationsMax) });
});

test("P57: text for people leaves on one line, printable and bounded", () => {
  const message = `first\nsecond\u001b[31m\u202ered\ud800 ${"x".repeat(5000)}`;
  const decoded = decodeFrame(bodyOf(encodeFrame({ kind: "refused", code: "busy", message })), "hello");
  if (decoded.kind !== "refused") throw new Error("another frame came back");
  expect(decoded.message).toStartWith("first second [31m red\ufffd xxx");
  expect(decoded.message.length).toBe(2048);
});

test("a text for people that is cut keeps its end, where the advice is", () => {
  const advice = "; let it join: graft cluster add n4 10.0.0.4:7401";
  const reply = {
    kind: "error",
    id: 1,
    code: "unavailable",
    message: "x".repeat(10_000) + advice,
    leader: null,
  } as const;
  const { message } = decodeFrame(bodyOf(encodeFrame(reply)), "reply") as ErrorReply;
  expect(message).toHaveLength(messageLengthMax);
  expect(message).toEndWith(advice);
  expect(message).toStartWith("xxx");
});

test("whom a node waits for is told with the whole remedy, of as many members as a cluster has", () => {
  const waitingFor = Array.from(
    { length: membersMax },
    (_, at) => `n${at}: ${"x".repeat(300)}: issue a new certificate`,
  );
  const reply = {
    kind: "status",
    id: 1,
    cluster: "demo",
    clusterUuid: null,
    node: "n1",
    leader: null,
    term: 1,
    commitIndex: 0,
    agreesThrough: null,
    plugin: null,
    nodes: [],
    waitingFor,
  } as const;
  expect(decodeFrame(bodyOf(encodeFrame(reply)), "reply")).toEqual(reply);
});
