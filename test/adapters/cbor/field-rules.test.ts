// The schema behind the profile: a frame of good CBOR whose fields are not what the protocol says is refused, and the
// refusal names the field.
import { describe, expect, test } from "bun:test";
import { BadFrame, decodeFrame, type FrameContext } from "../../../src/adapters/cbor/codec.ts";
import { termMax } from "../../../src/adapters/cbor/limits.ts";
import { allowedNames, type MessageName, messageNumbers } from "../../../src/adapters/cbor/message-numbers.ts";
import { decodePlain } from "../../../src/adapters/cbor/plain-cbor.ts";
import { kinds, names } from "./frame-generator.ts";
import { goldenFrames } from "./golden-frames.ts";
import { encodePlain, type PlainInput } from "./plain-encoder.ts";

/** A path into the frame: the item to put something else into. */
type Path = readonly number[];

const wide = (item: PlainInput): PlainInput => {
  if (Array.isArray(item)) return (item as readonly PlainInput[]).map(wide);
  return typeof item === "number" && item >= 2 ** 32 ? BigInt(item) : item;
};

/** The golden frame of that name with one item replaced. */
function altered(name: MessageName, path: Path, by: PlainInput): Uint8Array {
  const items = structuredClone(decodePlain(Buffer.from(goldenFrames[name].hex, "hex").subarray(4))) as PlainInput;
  const replace = (item: PlainInput, [at, ...rest]: Path): PlainInput => {
    if (at === undefined) return by;
    return (item as readonly PlainInput[]).map((each, index) => (index === at ? replace(each, rest) : each));
  };
  return encodePlain(wide(replace(items, path)));
}

function refusal(body: Uint8Array, context: FrameContext): BadFrame | null {
  try {
    decodeFrame(body, context);
    return null;
  } catch (error) {
    if (error instanceof BadFrame) return error;
    throw error;
  }
}

const codeHash = "ab".repeat(32);
const member = ["n1", "a1", "127.0.0.1:7401", 0];
const command = (term: number, stampMs: number): PlainInput => [term, 0, stampMs, new Uint8Array([1])];
const configuration = (members: PlainInput, voters: PlainInput, pending: PlainInput = []): PlainInput => [
  8,
  2,
  5,
  [members, voters, [], [], pending],
];

