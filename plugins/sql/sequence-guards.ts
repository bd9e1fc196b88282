// What keeps an AUTOINCREMENT from its end? There SQLite refuses every further row, with an error that would stop the state machine of every node. It
// counts rows that it ignores, too, and goes on within one statement. So triggers of the connection look at each row before SQLite counts it.
import type { Database } from "bun:sqlite";
import { rowidEnd } from "./plain-inserts.ts";
import { ownPrefix } from "./refused-names.ts";
import { quoted } from "./schema.ts";
import { foldedName } from "./tokens.ts";

export const largeRowid = `a rowid of ${rowidEnd} or more is refused: SQLite would choose the next ones by chance`;

/** Guards these tables and no others. Names of tables may have changed since the last call. What guards as it should stays: each new one costs SQLite more. */
export function guardSequences(db: Database, keys: ReadonlyMap<string, string>): void {
  const wanted = new Map([...keys].flatMap(([table, key]) => events.map((event) => guardOf(table, key, event))));
  const guards = db
    .query<{ readonly name: string; readonly sql: string }, []>(
      "SELECT name, sql FROM sqlite_temp_schema WHERE type = 'trigger'",
    )
    .all();
  for (const { name, sql } of guards) {
    // SQLite keeps the text without TEMP.
    if (wanted.get(name) === sql.replace("CREATE TRIGGER", "CREATE TEMP TRIGGER")) wanted.delete(name);
    else db.run(`DROP TRIGGER temp.${quoted(name)}`);
  }
  for (const sql of wanted.values()) db.run(sql);
}

const events = ["INSERT", "UPDATE"] as const;

/** Two tables whose names differ have guards whose names differ, also where only letters beyond ASCII do. */
function guardOf(table: string, key: string, event: string): readonly [name: string, sql: string] {
  const name = `${ownPrefix}guard_${event}_${Buffer.from(foldedName(table)).toString("hex")}`;
  const sql = `CREATE TEMP TRIGGER ${name} BEFORE ${event} ON main.${quoted(table)}
        WHEN NEW.${quoted(key)} >= ${rowidEnd} BEGIN SELECT RAISE(ABORT, '${largeRowid}'); END`;
  return [name, sql];
}
