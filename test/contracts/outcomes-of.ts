// All outcomes of a run at once, and the answer to a single query, for tests that do not care how they come.
import type { Answer, AppliedEntry, Outcome, StateMachine } from "../../src/ports/state-machine.ts";

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

/** Throws what the query failed with. */
export async function answerTo(
  machine: Pick<StateMachine, "query">,
  payload: Uint8Array,
): Promise<Exclude<Answer["outcome"], { kind: "failed" }>> {
  const [answer] = await machine.query([payload]);
  if (answer === undefined) throw new Error("at least one query of a slice is answered");
  if (answer.outcome.kind === "failed") throw answer.outcome.error;
  return answer.outcome;
}