const rules: readonly (readonly [MessageName, Path, PlainInput, fault: string])[] = [
  ["hello", [1], 0x1_0000, "hello.versionMin: out of range"],
  ["hello", [1], 3, "hello.versionMax: below hello.versionMin"],
  ["hello", [3], Array.from({ length: 33 }, (_, i) => `f${i}`), "hello.features: more than 32"],
  ["hello", [3], ["a", "a"], "hello.features: one of them twice"],
  ["hello", [4], "a cluster", "hello.cluster: not of its form"],
  ["hello", [4], "", "hello.cluster: not of its form"],
  ["hello", [4], "x".repeat(65), "hello.cluster: longer than 64 characters"],
  ["hello", [4], new Uint8Array([100]), "hello.cluster: not a text"],
  ["hello", [5], [4, "n1"], "hello.sender: not an array of 6"],
  ["hello", [5], [2, "n1"], "hello.sender: not an array of 7"],
  ["hello", [5], [2, "n1", "a1", "c3", "a:1", null, "0011"], "hello.sender.nonce: not of its form"],
  ["hello", [5, 0], 4, "hello.sender.role: not one of its values"],
  ["hello", [5], [1, "n1", null], "hello.sender: not an array of 2"],
  ["hello", [5, 1], "../n1", "hello.sender.id: not of its form"],
  ["hello", [5, 2], "a@1", "hello.sender.incarnation: not of its form"],
  ["hello", [5, 3], null, "hello.sender.bootId: not a text"],
  ["hello", [5, 4], "n1", "hello.sender.address: not of its form"],
  ["hello", [5, 5, 0], "00112233445566778899AABBCCDDEEFF", "genesis.clusterUuid: not of its form"],
  ["hello", [5, 5, 0], "0011", "genesis.clusterUuid: not of its form"],
  ["hello", [5, 5, 1], [], "genesis.members: empty"],
  ["hello", [5, 5, 1], [member, member], "genesis.members: one of them twice"],
  ["hello", [5, 5, 1, 0, 2], "127.0.0.1", "genesis.members.address: not of its form"],
  ["hello", [5, 5, 1, 0, 2], "127.0.0.1:65536", "genesis.members.address: not of its form"],
  ["hello", [5, 5, 1, 0, 2], "a b:1", "genesis.members.address: not of its form"],
  ["hello", [5, 5, 1, 0, 3], 2 ** 31, "genesis.members.priority: not an integer of 32 bits"],
  ["hello", [5, 5, 2], 8_640_000_000_000_001, "genesis.foundedAtMs: out of range"],
  ["hello", [7], "0.1\n.0", "hello.software: not of its form"],
  ["refused", [1], "no-such-code", "refused.code: not one of its values"],
  ["refused", [2], "\u001b[2J", "refused.message: not of its form"],
  ["refused", [2], "\u202e", "refused.message: not of its form"],
  ["refused", [2], "x".repeat(2049), "refused.message: longer than 2048 characters"],
  ["requestVote", [1], -1, "requestVote.term: not an unsigned integer"],
  ["requestVote", [1], 0, "requestVote.term: out of range"],
  ["requestVote", [1], "8", "requestVote.term: not an unsigned integer"],
  ["requestVote", [3], 9, "requestVote.last.term: later than the message's"],
  ["requestVote", [3], 0, "requestVote.last: neither an entry nor the start"],
  ["requestVote", [2], 0, "requestVote.last: neither an entry nor the start"],
  ["requestVote", [4], 1, "requestVote.transfer: not a boolean"],
  ["requestPreVoteReply", [3], null, "requestPreVoteReply.granted: not a boolean"],
  ["appendEntries", [6], null, "entries: not an array"],
  ["appendEntries", [6], [[8, 0, 1]], "entry: not an array of 4"],
  ["appendEntries", [6], [[8, 9, 1, null]], "entry.kind: not one of its values"],
  ["appendEntries", [6], [[8, 6, 1, null]], "entry: not an array of 2"],
  ["appendEntries", [6], [[8, 6, 1, [["", "1", codeHash], false]]], "entry.plugin.name: not of its form"],
  ["appendEntries", [6], [[8, 6, 1, [["kv", "1\n", codeHash], false]]], "entry.plugin.version: not of its form"],
  ["appendEntries", [6], [[8, 6, 1, [["kv", "1", "ab"], false]]], "entry.plugin.hash: not of its form"],
  ["appendEntries", [6], [[8, 6, 1, [["kv", "1", codeHash], 0]]], "entry.replaces: not a boolean"],
  ["appendEntries", [6], [[8, 3, 1, new Uint8Array()]], "entry: not an array of 8"],
  ["appendEntries", [6], [[8, 0, 1, new Uint8Array(), 1, 1, 1]], "entry: not an array of 4"],
  ["appendEntries", [6], [[8, 3, 1, new Uint8Array(), 0, 1, 1, "a"]], "entry.session: out of range"],
  ["appendEntries", [6], [[8, 3, 1, new Uint8Array(), 1, 0, 1, "a"]], "entry.sequence: out of range"],
  ["appendEntries", [6], [[8, 3, 1, new Uint8Array(), 1, 2, 3, "a"]], "entry.answeredBelow: out of range"],
  ["appendEntries", [6], [[8, 3, 1, new Uint8Array(), 1, 2, 0, "a"]], "entry.answeredBelow: out of range"],
  ["appendEntries", [6], [[8, 3, 1, new Uint8Array(), 1, 2, 1, "a b"]], "entry.client: not of its form"],
  ["appendEntries", [6], [[8, 4, 1, 0, true, "a"]], "entry.timeoutMs: out of range"],
  ["appendEntries", [6], [[8, 4, 1, 86_400_001, true, "a"]], "entry.timeoutMs: out of range"],
  ["appendEntries", [6], [[8, 4, 1, 1, 1, "a"]], "entry.isAdmin: not a boolean"],
  ["appendEntries", [6], [[8, 4, 1, 1, true, ""]], "entry.client: not of its form"],
  ["appendEntries", [6], [[8, 5, 1, 0, "a"]], "entry.session: out of range"],
  ["appendEntries", [6], [[8, 5, 1, 1, null]], "entry.client: not a text"],
  ["appendEntries", [6], [[8, 0, 1, null]], "entry.payload: not a byte string"],
  ["appendEntries", [6], [[8, 0, 1, "text"]], "entry.payload: not a byte string"],
  ["appendEntries", [6], [[8, 1, 1, new Uint8Array()]], "entry: a noop with content"],
  ["appendEntries", [6], [command(6, 1)], "entry.term: out of order"],
  ["appendEntries", [6], [command(9, 1)], "entry.term: out of order"],
  ["appendEntries", [6], [command(8, 1), command(7, 1)], "entry.term: out of order"],
  ["appendEntries", [6], [command(8, 2), command(8, 1)], "entry.stampMs: out of order"],
  ["appendEntries", [6], [command(8, 8_640_000_000_000_001)], "entry.stampMs: out of range"],
  ["appendEntries", [6], [configuration([], [])], "configuration.members: empty"],
  ["appendEntries", [6], [configuration([member], [])], "configuration: without voters"],
  ["appendEntries", [6], [configuration([member], [["n1", "zz"]])], "configuration: lists a node that is no member"],
  [
    "appendEntries",
    [6],
    [configuration([member], [["n1", "a1"]], [[[["n1", "zz"]], [], []]])],
    "configuration: lists a node that is no member",
  ],
  [
    "appendEntries",
    [6],
    [configuration([member], [["n1", "a1"]], [[[], [], []]])],
    "configuration.pending: waits for nobody",
  ],
  [
    "appendEntries",
    [6],
    [configuration([member], [["n1", "a1"]], [[[], []]])],
    "configuration.pending: not an array of 3",
  ],
  ["appendEntries", [6], [configuration([member, member], [])], "configuration.members: one of them twice"],
  ["appendEntries", [7], -1, "appendEntries.freshAsOf: not an unsigned integer"],
  ["appendEntriesReply", [3], null, "appendEntriesReply.clockMs: not an unsigned integer"],
  ["appendEntries", [8], null, "appendEntries.prevChain: not an unsigned integer"],
  ["appendEntries", [9], null, "appendEntries.confirmed: not an unsigned integer"],
  ["appendEntries", [10], [1], "appendEntries.refill: not an array of 2"],
  ["appendEntriesReply", [4], false, "appendEntriesReply.refill: not an unsigned integer"],
  ["appendEntriesReply", [5], 5, "appendEntriesReply.outcome: not one of its values"],
  ["appendEntriesReply", [5], 0, "appendEntriesReply: not an array of 7"],
  ["appendEntriesReply", [9], -5, "appendEntriesReply.lastIndex: not an unsigned integer"],
  ["appendEntriesReply", [5], 2, "appendEntriesReply: not an array of 6"],
  ["appendEntriesReply", [5], 3, "appendEntriesReply: not an array of 7"],
  ["installSnapshot", [1], 6, "installSnapshot.snapshot: later than the message's term"],
  ["installSnapshot", [5, 0], 0, "snapshot: covers nothing"],
  ["installSnapshot", [5, 4], 1001, "snapshot: its configuration stands behind its end"],
  ["installSnapshot", [5, 5], 8, "snapshot: its configuration stands behind its end"],
  ["installSnapshot", [5, 7, 0], 1001, "snapshot: its activation stands behind its end"],
  ["installSnapshot", [5, 7, 2, 1], "", "snapshot.activation.plugin.version: not of its form"],
  ["installSnapshot", [5, 7, 2, 2], "ab", "snapshot.activation.plugin.hash: not of its form"],
  ["installSnapshot", [5, 7, 3], 1, "snapshot.activation.replaces: not a boolean"],
  ["skipRequest", [3], -1, "skip.entry: not an unsigned integer"],
  ["skipRequest", [4], 1, "skip.dryRun: not a boolean"],
  ["skippedReply", [3], "p\nut", "skipped.operation: not of its form"],
  ["rollOutRequest", [2], "soon", "rollOut.timeoutMs: not an unsigned integer"],
  ["rollOutRequest", [3], "2\n0", "rollOut.version: not of its form"],
  ["rolledOutReply", [3, 2], "x".repeat(64), "rolledOut.plugin.hash: not of its form"],
  ["installSnapshot", [5, 8], "", "snapshot.origin: not of its form"],
  ["installSnapshot", [5, 9], "../../etc/passwd", "snapshot.file: not of its form"],
  ["copyNotice", [5], "fine", "copyNotice.standing: not one of its values"],
  ["copyNotice", [6, 0], -1, "copyNotice.doubt.index: not an unsigned integer"],
  ["copyNotice", [8, 0, 1], "length", "copyNotice.word.of: not one of its values"],
  ["copyVerdict", [3], "bad", "copyVerdict.standing: not one of its values"],
  ["copyAsk", [1], -1, "copyAsk.term: not an unsigned integer"],
  ["timeoutNow", [1], 0, "timeoutNow.term: out of range"],
  ["readIndex", [1], 0, "readIndex.term: out of range"],
  ["readIndexReply", [3], "1", "readIndexReply.index: not an unsigned integer"],
  ["dialBack", [1], "n1", "dialBack.nonce: not of its form"],
  ["snapshotRead", [1], "../passwd", "snapshotRead.file: not of its form"],
  ["snapshotRead", [3], 0, "snapshotRead.bytesMax: out of range"],
  ["snapshotRead", [3], 262_145, "snapshotRead.bytesMax: out of range"],
  ["snapshotChunk", [2], new Uint8Array(262_145), "snapshotChunk.bytes: longer than 262144 bytes"],
  ["snapshotGone", [2], "\u001b[2J", "snapshotGone.reason: not of its form"],
  ["commandRequest", [1], -1, "id: not an unsigned integer"],
  ["commandRequest", [2], 2 ** 31, "timeoutMs: out of range"],
  ["commandRequest", [3], [1, 2], "payload: not a byte string"],
  ["commandRequest", [4], [1, 2], "command.session: not an array of 3"],
  ["commandRequest", [4, 2], 4, "command.session.answeredBelow: out of range"],
  ["openSessionRequest", [3], 0, "openSession.session.timeoutMs: out of range"],
  ["openSessionRequest", [3], 86_400_001, "openSession.session.timeoutMs: out of range"],
  ["closeSessionRequest", [3], 0, "closeSession.session: out of range"],
  ["backupRequest", [2], -1, "timeoutMs: not an unsigned integer"],
  ["readBackupRequest", [2], "../passwd", "readBackup.file: not of its form"],
  ["readBackupRequest", [4], 0, "readBackup.bytesMax: out of range"],
  ["readBackupRequest", [4], 262_145, "readBackup.bytesMax: out of range"],
  ["backupReadyReply", [2], "a/b", "backupReady.file: not of its form"],
  ["backupReadyReply", [6], 2 ** 49, "backupReady.term: out of range"],
  ["backupPieceReply", [3], new Uint8Array(262_145), "backupPiece.bytes: longer than 262144 bytes"],
  ["sessionOpenedReply", [2], null, "sessionOpened.session: not an unsigned integer"],
  ["queryRequest", [4], "eventual", "query.consistency: not one of its values"],
  ["queryRequest", [5], 2 ** 31, "query.maxStalenessMs: out of range"],
  ["resultReply", [5], -1, "result.stalenessMs: not an unsigned integer"],
  ["transferLeadershipRequest", [2], "n 1", "transferLeadership.to: not of its form"],
  ["errorReply", [2], "config", "error.code: not one of its values"],
  ["errorReply", [4], ["n1"], "error.leader: not an array of 3"],
  ["statusReply", [3], "demo", "status.clusterUuid: not of its form"],
  ["statusReply", [10, 0, 2], "king", "status.nodes.role: not one of its values"],
  ["configurationReply", [4], "", "configuration.incarnation: not of its form"],
  ["configurationReply", [7], [["n1"]], "configuration.members: not an array of 6"],
  ["describeReply", [4], "cooked", "describe.style: not one of its values"],
];

