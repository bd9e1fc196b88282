// Looks at the state around everything that may not change it: a query, a command that is rejected, and a snapshot.
import type { Machine } from "../machine.ts";
import { remedies } from "../remedies.ts";
import type { Moment, Step } from "../transcript.ts";
import type { Way } from "./way.ts";

export const watchful: Way = ({ shared }, steps) => {
  const machine = shared();
  const moments = [machine.beginning];
  for (const [nth, step] of steps.entries()) {
    const before = machine.wake(step, nth) ? machine.look(nth) : moments.at(-1)!;
    const outcome = machine.run(step, nth);
    if (step.kind === "query") machine.mustBe(before, nth, "a query changes the state", remedies.query);
    if (step.kind === "command" && outcome.kind === "rejected")
      machine.mustBe(before, nth, "a command that is rejected changes the state", remedies.rejected);
    moments.push(momentAround(machine, nth));
  }
  if (machine.hasSnapshots) goOnWhileFrozen(shared(), steps);
  return moments;
};

/** A node asks for the items of a snapshot while commands go on. */
function goOnWhileFrozen(machine: Machine, steps: readonly Step[]): void {
  for (const [nth, step] of steps.entries())
    machine.runWhileFrozen(step, nth, "a command changes a snapshot that was taken before it", remedies.thawed);
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
