// How long does a node wait before it stands for election?
import type { Millis } from "./log-position.ts";
import { nextFraction } from "./random.ts";
import type { State } from "./state.ts";

/** A wait for an election, drawn from [T, 2T) so that candidates seldom meet (§3.4). */
export function drawElectionDue(state: State): readonly [Millis, State] {
  const { electionTimeoutMs } = state.settings;
  const [extra, random] = nextFraction(state.random, electionTimeoutMs);
  return [state.nowMs + electionTimeoutMs + extra, { ...state, random }];
}
