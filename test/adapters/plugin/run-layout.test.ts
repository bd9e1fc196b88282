// A run and its outcomes survive the trip through one buffer.
import { expect, test } from "bun:test";
import { OutcomePieces, pieceBytesMax } from "../../../src/adapters/plugin/outcome-pieces.ts";
import {
  packAnswers,
  type PackedAnswer,
  packOutcomes,
  packQueries,
  packRun,
  unpackAnswers,
  unpackOutcomes,
  unpackRequest,
} from "../../../src/adapters/plugin/run-layout.ts";
import type { AppliedEntry, Outcome } from "../../../src/ports/state-machine.ts";

const run: readonly AppliedEntry[] = [
  { kind: "command", index: 1, term: 1, timeMs: 0, payload: new Uint8Array(), session: null, isAwaited: true },
  {
    kind: "command",
    index: 2 ** 53 - 1,
    term: 2 ** 52,
    timeMs: 1_795_430_000_123,
    payload: Uint8Array.of(1, 2, 3),
    session: null,
    isAwaited: false,
  },
  {
    kind: "command",
    index: 4,
    term: 2,
    timeMs: 8,
    payload: Uint8Array.of(7),
    session: { id: 3, sequence: 2 ** 53 - 1, answeredBelow: 2 ** 40, client: "n.1-_" },
    isAwaited: true,
  },
  {
    kind: "openSession",
    index: 5,
    term: 2,
    timeMs: 8,
    client: "admin",
    isAdmin: true,
    timeoutMs: 600_000,
    isAwaited: true,
  },
  // The same client's again, and another one's.
  { kind: "closeSession", index: 6, term: 2, timeMs: 9, client: "admin", session: 4, isAwaited: false },
  { kind: "closeSession", index: 7, term: 2, timeMs: 9, client: "b", session: 5, isAwaited: false },
  // A view into a larger buffer, at an odd place, as a codec gives it.
  {
    kind: "command",
    index: 3,
    term: 2,
    timeMs: 7,
    payload: Uint8Array.of(9, 9, 9, 4, 5, 9).subarray(3, 5),
    session: null,
    isAwaited: true,
  },
];

test("a run, of which nothing is packed twice and no byte is spare", () => {
  const bytes = run.reduce((sum, entry) => sum + (entry.kind === "command" ? entry.payload.byteLength : 0), 0);
  const names = "n.1-_adminb";
  expect(packRun(run).byteLength).toBe((2 + 10 * run.length) * 8 + bytes + names.length);
  expect(unpackRequest(packRun(run))).toEqual({ kind: "apply", run });
  expect(unpackRequest(packRun([]))).toEqual({ kind: "apply", run: [] });
});

test("a slice of queries", () => {
  const slice = [Uint8Array.of(0, 1, 255), new Uint8Array(), Uint8Array.of(9, 8, 7, 6).subarray(1, 3)];
  expect(unpackRequest(packQueries(slice))).toEqual({ kind: "query", slice });
  expect(unpackRequest(packQueries([]))).toEqual({ kind: "query", slice: [] });
});

test("answers to queries, with what each took, and the failure of one", () => {
  const answers: readonly PackedAnswer[] = [
    { outcome: { kind: "ok", payload: Uint8Array.of(1, 2) }, elapsedMs: 0.25 },
    { outcome: { kind: "failed", message: "größer", stack: 'at "x"\n' }, elapsedMs: 7 },
    { outcome: { kind: "rejected", message: "≥" }, elapsedMs: 0 },
    { outcome: { kind: "ok", payload: new Uint8Array() }, elapsedMs: 1e-3 },
  ];
  expect(unpackAnswers(packAnswers(answers))).toEqual(answers);
  expect(unpackAnswers(packAnswers([]))).toEqual([]);
});

test("outcomes, in order, with messages in any script", () => {
  const outcomes: readonly Outcome[] = [
    { kind: "rejected", message: "Größe: 0 ≥ 1 🚫" },
    { kind: "ok", payload: Uint8Array.of(1, 2) },
    { kind: "rejected", message: "" },
    { kind: "expired" },
    { kind: "forgotten" },
    { kind: "full", message: "größer als 1", untilMs: 1_795_430_000_123 },
    { kind: "ok", payload: new Uint8Array() },
  ];
  expect(piecesOf(outcomes).map(unpackOutcomes)).toEqual([{ outcomes, isLast: true, wakeAtMs: null }]);
  expect(piecesOf([]).map(unpackOutcomes)).toEqual([{ outcomes: [], isLast: true, wakeAtMs: null }]);
  expect(unpackOutcomes(packOutcomes(outcomes, true, 1_795_430_000_123)).wakeAtMs).toBe(1_795_430_000_123);
});

test("outcomes in pieces: none is large, unless a single outcome is", () => {
  const half = { kind: "ok", payload: new Uint8Array(pieceBytesMax / 2) } as const;
  const huge = { kind: "ok", payload: new Uint8Array(pieceBytesMax + 1) } as const;
  const text = { kind: "rejected", message: "…".repeat(pieceBytesMax / 6) } as const;
  const pieces = piecesOf([half, half, half, huge, text, half]).map(unpackOutcomes);
  expect(pieces.map(({ outcomes, isLast }) => [outcomes.length, isLast])).toEqual([
    [2, false],
    [1, false],
    [1, false],
    [2, true],
  ]);
});

function piecesOf(outcomes: readonly Outcome[]): readonly ArrayBuffer[] {
  const pieces: ArrayBuffer[] = [];
  const gatherer = new OutcomePieces((gathered, isLast) => pieces.push(packOutcomes(gathered, isLast, null)));
  for (const outcome of outcomes) gatherer.add(outcome);
  gatherer.end();
  return pieces;
}

test("a run of 64 costs one buffer, little larger than its payloads", () => {
  const full = Array.from({ length: 64 }, (_, nth) => ({
    kind: "command" as const,
    index: nth + 1,
    term: 1,
    timeMs: 0,
    payload: new Uint8Array(256),
    session: null,
    isAwaited: true,
  }));
  expect(packRun(full).byteLength).toBe(16 + 64 * (80 + 256));
});
