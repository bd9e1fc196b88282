// What keeps a member from leading well? How badly it does is ranked by fitness.ts.
import type { MemberKey } from "./configuration.ts";

/**
 * - `space`: its disk is nearly full, so it takes no commands.
 * - `certificate`: its certificate has expired, so it gets no new connections.
 * - `hidden`: no other voter can dial it, and so no client can.
 * - `stateMachine`: its state machine has stopped or hangs, or has yet to apply the entries at which another
 *   one does, or to say that it has.
 */
export type Impediment = "space" | "certificate" | "hidden" | "stateMachine";

/** One impediment of each member that has any: `hidden` before all others, then the worst. */
export type Unfit = ReadonlyMap<MemberKey, Impediment>;
