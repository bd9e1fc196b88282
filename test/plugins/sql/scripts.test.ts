// A script is all or nothing, also where SQLite alone would leave half of it, and its result does not depend on what the connection did before.
import { Database } from "bun:sqlite";
import { afterEach, describe, expect, test } from "bun:test";
import { closeAll, copyOf, openDatabase, type TestDatabase } from "./databases.ts";

afterEach(closeAll);

const numbers = "CREATE TABLE numbers (n INTEGER NOT NULL UNIQUE, name TEXT)";
const three = "INSERT INTO numbers VALUES (1, 'a'), (2, 'b'), (3, 'c')";

function withNumbers(...more: readonly string[]): TestDatabase {
  const database = openDatabase();
  database.execute([numbers, three, ...more].join("; "));
  return database;
}

const all = (database: TestDatabase): readonly unknown[] => database.query("SELECT n, name FROM numbers ORDER BY n");

describe("a statement that fails changes nothing:", () => {
  const failing = [
    ["a constraint fails at the last row", "INSERT INTO numbers VALUES (4, 'd'), (5, 'e'), (1, 'f')"],
    ["FAIL leaves the rows before", "INSERT OR FAIL INTO numbers VALUES (4, 'd'), (5, 'e'), (1, 'f')"],
    [
      "a function fails at the third row",
      "INSERT INTO numbers SELECT n + 10, abs(CASE n WHEN 3 THEN -9223372036854775807 - 1 ELSE n END) FROM numbers",
    ],
    [
      "a function refuses at the third row",
      "INSERT INTO numbers SELECT n + 10, CASE n WHEN 3 THEN date(n, 'utc') END FROM numbers",
    ],
    ["a function fails in an update", "UPDATE numbers SET name = CASE n WHEN 3 THEN date(n, 'utc') ELSE 'x' END"],
    ["a function fails in the condition of a delete", "DELETE FROM numbers WHERE n < 3 OR date(n, 'utc') > 0"],
    [
      "a function fails in what is returned",
      "INSERT INTO numbers VALUES (4, 'd'), (5, 'e') RETURNING date(n, CASE n WHEN 5 THEN 'utc' ELSE 'auto' END)",
    ],
    ["the result is too large", "INSERT INTO numbers VALUES (4, 'd') RETURNING zeroblob(5000000)"],
    ["an update ends at a unique value", "UPDATE numbers SET n = 9 WHERE n > 1"],
    ["a replaced row is back", "INSERT OR REPLACE INTO numbers VALUES (1, 'z'), (NULL, 'y')"],
  ] as const;

  test.each(failing)("%s", (_, sql) => {
    const database = withNumbers();
    const before = all(database);
    database.execute("INSERT INTO numbers VALUES (100, 'before')");
    database.refusal((db) => db.execute(sql));
    database.execute("DELETE FROM numbers WHERE n = 100");
    expect(all(database)).toEqual(before);
  });

  test("a schema that fails half-way", () => {
    const database = withNumbers(
      "CREATE TABLE strict (n INTEGER UNIQUE ON CONFLICT FAIL)",
      "INSERT INTO strict VALUES (1)",
    );
    database.refusal((db) => db.execute("INSERT INTO strict VALUES (5), (1)"));
    expect(database.query("SELECT n FROM strict")).toEqual([{ n: 1 }]);
  });

  test("a trigger that fails half-way", () => {
    const database = withNumbers(
      "CREATE TRIGGER small BEFORE INSERT ON numbers WHEN NEW.n > 5 BEGIN SELECT RAISE(FAIL, 'too large'); END",
    );
    const refusal = database.refusal((db) => db.execute("INSERT INTO numbers VALUES (4, 'd'), (6, 'e')"));
    expect(refusal).toBe("too large");
    expect(all(database)).toHaveLength(3);
  });
});

