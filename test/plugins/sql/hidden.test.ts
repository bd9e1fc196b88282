// What is refused stays refused, however it is hidden: behind EXPLAIN, in single quotes, and in characters that two tokenizers read differently.
import { afterEach, describe, expect, test } from "bun:test";
import { closeAll, copyOf, openDatabase, type TestDatabase } from "./databases.ts";

afterEach(closeAll);

const refusals = (sql: string): readonly string[] => [
  openDatabase().refusal((db) => db.execute(sql)),
  openDatabase().refusal((db) => db.query(sql)),
];

describe("behind EXPLAIN QUERY PLAN", () => {
  test.each([
    "PRAGMA ignore_check_constraints = ON",
    "PRAGMA reverse_unordered_selects = ON",
    "PRAGMA case_sensitive_like = ON",
    "ATTACH 'x' AS y",
    "VACUUM",
    "BEGIN",
    "CREATE TABLE t (a)",
    "DROP TABLE t",
    "ALTER TABLE t RENAME TO u",
    "EXPLAIN QUERY PLAN SELECT 1",
    "EXPLAIN SELECT 1",
    "",
  ])("%s is refused", (sql) => {
    const database = openDatabase();
    database.execute("CREATE TABLE t (a CHECK (a < 10)); INSERT INTO t VALUES (1), (2)");
    database.refusal((db) => db.query(`EXPLAIN QUERY PLAN ${sql}`));
    expect(database.refusal((db) => db.execute("INSERT INTO t VALUES (11)"))).toStartWith("CHECK constraint failed");
    expect(database.query("SELECT a, 'x' LIKE 'X' AS alike FROM t")).toEqual([
      { a: 1, alike: 1 },
      { a: 2, alike: 1 },
    ]);
  });

  test.each(["SELECT 1", "VALUES (1)", "WITH x AS (SELECT 1) SELECT * FROM x", "INSERT INTO t SELECT a FROM t"])(
    "%s has a plan",
    (sql) => {
      const database = openDatabase();
      database.execute("CREATE TABLE t (a)");
      expect(database.query(`EXPLAIN QUERY PLAN ${sql}`).length).toBeGreaterThan(0);
    },
  );
});

describe("a name in single quotes", () => {
  const statements = (name: string): readonly string[] => [
    `CREATE TABLE ${name} (a)`,
    `CREATE TABLE main.${name} (a)`,
    `CREATE TABLE IF NOT EXISTS ${name} (a)`,
    `CREATE INDEX ${name} ON t (a)`,
    `CREATE VIEW ${name} AS SELECT 1`,
    `CREATE TRIGGER ${name} AFTER INSERT ON t BEGIN SELECT 1; END`,
    `CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO ${name} VALUES (1); END`,
    `ALTER TABLE t RENAME TO ${name}`,
    `DROP TABLE ${name}`,
    `SELECT count(*) FROM ${name}`,
    `SELECT * FROM t, ${name}`,
    `SELECT * FROM t JOIN temp.${name}`,
    `INSERT INTO ${name} VALUES (1)`,
    `UPDATE ${name} SET a = 1`,
    `DELETE FROM ${name}`,
  ];
  test.each(["'graft_x'", "'GRAFT_rowids'", "'graft_''x y'", "'graft_records'"])("%s is refused everywhere", (name) => {
    for (const sql of statements(name)) {
      const database = openDatabase();
      database.execute("CREATE TABLE t (a)");
      expect(database.refusal((db) => db.execute(sql))).toContain("it could stand for a table");
    }
  });

  test("is fine where it is no name of this state machine or of SQLite", () => {
    const database = openDatabase();
    database.execute("CREATE TABLE 'a graft_x' ('b'); INSERT INTO 'a graft_x' VALUES ('see graft_now()')");
    expect(database.query("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'")).toEqual([
      { name: "a graft_x" },
    ]);
    expect(database.items()).toHaveLength(2);
  });
});

