// Time and chance are replicated values wherever SQL asks for them: in statements, defaults, triggers and views, and the same on every node.
import { Database } from "bun:sqlite";
import { afterEach, describe, expect, test } from "bun:test";
import { replicatedFunctions, dateFunctions } from "../../../plugins/sql/refused-names.ts";
import { closeAll, openDatabase } from "./databases.ts";

afterEach(closeAll);

const now = "2023-11-14 22:13:20";

describe("time", () => {
  const cases = [
    ["date('now')", "2023-11-14"],
    ["date()", "2023-11-14"],
    ["time('now')", "22:13:20"],
    ["time()", "22:13:20"],
    ["datetime('now')", now],
    ["datetime( /* a */ )", now],
    ["DateTime('NOW')", now],
    ["datetime('now', 'subsec')", `${now}.123`],
    ["datetime('subsec')", `${now}.123`],
    ["datetime('now', '+1 day', 'start of month')", "2023-11-01 00:00:00"],
    ["julianday('now')", 2460263.4259273494],
    ["unixepoch()", 1_700_000_000],
    ["unixepoch('subsec')", 1_700_000_000.123],
    ["strftime('%Y %s', 'now')", "2023 1700000000"],
    ["strftime('%H:%M')", "22:13"],
    ["timediff('now', '2023-11-14')", "+0000-00-00 22:13:20.123"],
    ["timediff('now', 'now')", "+0000-00-00 00:00:00.000"],
    ["\"date\"('now')", "2023-11-14"],
    ["date(date('now'), '-1 day')", "2023-11-13"],
    ["current_date", "2023-11-14"],
    ["CURRENT_TIME", "22:13:20"],
    ["CURRENT_TIMESTAMP", now],
    ["date('2020-02-28', '+1 day')", "2020-02-29"],
    ["datetime(1700000000, 'unixepoch')", now],
    ["datetime(2440587.5)", "1970-01-01 00:00:00"],
    ["strftime('%Y', '2020-01-01')", "2020"],
    ["date(NULL)", null],
    ["date('nonsense')", null],
  ] as const;

  test.each(cases)("%s in a command, a query, a default, a trigger and a view", (sql, value) => {
    const database = openDatabase();
    const asked = `SELECT ${sql} AS v`;
    expect(database.execute(asked).rows).toEqual([{ v: value }]);
    expect(database.query(asked)).toEqual([{ v: value }]);
    database.timeMs = 1000;
    database.execute(
      `CREATE TABLE t (a, v DEFAULT (${sql})); CREATE TABLE u (v); CREATE VIEW w AS SELECT ${sql} AS v;
      CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO u SELECT ${sql}; END`,
    );
    database.db.commit([]);
    database.reopen();
    database.timeMs = 1_700_000_000_123;
    database.execute("INSERT INTO t (a) VALUES (1)");
    for (const table of ["t", "u", "w"]) expect(database.query(`SELECT v FROM ${table}`)).toEqual([{ v: value }]);
  });

  test.each([
    "typeof(julianday('2023-01-01 12:00'))",
    "julianday('2023-01-01 12:00') / 2",
    "julianday('2023-01-01 12:00') || ''",
    "typeof(julianday(julianday(5)))",
    "typeof(unixepoch('2023-01-01', 'subsec'))",
    "typeof(unixepoch('2023-01-01'))",
    "CAST('2459946.0' AS TEXT) = julianday('2023-01-01 12:00')",
    "strftime(julianday('2023-01-01'))",
    "typeof(julianday('nonsense'))",
  ])("a number of days is a real, also where it is whole: %s", (sql) => {
    using plain = new Database(":memory:");
    const asked = `SELECT ${sql} AS v`;
    expect(openDatabase().query(asked)).toEqual(plain.query(asked).all() as never);
  });

  test("a table may have the name of a function of time", () => {
    const database = openDatabase();
    database.execute("CREATE TABLE julianday (date); INSERT INTO julianday (date) VALUES (1)");
    expect(database.query("SELECT date FROM julianday")).toEqual([{ date: 1 }]);
  });

  test("every function of time has a case here", () => {
    const names = [...dateFunctions.keys(), "current_date", "current_time", "current_timestamp"];
    expect(
      names.filter((name) => !cases.some(([sql]) => sql.toLowerCase().replaceAll('"', "").startsWith(name))),
    ).toEqual([]);
    expect(replicatedFunctions.filter((name) => !names.includes(name))).toEqual(["random", "randomblob"]);
  });

  const refusals = [
    [
      "datetime('now', 'localtime')",
      "datetime(…, 'localtime') is refused: the time zone is that of a machine; send the time in UTC",
    ],
    [
      "date('2020-01-01', 'UTC')",
      "date(…, 'utc') is refused: the time zone is that of a machine; send the time in UTC",
    ],
    [
      "strftime('%s', '2020-01-01', 'LocalTime')",
      "strftime(…, 'localtime') is refused: the time zone is that of a machine; send the time in UTC",
    ],
    ["date(lower('NOW'))", "date() was given 'now' as a value: write 'now' in the call itself, in single quotes"],
    ["date(x'6e6f77')", "date() was given 'now' as a value: write 'now' in the call itself, in single quotes"],
    ["timediff('2020-01-01', lower('NOW'))", "timediff() was given 'now' as a value"],
    ["time(lower('SUBSEC'))", "time() was given 'subsec' as a value"],
    // SQLite ends a text at a NUL.
    ["datetime(char(110, 111, 119, 0))", "datetime() was given 'now' as a value"],
    ["datetime(CAST(x'4e4f57007a' AS TEXT))", "datetime() was given 'now' as a value"],
    ["datetime(x'6e6f7700ff')", "datetime() was given 'now' as a value"],
    ["datetime('subsec' || char(0))", "datetime() was given 'subsec' as a value"],
    ["datetime('2020-01-01', 'localtime' || char(0))", "datetime(…, 'localtime') is refused"],
    ["datetime('2020-01-01', x'75746300')", "datetime(…, 'utc') is refused"],
    ["timediff('2020-01-01', 'now' || char(0, 1))", "timediff() was given 'now' as a value"],
  ] as const;
  test.each(refusals)("%s is refused", (sql, message) => {
    const database = openDatabase();
    expect(database.refusal((db) => db.execute(`SELECT ${sql}`))).toStartWith(message);
    expect(database.refusal((db) => db.query(`SELECT ${sql}`))).toStartWith(message);
  });

  test("that begins with a letter is one of those that SQLite knows today, or no time", () => {
    const plain = new Database(":memory:");
    const database = openDatabase();
    const dates = ["'today'", "'nowish'", "'subseconds'", "x'ff'", "'12:00'", "' 2460000'", "-5", "'é'", "'n\u00f6w'"];
    const modified = [
      "auto|AUTO|ceiling|floor|julianday|start of month|Start of Day|start of|subsec|subsecond|unixepoch|weekday 3",
      "weekday|localtimes|utcx|tomorrow|+1 day|-1 MONTH||+0001-02-03|01:02|é",
    ].flatMap((some) => some.split("|"));
    const calls = [
      ...dates.map((date) => `datetime(${date})`),
      ...modified.map((modifier) => `datetime(5, '${modifier}')`),
      ...modified.map((modifier) => `strftime('%Y now localtime', '2023-01-31', '+1 month', '${modifier}')`),
    ];
    for (const call of calls) {
      const sql = `SELECT ${call} AS v`;
      expect([sql, database.query(sql)]).toEqual([sql, plain.query(sql).all() as never]);
    }
    plain.close();
  });

  test("has no place where a value must stay the same", () => {
    const database = openDatabase();
    database.execute("CREATE TABLE t (a)");
    for (const sql of [
      "CREATE INDEX i ON t (date('now'))",
      "CREATE INDEX i ON t (a) WHERE a > datetime()",
      "CREATE TABLE u (a, b AS (date('now')) STORED)",
      "CREATE TABLE u (a, b AS (current_timestamp))",
      "CREATE INDEX i ON t (random())",
    ]) {
      expect(database.refusal((db) => db.execute(sql))).toStartWith("non-deterministic functions prohibited in");
    }
  });

  test("functions of a date that is given may be in a check, an index and a generated column", () => {
    const database = openDatabase();
    database.execute(
      "CREATE TABLE t (d TEXT CHECK (d IS date(d)), y AS (strftime('%Y', d)) STORED); CREATE INDEX i ON t (date(d, '+1 day'))",
    );
    database.execute("INSERT INTO t VALUES (date('now'))");
    expect(database.query("SELECT y FROM t WHERE date(d, '+1 day') = '2023-11-15'")).toEqual([{ y: "2023" }]);
    expect(database.refusal((db) => db.execute("INSERT INTO t VALUES ('2023-11-14 ')"))).toStartWith(
      "CHECK constraint failed",
    );
    expect(database.refusal((db) => db.execute("INSERT INTO t VALUES (?)", ["now"]))).toContain(
      "() was given 'now' as a value",
    );
  });
});

