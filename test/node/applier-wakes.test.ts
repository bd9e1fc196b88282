// What the node hears of the time at which its state machine is to be woken: each change, with the entry after which it holds.
import { expect, test } from "bun:test";
import { activation, command, microtasks, setUp } from "./applier-setting.ts";
import { snapshotAt } from "../core/say.ts";

test("it hears of each change once, and of nothing where nothing is asked for", async () => {
  const { applier, machine, wakes } = setUp([command(1), command(2), command(3), command(4)]);
  const advance = async (through: number, wakeAtMs: number | null): Promise<void> => {
    machine.wakeAtMs = wakeAtMs;
    applier.advance(through);
    await microtasks();
  };
  await advance(1, null);
  expect(wakes).toEqual([]);
  await advance(2, 70);
  await advance(3, 70);
  expect(wakes).toEqual(["70 after 2"]);
  await advance(4, null);
  expect(wakes).toEqual(["70 after 2", "no time"]);
});

/** It asks for a time with its first entry, and stands still at its second. */
async function askThenStand({ applier, machine }: ReturnType<typeof setUp>): Promise<void> {
  machine.wakeAtMs = 70;
  applier.advance(1);
  await microtasks();
  applier.advance(2);
  await microtasks();
}

test("a state machine that has stopped asks for no time", async () => {
  const stopping = setUp([command(1), command(2, "throw")]);
  await askThenStand(stopping);
  expect(stopping.wakes).toEqual(["70 after 1", "no time"]);
});

test("nor does one that waits for a version, until it goes on", async () => {
  const waiting = setUp([command(1), activation(2), command(3)]);
  const { applier, wakes, lacked } = waiting;
  lacked.add(2);
  await askThenStand(waiting);
  expect(wakes).toEqual(["70 after 1", "no time"]);
  lacked.clear();
  applier.advance(3);
  await microtasks();
  expect(wakes.slice(2)).toEqual(["70 after 3"]);
});

test("a restored state asks for its own time", async () => {
  const { applier, machine, wakes, restores } = setUp([command(1)]);
  machine.wakeAtMs = 70;
  applier.advance(1);
  await microtasks();
  machine.wakeAtMs = 90;
  applier.restore(snapshotAt({ index: 5, term: 1 }));
  restores[0]!.settle.resolve();
  await microtasks();
  expect(wakes).toEqual(["70 after 1", "90 after 5"]);
});
