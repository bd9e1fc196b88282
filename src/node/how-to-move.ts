// How does an administrator tell the cluster that a member has moved? A learner has to be named as one, or it would become a voter.
import { type Configuration, type MemberKey, nodeIdOf } from "../core/configuration.ts";

/** The command, for people. */
export function howToMove(configuration: Configuration | null, key: MemberKey, address: string): string {
  const isLearner = configuration !== null && !configuration.voters.includes(key);
  return `graft cluster add ${nodeIdOf(key)} ${address}${isLearner ? " --learner" : ""}`;
}
