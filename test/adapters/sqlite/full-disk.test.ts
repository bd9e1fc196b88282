// A disk that is full before COMMIT: nothing was promised, nothing is there, and the store goes on once there is room.
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { openSqliteLogStore } from "../../../src/adapters/sqlite/log-store.ts";
import type { LogStore } from "../../../src/ports/log-store.ts";
import {
  append,
  command,
  commands,
  configuration,
  found,
  ignoreDurable,
  truncate,
  vote,
} from "../../contracts/log-entries.ts";
import { mountSmallDisk, type SmallDisk } from "../../small-disk.ts";

const mebibyte = 2 ** 20;

let disk: SmallDisk;
let store: LogStore;
const open = (): LogStore => openSqliteLogStore({ dataDir: join(disk.path, "data"), randomBytes });

beforeEach(async () => {
  disk = await mountSmallDisk(24 * mebibyte);
  store = open();
});
afterEach(async () => {
  store.close();
  await disk.remove();
});

test("a transaction that does not fit is not there at all, and smaller ones go on", async () => {
  store.write([found(), vote(1, "n1"), append(...commands(1, 10, 1))], ignoreDurable);
  await disk.fillTo(4 * mebibyte);
  const durable: string[] = [];
  // More than SQLite holds in memory: it reaches the disk before COMMIT.
  const large = commands(11, 11 + 16 * 1024, 2, 1024);
  expect(store.write([vote(2, "n2"), append(...large)], () => durable.push("large"))).toBe("noRoom");
  await disk.empty();
  expect(store.reopen()).toMatchObject({ currentTerm: 1, last: { index: 10, term: 1 } });
  expect(store.write([vote(3, null), append(...commands(11, 12, 3))], () => durable.push("small"))).toBe("written");
  expect(durable).toEqual(["small"]);
  store.close();
  store = open();
  expect(store.saved).toMatchObject({ currentTerm: 3, last: { index: 12, term: 3 }, refill: null });
  expect(store.read(1, 12, 1e9)).toEqual([...commands(1, 10, 1), ...commands(11, 12, 3)]);
});

test("entries that were to give way to others and stay are no damage, whichever configuration they hold", async () => {
  const entries = [...commands(1, 4, 1), configuration(5, 1, "n1", "n2", "n3"), ...commands(6, 10, 1)];
  store.write([found(), vote(1, "n1"), append(...entries)], ignoreDurable);
  await disk.fillTo(4 * mebibyte);
  const others = commands(5, 5 + 16 * 1024, 2, 1024);
  expect(store.write([vote(2, null), truncate(4), append(...others)], ignoreDurable)).toBe("noRoom");
  await disk.empty();
  store.reopen();
  // The leader of before goes on, and has not heard of the new term either.
  expect(store.write([append(command(11, 1))], ignoreDurable)).toBe("written");
  store.close();
  store = open();
  expect(store.saved).toMatchObject({ currentTerm: 1, last: { index: 11, term: 1 }, refill: null });
});

test("what cannot be carried over from the WAL stays in it until there is room", async () => {
  store.write([found(), append(...commands(1, 10, 1))], ignoreDurable);
  let index = 10;
  const grow = (): void => {
    store.write([append(...commands(index + 1, index + 256, 1, 4096))], ignoreDurable);
    index += 256;
  };
  // The fourth fills the WAL, which is carried over, and is written again from its beginning.
  for (let count = 0; count < 4; count++) grow();
  await disk.fillTo(64 * 1024);
  // Now the database has to grow, and cannot.
  for (let count = 0; count < 4; count++) grow();
  await disk.empty();
  grow();
  store.close();
  store = open();
  expect(store.saved.last.index).toBe(index);
});

test("a first start on a full disk says what to do", async () => {
  await disk.fillTo(0);
  const start = (): LogStore => openSqliteLogStore({ dataDir: join(disk.path, "first"), randomBytes });
  expect(start).toThrow("Free space on that disk");
  await disk.empty();
  start().close();
});
