// What each name is charged, when it is forgotten, and which connection of it comes next.
import { describe, expect, test } from "bun:test";
import { FairQueue, type Taken } from "../../src/node/fair-queue.ts";
import { TestAsker } from "./test-asker.ts";

interface Query {
  readonly from: TestAsker;
  readonly nth: number;
}

function setUp(...names: readonly string[]) {
  const woken = { count: 0 };
  const queue = new FairQueue<Query>(() => void woken.count++);
  const askers = names.map((name) => new TestAsker(name));
  let nth = 0;
  const add = (...froms: readonly TestAsker[]): void => {
    for (const from of froms) queue.add({ from, nth: nth++ });
  };
  const take = (): Taken<Query> => queue.take()!;
  /** Takes all that can be taken, each for what it is estimated at. */
  const order = (): readonly number[] => {
    const taken: number[] = [];
    for (let next = queue.take(); next !== null; next = queue.take()) taken.push(next.item.nth);
    return taken;
  };
  return { queue, askers, add, take, order, woken };
}

describe("the estimate of a query", () => {
  test("is 1 ms at first, and follows each cost by an eighth of the difference", () => {
    const { queue, askers, add, take } = setUp("a");
    const estimates = [9, 9, 1].map((costMs) => {
      add(askers[0]!);
      const taken = take();
      queue.charge(taken, costMs);
      return taken.estimateMs;
    });
    add(askers[0]!);
    expect([...estimates, take().estimateMs]).toEqual([1, 2, 2.875, 2.640625]);
  });

  test("is not changed by what is given back or dropped, which costs nothing", () => {
    const { queue, askers, add, take, order } = setUp("a", "b");
    const [a, b] = askers as [TestAsker, TestAsker];
    // A query of another name that stays out, so that nothing is forgotten.
    add(new TestAsker("c"));
    take();
    add(a, a, b);
    queue.giveBack(take());
    const dropped = take();
    expect([dropped.item.nth, dropped.estimateMs]).toEqual([1, 1]);
    queue.drop(dropped);
    add(a);
    expect([queue.count, ...order()]).toEqual([3, 2, 3, 4]);
  });

  test("is what a name is charged until the cost is known, so that others come first", () => {
    const { queue, askers, add, take } = setUp("a", "b");
    const [a, b] = askers as [TestAsker, TestAsker];
    add(a, a, b, b);
    const [first, second] = [take(), take()];
    expect([first.item.from, second.item.from]).toEqual([a, b]);
    queue.charge(first, 5);
    queue.charge(second, 0.5);
    expect([take().item.from, take().item.from]).toEqual([b, a]);
  });
});

test("a query is charged what it has cost in the place of its own estimate, whatever the name's has become since", () => {
  const { queue, askers, add, take } = setUp("a", "b");
  const [a, b] = askers as [TestAsker, TestAsker];
  add(new TestAsker("c"));
  take();
  add(a, b, a);
  const out = [take(), take(), take()] as const;
  expect(out.map(({ item }) => item.from)).toEqual([a, b, a]);
  queue.charge(out[0], 9);
  queue.charge(out[2], 9);
  // Less than the 18 of the other name, and by less than what its estimate has grown.
  queue.charge(out[1], 17.5);
  add(a, b);
  expect(take().item.from).toBe(b);
});

