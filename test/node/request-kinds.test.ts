// What each kind of request becomes, and when it is refused, without a cluster: what a node is handed, and what its client is told.
import { describe, expect, test } from "bun:test";
import type { VersionAtHand } from "../../src/core/activation.ts";
import type { State } from "../../src/core/state.ts";
import { FullClients } from "../../src/node/full-clients.ts";
import type { HandOver } from "../../src/node/hand-overs.ts";
import { OpenRequests } from "../../src/node/open-requests.ts";
import { onClientRequest, type RequestTarget } from "../../src/node/requests.ts";
import type { ReplyError, Waiter } from "../../src/node/waiting-clients.ts";
import type { ClientReply, ClientRequest } from "../../src/ports/requests.ts";
import { follower, leader } from "../core/build.ts";
import { n2 } from "../core/say.ts";
import { afterMicrotasks } from "./cluster.ts";
import { bytes } from "./recording-machine.ts";

const v2: VersionAtHand = { name: "kv", version: "2", hash: "ab".repeat(32), snapshots: true };

interface Circumstances {
  readonly state: State;
  readonly whyNoCommands: string | null;
  readonly endlessWork: RequestTarget["endlessWork"];
  readonly refusal: RequestTarget["refusal"];
  readonly handOver: HandOver;
  /** Why no backup can be taken or read. */
  readonly backupFailure: ReplyError;
}

function setUp(circumstances: Partial<Circumstances> = {}) {
  const submitted: Waiter[] = [];
  const stale: (readonly [Waiter, number | null])[] = [];
  const replies: ClientReply[] = [];
  const calls: string[] = [];
  const { backupFailure: error } = circumstances;
  const settled = <Value>(value: Value) =>
    Promise.resolve(error === undefined ? ({ kind: "ok", value } as const) : ({ kind: "failed", error } as const));
  const target = {
    state: leader(),
    whyNoCommands: null,
    endlessWork: null,
    refusal: null,
    ...circumstances,
    options: { address: "n1:7400" },
    clock: { nowMs: () => 5_000 },
    open: new OpenRequests(),
    fullClients: new FullClients(() => null),
    peers: () => [],
    refusalOfChanges: null,
    versions: [v2],
    versionsOf: () => [v2],
    standstill: null,
    description: { name: "recording", version: "1", style: "raw", commands: [], queries: [] },
    submit: (waiter: Waiter) => void submitted.push(waiter),
    submitStale: (waiter: Waiter, maxMs: number | null) => void stale.push([waiter, maxMs]),
    transfer: (to: string | null) => {
      calls.push(`transfer ${to}`);
      return Promise.resolve(circumstances.handOver ?? { kind: "done" });
    },
    stop: () => {
      calls.push("stop");
      return Promise.resolve();
    },
    snapshots: {
      sentTo: () => null,
      backups: {
        take: (through: number) => {
          calls.push(`take ${through}`);
          return settled({ file: "f", bytes: 10, checksum: 11, position: { index: 12, term: 13 } });
        },
        read: (file: string, offset: number, bytesMax: number) => {
          calls.push(`read ${file} ${offset} ${bytesMax}`);
          return settled(bytes("piece"));
        },
      },
    },
  };
  const client = {
    name: "app",
    isAdmin: true,
    isOpen: true,
    hasCredit: true,
    whenCredit: () => {},
    reply: (answer: ClientReply) => void replies.push(answer),
  };
  const ask = (request: ClientRequest): Waiter | undefined => {
    onClientRequest(target as unknown as RequestTarget, request, client);
    return submitted.at(-1);
  };
  return { ask, submitted, stale, replies, calls, open: target.open };
}

const timed = { id: 3, timeoutMs: 700 } as const;
const session = { id: 9, sequence: 4, answeredBelow: 2 } as const;
const command: ClientRequest = { kind: "command", ...timed, payload: bytes("set"), session };
const openSession: ClientRequest = { kind: "openSession", ...timed, sessionTimeoutMs: 30_000 };
const closeSession: ClientRequest = { kind: "closeSession", ...timed, session: 9 };
const query = (consistency: "linearizable" | "stale", maxStalenessMs: number | null = null): ClientRequest => ({
  kind: "query",
  ...timed,
  payload: bytes("get"),
  consistency,
  maxStalenessMs,
});
const backup: ClientRequest = { kind: "backup", ...timed };
const linearizable = query("linearizable");
const all: readonly ClientRequest[] = [command, openSession, closeSession, linearizable, query("stale", 5), backup];

