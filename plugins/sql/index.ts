// SQLite as a state machine: a command is a script that runs as a whole or not at all, a query is one statement that reads. What a database does is
// database.ts. Here is what clients see of it.
import { defineDurableStateMachine, Rejected, v } from "graft";
import { SqlDatabase } from "./database.ts";
import { sqliteVersion } from "./open-file.ts";
import type { Item } from "./snapshot.ts";
import type { SqlParams } from "./values.ts";

/** A file may arrive as bytes. */
const Sql = v.union([v.string(), v.instance(Uint8Array)]);

const isParams = (given: unknown): boolean =>
  typeof given === "object" && given !== null && !(given instanceof Uint8Array);

const Params = v.custom<SqlParams>(
  isParams,
  "Invalid type: Expected an array of values, or an object with a value for each name",
);

interface WithParams {
  readonly sql: string | Uint8Array;
  readonly params?: SqlParams | undefined;
}

type Input = string | WithParams;

const Fields: v.GenericSchema<WithParams> = v.strictObject({ sql: Sql, params: v.optional(Params) });
const Text: v.GenericSchema<string> = v.string();

/** SQL alone, or with parameters. What a value may be is values.ts. Not a union: that would not say which field is wrong. */
const Input: v.GenericSchema<Input> = v.lazy(
  (given): v.GenericSchema<Input> => (typeof given === "string" ? Text : Fields) as v.GenericSchema<Input>,
);

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Throws `Rejected`. */
function sqlOf(input: Input): string {
  const sql = typeof input === "string" ? input : input.sql;
  if (typeof sql === "string") return sql;
  try {
    return utf8.decode(sql);
  } catch {
    throw new Rejected("the SQL is not UTF-8, and nothing was run: convert it");
  }
}

const paramsOf = (input: Input): SqlParams | null => (typeof input === "string" ? null : (input.params ?? null));

export default defineDurableStateMachine({
  name: "sql",
  // Nodes compare versions, so nodes with another SQLite are nodes with another state machine.
  version: `1.0.0+sqlite-${sqliteVersion()}`,
  durable: {
    open: (folder) => SqlDatabase.open(folder),
    records: (db) => db.records(),
    commit: (db, changes) => db.commit(changes),
    clear: (db) => db.clear(),
    close: (db) => db.close(),
  },
  snapshot: (db): Iterable<Item> => db.snapshot(),
  restore: (db, item: Item) => db.restore(item),

  commands: {
    /** Runs a script, all or nothing: `INSERT`, `UPDATE`, `CREATE TABLE` and so on, also several statements. */
    execute: {
      input: Input,
      example: (draw) => draw.pick(examples)(draw.integer(1, 5)),
      apply: (db, input, ctx) => db.execute(sqlOf(input), paramsOf(input), ctx),
    },
  },

  queries: {
    /** The rows that a statement gives, which reads only. */
    query: {
      input: Input,
      example: (draw) =>
        draw.pick(["SELECT * FROM users", "SELECT count(*) AS n, max(at) AS latest FROM users", "SELECT * FROM note"]),
      answer: (db, input, ctx) => db.query(sqlOf(input), paramsOf(input), ctx),
    },
  },
});

type ExampleInput = string | { readonly sql: string; readonly params: SqlParams };

/** What a simulation sends: statements that meet at the same rows, and some that fail. */
const examples: readonly ((n: number) => ExampleInput)[] = [
  () =>
    "CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, name TEXT UNIQUE, at TEXT DEFAULT (datetime('now')), n INTEGER DEFAULT 0)",
  (n) => ({ sql: "INSERT INTO users (name) VALUES (?)", params: [`user ${n}`] }),
  (n) => ({
    sql: "INSERT INTO users (name) VALUES (:name) ON CONFLICT DO UPDATE SET n = n + random() % 10",
    params: { name: `user ${n}` },
  }),
  (n) => ({ sql: "UPDATE users SET n = n + 1 WHERE id = ?", params: [n] }),
  (n) => ({ sql: "DELETE FROM users WHERE id = ? RETURNING *", params: [n] }),
  // Needs nothing before it, and so is what `graft dev` suggests.
  (n) => `CREATE TABLE note (n); INSERT INTO note VALUES (${n})`,
];