describe("a statement that SQLite itself does not take back changes nothing:", () => {
  const tables = `CREATE TABLE s (a ANY, b INT) STRICT; CREATE TABLE k (id INTEGER PRIMARY KEY, b);
    CREATE TABLE large (g, x); CREATE TABLE sums (g, a); CREATE TABLE keep (a UNIQUE ON CONFLICT REPLACE, b CHECK (b < 5));
    INSERT INTO s VALUES (1, 0), (2, 0), ('x', 0); INSERT INTO k VALUES (1, 11), (2, 'x'); INSERT INTO sums VALUES (1, 0), (2, 0);
    INSERT INTO large VALUES (1, 1), (2, 9223372036854775807), (2, 9223372036854775807); INSERT INTO keep VALUES (1, 1)`;
  test.each([
    "INSERT INTO s VALUES (1, 1), (2, 'x')",
    "INSERT OR IGNORE INTO s VALUES (1, 1), (2, 'x')",
    "INSERT INTO s SELECT 1, 'x' UNION ALL SELECT 2, 3 ORDER BY 1 DESC",
    "INSERT OR IGNORE INTO k (id) VALUES (5), ('x')",
    "INSERT OR REPLACE INTO k (id) VALUES (1), ('x')",
    "UPDATE s SET b = a",
    "UPDATE OR IGNORE s SET b = a",
    "UPDATE OR IGNORE k SET id = b",
    "UPDATE sums SET a = (SELECT sum(x) FROM large WHERE large.g = sums.g)",
    "UPDATE sums SET a = zeroblob(g * 600000000)",
    "DELETE FROM sums WHERE (SELECT sum(x) FROM large WHERE large.g = sums.g) > 0",
    "REPLACE INTO keep VALUES (1, 7)",
    "INSERT INTO keep VALUES (1, 7)",
  ])("%s", (sql) => {
    const database = openDatabase();
    database.execute(tables);
    const before = database.items();
    database.refusal((db) => db.execute(sql));
    expect(database.items()).toEqual(before);
  });
});

describe("a script", () => {
  test("is taken back as a whole, with the tables that it created", () => {
    const database = withNumbers();
    const before = database.items();
    const script =
      "CREATE TABLE other (x); INSERT INTO other VALUES (1); INSERT INTO numbers VALUES (4, NULL); INSERT INTO numbers VALUES (1, NULL)";
    expect(database.refusal((db) => db.execute(script))).toBe("UNIQUE constraint failed: numbers.n");
    expect(database.items()).toEqual(before);
    database.execute("CREATE TABLE other (y)");
    expect(database.query("SELECT y FROM other")).toEqual([]);
  });

  test("gives the rows of its last statement that has any, and counts the changes of all", () => {
    const database = withNumbers();
    const script = "UPDATE numbers SET name = 'x' WHERE n < 3; SELECT 1 AS one; DELETE FROM numbers WHERE n = 3";
    expect(database.execute(script)).toEqual({ changes: 3, lastInsertRowid: null, rows: [{ one: 1 }] });
  });

  test("may hold triggers, whose bodies have statements", () => {
    const database = withNumbers(
      "CREATE TABLE log (n); CREATE TRIGGER logs AFTER INSERT ON numbers BEGIN INSERT INTO log VALUES (CASE NEW.n WHEN 4 THEN 'four' END); INSERT INTO log VALUES (1); END; INSERT INTO numbers VALUES (4, 'd')",
    );
    expect(database.query("SELECT n FROM log")).toEqual([{ n: "four" }, { n: 1 }]);
  });

  test("sees its own changes() and last_insert_rowid(), and none of before", () => {
    const database = withNumbers();
    database.execute("INSERT INTO numbers VALUES (4, 'd')");
    const state = "SELECT changes() AS changes, last_insert_rowid() AS rowid";
    expect(database.execute(state).rows).toEqual([{ changes: 0, rowid: 0 }]);
    expect(database.execute(`INSERT INTO numbers VALUES (5, NULL), (6, NULL); ${state}`).rows).toEqual([
      { changes: 2, rowid: 6 },
    ]);
  });

  test("takes parameters by name for all its statements", () => {
    const database = withNumbers();
    database.execute("INSERT INTO numbers VALUES ($n, :name); UPDATE numbers SET name = @name WHERE n = 1", {
      n: 4,
      name: "x",
    });
    expect(database.query("SELECT n FROM numbers WHERE name = ?", ["x"])).toEqual([{ n: 1 }, { n: 4 }]);
  });
});

