// What if the disk has lost a single write, or has done it at another place? A page of the database that was carried over from the WAL is
// then the one of before, or that of another table, though its sync was confirmed. SQLite has no checksums of pages. So each record
// has to be missed by something outside its page, and says of which table it is.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import type { DurableEffect } from "../../../src/core/effects.ts";
import type { LogStore, SavedState } from "../../../src/ports/log-store.ts";
import {
  append,
  command,
  commands,
  configuration,
  configurationOf,
  found,
  ignoreDurable,
  snapshot,
  snapshotAt,
  snapshotInstead,
  truncate,
  vote,
} from "../../contracts/log-entries.ts";
import { createDataDirectory, damageError, type DataDirectory } from "./data-directory.ts";

const pageBytes = 4096;

let directory: DataDirectory;
beforeEach(() => {
  directory = createDataDirectory();
  const store = directory.open();
  const entries = [...commands(1, 4, 1), configuration(5, 1, "n1", "n2", "n3"), ...commands(6, 9, 1)];
  store.write([found(), vote(1, "n2"), append(...entries)], ignoreDurable);
  store.close();
});
afterEach(() => directory.remove());

const configured = { position: { index: 5, term: 1 }, configuration: configurationOf("n1", "n2", "n3") };
const removed = { position: { index: 9, term: 1 }, configuration: configurationOf("n2", "n3") };

const writes: Readonly<Record<string, (store: LogStore) => readonly DurableEffect[]>> = {
  "a vote": () => [vote(3, "n3")],
  "a configuration": () => [append(configuration(10, 1, "n1", "n2"), command(11, 1))],
  "the end of a configuration": () => [truncate(4), append(...commands(5, 9, 2))],
  "another configuration in the place of one": () => [truncate(4), append(configuration(5, 2, "n1", "n2"))],
  "entries of another term": () => [vote(2, null), append(...commands(10, 12, 2))],
  "entries of many pages": () => [append(...commands(10, 12, 1, 9000))],
  "a removal": () => [{ kind: "writeRemoved", ticket: 1, ...removed }],
  "a snapshot": (store) => [
    snapshot(snapshotAt({ index: 8, term: 1 }, store.chainAt(8)), { index: 7, term: 1 }, configured),
    append(command(10, 1)),
  ],
  "a snapshot in the place of the log": () => [snapshotInstead({ index: 30, term: 2 }, 7), append(command(31, 2))],
};

/** The pages of the database, with what is in them. */
const pages = (): Buffer[] => {
  const bytes = readFileSync(directory.file);
  return Array.from({ length: bytes.length / pageBytes }, (_, at) =>
    bytes.subarray(at * pageBytes, (at + 1) * pageBytes),
  );
};

/** Null: it was noticed that something is lost. */
function stateOf(): SavedState | null {
  const store = directory.open();
  try {
    const { saved } = store;
    if (saved.refill !== null) return null;
    if (saved.last.index === saved.base.index) return saved;
    const read = (): unknown => store.read(saved.base.index + 1, saved.last.index, 1e9);
    try {
      read();
    } catch {
      expect(damageError(read)).toContain("damaged at");
      return null;
    }
    return saved;
  } finally {
    store.close();
  }
}

test.each(Object.keys(writes))("no page goes back unnoticed that was written with %s", (name) => {
  const before = pages();
  const store = directory.open();
  store.write(writes[name]!(store), ignoreDurable);
  store.close();
  const after = pages();
  const mark = readFileSync(`${directory.dataDir}/graft.mark`);
  const whole = stateOf();
  expect(whole).not.toBeNull();

  const unlike = before.flatMap((page, at) => (at < after.length && !page.equals(after[at]!) ? [at] : []));
  const noticed = unlike.filter((lost) => {
    writeFileSync(directory.file, Buffer.concat(after.with(lost, before[lost]!)));
    writeFileSync(`${directory.dataDir}/graft.mark`, mark);
    const state = stateOf();
    if (state !== null) expect({ lost, state }).toEqual({ lost, state: whole! });
    return state === null;
  });
  expect(noticed.length).toBeGreaterThan(0);
});

test("no page is taken for that of another table", () => {
  const store = directory.open();
  store.write(writes["a snapshot"]!(store), ignoreDurable);
  store.close();
  const whole = stateOf();
  const before = pages();
  const mark = readFileSync(`${directory.dataDir}/graft.mark`);
  const rows = directory.sql("SELECT rootpage FROM sqlite_schema WHERE type = 'table'") as { rootpage: number }[];
  const roots = rows.map(({ rootpage }) => rootpage - 1);
  const pairs = roots.flatMap((from) => roots.filter((to) => to !== from).map((to) => [from, to] as const));
  const noticed = pairs.filter(([from, to]) => {
    writeFileSync(directory.file, Buffer.concat(before.with(to, before[from]!)));
    writeFileSync(`${directory.dataDir}/graft.mark`, mark);
    const state = stateOf();
    if (state !== null) expect({ from, to, state }).toEqual({ from, to, state: whole! });
    return state === null;
  });
  expect(noticed.length).toBeGreaterThan(roots.length);
});
