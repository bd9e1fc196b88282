// A snapshot follows from the content alone: two databases that came to it by other ways write the same items, and one that was restored goes on
// as the one that was not.
import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SqlDatabase } from "../../../plugins/sql/database.ts";
import { closeAll, copyOf, openDatabase, type TestDatabase } from "./databases.ts";

afterEach(closeAll);

/** Every kind of object that a client can create. */
const schema = `
  CREATE TABLE plain (a, b TEXT DEFAULT 'x', c REAL, d BLOB);
  CREATE TABLE "we ""ird" ("a b" INTEGER PRIMARY KEY, [rowid] TEXT);
  CREATE TABLE keyed (id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT DEFAULT (datetime('now')), up AS (upper(name)) STORED, name TEXT, low AS (lower(name)));
  CREATE TABLE pairs (k TEXT, n INTEGER, v, PRIMARY KEY (n DESC, k)) WITHOUT ROWID;
  CREATE TABLE strict (a INTEGER, b ANY, c TEXT NOT NULL CHECK (length(c) < 10)) STRICT;
  CREATE TABLE child (id INTEGER PRIMARY KEY, parent TEXT REFERENCES later (name) ON DELETE CASCADE);
  CREATE TABLE later (name TEXT);
  CREATE TABLE descending (id INTEGER PRIMARY KEY DESC, v);
  CREATE UNIQUE INDEX later_name ON later (name);
  CREATE INDEX partly ON plain (b DESC, abs(a)) WHERE a > 0;
  CREATE VIEW shown (x) AS SELECT a FROM plain WHERE a > 1 -- a comment
  ;
  CREATE TRIGGER logs AFTER INSERT ON plain WHEN NEW.a = 1 BEGIN INSERT INTO keyed (name) VALUES ('log'); UPDATE plain SET c = 5 WHERE a = 1; END;
  CREATE TRIGGER second AFTER INSERT ON plain WHEN NEW.a = 1 BEGIN INSERT INTO keyed (name) VALUES ('second'); END`;

const rows = `
  INSERT INTO plain VALUES (5, 'five', 5, x'00ff'), (5.0, NULL, 1e300, -0.0), ('5', '', 0.1, CAST(x'fe' AS TEXT));
  INSERT INTO plain (rowid, a) VALUES (100, 'hundred'), (-7, 'minus');
  INSERT INTO "we ""ird" VALUES (9007199254740993, 'a'), (-1, 'b');
  INSERT INTO keyed (name) VALUES ('one'), ('two'), ('three'); DELETE FROM keyed WHERE name = 'three';
  INSERT INTO pairs VALUES ('b', 1, NULL), ('a', 1, 1.5), ('a', 2, x'');
  INSERT INTO strict VALUES (1, 2.0, 'c'), (NULL, 'b', 'd');
  INSERT INTO later VALUES ('p'), ('q'); INSERT INTO child VALUES (2, 'q'), (1, 'p'), (3, NULL);
  INSERT INTO descending VALUES (4, 'four'), (2, 'two')`;

const filled = (): TestDatabase => {
  const database = openDatabase();
  database.execute(schema);
  database.execute(rows);
  return database;
};

/** Statements of which the outcome depends on all that a snapshot must hold. */
const next = [
  "INSERT INTO plain (a) VALUES (1), (2) RETURNING rowid",
  "INSERT INTO keyed (name) VALUES ('four') RETURNING id, at, up, low",
  "SELECT * FROM plain",
  "SELECT rowid, * FROM plain ORDER BY b DESC",
  "SELECT *, typeof(a), typeof(c), hex(d) FROM plain",
  "SELECT * FROM shown",
  'SELECT *, _rowid_ FROM "we ""ird"',
  "SELECT * FROM pairs",
  "SELECT *, typeof(b) FROM strict",
  "DELETE FROM later WHERE name = 'p'",
  "SELECT * FROM child",
  "SELECT rowid, * FROM descending",
  "SELECT * FROM sqlite_schema",
  "SELECT * FROM keyed",
  "INSERT INTO strict VALUES (1, 1, 'much too long')",
] as const;

/** Both have the same outcome, refusals included. */
function mustAgree(one: TestDatabase, other: TestDatabase, sql: string): void {
  const [first, second] = [one, other].map((database) => {
    try {
      return { result: database.execute(sql) };
    } catch (error) {
      return { refused: String(error) };
    }
  });
  expect({ sql, ...second }).toEqual({ sql, ...first } as never);
}

