// What only the store in memory can do: hold writes back, lose them in a crash, be wiped, break.
import { expect, test } from "bun:test";
import { createMemoryLogStore } from "../../src/sim/memory/log-store.ts";
import {
  append,
  command,
  commands,
  ignoreDurable,
  keyOf,
  snapshotInstead,
  truncate,
  vote,
} from "../contracts/log-entries.ts";

const incarnation = "0123456789abcdef0123456789abcdef";
const open = () => createMemoryLogStore({ incarnation });

test("a crash keeps what was durable, whole writes of it, and nothing more", () => {
  const store = open();
  const confirmed: number[] = [];
  store.write([vote(1, "n1"), append(...commands(1, 3, 1))], () => confirmed.push(1));
  store.write([vote(2, "n2"), truncate(1), append(command(2, 2))], () => confirmed.push(2));
  store.write([append(command(3, 2))], () => confirmed.push(3));
  expect(store.pendingWrites).toBe(3);
  expect(store.flushOne()).toBe(true);
  expect(store.read(1, 3, 1e9)).toEqual([command(1, 1), command(2, 2), command(3, 2)]);

  const disk = store.crash();
  expect(confirmed).toEqual([1]);
  expect(() => store.write([], ignoreDurable)).toThrow("closed");
  expect(() => store.flushOne()).toThrow("closed");

  const restarted = createMemoryLogStore({ incarnation: "of no use", disk });
  expect(restarted.saved).toMatchObject({ incarnation, currentTerm: 1, votedFor: keyOf("n1"), last: { index: 3 } });
  expect(restarted.read(1, 3, 1e9)).toEqual(commands(1, 3, 1));
});

test("nothing is confirmed before it is told, and then one write at a time", () => {
  const store = open();
  const confirmed: number[] = [];
  for (const at of [1, 2]) store.write([append(command(at, 1))], () => confirmed.push(at));
  expect(confirmed).toEqual([]);
  store.flushOne();
  expect(confirmed).toEqual([1]);
  store.flushAll();
  expect(confirmed).toEqual([1, 2]);
  expect(store.flushOne()).toBe(false);
});

test("what is written while all is flushed waits for its own turn", () => {
  const store = open();
  store.write([append(command(1, 1))], () => store.write([append(command(2, 1))], ignoreDurable));
  store.flushAll();
  expect(store.pendingWrites).toBe(1);
});

test("a wiped disk remembers nothing and is another incarnation", () => {
  const store = open();
  store.write([vote(3, "n1"), append(command(1, 3))], ignoreDurable);
  store.flushAll();
  const disk = store.wipe("ffffffffffffffffffffffffffffffff");
  expect(createMemoryLogStore({ incarnation, disk }).saved).toMatchObject({
    incarnation: "ffffffffffffffffffffffffffffffff",
    currentTerm: 0,
    last: { index: 0, term: 0 },
  });
});

test("P47: a broken disk confirms nothing and takes nothing any more", () => {
  const store = open();
  let confirmed = 0;
  store.write([append(command(1, 1))], () => confirmed++);
  store.breakDisk();
  expect(() => store.flushOne()).toThrow("not tried again");
  expect(() => store.write([append(command(2, 1))], ignoreDurable)).toThrow("not tried again");
  expect(() => store.read(1, 1, 1e9)).toThrow("not tried again");
  expect(confirmed).toBe(0);
  expect(createMemoryLogStore({ incarnation, disk: store.crash() }).saved.last.index).toBe(0);
});

test("a log may begin behind a snapshot", () => {
  const store = open();
  store.write([snapshotInstead({ index: 100, term: 7 })], ignoreDurable);
  expect(() => store.write([append(command(100, 7))], ignoreDurable)).toThrow("not after");
  expect(() => store.write([append(command(1, 7))], ignoreDurable)).toThrow("not after");
  expect(() => store.write([append(command(101, 6))], ignoreDurable)).toThrow("after term 7");
  store.write([append(...commands(101, 103, 7)), truncate(102)], ignoreDurable);
  expect(() => store.read(100, 101, 1e9)).toThrow("Refused");
  expect(() => store.write([truncate(99)], ignoreDurable)).toThrow("Refused");
  expect(store.read(101, 102, 1e9)).toEqual(commands(101, 102, 7));
  store.flushAll();
  const { saved } = createMemoryLogStore({ incarnation, disk: store.crash() });
  expect(saved).toMatchObject({
    base: { index: 100, term: 7 },
    last: { index: 102, term: 7 },
    termStarts: [{ index: 101, term: 7 }],
  });
});
