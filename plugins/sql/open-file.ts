// How is the database file opened? With the settings on which an outcome depends fixed, and with what the plugin keeps for itself.
import { Database } from "bun:sqlite";
import { schemaView } from "./refused-names.ts";

/** "sql" and the number of this layout. */
const applicationId = 0x73716c01;

/**
 * A file that was written to the end of a transaction is enough: what is lost is replayed. So only checkpoints are synced, and only so that
 * what is left is a database.
 */
const settings = [
  "PRAGMA page_size = 4096",
  "PRAGMA encoding = 'UTF-8'",
  "PRAGMA journal_mode = WAL",
  "PRAGMA synchronous = NORMAL",
  "PRAGMA foreign_keys = ON",
  "PRAGMA recursive_triggers = OFF",
  "PRAGMA cell_size_check = ON",
];

/**
 * The schema without what differs between nodes, and without what is not the client's, such as the name of this view. In the order of the
 * names, since rowids differ too. SQLite may drop an order that has no limit beside it.
 */
const view = `CREATE VIEW IF NOT EXISTS ${schemaView} (type, name, tbl_name, sql) AS
  SELECT type, name, tbl_name, replace(sql, '${schemaView}', 'sqlite_schema') FROM sqlite_schema
  WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE 'graft\\_%' ESCAPE '\\'
  ORDER BY name, type LIMIT -1`;
const records =
  "CREATE TABLE IF NOT EXISTS graft_records (key TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL) WITHOUT ROWID";
const rowids = "CREATE TEMP TABLE graft_rowids (id INTEGER PRIMARY KEY)";

/** Which SQLite this program has. Another one may choose another index or know other functions, and so give other rows. */
export function sqliteVersion(): string {
  using db = new Database(":memory:");
  const { version, source } = db
    .query<{ readonly version: string; readonly source: string }, []>(
      "SELECT sqlite_version() AS version, sqlite_source_id() AS source",
    )
    .get()!;
  // Its date, its time and the hash of its code.
  const hash = source.split(" ")[2] ?? source;
  return `${version}-${hash.slice(0, 8)}`;
}

/** Throws for what is no database of this plugin, and for a damaged one as far as its first page shows it. */
export function openFile(path: string): Database {
  const db = new Database(path, { create: true, safeIntegers: true, strict: true });
  try {
    for (const setting of settings) db.run(setting);
    const found = Number(
      db.query<{ readonly application_id: bigint }, []>("PRAGMA application_id").get()?.application_id ?? 0,
    );
    const isEmpty = db.query("SELECT 1 FROM sqlite_schema LIMIT 1").get() === null;
    if (isEmpty) db.run(`PRAGMA application_id = ${applicationId}`);
    else if (found !== applicationId) throw new Error(`${path} is a database of something else`);
    db.run(records);
    db.run(view);
    db.run(rowids);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
