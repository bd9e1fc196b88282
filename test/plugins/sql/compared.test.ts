// Copies of a database come to the same hashes: one that runs without a break, one that was restarted, and one that began with a snapshot.
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeValue } from "../../../src/adapters/cbor/value.ts";
import { createInlineStateMachine } from "../../../src/adapters/plugin/inline-host.ts";
import { locatePlugin } from "../../../src/adapters/plugin/loader.ts";
import type { AppliedEntry, StateMachine } from "../../../src/ports/state-machine.ts";
import { chunksOf, readAll } from "../../contracts/journal-plugin.ts";
import { outcomesOf } from "../../contracts/outcomes-of.ts";

const folder = mkdtempSync(join(tmpdir(), "graft-sql-compared-"));
afterAll(() => rm(folder, { recursive: true }));

const texts = [
  "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE, at TEXT DEFAULT (datetime('now')), r DEFAULT (random()))",
  "INSERT INTO t (name) VALUES ('ada'), ('bob') RETURNING *",
  "INSERT INTO t (name) VALUES ('ada')",
  "CREATE INDEX by_time ON t (at DESC)",
  "UPDATE t SET name = name || '!' WHERE id = 1 RETURNING r",
  "DELETE FROM t WHERE id = 2",
  "SELEC 1",
  "INSERT INTO t (name) VALUES ('cyd') RETURNING *",
  "SELECT name, r FROM t ORDER BY id",
  "DROP INDEX by_time",
  "INSERT INTO t (name) SELECT name || id FROM t RETURNING name, r",
];
const entries: readonly AppliedEntry[] = texts.map((text, nth) => ({
  kind: "command",
  index: nth + 1,
  term: 1,
  timeMs: 1_700_000_000_000 + nth * 1000,
  isAwaited: nth % 2 === 0,
  payload: encodeValue(["execute", text]),
  session: null,
}));
const half = 6;

async function begin(name: string) {
  const machine = await createInlineStateMachine([locatePlugin("sql", folder)], () => {}, join(folder, name));
  const told: (readonly [number, number])[] = [];
  machine.watchMilestones(1, ({ index, chain }) => told.push([index, chain]));
  const { held } = await machine.recall("me");
  return { machine, told, through: held?.reached.index ?? 0 };
}

async function contentOf(machine: StateMachine): Promise<number | null> {
  const snapshot = await machine.snapshot();
  await readAll(snapshot);
  return snapshot.contentHash;
}

test("the hashes are the same without a break, after a restart, and after a snapshot", async () => {
  const whole = await begin("whole");
  await outcomesOf(whole.machine, entries);
  expect(whole.told.map(([index]) => index)).toEqual(entries.map(({ index }) => index));
  const before = await begin("restarted");
  await outcomesOf(before.machine, entries.slice(0, half));
  const chunks = await readAll(await before.machine.snapshot());
  await before.machine.close();
  const restarted = await begin("restarted");
  expect(restarted.through).toBe(half);
  const restored = await begin("restored");
  await restored.machine.restore(chunksOf(chunks), null);
  // Each entry in a run of its own.
  for (const { machine } of [restarted, restored])
    for (const entry of entries.slice(half)) await outcomesOf(machine, [entry]);
  const content = await contentOf(whole.machine);
  for (const { machine, told } of [restarted, restored]) {
    expect(told).toEqual(whole.told.slice(half));
    expect(await contentOf(machine)).toBe(content);
  }
  for (const { machine } of [whole, restarted, restored]) await machine.close();
});
