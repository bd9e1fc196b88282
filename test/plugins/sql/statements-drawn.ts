// Draws SQL for properties: few names, so that statements meet at the same tables, and enough kinds of tables, indexes and triggers that the order
// of rows and the numbers of new ones depend on all that a snapshot must hold.
import { type Arbitrary, array, constant, constantFrom, oneof, tuple } from "fast-check";

const table = constantFrom("t0", "t1", "t2");
const column = constantFrom("a", "b", "c");
const literal = constantFrom(
  "NULL",
  "0",
  "1",
  "2",
  "3",
  "-1",
  "9007199254740993",
  "1.0",
  "2.5",
  "-0.0",
  "1e300",
  "'x'",
  "'X'",
  "'1'",
  "''",
  "x'00ff'",
  "random() % 5",
  "datetime('now')",
  "CAST(x'ff' AS TEXT)",
  "abs(-3)",
);
const type = constantFrom("", "INTEGER", "TEXT", "REAL", "NUMERIC", "BLOB", "TEXT COLLATE NOCASE");
const extra = constantFrom(
  "",
  "UNIQUE",
  "DEFAULT 7",
  "DEFAULT (datetime('now'))",
  "DEFAULT (random() % 3)",
  "UNIQUE ON CONFLICT REPLACE",
);
const condition = oneof(
  tuple(column, constantFrom("=", "<", ">", "IS"), literal).map((parts) => parts.join(" ")),
  constant("1"),
  column.map((name) => `${name} IS NOT NULL`),
);

const columns = tuple(type, extra, type, extra, type).map(([a, aMore, b, bMore, c]) => ({
  a: `a ${a} ${aMore}`,
  b: `b ${b} ${bMore}`,
  c: `c ${c}`,
}));
const creation = oneof(
  tuple(table, columns).map(([name, { a, b, c }]) => `CREATE TABLE ${name} (${a}, ${b}, ${c})`),
  tuple(table, columns).map(([name, { b, c }]) => `CREATE TABLE ${name} (a INTEGER PRIMARY KEY, ${b}, ${c})`),
  tuple(table, columns).map(
    ([name, { b, c }]) => `CREATE TABLE ${name} (a INTEGER PRIMARY KEY AUTOINCREMENT, ${b}, ${c})`,
  ),
  tuple(table, columns).map(
    ([name, { a, b, c }]) => `CREATE TABLE ${name} (${a}, ${b}, ${c}, PRIMARY KEY (b, a)) WITHOUT ROWID`,
  ),
  tuple(table, columns).map(
    ([name, { a, b }]) => `CREATE TABLE ${name} (${a}, ${b}, c AS (typeof(a) || coalesce(b, '')) STORED)`,
  ),
  tuple(table, table).map(([name, other]) => `CREATE TABLE ${name} AS SELECT a AS c, b AS a, c AS b FROM ${other}`),
);
const schemaChange = oneof(
  { weight: 6, arbitrary: creation },
  {
    weight: 2,
    arbitrary: tuple(constantFrom("", "UNIQUE"), constantFrom("i0", "i1", "i2"), table, column, column).map(
      ([unique, name, on, one, two]) => `CREATE ${unique} INDEX ${name} ON ${on} (${one}, ${two} DESC)`,
    ),
  },
  {
    weight: 1,
    arbitrary: tuple(constantFrom("i0", "i1"), table, column, condition).map(
      ([name, on, by, when]) => `CREATE INDEX ${name} ON ${on} (${by}) WHERE ${when}`,
    ),
  },
  {
    weight: 2,
    arbitrary: tuple(constantFrom("g0", "g1"), constantFrom("INSERT", "UPDATE", "DELETE"), table, table, literal).map(
      ([name, event, on, into, value]) =>
        `CREATE TRIGGER ${name} AFTER ${event} ON ${on} WHEN (SELECT count(*) FROM ${into}) < 20 BEGIN INSERT OR IGNORE INTO ${into} (b) VALUES (${value}); END`,
    ),
  },
  {
    weight: 1,
    arbitrary: tuple(table, column, condition).map(
      ([from, by, when]) => `CREATE VIEW w AS SELECT ${by} AS a, b, c FROM ${from} WHERE ${when}`,
    ),
  },
  {
    weight: 1,
    arbitrary: tuple(table, constantFrom("d", "e"), literal).map(
      ([name, added, value]) => `ALTER TABLE ${name} ADD COLUMN ${added} DEFAULT (${value})`,
    ),
  },
  {
    weight: 1,
    arbitrary: tuple(table, column, column).map(
      ([name, from, to]) =>
        `ALTER TABLE ${name} RENAME COLUMN ${from} TO ${to}x; ALTER TABLE ${name} RENAME COLUMN ${to}x TO ${from}`,
    ),
  },
  { weight: 1, arbitrary: tuple(table, table).map(([name, to]) => `ALTER TABLE ${name} RENAME TO ${to}`) },
  {
    weight: 1,
    arbitrary: oneof(
      table.map((name) => `DROP TABLE ${name}`),
      constantFrom("DROP INDEX i0", "DROP TRIGGER g0", "DROP VIEW w"),
    ),
  },
);

