// A state machine that has stopped begins anew with the latest snapshot and applies the log from there. Until it has got past the place where
// it stopped, it counts as one that stands still.
import { describe, expect, test } from "bun:test";
import { renewalsMax } from "../../src/node/renewals.ts";
import { snapshotAt } from "../core/say.ts";
import { command, microtasks, setUp, waiter } from "./applier-setting.ts";

test("one whose thread has ended applies the log again from its beginning, and runs", async () => {
  const { applier, machine, passes, failures, wakes } = setUp([command(1), command(2), command(3)]);
  machine.wakeAtMs = 77;
  applier.advance(2);
  await microtasks();
  machine.die("its thread ended");
  applier.lookForEndlessWork();
  expect([applier.stoppedThrough, applier.renewal]).toEqual([2, "it is restored by itself, in attempt 1 of 10"]);
  passes(100);
  await microtasks();
  expect(machine.applied).toEqual(["1:c1", "2:c2"]);
  expect([applier.standstill, applier.renewal, applier.stoppedThrough]).toEqual([null, null, null]);
  expect(failures).toEqual(["state machine: its thread ended", "state machine: runs again"]);
  expect(wakes).toEqual(["77 after 2", "no time", "77 after 2"]);
  applier.advance(3);
  await microtasks();
  expect([machine.applied.at(-1), applier.appliedIndex, machine.renewals]).toEqual(["3:c3", 3, 1]);
});

test("one that has ended before the first entry runs again with an empty log", async () => {
  const { applier, machine, passes, failures, queries } = setUp([command(1)]);
  machine.die("its thread ended");
  applier.lookForEndlessWork();
  passes(100);
  await microtasks();
  expect([machine.renewals, applier.standstill, applier.stoppedThrough]).toEqual([1, null, null]);
  expect(failures).toEqual(["state machine: its thread ended", "state machine: runs again"]);
  const asked = waiter("query", "count");
  queries.set(0, [asked]);
  applier.serve();
  await microtasks();
  expect(asked.answers).toEqual(["0.1 count of 0"]);
});

test("it is restored from the latest snapshot, and goes on behind that", async () => {
  const { applier, machine, passes, latest, restores, restoredWith } = setUp([command(1), command(2), command(3)]);
  applier.advance(3);
  await microtasks();
  latest.snapshot = snapshotAt({ index: 2, term: 1 });
  machine.die("its thread ended");
  applier.lookForEndlessWork();
  passes(100);
  await microtasks();
  expect(restores.map(({ through }) => through)).toEqual([2]);
  expect(applier.standstill?.message).toBe("its thread ended");
  restores[0]!.settle.resolve();
  await microtasks();
  expect([machine.applied, restoredWith, applier.standstill]).toEqual([["3:c3"], ["as it is"], null]);
});

test("until it has got as far again, no query is asked and no waiting client is left", async () => {
  const { applier, machine, passes, queries, waiters } = setUp([command(1), command(2), command(3)]);
  applier.advance(2);
  await microtasks();
  machine.die("its thread ended");
  const asked = waiter("query");
  queries.set(1, [asked]);
  applier.serve();
  applier.lookForEndlessWork();
  machine.isSlow = true;
  passes(100);
  await microtasks();
  const early = waiter("query");
  queries.set(1, [early]);
  applier.serve();
  // Only the first one was asked, of the thread that had ended.
  expect([asked.answers, early.answers, machine.queries]).toEqual([["state-machine"], ["state-machine"], [" after 2"]]);
  const client = waiter("command");
  waiters.set(3, client);
  applier.advance(3);
  machine.isSlow = false;
  machine.release();
  await microtasks();
  const late = waiter("query", "count");
  queries.set(1, [late]);
  applier.serve();
  await microtasks();
  expect([client.answers, late.answers]).toEqual([["3.1 c3"], ["1.1 count of 3"]]);
});

test("an entry that fails each time stays named, and after the last attempt nothing begins any more", async () => {
  const { applier, machine, passes, failures, timers } = setUp([command(1), command(2, "throw"), command(3)]);
  applier.advance(3);
  await microtasks();
  for (let nth = 1; nth <= renewalsMax; nth++) {
    expect([applier.stoppedThrough, applier.standstill?.message]).toEqual([2, "entry 2 failed"]);
    expect(applier.renewal).toBe(`it is restored by itself, in attempt ${nth} of ${renewalsMax}`);
    passes(10_000);
    await microtasks();
  }
  expect(applier.renewal).toStartWith(`${renewalsMax} attempts to restore it have failed`);
  expect([machine.renewals, timers.length, failures.length]).toEqual([renewalsMax, 0, renewalsMax + 1]);
});

test("one that cannot begin says why, and is tried again", async () => {
  const { applier, machine, passes } = setUp([command(1)]);
  applier.advance(1);
  await microtasks();
  machine.renewalFailure = new Error("there is no such program");
  machine.die("its program ended");
  applier.lookForEndlessWork();
  passes(100);
  await microtasks();
  expect(applier.standstill?.message).toBe("there is no such program");
  machine.renewalFailure = null;
  passes(200);
  await microtasks();
  expect([applier.standstill, machine.applied]).toEqual([null, ["1:c1"]]);
});

