// No row comes to a number so high that SQLite would choose the next one by chance, whichever way a statement takes.
import { afterEach, describe, expect, test } from "bun:test";
import { closeAll, copyOf, openDatabase, type TestDatabase } from "./databases.ts";

afterEach(closeAll);

const max = "9223372036854775807";
const refusal = "a rowid of 4611686018427387904 or more is refused";

/** It is refused with everything that it did, and the numbers of new rows go on. */
function mustBeRefused(database: TestDatabase, sql: string): void {
  const before = database.items();
  expect([sql, database.refusal((db) => db.execute(sql))]).toEqual([sql, expect.stringContaining(refusal)]);
  expect(database.items()).toEqual(before);
}

describe.each(["", "AUTOINCREMENT"])("a large rowid is refused where the key is %j:", (kind) => {
  const tables = `CREATE TABLE t (id INTEGER PRIMARY KEY ${kind}, a UNIQUE, b); INSERT INTO t VALUES (1, 1, 1), (2, 2, 2)`;
  const statements = [
    `UPDATE t SET b = (SELECT 1 FROM t), id = ${max} WHERE id = 1`,
    `UPDATE t SET b = 1 IS DISTINCT FROM 2, id = ${max} WHERE id = 1`,
    `UPDATE t SET b = (SELECT count(*) FILTER (WHERE 1) FROM t), id = ${max} WHERE id = 1`,
    `UPDATE t SET 'id' = ${max} WHERE id = 1`,
    `UPDATE t SET (b, 'id') = (1, ${max}) WHERE id = 1`,
    `UPDATE t SET id = ${max} - b WHERE id = 1`,
    `WITH replace AS (SELECT 1) UPDATE t SET id = ${max} WHERE id = 1`,
    `INSERT INTO t VALUES (${max}, 3, 3), (NULL, 4, 4)`,
    `INSERT INTO t VALUES ('${max}', 3, 3), (NULL, 4, 4)`,
    `INSERT INTO t VALUES (9.2e18, 3, 3), (NULL, 4, 4)`,
    `INSERT INTO t SELECT * FROM (VALUES (${max}, 3, 3), (NULL, 4, 4))`,
    `INSERT INTO t (a, id) VALUES (3, ${max}) RETURNING id`,
    `INSERT INTO t VALUES (1, 3, 3), (NULL, 4, 4) ON CONFLICT (id) DO UPDATE SET id = ${max}`,
    `REPLACE INTO t VALUES (${max}, 1, 1), (NULL, 2, 2)`,
    `UPDATE OR REPLACE t SET id = ${max}`,
    `INSERT INTO t VALUES (${max}, 3, 3); INSERT INTO t (a) VALUES (4)`,
    `UPDATE t SET id = ${max} WHERE id = 1; INSERT INTO t (a) VALUES (4); SELECT abs(-9223372036854775807 - 1)`,
  ];
  test.each(statements)("%s", (sql) => {
    const database = openDatabase();
    database.execute(tables);
    mustBeRefused(database, sql);
    database.execute("INSERT INTO t (a) VALUES (5)");
    expect(database.query("SELECT max(id) AS id FROM t")).toEqual([{ id: 3 }]);
  });

  test("a table that came about later, by another name or after a restart", () => {
    const database = openDatabase();
    const large = (name: string): string => `INSERT INTO ${name} VALUES (${max}, 3, 3), (NULL, 4, 4)`;
    mustBeRefused(database, `${tables}; ${large("t")}`);
    database.execute(tables);
    database.execute("ALTER TABLE t RENAME TO u; ALTER TABLE u RENAME COLUMN id TO number");
    database.execute(tables);
    for (const name of ["t", "u"]) mustBeRefused(database, large(name));
    database.reopen();
    for (const name of ["t", "u"]) mustBeRefused(database, large(name));
    database.execute("DROP TABLE u");
    mustBeRefused(database, large("t"));
    const copy = openDatabase();
    for (const item of database.items()) copy.db.restore(item);
    copy.db.commit([]);
    mustBeRefused(copy, large("t"));
  });
});

test("a row that is ignored does not use up the numbers", () => {
  const database = openDatabase();
  database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a UNIQUE); INSERT INTO t VALUES (1, 1)");
  mustBeRefused(database, `INSERT OR IGNORE INTO t VALUES (${max}, 1)`);
  mustBeRefused(database, `INSERT OR IGNORE INTO t VALUES (${max}, 1), (NULL, 2)`);
  mustBeRefused(database, `INSERT INTO t VALUES (${max}, 1) ON CONFLICT (a) DO NOTHING`);
  database.execute("INSERT INTO t (a) VALUES (5)");
  expect(database.query("SELECT max(id) AS id FROM t")).toEqual([{ id: 2 }]);
});

