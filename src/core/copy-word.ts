// What does a copy of the state machine say of itself, so that copies can be compared? The core takes no part in that.
import type { LogIndex } from "./log-position.ts";

/** Where a copy says something. */
export interface Place {
  readonly index: LogIndex;
  /** `outcomes`: the rolling hash over all outcomes. `content`: a hash of the whole state, which holds the former. */
  readonly of: "outcomes" | "content";
}

export interface CopyWord extends Place {
  /** 53 bits. */
  readonly value: number;
}

/** What outcomes have come to one by one, so that the first one that differs can be found. */
export interface OutcomeSteps {
  /** The entry that the first value is of. */
  readonly from: LogIndex;
  /** 32 bits of the rolling hash after each entry from there on. */
  readonly values: Uint32Array;
}

/** How many values a message or a milestone has at the most. */
export const outcomeStepsMax = 16_384;

/**
 * How many words of a copy are remembered: the latest of each kind. Nodes come to the hash of one content at different times, since a whole
 * state is read for it. Outcomes follow one another much faster.
 */
export const outcomeWordsMax = 56;
export const contentWordsMax = 8;
export const copyWordsMax = outcomeWordsMax + contentWordsMax;