describe("the schema", () => {
  const refused = (database: TestDatabase, sql: string): string => database.refusal((db) => db.execute(sql));

  test.each([
    "DROP VIEW sqlite_schema",
    'DROP VIEW IF EXISTS main."sqlite_master"',
    "ALTER TABLE sqlite_schema RENAME TO x",
    "CREATE TRIGGER g INSTEAD OF INSERT ON sqlite_schema BEGIN SELECT 1; END",
    "CREATE VIEW IF NOT EXISTS sqlite_schema AS SELECT 1",
    "CREATE INDEX i ON sqlite_schema (name)",
    "CREATE TABLE t (sqlite_schema, a)",
    "CREATE TABLE t (a, sqlite_schema)",
    "INSERT INTO sqlite_schema VALUES (1, 2, 3, 4)",
    "UPDATE main.sqlite_schema SET name = 1",
  ])("can only be read: %s", (sql) => {
    const database = openDatabase();
    expect(refused(database, sql)).toContain("it can only be read");
    expect(database.query("SELECT * FROM sqlite_schema")).toEqual([]);
  });

  test("cannot be emptied", () => {
    expect(refused(openDatabase(), "DELETE FROM sqlite_schema")).toContain("cannot modify");
  });

  test.each([
    "SELECT sqlite_schema.name FROM main.sqlite_schema",
    "SELECT name FROM (sqlite_schema)",
    "SELECT a.name AS name FROM sqlite_schema a, sqlite_master b",
    "SELECT a.name AS name FROM sqlite_schema AS a JOIN main.sqlite_schema b",
  ])("may be read: %s", (sql) => {
    const database = openDatabase();
    database.execute("CREATE TABLE t (a)");
    expect(database.query(sql)).toEqual([{ name: "t" }]);
  });
});

describe("the schema has the same order in a copy, in which tables were created first:", () => {
  test.each([
    "SELECT s.name AS n FROM sqlite_schema s, one",
    "SELECT name AS n FROM sqlite_schema, json_each('[1]')",
    "SELECT s.name AS n FROM one LEFT JOIN sqlite_schema s",
    "SELECT name AS n FROM sqlite_schema ORDER BY length(type) > 0",
    "SELECT name AS n FROM sqlite_schema ORDER BY type = 'x' LIMIT 2",
    "SELECT group_concat(name) AS n FROM (SELECT name FROM sqlite_schema ORDER BY type = 'x')",
    "SELECT name AS n FROM sqlite_schema",
    "SELECT name AS n FROM (SELECT * FROM sqlite_master) a JOIN one",
  ])("%s", (sql) => {
    const database = openDatabase();
    database.execute("CREATE TABLE one (a); INSERT INTO one VALUES (1); CREATE VIEW b AS SELECT 1; CREATE TABLE c (a)");
    const copy = copyOf(database);
    expect(copy.query(sql)).toEqual(database.query(sql));
    for (const each of [database, copy]) each.execute(`CREATE TABLE taken AS ${sql}`);
    expect(copy.items().slice(0, 4)).toEqual(copyOf(database).items().slice(0, 4));
  });
});

