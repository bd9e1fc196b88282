// Which entries does the state machine of a node pass over, and when does a state that was made with one of them begin anew?
import { describe, expect, test } from "bun:test";
import { SkippedEntries } from "../../src/node/skipped-entries.ts";
import { appliedEntry } from "../../src/node/applied-entry.ts";
import { snapshotAt } from "../core/say.ts";
import { activation, command, microtasks, noop, pluginVersion, setUp, waiter } from "./applier-setting.ts";

const decision = (index: number, skips?: number) => ({
  position: { index, term: 1 },
  plugin: pluginVersion("1"),
  replaces: false,
  ...(skips === undefined ? {} : { skips }),
});

describe("a decision", () => {
  test("counts once it is committed", () => {
    const decided = { activations: [decision(1), decision(7, 4)], commitIndex: 6 };
    const skipped = new SkippedEntries(() => decided);
    expect([skipped.on(4), skipped.fresh(0, 9).skipped]).toEqual(["open", null]);
    decided.commitIndex = 7;
    expect([skipped.on(4), skipped.on(7), skipped.on(1)]).toEqual(["skipped", null, null]);
  });

  test("is open while its request is on its way into the log", () => {
    const skipped = new SkippedEntries(() => ({ activations: [], commitIndex: 6 }));
    const [over, otherOver] = [skipped.ask(4), skipped.ask(4)];
    expect([skipped.on(4), skipped.on(5)]).toEqual(["open", null]);
    over();
    expect(skipped.on(4)).toBe("open");
    otherOver();
    expect(skipped.on(4)).toBeNull();
  });

  test("is told once, and of several that come together the earliest entry", () => {
    const decided = { activations: [decision(7, 4), decision(8, 3), decision(9, 5)], commitIndex: 8 };
    const skipped = new SkippedEntries(() => decided);
    expect([skipped.fresh(0, 9).skipped, skipped.fresh(0, 9).skipped]).toEqual([3, null]);
    decided.commitIndex = 9;
    expect([skipped.fresh(0, 9).skipped, skipped.fresh(0, 9).skipped]).toEqual([5, null]);
  });

  test("is told of entries that the state machine was given since its snapshot, whatever else was decided", () => {
    const decided = { activations: [decision(7, 2), decision(8, 4), decision(9, 6)], commitIndex: 9 };
    expect(new SkippedEntries(() => decided).fresh(2, 5).skipped).toBe(4);
    expect(new SkippedEntries(() => decided).fresh(2, 3).skipped).toBeNull();
  });

  test("is told once for an entry: a second one changes nothing", () => {
    const decided = { activations: [decision(7, 4), decision(8, 4)], commitIndex: 7 };
    const skipped = new SkippedEntries(() => decided);
    expect(skipped.fresh(0, 6)).toEqual({ at: [{ index: 7, term: 1 }], skipped: 4 });
    decided.commitIndex = 8;
    expect(skipped.fresh(0, 6)).toEqual({ at: [{ index: 8, term: 1 }], skipped: null });
  });
});

const log = [command(1), command(2, "throw"), command(3), noop(4), command(5)];

async function stuck() {
  const setting = setUp(log);
  setting.commit(3);
  await microtasks();
  expect(setting.applier.stuckAt).toBe(2);
  return setting;
}

describe("a state machine that cannot get past an entry", () => {
  test("begins anew without it, and goes on", async () => {
    const { applier, machine, decide, commit, passes } = await stuck();
    decide(2, 4);
    commit(5);
    passes(100);
    await microtasks();
    await microtasks();
    expect(machine.applied).toEqual(["1:c1", "2:skipped", "3:c3", "5:c5"]);
    expect([applier.appliedIndex, applier.standstill, applier.stuckAt]).toEqual([5, null, null]);
  });

  test("begins anew also when it has given up", async () => {
    const { applier, machine, decide, commit, passes } = await stuck();
    for (let attempt = 0; attempt < 11; attempt++) {
      passes(10_000);
      await microtasks();
      await microtasks();
    }
    expect([applier.renewal, machine.renewals]).toEqual([expect.stringContaining("10 attempts"), 10]);
    decide(2, 4);
    commit(5);
    passes(100);
    await microtasks();
    await microtasks();
    expect([applier.appliedIndex, machine.renewals]).toEqual([5, 11]);
  });

  test("keeps nobody waiting who has asked to skip it: that is decided when it is committed", async () => {
    const { decide, commit, waiters } = await stuck();
    decide(2, 4);
    const asked = waiter("command");
    waiters.set(4, asked);
    commit(4);
    expect(asked.answers).toEqual(["4.1 "]);
  });

  test("does not begin anew for an entry that comes later", async () => {
    const { machine, decide, commit, passes } = await stuck();
    decide(5, 4);
    commit(4);
    passes(99);
    expect(machine.renewals).toBe(0);
  });
});

