// Another SQLite may give other rows, so it is another version of the state machine. Nodes compare versions.
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { shippedHash, shippedPlugin } from "../../../src/adapters/plugin/shipped.ts";

test("the version of sql names the SQLite of the program, and so does the hash that nodes compare", () => {
  using db = new Database(":memory:");
  const { version, source } = db.query("SELECT sqlite_version() AS version, sqlite_source_id() AS source").get() as {
    readonly version: string;
    readonly source: string;
  };
  const sql = shippedPlugin("sql") as { readonly name: string; readonly version: string };
  expect(sql.version).toStartWith(`1.0.0+sqlite-${version}-`);
  expect(source).toContain(sql.version.split("-").at(-1)!);
  expect(shippedHash(sql)).not.toBe(shippedHash({ ...sql, version: sql.version.replace(version, "3.0.0") }));
});

/** Functions and modules that a new version brings are looked at before the state machine lets them in. */
test("the virtual tables of this SQLite are those that were examined", () => {
  using db = new Database(":memory:");
  const modules = db.query<{ readonly name: string }, []>("SELECT name FROM pragma_module_list").all();
  const names = modules.map(({ name }) => name).filter((name) => !name.startsWith("pragma_"));
  expect(names.toSorted()).toEqual([
    "dbstat",
    "fts3",
    "fts3tokenize",
    "fts4",
    "fts4aux",
    "fts5",
    "fts5vocab",
    "geopoly",
    "rtree",
    "rtree_i32",
  ]);
});
