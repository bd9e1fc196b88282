// What a query may take: rows, bytes and time. And what a command may take: turns of loops, counted alike on every node.
import { Database } from "bun:sqlite";
import { afterEach, describe, expect, test } from "bun:test";
import { sqlLimits } from "../../../plugins/sql/database.ts";
import { closeAll, openDatabase } from "./databases.ts";

afterEach(closeAll);

const endless = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n) SELECT count(*) AS n FROM n";

describe("an answer", () => {
  test("of too many bytes is refused, before all of it is in memory", () => {
    const database = openDatabase();
    database.execute("CREATE TABLE t (v); INSERT INTO t VALUES (zeroblob(1000000))");
    const rows = (count: number): string =>
      `SELECT v FROM t, json_each('[${Array.from({ length: count }, () => 1).join()}]')`;
    expect(database.query(rows(4))).toHaveLength(4);
    expect(database.refusal((db) => db.query(rows(5)))).toBe(
      "the result has more than 4194304 bytes: ask for less, with LIMIT or fewer columns",
    );
    expect(database.refusal((db) => db.execute(rows(5)))).toStartWith("the result has more than 4194304 bytes");
    expect(
      database.refusal((db) => db.execute("UPDATE t SET v = v RETURNING v, v AS w, v AS x, v AS y, v AS z")),
    ).toStartWith("the result has more");
  });

  test("of too many rows is refused", () => {
    const database = openDatabase();
    const rows = (count: number): string =>
      `WITH n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT ${count}) SELECT n FROM n`;
    expect(database.query(rows(83_333))).toHaveLength(83_333);
    expect(database.refusal((db) => db.query(rows(83_334)))).toBe(
      "the result has more than 83333 rows: ask for less, with LIMIT or fewer columns",
    );
  });
});

describe("memory", () => {
  test("is not filled by a few characters of SQL", () => {
    const database = openDatabase();
    database.execute("CREATE TABLE t (a)");
    for (const run of ["execute", "query"] as const)
      expect(database.refusal((db) => db[run]("SELECT zeroblob(1000000000)"))).toBe(
        "zeroblob() gives at most 16777216 bytes",
      );
    using plain = new Database(":memory:");
    for (const count of ["5", "0", "-1", "2.9", "'3'", "' 4x'", "NULL", "x'35'", "''"]) {
      const sql = `SELECT zeroblob(${count}) AS a, typeof(zeroblob(${count})) AS b`;
      expect([count, ...database.query(sql)]).toEqual([count, ...(plain.query(sql).all() as never[])]);
    }
  });

  test("is not filled by the rows that a change gives", () => {
    const database = openDatabase();
    database.execute("CREATE TABLE t (a); INSERT INTO t VALUES (zeroblob(1000000))");
    database.execute("INSERT INTO t SELECT a FROM t, json_each('[1,2,3,4,5,6,7,8,9]')");
    const before = process.memoryUsage.rss();
    const columns = Array.from({ length: 40 }, (_, nth) => `a AS a${nth}`).join();
    expect(database.refusal((db) => db.execute(`UPDATE t SET a = a || 'x' RETURNING ${columns}`))).toStartWith(
      "the result has more than 4194304 bytes",
    );
    expect(process.memoryUsage.rss() - before).toBeLessThan(300e6);
    expect(database.query("SELECT DISTINCT length(a) AS n FROM t")).toEqual([{ n: 1_000_000 }]);
    expect(database.execute("UPDATE t SET a = rowid RETURNING a")).toMatchObject({ changes: 10 });
  });
});

describe("the turns of a join are counted", () => {
  const names = "WITH t AS (SELECT 1 AS a)";
  test.each([
    `${names} INSERT INTO d SELECT count(*) FROM main.t a, main.t b`,
    `INSERT INTO d ${names} SELECT count(*) FROM "main" . t a, main.'t' b`,
    `${names} SELECT count(*) AS n FROM main.t a JOIN main.t b`,
    "INSERT INTO d SELECT count(*) FROM t a, t b WHERE graft_turn() AND (1)",
    "INSERT INTO d SELECT count(*) FROM t a, t b WHERE graft_turn()",
    "SELECT count(*) AS n FROM t a, t b WHERE graft_turn() AND (a.a <> b.a)",
    "UPDATE d SET a = 1 FROM t b, t c WHERE graft_turn()",
    "CREATE TABLE e AS SELECT 1 AS a FROM t a, t b WHERE graft_turn()",
  ])("whatever hides it: %s", (sql) => {
    const database = openDatabase({ ...sqlLimits, commandTurnsMax: 500 });
    database.execute("CREATE TABLE t (a); CREATE TABLE d (a); INSERT INTO d VALUES (0)");
    database.execute(`INSERT INTO t VALUES ${Array.from({ length: 100 }, (_, nth) => `(${nth})`).join()}`);
    expect(database.refusal((db) => db.execute(sql))).toBe(
      "the command took more than 500 turns of loops: do less in one command",
    );
  });
});

