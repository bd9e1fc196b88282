// When does a node give back the space of what its log has let go of? In small steps with pauses, while there is room for them.
import { expect, test } from "bun:test";
import type { State } from "../../src/core/state.ts";
import { NodeSnapshots } from "../../src/node/snapshots.ts";
import { follower } from "../core/build.ts";
import { ManualClock } from "../doubles/manual-clock.ts";
import { trustedCopy } from "./trusted-copy.ts";

/** A node whose store has so many steps to do. */
function setUp(steps: number) {
  const clock = new ManualClock();
  const initial = follower({ log: [1, 1] });
  let state: State = initial;
  const seen = { steps: 0, left: steps, failures: [] as unknown[] };
  const room = { is: true, asked: [] as number[] };
  const store = {
    saved: { snapshot: null },
    reclaim(): boolean {
      seen.steps++;
      return --seen.left > 0;
    },
  };
  const snapshots = new NodeSnapshots(
    {
      store,
      snapshots: { retain: () => Promise.resolve() },
      logger: { enabled: () => false, log: () => {} },
      clock,
    } as never,
    {
      cluster: "c",
      ...trustedCopy,
      policy: { everyEntries: 1_000, everyBytes: 1e9 },
      scrubIntervalMs: 0,
      state: () => state,
      arrive: () => {},
      disk: {
        hasRoomForBulk: true,
        hasRoomFor: (bytes) => {
          room.asked.push(bytes);
          return room.is;
        },
      },
      failed: (error) => void seen.failures.push(error),
    },
  );
  /** A snapshot's record is written, and durable by the end of the turn. */
  const record = (ticket: number): void => {
    snapshots.onWritten(ticket);
    state = { ...initial, durability: { ...initial.durability, confirmed: ticket } };
    snapshots.onTurned();
  };
  /** How many steps are done in this time. */
  const during = (ms: number): number => {
    const before = seen.steps;
    clock.advance(ms);
    return seen.steps - before;
  };
  return { snapshots, clock, store, seen, room, record, during };
}

test("what a stop has left over is given back from the start on, a step every five milliseconds, until nothing is left", () => {
  const { snapshots, clock, during } = setUp(3);
  snapshots.start();
  expect([during(4), during(1)]).toEqual([0, 1]);
  expect([during(4), during(1), during(5)]).toEqual([0, 1, 1]);
  expect([clock.pendingTimers, during(10_000)]).toEqual([0, 0]);
});

test("each durable record begins it again, and no two run beside each other", () => {
  const { clock, seen, record, during } = setUp(4);
  record(1);
  record(2);
  expect([clock.pendingTimers, during(5), clock.pendingTimers]).toEqual([1, 1, 1]);
  expect([during(15), clock.pendingTimers]).toEqual([3, 0]);
  seen.left = 1;
  record(3);
  expect([during(5), clock.pendingTimers]).toEqual([1, 0]);
});

test("no step is done without room for it: the next look comes a second later", () => {
  const { snapshots, room, during } = setUp(2);
  room.is = false;
  snapshots.start();
  expect([during(5), during(999)]).toEqual([0, 0]);
  expect(room.asked).toEqual([1024 * 1024]);
  room.is = true;
  expect([during(1), during(5)]).toEqual([1, 1]);
});

test("a step that fails is the end of the node, and none follows it", () => {
  const { snapshots, clock, store, seen } = setUp(3);
  const failure = new Error("the disk is gone");
  store.reclaim = () => {
    throw failure;
  };
  snapshots.start();
  clock.advance(5);
  expect([seen.failures, clock.pendingTimers]).toEqual([[failure], 0]);
});

test("a node that stops does no further step, also not one that waits for room", () => {
  for (const hasRoom of [true, false]) {
    const { snapshots, clock, room, during } = setUp(3);
    room.is = hasRoom;
    snapshots.start();
    during(5);
    expect(clock.pendingTimers).toBe(1);
    snapshots.stop();
    room.is = true;
    expect([clock.pendingTimers, during(10_000)]).toEqual([0, 0]);
  }
});

test("a node that has stopped begins none for a record that is durable since", () => {
  const { snapshots, clock, record } = setUp(3);
  snapshots.stop();
  record(1);
  expect(clock.pendingTimers).toBe(0);
});
