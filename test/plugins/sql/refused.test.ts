// What SQL may not say is refused by name, wherever it hides; and every function that this SQLite has is in one of the tables.
import { Database } from "bun:sqlite";
import { afterEach, describe, expect, test } from "bun:test";
import {
  isKnownFunction,
  machineFunctions,
  refusedFunctions,
  refusedStatements,
} from "../../../plugins/sql/refused-names.ts";
import { closeAll, copyOf, openDatabase } from "./databases.ts";

afterEach(closeAll);

const refusalOf = (sql: string): string => openDatabase().refusal((db) => db.execute(sql));

describe("statements", () => {
  const examples: Readonly<Record<string, string>> = {
    ATTACH: "ATTACH 'other.db' AS other",
    DETACH: "DETACH main",
    PRAGMA: "PRAGMA user_version = 3",
    VACUUM: "VACUUM",
    ANALYZE: "ANALYZE",
    REINDEX: "REINDEX",
    BEGIN: "BEGIN IMMEDIATE",
    COMMIT: "COMMIT",
    END: "END TRANSACTION",
    ROLLBACK: "ROLLBACK",
    SAVEPOINT: "SAVEPOINT a",
    RELEASE: "RELEASE a",
  };

  test.each([...refusedStatements.keys()])("%s is refused", (word) => {
    expect(refusalOf(examples[word]!)).toStartWith(`${word} is refused: `);
    expect(refusalOf(`SELECT 1; ${examples[word]!.toLowerCase()}`)).toStartWith(`${word} is refused: `);
    expect(refusalOf(`/* a */ ${examples[word]!} -- b`)).toStartWith(`${word} is refused: `);
  });

  const others = [
    ["EXPLAIN SELECT 1", "EXPLAIN is refused: "],
    ["EXPLAIN QUERY PLAN SELECT 1", "EXPLAIN QUERY PLAN is a query, and no command"],
    ["CREATE TEMP TABLE t (a)", "TEMPORARY is refused: "],
    ["create temporary view t as select 1", "TEMPORARY is refused: "],
    ["CREATE TABLE temp.t (a)", "temp is refused: "],
    ['CREATE TABLE IF NOT EXISTS "TEMP" . t (a)', "temp is refused: "],
    ["CREATE UNIQUE INDEX temp.i ON t (a)", "temp is refused: "],
    ["ALTER TABLE t ADD CONSTRAINT c CHECK (random() > 0)", "ALTER TABLE ADD CONSTRAINT is refused: "],
    ["alter table main.t add check (a > 0)", "ALTER TABLE ADD CHECK is refused: "],
    ["CREATE VIRTUAL TABLE t USING fts5(a)", "CREATE VIRTUAL TABLE is refused: "],
    ["INSERT OR ROLLBACK INTO t VALUES (1)", "ROLLBACK is refused: "],
    ["CREATE TABLE t (a UNIQUE ON CONFLICT ROLLBACK)", "ROLLBACK is refused: "],
    ["CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT RAISE(ROLLBACK, 'x'); END", "ROLLBACK is refused: "],
    ["CREATE TABLE t (a REFERENCES u DEFERRABLE INITIALLY DEFERRED)", "INITIALLY DEFERRED is refused: "],
    ["SELECT 1\0; ATTACH 'x' AS y", "the SQL has a NUL character"],
    ["HELLO", '"HELLO" begins no statement of SQL'],
    ["(SELECT 1)", 'a statement must begin with a keyword, and this one begins with "("'],
    [" ; -- nothing", "the SQL has no statement in it"],
    ["WITH a AS (SELECT 1) PRAGMA user_version", '"WITH" begins no statement of SQL'],
  ] as const;
  test.each(others)("%s", (sql, message) => {
    expect(refusalOf(sql)).toStartWith(message);
  });

  test("words of refused statements are fine as text, as names in quotes, and in comments", () => {
    const database = openDatabase();
    database.execute(
      `CREATE TABLE "attach" ([pragma], "vacuum"); INSERT INTO "attach" VALUES ('BEGIN; COMMIT', 'ATTACH') -- VACUUM`,
    );
    expect(database.query('SELECT * FROM "attach"')).toEqual([{ pragma: "BEGIN; COMMIT", vacuum: "ATTACH" }]);
  });

  test("a column that is added may have a check, and may be called as the word is", () => {
    const database = openDatabase();
    database.execute(
      "CREATE TABLE t (a); INSERT INTO t VALUES (1); ALTER TABLE t ADD COLUMN b CHECK (b > 0) DEFAULT 2",
    );
    database.execute('ALTER TABLE main.t ADD "check"; ALTER TABLE t ADD c CONSTRAINT d CHECK (c < 9)');
    database.execute(
      "ALTER TABLE t ADD d NOT NULL DEFAULT -1; ALTER TABLE t ADD e DEFAULT (NULL) CHECK (e IS NOT NULL OR 1)",
    );
    expect(database.refusal((db) => db.execute("INSERT INTO t VALUES (1, 0, 0, 0, 0, 0)"))).toContain("CHECK");
    expect(database.query("SELECT * FROM t")).toEqual([{ a: 1, b: 2, check: null, c: null, d: -1, e: null }]);
    expect(copyOf(database).items()).toEqual(database.items());
  });

  test("constraints that are checked at once may say so", () => {
    openDatabase().execute(
      "CREATE TABLE u (id INTEGER PRIMARY KEY); CREATE TABLE t (a REFERENCES u NOT DEFERRABLE INITIALLY IMMEDIATE)",
    );
  });
});