test("a table with AUTOINCREMENT may be changed and dropped as any other", () => {
  const database = openDatabase();
  database.execute("CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a); INSERT INTO t (a) VALUES (1)");
  const script = `ALTER TABLE t ADD COLUMN b; ALTER TABLE t RENAME COLUMN a TO c; INSERT INTO t (c) VALUES (2);
    ALTER TABLE t DROP COLUMN c; ALTER TABLE t RENAME COLUMN id TO "i d"; ALTER TABLE t RENAME TO "u ""u"`;
  expect(database.refusal((db) => db.execute(`${script}; DROP TABLE missing`))).toBe("no such table: missing");
  database.execute(script);
  expect(database.execute('INSERT INTO "u ""u" (b) VALUES (1) RETURNING "i d" AS id')).toEqual({
    changes: 1,
    lastInsertRowid: 3,
    rows: [{ id: 3 }],
  });
  database.execute('DROP TABLE "u ""u"');
  expect(database.items()).toEqual([]);
});

describe("a large rowid by way of a foreign key is refused:", () => {
  const cases = [
    ["CREATE TABLE c (id INTEGER PRIMARY KEY REFERENCES p (k) ON UPDATE CASCADE, a)", `UPDATE p SET k = ${max}`],
    [
      `CREATE TABLE c (id INTEGER PRIMARY KEY DEFAULT ${max} REFERENCES p (k) ON DELETE SET DEFAULT, a); INSERT INTO p VALUES (${max})`,
      "DELETE FROM p WHERE k = 1",
    ],
    [
      `CREATE TABLE c (id INTEGER PRIMARY KEY DEFAULT ${max} REFERENCES p (k) ON UPDATE SET DEFAULT, a); INSERT INTO p VALUES (${max})`,
      "UPDATE p SET k = 5 WHERE k = 1",
    ],
    [
      `CREATE TABLE c (id INTEGER PRIMARY KEY DEFAULT ${max} REFERENCES p (k) ON DELETE SET DEFAULT, a); INSERT INTO p VALUES (${max})`,
      "REPLACE INTO p VALUES (1)",
    ],
  ] as const;
  test.each(cases)("%s; %s", (tables, sql) => {
    const database = openDatabase();
    database.execute(`CREATE TABLE p (k UNIQUE); INSERT INTO p VALUES (1); ${tables}; INSERT INTO c VALUES (1, 1)`);
    mustBeRefused(database, sql);
  });

  test("where its table is dropped", () => {
    const database = openDatabase();
    database.execute(
      `CREATE TABLE p (k UNIQUE); CREATE TABLE c (id INTEGER PRIMARY KEY DEFAULT ${max} REFERENCES p (k) ON DELETE SET DEFAULT);
      INSERT INTO p VALUES (1); INSERT INTO c VALUES (1)`,
    );
    const before = database.items();
    database.refusal((db) => db.execute("DROP TABLE p"));
    expect(database.items()).toEqual(before);
  });
});

test.each([
  ["was opened again", (database: TestDatabase) => (database.items(), database.reopen(), database)],
  ["was restored", (database: TestDatabase) => copyOf(database)],
])("a script that fails leaves the guards there, also as the first write after the database %s", (_, again) => {
  const database = openDatabase();
  database.execute("CREATE TABLE t (i INTEGER PRIMARY KEY AUTOINCREMENT, u UNIQUE); INSERT INTO t (u) VALUES (1)");
  const large = "INSERT OR IGNORE INTO t VALUES (9223372036854775807, 1)";
  for (const first of [
    "INSERT INTO t (u) VALUES (2); INSERT INTO t (u) VALUES (1)",
    "SELECT * FROM t; SELECT abs(-9223372036854775808)",
    "UPDATE t SET u = 2; SELECT nope",
    "DELETE FROM t; CREATE TABLE t (a)",
    large,
  ]) {
    const other = again(database);
    other.refusal((db) => db.execute(first));
    expect([first, other.refusal((db) => db.execute(large))]).toEqual([first, expect.stringContaining("a rowid of ")]);
    expect(other.execute("INSERT INTO t (u) VALUES (3) RETURNING i").rows).toEqual([{ i: 2 }]);
    other.execute("DELETE FROM t WHERE u = 3; DROP TABLE t");
    other.execute("CREATE TABLE t (i INTEGER PRIMARY KEY AUTOINCREMENT, u UNIQUE); INSERT INTO t (u) VALUES (1)");
  }
});
