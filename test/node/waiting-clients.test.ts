// Every request that was taken gets exactly one answer, and the answer is true.
import { describe, expect, test } from "bun:test";
import type { Endless } from "../../src/node/endless-work.ts";
import { OpenRequests } from "../../src/node/open-requests.ts";
import {
  late as lateWords,
  type ProposalWaiter,
  type ReplyError,
  WaitingClients,
} from "../../src/node/waiting-clients.ts";
import { someone, unbounded } from "./test-asker.ts";

type Recorded = ProposalWaiter & { readonly answers: string[] };

function waiter(dueMs = 1_000, open = unbounded): Recorded {
  const answers: string[] = [];
  return {
    open,
    kind: "command",
    session: null,
    payload: new Uint8Array(),
    dueMs,
    answers,
    from: someone,
    succeed: () => void answers.push("ok"),
    fail: (error) => void answers.push(error.code),
  };
}

describe("waiting clients", () => {
  test("P26: an entry that was overwritten is not reported as success, and may be sent again", () => {
    const waiting = new WaitingClients();
    const client = waiter();
    waiting.place([waiting.add(client)], { index: 7, term: 2 });
    expect(waiting.take({ index: 7, term: 3 }, null)).toBeNull();
    expect(client.answers).toEqual(["not-leader"]);
  });

  test("one whose entry was overwritten is told who leads", () => {
    const waiting = new WaitingClients();
    const told: ReplyError[] = [];
    waiting.place([waiting.add({ ...waiter(), fail: (error) => void told.push(error) })], { index: 7, term: 2 });
    const leader = { id: "n2", address: "n2:1" };
    waiting.take({ index: 7, term: 3 }, leader);
    expect(told).toMatchObject([{ code: "not-leader", leader }]);
  });

  test("no two proposals have one name, also when one between them is settled", () => {
    const waiting = new WaitingClients();
    const clients = [waiter(), waiter(), waiter()];
    const first = waiting.add(clients[0]!);
    const second = waiting.add(clients[1]!);
    waiting.refuse([first], { code: "overloaded", message: "", leader: null });
    const third = waiting.add(clients[2]!);
    waiting.place([second, third], { index: 5, term: 1 });
    expect([5, 6].map((index) => waiting.take({ index, term: 1 }, null))).toEqual(clients.slice(1));
  });

  test("P26: an entry that may still commit is never reported as failed, only as unknown", () => {
    const waiting = new WaitingClients();
    const client = waiter(500);
    waiting.place([waiting.add(client)], { index: 7, term: 2 });
    waiting.expire(499);
    expect(client.answers).toEqual([]);
    waiting.expire(500);
    expect(client.answers).toEqual(["outcome-unknown"]);
    // It does commit after all: nobody is answered twice.
    expect(waiting.take({ index: 7, term: 2 }, null)).toBeNull();
  });

  const atEntry: Endless = { problem: "it hangs at entry 7", entry: 7, isQuery: false };
  const atQuery: Endless = { problem: "it hangs at a query", entry: null, isQuery: true };
  const hanging = [atQuery, atEntry].map(({ problem }) => `, and this node cannot go on: ${problem}`);
  test.each<readonly [ProposalWaiter["kind"], boolean, Endless | null, ReplyError["code"], string]>([
    ["command", true, atEntry, "apply-failed", `not answered in time${hanging[1]}`],
    ["command", true, atQuery, "outcome-unknown", `not answered in time${hanging[0]}`],
    ["command", true, null, "outcome-unknown", "not answered in time"],
    ["command", false, atEntry, "outcome-unknown", `the entry was not committed and applied in time${hanging[1]}`],
    ["command", false, null, "outcome-unknown", "the entry was not committed and applied in time"],
    ["openSession", true, atEntry, "outcome-unknown", `not answered in time${hanging[1]}`],
    ["closeSession", true, atEntry, "outcome-unknown", `not answered in time${hanging[1]}`],
    ["activate", true, atEntry, "outcome-unknown", `not answered in time${hanging[1]}`],
  ])(
    "P26: only a command that is committed waits for an entry: %s, %p, %j",
    (kind, isCommitted, hangs, code, message) => {
      const late = { ...waiter(), kind } as ProposalWaiter;
      expect(lateWords(late, isCommitted, hangs)).toEqual({ code, message, leader: null });
    },
  );

  test("P26: committed is what is not behind the commit index of the own term, and nothing else", () => {
    const waiting = new WaitingClients();
    const places = [
      { index: 7, term: 3 },
      { index: 8, term: 3 },
      { index: 6, term: 2 },
    ];
    const clients = places.map((first) => {
      const client = waiter(100);
      waiting.place([waiting.add(client)], first);
      return client;
    });
    const held = waiter(100);
    waiting.add(held);
    waiting.expire(100, atEntry, { index: 7, term: 3 });
    expect([...clients, held].map(({ answers }) => answers.join())).toEqual([
      "apply-failed",
      "outcome-unknown",
      "outcome-unknown",
      "outcome-unknown",
    ]);
    expect([waiting.count, waiting.openCount]).toEqual([0, 3]);
  });

  test("P26: when the node stops every waiter gets an answer, placed or not", () => {
    const waiting = new WaitingClients();
    const clients = [waiter(), waiter(), waiter()];
    waiting.place([waiting.add(clients[0]!)], { index: 1, term: 1 });
    waiting.add(clients[1]!);
    waiting.add(clients[2]!);
    waiting.abandon("the node stops");
    // What never got a place was neither written nor sent, and may be sent again.
    expect(clients.map((client) => client.answers)).toEqual([["outcome-unknown"], ["unavailable"], ["unavailable"]]);
    expect(waiting.count).toBe(0);
    // The log of the next term may bring the entry after all, and nobody is answered twice.
    expect(waiting.take({ index: 1, term: 1 }, null)).toBeNull();
    waiting.abandon("again");
    expect(clients.map(({ answers }) => answers.length)).toEqual([1, 1, 1]);
  });

  test("a node that goes on after it has answered everyone knows nothing of them, and counts the next ones alone", () => {
    const [waiting, requests] = [new WaitingClients(), new OpenRequests()];
    const clients = Array.from({ length: 4 }, () => waiter(1_000, requests.open("a", 10)));
    const [older, placed, held, refused] = clients.map((client) => waiting.add(client));
    waiting.place([older!], { index: 7, term: 1 });
    waiting.place([placed!], { index: 7, term: 2 });
    waiting.abandon("the disk of this node is full");
    waiting.abandon("again");
    waiting.place([held!], { index: 8, term: 2 });
    waiting.refuse([refused!], { code: "not-leader", message: "", leader: null });
    expect([7, 8].map((index) => waiting.take({ index, term: 2 }, null))).toEqual([null, null]);
    waiting.coverThrough(9);
    waiting.expire(1e9);
    expect(clients.map(({ answers }) => answers.length)).toEqual([1, 1, 1, 1]);
    const counts = (): readonly number[] => [
      waiting.count,
      waiting.openCount,
      waiting.openBytes,
      waiting.underWay(2).count,
      waiting.underWay(2).bytes,
      requests.count,
      requests.bytes,
    ];
    expect(counts()).toEqual([0, 0, 0, 0, 0, 0, 0]);
    waiting.place([waiting.add(waiter(1_000, requests.open("a", 10)))], { index: 7, term: 2 });
    expect(counts()).toEqual([1, 1, 10, 1, 10, 1, 10]);
  });

  test("P26: who waited for an index that was truncated and is placed anew still gets an answer", () => {
    const waiting = new WaitingClients();
    const [older, old, young] = [waiter(), waiter(), waiter()];
    waiting.place([waiting.add(older)], { index: 7, term: 1 });
    waiting.place([waiting.add(old)], { index: 7, term: 2 });
    waiting.place([waiting.add(young)], { index: 7, term: 4 });
    // Another node still has the entry of term 2, and gets it committed.
    expect(waiting.take({ index: 7, term: 2 }, null)).toBe(old);
    expect([older.answers, old.answers, young.answers]).toEqual([["not-leader"], [], ["not-leader"]]);
    expect(waiting.count).toBe(0);
  });

  test("what was overwritten at one index is open no more once that index is committed, covered or given up", () => {
    const ends: readonly ((waiting: WaitingClients) => void)[] = [
      (waiting) => void waiting.take({ index: 7, term: 4 }, null),
      (waiting) => void waiting.take({ index: 7, term: 1 }, null),
      (waiting) => void waiting.take({ index: 7, term: 9 }, null),
      (waiting) => waiting.coverThrough(7),
      (waiting) => waiting.abandon("the node stops"),
    ];
    for (const end of ends) {
      const [waiting, requests] = [new WaitingClients(), new OpenRequests()];
      for (const term of [1, 2, 4]) {
        waiting.place([waiting.add(waiter(1_000, requests.open("a", 10)))], { index: 7, term });
      }
      expect([waiting.openCount, waiting.openBytes, requests.count]).toEqual([3, 30, 3]);
      end(waiting);
      expect([waiting.count, waiting.openCount, waiting.openBytes, requests.count, requests.bytes]).toEqual([
        0, 0, 0, 0, 0,
      ]);
    }
  });

  test("P26: two claims to one index run out of time each by itself", () => {
    const waiting = new WaitingClients();
    const [old, young] = [waiter(100), waiter(200)];
    waiting.place([waiting.add(old)], { index: 7, term: 1 });
    waiting.place([waiting.add(young)], { index: 7, term: 2 });
    waiting.expire(150);
    expect([old.answers, young.answers, waiting.count]).toEqual([["outcome-unknown"], [], 1]);
    waiting.abandon("the node stops");
    expect([old.answers, young.answers, waiting.count]).toEqual([["outcome-unknown"], ["outcome-unknown"], 0]);
  });

  test("a node that learns of no later commits leaves what comes after the last one in doubt, and nothing else", () => {
    const waiting = new WaitingClients();
    const [committed, overwritten, later] = [waiter(), waiter(), waiter()];
    waiting.place([waiting.add(committed)], { index: 6, term: 1 });
    waiting.place([waiting.add(overwritten)], { index: 7, term: 1 });
    waiting.place([waiting.add(later)], { index: 7, term: 2 });
    waiting.leaveAfter(6, "this node has been removed");
    expect([committed.answers, overwritten.answers, later.answers]).toEqual([
      [],
      ["outcome-unknown"],
      ["outcome-unknown"],
    ]);
    expect([waiting.count, waiting.openCount]).toEqual([1, 1]);
    expect(waiting.take({ index: 6, term: 1 }, null)).toBe(committed);
    expect([waiting.count, waiting.openCount]).toEqual([0, 0]);
  });

  test("a held proposal whose time is up may still get its place: its outcome is unknown", () => {
    const waiting = new WaitingClients();
    const client = waiter(100);
    const ref = waiting.add(client);
    waiting.expire(100);
    waiting.place([ref], { index: 3, term: 1 });
    expect([client.answers, waiting.count]).toEqual([["outcome-unknown"], 0]);
    expect(waiting.take({ index: 3, term: 1 }, null)).toBeNull();
  });

  test("a held proposal counts once, whether its time is up before it has its place, is refused, or the node ends", () => {
    const ends: readonly ((waiting: WaitingClients, ref: number) => void)[] = [
      (waiting, ref) => {
        waiting.place([ref], { index: 3, term: 1 });
        expect([waiting.openCount, waiting.openBytes]).toEqual([2, 20]);
        waiting.take({ index: 3, term: 1 }, null);
      },
      (waiting, ref) => waiting.refuse([ref], { code: "not-leader", message: "", leader: null }),
    ];
    for (const end of ends) {
      const [waiting, requests] = [new WaitingClients(), new OpenRequests()];
      const ref = waiting.add(waiter(100, requests.open("a", 10)));
      waiting.add(waiter(1_000, requests.open("b", 10)));
      waiting.expire(100);
      // The leader holds its payload still.
      expect([waiting.openCount, waiting.openBytes, requests.count]).toEqual([2, 20, 2]);
      end(waiting, ref);
      expect([waiting.openCount, waiting.openBytes, requests.count]).toEqual([1, 10, 1]);
      waiting.abandon("the node stops");
      expect([waiting.openCount, waiting.openBytes, requests.count]).toEqual([0, 0, 0]);
    }
  });

  test("what lost leaderships have left behind takes no room once its time is up, and what is waited for still does", () => {
    const [waiting, requests] = [new WaitingClients(), new OpenRequests()];
    const place = (term: number, dueMs: number): Recorded => {
      const client = waiter(dueMs, requests.open("a", 10));
      waiting.place([waiting.add(client)], { index: 7, term });
      return client;
    };
    const [first, patient, third, current] = [place(1, 100), place(2, 900), place(3, 100), place(4, 100)];
    // A follower that has led in term 4, and then a leader of term 5 whose log is shorter than what it lost.
    waiting.expire(200, null, { index: 6, term: 4 });
    const told = (): readonly (readonly string[])[] => [first, patient, third, current].map(({ answers }) => answers);
    expect(told()).toEqual([["outcome-unknown"], [], ["outcome-unknown"], ["outcome-unknown"]]);
    expect([waiting.count, waiting.openCount, waiting.openBytes, requests.count]).toEqual([1, 2, 20, 2]);
    waiting.expire(200, null, { index: 6, term: 5 });
    expect([waiting.count, waiting.openCount, waiting.openBytes, requests.count]).toEqual([1, 1, 10, 1]);
    expect([waiting.underWay(2).count, waiting.underWay(4).count]).toEqual([1, 0]);
    expect(waiting.take({ index: 7, term: 2 }, null)).toBe(patient);
    expect([waiting.count, waiting.openCount, requests.count, requests.bytes]).toEqual([0, 0, 0, 0]);
  });

  test("proposals take consecutive places in the order of their references", () => {
    const waiting = new WaitingClients();
    const clients = [waiter(), waiter(), waiter()];
    const refs = clients.map((client) => waiting.add(client));
    waiting.place(refs, { index: 10, term: 4 });
    expect(waiting.take({ index: 11, term: 4 }, null)).toBe(clients[1]!);
    expect(waiting.take({ index: 10, term: 4 }, null)).toBe(clients[0]!);
    expect(waiting.count).toBe(1);
  });

  test("a proposal that was given up or refused meets nobody when its place is told after all", () => {
    const [waiting, requests] = [new WaitingClients(), new OpenRequests()];
    const clients = Array.from({ length: 3 }, () => waiter(1_000, requests.open("a", 10)));
    const refs = clients.map((client) => waiting.add(client));
    waiting.refuse(refs.slice(0, 1), { code: "not-leader", message: "", leader: null });
    waiting.place(refs.slice(0, 2), { index: 5, term: 1 });
    expect([waiting.count, waiting.openCount, waiting.openBytes, waiting.underWay(1)]).toEqual([
      2,
      2,
      20,
      { count: 2, bytes: 20 },
    ]);
    // The second reference keeps the second place.
    expect(waiting.take({ index: 5, term: 1 }, null)).toBeNull();
    expect(waiting.take({ index: 6, term: 1 }, null)).toBe(clients[1]!);
    waiting.abandon("the disk is full");
    waiting.place(refs, { index: 7, term: 1 });
    for (const index of [7, 8, 9]) expect(waiting.take({ index, term: 1 }, null)).toBeNull();
    waiting.refuse(refs, { code: "not-leader", message: "", leader: null });
    expect([clients[0]!.answers, clients[2]!.answers]).toEqual([["not-leader"], ["unavailable"]]);
    expect([waiting.count, waiting.openCount, requests.count, waiting.underWay(1)]).toEqual([
      0,
      0,
      0,
      { count: 0, bytes: 0 },
    ]);
  });

  test("a refused proposal answers with the leader's address, once", () => {
    const waiting = new WaitingClients();
    const leaders: (string | null)[] = [];
    const client: ProposalWaiter = { ...waiter(), fail: (error) => void leaders.push(error.leader?.address ?? null) };
    const ref = waiting.add(client);
    const error: ReplyError = { code: "not-leader", message: "", leader: { id: "n2", address: "127.0.0.1:2" } };
    waiting.refuse([ref], error);
    waiting.refuse([ref], error);
    expect(leaders).toEqual(["127.0.0.1:2"]);
  });

  test("a command's bytes are let go of once it has its place, and count until the entry is committed and applied", () => {
    const waiting = new WaitingClients();
    const requests = new OpenRequests();
    const command = waiter(1_000, requests.open("someone", 1000));
    command.payload = new Uint8Array(1000);
    const refs = [waiting.add(command)];
    expect(waiting.openBytes).toBe(1000);
    waiting.place(refs, { index: 1, term: 1 });
    expect([waiting.openBytes, command.payload.byteLength]).toEqual([1000, 0]);
    waiting.expire(1e9);
    expect([waiting.openBytes, waiting.openCount, waiting.count, requests.bytes]).toEqual([1000, 1, 0, 1000]);
    waiting.take({ index: 1, term: 1 }, null);
    expect([waiting.openBytes, waiting.openCount, requests.bytes]).toEqual([0, 0, 0]);
  });

  test("P26: who waits for an entry that a snapshot has come to cover is told that nothing more can be known", () => {
    const waiting = new WaitingClients();
    const answers: string[] = [];
    const client: ProposalWaiter = { ...waiter(), fail: ({ code }) => void answers.push(code) };
    waiting.place([waiting.add(client)], { index: 3, term: 1 });
    waiting.coverThrough(2);
    expect(answers).toEqual([]);
    waiting.coverThrough(3);
    expect([answers, waiting.count, waiting.openCount]).toEqual([["outcome-unknown"], 0, 0]);
  });
});