describe("functions", () => {
  test.each([...refusedFunctions])("%s is refused, in a statement, in quotes and in the schema", (name, why) => {
    const message = `${name}() is refused: ${why}`;
    expect(refusalOf(`SELECT ${name}(1)`)).toBe(message);
    expect(refusalOf(`SELECT "${name.toUpperCase()}" /* a */ (1)`)).toBe(message);
    expect(refusalOf(`CREATE VIEW v AS SELECT ${name}(1)`)).toBe(message);
    expect(refusalOf(`CREATE TABLE t (a DEFAULT (${name}(1)))`)).toBe(message);
    expect(refusalOf(`CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO u VALUES (${name}(1)); END`)).toBe(message);
  });

  test("a function that is refused may not be reached by another way of naming it", () => {
    const database = openDatabase();
    database.execute("CREATE TABLE sqlite (a)");
    expect(database.refusal((db) => db.execute("SELECT total_changes() FROM sqlite"))).toStartWith(
      "total_changes() is refused",
    );
  });

  test.each(["changes", "last_insert_rowid"])("%s() has no place in the schema", (name) => {
    expect(refusalOf(`CREATE VIEW v AS SELECT ${name}()`)).toStartWith(`${name}() in the schema is refused`);
    expect(refusalOf(`CREATE TABLE t (a DEFAULT (${name}()))`)).toStartWith(`${name}() in the schema is refused`);
  });

  test.each([...machineFunctions])("%s() is fine in a query alone", (name) => {
    const database = openDatabase();
    database.execute("CREATE TABLE t (a); INSERT INTO t VALUES (1)");
    const one = /^(?:atan2|pow|power)$/.test(name) ? `${name}(0, 1)` : `${name}(0)`;
    expect(database.query(`SELECT ${one} AS v`)).toHaveLength(1);
    for (const call of [one, `"${name.toUpperCase()}" /* a */ (0)`]) {
      for (const sql of [`SELECT ${call}`, `UPDATE t SET a = ${call}`, `SELECT 1; INSERT INTO t VALUES (${call})`])
        expect(database.refusal((db) => db.execute(sql))).toStartWith(`${name}() in a command is refused`);
      expect(database.refusal((db) => db.execute(`CREATE VIEW v AS SELECT ${call}`))).toStartWith(
        `${name}() in the schema is refused`,
      );
    }
    expect(database.query("SELECT a FROM t")).toEqual([{ a: 1 }]);
  });

  test("a table may have the name of a function", () => {
    const database = openDatabase();
    database.execute("CREATE TABLE changes (a); CREATE INDEX i ON changes (a); INSERT INTO changes (a) VALUES (1)");
    database.execute(
      "CREATE TABLE t (a); CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO changes (a) VALUES (NEW.a); END",
    );
    database.execute("INSERT INTO t VALUES (2)");
    expect(database.query("SELECT a FROM changes")).toEqual([{ a: 1 }, { a: 2 }]);
  });

  test("every function of this SQLite is known to be the same on every node, or refused", () => {
    using db = new Database(":memory:");
    const names = db.query<{ readonly name: string }, []>("SELECT DISTINCT name FROM pragma_function_list").all();
    const unknown = names
      .map(({ name }) => name)
      .filter((name) => !isKnownFunction(name) && !refusedFunctions.has(name));
    expect(unknown).toEqual([]);
  });
});

