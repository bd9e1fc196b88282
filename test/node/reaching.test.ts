// Whether a newcomer is taken, from what everyone has found who tried to reach it.
import { expect, test } from "bun:test";
import { type MemberKey, toMemberKey } from "../../src/core/configuration.ts";
import { judgeFindings, Reaching } from "../../src/node/reaching.ts";
import type { Reach } from "../../src/ports/node-messages.ts";
import { ManualClock } from "../doubles/manual-clock.ts";

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

test("one that nobody can dial is known as such, whoever has not answered", () => {
  const findings = [
    { by: "n1", reach: reached("a", "accepted") },
    { by: "n2", reach: null },
  ];
  expect(judgeFindings(newcomer, findings)).toMatchObject({ kind: "reachable", undialledBy: ["n1"], isHidden: true });
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
        ["n2", "n3"].map((id) => ({ id, address: "", reachable: true, reason: null, version: null, announced: null })),
      reach: () => Promise.resolve(reached("a")),
      send: (to, message) => void (message.kind === "reachRequest" && asked.set(to, message.id)),
    },
  });
  const voters = [toMemberKey("n2", "i"), toMemberKey("n3", "i")];
  const verdict = reaching.find(newcomer, voters);
  const answer = (from: MemberKey, about: MemberKey, reach: Reach): void =>
    reaching.onReply(from, { kind: "reachReply", id: asked.get(about)!, reach });
  return { clock, verdict, voters, answer };
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

test("nor can a stranger speak for a voter that does not answer", async () => {
  const { clock, verdict, voters, answer } = asking();
  const [n2, n3] = voters as [MemberKey, MemberKey];
  answer(n2, n2, reached("a"));
  answer(toMemberKey("n4", "a"), n3, reached("a"));
  clock.advance(10_000);
  expect(await verdict).toMatchObject({ kind: "reachable", unasked: ["n3"] });
});
