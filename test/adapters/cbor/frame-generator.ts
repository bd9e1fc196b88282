// Draws valid frames of every kind from a seed, at the edges of their ranges as often as in the middle.
import type { Genesis } from "../../../src/core/genesis.ts";
import type { Message } from "../../../src/core/messages.ts";
import type { Reach } from "../../../src/ports/node-messages.ts";
import type { LeaderHint } from "../../../src/ports/requests.ts";
import { chunkBytesMax, sessionTimeoutMsMax, stampMsMax, timeoutMsMax } from "../../../src/adapters/cbor/limits.ts";
import type { Frame, NodePurpose } from "../../../src/adapters/cbor/frames.ts";
import type { MessageName } from "../../../src/adapters/cbor/message-numbers.ts";
import { replyErrorCodes } from "../../../src/adapters/cbor/reply-frames.ts";
import { appendEntriesReply, told } from "./append-generator.ts";
import { copyKinds, type Kind, snapshotRecord } from "./copy-generator.ts";
import { type Draw, index, position, term, termInOffice } from "./draw.ts";
import { configuration, entries, members, pluginVersion, stamp } from "./entry-generator.ts";
import { changeMembership, listedMembers, membershipPlan } from "./membership-generator.ts";

const uuid = (draw: Draw): string => Array.from({ length: 32 }, () => draw.below(16).toString(16)).join("");
const leader = (draw: Draw): LeaderHint | null => draw.orNull(() => ({ id: draw.name(), address: draw.address() }));

const genesis = (draw: Draw): Genesis => ({
  clusterUuid: uuid(draw),
  members: members(draw),
  foundedAtMs: draw.uint(stampMsMax),
});

function appendEntries(draw: Draw): Message {
  const inTerm = termInOffice(draw);
  const prev = position(draw, inTerm);
  return {
    kind: "appendEntries",
    term: inTerm,
    prev,
    entries: entries(draw, prev, inTerm),
    leaderCommit: index(draw),
    round: index(draw),
    freshAsOf: draw.orNull(() => index(draw)),
    prevChain: index(draw),
    ...told(draw),
  };
}

function campaign(draw: Draw, kind: "requestPreVote" | "requestVote"): Message {
  const inTerm = termInOffice(draw);
  return { kind, term: inTerm, last: position(draw, inTerm), transfer: draw.bool() };
}

function installSnapshot(draw: Draw): Message {
  const inTerm = termInOffice(draw);
  return {
    kind: "installSnapshot",
    term: inTerm,
    round: index(draw),
    ...told(draw),
    snapshot: snapshotRecord(draw, inTerm),
  };
}

function hello(draw: Draw): Frame {
  const versionMin = draw.uint(0xffff);
  return {
    kind: "hello",
    versionMin,
    versionMax: versionMin + draw.below(0x1_0000 - versionMin),
    features: draw.list(4, (each) => `feature-${each}`),
    cluster: draw.name(),
    sender: draw.bool()
      ? { role: "client", name: draw.name() }
      : {
          role: "node",
          id: draw.name(),
          incarnation: draw.name(),
          bootId: draw.name(),
          address: draw.address(),
          genesis: draw.orNull(() => genesis(draw)),
          purpose: draw.pick<NodePurpose>([
            { kind: "peer" },
            { kind: "probe" },
            { kind: "bulk", nonce: draw.orNull(() => uuid(draw)) },
          ]),
        },
    meant: draw.orNull(() => draw.name()),
    software: draw.printable(),
  };
}

function status(draw: Draw): Frame {
  return {
    kind: "status",
    id: index(draw),
    cluster: draw.name(),
    clusterUuid: draw.orNull(() => uuid(draw)),
    node: draw.name(),
    leader: leader(draw),
    term: term(draw),
    commitIndex: index(draw),
    agreesThrough: draw.orNull(() => index(draw)),
    plugin: draw.orNull(() => ({ ...pluginVersion(draw), since: index(draw) })),
    nodes: draw.list(4, () => ({
      id: draw.name(),
      address: draw.address(),
      role: draw.pick([null, "founding", "joining", "follower", "preCandidate", "candidate", "leader", "removed"]),
      voter: draw.bool(),
      outgoing: draw.bool(),
      pending: draw.pick([null, "promote", "demote", "remove"]),
      priority: draw.below(100) - 50,
      reachable: draw.bool(),
      matchIndex: draw.orNull(() => index(draw)),
      appliedIndex: draw.orNull(() => index(draw)),
      lagEntries: draw.orNull(() => index(draw)),
      version: draw.orNull(() => draw.printable()),
      snapshot: draw.orNull(() => ({ sentBytes: index(draw), bytes: index(draw) })),
      plugins: draw.orNull(() => draw.list(3, () => pluginVersion(draw))),
      problem: draw.orNull(() => draw.printable()),
    })),
    waitingFor: draw.list(3, () => draw.printable()),
  };
}

