// Which entries does the state machine of a node pass over, and when does a state that was made with one of them begin anew?
import { describe, expect, test } from "bun:test";
import { SkippedEntries } from "../../src/node/skipped-entries.ts";
import { command, microtasks, noop, pluginVersion, setUp } from "./applier-setting.ts";

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
    expect([skipped.has(4), skipped.fresh()]).toEqual([false, null]);
    decided.commitIndex = 7;
    expect([skipped.has(4), skipped.has(7), skipped.has(1)]).toEqual([true, false, false]);
  });

  test("is told once, and of several that come together the earliest entry", () => {
    const decided = { activations: [decision(7, 4), decision(8, 3), decision(9, 5)], commitIndex: 8 };
    const skipped = new SkippedEntries(() => decided);
    expect([skipped.fresh(), skipped.fresh()]).toEqual([3, null]);
    decided.commitIndex = 9;
    expect([skipped.fresh(), skipped.fresh()]).toEqual([5, null]);
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

  test("does not begin anew for an entry that comes later", async () => {
    const { machine, decide, commit, passes } = await stuck();
    decide(5, 4);
    commit(4);
    passes(99);
    expect(machine.renewals).toBe(0);
  });
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

test("a state whose snapshot holds the entry stays: copies are compared", async () => {
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
