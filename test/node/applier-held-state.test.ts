// A state machine that keeps its state on disk continues with that, or with the latest snapshot. The core may hear later that what the state has in it
// is committed.
import { expect, test } from "bun:test";
import { GraftError } from "../../src/errors.ts";
import { CopyDistrusted } from "../../src/node/own-copy.ts";
import type { HeldState } from "../../src/ports/state-machine.ts";
import { snapshotAt } from "../core/say.ts";
import { command, microtasks, noop, pluginVersion, setUp, waiter } from "./applier-setting.ts";
import { RecordingMachine } from "./recording-machine.ts";

const log = [command(1), command(2), command(3), command(4)];
const heldAt = (index: number, wakeAtMs: number | null = null): HeldState => ({
  reached: { index, term: 1, timeMs: index * 10 },
  plugin: pluginVersion("1"),
  owner: "me",
  origin: "me",
  wakeAtMs,
});

function begin(held: HeldState | null, after = 0) {
  const machine = new RecordingMachine();
  machine.isDurable = true;
  machine.held = held;
  return setUp(log, after, machine);
}

test("P27: it continues behind the last entry that its state has in it", async () => {
  const { applier, machine, wakes, restores } = begin(heldAt(2, 77));
  applier.advance(4);
  expect(machine.runs).toEqual([]);
  await microtasks();
  expect([machine.applied, applier.appliedIndex, machine.recalls]).toEqual([["3:c3", "4:c4"], 4, ["may keep it"]]);
  expect([wakes[0], restores]).toEqual(["77 after 2", []]);
});

test("it answers queries before the core knows again that its state is committed, and takes no snapshot until then", async () => {
  const { applier, machine, queries, heard } = begin(heldAt(3));
  await microtasks();
  const asked = waiter("query", "count");
  queries.set(3, [asked]);
  applier.serve();
  await microtasks();
  expect([asked.answers, applier.appliedIndex]).toEqual([["3.1 count of 0"], 3]);
  applier.advance(2);
  expect(heard).not.toContain("resumed at 3 of term 1");
  applier.advance(4);
  await microtasks();
  expect(heard.filter((what) => what !== "freed")).toEqual(["resumed at 3 of term 1"]);
  expect(machine.applied).toEqual(["4:c4"]);
});

test("what is committed while it recalls its state is told first", async () => {
  const { applier, heard } = begin(heldAt(2));
  applier.advance(4);
  await microtasks();
  expect(heard[0]).toBe("resumed at 2 of term 1");
});

test("without a state on disk it begins with the latest snapshot, or empty", async () => {
  const empty = begin(null);
  empty.applier.advance(1);
  await microtasks();
  expect(empty.machine.applied).toEqual(["1:c1"]);
  const { applier, machine, restores } = begin(null, 2);
  applier.advance(3);
  await microtasks();
  expect([restores.map(({ through }) => through), machine.applied]).toEqual([[2], []]);
  restores[0]!.settle.resolve();
  await microtasks();
  expect(machine.applied).toEqual(["3:c3"]);
});

test("P33: a leader's snapshot that comes while it recalls its state takes the place of that", async () => {
  const { applier, machine, latest, restores } = begin(heldAt(2));
  applier.hold();
  latest.snapshot = snapshotAt({ index: 3, term: 1 });
  await microtasks();
  expect([machine.applied, restores]).toEqual([[], []]);
  machine.held = null;
  applier.restore(latest.snapshot);
  await microtasks();
  restores[0]!.settle.resolve();
  applier.advance(4);
  await microtasks();
  expect([restores.map(({ through }) => through), machine.applied]).toEqual([[3], ["4:c4"]]);
});

test("one that stops continues with its state once, and is restored from then on", async () => {
  const { applier, machine, passes, failures } = begin(heldAt(1));
  machine.poison = "c3";
  applier.advance(4);
  await microtasks();
  passes(100);
  await microtasks();
  passes(200);
  await microtasks();
  expect(machine.recalls).toEqual(["may keep it", "may keep it", "anew"]);
  machine.poison = null;
  passes(400);
  await microtasks();
  expect([applier.standstill, failures.at(-1)]).toEqual([null, "state machine: runs again"]);
});

