// What a write weighs: what it is asked whether there is room for.
import { expect, test } from "bun:test";
import type { DurableEffect } from "../../src/core/effects.ts";
import { type Entry, entryBytes } from "../../src/core/entry.ts";
import { bytesOf } from "../../src/node/wait-for-room.ts";

const entryOf = (index: number, payloadBytes: number): Entry => ({
  kind: "command",
  index,
  term: 1,
  stampMs: 1,
  payload: new Uint8Array(payloadBytes),
  session: null,
});

test("a write weighs what all its entries weigh, and something for its records", () => {
  const entries = [entryOf(1, 1000), entryOf(2, 2_000_000), entryOf(3, 0)];
  const vote: DurableEffect = { kind: "writeVote", ticket: 1, currentTerm: 2, votedFor: null };
  const effects: readonly DurableEffect[] = [
    vote,
    { kind: "appendLog", ticket: 2, entries: entries.slice(0, 2) },
    { kind: "appendLog", ticket: 3, entries: entries.slice(2) },
  ];
  const ofEntries = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
  expect(bytesOf(effects)).toBe(bytesOf([vote]) + ofEntries);
  expect(bytesOf([vote])).toBeGreaterThan(0);
});
