// The golden frames that nodes send each other, and every connection's first (golden-frames.ts).
import type { Frame } from "../../../src/adapters/cbor/frames.ts";
import { first, genesis, leader, members, payload, pending, second, stampMs } from "./golden-values.ts";

export interface GoldenFrame {
  readonly frame: Frame;
  readonly hex: string;
}

export const goldenNodeFrames = {
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
        activation: {
          position: { index: 3, term: 1 },
          plugin: { name: "kv", version: "1.0.0", hash: "ab".repeat(32) },
          replaces: false,
        },
        origin: "a1",
        file: "1000-7-a1",
        bytes: 4096,
        checksum: 5678,
      },
    },
    hex: "000000c88612081a0001117100f68c1903e8071b0000018bcfe568001b00007048860ddf790c02858284626e316261316e3132372e302e302e313a373430310084626e326262326e3132372e302e302e313a37343032208282626e3162613182626e3262623280808084030183626b7665312e302e30784061626162616261626162616261626162616261626162616261626162616261626162616261626162616261626162616261626162616261626162616261626162f462613169313030302d372d613119100019162e",
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
        versions: [{ name: "kv", version: "1.0.0", hash: "ab".repeat(32) }],
        problem: "its state machine has stopped",
      },
    },
    hex: "0000007d89181bf41903eb636c6f77f4f581626e328183626b7665312e302e30784061626162616261626162616261626162616261626162616261626162616261626162616261626162616261626162616261626162616261626162616261626162781d697473207374617465206d616368696e65206861732073746f70706564",
  },
  copyNotice: {
    frame: {
      kind: "copyNotice",
      term: 8,
      copy: 2,
      isGiven: true,
      isUnproven: false,
      standing: "doubted",
      doubt: { index: 1024, of: "content" },
      covered: 1000,
      words: [
        { index: 1024, of: "outcomes", value: 123456789012345 },
        { index: 1024, of: "content", value: 5678 },
      ],
    },
    hex: "000000448918600802f5f467646f75627465648219040067636f6e74656e741903e88283190400686f7574636f6d65731b00007048860ddf798319040067636f6e74656e7419162e",
  },
  copyVerdict: {
    frame: {
      kind: "copyVerdict",
      term: 8,
      copy: 2,
      standing: "wrong",
      isConfirmed: false,
      of: "outcomes",
      after: 1024,
      through: 2048,
    },
    hex: "0000001b88186108026577726f6e67f4686f7574636f6d6573190400190800",
  },
  copyAsk: {
    frame: { kind: "copyAsk", term: 8, at: 2048 },
    hex: "0000000783186208190800",
  },
  copyTrace: {
    frame: { kind: "copyTrace", term: 8, after: 1024, through: 2048 },
    hex: "0000000a84186408190400190800",
  },
  copySteps: {
    frame: { kind: "copySteps", term: 8, from: 1025, values: Uint32Array.of(1, 0x0203_0405, 0xffff_ffff) },
    hex: "00000014841865081904014c0000000102030405ffffffff",
  },
  copyOffer: {
    frame: {
      kind: "copyOffer",
      term: 8,
      copy: 2,
      snapshot: {
        position: { index: 1000, term: 7 },
        stampMs,
        chain: 123456789012345,
        configuration: {
          position: { index: 12, term: 2 },
          configuration: { members, voters: [first, second], outgoing: [], leaving: [], pending: [] },
        },
        activation: null,
        origin: "a1",
        file: "1000-7-a1",
        bytes: 4096,
        checksum: 5678,
      },
    },
    hex: "0000007484186308028c1903e8071b0000018bcfe568001b00007048860ddf790c02858284626e316261316e3132372e302e302e313a373430310084626e326262326e3132372e302e302e313a37343032208282626e3162613182626e32626232808080f662613169313030302d372d613119100019162e",
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
} as const satisfies Record<string, GoldenFrame>;