test("an address that is asked for has to be one; one that a log has is read as it is", () => {
  const address = "::1:7404";
  expect(refusal(altered("changeMembershipRequest", [3, 0, 1], address), "request")?.message).toBe(
    "change.add.address: not of its form",
  );
  expect(refusal(altered("hello", [5, 4], address), "hello")?.message).toBe("hello.sender.address: not of its form");
  expect(refusal(altered("hello", [5, 5, 1, 0, 2], address), "hello")).toBeNull();
  expect(refusal(altered("configurationReply", [7, 0, 2], address), "reply")).toBeNull();
});

test.each(rules)("%s %j: %j is refused", (name, path, by, fault) => {
  expect(refusal(altered(name, path, by), kinds[name][0])?.message).toBe(fault);
});

test.each(names)("%s with an item too many, or one too few, is refused", (name) => {
  const items = decodePlain(Buffer.from(goldenFrames[name].hex, "hex").subarray(4)) as readonly PlainInput[];
  expect(refusal(encodePlain(wide([...items, null])), kinds[name][0])?.code).toBe("bad-frame");
  expect(refusal(encodePlain(wide(items.slice(0, -1))), kinds[name][0])?.code).toBe("bad-frame");
});

test("P56: a term beyond 2^48 is refused, in every place where a term can stand", () => {
  const places: readonly (readonly [MessageName, Path])[] = [
    ["requestPreVote", [1]],
    ["requestPreVoteReply", [1]],
    ["requestPreVoteReply", [2]],
    ["requestVote", [1]],
    ["requestVoteReply", [1]],
    ["appendEntries", [1]],
    ["appendEntriesReply", [1]],
    ["appendEntriesReply", [8]],
    ["readIndex", [1]],
    ["readIndexReply", [1]],
    ["timeoutNow", [1]],
    ["resultReply", [3]],
    ["statusReply", [6]],
  ];
  for (const [name, path] of places) {
    expect(refusal(altered(name, path, termMax), kinds[name][0])).toBeNull();
    expect(refusal(altered(name, path, termMax + 1), kinds[name][0])?.message).toMatch(/term: out of range$/i);
  }
});