describe("a text", () => {
  test("with many parentheses within each other is refused", () => {
    const database = openDatabase();
    for (const start of ["SELECT(", "date(", "("]) {
      expect(database.refusal((db) => db.query(`SELECT ${start.repeat(100_000)}`))).toBe(
        "the SQL has more than 200 parentheses within each other",
      );
    }
    expect(database.query(`SELECT ${"(".repeat(200)}1${")".repeat(200)} AS a`)).toEqual([{ a: 1 }]);
  });

  test("that closes what it did not open is refused, since it would be as deep as it likes", () => {
    for (const start of ["(SELECT 1 FROM ", "date("]) {
      expect(openDatabase().refusal((db) => db.query(`SELECT ${")".repeat(50_000)}${start.repeat(50_000)}`))).toBe(
        "the SQL closes a parenthesis that it did not open",
      );
    }
  });

  test("may say EXPLAIN once", () => {
    const sql = `${"EXPLAIN QUERY PLAN ".repeat(100_000)}SELECT 1`;
    for (const run of ["query", "execute"] as const)
      expect(openDatabase().refusal((db) => db[run](sql))).toStartWith("EXPLAIN QUERY PLAN EXPLAIN is refused");
  });

  test("joins at most 20 tables in one FROM, since SQLite would take long to compile more", () => {
    const database = openDatabase();
    database.execute("CREATE TABLE t (v); INSERT INTO t VALUES (1)");
    const tables = (count: number): readonly string[] => Array.from({ length: count }, (_, nth) => `t x${nth}`);
    const tooMany = "one FROM joins 21 tables, and 20 at most may be in one";
    for (const [start, sign] of [
      ["SELECT 1 AS n FROM ", ", "],
      ["SELECT 1 AS n FROM ", " NATURAL JOIN "],
      ["SELECT 1 AS n FROM ((t y JOIN t z), ", " JOIN "],
      ["WITH c AS (SELECT 1) SELECT (SELECT 1 FROM ", ", "],
    ] as const) {
      const sql = (count: number): string => {
        const text = start + tables(start.includes("y") ? count - 2 : count).join(sign);
        return text + ")".repeat(text.split("(").length - text.split(")").length);
      };
      expect(database.refusal((db) => db.query(sql(21)))).toBe(tooMany);
      expect(database.refusal((db) => db.execute(`CREATE VIEW w AS ${sql(21)}`))).toBe(tooMany);
      expect(database.query(sql(20)).length).toBe(1);
    }
  });

  test("with many words and signs is refused before it fills the memory", () => {
    const database = openDatabase();
    database.execute("CREATE TABLE t (a)");
    const values = (count: number): string =>
      `INSERT INTO t VALUES ${Array.from({ length: count }, () => "(1)").join()}`;
    expect(database.execute(values(124_999))).toMatchObject({ changes: 124_999 });
    for (const sql of [values(125_000), ";".repeat(8_000_000), "1 ".repeat(4_000_000)]) {
      expect(database.refusal((db) => db.execute(sql))).toBe(
        "the SQL has more than 500000 words and signs: send it in parts, or values as parameters",
      );
    }
  });

  test("with many names is refused", () => {
    const names = Array.from({ length: 1001 }, (_, nth) => `n${nth}`);
    const asked = (count: number): string => `SELECT 1 IN (:${names.slice(0, count).join(", :")}) AS a`;
    const params = Object.fromEntries(names.slice(0, 1000).map((name) => [name, 1]));
    expect(openDatabase().query(asked(1000), params)).toEqual([{ a: 1 }]);
    expect(openDatabase().refusal((db) => db.query(asked(1001), params))).toBe(
      "a statement has at most 1000 parameters with names: use ?",
    );
  });
});

