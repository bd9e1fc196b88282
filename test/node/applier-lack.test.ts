// A node that has not the version that is active: what it applies, what it tells its clients, and how it goes on.
import { expect, test } from "bun:test";
import { activation, command, microtasks, pluginVersion, setUp, waiter } from "./applier-setting.ts";
import { snapshotAt } from "../core/say.ts";

const why = "version 2 is not here";

test("what comes before the activation is applied, and nothing of what comes after", async () => {
  const { applier, lacked, lackings, machine, failures } = setUp([command(1), activation(2), command(3)]);
  lacked.add(2);
  applier.advance(3);
  await microtasks();
  expect(machine.applied).toEqual(["1:c1"]);
  expect([applier.appliedIndex, applier.stoppedThrough, applier.standstill?.message]).toEqual([1, 2, why]);
  expect([lackings, failures]).toEqual([[why], []]);
});

test("it goes on when a later activation stands for that one", async () => {
  const { applier, lacked, lackings, machine } = setUp([
    command(1),
    activation(2),
    command(3),
    activation(4),
    command(5),
  ]);
  lacked.add(2);
  applier.advance(3);
  await microtasks();
  lacked.delete(2);
  applier.advance(5);
  await microtasks();
  expect(machine.applied).toEqual(["1:c1", "3:c3", "5:c5"]);
  expect([applier.appliedIndex, applier.stoppedThrough, applier.standstill]).toEqual([5, null, null]);
  expect(lackings).toEqual([why, "nothing"]);
});

test("a client whose command is committed behind it is told so at once, and the command is applied later", async () => {
  const { applier, lacked, machine, waiters } = setUp([activation(1), command(2), command(3)]);
  lacked.add(1);
  const [first, second] = [waiter("command"), waiter("command")];
  waiters.set(2, first).set(3, second);
  applier.advance(2);
  expect([first.answers, second.answers]).toEqual([["apply-failed"], []]);
  expect(first.messages.join()).toContain("version 1 is not here");
  applier.advance(3);
  expect(second.answers).toEqual(["apply-failed"]);
  lacked.delete(1);
  applier.advance(3);
  await microtasks();
  expect(machine.applied).toEqual(["2:c2", "3:c3"]);
});

test("queries are refused, also those that no entry behind it concerns", () => {
  const { applier, lacked, queries } = setUp([command(1), activation(2)]);
  lacked.add(2);
  applier.advance(2);
  const client = waiter("query");
  queries.set(1, [client]);
  applier.serve();
  expect(client.answers).toEqual(["state-machine"]);
});

test("queries are refused also that wait for an entry which the state cannot come to", () => {
  const { applier, lacked, queries, reads } = setUp([command(1), activation(2), command(3)]);
  lacked.add(2);
  applier.advance(3);
  const clients = [waiter("query"), waiter("query"), waiter("query")];
  for (const [at, client] of clients.entries()) queries.set(1 + at, [client]);
  applier.serve();
  expect(clients.map(({ answers }) => answers)).toEqual([["state-machine"], ["state-machine"], ["state-machine"]]);
  expect(reads.count).toBe(0);
});

test("a snapshot of a version that is not here is not restored, and who waits behind it is told", async () => {
  const { applier, lacked, machine, restores, waiters } = setUp([command(1), activation(2), command(3), command(4)]);
  lacked.add(2);
  applier.advance(1);
  await microtasks();
  const active = { position: { index: 2, term: 1 }, plugin: pluginVersion("2"), replaces: false };
  const client = waiter("command");
  waiters.set(4, client);
  applier.restore({ ...snapshotAt({ index: 3, term: 1 }), activation: active });
  applier.advance(4);
  expect([restores.length, applier.stoppedThrough, client.answers]).toEqual([0, 3, ["apply-failed"]]);
  lacked.delete(2);
  applier.serve();
  expect(restores.map(({ through }) => through)).toEqual([3]);
  restores[0]!.settle.resolve();
  await microtasks();
  expect(machine.applied).toEqual(["1:c1", "4:c4"]);
});

test("what such a snapshot covers is gone from the log, and is not asked for", async () => {
  const { applier, lacked, lackings, pages, waiters } = setUp([
    command(1),
    activation(2),
    command(3),
    command(4),
    command(5),
  ]);
  lacked.add(2);
  const active = { position: { index: 2, term: 1 }, plugin: pluginVersion("2"), replaces: false };
  const clients = [waiter("command"), waiter("command")];
  waiters.set(4, clients[0]!);
  applier.advance(4);
  applier.restore({ ...snapshotAt({ index: 3, term: 1 }), activation: active });
  pages.length = 0;
  waiters.set(5, clients[1]!);
  applier.advance(5);
  applier.serve();
  await microtasks();
  expect(clients.map(({ answers }) => answers)).toEqual([["apply-failed"], ["apply-failed"]]);
  expect(pages).toEqual([[5, 5]]);
  // The state machine stands elsewhere since, though for the same reason.
  expect([applier.stoppedThrough, lackings]).toEqual([3, [why, why]]);
});

test("a snapshot beyond it, of a version that is here, ends the wait: nothing of the activation before it is asked for", async () => {
  const { applier, lacked, lackings, machine, restores, restoredWith } = setUp([
    command(1),
    activation(2),
    activation(3),
    command(4),
  ]);
  lacked.add(2);
  applier.advance(2);
  await microtasks();
  const active = { position: { index: 3, term: 1 }, plugin: pluginVersion("3"), replaces: false };
  applier.restore({ ...snapshotAt({ index: 3, term: 1 }), activation: active });
  expect([restoredWith, applier.standstill, applier.stoppedThrough]).toEqual([["3"], null, null]);
  restores[0]!.settle.resolve();
  await microtasks();
  // Nothing follows it yet.
  expect([applier.appliedIndex, applier.standstill]).toEqual([3, null]);
  applier.advance(4);
  await microtasks();
  expect([machine.applied, lackings]).toEqual([
    ["1:c1", "4:c4"],
    [why, "nothing"],
  ]);
});

test("nothing of what such a snapshot covers is read, also when nobody has been refused before", async () => {
  const { applier, lacked, pages, waiters } = setUp([command(1), activation(2), command(3), command(4)]);
  lacked.add(2);
  applier.advance(1);
  await microtasks();
  const active = { position: { index: 2, term: 1 }, plugin: pluginVersion("2"), replaces: false };
  applier.restore({ ...snapshotAt({ index: 3, term: 1 }), activation: active });
  pages.length = 0;
  const client = waiter("command");
  waiters.set(4, client);
  applier.advance(4);
  expect([client.answers, pages]).toEqual([["apply-failed"], [[4, 4]]]);
});

test("a state machine that stops while it waits has stopped: it does not wait any more, and stands before the activation", async () => {
  const { applier, lacked, machine, failures } = setUp([command(1), activation(2), command(3)]);
  lacked.add(2);
  applier.advance(3);
  await microtasks();
  machine.die("its thread ended");
  applier.lookForEndlessWork();
  expect([applier.stoppedThrough, applier.standstill?.message]).toEqual([1, "its thread ended"]);
  expect(failures).toEqual(["state machine: its thread ended"]);
});
