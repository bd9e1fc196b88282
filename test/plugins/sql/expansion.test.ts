// What SQLite makes of views and common table expressions is bounded: each is copied as often as it is named, so a few lines may double many times.
import { afterEach, describe, expect, test } from "bun:test";
import { closeAll, copyOf, openDatabase } from "./databases.ts";

afterEach(closeAll);

const doubling = (count: number, open = "", close = ""): readonly string[] =>
  Array.from({ length: count }, (_, nth) => {
    const before = `${open}v${nth}${close}`;
    return `CREATE VIEW v${nth + 1} AS SELECT a FROM ${before} UNION ALL SELECT a FROM ${before} AS x`;
  });

const tooLarge = / comes to more than 2000 SELECTs with its views and common table expressions$/;

describe("views that double", () => {
  test.each([
    ["", ""],
    ["'", "'"],
    ['"', '"'],
    ["[", "]"],
  ])("are refused when they are created, with their names in %s%s", (start, end) => {
    const database = openDatabase();
    const script = ["CREATE TABLE v0 (a)", ...doubling(24, start, end)].join("; ");
    expect(database.refusal((db) => db.execute(script))).toMatch(tooLarge);
    expect(database.items()).toEqual([]);
    // SQLite compiles all views when a table is altered.
    expect(database.refusal((db) => db.execute(`${script}; ALTER TABLE v0 ADD COLUMN b`))).toMatch(tooLarge);
    expect(database.refusal((db) => db.execute(`${script}; CREATE TABLE t AS SELECT * FROM v24`))).toMatch(tooLarge);
  });

  test("are fine as far as they are small, and cost a new table nothing", () => {
    const database = openDatabase();
    database.execute(["CREATE TABLE v0 (a)", "INSERT INTO v0 VALUES (1)", ...doubling(9)].join("; "));
    database.execute("CREATE TABLE t (a); ALTER TABLE t ADD COLUMN b");
    expect(database.query("SELECT count(*) AS n FROM v9")).toEqual([{ n: 512 }]);
    expect(
      database.refusal((db) => db.query("SELECT * FROM v9 UNION ALL SELECT * FROM v9 UNION ALL SELECT * FROM v9")),
    ).toMatch(tooLarge);
    expect(copyOf(database).items()).toEqual(database.items());
  });

  test("are refused in a trigger", () => {
    const database = openDatabase();
    database.execute(["CREATE TABLE v0 (a)", ...doubling(9)].join("; "));
    const reads = Array.from({ length: 9 }, (_, nth) => `INSERT INTO v0 SELECT * FROM v9 WHERE a = ${nth};`).join(" ");
    expect(database.refusal((db) => db.execute(`CREATE TRIGGER g AFTER DELETE ON v0 BEGIN ${reads} END`))).toMatch(
      tooLarge,
    );
  });
});

describe("common table expressions that double", () => {
  const chain = (count: number, as: string): string =>
    Array.from(
      { length: count },
      (_, nth) => `c${nth + 1}${as} (SELECT a FROM c${nth}, (SELECT 1) UNION ALL SELECT a FROM c${nth})`,
    ).join(", ");
  test.each([" AS", "(a) AS", " AS MATERIALIZED", " AS NOT MATERIALIZED"])("are refused: %s", (as) => {
    const database = openDatabase();
    const sql = `WITH c0${as} (SELECT 1 AS a), ${chain(30, as)} SELECT count(*) FROM c30`;
    expect(database.refusal((db) => db.query(sql))).toMatch(tooLarge);
    expect(database.refusal((db) => db.execute(sql))).toMatch(tooLarge);
  });

  test("are refused within each other, also under one name", () => {
    const nested = (depth: number): string =>
      depth === 0 ? "SELECT 1 AS a" : `WITH x AS (${nested(depth - 1)}) SELECT a FROM x UNION ALL SELECT a FROM x`;
    expect(openDatabase().refusal((db) => db.query(nested(30)))).toBe(
      "two common table expressions are called x: give each a name of its own",
    );
  });

  test("may name themselves, and may have one name where none is within the other", () => {
    const database = openDatabase();
    const count = "WITH n (a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n WHERE a < 3)";
    expect(database.query(`${count} SELECT a FROM n`)).toEqual([{ a: 1 }, { a: 2 }, { a: 3 }]);
    const one = "SELECT a FROM (WITH y AS (SELECT 1 AS a) SELECT a FROM y)";
    expect(database.query(`${one} UNION ALL ${one}`)).toEqual([{ a: 1 }, { a: 1 }]);
  });
});

test("whether a table has rowids is known without its views", () => {
  const database = openDatabase();
  database.execute(`CREATE TABLE a (x PRIMARY KEY, y) WITHOUT ROWID; CREATE TABLE b (x PRIMARY KEY, y); CREATE TABLE c (x, y, PRIMARY KEY (y, x)) WITHOUT ROWID;
    CREATE TABLE d (x INTEGER PRIMARY KEY, y) WITHOUT ROWID; CREATE TABLE e (x INTEGER PRIMARY KEY, y)`);
  for (const table of ["a", "b", "c", "d", "e"]) database.execute(`INSERT INTO ${table} (x, y) VALUES (2, 1), (1, 2)`);
  const into = database.items().flatMap((item) => (item[0] === "table" ? [item[3].join(" ")] : []));
  expect(into).toEqual(['"x" "y"', 'rowid "x" "y"', '"x" "y"', '"x" "y"', '"x" "y"']);
  expect(copyOf(database).items()).toEqual(database.items());
});

describe("long chains", () => {
  const tooDeep = "more than 100 views or common table expressions name each other in a row";
  const chain = (count: number, one: (nth: number) => string): readonly string[] =>
    Array.from({ length: count }, (_, nth) => one(nth));

  test("of views are refused, also where each names one that comes later", () => {
    const view = (nth: number): string => `CREATE VIEW v${nth} AS SELECT a FROM v${nth + 1}`;
    const database = openDatabase();
    const script = (count: number): string => [...chain(count, view), `CREATE TABLE v${count} (a)`].join("; ");
    expect(database.refusal((db) => db.execute(script(1000)))).toBe(tooDeep);
    database.execute(script(100));
    expect(database.query("SELECT count(*) AS n FROM v0")).toEqual([{ n: 0 }]);
  });

  test("of common table expressions are refused", () => {
    const sql = (count: number): string =>
      `WITH ${[...chain(count, (nth) => `c${nth} AS (SELECT a FROM c${nth + 1})`), `c${count} AS (SELECT 1 AS a)`].join()} SELECT a FROM c0`;
    expect(openDatabase().refusal((db) => db.query(sql(20_000)))).toBe(tooDeep);
    expect(openDatabase().query(sql(99))).toEqual([{ a: 1 }]);
  });

  test.each([
    `WITH a AS (SELECT 1) SELECT ${"x AS (1) ".repeat(50_000)}`,
    `SELECT * FROM ${"json_each(1), ".repeat(50_000)} json_each(1)`,
    `SELECT 1 FROM a, ${"(SELECT 1 FROM a), ".repeat(50_000)} a`,
    "SELECT ".repeat(200_000),
    "UPDATE ".repeat(200_000),
    "SELECT 1 FROM a ".repeat(100_000),
    `SELECT ${"date('now'), ".repeat(50_000)} 1`,
  ])("of the same words take no time that grows with their square: %.30s", (sql) => {
    expect(openDatabase().refusal((db) => db.execute(sql))).not.toBe("");
  });
});
