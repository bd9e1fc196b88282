// Why is a state thrown away that the state machine could go on with?
import type { LogIndex } from "../core/log-position.ts";
import { GraftError } from "../errors.ts";

/** It got past an entry that may be skipped. */
export const inQuestion = (entry: LogIndex): GraftError =>
  thrownAway(`an administrator is about to skip entry ${entry}, and the state is made anew`);

/** It was given an entry that has been skipped. */
export const byDecision = (entry: LogIndex): GraftError =>
  thrownAway(`an administrator has skipped entry ${entry}, and the state is made anew without it`);

/** A snapshot comes that is beyond what it hangs at. */
export const hung = thrownAway("it hung, and begins anew with a snapshot that this node has received");

/** Nobody can tell at which entry of its batch. */
export const hungAtOne = thrownAway(
  "it hung at one of several entries, and begins anew: it is given these one at a time, so that the entry is known",
);

function thrownAway(why: string): GraftError {
  return new GraftError("state-machine", why);
}
