// How votes, acknowledgements and times are counted over a configuration: the only place that knows what a majority is.
// While a configuration is joint every decision needs a majority of both of its halves (§4.3); learners never count.
import type { Configuration, MemberKey } from "./configuration.ts";

/** The highest value that a majority of `voters` has reached. Asked several times a turn: to count is quicker than to sort. */
function reachedByMajority(voters: readonly MemberKey[], valueOf: (key: MemberKey) => number): number {
  let reached = Number.NEGATIVE_INFINITY;
  for (const voter of voters) {
    const value = valueOf(voter);
    if (value > reached && isReachedByMajority(value, voters, valueOf)) reached = value;
  }
  return reached;
}

function isReachedByMajority(
  value: number,
  voters: readonly MemberKey[],
  valueOf: (key: MemberKey) => number,
): boolean {
  let count = 0;
  for (const voter of voters) if (valueOf(voter) >= value) count++;
  return 2 * count > voters.length;
}

/** The highest value that a quorum of the configuration has reached. */
export function reachedByQuorum(configuration: Configuration, valueOf: (key: MemberKey) => number): number {
  const inNew = reachedByMajority(configuration.voters, valueOf);
  if (configuration.outgoing.length === 0) return inNew;
  return Math.min(inNew, reachedByMajority(configuration.outgoing, valueOf));
}

/** Whether the members in `granted` are a quorum of the configuration. */
export function isQuorum(configuration: Configuration, granted: readonly MemberKey[]): boolean {
  return reachedByQuorum(configuration, (key) => (granted.includes(key) ? 1 : 0)) === 1;
}
