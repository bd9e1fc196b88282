// Damage in the database's file: found when it is read, named by file and place, and nothing is deleted over it. What the start
// finds is set aside at once; what a read finds ends the store. Damage that only the mark or the WAL show is in other tests.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nextChain, recordChecksum } from "../../../src/adapters/sqlite/chain.ts";
import { inspectLog } from "../../../src/adapters/sqlite/inspect-log.ts";
import type { LogStore } from "../../../src/ports/log-store.ts";
import {
  activation,
  append,
  command,
  commands,
  configuration,
  configurationOf,
  found,
  ignoreDurable,
  keyOf,
  snapshot,
  snapshotAt,
  sessionEntries,
  truncate,
  vote,
} from "../../contracts/log-entries.ts";
import { createDataDirectory, damageError, type DataDirectory, storageError } from "./data-directory.ts";

let directory: DataDirectory;
let store: LogStore | null = null;

beforeEach(() => {
  directory = createDataDirectory();
  const writer = directory.open();
  const effects = [
    found(),
    vote(3, "n2"),
    append(...commands(1, 4, 1), configuration(5, 2, "n1"), ...commands(6, 9, 2)),
    append(...sessionEntries(10, 2), ...commands(14, 15, 2)),
  ];
  writer.write(effects, ignoreDurable);
  writer.close();
});
afterEach(() => {
  store?.close();
  store = null;
  directory.remove();
});

/** Of the log as it is, or where it was moved to. */
function rows(): unknown {
  using db = new Database(join(directory.setAside()[0] ?? directory.dataDir, "graft.sqlite"));
  return db.query("SELECT * FROM log ORDER BY idx").all();
}

/** What the start says of the data that it has set aside. */
function findAtStart(): string {
  store = directory.open();
  expect(directory.setAside()).toHaveLength(1);
  expect(store.saved).toMatchObject({ last: { index: 0 }, currentTerm: 3, votedFor: keyOf("n2") });
  const finding = store.saved.refill?.finding ?? "";
  expect(finding).toContain("nothing was deleted");
  return finding;
}

/** A record begins with a number for each value: for bytes 12 + twice their length, for text one more. */
function flipTypeOf(index: number, column: "payload" | "client"): void {
  using db = new Database(directory.file, { readonly: true });
  const row = db.query("SELECT payload, client FROM log WHERE idx = ?").get(index) as {
    payload: Uint8Array;
    client: string | null;
  };
  const type = column === "payload" ? 12 + 2 * row.payload.length : 13 + 2 * (row.client ?? "").length;
  expect(type).toBeLessThan(128);
  const bytes = readFileSync(directory.file);
  const payloadAt = bytes.indexOf(row.payload);
  const typeAt = bytes.lastIndexOf(type, payloadAt);
  expect(payloadAt - typeAt).toBeLessThan(40);
  bytes[typeAt] = type ^ 1;
  writeFileSync(directory.file, bytes);
}

/** What opening the file and reading all of it comes to. */
function findDamage(): string {
  store = directory.open();
  const { saved } = store;
  if (saved.refill !== null) return saved.refill.finding;
  return damageError(() => store?.read(1, saved.last.index, 1e9));
}

