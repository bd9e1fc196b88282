// Values are exact on the way in, in the database and on the way out; what CBOR or JSON cannot say has a form of its own.
import { afterEach, describe, expect, test } from "bun:test";
import type { SqlInput, SqlValue } from "../../../plugins/sql/values.ts";
import { type CborValue, decodeValue, encodeValue } from "../../../src/adapters/cbor/value.ts";
import { closeAll, copyOf, openDatabase } from "./databases.ts";

afterEach(closeAll);

const bytes = (...all: readonly number[]): Uint8Array => new Uint8Array(all);
const text = (value: string): Uint8Array => new Uint8Array(Buffer.from(value));

describe("a value comes back as it was:", () => {
  const same: readonly (readonly [SqlInput, string, SqlValue?])[] = [
    [null, "null"],
    [0, "integer"],
    [-1, "integer"],
    [Number.MAX_SAFE_INTEGER, "integer"],
    [{ integer: "9007199254740993" }, "integer"],
    [{ integer: "-9223372036854775808" }, "integer"],
    [{ integer: "9223372036854775807" }, "integer"],
    [{ integer: "12" }, "integer", 12],
    [true, "integer", 1],
    [false, "integer", 0],
    [0.1, "real"],
    [1e300, "real"],
    [{ real: 2 ** 60 }, "real", { real: "1152921504606847000" }],
    [{ real: "-9223372036854775808" }, "real", { real: "-9223372036854776000" }],
    [2 ** 64, "real"],
    [5e-324, "real"],
    [{ real: 5 }, "real", 5],
    [{ real: "Infinity" }, "real"],
    [{ real: "-Infinity" }, "real"],
    [Infinity, "real", { real: "Infinity" }],
    [-0, "real", { real: "-0.0" }],
    [{ real: "-0.0" }, "real"],
    ["", "text"],
    ["a\0b", "text"],
    ["süß 🎉", "text"],
    ["12", "text"],
    [{ text: "abc" }, "text", "abc"],
    [{ text: text("\ufeffabc") }, "text"],
    [bytes(), "blob"],
    [bytes(0, 255, 128), "blob"],
  ];
  test.each(same)("%p", (value, type, back = value as SqlValue) => {
    const database = openDatabase();
    database.execute("CREATE TABLE t (v BLOB)");
    database.execute("INSERT INTO t VALUES (?)", [value]);
    const sql = "SELECT v, typeof(v) AS type FROM t";
    expect(plain(database.query(sql))).toEqual(plain([{ v: back, type }]));
    const copy = copyOf(database);
    expect(plain(copy.query(sql))).toEqual(plain([{ v: back, type }]));
    expect(copy.items()).toEqual(database.items());
    // It may be sent as it came.
    database.execute("UPDATE t SET v = :v", { v: back });
    expect(plain(database.query("SELECT v FROM t"))).toEqual(plain([{ v: back }]));
  });

  /** As a client gets it. */
  const plain = (rows: readonly { readonly [column: string]: SqlValue }[]): unknown =>
    decodeValue(encodeValue(rows as CborValue));
});

test("a text that is not UTF-8 is kept, and can be read as bytes", () => {
  const database = openDatabase();
  database.execute("CREATE TABLE t (v TEXT); INSERT INTO t VALUES (CAST(x'ff41' AS TEXT))");
  database.execute("INSERT INTO t VALUES (?)", [{ text: bytes(255, 66) }]);
  const sql = "SELECT typeof(v) AS type, CAST(v AS BLOB) AS v FROM t";
  const expected = [
    { type: "text", v: bytes(255, 65) },
    { type: "text", v: bytes(255, 66) },
  ];
  expect(database.query(sql)).toEqual(expected);
  expect(copyOf(database).query(sql)).toEqual(expected);
});

