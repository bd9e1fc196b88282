// A snapshot can be restored whatever ALTER TABLE did: a restore inserts each row anew, and SQLite itself asks few of the rows that are there.
import { afterEach, describe, expect, test } from "bun:test";
import { closeAll, copyOf, openDatabase, type TestDatabase } from "./databases.ts";

afterEach(closeAll);

const databaseWith = (rows: string, columns = "a, b"): TestDatabase => {
  const database = openDatabase();
  database.execute(`CREATE TABLE t (${columns}); INSERT INTO t (a, b) VALUES ${rows}`);
  return database;
};

/** Nothing has changed, and another database can have it. */
function mustRefuse(database: TestDatabase, sql: string): string {
  const items = database.items();
  const message = database.refusal((db) => db.execute(sql));
  expect(database.items()).toEqual(items);
  expect(copyOf(database).items()).toEqual(items);
  return message;
}

describe("ALTER TABLE refuses a column that is not computed for each row that is there:", () => {
  test.each([
    ["json_extract(b, '$.x')", "(1, '{\"x\": 1}'), (2, 'not json')", "malformed JSON"],
    ["b ->> 'x'", "(1, '{\"x\": 1}'), (2, 'not json')", "malformed JSON"],
    ["abs(a)", "(1, 1), (-9223372036854775808, 2)", "integer overflow"],
    ["date(a)", "('2026-01-01', 1), ('now', 2)", "date() was given 'now' as a value"],
    ["zeroblob(a)", "(1, 1), (20000000, 2)", "zeroblob() gives at most 16777216 bytes"],
    ["b LIKE 'a' ESCAPE a", "('x', 1), ('xy', 2)", "ESCAPE expression must be a single character"],
    ["CASE a WHEN 1 THEN 0 ELSE json(b) END", "(1, 'not json'), (2, 'not json')", "malformed JSON"],
  ])("AS (%s)", (expression, rows, why) => {
    const start = "ALTER TABLE is refused: the column c of t cannot be computed for a row that is there: ";
    for (const more of ["", "VIRTUAL", "COLLATE NOCASE"]) {
      const sql = `ALTER TABLE t ADD COLUMN c AS (${expression}) ${more}`;
      expect(mustRefuse(databaseWith(rows), sql)).toStartWith(start + why);
    }
    // SQLite asks the rows itself then.
    for (const more of ["NOT NULL", "CHECK (c IS NOT 'y')"])
      mustRefuse(databaseWith(rows), `ALTER TABLE t ADD COLUMN c AS (${expression}) ${more}`);
  });

  test.each([
    "ALTER TABLE main.t ADD c AS (abs(a))",
    "alter table [T] add column c generated always as (abs(a))",
    "ALTER TABLE 't' ADD c AS (abs(a))",
    'ALTER TABLE "main" . `t` ADD c AS (abs(a))',
    "CREATE TABLE u (x); ALTER TABLE t ADD c AS (abs(a)); ALTER TABLE t ADD d; DROP TABLE u",
    "ALTER TABLE t RENAME TO u; ALTER TABLE u ADD c AS (abs(a))",
    "ALTER TABLE t RENAME a TO z; ALTER TABLE t ADD c AS (abs(z)); ALTER TABLE t RENAME TO u",
    "ALTER TABLE t ADD first AS (1); ALTER TABLE t ADD c AS (abs(a)); ALTER TABLE t ADD last AS (c)",
    'ALTER TABLE t RENAME b TO "RENAME"; ALTER TABLE t ADD c AS (coalesce("RENAME", abs(a)) || abs(a))',
  ])("however it is written: %s", (sql) => {
    expect(mustRefuse(databaseWith("(-9223372036854775808, 2)"), sql)).toMatch(
      /the column c of [tTu] cannot be computed/,
    );
  });

  test("what can be computed is fine, also for a table without rows", () => {
    const database = databaseWith("(1, '{\"x\": 1}'), (NULL, NULL)");
    database.execute("ALTER TABLE t ADD c AS (json_extract(b, '$.x')); ALTER TABLE t ADD d AS (abs(a))");
    database.execute("CREATE TABLE u (a, b); ALTER TABLE u ADD c AS (json_extract(b, '$.x')) NOT NULL");
    expect(database.query("SELECT * FROM t")).toEqual([
      { a: 1, b: '{"x": 1}', c: 1, d: 1 },
      { a: null, b: null, c: null, d: null },
    ]);
    expect(copyOf(database).items()).toEqual(database.items());
  });
});