describe("one entry", () => {
  test.each([
    ["a byte of its payload", 7, "payload = CAST('Entry 7 term 2' || substr(payload, 15) AS BLOB)"],
    ["a payload cut short", 7, "payload = substr(payload, 1, 20)"],
    ["its term", 7, "term = 1"],
    ["its time", 7, "stamp_ms = stamp_ms + 1"],
    ["its kind", 7, "kind = 1"],
    ["its checksum", 7, "chain = chain + 1"],
    ["the first one", 1, "stamp_ms = 0"],
    ["the last one", 15, "stamp_ms = 0"],
    ["the session that it is of", 11, "session = 9"],
    ["the session that it was not of", 9, "session = 10"],
    ["its number in the session", 11, "sequence = 2"],
    ["what its client knows", 12, "answered_below = 1"],
    ["the time of a session", 10, `payload = CAST('{"timeoutMs":600001}' AS BLOB)`],
    ["the session that ends", 13, "session = 9"],
    ["a configuration", 5, "stamp_ms = 0"],
  ])("changed in %s is reported with its index", (_, index, change) => {
    directory.sql(`UPDATE log SET ${change} WHERE idx = ${index}`);
    const before = rows();
    const message = findDamage();
    expect(message).toContain(`damaged at entry ${index}:`);
    expect(message).toContain(directory.file);
    expect(message).toContain("expected");
    store?.close();
    expect(rows()).toEqual(before);
  });

  test.each([
    ["text in the place of bytes", 7, "payload", "its payload holds no bytes"],
    ["text in the place of bytes, at the end", 15, "payload", "its payload holds no bytes"],
    ["bytes in the place of text", 11, "client", "its client holds no text"],
  ] as const)("that has %s by one flipped bit is reported with its index", (_, index, column, finding) => {
    flipTypeOf(index, column);
    const message = findDamage();
    expect(message).toContain(`damaged at entry ${index}: ${finding}`);
    expect(message).toContain("expected");
  });

  test.each([5, 15])("that the start looks at, %i, is found by the start", (index) => {
    directory.sql(`UPDATE log SET stamp_ms = 0 WHERE idx = ${index}`);
    expect(findAtStart()).toContain(`damaged at entry ${index}:`);
  });

  test("that is missing is reported with its index", () => {
    directory.sql("DELETE FROM log WHERE idx = 7");
    expect(findDamage()).toContain("damaged at entry 7: it is missing");
  });

  test("that is missing at the end of the range read is reported too", () => {
    directory.sql("DELETE FROM log WHERE idx = 7");
    store = directory.open();
    expect(damageError(() => store?.read(6, 7, 1e9))).toContain("damaged at entry 7: it is missing");
  });

  test("that changed places with another is reported", () => {
    directory.sql("UPDATE log SET idx = 100 WHERE idx = 6");
    directory.sql("UPDATE log SET idx = 6 WHERE idx = 7");
    directory.sql("UPDATE log SET idx = 7 WHERE idx = 100");
    expect(findDamage()).toContain("damaged at entry 6:");
  });

  test("that is damaged hides nothing of what comes before it, and stops what comes after", () => {
    directory.sql("UPDATE log SET stamp_ms = 0 WHERE idx = 7");
    store = directory.open();
    expect(store.read(1, 4, 1e9)).toEqual(commands(1, 4, 1));
    damageError(() => store?.read(1, 9, 1e9));
    expect(damageError(() => store?.write([vote(9, null)], ignoreDurable))).toContain("damaged at entry 7:");
  });

  test("that lies before the range is noticed by its successor's checksum", () => {
    directory.sql("UPDATE log SET chain = chain + 1 WHERE idx = 6");
    store = directory.open();
    expect(damageError(() => store?.read(7, 8, 1e9))).toContain("damaged at entry 7:");
  });
});

test("a flipped bit in the file itself is reported", () => {
  const bytes = readFileSync(directory.file);
  const at = bytes.indexOf("entry 8 term 2");
  expect(at).toBeGreaterThan(0);
  bytes[at] = bytes[at]! ^ 0x10;
  writeFileSync(directory.file, bytes);
  expect(findDamage()).toContain("damaged at entry 8:");
});

test.each([
  ["who may write it", 18],
  ["who may read it", 19],
])("a flipped bit in what the header of the file says of %s is damage, and no matter of rights", (_, at) => {
  const file = join(directory.dataDir, "graft.sqlite");
  const bytes = readFileSync(file);
  bytes[at] = bytes[at]! ^ 0x40;
  writeFileSync(file, bytes);
  expect(findAtStart()).toContain("is damaged at the database itself");
});

