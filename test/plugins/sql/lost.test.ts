// SQLite takes back a whole transaction after some errors, also after those of a query. No command that was applied may be lost by that.
import { afterEach, expect, test } from "bun:test";
import { closeSync, fstatSync, openSync, statSync } from "node:fs";
import { join } from "node:path";
import { Rejected } from "graft";
import { closeAll, openDatabase, type TestDatabase } from "./databases.ts";

afterEach(closeAll);

/** More than SQLite keeps in memory: what is not committed is in the log then, and must be read from there. */
const rows =
  "WITH n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT 8000) INSERT INTO t SELECT format('%.*c', 1000, 'x') FROM n";

const isFile = (fd: number, ino: number): boolean => {
  try {
    return fstatSync(fd).ino === ino;
  } catch {
    return false;
  }
};

/** Reads of the log fail from now on: in its place is a folder. */
function breakLog({ folder }: TestDatabase): void {
  const { ino } = statSync(join(folder, "sql.sqlite-wal"));
  const fd = Array.from({ length: 1024 }, (_, nth) => nth).find((each) => isFile(each, ino))!;
  closeSync(fd);
  expect(openSync(folder, "r")).toBe(fd);
}

const read = "SELECT sum(length(a)) AS n FROM t";
test.each([
  ["a query", (database: TestDatabase) => database.query(read)],
  ["a command", (database: TestDatabase) => database.execute(read)],
  ["a script", (database: TestDatabase) => database.execute(`${read}; INSERT INTO t VALUES (1)`)],
])("%s that makes SQLite take commands back stops the state machine, which replays them", (_, run) => {
  const database = openDatabase();
  database.execute("CREATE TABLE t (a)");
  database.db.commit([["position", Uint8Array.of(1)]]);
  database.execute(rows);
  breakLog(database);
  const lost = "SQLite took back commands that were applied and not committed";
  const notRejected = (attempt: () => unknown): void => {
    expect(attempt).toThrow(lost);
    expect(attempt).not.toThrow(Rejected);
  };
  notRejected(() => run(database));
  notRejected(() => database.query("SELECT count(*) AS n FROM t"));
  notRejected(() => database.execute("INSERT INTO t VALUES (1)"));
  notRejected(() => database.db.commit([["position", Uint8Array.of(2)]]));
  notRejected(() => database.db.snapshot());
  database.reopen();
  expect(database.db.records()).toEqual([["position", Uint8Array.of(1)]]);
  expect(database.query("SELECT count(*) AS n FROM t")).toEqual([{ n: 0 }]);
});