test("the index of an entry stays a safe integer", () => {
  const frame = altered("appendEntries", [2], Number.MAX_SAFE_INTEGER);
  expect(refusal(frame, "peer")?.message).toBe("entries: index out of range");
});

describe.each<FrameContext>(["hello", "peer", "bulk", "request", "reply"])("as a %s", (context) => {
  test.each(names)("%s comes in only where it may", (name) => {
    const body = Buffer.from(goldenFrames[name].hex, "hex").subarray(4);
    const code = allowedNames[context].includes(name) ? undefined : "not-allowed";
    expect(refusal(body, context)?.code).toBe(code);
  });
});

test("a node takes nothing from a client but requests, and from a peer no requests", () => {
  const numbers = (context: FrameContext): number[] => allowedNames[context].map((name) => messageNumbers[name]);
  expect(numbers("request").every((number) => number >= 32 && number < 64)).toBe(true);
  for (const context of ["peer", "bulk"] as const)
    expect(numbers(context).every((number) => (number < 32 || (number >= 96 && number < 128)) && number !== 1)).toBe(
      true,
    );
});

test.each([
  ["an unknown number", [200, 1]],
  ["a number too large", [70_000, 1]],
  ["a negative number", [-1, 1]],
  ["a text for a number", ["hello", 1]],
  ["no items", []],
  ["no array", 5],
  ["an array as its number", [[1], 1]],
])("a frame with %s is refused", (_, frame) => {
  expect(refusal(encodePlain(frame), "peer")?.message).toBe("a message of an unknown number");
});

test("P57: what is refused is not quoted: neither bytes nor control characters get out", () => {
  const secret = "\u0007secret\u001b";
  const body = altered("hello", [4], secret);
  expect(refusal(body, "hello")?.message).toBe("hello.cluster: not of its form");
});
