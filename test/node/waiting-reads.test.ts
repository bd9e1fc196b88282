// Every query that was taken leaves once: to the state machine when its state reaches far enough, or with a reason.
import { describe, expect, test } from "bun:test";
import type { QueryWaiter, ReadWaiter } from "../../src/node/waiting-clients.ts";
import { WaitingReads } from "../../src/node/waiting-reads.ts";
import { querySliceMs } from "../../src/ports/state-machine.ts";
import { someone, TestAsker, unbounded } from "./test-asker.ts";

type Recorded = QueryWaiter & { readonly answers: string[]; readonly messages: string[] };

function query(dueMs = 1_000, bytes = 10, from = someone): Recorded {
  const answers: string[] = [];
  const messages: string[] = [];
  return {
    kind: "query",
    payload: new Uint8Array(bytes),
    from,
    open: unbounded,
    dueMs,
    answers,
    messages,
    succeed: () => void answers.push("ok"),
    fail: ({ code, message }) => {
      answers.push(code);
      messages.push(message);
    },
  };
}

const at = (index: number) => ({ index, term: 1 });
const taken = (reads: WaitingReads, through: number, nowMs = 0) =>
  reads.take(through, nowMs).map(({ waiter }) => waiter);

/** All that may be put, slice after slice; each query is said to have cost `elapsedMs`, and as many bytes of answer. */
function answered(reads: WaitingReads, through: number, elapsedMs = 0, bytes = 0): readonly ReadWaiter[] {
  const all: ReadWaiter[] = [];
  for (let slice = reads.take(through, 0); slice.length > 0; slice = reads.take(through, 0)) {
    for (const one of slice) {
      all.push(one.waiter);
      reads.charge(one, elapsedMs, bytes);
    }
  }
  return all;
}

