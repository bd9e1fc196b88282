// What stops an applier, and what it says of itself at each moment: what it does after its end, its failure or a restore.
import { describe, expect, test } from "bun:test";
import { GraftError } from "../../src/errors.ts";
import { snapshotAt } from "../core/say.ts";
import { command, microtasks, setUp, waiter } from "./applier-setting.ts";
import { TestAsker } from "./test-asker.ts";

const log = Array.from({ length: 9 }, (_, at) => command(at + 1));
const snapshot = snapshotAt({ index: 6, term: 1 });

describe("a state machine that stops while it has nothing to apply", () => {
  test("is found by a look, once, and stands where entries were last handed over", async () => {
    const { applier, machine, queries, failures, waiters } = setUp(log);
    applier.advance(2);
    await microtasks();
    expect(applier.lookForEndlessWork()).toBeNull();
    expect([applier.standstill, failures]).toEqual([null, []]);
    const question = waiter("query");
    queries.set(2, [question]);
    machine.die("its thread ended");
    applier.lookForEndlessWork();
    applier.lookForEndlessWork();
    expect(failures).toEqual(["state machine: its thread ended"]);
    expect([applier.stoppedThrough, applier.standstill?.message]).toEqual([2, "its thread ended"]);
    // Whoever waits is told at the look itself.
    expect(question.messages).toEqual(["the state machine of this node has stopped: its thread ended"]);
    const client = waiter("command");
    waiters.set(3, client);
    applier.advance(3);
    expect(client.messages).toEqual(["its thread ended"]);
  });

  test("with work under way stands where entries were last handed over, not where they were last applied", async () => {
    const { applier, machine, waiters } = setUp(log);
    applier.advance(1);
    await microtasks();
    machine.isSlow = true;
    const client = waiter("command");
    waiters.set(3, client);
    applier.advance(3);
    machine.die("its thread ended");
    applier.lookForEndlessWork();
    expect([applier.appliedIndex, applier.stoppedThrough]).toEqual([1, 3]);
    await microtasks();
    expect([applier.stoppedThrough, client.answers]).toEqual([3, ["apply-failed"]]);
  });

  test("is not looked for while it is restored, nor after the end of the node", async () => {
    const restoring = setUp(log);
    restoring.applier.restore(snapshot);
    restoring.machine.die("its thread ended");
    restoring.applier.lookForEndlessWork();
    expect([restoring.failures, restoring.applier.standstill]).toEqual([[], null]);
    restoring.restores[0]!.settle.reject(new GraftError("state-machine", "its thread ended"));
    await microtasks();
    expect([restoring.failures, restoring.applier.stoppedThrough]).toEqual([["state machine: its thread ended"], 6]);
    const ended = setUp(log);
    ended.applier.abandon("the node stops");
    ended.machine.die("it is closed");
    ended.applier.lookForEndlessWork();
    expect([ended.failures, ended.applier.standstill]).toEqual([[], null]);
  });
});

describe("work that takes too long", () => {
  test("is told at the look that finds it, and by the latest look to all others", async () => {
    const { applier, machine, queries, passes } = setUp(log);
    machine.isSlow = true;
    queries.set(0, [waiter("query", "a", 9_000)]);
    applier.serve();
    machine.busyWith = { kind: "query", count: 1, nth: 0 };
    expect([applier.lookForEndlessWork(), applier.endlessWork]).toEqual([null, null]);
    passes(5_000);
    expect(applier.endlessWork).toBeNull();
    const found = applier.lookForEndlessWork();
    expect(found?.problem).toContain('a query of the client "someone" since');
    expect(applier.endlessWork).toBe(found);
    machine.busyWith = null;
    expect([applier.lookForEndlessWork(), applier.endlessWork]).toEqual([null, null]);
  });

  test("is that of the client whose query it is, and is over once the state machine has stopped", () => {
    const { applier, machine, queries, passes } = setUp(log);
    machine.isSlow = true;
    const clients = ["first", "second"].map((name) => waiter("query", name, 9_000, new TestAsker(name)));
    queries.set(0, clients);
    applier.serve();
    machine.busyWith = { kind: "query", count: 2, nth: 1 };
    applier.lookForEndlessWork();
    passes(5_000);
    expect(applier.lookForEndlessWork()?.problem).toContain('a query of the client "second" since');
    machine.die("its thread ended");
    machine.busyWith = null;
    expect([applier.lookForEndlessWork(), applier.lookForEndlessWork(), applier.endlessWork]).toEqual([
      null,
      null,
      null,
    ]);
  });

  test("is named to those whose time is up, who hear otherwise without it", () => {
    const heard = [null, { problem: "it hangs at entry 1", entry: 1, isQuery: false }].map((hangs) => {
      const { applier, machine, waiters } = setUp(log);
      machine.isSlow = true;
      const client = waiter("command", "", 500);
      waiters.set(1, client);
      applier.advance(1);
      applier.expire(500, hangs);
      return [...client.answers, ...client.messages];
    });
    expect(heard).toEqual([
      ["outcome-unknown", "not answered in time"],
      ["apply-failed", "not answered in time, and this node cannot go on: it hangs at entry 1"],
    ]);
  });
});