test("one that begins anew is given nothing before its state is there, also when a client hears of the decision first", async () => {
  const { applier, machine, decide, commit, know, passes, waiters, restores } = setUp(log, 1);
  restores[0]!.settle.resolve();
  await microtasks();
  commit(3);
  await microtasks();
  decide(2, 4);
  know(4);
  const asked = waiter("command");
  const succeed = asked.succeed.bind(asked);
  asked.succeed = (...answer) => {
    succeed(...answer);
    applier.serve();
  };
  waiters.set(4, asked);
  passes(100);
  await microtasks();
  expect([asked.answers, restores.length, machine.applied]).toEqual([["4.1 "], 2, []]);
  restores[1]!.settle.resolve();
  await microtasks();
  await microtasks();
  expect([machine.applied, applier.standstill]).toEqual([["2:skipped", "3:c3"], null]);
});

test("one that begins anew without an entry, and hangs at the next one, stands still at that one", async () => {
  const { applier, machine, decide, commit, passes } = await stuck();
  decide(2, 4);
  machine.isSlow = true;
  commit(5);
  passes(100);
  await microtasks();
  machine.busyWith = { kind: "entry", count: 1, index: 3, term: 1 };
  applier.lookForEndlessWork();
  passes(6_000);
  applier.lookForEndlessWork();
  expect([applier.stuckAt, applier.stoppedThrough]).toEqual([3, 3]);
});

test("one that hangs after as much work as the one before it is named only when it has hung for as long", async () => {
  const { applier, machine, commit, passes } = setUp(log);
  const hangsAt = (index: number) => ({ kind: "entry", count: 7, index, term: 1 }) as const;
  machine.isSlow = true;
  commit(3);
  machine.busyWith = hangsAt(1);
  applier.lookForEndlessWork();
  passes(6_000);
  applier.renew(new Error("its state is wrong"));
  passes(100);
  await microtasks();
  machine.busyWith = hangsAt(3);
  applier.lookForEndlessWork();
  expect(applier.stuckAt).toBeNull();
  passes(6_000);
  applier.lookForEndlessWork();
  expect(applier.stuckAt).toBe(3);
});

test("what cannot be got past is named without a look at the log, and nothing else is", async () => {
  const { applier, pages } = await stuck();
  const before = pages.length;
  expect([applier.operationAt(2), applier.operationAt(4), applier.operationAt(9)]).toEqual(["throw", null, null]);
  expect(pages.length).toBe(before);
});

test("a decision is none of the state machine's business: what is due at it does not run", () => {
  const decided = { ...activation(4), skips: 2 } as const;
  const about = { isAwaited: true, isSkipped: false, versionFrom: () => pluginVersion("1") };
  expect(appliedEntry(decided, about)).toBeNull();
  expect(appliedEntry(activation(4), about)).toMatchObject({ kind: "activate" });
});

test("a state machine that has given up goes on with a snapshot that is beyond its entry", async () => {
  const { applier, machine, passes, latest, restores } = await stuck();
  for (let attempt = 0; attempt < 11; attempt++) {
    passes(10_000);
    await microtasks();
    await microtasks();
  }
  expect(applier.renewal).toContain("10 attempts");
  latest.snapshot = snapshotAt({ index: 5, term: 1 });
  applier.restore(latest.snapshot);
  passes(100);
  await microtasks();
  restores.at(-1)!.settle.resolve();
  await microtasks();
  expect([applier.appliedIndex, applier.standstill, machine.renewals]).toEqual([5, null, 11]);
});

