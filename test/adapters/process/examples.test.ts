// The examples of docs/process.md, in Python and in C: each is run where its language is at hand. What they come to is compared with the words
// of the documentation.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeValue, encodeValue } from "../../../src/adapters/cbor/value.ts";
import { createProcessStateMachine } from "../../../src/adapters/process/process-host.ts";
import type { AppliedCommand, Outcome, StateMachine } from "../../../src/ports/state-machine.ts";
import { chunksOf, readAll, run } from "../../contracts/journal-plugin.ts";
import { answerTo, outcomesOf } from "../../contracts/outcomes-of.ts";

const examples = join(import.meta.dir, "../../../examples");
const opened: StateMachine[] = [];
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "graft-examples-"));
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((machine) => machine.close()));
});
afterAll(() => rm(folder, { recursive: true }));

async function open(...command: readonly string[]): Promise<StateMachine> {
  const machine = await createProcessStateMachine({ command, directory: examples });
  opened.push(machine);
  return machine;
}

const command = (index: number, payload: Uint8Array): AppliedCommand => ({
  kind: "command",
  index,
  term: 1,
  timeMs: index,
  payload,
  session: null,
  isAwaited: true,
});

const typed = (index: number, operation: string, input: Parameters<typeof encodeValue>[0]): AppliedCommand =>
  command(index, encodeValue([operation, input]));

const value = (outcome: Outcome): unknown =>
  outcome.kind === "ok" ? decodeValue(outcome.payload) : "message" in outcome ? outcome.message : outcome.kind;

describe.skipIf(Bun.which("python3") === null)("the example in Python", () => {
  const python = (): Promise<StateMachine> => open("python3", "machine.py");

  test("its commands change the state, and its queries read it", async () => {
    const machine = await python();
    const outcomes = await outcomesOf(machine, [
      typed(1, "put", { key: "a", value: "one" }),
      typed(2, "put", { key: "a", value: { two: [2, null] } }),
      typed(3, "add", { key: "n", by: 5 }),
      typed(4, "add", { key: "n" }),
      typed(5, "delete", { key: "none" }),
      typed(6, "add", { key: "a" }),
      typed(7, "put", { key: "a" }),
      typed(8, "drop", null),
    ]);
    expect(outcomes.map(value)).toEqual([
      null,
      "one",
      5,
      6,
      "there is no key none",
      "a is not a number",
      "put takes key, value",
      'machine has no command "drop"; it has: put, delete, add',
    ]);
    expect(value(await answerTo(machine, encodeValue(["get", { key: "a" }])))).toEqual({ two: [2, null] });
    expect(value(await answerTo(machine, encodeValue(["count", null])))).toBe(2);
  });

  test("its state comes back from a snapshot in another process", async () => {
    const machine = await python();
    const keys = Array.from({ length: 2_500 }, (_, nth) => `key ${nth}`);
    await outcomesOf(
      machine,
      keys.map((key, nth) => typed(nth + 1, "put", { key, value: nth })),
    );
    const taken = await machine.snapshot();
    await outcomesOf(machine, [typed(2_501, "delete", { key: "key 7" })]);
    const chunks = await readAll(taken);
    const other = await python();
    await outcomesOf(other, [typed(1, "put", { key: "gone", value: 1 })]);
    await other.restore(chunksOf(chunks), null);
    expect(value(await answerTo(other, encodeValue(["count", null])))).toBe(2_500);
    expect(value(await answerTo(other, encodeValue(["get", { key: "key 7" }])))).toBe(7);
  });
});

const hasSqlite = Bun.spawnSync(["python3", "-c", "import sqlite3; sqlite3.Connection.serialize"]).success;

