// Whether a newcomer is taken, from what everyone has found who tried to reach it.
import { expect, test } from "bun:test";
import { type MemberKey, toMemberKey } from "../../src/core/configuration.ts";
import { judgeFindings, Reaching } from "../../src/node/reaching.ts";
import type { Reach } from "../../src/ports/node-messages.ts";
import { ManualClock } from "../doubles/manual-clock.ts";
import { afterMicrotasks } from "./cluster.ts";

const newcomer = { id: "n4", address: "10.0.0.4:7401" };
const reached = (incarnation: string, by: "dialled" | "accepted" = "dialled") =>
  ({ kind: "reached", incarnation, by }) as const;
const failed = { kind: "unreachable", reason: "connection refused" } as const;

test("one that everyone reaches is taken, whoever has dialled", () => {
  const findings = [
    { by: "n1", reach: reached("a") },
    { by: "n2", reach: reached("a", "accepted") },
  ];
  expect(judgeFindings(newcomer, findings)).toEqual({
    kind: "reachable",
    incarnation: "a",
    unasked: [],
    undialledBy: ["n2"],
    isHidden: false,
  });
});

test("one of which nobody has said anything is refused, and said to be so", () => {
  const reason =
    "nobody has answered whether n4 can be reached. Nor has n4 connections of its own to them. Start n4, or check its address";
  expect(judgeFindings(newcomer, [{ by: "n2", reach: null }])).toEqual({ kind: "refused", reason });
  expect(judgeFindings(newcomer, [])).toEqual({ kind: "refused", reason });
});

test("one that nobody can dial is known as such, whoever has not answered", () => {
  const findings = [
    { by: "n1", reach: reached("a", "accepted") },
    { by: "n2", reach: null },
  ];
  expect(judgeFindings(newcomer, findings)).toMatchObject({ kind: "reachable", undialledBy: ["n1"], isHidden: true });
});

test("one of which nobody has said anything is not taken", () => {
  const findings = ["n1", "n2"].map((by) => ({ by, reach: null }));
  expect(judgeFindings(newcomer, findings)).toEqual({
    kind: "refused",
    reason:
      "nobody has answered whether n4 can be reached. Nor has n4 connections of its own to them. Start n4, or check its address",
  });
});

test("a voter that does not answer is no reason against it, and is named", () => {
  const findings = [
    { by: "n1", reach: reached("a") },
    { by: "n2", reach: null },
  ];
  expect(judgeFindings(newcomer, findings)).toMatchObject({ incarnation: "a", unasked: ["n2"], undialledBy: [] });
});

test("one that a single voter cannot reach is refused, naming everyone who cannot", () => {
  const findings = [
    { by: "n1", reach: reached("a") },
    { by: "n2", reach: failed },
    { by: "n3", reach: failed },
  ];
  const reason =
    "n2 cannot reach n4 at 10.0.0.4:7401: connection refused; n3 cannot reach n4 at 10.0.0.4:7401: connection refused. Nor has n4 connections of its own to them. Check the network between them";
  expect(judgeFindings(newcomer, findings)).toEqual({ kind: "refused", reason });
});

test("one that nobody reaches does not run, or is somewhere else: that is what to look at", () => {
  const findings = [
    { by: "n1", reach: failed },
    { by: "n2", reach: null },
  ];
  const reason =
    "n1 cannot reach n4 at 10.0.0.4:7401: connection refused. Nor has n4 connections of its own to them. Start n4, or check its address";
  expect(judgeFindings(newcomer, findings)).toEqual({ kind: "refused", reason });
});

test("two processes under one name are refused", () => {
  const findings = [
    { by: "n1", reach: reached("a") },
    { by: "n2", reach: reached("b") },
  ];
  expect(judgeFindings(newcomer, findings)).toMatchObject({ reason: "two processes with different data answer as n4" });
});

/** n1 asks n2 and n3, and reaches the newcomer itself. */
function asking() {
  const clock = new ManualClock();
  const asked = new Map<MemberKey, number>();
  const reaching = new Reaching({
    self: "n1",
    clock,
    transport: {
      peers: () =>
        ["n2", "n3"].map((id) => ({
          id,
          address: "",
          reachable: true,
          reason: null,
          version: null,
          announced: null,
          knowsSkips: true,
        })),
      reach: () => Promise.resolve(reached("a")),
      send: (to, message) => void (message.kind === "reachRequest" && asked.set(to, message.id)),
    },
  });
  const voters = [toMemberKey("n2", "i"), toMemberKey("n3", "i")];
  const verdict = reaching.find(newcomer, voters);
  const answer = (from: MemberKey, about: MemberKey, reach: Reach): void =>
    reaching.onReply(from, { kind: "reachReply", id: asked.get(about)!, reach });
  return { reaching, asked, clock, verdict, voters, answer };
}