test("a restore that its end interrupts comes again", async () => {
  const { applier, machine, passes, restores } = setUp([command(1), command(2), command(3)], 2);
  const [first] = restores;
  machine.die("its thread ended");
  first!.settle.reject(machine.failure!);
  await microtasks();
  expect(applier.stoppedThrough).toBe(2);
  passes(100);
  await microtasks();
  expect(restores.map(({ through }) => through)).toEqual([2, 2]);
  restores[1]!.settle.resolve();
  await microtasks();
  applier.advance(3);
  await microtasks();
  expect([machine.applied, applier.standstill]).toEqual([["3:c3"], null]);
});

test("while the log is about to begin with another snapshot, it waits for that one", async () => {
  const { applier, machine, passes, latest, restores } = setUp([command(1), command(2), command(3)]);
  applier.advance(1);
  await microtasks();
  machine.die("its thread ended");
  applier.lookForEndlessWork();
  applier.hold();
  passes(100);
  await microtasks();
  expect([machine.renewals, restores]).toEqual([1, []]);
  latest.snapshot = snapshotAt({ index: 3, term: 1 });
  applier.restore(latest.snapshot);
  expect(restores.map(({ through }) => through)).toEqual([3]);
});

test("one that hangs is thrown away for a reason of the node's, and what it had under way fails", async () => {
  const { applier, machine, passes, waiters } = setUp([command(1), command(2)]);
  const client = waiter("command");
  waiters.set(2, client);
  machine.isSlow = true;
  applier.advance(2);
  await microtasks();
  applier.renew(new Error("its state is wrong"));
  expect([applier.standstill?.message, applier.stoppedThrough]).toEqual(["its state is wrong", 2]);
  machine.isSlow = false;
  passes(100);
  await microtasks();
  // What this double hears after the first answer, a client does not.
  expect([client.answers[0], client.messages[0]]).toEqual([
    "outcome-unknown",
    "the state machine of this node has stopped: its state is wrong",
  ]);
  expect([machine.applied, applier.standstill]).toEqual([["1:c1", "2:c2"], null]);
});

test("a run of the one that was thrown away that succeeds meanwhile ends no standstill", async () => {
  const { applier, machine } = setUp([command(1)]);
  machine.isSlow = true;
  applier.advance(1);
  applier.renew(new Error("its state is wrong"));
  machine.isSlow = false;
  machine.release();
  await microtasks();
  expect(applier.standstill?.message).toBe("its state is wrong");
});

test("a node that ends begins nothing", async () => {
  const { applier, machine, timers, passes } = setUp([command(1, "throw")]);
  applier.advance(1);
  await microtasks();
  applier.abandon("the node stops");
  expect(timers).toEqual([]);
  passes(60_000);
  await microtasks();
  expect(machine.renewals).toBe(0);
});

describe("an entry that stops it, of which it does not say which one it is", () => {
  const log = [1, 2, 3, 4, 5, 6].map((index) => command(index));
  const runsOf = (runs: readonly (readonly { readonly index: number }[])[]) =>
    runs.map((run) => run.map(({ index }) => index));

  test("is found: the entries of that run are handed over one at a time", async () => {
    const { applier, machine, passes } = setUp(log);
    applier.advance(2);
    await microtasks();
    machine.fatal = "c4";
    applier.advance(6);
    await microtasks();
    expect([applier.stuckAt, applier.standstill?.message]).toEqual([null, "it ended at one of its entries"]);
    machine.runs.length = 0;
    passes(100);
    await microtasks();
    await microtasks();
    expect(runsOf(machine.runs)).toEqual([[1, 2], [3], [4]]);
    expect([applier.stuckAt, applier.standstill?.message]).toEqual([4, "it ended at entry 4"]);
    expect(applier.operationAt(4)).toBe("c4");
  });

  test("delays nothing once it is passed", async () => {
    const { applier, machine, passes } = setUp(log);
    machine.fatal = "c2";
    applier.advance(3);
    await microtasks();
    machine.fatal = null;
    machine.runs.length = 0;
    passes(100);
    await microtasks();
    await microtasks();
    applier.advance(6);
    await microtasks();
    expect(runsOf(machine.runs)).toEqual([[1], [2], [3], [4, 5, 6]]);
    expect([applier.standstill, applier.appliedIndex]).toEqual([null, 6]);
  });

  test("is found also where it hangs", async () => {
    const { applier, machine, passes } = setUp(log);
    machine.isSlow = true;
    applier.advance(3);
    machine.busyWith = { kind: "entry", count: 1, index: 1, term: 1, through: 3 };
    applier.lookForEndlessWork();
    passes(6_000);
    applier.lookForEndlessWork();
    expect([applier.stuckAt, applier.standstill?.message]).toEqual([null, expect.stringContaining("one at a time")]);
    machine.busyWith = null;
    machine.runs.length = 0;
    passes(100);
    await microtasks();
    machine.busyWith = { kind: "entry", count: 2, index: 1, term: 1 };
    applier.lookForEndlessWork();
    passes(6_000);
    applier.lookForEndlessWork();
    expect([runsOf(machine.runs), applier.stuckAt, machine.renewals]).toEqual([[[1]], 1, 1]);
  });
});
