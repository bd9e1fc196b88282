// All outcomes of a run at once, for tests that do not care how they come.
import type { AppliedEntry, Outcome, StateMachine } from "../../src/ports/state-machine.ts";

export async function outcomesOf(
  machine: Pick<StateMachine, "apply">,
  run: readonly AppliedEntry[],
): Promise<readonly Outcome[]> {
  const all: Outcome[] = [];
  await machine.apply(run, (outcomes) => {
    for (const outcome of outcomes) all.push(outcome);
  });
  return all;
}
