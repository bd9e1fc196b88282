// While no client waits for a node, its state machine is given entries a moment later, many at a time.
import { expect, test } from "bun:test";
import { gatherMs } from "../../src/node/gathering.ts";
import { Cluster } from "./cluster.ts";
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
  waiters.set(3, waiter("command"));
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

test("gathered entries do not wait a second time, however many runs they take", async () => {
  const { applier, passes, machine, timers } = setUpPatient(40, "x".repeat(1024 * 1024));
  applier.advance(40);
  passes(gatherMs);
  await microtasks();
  expect(machine.runs.flat().length).toBe(40);
  expect(timers).toEqual([]);
});

test("entries that come after a client was answered are gathered for the whole time", () => {
  const { applier, waiters, passes, runs } = setUpPatient(3);
  applier.advance(1);
  passes(gatherMs - 1);
  waiters.set(2, waiter("command"));
  applier.advance(2);
  applier.advance(3);
  passes(gatherMs - 1);
  expect(runs()).toEqual([[1, 2]]);
  passes(1);
  expect(runs()).toEqual([[1, 2], [3]]);
});

test("no timer runs when nothing is left to hand over", async () => {
  const { applier, waiters, passes, timers, runs } = setUpPatient(2);
  waiters.set(1, waiter("command"));
  applier.advance(1);
  await microtasks();
  expect(timers).toEqual([]);
  passes(gatherMs / 2);
  applier.advance(2);
  passes(gatherMs - 1);
  expect(runs()).toEqual([[1]]);
  passes(1);
  expect(runs()).toEqual([[1], [2]]);
});

test("once the node has ended nothing is handed over any more", () => {
  const { applier, passes, runs, timers } = setUpPatient(2);
  applier.advance(1);
  expect(timers.length).toBe(1);
  applier.abandon("the node stops");
  expect(timers).toEqual([]);
  applier.advance(2);
  passes(gatherMs);
  expect([runs(), timers]).toEqual([[], []]);
});

test("nor while a client waits", () => {
  const { applier, machine } = setUp([command(1), command(2)]);
  applier.abandon("the node stops");
  applier.advance(2);
  expect(machine.runs).toEqual([]);
});

test("a follower gathers what the leader answers at once", async () => {
  const cluster = await Cluster.founded(["n1", "n2", "n3"]);
  const { leader } = cluster;
  await cluster.advance(1000);
  const [follower] = cluster.followers;
  const client = cluster.client(leader.id);
  for (const text of ["a", "b"]) {
    client.command(text);
    await cluster.settle();
  }
  expect(client.replies.length).toBe(2);
  expect(leader.machine.applied.length).toBe(2);
  // The commit of the last command is told with the next message.
  expect(follower!.machine.applied).toEqual([]);
  await cluster.advance(gatherMs);
  expect(follower!.machine.applied.length).toBe(1);
  await cluster.stopAll();
});

test("a command that the node holds back ends the wait as well", async () => {
  const cluster = await Cluster.founded(["n1", "n2", "n3"]);
  const { leader } = cluster;
  await cluster.advance(1000);
  for (const follower of cluster.followers) follower.holdsDisk = "everything";
  const client = cluster.client(leader.id);
  // As much as may be open at once, from a client that soon gives up.
  for (let nth = 0; nth < 9; nth++) client.command("x".repeat(1024 * 1024), 50);
  await cluster.settle();
  client.command("held back");
  await cluster.advance(200);
  expect(leader.node.requests.waitingCount).toBe(1);
  for (const follower of cluster.followers) {
    follower.holdsDisk = "nothing";
    follower.store.flushAll();
  }
  await cluster.settle();
  expect(client.replies.length).toBe(10);
  await cluster.stopAll();
});