describe("ALTER TABLE refuses NULL in a column that is NOT NULL:", () => {
  const message =
    "ALTER TABLE is refused: the column c of t is NOT NULL, and a row that is there would have NULL in it";

  test.each([
    "NOT NULL DEFAULT -NULL",
    "NOT NULL ON CONFLICT IGNORE DEFAULT -NULL",
    "DEFAULT -NULL NOT NULL ON CONFLICT REPLACE",
    "NOT NULL DEFAULT +NULL",
    "NOT NULL DEFAULT (CAST(NULL AS TEXT))",
    "DEFAULT (CAST(NULL AS INT)) NOT NULL ON CONFLICT IGNORE",
    "CONSTRAINT k DEFAULT (-NULL) CONSTRAINT l NOT NULL",
  ])("ADD c %s", (column) => {
    const refusal = mustRefuse(databaseWith("(1, 1)"), `ALTER TABLE t ADD c ${column}`);
    expect([message, "Cannot add a NOT NULL column with default value NULL"]).toContain(refusal);
  });

  test("in a STRICT table, and in one WITHOUT ROWID", () => {
    for (const options of ["STRICT", "WITHOUT ROWID", "STRICT, WITHOUT ROWID"]) {
      const database = openDatabase();
      database.execute(`CREATE TABLE t (a INT PRIMARY KEY) ${options}; INSERT INTO t VALUES (1)`);
      expect(mustRefuse(database, "ALTER TABLE t ADD c INT NOT NULL DEFAULT -NULL")).toContain("NOT NULL");
    }
  });

  test("also one that is there", () => {
    const database = databaseWith("(1, NULL)");
    expect(mustRefuse(database, "ALTER TABLE t ALTER b SET NOT NULL ON CONFLICT IGNORE")).toBe("constraint failed");
  });

  test("a table without rows may have it, and a default that is no NULL is fine", () => {
    const database = openDatabase();
    database.execute("CREATE TABLE t (a); ALTER TABLE t ADD b NOT NULL DEFAULT -NULL");
    expect(database.refusal((db) => db.execute("INSERT INTO t (a) VALUES (1)"))).toBe(
      "NOT NULL constraint failed: t.b",
    );
    database.execute("INSERT INTO t VALUES (1, 2); ALTER TABLE t ADD c NOT NULL DEFAULT (CAST('3' AS INT))");
    expect(copyOf(database).query("SELECT * FROM t")).toEqual([{ a: 1, b: 2, c: 3 }]);
  });

  test.each(["(0)", "('x')", "(1.5)", "(-1)", "-'12abc'", "(x'00')", "'NULL'"])("DEFAULT %s is fine", (value) => {
    const database = databaseWith("(1, 1), (2, NULL)");
    database.execute(`ALTER TABLE t ADD c INTEGER NOT NULL DEFAULT ${value}; INSERT INTO t (a) VALUES (3)`);
    const copy = copyOf(database);
    expect(copy.items()).toEqual(database.items());
    const sql = "SELECT a, c, typeof(c) AS type FROM t";
    expect(copy.query(sql)).toEqual(database.query(sql));
  });

  test("a default that is no constant is fine for a table without rows", () => {
    const database = openDatabase();
    database.execute("CREATE TABLE t (a); ALTER TABLE t ADD b TEXT NOT NULL DEFAULT (datetime('now'))");
    database.execute("INSERT INTO t (a) VALUES (1)");
    expect(copyOf(database).query("SELECT * FROM t")).toEqual([{ a: 1, b: "2023-11-14 22:13:20" }]);
  });
});
