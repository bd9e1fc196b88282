// Draws scripts with parameters for properties: what SQL has beyond the plain statements of statements-drawn.ts, and everything that a cluster may do
// to one node and not to another.
import { type Arbitrary, array, constant, constantFrom, oneof, option, record, tuple } from "fast-check";
import type { SqlInput, SqlParams } from "../../../plugins/sql/values.ts";
import { type Step as PlainStep, steps as plainSteps } from "./statements-drawn.ts";

export type Step =
  | { readonly kind: "execute" | "query"; readonly sql: string; readonly params: SqlParams | null }
  /** Queries that only one of the nodes has to answer. */
  | { readonly kind: "load"; readonly sql: string; readonly params: SqlParams | null }
  /** A restart after a commit, a crash before it, a snapshot of this node or of the other one, or a commit. */
  | { readonly kind: "reopen" | "crash" | "copy" | "follow" | "commit" };

const table = constantFrom("t0", "t1", "t2", "p", "c");
const column = constantFrom("a", "b", "c", '"a"', "[b]", "rowid", "nope");
const name = constantFrom('"nope"', "nope", "'nope'", "`nope`", "a");
const value: Arbitrary<SqlInput> = constantFrom<SqlInput[]>(
  null,
  true,
  0,
  1,
  2,
  -1,
  2.5,
  "x",
  "X",
  "",
  "1",
  "nope",
  new Uint8Array([0, 255]),
  { integer: "9007199254740993" },
  { integer: "4611686018427387903" },
  { integer: "4611686018427387904" },
  { integer: "9223372036854775807" },
  { real: 1 },
  { real: "-0.0" },
  { real: "Infinity" },
  { text: new Uint8Array([255]) },
);

/** Text with the parameters :x and :y. */
const written: Arbitrary<string> = oneof(
  tuple(table, column).map(([into, by]) => `INSERT INTO ${into} (${by}) VALUES (:x), (:y)`),
  tuple(table, column).map(
    ([into, by]) => `INSERT OR REPLACE INTO ${into} (${by}, b) VALUES (:x, :y) RETURNING *, rowid`,
  ),
  tuple(table, column, column).map(([of, to, by]) => `UPDATE ${of} SET ${to} = :x WHERE ${by} IS NOT :y`),
  tuple(table, column).map(([of, to]) => `UPDATE ${of} SET ${to} = coalesce(a, 0) + :x, b = :y RETURNING a`),
  tuple(table, table, column).map(
    ([of, from, to]) =>
      `UPDATE ${of} SET ${to} = y.b || :x FROM ${from} y, t0 z WHERE y.a IS NOT :y AND z.a IS NOT y.b`,
  ),
  tuple(table, column).map(([of, by]) => `DELETE FROM ${of} WHERE ${by} > :x OR a = :y`),
  tuple(table, column).map(([of, by]) => `DELETE FROM ${of} WHERE :x IS NOT :y ORDER BY ${by} LIMIT 2`),
  table.map((of) => `DELETE FROM ${of} WHERE :x IS NOT :y LIMIT 1`),
  tuple(table, table, column).map(
    ([into, from, by]) =>
      `INSERT INTO ${into} (b) SELECT x.b || :x FROM ${from} x JOIN t1 y USING (${by}) WHERE x.b IS NOT :y LIMIT 9`,
  ),
  tuple(table, table).map(
    ([into, from]) =>
      `WITH m AS (SELECT b, row_number() OVER () AS n FROM ${from}) INSERT INTO ${into} (b) SELECT n || coalesce(:x, '') || b FROM m WHERE n <> :y`,
  ),
  table.map(
    (into) =>
      `INSERT INTO ${into} (a, b) SELECT value, key FROM json_each('[1,2,"x"]') WHERE value <> :x AND key <> :y`,
  ),
  table.map(
    (into) =>
      `INSERT INTO ${into} (a) VALUES (:x) ON CONFLICT DO NOTHING; INSERT INTO ${into} (b) VALUES (last_insert_rowid() + changes() + :y)`,
  ),
  constant("INSERT INTO w (a, b) VALUES (:x, :y)"),
  constant("INSERT INTO t0 (a, b) SELECT :x, group_concat(sql) || :y FROM sqlite_schema"),
  tuple(table, column).map(([from, by]) => `SELECT ${by}, random() % 7 AS r FROM ${from} WHERE b IS NOT :x OR :y`),
);

