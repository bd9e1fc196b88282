// The plugin of the contract about states on disk: a journal in an SQLite database. What is in it twice was applied twice.
import { Database } from "bun:sqlite";
import { join } from "node:path";

/** Its commands may say what goes wrong. `version` and `mark` tell versions apart; `fails` is what a hand-over to it throws, null: nothing. */
export const durableJournal = ({ version = "1", mark = "", fails = false } = {}): string => `
import { Database } from "bun:sqlite";
import { defineDurableRawStateMachine, Rejected } from "graft";
const read = (bytes) => new TextDecoder().decode(bytes);
const write = (text) => new TextEncoder().encode(text);
const count = (db) => db.query("SELECT count(*) AS n FROM lines").get().n;
const add = (db, text) => db.query("INSERT INTO lines (text) VALUES (?)").run(text);
function* frozen(path) {
  const db = new Database(path);
  try {
    db.run("BEGIN");
    for (const { text } of db.query("SELECT text FROM lines ORDER BY n").iterate()) yield write(text);
  } finally {
    db.close();
  }
}
export default defineDurableRawStateMachine({
  name: "journal",
  version: "${version}",
  durable: {
    open(folder) {
      const path = folder + "/journal.sqlite";
      const db = new Database(path, { create: true });
      db.run("PRAGMA journal_mode = WAL");
      db.run("CREATE TABLE IF NOT EXISTS lines (n INTEGER PRIMARY KEY, text TEXT NOT NULL)");
      db.run("CREATE TABLE IF NOT EXISTS records (key TEXT PRIMARY KEY, value BLOB NOT NULL)");
      db.run("BEGIN IMMEDIATE");
      return {
        db,
        apply(command, ctx) {
          const text = read(command);
          if (text === "throw") throw new RangeError("out of range");
          add(db, text + "${mark}");
          if (text === "wake") ctx.wakeAt(ctx.timeMs + 100);
          if (text.startsWith("refuse")) throw new Rejected("refused as number " + count(db));
          return write(text + " is number " + count(db));
        },
        query(question, ctx) {
          if (read(question) === "context") return write([ctx.index, ctx.timeMs].join());
          return write(db.query("SELECT text FROM lines ORDER BY n").all().map(({ text }) => text).join());
        },
        due: () => void add(db, "woken"),
        snapshot() {
          const lines = frozen(path);
          const first = lines.next();
          let isFirst = true;
          return {
            [Symbol.iterator]() { return this; },
            next() {
              if (!isFirst) return lines.next();
              isFirst = false;
              return first;
            },
            return: () => lines.return(),
          };
        },
        restore(piece) {
          if (read(piece) === "unreadable" || ${fails}) throw new RangeError("no such line");
          add(db, read(piece));
        },
      };
    },
    records: ({ db }) => db.query("SELECT key, value FROM records").all().map(({ key, value }) => [key, value]),
    commit({ db }, changes) {
      for (const [key, value] of changes) {
        if (value === null) db.query("DELETE FROM records WHERE key = ?").run(key);
        else db.query("INSERT OR REPLACE INTO records VALUES (?, ?)").run(key, value);
      }
      db.run("COMMIT");
      db.run("BEGIN IMMEDIATE");
    },
    clear({ db }) {
      db.run("DELETE FROM lines");
      db.run("DELETE FROM records");
    },
    close({ db }) {
      db.close(true);
    },
  },
});
`;

export const journalIn = (folder: string): string => join(folder, "journal.sqlite");

/** What a folder holds that nobody has open, and how many records there are beside it. */
export function lookInto(folder: string): { readonly lines: readonly string[]; readonly keys: readonly string[] } {
  using db = new Database(journalIn(folder));
  const texts = db.query<{ readonly text: string }, []>("SELECT text FROM lines ORDER BY n").all();
  const keys = db.query<{ readonly key: string }, []>("SELECT key FROM records ORDER BY key").all();
  return { lines: texts.map(({ text }) => text), keys: keys.map(({ key }) => key) };
}
