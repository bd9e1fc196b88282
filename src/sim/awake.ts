// Does a leader wake its state machine when no command comes?
import { nextStampMs } from "../core/replicated-time.ts";
import type { Member } from "./member.ts";

/** In election timeouts: how long after its time a state machine may wait to be woken when all is well. */
const lateMax = 20;

/**
 * Whether nobody waits to be woken, as far as this leader has come.
 * @param isEndless the state machine may ask again and again
 */
export function isAwake({ node, wakeAtMs }: Pick<Member, "node" | "wakeAtMs">, isEndless: boolean): boolean {
  const state = node?.state;
  if (wakeAtMs === null || state?.role.kind !== "leader") return true;
  const lateMs = nextStampMs(state, state.role) - wakeAtMs;
  return isEndless && lateMs <= lateMax * state.settings.electionTimeoutMs;
}
