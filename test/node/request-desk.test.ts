// Where a request goes that a client has made of a node: to the core, or aside while an election is under way, and from there on.
import { describe, expect, test } from "bun:test";
import type { State } from "../../src/core/state.ts";
import { RequestDesk } from "../../src/node/request-desk.ts";
import type { QueryWaiter, Waiter } from "../../src/node/waiting-clients.ts";
import { candidate, follower, leader } from "../core/build.ts";
import { n2 } from "../core/say.ts";
import { ManualClock } from "../doubles/manual-clock.ts";
import { someone } from "./test-asker.ts";

type Recorded = QueryWaiter & { readonly answers: string[] };

/** Its request is 10 bytes of the client "a". */
function waiterOf(desk: RequestDesk, dueMs = 1_000): Recorded {
  const answers: string[] = [];
  return {
    kind: "query",
    payload: new Uint8Array(10),
    from: someone,
    open: desk.open.open("a", 10),
    dueMs,
    answers,
    succeed: () => void answers.push("ok"),
    fail: ({ code, message }) => void answers.push(`${code}: ${message}`),
  };
}

/** What a desk does with its parts, in order. */
function setUp(state: State) {
  const world = { state, waitsForRoom: false, standstill: null as Error | null };
  const did: unknown[][] = [];
  const clock = new ManualClock();
  const parts = {
    loop: {
      get state() {
        return world.state;
      },
      get waitsForRoom() {
        return world.waitsForRoom;
      },
      schedule: () => void did.push(["schedule"]),
    },
    applier: {
      get standstill() {
        return world.standstill;
      },
      serve: () => void did.push(["serve"]),
    },
    mailbox: { requestCount: 30, addRequest: (waiter: Waiter) => void did.push(["to the core", waiter]) },
    waiting: { count: 1_000 },
    reads: { count: 200, addStale: (...given: unknown[]) => void did.push(["stale", ...given]) },
    handOvers: { ask: (to: string | null) => Promise.resolve({ kind: "noTarget", to }) },
  };
  let stops = 0;
  const desk = new RequestDesk({ id: "n1" } as never, { clock } as never, parts as never, async () => void stops++);
  return { world, did, clock, desk, stopCount: () => stops };
}

describe("a request that comes while an election is under way", () => {
  test("is kept, counts as one that waits, and goes to the core once the election is over, in its order and once", () => {
    const { world, did, desk } = setUp(candidate());
    const waiters = [waiterOf(desk), waiterOf(desk)];
    for (const waiter of waiters) desk.submit(waiter);
    desk.onTurned();
    expect([did, desk.waitingCount]).toEqual([[], 1_232]);
    world.state = leader();
    desk.onTurned();
    expect(did).toEqual([...waiters.map((waiter) => ["to the core", waiter]), ["schedule"]]);
    expect(desk.waitingCount).toBe(1_230);
    desk.onTurned();
    desk.onTurned();
    expect(did).toHaveLength(3);
  });

  test("is answered when its time is up, though the election goes on, and takes no room after that", () => {
    const { did, desk } = setUp(candidate());
    const [impatient, patient] = [waiterOf(desk, 100), waiterOf(desk, 101)];
    for (const waiter of [impatient, patient]) desk.submit(waiter);
    desk.expire(99);
    expect([impatient.answers, desk.waitingCount]).toEqual([[], 1_232]);
    desk.expire(100);
    expect([impatient.answers, patient.answers]).toEqual([["unavailable: no leader was elected in time"], []]);
    expect([desk.waitingCount, desk.open.count, did]).toEqual([1_231, 1, []]);
  });

  test.each<readonly [string, (all: ReturnType<typeof setUp>) => void]>([
    ["the disk is full", ({ world }) => (world.waitsForRoom = true)],
    ["the state machine has stopped", ({ world }) => (world.standstill = new Error("it threw"))],
  ])("does not wait for its end once %s", (_, happens) => {
    const all = setUp(candidate());
    const waiter = waiterOf(all.desk);
    all.desk.submit(waiter);
    happens(all);
    expect(all.did).toEqual([]);
    all.desk.onTurned();
    expect(all.did).toEqual([["to the core", waiter], ["schedule"]]);
  });

  test("does not wait for its end once the node stops, which refuses what comes from then on", () => {
    const { did, desk } = setUp(candidate());
    const waiter = waiterOf(desk);
    desk.submit(waiter);
    expect([desk.refusal, desk.refusalOfChanges]).toEqual([null, null]);
    desk.close();
    expect(did).toEqual([["to the core", waiter], ["schedule"]]);
    for (const refusal of [desk.refusal, desk.refusalOfChanges])
      expect(refusal).toMatchObject({ code: "not-leader", message: "this node is stopping" });
  });
});

test("any other request goes to the core at once, which is told that there is something to do", () => {
  for (const state of [leader(), follower({ leader: n2 }), follower()]) {
    const { did, desk } = setUp(state);
    const waiter = waiterOf(desk);
    desk.submit(waiter);
    expect(did).toEqual([["to the core", waiter], ["schedule"]]);
  }
});

test("a state machine that has stopped is a reason against requests that need it, and none against changes", () => {
  const { world, desk } = setUp(leader());
  expect([desk.refusal, desk.standstill]).toEqual([null, null]);
  world.standstill = new Error("it threw");
  expect(desk.refusal).toMatchObject({ code: "state-machine" });
  expect([desk.refusalOfChanges, desk.standstill]).toEqual([null, world.standstill]);
});

describe("a stale read", () => {
  const maxMs = 70;

  test("waits for what this node has heard last of how much is fresh, and is served at once when that is there", () => {
    const fresh = { asOfMs: 5, index: 3 };
    const state = { ...follower({ log: [1, 1, 1], commitIndex: 3 }), freshness: { reached: fresh, next: null } };
    const { did, desk } = setUp(state);
    const waiter = waiterOf(desk);
    desk.submitStale(waiter, maxMs);
    expect(did).toEqual([["stale", waiter, { index: 3, term: 1 }, { asOfMs: 5, maxMs }], ["serve"]]);
  });

  test("waits for nothing at a node that has heard of no leader, which does not know how old its state is", () => {
    const { did, desk } = setUp(follower({ term: 4 }));
    const waiter = waiterOf(desk);
    desk.submitStale(waiter, null);
    expect(did).toEqual([["stale", waiter, { index: 0, term: 4 }, { asOfMs: null, maxMs: null }], ["serve"]]);
  });

  test("is as fresh as the moment at a node that leads alone, and not as the last turn", () => {
    const alone = leader({ members: [leader().self] });
    const state = { ...alone, appliedIndex: alone.log.last.index };
    const { did, clock, desk } = setUp(state);
    clock.advance(5_000);
    desk.submitStale(waiterOf(desk), maxMs);
    expect(did[0]).toMatchObject(["stale", {}, { index: state.log.last.index }, { asOfMs: 5_000, maxMs }]);
  });
});

test("leadership is handed over to whom was asked for, and the node stops when it is told to", async () => {
  const { desk, stopCount } = setUp(leader());
  expect([await desk.transfer("n2"), await desk.transfer(null)] as unknown[]).toEqual([
    { kind: "noTarget", to: "n2" },
    { kind: "noTarget", to: null },
  ]);
  expect(stopCount()).toBe(0);
  await desk.stop();
  expect(stopCount()).toBe(1);
});