describe("what a node is handed", () => {
  test.each<readonly [string, ClientRequest, Record<string, unknown>]>([
    ["a command", command, { kind: "command", payload: bytes("set"), session: { ...session, client: "app" } }],
    ["a command without a session", { ...command, session: null }, { kind: "command", session: null }],
    ["an opening", openSession, { kind: "openSession", client: "app", isAdmin: true, sessionTimeoutMs: 30_000 }],
    ["a closing", closeSession, { kind: "closeSession", client: "app", session: 9 }],
    ["a query", linearizable, { kind: "query", payload: bytes("get") }],
    ["a backup", backup, { kind: "reach" }],
  ])("of %s", (_, request, handed) => {
    const { ask, submitted, stale, replies } = setUp();
    expect(ask(request)).toMatchObject({ ...handed, dueMs: 5_700, from: { name: "app" } });
    expect([submitted.length, stale.length, replies.length]).toEqual([1, 0, 0]);
  });

  test("of a version to be rolled out", () => {
    const { ask, replies } = setUp();
    const rollOut = { kind: "rollOut", ...timed, version: null, replaces: false, dryRun: false } as const;
    expect(ask(rollOut)).toMatchObject({ kind: "activate", plugin: { version: "2" }, dueMs: 5_700 });
    ask({ ...rollOut, dryRun: true });
    expect(replies).toMatchObject([{ kind: "rolledOut", id: 3, index: null, before: null, refusal: null }]);
  });

  test("of a stale query, with how old the state may be", () => {
    const { ask, submitted, stale } = setUp({ state: follower() });
    ask(query("stale", 5));
    ask(query("stale"));
    expect(stale.map(([{ kind, dueMs }, maxMs]) => [kind, dueMs, maxMs])).toEqual([
      ["query", 5_700, 5],
      ["query", 5_700, null],
    ]);
    expect(submitted).toEqual([]);
  });

  test("of what is not to wait for longer than ten minutes", () => {
    const { ask } = setUp();
    const tenMinutesMs = 600_000;
    expect(ask({ ...command, timeoutMs: tenMinutesMs - 1 })?.dueMs).toBe(5_000 + tenMinutesMs - 1);
    expect(ask({ ...command, timeoutMs: 2 ** 40 })?.dueMs).toBe(5_000 + tenMinutesMs);
  });
});

describe("what a client is told", () => {
  test.each<readonly [string, ClientRequest, ClientReply]>([
    ["a command", command, { kind: "result", id: 3, payload: bytes("out"), index: 21, term: 22, stalenessMs: 23 }],
    ["an opening", openSession, { kind: "sessionOpened", id: 3, session: 21 }],
    ["a closing", closeSession, { kind: "done", id: 3, leader: { id: "n1", address: "n1:7400" } }],
    ["a query", linearizable, { kind: "result", id: 3, payload: bytes("out"), index: 21, term: 22, stalenessMs: 23 }],
    ["a backup", backup, { kind: "backupReady", id: 3, file: "f", bytes: 10, checksum: 11, index: 12, term: 13 }],
  ])("of %s, once, by the first answer", async (_, request, reply) => {
    const { ask, replies } = setUp();
    const waiter = ask(request)!;
    waiter.succeed(bytes("out"), { index: 21, term: 22 }, 23);
    await afterMicrotasks();
    waiter.succeed(bytes("again"), { index: 31, term: 32 }, 33);
    waiter.fail({ code: "unavailable", message: "too late", leader: null });
    await afterMicrotasks();
    expect(replies).toEqual([reply]);
  });

  test("of each that fails: its id, the code and the leader", () => {
    for (const request of all) {
      const { ask, stale, replies } = setUp();
      const waiter = ask(request) ?? stale[0]![0];
      waiter.fail({ code: "not-leader", message: "go there", leader: { id: "n2", address: "n2:1" } });
      waiter.fail({ code: "unavailable", message: "again", leader: null });
      expect(replies).toEqual([
        { kind: "error", id: 3, code: "not-leader", message: "go there", leader: { id: "n2", address: "n2:1" } },
      ]);
    }
  });

  test("of a piece of a backup, with the place that it was asked for", async () => {
    const { ask, replies, calls } = setUp();
    ask({ kind: "readBackup", id: 4, file: "f", offset: 100, bytesMax: 5 });
    await afterMicrotasks();
    expect(calls).toEqual(["read f 100 5"]);
    expect(replies).toEqual([{ kind: "backupPiece", id: 4, offset: 100, bytes: bytes("piece") }]);
  });

  test("of a backup that cannot be taken or read: why", async () => {
    const backupFailure = { code: "unavailable", message: "the disk is broken", leader: null } as const;
    const { ask, replies } = setUp({ backupFailure });
    ask(backup)!.succeed(bytes(""), { index: 21, term: 22 }, null);
    await afterMicrotasks();
    ask({ kind: "readBackup", id: 4, file: "f", offset: 100, bytesMax: 5 });
    await afterMicrotasks();
    expect(replies).toEqual([3, 4].map((id) => ({ kind: "error", id, ...backupFailure })));
  });

  test("a backup is taken through the entry that the read was told", async () => {
    const { ask, calls } = setUp();
    ask(backup)!.succeed(bytes(""), { index: 21, term: 22 }, null);
    await afterMicrotasks();
    expect(calls).toEqual(["take 21"]);
  });

  test("of a stop, before the node stops", () => {
    const { ask, replies, calls } = setUp();
    ask({ kind: "stop", id: 6 });
    expect([replies, calls]).toEqual([[{ kind: "done", id: 6, leader: { id: "n1", address: "n1:7400" } }], ["stop"]]);
  });

  test.each<readonly [HandOver, string, string]>([
    [{ kind: "notLeader", leader: n2 }, "not-leader", "this node does not lead, n2 does"],
    [{ kind: "elsewhere", leader: n2 }, "not-leader", "n2 leads instead"],
    [{ kind: "unknownTarget", to: "n9" }, "rejected", "n9 is not a voter of this cluster"],
    [{ kind: "unfitTarget", to: "n2", impediment: "space" }, "rejected", "n2 cannot lead well"],
    [{ kind: "busy" }, "overloaded", "another transfer is under way"],
    [{ kind: "noTarget" }, "unavailable", "no other voter that could lead has answered lately"],
    [{ kind: "timedOut" }, "outcome-unknown", "the target did not take over within an election timeout"],
    [{ kind: "nodeEnded" }, "outcome-unknown", "the node ended before the hand-over did"],
  ])("of a hand-over, by what became of it: %j", async (handOver, code, message) => {
    const { ask, replies, calls } = setUp({ handOver });
    ask({ kind: "transferLeadership", id: 5, to: "n2" });
    await afterMicrotasks();
    expect(calls).toEqual(["transfer n2"]);
    expect(replies).toMatchObject([
      { kind: "error", id: 5, code, message: expect.stringMatching(message), leader: { id: "n1" } },
    ]);
  });
});