describe("a name", () => {
  test("begins anew with nothing owed once nothing waits and nothing is out", () => {
    const { queue, askers, add, take } = setUp("a", "b");
    const [a, b] = askers as [TestAsker, TestAsker];
    add(a);
    queue.charge(take(), 500);
    add(a, b);
    expect([take().item.from, take().item.from]).toEqual([a, b]);
  });

  test("owes what it has cost while another query waits or is out", () => {
    const { queue, askers, add, take } = setUp("a", "b", "c");
    const [a, b, c] = askers as [TestAsker, TestAsker, TestAsker];
    add(a, c);
    queue.charge(take(), 500);
    add(a, b);
    expect([take(), take(), take()].map(({ item }) => item.from)).toEqual([c, b, a]);
  });

  test("owes what it has cost while all that waits is a query that was given back", () => {
    const { queue, askers, add, take } = setUp("a", "b");
    const [a, b] = askers as [TestAsker, TestAsker];
    add(a, b);
    queue.charge(take(), 500);
    queue.giveBack(take());
    add(a);
    expect([take().item.from, take().item.from]).toEqual([b, a]);
  });

  test("owes what it has cost also where it could not take answers for a moment", () => {
    const { queue, askers, add, take } = setUp("a", "b");
    const [a, b] = askers as [TestAsker, TestAsker];
    add(a, b, a, b, b, b);
    queue.charge(take(), 3);
    a.hasCredit = false;
    queue.charge(take(), 1);
    a.hasCredit = true;
    expect([take().item.from, take().item.from, take().item.from]).toEqual([b, b, a]);
  });

  test("that comes anew starts where the last one was served, and not before", () => {
    const { queue, askers, add, take } = setUp("a", "b");
    const [a, b] = askers as [TestAsker, TestAsker];
    add(a, a, a, a);
    queue.charge(take(), 10);
    queue.charge(take(), 10);
    // It was served at 10 and has cost 20 by now.
    add(b, b, b, b, b, b);
    const froms: string[] = [];
    for (let count = 0; count < 8; count++) {
      const taken = take();
      froms.push(taken.item.from.name);
      queue.charge(taken, 4);
    }
    expect(froms).toEqual(["b", "b", "b", "a", "b", "a", "b", "b"]);
  });

  test("that is known and was away has no claim to that time either", () => {
    const { queue, askers, add, take } = setUp("a", "b");
    const [a, b] = askers as [TestAsker, TestAsker];
    add(a, b, b, b);
    for (let count = 0; count < 3; count++) queue.charge(take(), 1);
    for (let count = 0; count < 500; count++) {
      add(b);
      queue.charge(take(), 1);
    }
    add(...Array.from({ length: 20 }, () => a), ...Array.from({ length: 20 }, () => b));
    const froms = Array.from({ length: 20 }, () => {
      const taken = take();
      queue.charge(taken, 1);
      return taken.item.from;
    });
    expect(Math.abs(froms.filter((from) => from === a).length - 10)).toBeLessThan(3);
  });

  test("owes nothing once its last query was dropped, or given back and removed", () => {
    for (const leave of ["drop", "giveBack"] as const) {
      const { queue, askers, add, take } = setUp("a", "b");
      const [a, b] = askers as [TestAsker, TestAsker];
      add(a);
      queue[leave](take());
      queue.remove(() => true);
      add(a);
      queue.charge(take(), 500);
      add(a, b);
      expect([take().item.from, take().item.from]).toEqual([a, b]);
    }
  });

  test("is remembered with its estimate, and beyond 1,024 names all are forgotten, but only when nothing is left", () => {
    const { queue, add, take } = setUp();
    const named = Array.from({ length: 1_025 }, (_, nth) => new TestAsker(`n${nth}`));
    const estimateOf = (from: TestAsker): number => {
      add(from);
      const taken = take();
      queue.charge(taken, 9);
      return taken.estimateMs;
    };
    for (const from of named.slice(0, 1_024)) expect(estimateOf(from)).toBe(1);
    expect(estimateOf(named[0]!)).toBe(2);
    add(named[1]!);
    const held = take();
    expect(estimateOf(named[1_024]!)).toBe(1);
    expect(estimateOf(named[0]!)).toBe(2.875);
    queue.charge(held, 9);
    expect(estimateOf(named[0]!)).toBe(1);
  });
});

test("a query that is given back is there to be taken, however many names have asked before", () => {
  const { queue, add, take, order } = setUp();
  const named = Array.from({ length: 1_025 }, (_, nth) => new TestAsker(`n${nth}`));
  add(...named);
  for (const _ of named.slice(1)) queue.drop(take());
  queue.giveBack(take());
  expect([queue.count, ...order(), queue.count]).toEqual([1, 1_024, 0]);
});

describe("the connections of a name", () => {
  test("come in turn, and one that has nothing left does not", () => {
    const { askers, add, order } = setUp("a", "a", "a");
    const [one, two, three] = askers as [TestAsker, TestAsker, TestAsker];
    add(one, one, one, two, three, three);
    expect(order()).toEqual([0, 3, 4, 1, 5, 2]);
  });

  test("wake whoever takes, once they can take answers again", () => {
    const { queue, askers, add, woken } = setUp("a", "b");
    const [stuck, other] = askers as [TestAsker, TestAsker];
    stuck.hasCredit = false;
    add(stuck);
    expect([queue.take(), queue.count, other.awaited]).toEqual([null, 1, null]);
    stuck.hasCredit = true;
    stuck.awaited!();
    expect([woken.count, queue.take()?.item.nth]).toEqual([1, 0]);
  });

  test("that are closed are not waited for: their queries are thrown away by whoever takes them", () => {
    const { queue, askers, add } = setUp("a");
    const [gone] = askers as [TestAsker];
    gone.hasCredit = false;
    gone.isOpen = false;
    add(gone);
    expect([queue.take()?.item.nth, queue.count, gone.awaited]).toEqual([0, 0, null]);
  });

  test("that have lost all their queries are passed over, and take their place again when they ask anew", () => {
    const { queue, askers, add, order } = setUp("a", "a");
    const [one, two] = askers as [TestAsker, TestAsker];
    add(one, two, one);
    expect(queue.remove(({ from }) => from === one).map(({ nth }) => nth)).toEqual([0, 2]);
    expect(queue.count).toBe(1);
    expect(queue.remove(({ from }) => from === one)).toEqual([]);
    add(one);
    expect([queue.count, ...order(), queue.count]).toEqual([2, 1, 3, 0]);
  });

  test("get what is given back before their others, also when the front has moved or is full", () => {
    const { queue, askers, add, take, order } = setUp("a");
    const [one] = askers as [TestAsker];
    add(one, one, one, one, one);
    const out = [take(), take(), take()];
    for (const taken of out.toReversed()) queue.giveBack(taken);
    add(one);
    expect([queue.count, ...order()]).toEqual([6, 0, 1, 2, 3, 4, 5]);
  });
});
