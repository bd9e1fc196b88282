// Every query that was taken leaves once: to the state machine when its state reaches far enough, or with a reason.
import { describe, expect, test } from "bun:test";
import type { QueryWaiter } from "../../src/node/waiting-clients.ts";
import { WaitingReads } from "../../src/node/waiting-reads.ts";

type Recorded = QueryWaiter & { readonly answers: string[] };

function query(dueMs = 1_000, bytes = 10): Recorded {
  const answers: string[] = [];
  return {
    kind: "query",
    payload: new Uint8Array(bytes),
    dueMs,
    answers,
    succeed: () => void answers.push("ok"),
    fail: (error) => void answers.push(error.code),
  };
}

const at = (index: number) => ({ index, term: 1 });
const room = { count: 9, bytes: 1000 };
const taken = (reads: WaitingReads, through: number, count = 100, bytes = 1000) =>
  reads.take(through, { count, bytes }, 0).map(({ waiter }) => waiter);

describe("waiting reads", () => {
  test("no more leave than there is room for, by count and by bytes; one that is too large for the room leaves alone", () => {
    const reads = new WaitingReads();
    const clients = [30, 30, 500, 1].map((bytes) => query(0, bytes));
    reads.ready(reads.add(clients.slice(0, 3)), at(1));
    reads.ready(reads.add(clients.slice(3)), at(1));
    expect(taken(reads, 1, 9, 0)).toEqual([]);
    expect(taken(reads, 1, 1, 40)).toEqual(clients.slice(0, 1));
    expect(taken(reads, 1, 9, 40)).toEqual(clients.slice(1, 3));
    expect([reads.count, reads.bytes]).toEqual([1, 1]);
    expect(taken(reads, 1, 9, 1)).toEqual(clients.slice(3));
  });

  test("a query waits for the core, and then for the state", () => {
    const reads = new WaitingReads();
    const client = query();
    const ref = reads.add([client]);
    expect(taken(reads, 99)).toEqual([]);
    reads.ready(ref, at(5));
    expect(taken(reads, 4)).toEqual([]);
    expect(reads.take(5, room, 0)).toEqual([{ waiter: client, position: at(5), stalenessMs: null }]);
    expect(taken(reads, 5)).toEqual([]);
    expect([reads.count, reads.bytes]).toEqual([0, 0]);
  });

  test("one that is ready is not held up by one that needs more", () => {
    const reads = new WaitingReads();
    const [late, soon] = [query(), query()];
    reads.ready(reads.add([late]), at(9));
    reads.ready(reads.add([soon]), at(5));
    expect(taken(reads, 5)).toEqual([soon]);
    expect(taken(reads, 9)).toEqual([late]);
  });

  test("no more are taken than there is room for, and the others keep their turn", () => {
    const reads = new WaitingReads();
    const clients = [query(), query(), query(), query()];
    reads.ready(reads.add(clients.slice(0, 3)), at(1));
    reads.ready(reads.add(clients.slice(3)), at(1));
    expect(taken(reads, 1, 2)).toEqual(clients.slice(0, 2));
    expect(reads.count).toBe(2);
    expect(taken(reads, 1, 0)).toEqual([]);
    expect(taken(reads, 1)).toEqual(clients.slice(2));
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
    expect([taken(reads, 9), reads.count, reads.bytes]).toEqual([[], 0, 0]);
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
    expect([reads.count, reads.bytes]).toEqual([2, 20]);
    reads.ready(ref, at(3));
    expect(taken(reads, 3)).toHaveLength(2);
    expect(patient.answers).toEqual([]);
  });

  test("P26: when nothing will be answered any more, everyone is told", () => {
    const reads = new WaitingReads();
    const clients = [query(), query()];
    reads.add([clients[0]!]);
    reads.ready(reads.add([clients[1]!]), at(3));
    reads.failAll({ code: "unavailable", message: "", leader: null });
    reads.failAll({ code: "unavailable", message: "", leader: null });
    expect(clients.map(({ answers }) => answers)).toEqual([["unavailable"], ["unavailable"]]);
    expect([reads.count, reads.bytes]).toEqual([0, 0]);
  });

  test("a stale read is told how old the state is, and one for which it is too old is refused", () => {
    const reads = new WaitingReads();
    const [any, strict, unknown, early] = [query(), query(), query(), query()];
    reads.addStale(any, at(3), { asOfMs: 100, maxMs: null });
    reads.addStale(strict, at(3), { asOfMs: 100, maxMs: 49 });
    reads.addStale(unknown, at(0), { asOfMs: null, maxMs: null });
    reads.addStale(early, at(0), { asOfMs: null, maxMs: 1_000 });
    expect([reads.count, reads.bytes]).toEqual([4, 40]);
    expect(
      reads.take(7, room, 149.5).map(({ waiter, position, stalenessMs }) => [waiter, position.index, stalenessMs]),
    ).toEqual([
      [any, 7, 50],
      [unknown, 7, null],
    ]);
    expect([strict.answers, early.answers]).toEqual([["unavailable"], ["unavailable"]]);
    expect([reads.count, reads.bytes]).toEqual([0, 0]);
  });
});