describe("a restore", () => {
  test("is all that is under way meanwhile, and lets answers leave when it is over", async () => {
    const { applier, machine, queries, restores, answeredCount } = setUp(log);
    applier.restore(snapshot);
    const question = waiter("query", "q");
    queries.set(6, [question]);
    applier.advance(7);
    applier.serve();
    applier.letGo();
    expect([applier.isIdle, applier.appliedIndex, machine.runs, machine.queries]).toEqual([false, 0, [], []]);
    const before = answeredCount();
    restores[0]!.settle.resolve();
    await microtasks();
    expect([applier.isIdle, applier.appliedIndex, question.answers]).toEqual([true, 7, ["6.1 q of 1"]]);
    expect(answeredCount()).toBeGreaterThan(before);
  });

  test("that waits for what is under way gives its place to a later one", async () => {
    const { applier, machine, restores } = setUp(log);
    machine.isSlow = true;
    applier.advance(1);
    applier.restore(snapshot);
    applier.restore(snapshotAt({ index: 8, term: 1 }));
    applier.advance(9);
    machine.release();
    await microtasks();
    expect(restores.map(({ through }) => through)).toEqual([8]);
    restores[0]!.settle.resolve();
    machine.isSlow = false;
    await microtasks();
    expect([machine.applied, applier.appliedIndex]).toEqual([["1:c1", "9:c9"], 9]);
  });

  test("takes the state back where it covers less than has been handed over: what follows it is handed over once more", async () => {
    const { applier, machine, restores } = setUp(log);
    applier.advance(8);
    await microtasks();
    machine.applied.length = 0;
    applier.restore(snapshot);
    restores[0]!.settle.resolve();
    await microtasks();
    expect([machine.applied, applier.appliedIndex]).toEqual([["7:c7", "8:c8"], 8]);
  });

  test("counts as applied when it is over, also with nothing behind it", async () => {
    const { applier, restores, answeredCount } = setUp(log);
    applier.restore(snapshot);
    restores[0]!.settle.resolve();
    await microtasks();
    expect([applier.isIdle, applier.appliedIndex, answeredCount()]).toEqual([true, 6, 1]);
  });

  test("ends a hold, so that what is committed behind it is handed over without another event", async () => {
    const { applier, machine, restores } = setUp(log);
    applier.hold();
    applier.advance(8);
    applier.restore(snapshot);
    restores[0]!.settle.resolve();
    await microtasks();
    expect(machine.applied).toEqual(["7:c7", "8:c8"]);
  });

  test("behind an entry that fails is not begun, and those who wait for what follows are refused", async () => {
    const { applier, machine, restores, waiters, failures, pages } = setUp(log);
    machine.isSlow = true;
    machine.poison = "c2";
    applier.advance(2);
    applier.restore(snapshot);
    const client = waiter("command");
    waiters.set(7, client);
    applier.advance(7);
    machine.release();
    await microtasks();
    expect([restores, failures]).toEqual([[], ["state machine: entry 2 failed"]]);
    expect([client.answers, applier.stoppedThrough, applier.appliedIndex]).toEqual([["apply-failed"], 2, 0]);
    // What the snapshot covers has left the log, and what has been refused is not read again.
    waiters.set(8, waiter("command"));
    applier.advance(8);
    expect(pages).toEqual([
      [1, 2],
      [7, 7],
      [8, 8],
    ]);
    expect(applier.isIdle).toBe(true);
  });

  test("that fails leaves nothing under way, and refuses what follows", async () => {
    const { applier, queries, restores, waiters } = setUp(log);
    applier.restore(snapshot);
    const [writer, reader] = [waiter("command"), waiter("query")];
    waiters.set(7, writer);
    queries.set(6, [reader]);
    applier.advance(7);
    restores[0]!.settle.reject(new GraftError("state-machine", "it is another plugin's"));
    await microtasks();
    expect([writer.answers, reader.answers]).toEqual([["apply-failed"], ["state-machine"]]);
    expect([applier.isIdle, applier.stoppedThrough, applier.standstill?.message]).toEqual([
      true,
      6,
      "it is another plugin's",
    ]);
  });
});

test("a state machine whose own error is called damaged has failed: the node's data is sound", async () => {
  const { applier, restores, failures } = setUp(log);
  applier.restore(snapshot);
  restores[0]!.settle.reject(Object.assign(new Error("it is bad"), { code: "damaged" }));
  await microtasks();
  expect(failures).toEqual(["state machine: it is bad"]);
});

