// The SQL state machine as clients see it, in both hosts: inputs in each form, results, refusals, and a snapshot that another one takes over.
import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import { removeTemporaryStates } from "../../../src/adapters/plugin/temporary-state.ts";
import type { StateSnapshot } from "../../../src/ports/state-machine.ts";
import { hosts, type Session } from "../hosts.ts";

const users = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT UNIQUE, at TEXT DEFAULT (datetime('now')))";

afterAll(removeTemporaryStates);

describe.each(hosts)("sql (%s)", (_, open) => {
  let sql: Session;
  beforeEach(async () => {
    sql = await open("sql");
  });
  afterEach(() => sql.close());

  test("a command is SQL as text, or with parameters", async () => {
    const nothing = { changes: 0, lastInsertRowid: null, rows: [] };
    expect(await sql.command("execute", users)).toEqual(nothing);
    const insert = "INSERT INTO users (name) VALUES (?) RETURNING id, at";
    expect(await sql.command("execute", { sql: insert, params: ["ada"] })).toEqual({
      changes: 1,
      lastInsertRowid: 1,
      rows: [{ id: 1, at: "1970-01-01 00:00:00" }],
    });
    expect(await sql.command("execute", { sql: new Uint8Array(Buffer.from("DELETE FROM users")) })).toMatchObject({
      changes: 1,
    });
    expect(
      await sql.query("query", {
        sql: "SELECT :n AS n, :b AS b",
        params: { n: { integer: "9007199254740993" }, b: new Uint8Array([0]) },
      }),
    ).toEqual([{ n: { integer: "9007199254740993" }, b: new Uint8Array([0]) }]);
  });

  test("what fails is refused, and the state machine goes on", async () => {
    await sql.command("execute", users);
    await sql.command("execute", "INSERT INTO users (name) VALUES ('ada')");
    expect(await sql.command("execute", "INSERT INTO users (name) VALUES ('bob'), ('ada')")).toBe(
      "rejected: UNIQUE constraint failed: users.name",
    );
    expect(await sql.command("execute", "SELEC 1")).toBe(
      'rejected: "SELEC" begins no statement of SQL that is known here',
    );
    expect(await sql.command("execute", "SELECT * FROM nobody")).toBe("rejected: no such table: nobody");
    expect(await sql.command("execute", { sql: new Uint8Array([255]) })).toBe(
      "rejected: the SQL is not UTF-8, and nothing was run: convert it",
    );
    expect(await sql.command("execute", { sql: "SELECT 1", params: 5 })).toContain("Expected an array of values");
    expect(await sql.query("query", "DELETE FROM users")).toBe(
      "rejected: a query only reads, and this would write: send it as a command",
    );
    expect(await sql.query("query", "SELECT name FROM users")).toEqual([{ name: "ada" }]);
  });

  test("another one takes a snapshot over, and goes on in the same way", async () => {
    await sql.command("execute", `${users}; CREATE INDEX by_time ON users (at DESC)`);
    for (const name of ["ada", "bob"])
      await sql.command("execute", { sql: "INSERT INTO users (name) VALUES (?)", params: [name] });
    const bytes = await readAll(await sql.machine.snapshot());
    const other = await open("sql");
    try {
      await other.machine.restore(
        (async function* () {
          yield bytes;
        })(),
        null,
      );
      expect(await readAll(await other.machine.snapshot())).toEqual(bytes);
      const insert = "INSERT INTO users (name) VALUES ('cyd'); SELECT * FROM users ORDER BY at, id";
      expect(await other.command("execute", insert)).toMatchObject({ lastInsertRowid: 3 });
      await sql.command("execute", insert);
      expect(await other.query("query", "SELECT name FROM users")).toEqual(
        await sql.query("query", "SELECT name FROM users"),
      );
    } finally {
      await other.close();
    }
  });

  test("one that has taken a snapshot over takes a command at once", async () => {
    await sql.command("execute", `${users}; CREATE VIEW names AS SELECT name FROM users`);
    const bytes = await readAll(await sql.machine.snapshot());
    const chunks = async function* (): AsyncGenerator<Uint8Array> {
      yield bytes;
    };
    await sql.machine.restore(chunks(), null);
    expect(await sql.command("execute", "INSERT INTO users (name) VALUES ('ada')")).toMatchObject({ changes: 1 });
    expect(await sql.query("query", "SELECT * FROM names")).toEqual([{ name: "ada" }]);
  });
});

async function readAll(snapshot: StateSnapshot): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  for (let chunk = await snapshot.read(); chunk !== null; chunk = await snapshot.read()) chunks.push(chunk.slice());
  return new Uint8Array(Buffer.concat(chunks));
}