describe("waiting reads", () => {
  test("a slice is as long as its queries are taken for dear, and at least one query", () => {
    const reads = new WaitingReads();
    reads.ready(reads.add(Array.from({ length: 400 }, () => query())), at(1));
    const dear = reads.take(1, 0);
    expect(dear.length).toBeGreaterThan(1);
    for (const one of dear) reads.charge(one, 100, 0);
    expect(reads.take(1, 0).map((one) => reads.charge(one, 100, 0))).toHaveLength(1);
    let most = 0;
    for (let slice = reads.take(1, 0); slice.length > 0; slice = reads.take(1, 0)) {
      most = Math.max(most, slice.length);
      for (const one of slice) reads.charge(one, 0, 0);
    }
    expect(most).toBeGreaterThan(100);
  });

  test("large queries do not go over all at once; one that is too large for a slice leaves alone", () => {
    const reads = new WaitingReads();
    const clients = [15, 15, 40, 1].map((mebibytes) => query(1_000, mebibytes * 1024 * 1024));
    reads.ready(reads.add(clients), at(1));
    expect(taken(reads, 1)).toEqual(clients.slice(0, 2));
    expect(taken(reads, 1)).toEqual(clients.slice(2, 3));
    expect(reads.count).toBe(1);
  });

  test("a slice ends where its time or its bytes are used up to the last one", () => {
    const fresh = new WaitingReads();
    fresh.ready(fresh.add(Array.from({ length: 400 }, () => query())), at(1));
    // Each is taken for 1 ms dear.
    expect(fresh.take(1, 0)).toHaveLength(querySliceMs);
    const large = new WaitingReads();
    const mebibyte = 1024 * 1024;
    const clients = [8, 8, 1, 16, 1].map((mebibytes) => query(1_000, mebibytes * mebibyte));
    large.ready(large.add(clients), at(1));
    expect([2, 2, 1].map(() => taken(large, 1).length)).toEqual([2, 2, 1]);
  });

  test("a query waits for the core, and then for the state", () => {
    const reads = new WaitingReads();
    const client = query();
    const ref = reads.add([client]);
    expect(taken(reads, 99)).toEqual([]);
    reads.ready(ref, at(5));
    expect(taken(reads, 4)).toEqual([]);
    expect(reads.take(5, 0)).toMatchObject([{ waiter: client, position: at(5), stalenessMs: null }]);
    expect(taken(reads, 5)).toEqual([]);
    expect(reads.count).toBe(0);
    // However far the state has come meanwhile, the answer is of the position that the core has named.
    reads.ready(reads.add([client]), at(6));
    expect(reads.take(9, 0)).toMatchObject([{ waiter: client, position: at(6), stalenessMs: null }]);
  });

  test("one that is ready is not held up by one that needs more", () => {
    const reads = new WaitingReads();
    const [late, soon] = [query(), query()];
    reads.ready(reads.add([late]), at(9));
    reads.ready(reads.add([soon]), at(5));
    expect(taken(reads, 5)).toEqual([soon]);
    expect(taken(reads, 9)).toEqual([late]);
  });

  test("P64: one client's dear queries do not keep another's waiting, and the same name with many connections is one client", () => {
    const reads = new WaitingReads();
    const greedy = Array.from({ length: 40 }, () => query(1_000, 10, new TestAsker("greedy")));
    reads.ready(reads.add(greedy), at(1));
    for (let round = 0; round < 4; round++) {
      for (const one of reads.take(1, 0)) reads.charge(one, 200, 8 * 1024 * 1024);
    }
    const modest = Array.from({ length: 5 }, () => query(1_000, 10, new TestAsker("modest")));
    reads.ready(reads.add(modest), at(1));
    const order = answered(reads, 1, 1).map(({ from }) => from.name);
    expect(order.slice(0, 6).filter((name) => name === "modest")).toHaveLength(5);
    expect(order).toHaveLength(reads.count + order.length);
  });

  test("P64: large answers are dear, however little the state machine needs for them", () => {
    const reads = new WaitingReads();
    const ask = (name: string): QueryWaiter => query(1_000, 10, new TestAsker(name));
    reads.ready(reads.add(Array.from({ length: 40 }, () => ask("large"))), at(1));
    const order: string[] = [];
    const answerSlice = (): number => {
      const slice = reads.take(1, 0);
      for (const one of slice) {
        const { name } = one.waiter.from;
        order.push(name);
        reads.charge(one, 0.01, name === "large" ? 8 * 1024 * 1024 : 10);
      }
      return slice.length;
    };
    answerSlice();
    const before = order.length;
    reads.ready(reads.add(Array.from({ length: 20 }, () => ask("small"))), at(1));
    while (answerSlice() > 0);
    expect(order.slice(before, before + 21).filter((name) => name === "small")).toHaveLength(20);
    expect(order).toHaveLength(60);
  });

  test("a query costs its time, its answer, and a little for being handed over, though it took no time at all", () => {
    const estimateAfter = (elapsedMs: number, answerBytes: number): number => {
      const reads = new WaitingReads();
      reads.ready(reads.add([query(), query()]), at(1));
      const [first, second] = reads.take(1, 0);
      reads.charge(first!, elapsedMs, answerBytes);
      reads.giveBack([second!]);
      return reads.take(1, 0)[0]!.taken.estimateMs;
    };
    // The estimate of 1 ms follows by an eighth of the difference.
    expect(estimateAfter(0, 0)).toBeCloseTo(1 + (0.01 - 1) / 8, 9);
    expect(estimateAfter(3, 1024 * 1024)).toBeCloseTo(1 + (5.01 - 1) / 8, 9);
  });

  test("P64: what a client does not take is not worked for, until it takes it", () => {
    let woken = 0;
    const reads = new WaitingReads(() => woken++);
    const [slow, quick] = [new TestAsker("slow"), new TestAsker("quick")];
    const clients = [query(1_000, 10, slow), query(1_000, 10, quick)];
    slow.hasCredit = false;
    reads.ready(reads.add(clients), at(1));
    expect(answered(reads, 1)).toEqual([clients[1]!]);
    expect([reads.count, woken]).toEqual([1, 0]);
    slow.hasCredit = true;
    slow.awaited!();
    expect(woken).toBe(1);
    expect(answered(reads, 1)).toEqual([clients[0]!]);
  });

  test("P64: a query whose client is gone, or whose time is up, is not put any more", () => {
    const reads = new WaitingReads();
    const gone = new TestAsker("gone");
    const [lost, late, there] = [query(1_000, 10, gone), query(50), query()];
    reads.ready(reads.add([lost, late, there]), at(1));
    gone.isOpen = false;
    expect(taken(reads, 1, 50)).toEqual([there]);
    expect([late.answers, reads.count]).toEqual([["unavailable"], 0]);
  });

  test.each<readonly [string, (client: TestAsker, reads: WaitingReads) => void]>([
    ["whose time is up", (client, reads) => reads.ready(reads.add([query(5, 10, client)]), at(1))],
    [
      "whose client is gone",
      (client, reads) => {
        const gone = new TestAsker(client.name);
        reads.ready(reads.add([query(1_000, 10, gone)]), at(1));
        gone.isOpen = false;
      },
    ],
    [
      "for which the state is too old",
      (client, reads) => reads.addStale(query(1_000, 10, client), at(1), { asOfMs: null, maxMs: 1 }),
    ],
  ])("P64: a query %s costs its client nothing", (_, ask) => {
    const reads = new WaitingReads();
    const [one, other] = [new TestAsker("one"), new TestAsker("other")];
    ask(one, reads);
    expect(taken(reads, 1, 10)).toEqual([]);
    const clients = [query(1_000, 10, one), query(1_000, 10, other)];
    reads.ready(reads.add(clients), at(1));
    expect(taken(reads, 1, 10)).toEqual(clients);
  });

  test("P64: whose client is gone takes no place for longer than the next look, wherever it waits", () => {
    const reads = new WaitingReads();
    const gone = new TestAsker("gone");
    reads.add([query(1_000, 10, gone)]);
    reads.ready(reads.add([query(1_000, 10, gone)]), at(9));
    reads.addStale(query(1_000, 10, gone), at(0), { asOfMs: 0, maxMs: null });
    for (const one of reads.take(1, 0)) reads.giveBack([one]);
    gone.isOpen = false;
    reads.expire(0);
    expect(reads.count).toBe(0);
  });

  test("what is given back keeps its turn", () => {
    const reads = new WaitingReads();
    const clients = [query(), query(), query()];
    reads.ready(reads.add(clients), at(1));
    const slice = reads.take(1, 0);
    expect(slice.map(({ waiter }) => waiter)).toEqual(clients);
    reads.charge(slice[0]!, 1, 0);
    reads.giveBack(slice.slice(1));
    expect(reads.count).toBe(2);
    expect(taken(reads, 1)).toEqual(clients.slice(1));
  });

  test("no two reads have one name, also when one between them is settled", () => {
    const reads = new WaitingReads();
    const clients = [query(), query(), query()];
    const [first, second] = [reads.add([clients[0]!]), reads.add([clients[1]!])];
    reads.ready(first, at(1));
    const third = reads.add([clients[2]!]);
    reads.ready(second, at(2));
    reads.ready(third, at(3));
    expect([1, 2, 3].map((index) => taken(reads, index))).toEqual(clients.map((client) => [client]));
  });

  test("P26: a refused one is told once, and an answer of the core that comes later meets nobody", () => {
    const reads = new WaitingReads();
    const client = query();
    const ref = reads.add([client]);
    const error = { code: "not-leader", message: "", leader: null } as const;
    reads.refuse(ref, error);
    reads.refuse(ref, error);
    reads.ready(ref, at(1));
    expect(client.answers).toEqual(["not-leader"]);
    expect([taken(reads, 9), reads.count]).toEqual([[], 0]);
  });

  test("P26: whose time is up is told, wherever it waits, and the others go on", () => {
    const reads = new WaitingReads();
    const [asked, patient, ready, alone] = [query(5), query(50), query(5), query(5)];
    const ref = reads.add([asked, patient]);
    reads.ready(reads.add([ready, query(50)]), at(3));
    reads.ready(reads.add([alone]), at(3));
    reads.expire(4);
    expect(asked.answers).toEqual([]);
    reads.expire(5);
    expect([asked, ready, alone].map(({ answers }) => answers)).toEqual([
      ["unavailable"],
      ["unavailable"],
      ["unavailable"],
    ]);
    expect(reads.count).toBe(2);
    reads.ready(ref, at(3));
    expect(taken(reads, 3)).toHaveLength(2);
    expect(patient.answers).toEqual([]);
  });

  test("P26: whose time is up hears what was not done, and what the state machine hangs at", () => {
    const reads = new WaitingReads();
    const ask = (dueMs: number): Recorded[] => {
      const reach = { ...query(dueMs), kind: "reach", notDone: "the backup was not begun" } as const;
      const waiters = [query(dueMs), reach as unknown as Recorded];
      reads.ready(reads.add(waiters), at(3));
      return waiters;
    };
    const waiting = ask(500);
    reads.expire(500, { problem: "it hangs", entry: null, isQuery: true });
    const hanging = ", and this node cannot go on: it hangs";
    expect(waiting.map(({ messages }) => messages)).toEqual([
      [`the query was not answered in time${hanging}`],
      [`the backup was not begun in time${hanging}`],
    ]);
    const due = ask(500);
    expect(taken(reads, 3, 500)).toEqual([]);
    expect(due.map(({ messages }) => messages)).toEqual([
      ["the query was not answered in time"],
      ["the backup was not begun in time"],
    ]);
  });

  test("P26: when nothing will be answered any more, everyone is told", () => {
    const reads = new WaitingReads();
    const clients = [query(), query(), query()];
    // The first one has its turn after one that is too large for both, the second one waits for the state, the third one for the core.
    const large = query(1_000, 16 * 1024 * 1024);
    reads.ready(reads.add([large, clients[0]!]), at(2));
    expect(taken(reads, 2)).toEqual([large]);
    reads.ready(reads.add([clients[1]!]), at(3));
    const ref = reads.add([clients[2]!]);
    expect(reads.count).toBe(3);
    reads.failAll({ code: "unavailable", message: "", leader: null });
    reads.failAll({ code: "unavailable", message: "", leader: null });
    reads.ready(ref, at(3));
    expect(clients.map(({ answers }) => answers)).toEqual([["unavailable"], ["unavailable"], ["unavailable"]]);
    expect([reads.count, taken(reads, 9), large.answers]).toEqual([0, [], []]);
  });

  test("a stale read is told how old the state is, and one for which it is too old is refused", () => {
    const reads = new WaitingReads();
    const [any, strict, unknown, early] = [query(), query(), query(), query()];
    reads.addStale(any, at(3), { asOfMs: 100, maxMs: null });
    reads.addStale(strict, at(3), { asOfMs: 100, maxMs: 49 });
    reads.addStale(unknown, at(0), { asOfMs: null, maxMs: null });
    reads.addStale(early, at(0), { asOfMs: null, maxMs: 1_000 });
    expect(reads.count).toBe(4);
    expect(
      reads.take(7, 149.5).map(({ waiter, position, stalenessMs }) => [waiter, position.index, stalenessMs]),
    ).toEqual([
      [any, 7, 50],
      [unknown, 7, null],
    ]);
    expect([strict.answers, early.answers]).toEqual([["unavailable"], ["unavailable"]]);
    expect([strict.messages.join(), early.messages.join()]).toEqual([
      "the state of this node may be 50 ms old, which is more than the query allows",
      "this node does not know how old its state is: it has heard from no leader since its start",
    ]);
    const late = query(149);
    reads.addStale(late, at(3), { asOfMs: 100, maxMs: 49 });
    expect([taken(reads, 7, 149.5), late.messages]).toEqual([[], ["the query was not answered in time"]]);
    expect(reads.count).toBe(0);
  });

  test("a stale read takes a state that is exactly as old as it may be, and none that is older", () => {
    const reads = new WaitingReads();
    const [just, older] = [query(), query()];
    reads.addStale(just, at(3), { asOfMs: 100, maxMs: 50 });
    reads.addStale(older, at(3), { asOfMs: 99, maxMs: 50 });
    expect(reads.take(7, 150).map(({ waiter }) => waiter)).toEqual([just]);
    expect(older.answers).toEqual(["unavailable"]);
  });
});