test("a file that ends within the pages of an entry is reported as damage, and not as a disk that fails", () => {
  store = directory.open();
  store.write([append(command(16, 2, 16_900), command(17, 2))], ignoreDurable);
  store.close();
  truncateSync(directory.file, readFileSync(directory.file).length - 1000);
  expect(findDamage()).toContain("damaged at the database itself:");
});

test("damage that only a write meets ends the store, and the next start sets the data aside", () => {
  const many = commands(16, 40, 2, 3000);
  const writer = directory.open();
  writer.write([append(...many)], ignoreDurable);
  writer.write([truncate(15)], ignoreDurable);
  writer.close();
  // Where the first free page is. What is read does not need it.
  const bytes = readFileSync(directory.file);
  expect(bytes.readUInt32BE(32)).toBeGreaterThan(0);
  bytes.writeUInt32BE(99_999, 32);
  writeFileSync(directory.file, bytes);

  store = directory.open();
  expect(store.saved).toMatchObject({ refill: null, last: { index: 15 } });
  expect(store.read(1, 15, 1e9)).toHaveLength(15);
  const message = damageError(() => store!.write([append(...many)], ignoreDurable));
  expect(message).toContain("Writing failed");
  store.keepDamage(message);
  store.close();
  expect(findAtStart()).toContain(message.slice(0, -1));
});

test("an entry that a log is cut back to is looked at first: what comes next would be chained to it", () => {
  directory.sql("UPDATE log SET term = 1 WHERE idx = 8");
  store = directory.open();
  expect(damageError(() => store!.write([truncate(8)], ignoreDurable))).toContain("damaged at entry 8:");
});

test("so is the one that a snapshot lets the log begin after", () => {
  directory.sql("UPDATE log SET stamp_ms = stamp_ms + 1 WHERE idx = 8");
  store = directory.open();
  const record = snapshotAt({ index: 12, term: 2 }, store.chainAt(12));
  const write = (): unknown => store!.write([snapshot(record, { index: 8, term: 2 })], ignoreDurable);
  expect(damageError(write)).toContain("damaged at entry 8:");
});

test("the chain goes on over truncations and restarts", () => {
  store = directory.open();
  store.write([truncate(6), append(command(7, 3), command(8, 3))], ignoreDurable);
  store.close();
  store = directory.open();
  store.write([append(command(9, 3))], ignoreDurable);
  expect(store.read(5, 9, 1e9)).toHaveLength(5);
  store.close();
  directory.sql("UPDATE log SET term = 4 WHERE idx = 8");
  expect(findDamage()).toContain("damaged at entry 8:");
});

test("an entry of a kind that a newer version has written is not damage: its checksum is right", () => {
  store = directory.open();
  const chain = nextChain(store.chainAt(15), {
    index: 16,
    term: 2,
    stampMs: 1_700_000_000_016,
    kindNumber: 99,
    payload: new Uint8Array([1, 2, 3]),
    session: 0,
    sequence: 0,
    answeredBelow: 0,
    client: "",
  });
  store.close();
  directory.sql(
    `INSERT INTO log (idx, term, kind, stamp_ms, chain, payload) VALUES (16, 2, 99, 1700000000016, ${chain}, x'010203')`,
  );
  const inspect = (): unknown => inspectLog(directory.dataDir, { entriesMax: 1, verify: true });
  expect(storageError(inspect)).toContain("Start the version of Graft that wrote it");
  store = directory.open();
  expect(store.saved).toMatchObject({ refill: null, last: { index: 16 } });
  const message = storageError(() => store!.read(14, 16, 1e9));
  expect(message).toContain("entry 16 of the kind 99");
  expect(message).toContain("Start the version of Graft that wrote it");
});