describe.skipIf(Bun.which("python3") === null || !hasSqlite)("the example of SQL in Python", () => {
  const sql = (): Promise<StateMachine> => open("python3", "sql.py");
  const rowsOf = async (machine: StateMachine, query: string): Promise<unknown> =>
    value(await answerTo(machine, encodeValue(["query", query])));
  const execute = async (machine: StateMachine, scripts: readonly Parameters<typeof encodeValue>[0][]) =>
    (
      await outcomesOf(
        machine,
        scripts.map((script, nth) => typed(nth + 1, "execute", script)),
      )
    ).map(value);

  test("a script happens as a whole or not at all, and values come back as they are", async () => {
    const machine = await sql();
    const outcomes = await execute(machine, [
      "CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE, b) WITHOUT ROWID; -- a; remark",
      "INSERT INTO t VALUES (1, 'x;y', 9007199254740993), (2, 1.5, x'00ff')",
      "INSERT INTO t (id, a) VALUES (4, 'gone'); INSERT INTO t (id, a) VALUES (5, 1.5)",
      { sql: "INSERT INTO t VALUES (3, ?, ?) RETURNING id", params: [{ integer: "-9007199254740993" }, null] },
      { sql: "UPDATE t SET b = :b WHERE id > :id", params: { b: new Uint8Array([1]), id: 1 } },
    ]);
    expect(outcomes).toEqual([
      { changes: 0, rows: [] },
      { changes: 2, rows: [] },
      "UNIQUE constraint failed: t.a",
      { changes: 1, rows: [{ id: 3 }] },
      { changes: 2, rows: [] },
    ]);
    expect(await rowsOf(machine, "SELECT * FROM t ORDER BY id")).toEqual([
      { id: 1, a: "x;y", b: { integer: "9007199254740993" } },
      { id: 2, a: 1.5, b: new Uint8Array([1]) },
      { id: 3, a: { integer: "-9007199254740993" }, b: new Uint8Array([1]) },
    ]);
  });

  test("what could differ between nodes is refused, and a query that writes", async () => {
    const machine = await sql();
    const outcomes = await execute(machine, [
      "CREATE TABLE t (a PRIMARY KEY) WITHOUT ROWID",
      "CREATE TABLE u (a)",
      "CREATE TABLE u AS SELECT 1 AS a",
      "CREATE TABLE u (a PRIMARY KEY, b DEFAULT CURRENT_TIMESTAMP) WITHOUT ROWID",
      "CREATE TABLE u (a PRIMARY KEY, b DEFAULT (random())) WITHOUT ROWID",
      "ALTER TABLE t ADD COLUMN b",
      "INSERT INTO t VALUES (random())",
      "INSERT INTO t VALUES (datetime('now'))",
      "INSERT INTO t VALUES (CURRENT_TIMESTAMP)",
      "PRAGMA user_version = 3",
      "ATTACH 'other.db' AS other",
      "BEGIN; INSERT INTO t VALUES (1)",
      "SELECT 1 AS [$bytes]",
      "SELECT 1 AS a, 2 AS a",
      "INSERT OR ROLLBACK INTO t VALUES (1), (1)",
      `SELECT '${";".repeat(2_000)}'`,
      "SELECT * FROM t",
    ]);
    expect(outcomes).toEqual([
      { changes: 0, rows: [] },
      "the table u has rowids: say WITHOUT ROWID behind its columns",
      "the table u has rowids: say WITHOUT ROWID behind its columns",
      "the default of b in u is no literal",
      "the default of b in u is no literal",
      "not authorized",
      "not authorized to use function: random",
      "not authorized to use function: datetime",
      "not authorized to use function: CURRENT_TIMESTAMP",
      "not authorized",
      "not authorized",
      "not authorized",
      "two columns have one name, or one is called $bytes: name them with AS",
      "two columns have one name, or one is called $bytes: name them with AS",
      "UNIQUE constraint failed: t.a",
      "a statement has more than 1000 semicolons",
      { changes: 0, rows: [] },
    ]);
    expect(await rowsOf(machine, "DELETE FROM t")).toBe("not authorized");
    const endless = "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT";
    expect(await rowsOf(machine, `${endless} n FROM c`)).toBe("the rows have more than 4194304 bytes: use LIMIT");
    expect(await rowsOf(machine, `${endless} max(n) FROM c`)).toBe("interrupted");
  });

  test("its state comes back from a snapshot in another process, and goes on in the same way", async () => {
    const machine = await sql();
    const insert = Array.from({ length: 500 }, (_, nth) => ({
      sql: "INSERT INTO t VALUES (?, ?)",
      params: [nth, "x".repeat(nth)],
    }));
    await execute(machine, [
      "CREATE TABLE t (id PRIMARY KEY, a) WITHOUT ROWID",
      ...insert,
      "DELETE FROM t WHERE length(a) % 3 = 0",
    ]);
    const other = await sql();
    await execute(other, ["CREATE TABLE gone (a PRIMARY KEY) WITHOUT ROWID"]);
    await other.restore(chunksOf(await readAll(await machine.snapshot())), null);
    const more = [
      "CREATE INDEX i ON t (a)",
      "INSERT INTO t VALUES (-1, 'more')",
      "DROP TABLE t",
      "CREATE TABLE u (a PRIMARY KEY) WITHOUT ROWID",
    ];
    for (const script of more) expect(await execute(other, [script])).toEqual(await execute(machine, [script]));
    expect(await readAll(await other.snapshot())).toEqual(await readAll(await machine.snapshot()));
  });
});

describe.skipIf(Bun.which("cc") === null)("the example in C", () => {
  test("it counts, and its count comes back from a snapshot", async () => {
    const program = join(folder, "counter");
    const compiled = Bun.spawnSync(["cc", "-O2", "-o", program, join(examples, "counter.c")]);
    expect(compiled.stderr.toString()).toBe("");
    const machine = await open(program);
    expect(machine.description).toMatchObject({ name: "counter-c", style: "raw", snapshots: true });
    const outcomes = await outcomesOf(
      machine,
      Array.from({ length: 1_000 }, (_, nth) => command(nth + 1, new Uint8Array(nth % 300))),
    );
    const last = outcomes.at(-1)!;
    const total = Array.from({ length: 1_000 }, (_, nth) => nth % 300).reduce((sum, each) => sum + each, 0);
    expect(last.kind === "ok" && Buffer.from(last.payload).toString()).toBe(String(total));
    const chunks = await readAll(await machine.snapshot());
    const other = await open(program);
    await outcomesOf(other, run(1, ["gone"]));
    await other.restore(chunksOf(chunks), null);
    const answer = await answerTo(other, new Uint8Array());
    expect(answer.kind === "ok" && Buffer.from(answer.payload).toString()).toBe(String(total));
  });
});