describe("columns without AS have the names that SQLite gives them:", () => {
  const asked = [
    ["SELECT date('now'), date(), time(), n FROM numbers", null],
    ["SELECT (SELECT count(*) FROM numbers a, numbers b), count(*) FROM numbers c, numbers d", null],
    ["SELECT ?, - ?, typeof(?)", [{ real: 1 }, { text: "1" }, 1]],
    ["SELECT count(sqlite_schema.name), (SELECT 1 FROM sqlite_schema) FROM sqlite_schema", null],
    ["SELECT n, julianday(n), a.n AS m FROM numbers a", null],
  ] as const;
  test.each(asked)("%s", (sql, params) => {
    const database = withNumbers();
    const plain = new Database(":memory:");
    plain.run(numbers);
    const { columnNames } = plain.prepare(sql);
    for (const rows of [database.query(sql, params), database.execute(sql, params).rows])
      expect(Object.keys(rows[0]!)).toEqual(columnNames);
    plain.close();
  });

  test("also what a statement returns", () => {
    const sql = "INSERT INTO numbers VALUES (9, 'x') RETURNING n, date('now'), julianday(n), ?";
    const { rows } = withNumbers().execute(sql, [{ real: 1 }]);
    expect(Object.keys(rows[0]!)).toEqual(["n", "date('now')", "julianday(n)", "?"]);
  });
});

describe("the rowid of the last insert", () => {
  const inserts = [
    ["an insert that is ignored", "INSERT OR IGNORE INTO numbers VALUES (1, 'z')", null],
    [
      "an insert that becomes an update",
      "INSERT INTO numbers VALUES (1, 'z') ON CONFLICT DO UPDATE SET name = 'z'",
      null,
    ],
    ["an insert without rowid", "INSERT INTO plain VALUES ('k')", null],
    ["an insert into a view", "INSERT INTO shown VALUES (9)", null],
    ["an insert that returns rows", "INSERT INTO numbers VALUES (4, 'd'), (5, 'e') RETURNING n", 5],
    ["an update", "UPDATE numbers SET name = 'q'", null],
    ["an insert", "INSERT INTO numbers VALUES (4, 'd')", 4],
  ] as const;

  test.each(inserts)("does not depend on what was inserted before: %s", (_, sql, rowid) => {
    const database = withNumbers(
      "CREATE TABLE plain (k PRIMARY KEY) WITHOUT ROWID",
      "CREATE VIEW shown AS SELECT n FROM numbers",
      "CREATE TRIGGER instead INSTEAD OF INSERT ON shown BEGIN INSERT INTO plain VALUES (NEW.n); END",
    );
    const other = copyOf(database);
    database.execute("INSERT INTO numbers VALUES (77, 'x'); DELETE FROM numbers WHERE n = 77");
    const result = database.execute(sql);
    expect(result).toEqual(other.execute(sql));
    expect(result.lastInsertRowid).toBe(rowid);
  });
});

describe("parameters that do not fit are refused:", () => {
  const wrong = [
    ["too few", "SELECT ?, ?", [1], "the statement has 2 parameters, and 1 values were given"],
    ["too many", "SELECT ?", [1, 2], "the statement has 1 parameters, and 2 values were given"],
    [
      "positional ones for a script",
      "SELECT ?; SELECT 1",
      [1],
      "a script of several statements takes parameters by name, such as :id",
    ],
    ["a name without a value", "SELECT :toString", {}, "no value was given for the parameter toString"],
    ["a value without a name", "SELECT :a", { a: 1, b: 2 }, "there is no parameter b"],
    ["names for places", "SELECT :a, ?", { a: 1 }, "values were given by name, and a parameter has none: write :name"],
    ["none at all", "SELECT ?", null, "the statement has 1 parameters, and 0 values were given"],
  ] as const;

  test.each(wrong)("%s", (_, sql, params, message) => {
    expect(openDatabase().refusal((db) => db.execute(sql, params))).toBe(message);
  });
});

test("foreign keys hold, in the command that breaks them", () => {
  const database = openDatabase();
  database.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY); CREATE TABLE child (parent REFERENCES parent)");
  expect(database.refusal((db) => db.execute("INSERT INTO child VALUES (1)"))).toBe("FOREIGN KEY constraint failed");
});