describe("a record", () => {
  test.each([
    ["vote", "UPDATE vote SET current_term = 2"],
    ["vote", "UPDATE vote SET voted_for = NULL"],
    ["vote", "DELETE FROM vote"],
    ["identity", "UPDATE identity SET incarnation = 'ffffffffffffffffffffffffffffffff'"],
    ["identity", "UPDATE identity SET database_id = 'ffffffffffffffffffffffffffffffff'"],
    ["genesis", "UPDATE genesis SET record = replace(record, 'n3', 'n4')"],
    ["base", "UPDATE base SET idx = 3"],
    ["base", "DELETE FROM base"],
    // An empty page of another table in the place of theirs leaves no row, and nothing else of the database is changed.
    ["genesis", "DELETE FROM genesis"],
    ["removed", "DELETE FROM removed"],
    ["refill", "DELETE FROM refill"],
    ["snapshot", "DELETE FROM snapshot"],
  ])("%s: not what was written (%s)", (record, change) => {
    directory.sql(change);
    expect(findAtStart()).toContain(`damaged at the record "${record}":`);
  });

  test.each([
    ["the beginning of a term moved", "UPDATE term_starts SET idx = 6 WHERE term = 2"],
    ["the beginning of a term forgotten", "DELETE FROM term_starts WHERE term = 2"],
    ["the beginning of a term invented", "INSERT INTO term_starts VALUES (7, 8)"],
    ["the log's first entry gone", "DELETE FROM log WHERE idx = 1"],
    ["the log's end gone", "DELETE FROM log WHERE idx > 4"],
    ["a configuration that is a command", "INSERT INTO configurations VALUES (6)"],
    ["a configuration that is not there", "INSERT INTO configurations VALUES (60)"],
  ])("that contradicts the log: %s", (_, change) => {
    directory.sql(change);
    expect(findAtStart()).toContain("damaged at entry");
  });
});

const neverRemoved = `UPDATE removed SET record = 'null', checksum = ${recordChecksum("removed", "null")}`;

test.each([
  ["a configuration", "DELETE FROM configurations", "the configuration of entry 5 was in force"],
  ["an activation", "DELETE FROM activations", "the version that entry 16 activates was active"],
  ["a removal", neverRemoved, "it does not say that this node was removed from the cluster"],
])("the record of %s that has gone back is missed by the mark", (_, change, words) => {
  const position = { index: 5, term: 2 };
  const writer = directory.open();
  const removed = { kind: "writeRemoved", ticket: 1, position, configuration: configurationOf("n2") } as const;
  writer.write([removed, append(activation(16, 2), command(17, 2))], ignoreDurable);
  writer.close();
  directory.sql(change);
  expect(findAtStart()).toContain(words);
});

describe("P29: a snapshot's record that the log contradicts", () => {
  beforeEach(() => {
    const writer = directory.open();
    const record = snapshotAt({ index: 8, term: 2 }, writer.chainAt(8));
    writer.write([snapshot(record, { index: 6, term: 2 })], ignoreDurable);
    writer.close();
  });

  test("as it was written it is found again", () => {
    store = directory.open();
    expect(store.saved).toMatchObject({ base: { index: 6, term: 2 }, snapshot: { position: { index: 8 } } });
  });

  test.each([
    ["changed", `the record "snapshot"`, `UPDATE snapshot SET record = replace(record, 'snapshot-8', 'snapshot-7')`],
    ["gone, while the log begins after it", `the record "snapshot"`, "DELETE FROM snapshot"],
    ["the base moved", `the record "base"`, "UPDATE base SET idx = 7"],
    ["the configuration at the base changed", `the record "base"`, "UPDATE base SET configuration = NULL"],
    ["the log ends below its end", `the record "snapshot"`, "DELETE FROM log WHERE idx > 7"],
    ["the entry at its end is another", "entry 8", "UPDATE log SET chain = chain + 1 WHERE idx = 8"],
  ])("%s: reported at %s", (_, place, change) => {
    directory.sql(change);
    expect(findAtStart()).toContain(`damaged at ${place}:`);
  });
});
