// Where a state machine has stopped is told to the other members: at the entry that stopped it, whatever fails after that.
import { expect, test } from "bun:test";
import { command, microtasks, setUp, waiter } from "./applier-setting.ts";

test("runs behind the one that failed do not move the place or the reason", async () => {
  const { applier, machine, failures } = setUp([command(1), command(2, "throw"), command(3, "throw"), command(4)]);
  machine.isSlow = true;
  for (const through of [1, 2, 3, 4]) applier.advance(through);
  expect([applier.stoppedThrough, applier.standstill]).toEqual([null, null]);
  machine.release();
  await microtasks();
  expect([applier.stoppedThrough, applier.standstill?.message]).toEqual([2, "entry 2 failed"]);
  expect(failures).toEqual(["state machine: entry 2 failed"]);
});

test("nor does what is committed later, for which a client is refused", async () => {
  const { applier, waiters } = setUp([command(1, "throw"), command(2)]);
  applier.advance(1);
  await microtasks();
  const client = waiter("command");
  waiters.set(2, client);
  applier.advance(2);
  expect([applier.stoppedThrough, client.answers]).toEqual([1, ["apply-failed"]]);
});

test("each query that is due is told so, also of more than one slice", async () => {
  const { applier, queries, reads } = setUp([command(1, "throw"), command(2)]);
  applier.advance(1);
  await microtasks();
  const clients = Array.from({ length: 2_500 }, () => waiter("query"));
  queries.set(1, clients.slice(0, 2_400)).set(2, clients.slice(2_400));
  applier.serve();
  const told = (): number => clients.filter(({ answers }) => answers.join() === "state-machine").length;
  expect([told(), reads.count]).toEqual([2_400, 100]);
  applier.advance(2);
  expect([told(), reads.count]).toEqual([2_500, 0]);
});

test("nothing is read for a client that waits for an entry which is not committed", async () => {
  const { applier, pages, waiters, failures, asked } = setUp([command(1, "throw"), command(2)]);
  applier.advance(1);
  await microtasks();
  waiters.set(2, waiter("command"));
  [pages.length, asked.length] = [0, 0];
  applier.advance(1);
  applier.serve();
  expect([pages, asked]).toEqual([[], []]);
  expect(failures).toEqual(["state machine: entry 1 failed"]);
});
