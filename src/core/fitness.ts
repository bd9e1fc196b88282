// Which members are unfit to lead, and how badly? Each node knows what ails it and tells its peers (node/fitness.ts); the
// core only ranks it. Elections ignore it: any leader is better than none. Hand-overs go by it: transfer.ts, homecoming.ts.
import type { MemberKey } from "./configuration.ts";
import type { Impediment, Unfit } from "./impediment.ts";
import type { State } from "./state.ts";

const gravities: Readonly<Record<Impediment, number>> = { space: 1, certificate: 2, hidden: 3, stateMachine: 4 };

/** 0: fit to lead. */
export function gravityOf({ unfit }: State, key: MemberKey): number {
  const impediment = unfit.get(key);
  return impediment === undefined ? 0 : gravities[impediment];
}

/** P71: leadership is never handed to a member that no other node can dial. */
export const isHidden = ({ unfit }: State, key: MemberKey): boolean => unfit.get(key) === "hidden";

/** Whether leadership may go from this node to that member because the member is fitter. */
export const isFitter = (state: State, key: MemberKey): boolean =>
  gravityOf(state, key) < gravityOf(state, state.self) && !isHidden(state, key);

/** Members that have become fit are missing from the event. */
export const onFitness = (state: State, unfit: Unfit): State => ({ ...state, unfit });