describe("an applier that was abandoned", () => {
  test("takes nothing more, whatever comes", async () => {
    const { applier, machine, queries, restores, pages, failures, timers, impatience } = setUp(log);
    impatience.isOn = false;
    applier.advance(1);
    expect(timers).toHaveLength(1);
    applier.abandon("the node stops");
    queries.set(1, [waiter("query")]);
    applier.advance(5);
    applier.serve();
    applier.letGo();
    applier.restore(snapshot);
    await microtasks();
    expect([machine.runs, machine.queries, restores, pages, failures, timers]).toEqual([[], [], [], [], [], []]);
  });

  test("hears nothing of the restore that was under way: how it ends is no failure of a state machine that was closed", async () => {
    for (const failure of [
      null,
      new GraftError("state-machine", "it is closed"),
      new GraftError("damaged", "it is bad"),
    ]) {
      const { applier, machine, restores, failures, answeredCount } = setUp(log);
      applier.restore(snapshot);
      applier.advance(7);
      applier.abandon("the node stops");
      if (failure === null) restores[0]!.settle.resolve();
      else restores[0]!.settle.reject(failure);
      await microtasks();
      expect([machine.runs, failures, answeredCount(), applier.standstill, applier.isIdle]).toEqual([
        [],
        [],
        0,
        null,
        true,
      ]);
    }
  });

  test("gives the reason to those whose answer is out", () => {
    const { applier, machine, waiters } = setUp(log);
    machine.isSlow = true;
    const client = waiter("command");
    waiters.set(1, client);
    applier.advance(1);
    applier.abandon("the node stops");
    expect([client.answers, client.messages]).toEqual([["outcome-unknown"], ["the node stops"]]);
  });
});

test("the node hears of each run that takes commands out of the log, and of a client that is full", async () => {
  const opening = { kind: "openSession", index: 2, term: 1, stampMs: 20, isAdmin: false, timeoutMs: 60 } as const;
  const { applier, machine, heard } = setUp([command(1), { ...opening, client: "a" }, command(3)]);
  machine.apply = async (run, deliver) => {
    await Promise.resolve();
    deliver(run.map(() => ({ kind: "full", message: "ten", untilMs: 70 })));
    return null;
  };
  applier.advance(1);
  applier.advance(3);
  expect(heard).toEqual(["freed", "freed"]);
  await microtasks();
  expect(heard.slice(2)).toEqual(["a is full until 70"]);
});

test("a snapshot to begin with is restored before anything is asked for", () => {
  const { applier, restores } = setUp(log, 4);
  expect([restores.map(({ through }) => through), applier.isIdle, applier.appliedIndex]).toEqual([[4], false, 0]);
  const fresh = setUp(log);
  expect([fresh.restores, fresh.applier.isIdle]).toEqual([[], true]);
});

test("the first failure of a state machine stands, whatever its later runs say", async () => {
  const { applier, machine, failures, waiters } = setUp(log);
  const reasons = ["entry 1 failed", "its thread ended"];
  machine.apply = () => Promise.reject(new GraftError("state-machine", reasons.shift()!));
  const clients = [waiter("command"), waiter("command")];
  for (const [at, client] of clients.entries()) waiters.set(at + 1, client);
  applier.advance(1);
  applier.advance(2);
  await microtasks();
  expect([applier.standstill?.message, applier.stoppedThrough]).toEqual(["entry 1 failed", 1]);
  expect(failures).toEqual(["state machine: entry 1 failed"]);
  // Each client hears what became of its own run.
  expect(clients.map(({ messages }) => messages)).toEqual([["entry 1 failed"], ["its thread ended"]]);
});

test("answers that a restore brings leave with it, however it ends", async () => {
  for (const failure of [null, new GraftError("state-machine", "it is another plugin's")]) {
    const { applier, restores, reads, waiters, machine, answeredCount } = setUp(log);
    machine.isSlow = true;
    applier.restore(snapshot);
    const givenAt: number[] = [];
    const note = (): void => void givenAt.push(answeredCount());
    const writer = { ...waiter("command"), fail: note, succeed: note };
    waiters.set(7, writer);
    // It needs nothing of the state machine but that it has come so far.
    const reach = { ...waiter("query"), kind: "reach", notDone: "", fail: note, succeed: note } as const;
    reads.ready(reads.add([reach]), { index: 6, term: 1 });
    applier.advance(7);
    if (failure === null) restores[0]!.settle.resolve();
    else restores[0]!.settle.reject(failure);
    await microtasks();
    expect(givenAt.length).toBe(failure === null ? 1 : 2);
    expect(answeredCount()).toBeGreaterThan(Math.max(...givenAt));
  }
});
