// What a leader knows of a follower before it has heard from it, and when it asks anew. How that changes with the answers is
// replication.ts; which followers count is faults.ts.
import type { LogIndex } from "./log-position.ts";
import type { Followed, FollowerClock, Probing, Progress } from "./roles.ts";
import type { State } from "./state.ts";

export const noClock: FollowerClock = Object.freeze({ mark: null, freshAsOf: null });

/** What a leader knows of a node that it begins to follow: it is to be asked first from `nextIndex` on. */
export const firstProgress = ({ nowMs }: State, nextIndex: LogIndex): Probing => ({
  kind: "probing",
  nextIndex,
  matchIndex: 0,
  matchedAfter: 0,
  heardMs: nowMs,
  ackedRound: 0,
  clock: noClock,
  fault: null,
  asked: false,
});

/** The follower is to be asked anew, from `nextIndex` on. */
export const probing = (progress: Progress, nextIndex: LogIndex): Probing => ({
  ...followed(progress),
  kind: "probing",
  nextIndex,
  asked: false,
});

/** What is known of a follower in whatever way it is sent the log. */
export function followed(progress: Progress): Followed {
  const { nextIndex, matchIndex, matchedAfter, heardMs, ackedRound, clock, fault } = progress;
  return { nextIndex, matchIndex, matchedAfter, heardMs, ackedRound, clock, fault };
}
