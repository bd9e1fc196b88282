// One frame of every message, with the bytes that it has had since version 1 of the protocol. What stands here never
// changes while that version is spoken; the examples of docs/protocol.md are from here.
import type { MessageName } from "../../../src/adapters/cbor/message-numbers.ts";
import { type GoldenFrame, goldenNodeFrames } from "./golden-node-frames.ts";
import { genesis, leader, payload } from "./golden-values.ts";

const plugin = { name: "kv", version: "2.0.0", hash: "cd".repeat(32) };

export const goldenFrames: Readonly<Record<MessageName, GoldenFrame>> = {
  ...goldenNodeFrames,
  commandRequest: {
    frame: { kind: "command", id: 5, payload, timeoutMs: 2000, session: { id: 70000, sequence: 3, answeredBelow: 2 } },
    hex: "00000013851820051907d0430102ff831a000111700302",
  },
  queryRequest: {
    frame: { kind: "query", id: 5, payload, timeoutMs: 2000, consistency: "stale", maxStalenessMs: 1000 },
    hex: "00000014861821051907d0430102ff657374616c651903e8",
  },
  statusRequest: {
    frame: { kind: "status", id: 5 },
    hex: "0000000482182205",
  },
  configurationRequest: {
    frame: { kind: "configuration", id: 5 },
    hex: "0000000482182305",
  },
  describeRequest: {
    frame: { kind: "describe", id: 5 },
    hex: "0000000482182405",
  },
  transferLeadershipRequest: {
    frame: { kind: "transferLeadership", id: 5, to: null },
    hex: "0000000583182505f6",
  },
  stopRequest: {
    frame: { kind: "stop", id: 5 },
    hex: "0000000482182605",
  },
  openSessionRequest: {
    frame: { kind: "openSession", id: 5, timeoutMs: 2000, sessionTimeoutMs: 600_000 },
    hex: "0000000c841827051907d01a000927c0",
  },
  closeSessionRequest: {
    frame: { kind: "closeSession", id: 5, timeoutMs: 2000, session: 70000 },
    hex: "0000000c841828051907d01a00011170",
  },
  changeMembershipRequest: {
    frame: {
      kind: "changeMembership",
      id: 5,
      timeoutMs: 2000,
      change: {
        add: [{ id: "n4", address: "127.0.0.1:7404", priority: null, voter: true, behindNat: false }],
        promote: [],
        demote: ["n1"],
        remove: ["n2@b2"],
        prioritize: [{ name: "n1", priority: -1 }],
      },
      expectedIndex: 1003,
      dryRun: false,
    },
    hex: "000000348a1829051907d08185626e346e3132372e302e302e313a37343034f6f5f48081626e3181656e324062328182626e31201903ebf4",
  },
  backupRequest: {
    frame: { kind: "backup", id: 5, timeoutMs: 2000 },
    hex: "0000000783182a051907d0",
  },
  readBackupRequest: {
    frame: { kind: "readBackup", id: 5, file: "1000-7-a1.snapshot", offset: 262_144, bytesMax: 65_536 },
    hex: "0000002185182b0572313030302d372d61312e736e617073686f741a000400001a00010000",
  },
  rollOutRequest: {
    frame: { kind: "rollOut", id: 5, timeoutMs: 10_000, version: "2.0.0", replaces: false, dryRun: true },
    hex: "0000000f86182c0519271065322e302e30f4f5",
  },
  rolledOutReply: {
    frame: {
      kind: "rolledOut",
      id: 5,
      index: 1003,
      plugin,
      before: { name: "kv", version: "1.0.0", hash: "ab".repeat(32) },
      refusal: null,
    },
    hex: "000000a086184b051903eb83626b7665322e302e3078406364636463646364636463646364636463646364636463646364636463646364636463646364636463646364636463646364636463646364636463646364636483626b7665312e302e30784061626162616261626162616261626162616261626162616261626162616261626162616261626162616261626162616261626162616261626162616261626162f6",
  },
  skipRequest: {
    frame: { kind: "skip", id: 5, timeoutMs: 10_000, entry: 1003, dryRun: false },
    hex: "0000000b85182d051927101903ebf4",
  },
  skippedReply: {
    frame: { kind: "skipped", id: 5, index: 1007, operation: "put", refusal: null },
    hex: "0000000c85184c051903ef63707574f6",
  },
  resultReply: {
    frame: { kind: "result", id: 5, payload, index: 2 ** 32, term: 8, stalenessMs: null },
    hex: "00000013861840051b000000010000000008430102fff6",
  },
  errorReply: {
    frame: { kind: "error", id: 5, code: "not-leader", message: "Ask n1.", leader },
    hex: "0000002b851841056a6e6f742d6c65616465726741736b206e312e83626e316e3132372e302e302e313a37343031f6",
  },
  statusReply: {
    frame: {
      kind: "status",
      id: 5,
      cluster: "demo",
      clusterUuid: genesis.clusterUuid,
      node: "n1",
      leader,
      term: 8,
      commitIndex: 999,
      agreesThrough: null,
      plugin: { ...plugin, since: 1 },
      nodes: [
        {
          id: "n1",
          address: "127.0.0.1:7401",
          role: "leader",
          voter: true,
          outgoing: false,
          pending: null,
          priority: 0,
          reachable: true,
          matchIndex: 1000,
          appliedIndex: 999,
          lagEntries: 0,
          version: "0.1.0",
          snapshot: null,
          plugins: [plugin],
          problem: null,
        },
        {
          id: "n2",
          address: "127.0.0.1:7402",
          role: null,
          voter: false,
          outgoing: true,
          pending: "promote",
          priority: -1,
          reachable: false,
          matchIndex: null,
          appliedIndex: null,
          lagEntries: null,
          version: null,
          snapshot: { sentBytes: 1024, bytes: 4096 },
          plugins: null,
          problem: "It has stopped.",
        },
      ],
      waitingFor: ["n2"],
    },
    hex: "000001518c1842056464656d6f78203030313132323333343435353636373738383939616162626363646465656666626e3183626e316e3132372e302e302e313a37343031f6081903e7f6820183626b7665322e302e30784063646364636463646364636463646364636463646364636463646364636463646364636463646364636463646364636463646364636463646364636463646364828f626e316e3132372e302e302e313a37343031666c6561646572f5f4f600f51903e81903e70065302e312e30f68183626b7665322e302e30784063646364636463646364636463646364636463646364636463646364636463646364636463646364636463646364636463646364636463646364636463646364f68f626e326e3132372e302e302e313a37343032f6f4f56770726f6d6f746520f4f6f6f6f682190400191000f66f4974206861732073746f707065642e81626e32",
  },
  configurationReply: {
    frame: {
      kind: "configuration",
      id: 5,
      clusterUuid: null,
      node: "n1",
      incarnation: "a1",
      index: 1003,
      removed: false,
      members: [{ id: "n1", incarnation: "a1", address: "127.0.0.1:7401", voter: true, outgoing: false, priority: 0 }],
      pending: [{ promote: ["n4"], demote: [], remove: ["n1"] }],
      committed: true,
    },
    hex: "000000358a184305f6626e316261311903ebf48186626e316261316e3132372e302e302e313a37343031f5f400818381626e348081626e31f5",
  },
  describeReply: {
    frame: { kind: "describe", id: 5, name: "kv", version: "1", style: "typed", commands: ["put"], queries: ["get"] },
    hex: "0000001987184405626b76613165747970656481637075748163676574",
  },
  doneReply: {
    frame: { kind: "done", id: 5, leader: null },
    hex: "0000000583184505f6",
  },
  sessionOpenedReply: {
    frame: { kind: "sessionOpened", id: 5, session: 70000 },
    hex: "00000009831846051a00011170",
  },
  backupReadyReply: {
    frame: {
      kind: "backupReady",
      id: 5,
      file: "1000-7-a1.snapshot",
      bytes: 327_680,
      checksum: 161,
      index: 1000,
      term: 7,
    },
    hex: "000000228718470572313030302d372d61312e736e617073686f741a0005000018a11903e807",
  },
  membershipChangedReply: {
    frame: { kind: "membershipChanged", id: 5, index: 1005, message: "Done." },
    hex: "0000000d841848051903ed65446f6e652e",
  },
  membershipPlanReply: {
    frame: {
      kind: "membershipPlan",
      id: 5,
      index: 1003,
      before: { voters: ["n1", "n2"], learners: [], quorum: 2, tolerates: 0 },
      after: { voters: ["n1", "n2", "n4"], learners: [], quorum: 2, tolerates: 1 },
      nodes: [{ id: "n4", address: "127.0.0.1:7404", becomes: "voter", lagEntries: 1000, silentMs: null }],
      risks: ["n2 has been silent."],
      refusal: null,
    },
    hex: "00000054881849051903eb8482626e31626e328002008483626e31626e32626e348002018185626e346e3132372e302e302e313a3734303465766f7465721903e8f681736e3220686173206265656e2073696c656e742ef6",
  },
  backupPieceReply: {
    frame: { kind: "backupPiece", id: 5, offset: 262_144, bytes: payload },
    hex: "0000000d84184a051a00040000430102ff",
  },
};
