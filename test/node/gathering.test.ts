// A state machine for which nobody waits is given its entries a moment later, many at a time.
import { expect, test } from "bun:test";
import { gatherMs } from "../../src/node/gathering.ts";
import { command, microtasks, setUp, waiter } from "./applier-setting.ts";

function setUpPatient(entries: number, said?: string) {
  const setting = setUp(Array.from({ length: entries }, (_, at) => command(at + 1, said)));
  setting.impatience.isOn = false;
  return { ...setting, runs: () => setting.machine.runs.map((run) => run.map(({ index }) => index)) };
}

test("entries are gathered for a moment from the first on, and handed over in one run", () => {
  const { applier, passes, runs } = setUpPatient(4);
  applier.advance(1);
  passes(gatherMs - 1);
  applier.advance(2);
  applier.advance(3);
  expect(runs()).toEqual([]);
  passes(1);
  expect(runs()).toEqual([[1, 2, 3]]);
  applier.advance(4);
  passes(gatherMs - 1);
  expect(runs()).toEqual([[1, 2, 3]]);
  passes(1);
  expect(runs()).toEqual([[1, 2, 3], [4]]);
});

test("a client that waits for an entry has everything before it handed over at once", () => {
  const { applier, waiters, runs } = setUpPatient(3);
  applier.advance(2);
  waiters.set(3, [waiter("command")]);
  applier.advance(3);
  expect(runs()).toEqual([[1, 2, 3]]);
});

test("a query that comes while entries are gathered ends the wait", async () => {
  const { applier, queries, runs } = setUpPatient(2);
  applier.advance(2);
  const question = waiter("query", "?");
  queries.set(2, [question]);
  applier.serve();
  await microtasks();
  expect(runs()).toEqual([[1, 2]]);
  expect(question.answers.length).toBe(1);
});

test("what has been gathered for long enough waits no second time, however many runs it takes", async () => {
  const { applier, passes, machine, timers } = setUpPatient(40, "x".repeat(1024 * 1024));
  applier.advance(40);
  passes(gatherMs);
  await microtasks();
  expect(machine.runs.flat().length).toBe(40);
  expect(timers).toEqual([]);
});

test("once the node has ended nothing is handed over any more", () => {
  const { applier, passes, runs, timers } = setUpPatient(1);
  applier.advance(1);
  expect(timers.length).toBe(1);
  applier.abandon("the node stops");
  expect(timers).toEqual([]);
  passes(gatherMs);
  expect(runs()).toEqual([]);
});

test("behind a failure a log for which nobody waits is not read", async () => {
  const { applier, impatience, pages, asked } = setUp([command(1, "throw"), command(2), command(3)]);
  applier.advance(1);
  await microtasks();
  impatience.isOn = false;
  applier.advance(3);
  expect([pages, asked]).toEqual([[[1, 1]], [1]]);
});