test("a state that is thrown away as wrong is not kept", async () => {
  const { applier, machine, passes } = begin(heldAt(1));
  await microtasks();
  applier.renew(new GraftError("state-machine", "its state differs"));
  passes(100);
  await microtasks();
  expect(machine.recalls).toEqual(["may keep it", "anew"]);
});

test.each([
  ["is not kept where its copy was found wrong", "wrong", "anew"],
  ["may be kept where its copy is in doubt", "doubted", "may keep it"],
] as const)("the state of one that stops %s", async (_, standing, recalled) => {
  const { applier, machine, passes } = begin(heldAt(1));
  await microtasks();
  applier.distrust(new CopyDistrusted(standing, "its outcomes differ"));
  machine.die("its thread ended");
  applier.lookForEndlessWork();
  passes(100);
  await microtasks();
  expect(machine.recalls).toEqual(["may keep it", recalled]);
});

test("one that stops while it recalls its state has failed, and begins anew", async () => {
  const machine = new RecordingMachine();
  machine.isDurable = true;
  machine.isSlow = true;
  const { applier, passes, failures } = setUp(log, 0, machine);
  machine.die("its thread ended");
  machine.isSlow = false;
  await microtasks();
  expect(failures).toEqual(["state machine: its thread ended"]);
  passes(100);
  await microtasks();
  applier.advance(4);
  await microtasks();
  expect([applier.appliedIndex, applier.standstill, machine.renewals]).toEqual([4, null, 1]);
});

const applied = [command(1), command(2), command(3), noop(4)];

function beginToSkip(held: HeldState | null, after = 0) {
  const machine = new RecordingMachine();
  machine.isDurable = true;
  machine.held = held;
  return setUp(applied, after, machine);
}

test("a state that has a skipped entry in it is made anew from the snapshot, and not from what was committed", async () => {
  const { machine, decide, commit, passes, restores } = beginToSkip(heldAt(3), 1);
  commit(3);
  await microtasks();
  decide(2, 4);
  commit(4);
  passes(100);
  await microtasks();
  expect([machine.recalls, restores.map(({ through }) => through)]).toEqual([["may keep it", "anew"], [1]]);
  restores[0]!.settle.resolve();
  await microtasks();
  expect(machine.applied).toEqual(["2:skipped", "3:c3"]);
});

test("one that stands still at the skipped entry begins anew from the snapshot", async () => {
  const { machine, decide, commit, passes, restores } = beginToSkip(heldAt(1), 1);
  machine.poison = "c2";
  commit(3);
  await microtasks();
  decide(2, 4);
  commit(4);
  passes(100);
  await microtasks();
  expect([machine.recalls, restores.map(({ through }) => through)]).toEqual([["may keep it", "anew"], [1]]);
});

test("a state that was made under the decision stays, though the core hears later that it is committed", async () => {
  const { machine, decide, commit, passes, failures } = beginToSkip(heldAt(4));
  await microtasks();
  decide(2, 4);
  commit(4);
  passes(100);
  await microtasks();
  expect([machine.recalls, machine.renewals, failures]).toEqual([["may keep it"], 0, []]);
});

test("a state that is being recalled is not used if a decision comes meanwhile that skips an entry in it", async () => {
  const { machine, decide, commit, passes } = beginToSkip(heldAt(2));
  machine.poison = "c3";
  commit(3);
  await microtasks();
  const recall = machine.recall.bind(machine);
  machine.recall = async (owner) => {
    const found = await recall(owner);
    if (machine.recalls.length > 2) return found;
    machine.poison = null;
    decide(2, 4);
    commit(4);
    return found;
  };
  passes(100);
  await microtasks();
  expect(machine.applied).toEqual([]);
  passes(100);
  await microtasks();
  expect([machine.recalls, machine.applied]).toEqual([
    ["may keep it", "may keep it", "anew"],
    ["1:c1", "2:skipped", "3:c3"],
  ]);
});
