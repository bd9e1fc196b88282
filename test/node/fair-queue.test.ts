// Each client name has the same share of what the state machine can do for queries, whatever one query costs.
import { heapStats } from "bun:jsc";
import { describe, expect, test } from "bun:test";
import { FairQueue, type Taken } from "../../src/node/fair-queue.ts";
import { TestAsker } from "./test-asker.ts";

interface Query {
  readonly from: TestAsker;
  readonly costMs: number;
}

const drain = (queue: FairQueue<Query>, totalMs: number): ReadonlyMap<string, number> => {
  const spent = new Map<string, number>();
  for (let sumMs = 0; sumMs < totalMs;) {
    const taken = queue.take();
    if (taken === null) break;
    const { from, costMs } = taken.item;
    queue.charge(taken, costMs);
    spent.set(from.name, (spent.get(from.name) ?? 0) + costMs);
    sumMs += costMs;
  }
  return spent;
};
const add = (queue: FairQueue<Query>, from: TestAsker, costMs: number, count: number): void => {
  for (let nth = 0; nth < count; nth++) queue.add({ from, costMs });
};

describe("fair queue", () => {
  test("P64: names share by what their queries cost, not by how many there are", () => {
    const queue = new FairQueue<Query>(() => {});
    add(queue, new TestAsker("dear"), 150, 1_000);
    add(queue, new TestAsker("cheap"), 1, 10_000);
    const spent = drain(queue, 6_000);
    expect(Math.abs(spent.get("dear")! - spent.get("cheap")!)).toBeLessThan(400);
  });

  test("P64: what a query that is still out will have cost is not forgotten when nothing waits for a moment", () => {
    const queue = new FairQueue<Query>(() => {});
    const [dear, cheap] = [new TestAsker("dear"), new TestAsker("cheap")];
    // The estimates follow what the names' queries have cost.
    for (let nth = 0; nth < 100; nth++) {
      add(queue, dear, 100, 1);
      drain(queue, 100);
    }
    add(queue, dear, 100, 1);
    add(queue, cheap, 1, 1);
    const out = new Map([queue.take()!, queue.take()!].map((taken) => [taken.item.from, taken]));
    expect(queue.count).toBe(0);
    queue.charge(out.get(cheap)!, 1);
    add(queue, dear, 100, 5);
    add(queue, cheap, 1, 5);
    queue.charge(out.get(dear)!, 100);
    expect(Array.from({ length: 5 }, () => queue.take()?.item.from.name)).toEqual(Array(5).fill("cheap"));
  });

  test("P64: many connections of one name have one name's share, each of them the same", () => {
    const queue = new FairQueue<Query>(() => {});
    const many = Array.from({ length: 50 }, () => new TestAsker("many"));
    for (const from of many) add(queue, from, 1, 100);
    add(queue, new TestAsker("one"), 1, 1_000);
    const first = new Map<TestAsker, number>();
    let one = 0;
    for (let nth = 0; nth < 200; nth++) {
      const taken = queue.take()!;
      queue.charge(taken, 1);
      if (taken.item.from.name === "one") one++;
      else first.set(taken.item.from, (first.get(taken.item.from) ?? 0) + 1);
    }
    expect(one).toBe(100);
    expect(new Set(first.values())).toEqual(new Set([2]));
    expect(first.size).toBe(50);
  });

  test("P64: a debt is not forgotten while others wait, although nothing of its name does", () => {
    const queue = new FairQueue<Query>(() => {});
    const [dear, cheap] = [new TestAsker("dear"), new TestAsker("cheap")];
    add(queue, dear, 500, 1);
    add(queue, cheap, 1, 2_000);
    drain(queue, 502);
    // One at a time, as a client asks that waits for each answer.
    add(queue, dear, 500, 1);
    expect(drain(queue, 400).get("dear") ?? 0).toBe(0);
  });

  test("who was away has no claim to the time in which nobody asked for it", () => {
    const queue = new FairQueue<Query>(() => {});
    const [early, late] = [new TestAsker("early"), new TestAsker("late")];
    add(queue, early, 1, 10_000);
    drain(queue, 5_000);
    add(queue, late, 1, 10_000);
    const spent = drain(queue, 1_000);
    expect(Math.abs(spent.get("early")! - spent.get("late")!)).toBeLessThan(5);
  });

  test("nor has who took no answers for a while", () => {
    const queue = new FairQueue<Query>(() => {});
    const [steady, slow] = [new TestAsker("steady"), new TestAsker("slow")];
    add(queue, steady, 1, 10_000);
    add(queue, slow, 1, 10_000);
    slow.hasCredit = false;
    expect(drain(queue, 5_000).get("slow")).toBeUndefined();
    slow.hasCredit = true;
    const spent = drain(queue, 1_000);
    expect(Math.abs(spent.get("steady")! - spent.get("slow")!)).toBeLessThan(5);
  });

  test("a connection that takes no answers does not hold up the others of its name", () => {
    const queue = new FairQueue<Query>(() => {});
    const [stuck, fine] = [new TestAsker("app"), new TestAsker("app")];
    stuck.hasCredit = false;
    add(queue, stuck, 1, 3);
    add(queue, fine, 1, 3);
    const order: TestAsker[] = [];
    for (let taken = queue.take(); taken !== null; taken = queue.take()) order.push(taken.item.from);
    expect(order).toEqual([fine, fine, fine]);
    expect(queue.count).toBe(3);
  });

  test("what is given back comes first again, in its order, and costs nothing", () => {
    const queue = new FairQueue<Query>(() => {});
    const [one, other] = [new TestAsker("one"), new TestAsker("other")];
    for (const costMs of [1, 2, 3]) add(queue, one, costMs, 1);
    const out: Taken<Query>[] = [queue.take()!, queue.take()!];
    for (const taken of out.toReversed()) queue.giveBack(taken);
    expect(queue.count).toBe(3);
    add(queue, other, 9, 1);
    const costs: number[] = [];
    for (let taken = queue.take(); taken !== null; taken = queue.take()) {
      costs.push(taken.item.costMs);
      queue.charge(taken, taken.item.costMs);
    }
    expect(costs).toEqual([1, 2, 9, 3]);
  });

  test("what is removed is gone, the rest keeps its order", () => {
    const queue = new FairQueue<Query>(() => {});
    const from = new TestAsker("one");
    for (let costMs = 1; costMs <= 6; costMs++) add(queue, from, costMs, 1);
    queue.charge(queue.take()!, 1);
    expect(queue.remove(({ costMs }) => costMs % 2 === 0).map(({ costMs }) => costMs)).toEqual([2, 4, 6]);
    expect(queue.count).toBe(2);
    expect([queue.take()!.item.costMs, queue.take()!.item.costMs, queue.take()]).toEqual([3, 5, null]);
  });

  test("a query that has left the queue is held by nothing, also while others of its connection wait", () => {
    const queue = new FairQueue<Query & { readonly payload: Map<string, string> }>(() => {});
    const from = new TestAsker("large");
    for (let nth = 0; nth < 2_000; nth++) queue.add({ from, costMs: 1, payload: new Map() });
    const before = mapsAlive();
    // Fewer than half, and so the line has not been shortened yet.
    for (let nth = 0; nth < 900; nth++) queue.charge(queue.take()!, 1);
    expect(before - mapsAlive()).toBeGreaterThan(700);
    expect(queue.count).toBe(1_100);
  });
});

function mapsAlive(): number {
  Bun.gc(true);
  return heapStats().objectTypeCounts["Map"] ?? 0;
}
