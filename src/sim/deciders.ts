// How many decide? Counted apart from the core, which may be wrong about it.
import type { Configuration, MemberKey } from "../core/configuration.ts";

/** Whether those for which `agrees` is true are more than half of each list that decides (§4.3). */
export function areEnough({ voters, outgoing }: Configuration, agrees: (key: MemberKey) => boolean): boolean {
  const lists = outgoing.length === 0 ? [voters] : [voters, outgoing];
  return lists.every((keys) => keys.filter(agrees).length * 2 > keys.length);
}
