// One frame of every message, with the bytes that it has had since version 1 of the protocol. What stands here never
// changes while that version is spoken; the examples of docs/protocol.md are from here.
import { toMemberKey } from "../../../src/core/configuration.ts";
import type { Genesis } from "../../../src/core/genesis.ts";
import type { Frame } from "../../../src/adapters/cbor/frames.ts";
import type { MessageName } from "../../../src/adapters/cbor/message-numbers.ts";

const stampMs = 1_700_000_000_000;
const first = toMemberKey("n1", "a1");
const second = toMemberKey("n2", "b2");
const members = [
  { key: first, address: "127.0.0.1:7401", priority: 0 },
  { key: second, address: "127.0.0.1:7402", priority: -1 },
];
const pending = [{ promote: [second], demote: [], remove: [first] }];
const genesis: Genesis = { clusterUuid: "00112233445566778899aabbccddeeff", members, foundedAtMs: stampMs };
const leader = { id: "n1", address: "127.0.0.1:7401" };
const payload = new Uint8Array([1, 2, 255]);

export const goldenFrames: Readonly<Record<MessageName, { readonly frame: Frame; readonly hex: string }>> = {
  hello: {
    frame: {
      kind: "hello",
      versionMin: 2,
      versionMax: 2,
      features: ["machine.kv"],
      cluster: "demo",
      sender: {
        role: "node",
        id: "n1",
        incarnation: "a1",
        bootId: "c3",
        address: leader.address,
        genesis,
        purpose: { kind: "peer" },
      },
      meant: "n2",
      software: "0.1.0",
    },
    hex: "0000009388010202816a6d616368696e652e6b766464656d6f8600626e316261316263336e3132372e302e302e313a3734303183782030303131323233333434353536363737383839396161626263636464656566668284626e316261316e3132372e302e302e313a373430310084626e326262326e3132372e302e302e313a37343032201b0000018bcfe56800626e3265302e312e30",
  },
  refused: {
    frame: { kind: "refused", code: "wrong-node", message: "This is n1." },
    hex: "0000001983026a77726f6e672d6e6f64656b54686973206973206e312e",
  },
  requestPreVote: {
    frame: { kind: "requestPreVote", term: 8, last: { index: 1000, term: 7 }, transfer: false },
    hex: "00000008850a081903e807f4",
  },
  requestPreVoteReply: {
    frame: { kind: "requestPreVoteReply", askedTerm: 8, term: 7, granted: true },
    hex: "00000005840b0807f5",
  },
  requestVote: {
    frame: { kind: "requestVote", term: 8, last: { index: 1000, term: 7 }, transfer: true },
    hex: "00000008850c081903e807f5",
  },
  requestVoteReply: {
    frame: { kind: "requestVoteReply", term: 8, granted: false },
    hex: "00000004830d08f4",
  },
  appendEntries: {
    frame: {
      kind: "appendEntries",
      term: 8,
      prev: { index: 1000, term: 7 },
      entries: [
        { kind: "noop", index: 1001, term: 8, stampMs },
        { kind: "command", index: 1002, term: 8, stampMs: stampMs + 1, payload, session: null },
        {
          kind: "command",
          index: 1003,
          term: 8,
          stampMs: stampMs + 1,
          payload,
          session: { id: 70000, sequence: 3, answeredBelow: 2, client: "app" },
        },
        {
          kind: "openSession",
          index: 1004,
          term: 8,
          stampMs: stampMs + 1,
          client: "admin",
          isAdmin: true,
          timeoutMs: 600_000,
        },
        { kind: "closeSession", index: 1005, term: 8, stampMs: stampMs + 1, client: "app", session: 70000 },
        {
          kind: "configuration",
          index: 1006,
          term: 8,
          stampMs: stampMs + 1,
          configuration: { members, voters: [first], outgoing: [first, second], leaving: [second], pending },
        },
      ],
      leaderCommit: 999,
      round: 70000,
      freshAsOf: null,
      prevChain: 123456789012345,
      confirmed: 999,
      refill: { id: 70002, through: 1006 },
    },
    hex: "000000f98b0e081903e8071903e71a00011170868408011b0000018bcfe56800f68408001b0000018bcfe56801430102ff8808031b0000018bcfe56801430102ff1a000111700302636170708608041b0000018bcfe568011a000927c0f56561646d696e8508051b0000018bcfe568011a00011170636170708408021b0000018bcfe56801858284626e316261316e3132372e302e302e313a373430310084626e326262326e3132372e302e302e313a37343032208182626e316261318282626e3162613182626e326262328182626e3262623281838182626e32626232808182626e31626131f61b00007048860ddf791903e7821a000111721903ee",
  },
  appendEntriesReply: {
    frame: {
      kind: "appendEntriesReply",
      term: 8,
      round: 70000,
      clockMs: 250000,
      refill: null,
      outcome: { kind: "refused", prevIndex: 1000, conflict: { index: 900, term: 6 }, lastIndex: 1000 },
    },
    hex: "000000198a0f081a000111701a0003d090f6011903e8190384061903e8",
  },
  installSnapshot: {
    frame: {
      kind: "installSnapshot",
      term: 8,
      round: 70001,
      confirmed: 0,
      refill: null,
      snapshot: {
        position: { index: 1000, term: 7 },
        stampMs,
        chain: 123456789012345,
        configuration: {
          position: { index: 12, term: 2 },
          configuration: { members, voters: [first, second], outgoing: [], leaving: [], pending: [] },
        },
        file: "1000-7-a1",
        bytes: 4096,
        checksum: 5678,
      },
    },
    hex: "000000758612081a0001117100f68a1903e8071b0000018bcfe568001b00007048860ddf790c02858284626e316261316e3132372e302e302e313a373430310084626e326262326e3132372e302e302e313a37343032208282626e3162613182626e3262623280808069313030302d372d613119100019162e",
  },
  timeoutNow: {
    frame: { kind: "timeoutNow", term: 8 },
    hex: "00000003821008",
  },
  genesisNotice: {
    frame: { kind: "genesisNotice", genesis },
    hex: "0000005d821183782030303131323233333434353536363737383839396161626263636464656566668284626e316261316e3132372e302e302e313a373430310084626e326262326e3132372e302e302e313a37343032201b0000018bcfe56800",
  },
  readIndex: {
    frame: { kind: "readIndex", term: 8, id: 2 ** 51 },
    hex: "0000000c8313081b0008000000000000",
  },
  readIndexReply: {
    frame: { kind: "readIndexReply", term: 8, id: 2 ** 51, index: 1000 },
    hex: "0000000f8414081b00080000000000001903e8",
  },
  dialBack: {
    frame: { kind: "dialBack", nonce: "00112233445566778899aabbccddeeff" },
    hex: "00000024821678203030313132323333343435353636373738383939616162626363646465656666",
  },
  reachRequest: {
    frame: { kind: "reachRequest", id: 3, node: "n4", address: "127.0.0.1:7404", timeoutMs: 2000 },
    hex: "0000001985181803626e346e3132372e302e302e313a373430341907d0",
  },
  reachReply: {
    frame: { kind: "reachReply", id: 3, reach: { kind: "reached", incarnation: "d4", by: "accepted" } },
    hex: "0000001084181903686163636570746564626434",
  },
  memberList: {
    frame: { kind: "memberList", index: 1003, members },
    hex: "0000003583181a1903eb8284626e316261316e3132372e302e302e313a373430310084626e326262326e3132372e302e302e313a3734303220",
  },
  condition: {
    frame: {
      kind: "condition",
      condition: {
        stateMachine: { kind: "stopped", through: 1003 },
        space: "low",
        isCertificateExpired: false,
        isRefilling: true,
        undialled: ["n2"],
        plugin: { version: "1.0.0", code: "ab".repeat(32) },
        problem: "its state machine has stopped",
      },
    },
    hex: "000000788a181bf41903eb636c6f77f4f581626e3265312e302e30784061626162616261626162616261626162616261626162616261626162616261626162616261626162616261626162616261626162616261626162616261626162781d697473207374617465206d616368696e65206861732073746f70706564",
  },
  requestMembers: {
    frame: { kind: "requestMembers" },
    hex: "000000028115",
  },
  requestMembersReply: {
    frame: { kind: "requestMembersReply", index: 1003, members: members.map(({ key }) => key) },
    hex: "0000001483171903eb8282626e3162613182626e32626232",
  },
  snapshotRead: {
    frame: { kind: "snapshotRead", file: "1000-7.snapshot", offset: 2 ** 32, bytesMax: 262_144 },
    hex: "0000002184181c6f313030302d372e736e617073686f741b00000001000000001a00040000",
  },
  snapshotChunk: {
    frame: { kind: "snapshotChunk", offset: 2 ** 32, bytes: payload },
    hex: "0000001083181d1b0000000100000000430102ff",
  },
  snapshotGone: {
    frame: { kind: "snapshotGone", file: "1000-7.snapshot", reason: "A newer one has taken its place." },
    hex: "0000003583181e6f313030302d372e736e617073686f74782041206e65776572206f6e65206861732074616b656e2069747320706c6163652e",
  },
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
          problem: "It has stopped.",
        },
      ],
      waitingFor: ["n2"],
    },
    hex: "000000b48a1842056464656d6f78203030313132323333343435353636373738383939616162626363646465656666626e3183626e316e3132372e302e302e313a37343031f6081903e7828e626e316e3132372e302e302e313a37343031666c6561646572f5f4f600f51903e81903e70065302e312e30f6f68e626e326e3132372e302e302e313a37343032f6f4f56770726f6d6f746520f4f6f6f6f6821904001910006f4974206861732073746f707065642e81626e32",
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
