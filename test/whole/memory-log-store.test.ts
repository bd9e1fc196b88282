// What only the store in memory can do: hold writes back, lose them in a crash, be wiped, break, rot.
import { describe, expect, test } from "bun:test";
import { createMemoryLogStore } from "../../src/sim/memory/log-store.ts";
import { type MarkLeft, wholeMark } from "../../src/sim/memory/memory-mark.ts";
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

test("P47: a write that has failed may be there at the next start", () => {
  const store = open();
  store.write([append(command(1, 1))], ignoreDurable);
  store.breakDisk();
  expect(createMemoryLogStore({ incarnation, disk: store.crash(1) }).saved.last.index).toBe(1);
});

describe("P46: an entry that is not what was written", () => {
  const rotten = (index: number) => {
    const store = open();
    store.write([vote(1, "n1"), append(...commands(1, 5, 1))], ignoreDurable);
    store.flushAll();
    const disk = store.crash();
    disk.rotten = [index];
    return disk;
  };

  test("is found by the start where it is the last one", () => {
    expect(createMemoryLogStore({ incarnation, disk: rotten(5) }).saved.refill).not.toBeNull();
  });

  test("is found when it is read, and ends the store", () => {
    const store = createMemoryLogStore({ incarnation, disk: rotten(3) });
    expect(store.saved).toMatchObject({ refill: null, last: { index: 5 } });
    expect(store.read(4, 5, 1e9)).toHaveLength(2);
    expect(() => store.read(1, 5, 1e9)).toThrow("damaged at entry 3");
    expect(() => store.read(4, 5, 1e9)).toThrow("damaged at entry 3");
  });

  test.each([
    ["cut", truncate(2)],
    ["replaced by a leader's snapshot", snapshotInstead({ index: 5, term: 1 })],
  ])("is gone when it is %s", (_, effect) => {
    const store = createMemoryLogStore({ incarnation, disk: rotten(3) });
    store.write([effect], ignoreDurable);
    store.flushAll();
    expect(store.crash().rotten).toEqual([]);
  });
});

describe("what a power cut leaves of the mark", () => {
  const later = () => {
    const store = open();
    store.write([vote(1, "n1"), append(command(1, 1))], ignoreDurable);
    store.write([append(command(2, 1))], ignoreDurable);
    store.flushAll();
    return store;
  };
  const withoutTheLast = (left: Partial<MarkLeft>) => {
    const disk = later().crash(0, { ...wholeMark, ...left });
    disk.entries.length = 1;
    return () => createMemoryLogStore({ incarnation, disk }).saved;
  };

  test("a lost end is noticed by the mark that was written last, and not by the one that was synced", () => {
    expect(withoutTheLast({})()).toMatchObject({ last: { index: 0 }, currentTerm: 1, votedFor: keyOf("n1") });
    expect(withoutTheLast({ lost: 1 })()).toMatchObject({ last: { index: 1 }, refill: null });
  });

  test("it may name any end that the log has had since a mark was synced", () => {
    const through = (index: number) => {
      const store = later();
      store.write([append(command(3, 1), command(4, 1))], ignoreDurable);
      store.flushAll();
      return store.crash(0, { ...wholeMark, through: index });
    };
    expect([0, 1, 2, 3, 4, 9].map((index) => through(index).mark?.last.index)).toEqual([1, 1, 2, 3, 4, 4]);
    const disk = through(3);
    disk.entries.length = 3;
    expect(createMemoryLogStore({ incarnation, disk }).saved).toMatchObject({ last: { index: 3 }, refill: null });
    const lost = through(3);
    lost.entries.length = 2;
    expect(createMemoryLogStore({ incarnation, disk: lost }).saved.refill).not.toBeNull();
  });

  test("a vote is always noticed, because its mark is synced", () => {
    const disk = later().crash(0, { ...wholeMark, lost: 9 });
    Object.assign(disk, { currentTerm: 0, votedFor: null, entries: [] });
    expect(createMemoryLogStore({ incarnation, disk }).saved).toMatchObject({ currentTerm: 1, votedFor: keyOf("n1") });
  });

  test("where a newer one was torn, the node does not know what it promised, and does not start with damaged data", () => {
    expect(withoutTheLast({ isTorn: true })().refill).toBeNull();
    const disk = later().crash(0, { ...wholeMark, isTorn: true });
    disk.entries.length = 0;
    expect(() => createMemoryLogStore({ incarnation, disk })).toThrow("mark is damaged as well");
  });

  test("it is lowered before entries are cut, and moved on after they are written", () => {
    const cut = later();
    cut.write([truncate(1), append(command(2, 2), command(3, 2))], ignoreDurable);
    expect(cut.crash(0, { ...wholeMark, isLowered: true }).mark?.last.index).toBe(1);
    const behind = later();
    behind.write([append(command(3, 1))], ignoreDurable);
    const disk = behind.crash(1, { ...wholeMark, isBehind: true });
    expect([disk.entries.length, disk.mark?.last.index]).toEqual([3, 2]);
  });
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