describe("the schema", () => {
  test("has texts that a snapshot can hold, also after a name was changed", () => {
    const database = openDatabase();
    database.execute(
      `CREATE TABLE t (a); CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT ${"NEW.a, ".repeat(1500)} 1; END`,
    );
    const before = database.items();
    const long = "the text of t has more than 1048576 characters";
    const add = (nth: number): string => `ALTER TABLE t ADD COLUMN c${nth} DEFAULT '${"x".repeat(300_000)}'`;
    expect(database.refusal((db) => db.execute([add(1), add(2), add(3), add(4)].join("; ")))).toBe(long);
    for (const name of ["n".repeat(1001), `[${"n".repeat(1001)}]`, `'${"n".repeat(1001)}'`])
      expect(database.refusal((db) => db.execute(`ALTER TABLE t RENAME COLUMN a TO ${name}`))).toBe(
        "a name in the schema has at most 1000 characters",
      );
    expect(database.refusal((db) => db.execute(`ALTER TABLE t RENAME COLUMN a TO ${"n".repeat(1000)}`))).toBe(
      "the text of g has more than 1048576 characters",
    );
    expect(database.items()).toEqual(before);
  });
});

test("a script changes the schema and rows by turns as long as that costs little", () => {
  const database = openDatabase();
  const pairs = (count: number, comment: string): string =>
    Array.from(
      { length: count },
      (_, nth) =>
        `CREATE TABLE t${nth} (i INTEGER PRIMARY KEY AUTOINCREMENT ${comment}); INSERT INTO t${nth} VALUES (NULL)`,
    ).join("; ");
  const comment = `/* ${"x".repeat(100_000)} */`;
  expect(database.refusal((db) => db.execute(pairs(20, comment)))).toBe(
    "the script alters tables, or changes the schema and rows by turns, too often: send it in parts",
  );
  expect(database.items()).toEqual([]);
  database.execute(pairs(10, comment));
  // The same on a node that has to read the schema first.
  database.db.commit([]);
  database.reopen();
  expect(database.execute("INSERT INTO t9 VALUES (NULL)").lastInsertRowid).toBe(2);
  expect(database.refusal((db) => db.execute("INSERT INTO t0 VALUES (9223372036854775807)"))).toContain("a rowid of");
});

test("the message of a rejection has a bound", () => {
  const database = openDatabase();
  database.execute(
    "CREATE TABLE t (a); CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT RAISE(ABORT, format('%.*c', NEW.a, 'x')); END",
  );
  expect(database.refusal((db) => db.execute("INSERT INTO t VALUES (1000000)"))).toBe("x".repeat(1000));
});

describe("time", () => {
  const slow = [
    ["a recursion without end", endless],
    ["a recursion without end in a view", "SELECT * FROM endless"],
    ["a recursion without end in a subquery", `SELECT (${endless}) AS n`],
    [
      "a recursion that gives rows that are dropped",
      "WITH n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n) SELECT n FROM n WHERE n < 0",
    ],
    ["a join of the same table", "SELECT count(*) AS n FROM t a, t b, t c, t d WHERE a.v + b.v + c.v + d.v < 0"],
    ["a join by words", "SELECT count(*) AS n FROM t AS a CROSS JOIN t AS b LEFT JOIN t c ON c.v < b.v JOIN t d"],
  ] as const;
  test.each(slow)("ends a query: %s", (_, sql) => {
    const database = openDatabase({ ...sqlLimits, queryMsMax: 100 });
    database.execute(`CREATE TABLE t (v); CREATE VIEW endless AS ${endless}`);
    database.execute("WITH n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT 1000) INSERT INTO t SELECT n FROM n");
    expect(database.refusal((db) => db.query(sql))).toBe(
      "the query took more than 0.1 s: ask for less, or help it with an index",
    );
    expect(database.query("SELECT count(*) AS n FROM t")).toEqual([{ n: 1000 }]);
  });

  test("does not end a command, but the number of turns does", () => {
    const database = openDatabase({ ...sqlLimits, commandTurnsMax: 10_000 });
    database.execute("CREATE TABLE t (v)");
    expect(database.refusal((db) => db.execute(`INSERT INTO t ${endless}`))).toStartWith(
      "the command took more than 10000 turns of loops",
    );
    expect(database.query("SELECT * FROM t")).toEqual([]);
  });
});

