// What came of the same steps, played in two ways, and where do the two part? Every way of playing tells its transcript in the same words.
import { differenceOf } from "../sim/agreement.ts";
import { firstDifference } from "../sim/state-text.ts";

/** A command or a query. */
export interface Step {
  readonly kind: "command" | "query";
  readonly payload: Uint8Array;
  /** For people: `the command add {"item":"a"}`. */
  readonly text: string;
}

/** After a step, or before the first one. Null: this way of playing cannot tell. */
export interface Moment {
  /** Of the step. A query that looks at the clock has none. */
  readonly outcome: string | null;
  /** The value that `create` returned. */
  readonly state: string | null;
  /** Of a snapshot. */
  readonly items: string | null;
}

/** A rule that a play has broken, as plain data. */
export interface Fault {
  readonly rule: string;
  /** How many steps were done before the one that broke it; null: it was not in a step. */
  readonly step: number | null;
  /** How it is broken, a line each. */
  readonly lines: readonly string[];
  /** The part of the state that it is about. */
  readonly field: string | null;
  readonly remedy: string;
  /** Of what was thrown. */
  readonly stack: string | null;
  /** Whether it takes long to see it. */
  readonly isSlow?: boolean;
}

export type Played =
  { readonly kind: "played"; readonly moments: readonly Moment[] } | { readonly kind: "fault"; readonly fault: Fault };

/** Without the outcomes that another play cannot tell. A play that ended early is left as it is. */
export function withoutUntold(played: Played, other: Played): Played {
  if (played.kind !== "played" || other.kind !== "played") return other.kind === "fault" ? other : played;
  const moments = played.moments.map((moment, nth) => ({
    ...moment,
    outcome: other.moments[nth]?.outcome === null ? null : moment.outcome,
  }));
  return { kind: "played", moments };
}

/** Two ways of playing. */
export interface Pair {
  readonly rule: string;
  /** How the first way and the other one are called, as the beginning of a line. */
  readonly ways: readonly [one: string, other: string];
  /** The remedy for the author. `field`: the part of the state that differs; null: an answer differs. */
  readonly remedy: (field: string | null) => string;
}

/** The first moment at which two ways of playing the same steps part. Null: at none. */
export function faultBetween(one: readonly Moment[], other: readonly Moment[], pair: Pair): Fault | null {
  for (const [nth, moment] of one.entries()) {
    const otherMoment = other[nth];
    if (otherMoment === undefined) return null;
    for (const aspect of ["outcome", "state", "items"] as const) {
      const [text, otherText] = [moment[aspect], otherMoment[aspect]];
      if (text !== null && otherText !== null && text !== otherText)
        return faultOf(nth, aspect, [text, otherText], pair);
    }
  }
  return null;
}

const aspectWords = {
  outcome: "the answer differs",
  state: "the state differs",
  items: "the items of the snapshot differ",
} as const;

function faultOf(
  nth: number,
  aspect: keyof typeof aspectWords,
  [text, otherText]: readonly [string, string],
  pair: Pair,
): Fault {
  const { rule, ways, remedy } = pair;
  const field = aspect === "outcome" ? null : (firstDifference(text, otherText)?.path ?? null);
  return {
    rule,
    step: nth === 0 ? null : nth - 1,
    lines: [aspectWords[aspect], ...differenceOf([ways[0], text], [ways[1], otherText])],
    field,
    remedy: remedy(field === "" ? null : field),
    stack: null,
  };
}