test("a schema that was read can be sent to another database", () => {
  const [database, other] = [openDatabase(), openDatabase()];
  database.execute(`CREATE TABLE t (a, b DEFAULT (datetime('now')), c DEFAULT (julianday()), "d ""e" AS (julianday(a)));
    CREATE VIEW v AS SELECT x.a, date() AS b FROM t x, t "y" WHERE x.a OR "y".a;
    CREATE VIEW w AS SELECT count(*) AS n FROM t x, t y; CREATE VIEW x AS SELECT name FROM sqlite_schema;
    CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET c = unixepoch('subsec') WHERE a = (SELECT max(x.a) FROM t x, t y); END`);
  const texts = database.query("SELECT sql FROM sqlite_schema ORDER BY type = 'table' DESC, type = 'view' DESC, name");
  for (const { sql } of texts) other.execute(sql as string);
  expect(other.items()).toEqual(database.items());
  for (const sql of ["SELECT graft_now", "SELECT * FROM graft_now", "CREATE TABLE graft_now (a)", "SELECT graft_x()"])
    expect(database.refusal((db) => db.execute(sql))).toContain("belong to this state machine");
});

describe("chance", () => {
  test("is the same on two nodes, and another number each time", () => {
    const script = `CREATE TABLE t (r DEFAULT (random()), b DEFAULT (randomblob(4)));
      INSERT INTO t (rowid) VALUES (1), (2), (3); SELECT r, hex(b) AS b FROM t ORDER BY rowid`;
    const [one, other] = [openDatabase().execute(script).rows, openDatabase().execute(script).rows];
    expect(one).toEqual(other);
    expect(new Set(one.map((row) => JSON.stringify(row))).size).toBe(3);
  });

  test("has 64 bits with a sign, and as many bytes as asked for", () => {
    const database = openDatabase();
    const rows = database.execute(
      "WITH n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200) SELECT random() < 0 AS negative, abs(random() / 4294967296) > 1073741824 AS large FROM n",
    ).rows;
    for (const column of ["negative", "large"])
      expect(new Set(rows.map((row) => row[column]))).toEqual(new Set([0, 1]));
    expect(
      database.execute("SELECT length(randomblob(10)) AS a, length(randomblob(0)) AS b, length(randomblob('3')) AS c")
        .rows,
    ).toEqual([{ a: 10, b: 1, c: 3 }]);
    expect(database.refusal((db) => db.execute("SELECT randomblob(1000001)"))).toBe(
      "randomblob() gives at most 1000000 bytes",
    );
  });

  test("is refused in a query, also behind a view", () => {
    const database = openDatabase();
    database.execute("CREATE VIEW v AS SELECT random() AS r");
    for (const sql of ["SELECT random()", "SELECT * FROM v", "SELECT * FROM (VALUES (1), (2)) ORDER BY random()"]) {
      expect(database.refusal((db) => db.query(sql))).toStartWith("random() is refused in a query");
    }
    expect(database.refusal((db) => db.query("SELECT randomblob(1)"))).toStartWith(
      "randomblob() is refused in a query",
    );
  });
});