test("a command counts each turn of a join", () => {
  const database = openDatabase({ ...sqlLimits, commandTurnsMax: 100_000 });
  database.execute("CREATE TABLE t (v)");
  database.execute("WITH n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT 300) INSERT INTO t SELECT n FROM n");
  database.execute("CREATE TABLE u (v); INSERT INTO u VALUES (1)");
  database.execute("CREATE TABLE k (a, b PRIMARY KEY) WITHOUT ROWID; INSERT INTO k SELECT v, v FROM t");
  const numbers = `json_each('[${Array.from({ length: 300 }, (_, nth) => nth).join()}]')`;
  for (const sql of [
    "SELECT count(*) FROM t a, t b, t c",
    "INSERT INTO t SELECT count(*) FROM t a, t b, t c",
    "CREATE TABLE w AS SELECT count(*) FROM t a, t b, t c",
    "SELECT count(*) FROM k x, k y, k z",
    `SELECT count(*) FROM ${numbers} a, ${numbers} AS b, t`,
    "SELECT count((SELECT count((SELECT count(*) FROM t z WHERE z.v <> y.v + x.v)) FROM t y WHERE y.v <> x.v)) FROM t x",
    "UPDATE u SET v = 2 FROM t b, t c, t d WHERE b.v + c.v + d.v > 0",
    "UPDATE OR IGNORE t AS x SET v = 2 FROM t b, t c",
    "DELETE FROM t WHERE (SELECT count(*) FROM t a WHERE a.v <> t.v AND (SELECT count(*) FROM t b WHERE b.v <> a.v) > 1) > 1",
    "SELECT count(*) FROM (t a, t b), t c",
    "SELECT count(*) FROM u LEFT JOIN (t a JOIN t b ON 1 JOIN k c) ON 1",
    "UPDATE u SET v = 1 FROM (t b, t c, t d)",
    "SELECT count(*) FROM 't' a, main.'t' \"b\", [t] 'c'",
    "WITH x AS (SELECT 1) INSERT INTO t (v) SELECT count(*) FROM t a, t b, t c",
    "INSERT INTO t (v) WITH x (y) AS (SELECT 1) SELECT count(*) FROM t a, t b, t c",
    "WITH x AS (SELECT 1) SELECT count(*) OVER t AS n FROM t a, t b, t c WINDOW t AS (ORDER BY 1) LIMIT 1",
    "SELECT count(*) FROM t a, t b, t c WHERE (WITH t AS (SELECT 1 AS v) SELECT v FROM t)",
    "WITH t AS (SELECT 1 AS v) UPDATE k SET a = 1 FROM k x, k y WHERE (SELECT v FROM t)",
    `SELECT count(*) FROM jsonb_each(${numbers.slice(10, -1)}) a, jsonb_tree(${numbers.slice(10, -1)}) AS b, t`,
    `CREATE TABLE w (v); INSERT INTO w VALUES (1); ${"INSERT INTO w SELECT v FROM w; ".repeat(20)}`,
    `CREATE TABLE w (v); INSERT INTO w VALUES (1); ${"INSERT INTO w WITH x AS (SELECT 1) SELECT v FROM w; ".repeat(20)}`,
    `CREATE TABLE w (v); INSERT INTO w VALUES (1); ${"INSERT INTO w VALUES (0); ".repeat(9)} ${Array.from({ length: 9 }, (_, nth) => `CREATE TABLE w${nth} AS SELECT 1 AS v FROM ${nth === 0 ? "w" : `w${nth - 1}`} UNION ALL SELECT v FROM t`).join("; ")}; ${"REPLACE INTO w SELECT v FROM w8 UNION ALL SELECT v FROM w8; ".repeat(20)}`,
    "INSERT INTO u VALUES (1) ON CONFLICT DO NOTHING; UPDATE u SET v = (SELECT count(*) FROM t a, t b, t c)",
  ])
    expect(database.refusal((db) => db.execute(sql))).toStartWith("the command took more than 100000 turns");
  expect(database.execute("SELECT count(*) AS n FROM t a, t b").rows).toEqual([{ n: 90_000 }]);
});

test("joins in parentheses that hide their tables are refused", () => {
  const database = openDatabase();
  database.execute("CREATE TABLE t (v); INSERT INTO t VALUES (1)");
  for (const sql of ["(t a JOIN t b) AS x", "t, (t a) b", "t a, (t b, (t c, t d))", "t a, (t b)"])
    expect(database.refusal((db) => db.query(`SELECT 1 AS n FROM ${sql}`))).toContain(
      "write (SELECT * FROM …) AS name",
    );
  for (const sql of [
    "((t a JOIN t b) JOIN t c)",
    "(((t a), t b), t c), (t d, t e)",
    "t a, (t)",
    "(SELECT * FROM t JOIN t b) AS x",
  ])
    expect(database.query(`SELECT 1 AS n FROM ${sql}`)).toEqual([{ n: 1 }]);
});