describe("what is refused before the log", () => {
  const kindsTaken = (circumstances: Partial<Circumstances>): readonly string[] => {
    const { ask, submitted, stale } = setUp(circumstances);
    for (const request of all) ask(request);
    return [...submitted.map(({ kind }) => kind as string), ...stale.map(() => "stale")];
  };
  const reads = ["query", "reach", "stale"];

  test("nothing, while nothing speaks against it", () => {
    expect(kindsTaken({})).toEqual(["command", "openSession", "closeSession", ...reads]);
  });

  test("everything, with the node's reason, while it takes no requests", () => {
    const refusal = { code: "not-leader", message: "this node is stopping", leader: null } as const;
    const { ask, replies, submitted, open } = setUp({ refusal, whyNoCommands: "no space" });
    for (const request of all) ask(request);
    expect([submitted, open.count]).toEqual([[], 0]);
    expect(replies).toEqual(all.map(() => ({ kind: "error", id: 3, ...refusal })));
  });

  test("what makes the log longer, at a leader that has no space for it", () => {
    const whyNoCommands = "the disk of n1 is nearly full";
    expect(kindsTaken({ whyNoCommands })).toEqual(["closeSession", ...reads]);
    expect(kindsTaken({ whyNoCommands, state: follower() })).toContain("command");
    const { ask, replies } = setUp({ whyNoCommands });
    ask(command);
    expect(replies).toMatchObject([
      { code: "overloaded", message: expect.stringMatching(/^the disk of n1 is nearly full; it takes no commands/) },
    ]);
  });

  test("what a state machine that hangs would have to answer: everything at a leader, reads at the others", () => {
    const endlessWork = { problem: "it hangs at entry 5", entry: 5, isQuery: false };
    expect(kindsTaken({ endlessWork })).toEqual([]);
    expect(kindsTaken({ endlessWork, state: follower() })).toEqual(["command", "openSession", "closeSession"]);
    const { ask, replies } = setUp({ endlessWork });
    ask(command);
    expect(replies).toMatchObject([
      { code: "unavailable", message: "this node cannot go on: it hangs at entry 5", leader: null },
    ]);
  });

  test("what is beyond a client's room, until reads are answered; that of a command is for the log to give back", () => {
    const { ask, replies, open } = setUp();
    const large = (request: ClientRequest): ClientRequest =>
      ({ ...request, payload: new Uint8Array(128 * 1024 * 1024) }) as ClientRequest;
    const read = ask(large(linearizable))!;
    expect([open.count, open.bytes]).toEqual([1, 128 * 1024 * 1024]);
    ask(command);
    expect(replies).toMatchObject([
      { code: "overloaded", message: expect.stringContaining('for "app"'), leader: null },
    ]);
    read.succeed(bytes(""), { index: 1, term: 1 }, null);
    expect([open.count, open.bytes]).toEqual([0, 0]);
    const failing = ask(linearizable)!;
    expect(open.count).toBe(1);
    failing.fail({ code: "unavailable", message: "", leader: null });
    expect(open.count).toBe(0);
    ask(command)!.succeed(bytes(""), { index: 1, term: 1 }, null);
    expect([open.count, open.bytes]).toEqual([1, 3]);
  });
});
