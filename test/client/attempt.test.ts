// What does one ending mean for a request, and what is told when there is none? As tables of the module alone. What follows from
// several copies of a request is doubt.test.ts.
import { describe, expect, test } from "bun:test";
import {
  addressesOf,
  type Doubt,
  inDoubt,
  isRepeatable,
  judge,
  judgeFailure,
  judgeUnanswered,
  subjectOf,
} from "../../src/client/attempt.ts";
import type { Ending, RequestBody } from "../../src/client/connection.ts";
import { noRequest } from "../../src/client/membership.ts";
import { type ErrorCode, GraftError, type Subject } from "../../src/errors.ts";
import type { ClientReply } from "../../src/ports/requests.ts";

const payload = new Uint8Array([1]);
const timeoutMs = 100;
const change = { kind: "changeMembership", timeoutMs, change: noRequest, expectedIndex: null } as const;
const command = { kind: "command", payload, timeoutMs, session: null } as const;
const handOver = { kind: "transferLeadership", to: "n2" } as const;
const rollOut = { kind: "rollOut", version: null, replaces: false, timeoutMs } as const;
const query = { kind: "query", payload, timeoutMs, consistency: "linearizable", maxStalenessMs: null } as const;

const bodies: readonly (readonly [string, RequestBody, Subject, boolean])[] = [
  ["a command", command, "command", false],
  ["a command of a session", { ...command, session: { id: 1, sequence: 1, answeredBelow: 1 } }, "command", true],
  ["a query", query, "query", true],
  ["a stale query", { ...query, consistency: "stale" }, "query", true],
  ["a status", { kind: "status" }, "inspection", true],
  ["a list of the members", { kind: "configuration" }, "inspection", true],
  ["a description", { kind: "describe" }, "inspection", true],
  ["the opening of a session", { kind: "openSession", timeoutMs, sessionTimeoutMs: 1_000 }, "preparation", true],
  ["the end of a session", { kind: "closeSession", timeoutMs, session: 1 }, "preparation", true],
  ["a hand-over to one node", handOver, "transfer", true],
  ["a hand-over to any node", { kind: "transferLeadership", to: null }, "transfer", false],
  ["a change", { ...change, dryRun: false }, "change", false],
  ["a plan", { ...change, dryRun: true }, "inspection", true],
  ["a roll-out", { ...rollOut, dryRun: false }, "rollOut", true],
  ["the plan of a roll-out", { ...rollOut, dryRun: true }, "inspection", true],
  ["a stop", { kind: "stop" }, "stop", false],
  ["a backup", { kind: "backup", timeoutMs }, "backup", true],
  ["a piece of a backup", { kind: "readBackup", file: "s1", offset: 0, bytesMax: 1 }, "backup", true],
];

test.each(bodies)("%s", (_, body, subject, mayBeAskedTwice) => {
  expect([subjectOf(body), isRepeatable(body)]).toEqual([subject, mayBeAskedTwice]);
});

const leader = { id: "n2", address: "n2:1" };
const replyOf = (code: Extract<ClientReply, { kind: "error" }>["code"]): Ending => ({
  kind: "reply",
  reply: { kind: "error", id: 1, code, message: "so it was told", leader },
});
const failed = (code: ErrorCode): Ending => {
  const error = new GraftError(code, "so it was told");
  return { kind: "notTaken", reason: error.message, error };
};

describe("an ending", () => {
  test.each<readonly [string, RequestBody, Ending, string, ErrorCode, readonly string[] | null]>([
    ["another node leads", command, replyOf("not-leader"), "again", "not-leader", ["n2:1"]],
    ["the node is full", command, replyOf("overloaded"), "again", "overloaded", []],
    ["no quorum", command, replyOf("unavailable"), "again", "unavailable", []],
    ["unknown, of a hand-over to one node", handOver, replyOf("outcome-unknown"), "again", "outcome-unknown", []],
    ["unknown, of a command", command, replyOf("outcome-unknown"), "failed", "outcome-unknown", null],
    ["refused", command, replyOf("rejected"), "failed", "rejected", null],
    ["lost, of a query", query, { kind: "lost", reason: "so it was told" }, "again", "unavailable", []],
    ["lost, of a command", command, { kind: "lost", reason: "so it was told" }, "failed", "outcome-unknown", null],
    ["a farewell", command, { kind: "notTaken", reason: "so it was told" }, "again", "unavailable", []],
    ["a dial that is not answered", command, failed("unavailable"), "again", "unavailable", []],
    ["a dial to a full node", command, failed("overloaded"), "again", "overloaded", []],
    ["a dial that is refused", command, failed("unauthorized"), "refused", "unauthorized", null],
    ["a dial to another cluster", command, failed("wrong-cluster"), "refused", "wrong-cluster", null],
    ["a dial that cannot be meant", command, failed("config"), "failed", "config", null],
  ])("%s", (_, body, ending, kind, code, leaders) => {
    const verdict = judge(body, ending);
    if (verdict.kind === "answered") throw new Error("nothing was answered");
    expect([verdict.kind, verdict.error.code, verdict.error.message]).toEqual([kind, code, "so it was told"]);
    expect("leaders" in verdict ? verdict.leaders : null).toEqual(leaders);
    expect(verdict.error.leader).toEqual(ending.kind === "reply" ? leader : null);
    expect(inDoubt(ending)).toBe(ending.kind === "lost" || code === "outcome-unknown");
  });

  test("an answer is one", () => {
    const reply = { kind: "done", id: 1, leader: null } as const;
    expect(judge(handOver, { kind: "reply", reply })).toEqual({ kind: "answered", reply });
  });
});

