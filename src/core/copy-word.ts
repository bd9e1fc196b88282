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

/** How many words of a copy are remembered: the latest ones. */
export const copyWordsMax = 64;