test("a state machine that got past the entry begins anew without it", async () => {
  const { applier, machine, decide, commit, passes } = setUp([command(1), command(2), command(3), noop(4)]);
  commit(3);
  await microtasks();
  expect(machine.applied).toEqual(["1:c1", "2:c2", "3:c3"]);
  decide(2, 4);
  commit(4);
  passes(100);
  await microtasks();
  await microtasks();
  expect(machine.applied).toEqual(["1:c1", "2:skipped", "3:c3"]);
  expect([applier.appliedIndex, machine.renewals]).toEqual([4, 1]);
});

test("a state whose snapshot holds the entry stays", async () => {
  const { machine, decide, commit, passes, restores } = setUp([command(1), command(2), command(3), noop(4)], 2);
  restores[0]!.settle.resolve();
  await microtasks();
  decide(2, 4);
  commit(4);
  passes(100);
  await microtasks();
  expect([machine.applied, machine.renewals]).toEqual([["3:c3"], 0]);
});

test("an entry that was skipped before it came is passed over", async () => {
  const { applier, machine, decide, commit } = setUp(log);
  decide(2, 4);
  commit(5);
  await microtasks();
  expect(machine.applied).toEqual(["1:c1", "2:skipped", "3:c3", "5:c5"]);
  expect([applier.standstill, machine.renewals]).toEqual([null, 0]);
});

describe("while a decision on an entry may still come to nothing", () => {
  const entries = [command(1), command(2), command(3), noop(4), command(5)];

  test("the state machine is not given that entry", async () => {
    const { applier, machine, decide, withdraw, commit, queries } = setUp(entries);
    decide(2, 4);
    commit(3);
    const asked = waiter("query", "count");
    queries.set(2, [asked]);
    applier.serve();
    await microtasks();
    expect([machine.applied, asked.answers]).toEqual([["1:c1"], []]);
    withdraw();
    commit(4);
    await microtasks();
    expect([machine.applied, asked.answers]).toEqual([["1:c1", "2:c2", "3:c3"], ["2.1 count of 3"]]);
  });

  test("nobody is told what it, or anything behind it, came to, and the state is made anew", async () => {
    const { applier, machine, decide, commit, passes, waiters, queries } = setUp(entries);
    machine.isSlow = true;
    const [before, itself, behind] = [waiter("command"), waiter("command"), waiter("command")];
    waiters.set(1, before).set(2, itself).set(3, behind);
    commit(3);
    const asked = waiter("query", "count");
    queries.set(3, [asked]);
    applier.serve();
    decide(2, 4);
    machine.isSlow = false;
    machine.release();
    await microtasks();
    expect(before.answers).toEqual(["1.1 c1"]);
    expect([itself.answers[0], behind.answers[0]]).toEqual(["outcome-unknown", "outcome-unknown"]);
    expect(asked.answers[0]).toMatch(/^(state-machine|unavailable)$/);
    expect(applier.standstill?.message).toContain("about to skip entry 2");
    passes(100);
    await microtasks();
    expect(machine.applied).toEqual(["1:c1"]);
    commit(5);
    await microtasks();
    expect([machine.applied, applier.standstill]).toEqual([["1:c1", "2:skipped", "3:c3", "5:c5"], null]);
  });

  test("so it is while the request for it is on its way", async () => {
    const { applier, skipped, machine, commit, passes } = setUp(entries);
    machine.isSlow = true;
    commit(3);
    const over = skipped.ask(2);
    machine.isSlow = false;
    machine.release();
    await microtasks();
    passes(100);
    await microtasks();
    expect(machine.applied).toEqual(["1:c1"]);
    over();
    applier.serve();
    await microtasks();
    expect([machine.applied, applier.standstill]).toEqual([["1:c1", "2:c2", "3:c3"], null]);
  });
});

test("a state machine that hangs begins anew with a snapshot that is beyond its entry", async () => {
  const { applier, machine, commit, passes, latest, restores } = setUp([command(1), command(2), command(3)]);
  machine.isSlow = true;
  commit(2);
  machine.busyWith = { kind: "entry", count: 1, index: 1, term: 1 };
  applier.lookForEndlessWork();
  passes(6_000);
  expect(applier.lookForEndlessWork()).not.toBeNull();
  latest.snapshot = snapshotAt({ index: 3, term: 1 });
  applier.restore(latest.snapshot);
  passes(100);
  await microtasks();
  restores[0]!.settle.resolve();
  await microtasks();
  expect([applier.appliedIndex, applier.standstill, machine.renewals]).toEqual([3, null, 1]);
});