/** Every message of the protocol: where it may be received, and how to draw one. */
export const kinds: Readonly<Record<MessageName, Kind>> = {
  hello: ["hello", hello],
  refused: [
    "hello",
    (draw) => ({ kind: "refused", code: draw.pick(["wrong-cluster", "busy", "stopping"]), message: draw.printable() }),
  ],
  requestPreVote: ["peer", (draw) => campaign(draw, "requestPreVote")],
  requestPreVoteReply: [
    "peer",
    (draw) => ({
      kind: "requestPreVoteReply",
      askedTerm: termInOffice(draw),
      term: term(draw),
      granted: draw.bool(),
    }),
  ],
  requestVote: ["peer", (draw) => campaign(draw, "requestVote")],
  requestVoteReply: ["peer", (draw) => ({ kind: "requestVoteReply", term: term(draw), granted: draw.bool() })],
  appendEntries: ["peer", appendEntries],
  appendEntriesReply: ["peer", appendEntriesReply],
  installSnapshot: ["peer", installSnapshot],
  timeoutNow: ["peer", (draw) => ({ kind: "timeoutNow", term: termInOffice(draw) })],
  genesisNotice: ["peer", (draw) => ({ kind: "genesisNotice", genesis: genesis(draw) })],
  readIndex: ["peer", (draw) => ({ kind: "readIndex", term: termInOffice(draw), id: index(draw) })],
  readIndexReply: [
    "peer",
    (draw) => ({ kind: "readIndexReply", term: term(draw), id: index(draw), index: draw.orNull(() => index(draw)) }),
  ],
  requestMembers: ["peer", () => ({ kind: "requestMembers" })],
  requestMembersReply: [
    "peer",
    (draw) => ({ kind: "requestMembersReply", index: index(draw), members: members(draw).map(({ key }) => key) }),
  ],
  dialBack: ["peer", (draw) => ({ kind: "dialBack", nonce: uuid(draw) })],
  reachRequest: [
    "peer",
    (draw) => ({
      kind: "reachRequest",
      id: index(draw),
      node: draw.name(),
      address: draw.address(),
      timeoutMs: draw.uint(timeoutMsMax),
    }),
  ],
  reachReply: [
    "peer",
    (draw) => ({
      kind: "reachReply",
      id: index(draw),
      reach: draw.pick<Reach>([
        { kind: "reached", incarnation: draw.name(), by: draw.pick(["dialled", "accepted"]) },
        { kind: "unreachable", reason: draw.printable() },
      ]),
    }),
  ],
  memberList: ["peer", (draw) => ({ kind: "memberList", index: index(draw), members: configuration(draw).members })],
  condition: [
    "peer",
    (draw) => ({
      kind: "condition",
      condition: {
        stateMachine: draw.bool() ? { kind: "runs", passed: index(draw) } : { kind: "stopped", through: index(draw) },
        space: draw.pick(["enough", "low"]),
        isCertificateExpired: draw.bool(),
        isRefilling: draw.bool(),
        undialled: [...new Set(draw.list(5, () => draw.name()))],
        versions: draw.list(3, () => pluginVersion(draw)),
        problem: draw.orNull(() => draw.printable()),
      },
    }),
  ],
  ...copyKinds,
  snapshotRead: [
    "bulk",
    (draw) => ({
      kind: "snapshotRead",
      file: draw.name(),
      offset: index(draw),
      bytesMax: Math.max(1, draw.uint(chunkBytesMax)),
    }),
  ],
  snapshotChunk: ["bulk", (draw) => ({ kind: "snapshotChunk", offset: index(draw), bytes: draw.bytes() })],
  snapshotGone: ["bulk", (draw) => ({ kind: "snapshotGone", file: draw.name(), reason: draw.printable() })],
  commandRequest: [
    "request",
    (draw) => ({
      kind: "command",
      id: index(draw),
      payload: draw.bytes(),
      timeoutMs: draw.uint(timeoutMsMax),
      session: draw.orNull(() => stamp(draw)),
    }),
  ],
  queryRequest: [
    "request",
    (draw) => ({
      kind: "query",
      id: index(draw),
      payload: draw.bytes(),
      timeoutMs: draw.uint(timeoutMsMax),
      consistency: draw.pick(["linearizable", "stale"]),
      maxStalenessMs: draw.orNull(() => draw.uint(timeoutMsMax)),
    }),
  ],
  statusRequest: ["request", (draw) => ({ kind: "status", id: index(draw) })],
  configurationRequest: ["request", (draw) => ({ kind: "configuration", id: index(draw) })],
  describeRequest: ["request", (draw) => ({ kind: "describe", id: index(draw) })],
  transferLeadershipRequest: [
    "request",
    (draw) => ({ kind: "transferLeadership", id: index(draw), to: draw.orNull(() => draw.name()) }),
  ],
  stopRequest: ["request", (draw) => ({ kind: "stop", id: index(draw) })],
  openSessionRequest: [
    "request",
    (draw) => ({
      kind: "openSession",
      id: index(draw),
      timeoutMs: draw.uint(timeoutMsMax),
      sessionTimeoutMs: 1 + draw.uint(sessionTimeoutMsMax - 1),
    }),
  ],
  closeSessionRequest: [
    "request",
    (draw) => ({
      kind: "closeSession",
      id: index(draw),
      timeoutMs: draw.uint(timeoutMsMax),
      session: Math.max(1, index(draw)),
    }),
  ],
  changeMembershipRequest: ["request", changeMembership],
  backupRequest: ["request", (draw) => ({ kind: "backup", id: index(draw), timeoutMs: draw.uint(timeoutMsMax) })],
  readBackupRequest: [
    "request",
    (draw) => ({
      kind: "readBackup",
      id: index(draw),
      file: draw.name(),
      offset: index(draw),
      bytesMax: 1 + draw.uint(chunkBytesMax - 1),
    }),
  ],
  rollOutRequest: [
    "request",
    (draw) => ({
      kind: "rollOut",
      id: index(draw),
      timeoutMs: draw.uint(timeoutMsMax),
      version: draw.orNull(() => draw.name()),
      replaces: draw.bool(),
      dryRun: draw.bool(),
    }),
  ],
  rolledOutReply: [
    "reply",
    (draw) => ({
      kind: "rolledOut",
      id: index(draw),
      index: draw.orNull(() => index(draw)),
      plugin: pluginVersion(draw),
      before: draw.orNull(() => pluginVersion(draw)),
      refusal: draw.orNull(() => draw.printable()),
    }),
  ],
  skipRequest: [
    "request",
    (draw) => ({
      kind: "skip",
      id: index(draw),
      timeoutMs: draw.uint(timeoutMsMax),
      entry: index(draw),
      dryRun: draw.bool(),
    }),
  ],
  skippedReply: [
    "reply",
    (draw) => ({
      kind: "skipped",
      id: index(draw),
      index: draw.orNull(() => index(draw)),
      operation: draw.orNull(() => draw.name()),
      refusal: draw.orNull(() => draw.printable()),
    }),
  ],
  resultReply: [
    "reply",
    (draw) => ({
      kind: "result",
      id: index(draw),
      payload: draw.bytes(),
      index: index(draw),
      term: term(draw),
      stalenessMs: draw.orNull(() => index(draw)),
    }),
  ],
  errorReply: [
    "reply",
    (draw) => ({
      kind: "error",
      id: index(draw),
      code: draw.pick(replyErrorCodes),
      message: draw.printable(),
      leader: leader(draw),
    }),
  ],
  statusReply: ["reply", status],
  configurationReply: ["reply", listedMembers],
  describeReply: [
    "reply",
    (draw) => ({
      kind: "describe",
      id: index(draw),
      name: draw.printable(),
      version: draw.printable(),
      style: draw.pick(["typed", "raw"]),
      commands: draw.list(4, () => draw.printable()),
      queries: draw.list(4, () => draw.printable()),
    }),
  ],
  membershipChangedReply: [
    "reply",
    (draw) => ({ kind: "membershipChanged", id: index(draw), index: index(draw), message: draw.printable() }),
  ],
  membershipPlanReply: ["reply", membershipPlan],
  doneReply: ["reply", (draw) => ({ kind: "done", id: index(draw), leader: leader(draw) })],
  sessionOpenedReply: [
    "reply",
    (draw) => ({ kind: "sessionOpened", id: index(draw), session: Math.max(1, index(draw)) }),
  ],
  backupReadyReply: [
    "reply",
    (draw) => ({
      kind: "backupReady",
      id: index(draw),
      file: draw.name(),
      bytes: index(draw),
      checksum: index(draw),
      index: index(draw),
      term: term(draw),
    }),
  ],
  backupPieceReply: [
    "reply",
    (draw) => ({ kind: "backupPiece", id: index(draw), offset: index(draw), bytes: draw.bytes() }),
  ],
};

export const names = Object.keys(kinds) as MessageName[];
