// What keeps an AUTOINCREMENT from its end? There SQLite refuses every further row, with an error that would stop the state machine of every node. It
// counts rows that it ignores, too, and goes on within one statement. So triggers of the connection look at each row before SQLite counts it.
import type { Database } from "bun:sqlite";
import { rowidEnd } from "./plain-inserts.ts";
import { ownPrefix } from "./refused-names.ts";
import { quoted } from "./schema.ts";

export const largeRowid = `a rowid of ${rowidEnd} or more is refused: SQLite would choose the next ones by chance`;

/** Guards these tables and no others. Names of tables may have changed since the last call. */
export function guardSequences(db: Database, keys: ReadonlyMap<string, string>): void {
  const guards = db.query<{ readonly name: string }, []>("SELECT name FROM sqlite_temp_schema WHERE type = 'trigger'");
  for (const { name } of guards.all()) db.run(`DROP TRIGGER temp.${quoted(name)}`);
  let count = 0;
  for (const [table, key] of keys) {
    for (const event of ["INSERT", "UPDATE"]) {
      db.run(
        `CREATE TEMP TRIGGER ${ownPrefix}guard_${++count} BEFORE ${event} ON main.${quoted(table)}
        WHEN NEW.${quoted(key)} >= ${rowidEnd} BEGIN SELECT RAISE(ABORT, '${largeRowid}'); END`,
      );
    }
  }
}