test("two tables of one FROM must have names of their own", () => {
  const database = openDatabase();
  database.execute("CREATE TABLE t (v)");
  for (const sql of ["SELECT count(*) FROM t JOIN t USING (v)", "SELECT count(*) FROM t a, main.t AS A"]) {
    for (const run of ["query", "execute"] as const)
      expect(database.refusal((db) => db[run](sql))).toMatch(
        /^two tables of one FROM are called [ta]: name them with AS$/,
      );
  }
});

test("counting turns leaves triggers and upserts as they are", () => {
  const database = openDatabase();
  database.execute("CREATE TABLE t (v UNIQUE, n DEFAULT 0); CREATE TABLE u (v REFERENCES t (v) ON UPDATE CASCADE)");
  for (const [nth, event] of [
    "UPDATE ON t",
    "UPDATE OF n ON t",
    "AFTER UPDATE ON t",
    "BEFORE UPDATE OF n ON t",
  ].entries())
    database.execute(
      `CREATE TRIGGER g${nth} ${event} BEGIN INSERT INTO u SELECT x.v FROM t x, t y; UPDATE u SET v = y.v FROM t y WHERE 0; END`,
    );
  database.execute("INSERT INTO t (v) VALUES (1) ON CONFLICT DO UPDATE SET n = 1");
  database.execute("INSERT INTO t (v) VALUES (1) ON CONFLICT (v) DO UPDATE SET n = (SELECT 2 FROM t) WHERE n < 5");
  expect(database.query("SELECT n, (SELECT count(*) FROM u) AS u FROM t")).toEqual([{ n: 2, u: 4 }]);
});

describe("counting turns changes no answer:", () => {
  const queries = [
    "SELECT a.v AS x, b.v AS y FROM t a JOIN t b ON a.v = b.v WHERE a.v > 1 OR b.v = 1 ORDER BY a.v DESC LIMIT 2",
    "SELECT a.v AS v FROM t a, t b WHERE a.v IS NOT DISTINCT FROM b.v GROUP BY a.v HAVING count(*) > 0",
    "SELECT a.v AS v FROM t a LEFT JOIN t b ON a.v = b.v + 2 WHERE b.v IS NULL UNION ALL SELECT 9 UNION SELECT c.v FROM t c, t d",
    "SELECT a.v AS v, sum(b.v) OVER w AS s FROM t a, t b WINDOW w AS (PARTITION BY a.v ORDER BY b.v) ORDER BY 1, 2",
    "SELECT count(*) FILTER (WHERE a.v > 1) AS n FROM t a, t b",
    "SELECT a.v AS v FROM t AS a NATURAL JOIN t AS b",
    "SELECT a.v AS v FROM main.t a, (SELECT c.v AS v FROM t c, t d WHERE c.v < d.v) b WHERE a.v = b.v",
    'SELECT [a b].v AS v FROM t [a b], t "c" WHERE "c".v = 1',
    "WITH t2 AS (SELECT v FROM t), t AS (SELECT 7 AS v) SELECT t2.v AS v, t.v AS w FROM t2, t",
    "SELECT a.value AS v FROM json_each('[1,2]') a LEFT JOIN json_tree('[2]') AS b ON a.value = b.value WHERE b.id IS NULL",
    "SELECT value AS v, t.v AS w FROM t, json_each(json_array(t.v, 5)) WHERE value <> 5",
    "SELECT v FROM t WHERE v IN (SELECT max(v) FROM t) OR v = (SELECT a.v FROM t a WHERE a.v < t.v ORDER BY a.v LIMIT 1)",
    "SELECT v FROM t WHERE EXISTS (SELECT 1 FROM t a, t b WHERE a.v + b.v = t.v)",
  ] as const;
  test.each(queries)("%s", (sql) => {
    const database = openDatabase();
    database.execute("CREATE TABLE t (v INTEGER); INSERT INTO t VALUES (1), (2), (3)");
    const asView = `CREATE VIEW w AS ${sql}`;
    const rows = database.query(sql);
    expect(rows.length).toBeGreaterThan(0);
    expect(database.execute(sql).rows).toEqual(rows);
    database.execute(asView);
    expect(database.query("SELECT * FROM w")).toEqual(rows);
    expect(plainly(sql)).toEqual(rows);
  });
});

/** As SQLite answers it. */
function plainly(sql: string): unknown {
  using db = new Database(":memory:");
  db.run("CREATE TABLE t (v INTEGER); INSERT INTO t VALUES (1), (2), (3)");
  return db.query(sql).all();
}
