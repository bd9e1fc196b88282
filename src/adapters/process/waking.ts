// When is a program woken? The rules are those of a plugin (docs/decisions/a-state-machine-asks-to-be-woken.md): the time is a part of the state, and
// what is due is done before the first entry whose stamp has reached that time.
import { stampMsMax } from "../../core/entry.ts";
import type { WakeTime } from "../../core/wake-time.ts";
import { type AppliedEntry, putOffMs } from "../../ports/state-machine.ts";
import type { CborValue } from "../cbor/value.ts";
import { earlierOf } from "../plugin/apply-context.ts";
import type { State } from "../plugin/state-sections.ts";

type Waking = Pick<State, "wakeAtMs">;

/** What a program that has applied something at this time asks for. Time never reaches what lies beyond its end. */
export function askToWake(state: Waking, asked: WakeTime, timeMs: number): void {
  if (asked === null) return;
  const atMs = Math.max(Math.ceil(asked), timeMs + 1);
  if (atMs <= stampMsMax) state.wakeAtMs = earlierOf(state.wakeAtMs, atMs);
}

/** Whether the program has something to do before this entry. It is not due again then. */
export function takeDue(state: Waking, { timeMs, isSkipped }: AppliedEntry): boolean {
  if (state.wakeAtMs === null || state.wakeAtMs > timeMs) return false;
  state.wakeAtMs = isSkipped === true ? Math.min(timeMs + putOffMs, stampMsMax) : null;
  return isSkipped !== true;
}

export const dueRequest = ({ index, term, timeMs }: AppliedEntry): CborValue => ({ type: "due", index, term, timeMs });
