// Whether a newcomer is taken, from what everyone has found who tried to reach it.
import { expect, test } from "bun:test";
import { judgeFindings } from "../../src/node/reaching.ts";

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
    "n2 cannot reach n4 at 10.0.0.4:7401: connection refused; n3 cannot reach n4 at 10.0.0.4:7401: connection refused. Nor has n4 connections of its own to them";
  expect(judgeFindings(newcomer, findings)).toEqual({ kind: "refused", reason });
});

test("two processes under one name are refused", () => {
  const findings = [
    { by: "n1", reach: reached("a") },
    { by: "n2", reach: reached("b") },
  ];
  expect(judgeFindings(newcomer, findings)).toMatchObject({ reason: "two processes with different data answer as n4" });
});