describe("tables", () => {
  const tables = [
    "pragma_user_version",
    "PRAGMA_database_list",
    '"pragma_table_info"',
    "[dbstat]",
    "main.sqlite_sequence",
    "sqlite_stat1",
    "sqlite_temp_schema",
    "fts3tokenize",
    "graft_records",
    '"GRAFT_schema"',
    "temp.graft_rowids",
  ];
  test.each(tables)("%s is refused, in a query, in a view and in quotes", (table) => {
    expect(refusalOf(`SELECT * FROM ${table}`)).toContain(" is refused: ");
    expect(refusalOf(`CREATE VIEW v AS SELECT * FROM ${table}`)).toContain(" is refused: ");
    expect(openDatabase().refusal((db) => db.query(`SELECT * FROM ${table}`))).toContain(" is refused: ");
  });

  test.each(["pragma_user_version", "dbstat", "sqlite_schema", "sqlite_sequence", "graft_records"])(
    "%s is refused in single quotes, which SQLite takes for a name there",
    (table) => {
      expect(refusalOf(`SELECT * FROM '${table}'`)).toContain(" is refused: it could stand for a table");
    },
  );

  test("the schema has no numbers of pages, and nothing of the state machine's own", () => {
    const database = openDatabase();
    database.execute(
      "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT); CREATE INDEX i ON t (id); CREATE VIEW v AS SELECT 1",
    );
    for (const name of ["sqlite_schema", "sqlite_master", "main.sqlite_schema", '"sqlite_master"']) {
      expect(database.query(`SELECT * FROM ${name}`)).toEqual([
        { type: "index", name: "i", tbl_name: "t", sql: "CREATE INDEX i ON t (id)" },
        { type: "table", name: "t", tbl_name: "t", sql: "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT)" },
        { type: "view", name: "v", tbl_name: "v", sql: "CREATE VIEW v AS SELECT 1" },
      ]);
    }
    expect(database.query("SELECT sqlite_schema.name FROM sqlite_schema WHERE type = 'view'")).toEqual([{ name: "v" }]);
    expect(database.refusal((db) => db.query("SELECT rootpage FROM sqlite_schema"))).toBe("no such column: rootpage");
  });

  test("what is the state machine's own cannot be changed", () => {
    for (const sql of [
      "DROP VIEW graft_schema",
      "DROP TABLE graft_records",
      "CREATE TABLE graft_x (a)",
      "CREATE TABLE t (graft_a)",
    ]) {
      expect(refusalOf(sql)).toContain("names that begin with graft_ belong to this state machine");
    }
  });

  test("a table that hides all names of its rowid is refused", () => {
    const database = openDatabase();
    expect(database.refusal((db) => db.execute("CREATE TABLE t (rowid, _rowid_, oid)"))).toContain(
      "all names of a rowid",
    );
    database.execute("CREATE TABLE t (rowid, oid, _rowid_ INTEGER PRIMARY KEY)");
    expect(database.items()).toHaveLength(1);
  });
});

