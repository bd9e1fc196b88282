// The space of what a snapshot covers comes back (P51): in small steps, whole, also over restarts, and it costs nothing of
// what is still in the log.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { statSync } from "node:fs";
import type { LogStore } from "../../../src/ports/log-store.ts";
import { append, command, commands, ignoreDurable, snapshot, snapshotAt } from "../../contracts/log-entries.ts";
import { createDataDirectory, type DataDirectory } from "./data-directory.ts";

const mebibyte = 1024 * 1024;
/** Free pages that may stay in the file, as space.ts says. */
const keptFreeBytes = 16 * mebibyte;

let directory: DataDirectory;
let store: LogStore;
beforeEach(() => {
  directory = createDataDirectory();
  store = directory.open();
});
afterEach(() => {
  store.close();
  directory.remove();
});

const write = (...effects: Parameters<LogStore["write"]>[0]): void => void store.write(effects, ignoreDurable);
const fileBytes = (): number => statSync(directory.file).size;
const walBytes = (): number => statSync(`${directory.file}-wal`).size;
const rowsBelow = (index: number): number => {
  store.close();
  const [{ rows }] = directory.sql(`SELECT count(*) AS rows FROM log WHERE idx <= ${index}`) as [{ rows: number }];
  store = directory.open();
  return rows;
};

function fill(first: number, last: number, bytes: number): void {
  for (let at = first; at <= last; at += 50) write(append(...commands(at, Math.min(last, at + 49), 1, bytes)));
}

function cutTo(index: number): void {
  write(snapshot(snapshotAt({ index, term: 1 }, store.chainAt(index)), { index, term: 1 }));
}

test("P51: the file becomes short again, and what is left of the log is as it was", () => {
  fill(1, 1000, 64 * 1024);
  const longest = fileBytes();
  expect(longest).toBeGreaterThan(60 * mebibyte);
  cutTo(980);
  expect(fileBytes()).toBeGreaterThanOrEqual(longest);
  while (store.reclaim());
  expect(fileBytes()).toBeLessThan(keptFreeBytes + 4 * mebibyte);
  expect(store.read(981, 1000, 1e9)).toEqual(commands(981, 1000, 1, 64 * 1024));
  expect(rowsBelow(980)).toBe(0);
  expect(store.read(981, 1000, 1e9)).toEqual(commands(981, 1000, 1, 64 * 1024));
});

test("the WAL stays short also while half of the file is moved into the other half", () => {
  fill(1, 1000, 64 * 1024);
  cutTo(600);
  let walMax = 0;
  while (store.reclaim()) walMax = Math.max(walMax, walBytes());
  expect(fileBytes()).toBeLessThan(keptFreeBytes + 28 * mebibyte);
  expect(walMax).toBeLessThan(8 * mebibyte);
  expect(store.read(601, 1000, 1e9)).toEqual(commands(601, 1000, 1, 64 * 1024));
});

test("P51: over many rounds of filling and cutting the file does not grow", () => {
  const sizes: number[] = [];
  for (let round = 0; round < 6; round++) {
    const { index } = round === 0 ? { index: 0 } : { index: round * 100 };
    fill(index + 1, index + 100, 64 * 1024);
    cutTo(index + 100);
    while (store.reclaim());
    sizes.push(fileBytes());
  }
  // Free pages are used again: the file is not a byte longer than after the first rounds.
  expect(Math.max(...sizes.slice(2))).toBeLessThanOrEqual(Math.max(...sizes.slice(0, 2)) + 256 * 1024);
});

test("one step is a small one, by rows and by bytes", () => {
  fill(1, 2500, 100);
  cutTo(2500);
  expect(rowsBelow(2500)).toBe(2500);
  expect(store.reclaim()).toBe(true);
  expect(rowsBelow(2500)).toBe(1500);
  fill(2501, 2540, 200_000);
  cutTo(2540);
  // Opened anew it knows of no work that it has done before, and finds what is left.
  for (let step = 0; step < 2; step++) store.reclaim();
  expect(rowsBelow(2500)).toBe(0);
  store.reclaim();
  expect(rowsBelow(2540)).toBeLessThan(40);
  expect(rowsBelow(2540)).toBeGreaterThan(30);
});

test("what a stop interrupts is found by the next start", () => {
  fill(1, 3000, 100);
  cutTo(2900);
  store.reclaim();
  store.close();
  store = directory.open();
  expect(store.saved).toMatchObject({ base: { index: 2900 }, last: { index: 3000 } });
  while (store.reclaim());
  expect(rowsBelow(2900)).toBe(0);
  expect(store.read(2901, 3000, 1e9)).toEqual(commands(2901, 3000, 1, 100));
});

test("rows that do not belong to the log any more are never read", () => {
  fill(1, 100, 100);
  cutTo(90);
  store.close();
  directory.sql("UPDATE log SET stamp_ms = 0, term = 9 WHERE idx <= 90");
  store = directory.open();
  expect(store.read(91, 100, 1e9)).toEqual(commands(91, 100, 1, 100));
  write(append(command(101, 2)));
  expect(store.chainAt(90)).toBe(store.saved.snapshot!.chain);
});

test.skipIf(Bun.which("prlimit") === null)(
  "P47: a step that the disk refuses stops the store, and is not tried again",
  async () => {
    fill(1, 20_000, 100);
    cutTo(19_900);
    store.close();
    const program = Bun.fileURLToPath(import.meta.resolve("./reclaimer.ts"));
    const limited = ["prlimit", "--fsize=60000:", process.execPath, program, directory.dataDir];
    const child = Bun.spawn(limited, { stdout: "pipe", stderr: "inherit" });
    const lines = (await child.stdout.text()).split("\n");
    expect(await child.exited).toBe(0);
    expect(lines[0]).toContain("Giving space back");
    expect(lines[0]).toContain("not tried again");
    expect(lines[1]).toContain("earlier failure");
    expect(lines[2]).toContain("earlier failure");
    expect(lines[3]).toBe("done");
    store = directory.open();
    expect(store.saved).toMatchObject({ currentTerm: 0, base: { index: 19_900 }, last: { index: 20_000 } });
    while (store.reclaim());
    expect(store.read(19_901, 20_000, 1e9)).toEqual(commands(19_901, 20_000, 1, 100));
  },
);
