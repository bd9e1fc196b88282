// How many queries of a slice are answered in one go? Nobody knows what a query costs before it has been answered, so the slice
// ends as soon as it has cost enough: commands wait for that, and for one query at the most.
import { type Answer, querySliceBytesMax, querySliceMs } from "../../ports/state-machine.ts";
import type { Executor } from "./executor.ts";
import { outcomeBytes } from "./outcome-pieces.ts";

/** As it was before plugins are kept from it (determinism-guard.ts): a slice looks at the clock at each query. */
const clockMs = performance.now.bind(performance);

/** Answers the first of these queries, at least one. `begins` is called before each. */
export function answerSlice(
  executor: Pick<Executor, "query">,
  slice: readonly Uint8Array[],
  begins: (nth: number) => void = () => {},
  nowMs: () => number = clockMs,
): readonly Answer[] {
  const answers: Answer[] = [];
  const startMs = nowMs();
  let endedMs = startMs;
  let bytes = 0;
  for (const [nth, payload] of slice.entries()) {
    begins(nth);
    const outcome = answerTo(executor, payload);
    const beganMs = endedMs;
    endedMs = nowMs();
    answers.push({ outcome, elapsedMs: endedMs - beganMs });
    if (outcome.kind !== "failed") bytes += outcomeBytes(outcome);
    if (endedMs - startMs >= querySliceMs || bytes >= querySliceBytesMax) break;
  }
  return answers;
}

function answerTo(executor: Pick<Executor, "query">, payload: Uint8Array): Answer["outcome"] {
  try {
    return executor.query(payload);
  } catch (error) {
    return { kind: "failed", error: error instanceof Error ? error : new Error(String(error)) };
  }
}
