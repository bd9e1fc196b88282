// The tables of each format: pinned, so that no change of schema.ts reaches the files of nodes under the same number.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { formatVersion } from "../../../src/adapters/sqlite/schema.ts";
import { found, ignoreDurable, vote } from "../../contracts/log-entries.ts";
import { createDataDirectory, type DataDirectory } from "./data-directory.ts";

let directory: DataDirectory;
beforeEach(() => {
  directory = createDataDirectory();
  const store = directory.open();
  store.write([found(), vote(3, "n2")], ignoreDurable);
  store.close();
});
afterEach(() => directory.remove());

const record = ["only INTEGER KEY", "record TEXT NOT NULL", "checksum INTEGER NOT NULL"];

/** Whoever changes this raises formatVersion. */
const format7 = {
  identity: ["only INTEGER KEY", "incarnation TEXT NOT NULL", "database_id TEXT NOT NULL", "checksum INTEGER NOT NULL"],
  vote: ["only INTEGER KEY", "current_term INTEGER NOT NULL", "voted_for TEXT", "checksum INTEGER NOT NULL"],
  genesis: record,
  removed: record,
  refill: record,
  snapshot: record,
  base: [
    "only INTEGER KEY",
    "idx INTEGER NOT NULL",
    "term INTEGER NOT NULL",
    "stamp_ms INTEGER NOT NULL",
    "chain INTEGER NOT NULL",
    "configuration TEXT",
    "activation TEXT",
    "checksum INTEGER NOT NULL",
  ],
  log: [
    "idx INTEGER KEY",
    "term INTEGER NOT NULL",
    "kind INTEGER NOT NULL",
    "stamp_ms INTEGER NOT NULL",
    "chain INTEGER NOT NULL",
    "payload BLOB NOT NULL",
    "session INTEGER",
    "sequence INTEGER",
    "answered_below INTEGER",
    "client TEXT",
  ],
  term_starts: ["term INTEGER KEY", "idx INTEGER NOT NULL"],
  configurations: ["idx INTEGER KEY"],
  activations: ["idx INTEGER KEY"],
};

interface Column {
  readonly tableName: string;
  readonly name: string;
  readonly type: string;
  readonly notnull: number;
  readonly pk: number;
}

function tablesOfFile(): Record<string, readonly string[]> {
  const columns = directory.sql(
    `SELECT t.name AS tableName, c.name, c.type, c."notnull", c.pk
     FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table' ORDER BY c.cid`,
  ) as Column[];
  const words = ({ name, type, notnull, pk }: Column): string =>
    `${name} ${type}${pk === 1 ? " KEY" : notnull === 1 ? " NOT NULL" : ""}`;
  const byTable = Map.groupBy(columns, ({ tableName }) => tableName);
  return Object.fromEntries([...byTable].map(([name, of]) => [name, of.map(words)]));
}

test("the tables of a format never change: another schema has another number", () => {
  expect({ formatVersion, tables: tablesOfFile() }).toEqual({ formatVersion: 7, tables: format7 });
});

test("a schema that is worded otherwise is sound, and so is a table that SQLite adds", () => {
  directory.sql("DROP TABLE term_starts");
  directory.sql("CREATE TABLE term_starts (term INTEGER PRIMARY KEY,   idx INTEGER NOT NULL DEFAULT 0) STRICT");
  directory.sql("ANALYZE");
  const store = directory.open();
  expect(store.saved).toMatchObject({ refill: null, currentTerm: 3 });
  store.close();
});

test.each([
  ["a table is missing", "DROP TABLE removed"],
  ["a column has another name", "ALTER TABLE log RENAME COLUMN payload TO paymoad"],
])("%s: the database is damaged before a statement fails on it", (_, change) => {
  directory.sql(change);
  const store = directory.open();
  expect(store.saved.refill?.finding).toContain("damaged at its tables");
  store.close();
});
