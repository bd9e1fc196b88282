// Which members are unfit to lead, by what all of them say of themselves and of each other? Pure; who hears them is fitness.ts.
import { type Configuration, type MemberKey, nodeIdOf } from "../core/configuration.ts";
import type { Impediment, Unfit } from "../core/impediment.ts";
import type { LogIndex } from "../core/log-position.ts";
import { isQuorum } from "../core/quorum.ts";
import type { Condition } from "../ports/node-messages.ts";

/** What the members say of themselves, as far as it is known. */
export type Known = ReadonlyMap<MemberKey, Condition>;

/**
 * The last entry through `last` at which the state machine of a member has stopped; 0: none. What lies beyond is ignored: no state
 * machine can have stopped at an entry that is not committed.
 */
export const stopsThrough = (last: LogIndex, known: Known): LogIndex =>
  [...known.values()].reduce((stops, { stateMachine }) => {
    const through = stateMachine.kind === "stopped" ? stateMachine.through : 0;
    return through <= last ? Math.max(stops, through) : stops;
  }, 0);

/** By what they say of themselves and of each other. */
export function unfitMembers(configuration: Configuration, known: Known, commitIndex: LogIndex): Unfit {
  const stops = stopsThrough(commitIndex, known);
  const unfit = new Map<MemberKey, Impediment>();
  for (const { key } of configuration.members) {
    const impediment = impedimentOf(key, known.get(key), { configuration, known, stops });
    if (impediment !== null) unfit.set(key, impediment);
  }
  return unfit;
}

interface Circumstances {
  readonly configuration: Configuration;
  readonly known: Known;
  readonly stops: LogIndex;
}

function impedimentOf(key: MemberKey, condition: Condition | undefined, about: Circumstances): Impediment | null {
  // Before all others: such a member is never handed leadership, so it cannot be too unfit in another way.
  if (isHiddenFrom(key, about)) return "hidden";
  const machine = condition?.stateMachine;
  // A poison entry stops every copy alike: one that has not passed it, or has yet to say so, may be about to stop as well (P72).
  const passed = machine?.kind === "runs" ? machine.passed : 0;
  if (machine?.kind === "stopped" || passed < about.stops) return "stateMachine";
  if (condition?.isCertificateExpired === true) return "certificate";
  return condition?.space === "low" ? "space" : null;
}

/** P71: nobody who has tried can dial it, or a majority of the voters cannot. */
function isHiddenFrom(key: MemberKey, { configuration, known }: Circumstances): boolean {
  // One whose certificate has expired can dial nobody: that says nothing of the others.
  const witnesses = configuration.voters.filter(
    (voter) => voter !== key && known.get(voter)?.isCertificateExpired === false,
  );
  const denying = witnesses.filter((voter) => known.get(voter)?.undialled.includes(nodeIdOf(key)) === true);
  if (denying.length === 0) return false;
  return denying.length === witnesses.length || isQuorum(configuration, denying);
}