test("a leader is looked for where the configuration has it, then where it says itself", () => {
  expect(addressesOf(null)).toEqual([]);
  expect(addressesOf(leader)).toEqual(["n2:1"]);
  expect(addressesOf({ ...leader, announced: "moved:1" })).toEqual(["n2:1", "moved:1"]);
});

const broken = new GraftError("unavailable", "connection reset");
const told = new GraftError("outcome-unknown", "n1 stopped");
const unheard: Doubt = { error: null };
const later = new GraftError("unavailable", "n2 has no leader");

describe("a request that is given up", () => {
  test.each<readonly [string, RequestBody, Doubt | null, GraftError | null, ErrorCode, string]>([
    [
      "which is a roll-out whose only copy is out",
      { ...rollOut, dryRun: false },
      unheard,
      null,
      "outcome-unknown",
      "late",
    ],
    [
      "which is only a plan of a roll-out",
      { ...rollOut, dryRun: true },
      unheard,
      null,
      "unavailable",
      "late: no node answered",
    ],
    ["and met nothing", handOver, null, null, "unavailable", "late: no node answered"],
    ["and met a refusal", handOver, null, later, "unavailable", "late: n2 has no leader"],
    ["which changes nothing", query, { error: null }, later, "unavailable", "late: n2 has no leader"],
    ["whose only copy is out", handOver, { error: null }, null, "outcome-unknown", "late"],
    [
      "of which one copy is out and another was refused",
      handOver,
      { error: null },
      later,
      "outcome-unknown",
      "late: one copy was sent and is not answered; another copy: n2 has no leader",
    ],
    ["whose last copy was lost", handOver, { error: broken }, broken, "outcome-unknown", "late: connection reset"],
    [
      "of which one copy was lost and another was refused",
      handOver,
      { error: broken },
      later,
      "outcome-unknown",
      "late: one copy was sent and its answer was lost; another copy: n2 has no leader",
    ],
    ["whose node has said why", handOver, { error: told }, later, "outcome-unknown", "late: n1 stopped"],
  ])("%s", (_, body, doubt, last, code, message) => {
    const error = judgeUnanswered(body, doubt, "late", last);
    expect([error.code, error.message]).toEqual([code, message]);
    expect(error.cause).toBe(code === "unavailable" ? (last ?? undefined) : undefined);
  });
});

describe("a refusal after a copy in doubt", () => {
  const refused = new GraftError("rejected", "no such node");
  test.each<readonly [string, RequestBody, Doubt | null, GraftError, ErrorCode, string]>([
    ["without a doubt", handOver, null, refused, "rejected", "no such node"],
    ["of a query", query, { error: broken }, refused, "rejected", "no such node"],
    ["of a command by the state machine", command, { error: broken }, refused, "rejected", "no such node"],
    ["of a hand-over", handOver, { error: told }, refused, "outcome-unknown", "n1 stopped; another copy: no such node"],
    [
      "of a command by a node",
      command,
      { error: null },
      later,
      "outcome-unknown",
      "one copy was sent and is not answered; another copy: n2 has no leader",
    ],
  ])("%s", (_, body, doubt, error, code, message) => {
    const judged = judgeFailure(body, doubt, error);
    expect([judged.code, judged.message]).toEqual([code, message]);
    if (code === "outcome-unknown") expect(judged.cause).toBe(error);
    else expect(judged).toBe(error);
  });
});
