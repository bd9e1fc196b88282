// Looks at the state around everything that may not change it: a query, a command that is rejected, and a snapshot.
import { rmSync } from "node:fs";
import { makeTemporaryFolder } from "../../adapters/plugin/temporary-state.ts";
import type { Machine } from "../machine.ts";
import { remedies } from "../remedies.ts";
import type { Moment, Step } from "../transcript.ts";
import type { Machines, Way } from "./way.ts";

export const watchful: Way = (machines, steps) => {
  const machine = machines.shared();
  const moments = [machine.beginning];
  for (const [nth, step] of steps.entries()) {
    const before = machine.wake(step, nth) ? machine.look(nth) : moments.at(-1)!;
    const outcome = machine.run(step, nth);
    if (step.kind === "query") machine.mustBe(before, nth, "a query changes the state", remedies.query);
    if (step.kind === "command" && outcome.kind === "rejected")
      machine.mustBe(before, nth, "a command that is rejected changes the state", remedies.rejected);
    moments.push(momentAround(machine, nth));
  }
  if (machine.hasSnapshots) goOnWhileFrozen(machines, steps);
  return moments;
};

/** A node asks for the items of a snapshot while commands go on. Those of a state on disk are committed meanwhile. */
function goOnWhileFrozen({ isDurable, shared, onDisk }: Machines, steps: readonly Step[]): void {
  const folder = isDurable ? makeTemporaryFolder() : null;
  const machine = folder === null ? shared() : onDisk(folder);
  if (folder !== null) machine.recall(null, null);
  for (const [nth, step] of steps.entries())
    machine.runWhileFrozen(step, nth, "a command changes a snapshot that was taken before it", remedies.thawed);
  machine.close();
  if (folder !== null) rmSync(folder, { recursive: true, force: true });
}

/** Takes some snapshots, which have to be equal and to leave the state as it was. */
function momentAround(machine: Machine, nth: number): Moment {
  const { state } = machine;
  const moment = machine.look(nth);
  machine.mustBe({ ...moment, state, items: null }, nth, "a snapshot changes the state", remedies.snapshot);
  const rule = "two snapshots of the same state differ";
  machine.mustBe({ ...moment, state: null }, nth, rule, remedies.unequalSnapshots);
  return moment;
}