test("a table that no snapshot could hold is refused", () => {
  const columns = (count: number): string => Array.from({ length: count }, (_, nth) => `c${nth}`).join();
  const database = openDatabase();
  expect(database.refusal((db) => db.execute(`CREATE TABLE t (${columns(1000)})`))).toBe(
    "the table t has 1000 columns, and 999 at most may be in one",
  );
  database.execute(`CREATE TABLE t (${columns(999)}); INSERT INTO t (c0, c998) VALUES ('a', 'b')`);
  expect(database.refusal((db) => db.execute("ALTER TABLE t ADD COLUMN d"))).toContain("999 at most");
  expect(copyOf(database).query("SELECT c0, c998 FROM t")).toEqual([{ c0: "a", c998: "b" }]);
});

describe("a column called TRUE or FALSE is refused, since an index would keep what the word was before:", () => {
  test.each([
    "CREATE TABLE u (a, true)",
    'CREATE TABLE u (a, "False" AS (a))',
    "ALTER TABLE t ADD COLUMN true DEFAULT 5",
    "ALTER TABLE t RENAME COLUMN a TO [FALSE]",
    "ALTER TABLE t ADD COLUMN true; DROP INDEX i; ALTER TABLE t DROP COLUMN true",
  ])("%s", (sql) => {
    const database = openDatabase();
    database.execute(
      "CREATE TABLE t (a, b AS (true) STORED); INSERT INTO t (a) VALUES (1); CREATE INDEX i ON t (true)",
    );
    const before = database.items();
    expect(database.refusal((db) => db.execute(sql))).toMatch(/ has a column called (?:true|false), and SQL /i);
    expect(database.items()).toEqual(before);
    expect(copyOf(database).query("SELECT a, b FROM t WHERE true")).toEqual([{ a: 1, b: 1 }]);
  });
});

describe("a query", () => {
  test("may name a common table expression or a table as it likes", () => {
    const database = openDatabase();
    database.execute("CREATE TABLE t (a); INSERT INTO t VALUES (1)");
    expect(database.query("WITH replace AS (SELECT 1 AS a) SELECT * FROM replace")).toEqual([{ a: 1 }]);
    expect(
      database.execute("WITH x (replace) AS (SELECT 2), replace AS (SELECT 1 AS a) SELECT * FROM replace").rows,
    ).toEqual([{ a: 1 }]);
    expect(database.query("SELECT count(*) AS n FROM t 'a', t 'b'")).toEqual([{ n: 1 }]);
  });

  const writing = [
    "INSERT INTO t VALUES (1)",
    "UPDATE t SET a = 1",
    "DELETE FROM t",
    "REPLACE INTO t VALUES (1)",
    "CREATE TABLE u (a)",
    "DROP TABLE t",
    "WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x",
    "INSERT INTO t VALUES (1) RETURNING a",
  ];
  test.each(writing)("%s is refused, and changes nothing", (sql) => {
    const database = openDatabase();
    database.execute("CREATE TABLE t (a)");
    const before = database.items();
    expect(database.refusal((db) => db.query(sql))).toBe(
      "a query only reads, and this would write: send it as a command",
    );
    expect(database.items()).toEqual(before);
  });

  test("is one statement", () => {
    expect(openDatabase().refusal((db) => db.query("SELECT 1; SELECT 2"))).toContain("a query is one statement");
    expect(openDatabase().query("SELECT 1 AS a;")).toEqual([{ a: 1 }]);
  });

  test("may ask how SQLite would run it", () => {
    const database = openDatabase();
    database.execute("CREATE TABLE t (a)");
    expect(database.query("EXPLAIN QUERY PLAN SELECT * FROM t")).toHaveLength(1);
  });
});