describe("characters that SQLite and JavaScript read differently", () => {
  test.each([
    [
      "a parameter that goes on in parentheses",
      "SELECT :a(\u00a0') AS x, file FROM pragma_database_list WHERE '' = ''",
    ],
    ["a parameter that goes on in parentheses", "SELECT $a(b), 1"],
    ["a parameter with colons", "SELECT $a::b"],
    ["a parameter that begins with colons", "SELECT :::a"],
    ["a parameter with a number sign", "SELECT #a"],
    ["a vertical tab before a word that is refused", "CREATE \vTEMP TABLE t (a)"],
    ["a vertical tab before a word that is refused", "CREATE TABLE u (a REFERENCES u INITIALLY \vDEFERRED)"],
    ["a vertical tab before a parenthesis", "SELECT total_changes \v()"],
    ["a control character", "SELECT \x1f1"],
    ["a text without an end", "SELECT 'a"],
    ["a name without an end", "SELECT [a"],
    ["a blob of half a byte", "SELECT x'0'"],
    ["a number with a letter", "SELECT 5a"],
  ])("%s: %j", (_, sql) => {
    for (const refusal of refusals(sql)) expect(refusal).toStartWith("unrecognized token: ");
  });

  test.each(["'", "`"])("a text of many characters in %s hides nothing that follows", (quote) => {
    for (const long of ["a".repeat(9_000_000), `${quote}${quote}`.repeat(4_000_000)]) {
      const sql = `SELECT ${quote}${long}${quote} AS x, file FROM pragma_database_list`;
      expect(openDatabase().refusal((db) => db.query(sql))).toStartWith("pragma_database_list is refused");
    }
  });

  test("a long blob hides nothing that follows", () => {
    const sql = `SELECT x'${"00".repeat(9_000_000)}', file FROM pragma_database_list`;
    expect(openDatabase().refusal((db) => db.query(sql))).toStartWith("pragma_database_list is refused");
  });
});

describe("a name in double quotes that is no column", () => {
  test.each([
    ["in a query", 'SELECT "nope" FROM t'],
    ["in a value", 'INSERT INTO t VALUES ("nope", 1)'],
    ["in a condition", 'UPDATE t SET a = 1 WHERE b = "nope"'],
    ["in an index", 'CREATE INDEX i ON t ("nope")'],
    ["in an expression of an index", 'CREATE INDEX i ON t (a || "no""pe")'],
    ["in the condition of an index", `CREATE UNIQUE INDEX i ON t (a) WHERE "nope" = 'x'`],
    ["in a generated column", 'CREATE TABLE u (a, b AS ("nope") STORED)'],
    ["in a check", 'CREATE TABLE u (a CHECK (a <> "nope"))'],
    ["in a column that is added", 'ALTER TABLE t ADD COLUMN c AS ("nope" || a)'],
  ])("is refused, and is no text: %s", (_, sql) => {
    const database = openDatabase();
    database.execute("CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 2)");
    expect(database.refusal((db) => db.execute(sql))).toContain("no such column: no");
  });

  test("is a column, a table or an alias of that name", () => {
    const database = openDatabase();
    database.execute('CREATE TABLE "a ""b`" ("c ""d`" INTEGER PRIMARY KEY, "sum"); INSERT INTO "a ""b`" VALUES (1, 2)');
    const sql = 'SELECT "x"."c ""d`", "sum" AS "y `z", "sum" + 1 FROM "a ""b`" AS "x" ORDER BY "y `z"';
    expect(database.query(sql)).toEqual([{ 'c "d`': 1, "y `z": 2, '"sum" + 1': 3 }]);
    expect(database.execute(sql).rows).toEqual(database.query(sql));
  });

  test("is a text where SQL wants a text", () => {
    const database = openDatabase();
    database.execute('CREATE TABLE t (a, b DEFAULT "x ""y`"); INSERT INTO t (a) VALUES (1)');
    expect(database.query("SELECT b FROM t")).toEqual([{ b: 'x "y`' }]);
  });
});

test("a column that is added later changes no value of a copy", () => {
  for (const before of ["CREATE INDEX i ON t (%)", "CREATE UNIQUE INDEX i ON t (a) WHERE % = 'x'"]) {
    for (const name of ["'nope'", '"nope"', "[nope]", "`nope`"]) {
      const database = openDatabase();
      database.execute("CREATE TABLE t (a); INSERT INTO t VALUES (1), (1)");
      try {
        database.execute(before.replace("%", name));
      } catch {
        // A name that is no column.
      }
      database.execute("ALTER TABLE t ADD COLUMN nope DEFAULT 'x'");
      const sql = "SELECT a, nope FROM t WHERE nope = 'x'";
      expect(copyOf(database).query(sql)).toEqual(database.query(sql));
    }
  }
});