describe("a parameter is refused:", () => {
  const wrong: readonly (readonly [unknown, string])[] = [
    [NaN, "parameter 1 is not a number (NaN), which SQL does not have: send null"],
    [
      2 ** 53,
      'parameter 1 is 9007199254740992, beyond what a number holds exactly: send {"integer": "…"} or {"real": …}',
    ],
    [-(2 ** 60), "parameter 1 is -1152921504606847000, beyond what a number holds exactly"],
    [{ integer: "9223372036854775808" }, "parameter 1: an integer of SQL has 64 bits"],
    [{ integer: "1.5" }, "parameter 1 is no value"],
    [{ integer: 5 }, "parameter 1 is no value"],
    [{ real: "1e5" }, "parameter 1 is no value"],
    [{ text: 5 }, "parameter 1 is no value"],
    [{ text: "a", real: 1 }, "parameter 1 is no value"],
    [{}, "parameter 1 is no value"],
    [[1], "parameter 1 is no value"],
    [undefined, "parameter 1 is no value"],
  ];
  test.each(wrong)("%p", (value, message) => {
    expect(openDatabase().refusal((db) => db.execute("SELECT ?", [value as SqlInput]))).toStartWith(message);
  });
});

describe("columns of a result", () => {
  test("that have the same name are numbered", () => {
    const rows = openDatabase().query("SELECT 1 AS a, 2 AS a, 3 AS b ORDER BY 1");
    expect(rows).toEqual([{ a: 1, "a:1": 2, b: 3 }]);
  });

  test("with a name that cannot be sent are refused", () => {
    expect(openDatabase().refusal((db) => db.query("SELECT 1 AS __proto__"))).toContain("name it with AS");
    expect(openDatabase().refusal((db) => db.query('SELECT 1 AS "\ufeffa"'))).toContain("name it with AS");
  });

  test("may be called as what every object has", () => {
    expect(openDatabase().query("SELECT 1 AS constructor, 2 AS toString")).toEqual([{ constructor: 1, toString: 2 }]);
  });
});

describe("a parameter that is marked", () => {
  const asked = [
    ["SELECT typeof(:a) AS a, typeof(:b) AS b", [{ real: 1 }, { text: bytes(65) }], ["real", "text"]],
    ["SELECT typeof(:a) AS a, typeof(?) AS b", [{ real: 1 }, 2], ["real", "integer"]],
    ["SELECT typeof(?3) AS a, typeof(?1) AS b, typeof(?) AS c", [1, 2, 3, { real: 1 }], ["integer", "integer", "real"]],
    ["SELECT typeof(?3) AS a, typeof(?1) AS b, typeof(?) AS c", [{ real: 1 }, 2, 3, 4], ["integer", "real", "integer"]],
    [
      "SELECT typeof(:a) AS a, typeof(:b) AS b, typeof(:a) AS c, typeof(?) AS d",
      [1, { real: 1 }, 3],
      ["integer", "real", "integer", "integer"],
    ],
    ["SELECT typeof(:a) AS a, typeof($a) AS b, typeof(@a) AS c", [1, { real: 1 }, 3], ["integer", "real", "integer"]],
    ["SELECT typeof(:a) AS a, typeof($a) AS b, typeof(:b) AS c", { a: { real: 1 }, b: 1 }, ["real", "real", "integer"]],
    ["SELECT typeof(-?) AS a, typeof(-?+?) AS b", [{ real: 1 }, { real: 1 }, 1], ["real", "real"]],
    [
      "SELECT strftime(?) AS a, date(?, ?) AS b",
      [{ text: "%Y" }, { text: "2020-01-01" }, { text: "+1 day" }],
      ["2023", "2020-01-02"],
    ],
  ] as const;
  test.each(asked)("is what it says, wherever it is: %s", (sql, params, types) => {
    expect(
      openDatabase()
        .query(sql, params)
        .map((row) => Object.values(row)),
    ).toEqual([[...types]]);
  });

  test("is compared as any other parameter", () => {
    const database = openDatabase();
    database.execute("CREATE TABLE t (a TEXT, b INTEGER, c); INSERT INTO t VALUES ('1', 1, 1)");
    const sql = "SELECT a = :v AS a, b = :v AS b, c = :v AS c FROM t";
    expect(database.query(sql, { v: { real: 1 } })).toEqual(
      database.query("SELECT a = c + 0.0 AS a, b = 1.0 AS b, c = 1.0 AS c FROM t"),
    );
    expect(database.query(sql, { v: { text: "1" } })).toEqual(database.query(sql, { v: "1" }));
  });
});
