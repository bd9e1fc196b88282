// Why are clients' requests not taken just now? Because the node stops, has been removed, or has a state machine that stopped.
// Each says where to go instead.
import { nodeIdOf } from "../core/configuration.ts";
import type { Millis } from "../core/log-position.ts";
import type { State } from "../core/state.ts";
import type { LeaderHint } from "../ports/requests.ts";
import { stateMachineStopped } from "./answers.ts";
import { knownLeader, notLeader } from "./known-leader.ts";
import { removedWords } from "./node-end.ts";
import type { ReplyError } from "./waiting-clients.ts";

export interface Reasons {
  readonly isStopping: boolean;
  /** Its disk is full. */
  readonly waitsForRoom: boolean;
  /** Why the state machine of this node has stopped; null: it runs. */
  readonly stateMachine: Error | null;
  readonly nowMs: Millis;
}

/** How long a removed node names the same one, ms. */
const turnMs = 10;

/** Null when they are taken. */
export function refusalOf(state: State, { isStopping, waitsForRoom, stateMachine, nowMs }: Reasons): ReplyError | null {
  if (!isStopping && !waitsForRoom && state.removed === null && stateMachine === null) return null;
  const leader = knownLeader(state);
  // A node that found nobody to hand over to does not name itself: it is about to be gone.
  const other = leader?.id === nodeIdOf(state.self) ? null : leader;
  if (isStopping) return { ...notLeader(other), message: "this node is stopping" };
  if (waitsForRoom) {
    const id = nodeIdOf(state.self);
    const message = `the disk of ${id} is full, and ${id} takes no part until there is space; free space on that disk`;
    return { ...notLeader(null), message };
  }
  if (state.removed !== null) return ofRemoved(state, state.removed, nowMs);
  if (stateMachine === null || other !== null) return notLeader(other);
  const stopped = stateMachineStopped(stateMachine);
  // Another node may lead whose state machine runs.
  return leader === null
    ? { ...notLeader(null), message: `${notLeader(null).message}, and ${stopped.message}` }
    : stopped;
}

/** Whoever was a voter then may know who leads now: this node hears of nobody any more, and names each of them in turn. */
function ofRemoved({ self }: State, by: NonNullable<State["removed"]>, nowMs: Millis): ReplyError {
  const { members, voters } = by.configuration;
  const candidates = members.filter(({ key }) => voters.includes(key));
  const next = candidates[Math.floor(nowMs / turnMs) % candidates.length];
  const leader: LeaderHint | null = next === undefined ? null : { id: nodeIdOf(next.key), address: next.address };
  return { code: "not-leader", message: removedWords(nodeIdOf(self), by), leader };
}