describe("a restored database", () => {
  test("has the same items again, and goes on as the other one", () => {
    const database = filled();
    const copy = copyOf(database);
    expect(copy.items()).toEqual(database.items());
    for (const sql of next) mustAgree(database, copy, sql);
    expect(copy.items()).toEqual(database.items());
    expect(copyOf(copy).items()).toEqual(database.items());
  });

  test("goes on as one that was opened again", () => {
    const database = filled();
    const copy = copyOf(database);
    database.reopen();
    for (const sql of next) mustAgree(database, copy, sql);
    expect(copy.items()).toEqual(database.items());
  });

  test("keeps its foreign keys and checks", () => {
    const copy = copyOf(filled());
    expect(copy.refusal((db) => db.execute("INSERT INTO child VALUES (9, 'nobody')"))).toBe(
      "FOREIGN KEY constraint failed",
    );
    expect(copy.refusal((db) => db.execute("INSERT INTO strict VALUES (1, 1, 'much too long')"))).toStartWith(
      "CHECK constraint failed",
    );
  });

  test("may replace what was there, records too", () => {
    const [database, other] = [filled(), filled()];
    other.execute("DROP TABLE pairs; CREATE TABLE more (a); DROP VIEW shown");
    other.db.commit([["position", new Uint8Array([1])]]);
    other.db.clear();
    for (const item of database.items()) other.db.restore(item);
    other.db.commit([["position", new Uint8Array([2])]]);
    expect(other.items()).toEqual(database.items());
    expect(other.db.records()).toEqual([["position", new Uint8Array([2])]]);
    for (const sql of next) mustAgree(database, other, sql);
  });
});

describe("a snapshot", () => {
  test("of nothing has no items", () => {
    expect(openDatabase().items()).toEqual([]);
  });

  test("does not tell by which way the content came about", () => {
    const database = filled();
    const other = openDatabase();
    for (const statement of [
      "CREATE TABLE before (a)",
      "CREATE TABLE plain (z)",
      "INSERT INTO plain VALUES (1)",
      "DROP TABLE plain",
    ]) {
      other.execute(statement);
      other.db.commit([]);
    }
    other.execute(schema);
    other.execute("DROP TABLE before");
    other.db.commit([]);
    other.execute(rows);
    other.execute("INSERT INTO plain (rowid, a) VALUES (50, zeroblob(100000)); DELETE FROM plain WHERE rowid = 50");
    expect(other.items()).toEqual(database.items());
  });

  test("shows the last commit, while commands go on", () => {
    const database = filled();
    const items = database.items();
    const view = database.db.snapshot();
    const first = view.next().value;
    database.execute("DELETE FROM plain; DROP TABLE pairs");
    database.db.commit([]);
    database.execute("INSERT INTO plain (a) VALUES (8)");
    expect([first, ...view]).toEqual([...items]);
    database.db.commit([]);
    expect(database.items()).not.toEqual(items);
  });

  test("that is let go half-way holds nothing", () => {
    const database = filled();
    database.db.commit([]);
    const view = database.db.snapshot();
    view.next();
    view.return();
    expect(view.next()).toEqual({ done: true, value: undefined });
    database.reopen();
  });

  test("may have values that are larger than a piece, in pieces of a bounded size", () => {
    const database = openDatabase();
    database.execute(
      "CREATE TABLE t (a, b); INSERT INTO t VALUES (zeroblob(5000000), 'after'), (replace(hex(zeroblob(1500000)), '0', 'é'), 1)",
    );
    const items = database.items();
    const pieces = items.flatMap((item) => (item[0] === "rows" ? [item[1].byteLength] : []));
    expect(Math.max(...pieces)).toBe(1024 * 1024);
    expect(copyOf(database).items()).toEqual(items);
  });

  test("that ends within a row is refused", () => {
    const items = filled().items();
    const at = items.findIndex(([kind]) => kind === "rows");
    const broken = items.map((item, nth) =>
      nth === at && item[0] === "rows" ? (["rows", item[1].slice(0, -1)] as const) : item,
    );
    const other = openDatabase();
    expect(() => broken.forEach((item) => other.db.restore(item))).toThrow("the snapshot ends within a row of plain");
  });
});