describe("rowids", () => {
  const large = [
    ["INSERT INTO t (id) VALUES (4611686018427387904)", null],
    ["INSERT INTO t (id) VALUES (?)", [{ integer: "9223372036854775807" }]],
    ["INSERT INTO t (id) VALUES (?)", ["9223372036854775807"]],
    ["INSERT INTO t (id) VALUES ('9223372036854775807')", null],
    ["INSERT INTO t (id) VALUES (?)", [{ real: 9e18 }]],
    ["INSERT INTO t (id) VALUES (9e18)", null],
    ["INSERT INTO t (id) VALUES (1 << 62)", null],
    ["INSERT INTO t (id) SELECT 9223372036854775807", null],
    ["INSERT INTO t (rowid) SELECT 9223372036854775807", null],
    ["INSERT INTO t (id) VALUES (9223372036854775807), (5)", null],
    ["UPDATE t SET id = id << 62", null],
    ["UPDATE t SET _rowid_ = 9223372036854775807", null],
    ["UPDATE t SET (a, id) = (1, 9223372036854775807)", null],
    ["INSERT INTO t (id) VALUES (1) ON CONFLICT DO UPDATE SET id = 9223372036854775807", null],
    ["INSERT INTO u VALUES (1)", null],
    ["UPDATE u SET a = 9", null],
    ["DELETE FROM u", null],
  ] as const;
  test.each(large)("that SQLite would follow up by chance are refused: %s", (sql, params) => {
    const database = openDatabase();
    const triggers = ["INSERT", "UPDATE", "DELETE"].map(
      (event) =>
        `CREATE TRIGGER after_${event} AFTER ${event} ON u BEGIN INSERT INTO v VALUES (9223372036854775807); END`,
    );
    const isTrigger = sql.includes(" u");
    database.execute(
      "CREATE TABLE t (id INTEGER PRIMARY KEY, a); INSERT INTO t VALUES (1, 1); CREATE TABLE u (a); INSERT INTO u VALUES (7)",
    );
    if (isTrigger) database.execute(`CREATE TABLE v (id INTEGER PRIMARY KEY); ${triggers.join("; ")}`);
    const before = database.items();
    expect(database.refusal((db) => db.execute(sql, params))).toStartWith(
      "a rowid of 4611686018427387904 or more is refused",
    );
    expect(database.items()).toEqual(before);
    database.execute("INSERT INTO t (a) VALUES (2)");
    expect(database.query("SELECT max(id) AS id FROM t")).toEqual([{ id: 2 }]);
  });
});