const orElse = constantFrom("", "", "OR IGNORE", "OR REPLACE", "OR FAIL");
const change = oneof(
  {
    weight: 4,
    arbitrary: tuple(orElse, table, column, literal, literal).map(
      ([or, into, by, one, two]) => `INSERT ${or} INTO ${into} (${by}) VALUES (${one}), (${two})`,
    ),
  },
  {
    weight: 4,
    arbitrary: tuple(orElse, table, literal, literal).map(
      ([or, into, one, two]) => `INSERT ${or} INTO ${into} (a, b) VALUES (${one}, ${two}) RETURNING *`,
    ),
  },
  {
    weight: 2,
    arbitrary: tuple(table, table, condition).map(
      ([into, from, when]) => `INSERT INTO ${into} (b) SELECT b FROM ${from} WHERE ${when} LIMIT 5`,
    ),
  },
  {
    weight: 1,
    arbitrary: tuple(table, literal, literal).map(
      ([into, one, two]) =>
        `INSERT INTO ${into} (a, b) VALUES (${one}, ${two}) ON CONFLICT DO UPDATE SET b = excluded.a`,
    ),
  },
  {
    weight: 3,
    arbitrary: tuple(orElse, table, column, literal, condition).map(
      ([or, name, by, value, when]) => `UPDATE ${or} ${name} SET ${by} = ${value} WHERE ${when}`,
    ),
  },
  { weight: 2, arbitrary: tuple(table, condition).map(([from, when]) => `DELETE FROM ${from} WHERE ${when}`) },
  {
    weight: 1,
    arbitrary: tuple(table, literal).map(
      ([into, value]) =>
        `INSERT INTO ${into} (b) VALUES (${value}); INSERT INTO ${into} (c) VALUES (last_insert_rowid() + changes())`,
    ),
  },
);

const reading = oneof(
  table.map((from) => `SELECT * FROM ${from}`),
  tuple(column, table, condition).map(
    ([by, from, when]) => `SELECT ${by}, typeof(${by}) AS type FROM ${from} WHERE ${when}`,
  ),
  tuple(table, table, column).map(
    ([one, other, by]) => `SELECT x.a AS a, y.b AS b FROM ${one} x JOIN ${other} y ON x.${by} = y.${by} LIMIT 20`,
  ),
  tuple(column, table).map(
    ([by, from]) => `SELECT ${by}, count(*) AS n, group_concat(quote(b)) AS all_b FROM ${from} GROUP BY ${by}`,
  ),
  constantFrom("SELECT * FROM w", "SELECT * FROM sqlite_schema"),
);

/** What a cluster does to one of two databases, and not to the other. */
export type Step =
  | { readonly kind: "execute" | "query"; readonly sql: string }
  /** A restart, or a snapshot from another node. */
  | { readonly kind: "reopen" | "copy" | "commit" };

const step: Arbitrary<Step> = oneof(
  { weight: 3, arbitrary: schemaChange.map((sql) => ({ kind: "execute" as const, sql })) },
  { weight: 8, arbitrary: change.map((sql) => ({ kind: "execute" as const, sql })) },
  { weight: 3, arbitrary: reading.map((sql) => ({ kind: "query" as const, sql })) },
  {
    weight: 1,
    arbitrary: constantFrom({ kind: "reopen" as const }, { kind: "copy" as const }, { kind: "commit" as const }),
  },
);

/** They begin with two tables. */
export const steps: Arbitrary<readonly Step[]> = tuple(
  creation,
  creation,
  array(step, { minLength: 5, maxLength: 40, size: "max" }),
).map(([one, other, more]) => [{ kind: "execute", sql: one }, { kind: "execute", sql: other }, ...more]);