test("a row is restored or the snapshot is refused, whatever the table says of conflicts", () => {
  const database = openDatabase();
  database.execute("CREATE TABLE t (a UNIQUE, b); INSERT INTO t VALUES (1, NULL), (2, 1), (NULL, 1)");
  for (const [sql, message] of [
    ["CREATE TABLE t (a, b NOT NULL ON CONFLICT IGNORE)", "NOT NULL"],
    ["CREATE TABLE t (a, b UNIQUE ON CONFLICT REPLACE)", "UNIQUE"],
  ] as const) {
    const other = openDatabase();
    const items = database
      .items()
      .map((item) => (item[0] === "table" ? (["table", "t", sql, item[3]] as const) : item));
    expect(() => items.forEach((item) => other.db.restore(item))).toThrow(message);
  }
});

describe("what is durable", () => {
  const one = new Uint8Array([1]);

  test("is what was committed, with its records", () => {
    const database = openDatabase();
    database.execute("CREATE TABLE t (a); INSERT INTO t VALUES (1)");
    database.db.commit([
      ["a", one],
      ["b", one],
    ]);
    database.execute("INSERT INTO t VALUES (2)");
    database.db.commit([
      ["b", null],
      ["c", one],
    ]);
    database.execute("INSERT INTO t VALUES (3); CREATE TABLE u (a)");
    database.reopen();
    expect(database.query("SELECT a FROM t")).toEqual([{ a: 1 }, { a: 2 }]);
    expect(database.db.records()).toEqual([
      ["a", one],
      ["c", one],
    ]);
  });

  test("stays if it was cleared and nothing was committed since", () => {
    const database = filled();
    const items = database.items();
    database.db.commit([["a", one]]);
    database.db.clear();
    expect(database.db.records()).toEqual([]);
    database.reopen();
    expect(database.items()).toEqual(items);
    expect(database.db.records()).toEqual([["a", one]]);
  });

  test("begins anew after it was cleared, with commands instead of a snapshot", () => {
    const database = filled();
    database.db.clear();
    database.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY); CREATE TABLE child (parent REFERENCES parent)");
    expect(database.refusal((db) => db.execute("INSERT INTO child VALUES (1)"))).toBe("FOREIGN KEY constraint failed");
    database.db.commit([["a", one]]);
    database.reopen();
    expect(database.query("SELECT name FROM sqlite_schema")).toEqual([{ name: "child" }, { name: "parent" }]);
  });

  test("is not opened if it is something else, or was found damaged", () => {
    const database = openDatabase();
    database.db.close();
    const path = join(database.folder, "sql.sqlite");
    const whole = readFileSync(path);
    writeFileSync(path, "this is no database, but a text of some length that stands in its place");
    expect(() => SqlDatabase.open(database.folder)).toThrow("file is not a database");
    writeFileSync(path, whole);
    database.reopen();
  });
});

describe("a damaged page is noticed when it is read, and the file is not opened again:", () => {
  test.each([
    ["in a query", (db: SqlDatabase) => db.query("SELECT sum(length(a)) AS n FROM t", null, { timeMs: 0 })],
    ["in a command", (db: SqlDatabase) => db.execute("UPDATE t SET a = 1", null, { timeMs: 0, random: () => 0 })],
    ["in a snapshot", (db: SqlDatabase) => [...db.snapshot()]],
  ])("%s", (_, read) => {
    const database = openDatabase();
    database.execute("CREATE TABLE t (a); INSERT INTO t SELECT zeroblob(3000) FROM json_each('[1,2,3,4,5,6,7,8,9]')");
    database.db.commit([]);
    database.db.close();
    const path = join(database.folder, "sql.sqlite");
    const bytes = readFileSync(path);
    for (let page = 4; page * 4096 < bytes.length; page++) bytes.fill(0xee, page * 4096, page * 4096 + 100);
    writeFileSync(path, bytes);
    const opened = SqlDatabase.open(database.folder);
    expect(() => read(opened)).toThrow("malformed");
    opened.close();
    expect(existsSync(join(database.folder, "damaged"))).toBe(true);
    expect(() => SqlDatabase.open(database.folder)).toThrow(
      "the database was found damaged: database disk image is malformed",
    );
  });
});