test("an answer counts for the voter that was asked, and not from another node", async () => {
  const { clock, verdict, voters, answer } = asking();
  const [n2, n3] = voters as [MemberKey, MemberKey];
  const stranger = toMemberKey("n4", "a");
  const formerDisk = toMemberKey("n3", "former");
  answer(n2, n2, reached("a"));
  for (const from of [n2, stranger, formerDisk]) answer(from, n3, failed);
  answer(n3, n3, reached("a"));
  clock.advance(10_000);
  expect(await verdict).toMatchObject({ kind: "reachable", incarnation: "a", unasked: [] });
});

test("a voter that has answered is waited for no longer", async () => {
  const { clock, verdict, voters, answer } = asking();
  for (const key of voters) answer(key, key, reached("a"));
  expect(await verdict).toMatchObject({ kind: "reachable", unasked: [] });
  expect(clock.pendingTimers).toBe(0);
});

test("an answer to one question is none to another that is asked meanwhile", async () => {
  const { reaching, asked, clock, verdict, voters, answer } = asking();
  const [n2, n3] = voters as [MemberKey, MemberKey];
  answer(n2, n2, reached("a"));
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  const other = reaching.find(newcomer, [n2]);
  expect(asked.get(n2)).not.toBe(asked.get(n3));
  answer(n3, n3, reached("a"));
  answer(n2, n2, reached("a"));
  expect([await verdict, await other]).toMatchObject([{ unasked: [] }, { unasked: [] }]);
  expect(clock.pendingTimers).toBe(0);
});

test("nor can a stranger speak for a voter that does not answer", async () => {
  const { clock, verdict, voters, answer } = asking();
  const [n2, n3] = voters as [MemberKey, MemberKey];
  answer(n2, n2, reached("a"));
  answer(toMemberKey("n4", "a"), n3, reached("a"));
  clock.advance(10_000);
  expect(await verdict).toMatchObject({ kind: "reachable", unasked: ["n3"] });
});

/** n1 alone tries a newcomer that does not run, with n2 as a voter that is not connected. */
function inVain() {
  const clock = new ManualClock();
  const attempts: unknown[][] = [];
  const sent: unknown[] = [];
  let answer: Reach = failed;
  const status = { address: "", reason: null, version: null, announced: null, knowsSkips: true };
  const reaching = new Reaching({
    self: "n1",
    clock,
    transport: {
      peers: () => [
        { ...status, id: "n2", reachable: false },
        { ...status, id: "n3", reachable: true },
      ],
      reach: async (...given) => {
        attempts.push(given);
        return answer;
      },
      send: (...given) => void sent.push(given),
    },
  });
  let verdict: unknown = null;
  const find = (): void => void reaching.find(newcomer, [toMemberKey("n2", "i")]).then((found) => (verdict = found));
  const advance = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await afterMicrotasks();
  };
  const reachNow = (): void => void (answer = reached("a"));
  return { clock, attempts, sent, find, advance, reachNow, verdict: () => verdict };
}

test("a newcomer is tried four times a second for four seconds, by this node and by voters that are connected", async () => {
  const { clock, attempts, sent, find, advance, verdict } = inVain();
  find();
  await advance(0);
  expect(attempts).toEqual([["n4", "10.0.0.4:7401", 2_000]]);
  await advance(249);
  expect(attempts).toHaveLength(1);
  await advance(1);
  expect(attempts).toHaveLength(2);
  for (let nth = 2; nth < 16; nth++) await advance(250);
  expect([attempts.length, verdict()]).toEqual([16, null]);
  await advance(250);
  expect([attempts.length, sent]).toEqual([17, []]);
  expect(verdict()).toMatchObject({ kind: "refused", reason: expect.stringContaining("n1 cannot reach n4") });
  expect(clock.pendingTimers).toBe(0);
});

test("a newcomer that begins to run while it is tried is found", async () => {
  const { find, advance, reachNow, verdict } = inVain();
  find();
  await advance(3_000);
  reachNow();
  await advance(250);
  expect(verdict()).toMatchObject({ kind: "reachable", incarnation: "a", unasked: ["n2"] });
});

test("a voter is asked for all that it needs to know, and has a little longer than its attempt to answer", async () => {
  const clock = new ManualClock();
  const sent: unknown[] = [];
  const n2 = toMemberKey("n2", "i");
  const reaching = new Reaching({
    self: "n1",
    clock,
    transport: {
      peers: () => [
        { id: "n2", address: "", reachable: true, reason: null, version: null, announced: null, knowsSkips: true },
      ],
      reach: () => Promise.resolve(reached("a")),
      send: (...given) => void sent.push(given),
    },
  });
  let verdict: unknown = null;
  void reaching.find(newcomer, [n2]).then((found) => (verdict = found));
  const request = { kind: "reachRequest", node: "n4", address: "10.0.0.4:7401", timeoutMs: 2_000 };
  expect(sent).toEqual([[n2, expect.objectContaining(request)]]);
  clock.advance(2_499);
  await afterMicrotasks();
  expect(verdict).toBeNull();
  clock.advance(1);
  await afterMicrotasks();
  expect(verdict).toMatchObject({ kind: "reachable", unasked: ["n2"] });
  expect(clock.pendingTimers).toBe(0);
});