const reference = constantFrom("CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION");
const references: Arbitrary<string> = tuple(reference, reference, constantFrom("", "PRIMARY KEY", "UNIQUE")).map(
  ([onDelete, onUpdate, key]) =>
    `CREATE TABLE p (a INTEGER PRIMARY KEY, b UNIQUE); CREATE TABLE c (a INTEGER ${key} DEFAULT 2 REFERENCES p ON DELETE ${onDelete} ON UPDATE ${onUpdate}, b, c DEFAULT CURRENT_TIMESTAMP)`,
);
const schemaChange: Arbitrary<string> = oneof(
  references,
  constantFrom("t1", "t2").map((of) => `CREATE TABLE ${of} (a INT, b TEXT, c ANY) STRICT`),
  constantFrom("t1", "t2").map((of) => `CREATE TABLE ${of} (a INTEGER PRIMARY KEY AUTOINCREMENT, b, c)`),
  tuple(name, name).map(
    ([one, other]) => `CREATE TABLE t2 (a, b AS (${one} || 1) STORED, c CHECK (c IS NOT ${other}))`,
  ),
  tuple(constantFrom("", "UNIQUE"), table, name, name).map(
    ([unique, on, by, when]) => `CREATE ${unique} INDEX i3 ON ${on} (${by}) WHERE ${when} IS NOT NULL`,
  ),
  tuple(table, column).map(([on, by]) => `CREATE INDEX i4 ON ${on} (lower(${by}) COLLATE NOCASE DESC, typeof(b))`),
  constantFrom("t0", "t1").map((on) => `INSERT INTO ${on} (b) VALUES (8), (9); CREATE INDEX i5 ON ${on} ("nope")`),
  constantFrom("t0", "t1", "c").map((of) => `ALTER TABLE ${of} ADD COLUMN nope DEFAULT 5`),
  tuple(table, column).map(([of, by]) => `ALTER TABLE ${of} ADD COLUMN e AS (${by} || 'e')`),
  tuple(table, column, constantFrom("json", "abs", "hex")).map(
    ([of, by, called]) => `ALTER TABLE ${of} ADD COLUMN f AS (CASE WHEN ${by} = 'x' THEN ${called}(${by}) ELSE 1 END)`,
  ),
  tuple(table, constantFrom("-NULL", "(CAST(NULL AS INT))", "(-1)", "-'x'")).map(
    ([of, added]) => `ALTER TABLE ${of} ADD COLUMN g NOT NULL ON CONFLICT IGNORE DEFAULT ${added}`,
  ),
  tuple(table, constantFrom("nope", "e", "c", "f", "g")).map(
    ([of, dropped]) => `ALTER TABLE ${of} DROP COLUMN ${dropped}`,
  ),
  tuple(table, constantFrom("nope", "c")).map(([of, from]) => `ALTER TABLE ${of} RENAME COLUMN ${from} TO "no pe"`),
  tuple(table, table).map(
    ([one, other]) => `CREATE VIEW w AS SELECT x.a, y.b, "x".c FROM ${one} x LEFT JOIN ${other} "y" ON x.a = y.a`,
  ),
  table.map(
    (into) =>
      `CREATE TRIGGER g3 INSTEAD OF INSERT ON w BEGIN INSERT INTO ${into} (a, b) VALUES (NEW.b, NEW.a); UPDATE ${into} SET c = random() WHERE a = NEW.a; END`,
  ),
  tuple(table, table).map(
    ([on, into]) =>
      `CREATE TRIGGER g4 BEFORE UPDATE ON ${on} WHEN (SELECT count(*) FROM ${into}) < 9 BEGIN INSERT OR REPLACE INTO ${into} (a) VALUES (OLD.a); END`,
  ),
  constantFrom("DROP INDEX i3", "DROP INDEX i4", "DROP TRIGGER g3", "DROP TABLE p", "DROP TABLE c"),
);

const reading: Arbitrary<string> = oneof(
  tuple(table, column).map(
    ([from, by]) => `SELECT *, typeof(${by}) AS type FROM ${from} WHERE ${by} IS NOT :x OR b = :y`,
  ),
  tuple(table, table).map(
    ([one, other]) => `SELECT x.a AS a, y.b AS b FROM ${one} x, ${other} y WHERE x.b LIKE :x OR y.a IS :y LIMIT 30`,
  ),
  table.map(
    (from) => `SELECT DISTINCT b, count(*) OVER (PARTITION BY a) AS n FROM ${from} WHERE b GLOB :x OR a IS NOT :y`,
  ),
  constantFrom(
    "SELECT * FROM w WHERE a IS :x OR b IS NOT :y",
    "SELECT name, sql FROM sqlite_schema WHERE name IS NOT :x OR :y",
    "SELECT group_concat(b) AS b FROM t0 WHERE a < :x OR a IS NOT :y",
    "SELECT * FROM (SELECT a FROM t0 UNION SELECT b FROM t1) WHERE a IS NOT :x LIMIT 5 + coalesce(:y, 0) * 0",
  ),
);

const params: Arbitrary<SqlParams> = record({ x: value, y: value });
const script = tuple(array(written, { minLength: 1, maxLength: 3 }), params);

const plain = (step: PlainStep): Step => ("sql" in step ? { ...step, params: null } : step);

const step: Arbitrary<Step> = oneof(
  { weight: 3, arbitrary: schemaChange.map((sql) => ({ kind: "execute" as const, sql, params: null })) },
  {
    weight: 8,
    arbitrary: script.map(([sql, given]) => ({ kind: "execute" as const, sql: sql.join("; "), params: given })),
  },
  {
    weight: 2,
    arbitrary: tuple(reading, params).map(([sql, given]) => ({ kind: "query" as const, sql, params: given })),
  },
  {
    weight: 2,
    arbitrary: tuple(reading, params).map(([sql, given]) => ({ kind: "load" as const, sql, params: given })),
  },
  {
    weight: 2,
    arbitrary: constantFrom<Step["kind"][]>("reopen", "crash", "copy", "follow", "commit").map(
      (kind) => ({ kind }) as Step,
    ),
  },
);

/** What is not there after the first two. */
const rest: readonly Step[] = ["t0", "t1", "t2", "p", "c"].map((of) => ({
  kind: "execute",
  sql: `CREATE TABLE IF NOT EXISTS ${of} (a ${of === "p" ? "INTEGER PRIMARY KEY" : ""}, b, c)`,
  params: null,
}));

/** They begin with the tables of the plain ones, and have both kinds. */
export const steps: Arbitrary<readonly Step[]> = tuple(
  plainSteps,
  option(references.map((sql): Step => ({ kind: "execute", sql, params: null }))),
  array(step, { minLength: 10, maxLength: 40, size: "max" }),
).map(([some, first, more]) => {
  const mixed = some.slice(2).map(plain);
  return [
    ...some.slice(0, 2).map(plain),
    ...(first === null ? [] : [first]),
    ...rest,
    ...more.flatMap((each, nth) => [each, ...mixed.slice(nth, nth + 1)]),
  ];
});
