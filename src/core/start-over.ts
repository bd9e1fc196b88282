// What becomes of a node whose store had no room for a write? What is not saved is gone, as after a crash: the node begins anew
// with what is. Everything that promises something waited for that write, so nobody has been promised anything.
import type { Effect } from "./effects.ts";
import type { State } from "./state.ts";
import { becomeFollower } from "./step-down.ts";

/**
 * @param state as of now
 * @param saved a state restored from the store
 * @returns the state to go on with, and what is said to those who wait for an answer
 */
export function startOver(state: State, saved: State): readonly [State, readonly Effect[]] {
  const effects: Effect[] = [];
  // A leader that steps down within its term writes nothing: its vote is the one that is saved, or it would not lead.
  becomeFollower(state, state.currentTerm, null, (effect) => void effects.push(effect));
  // Its own clock goes on: leaders send back what it showed. And no read has the name of one that was asked before.
  const { strangers, postponed, unfit, wake, handingOver, clockStartMs, nextReadId } = state;
  const kept = { strangers, postponed, unfit, wake, handingOver, clockStartMs, nextReadId };
  // What the state machine has been given was committed, and durable here.
  const appliedIndex = Math.max(saved.appliedIndex, state.appliedIndex);
  return [{ ...saved, ...kept, appliedIndex, commitIndex: appliedIndex }, effects];
}
