// How do inputs shrink that a plugin's own code draws? All that is drawn comes from a tape of numbers, and fast-check makes the tape: it
// knows how to make numbers smaller and lists shorter. What is drawn from a smaller tape is simpler, whichever schema or example draws it.
import type { Draw } from "../adapters/plugin/api.ts";
import { Chance } from "../sim/chance.ts";

/** Whole numbers below 2^32. */
export type Tape = readonly number[];

export const tapeNumberMax = 2 ** 32 - 1;
/** Behind the end of a tape everything is as simple as it can be for so many draws. Then it varies, for a schema that refuses the simplest. */
const simpleDraws = 64;

/** The same tape draws the same. */
export function drawFromTape(tape: Tape): Draw {
  const rest = new Chance(0);
  let at = 0;
  const random = (): number => {
    const place = at++;
    if (place < tape.length) return tape[place]! / (tapeNumberMax + 1);
    return place < tape.length + simpleDraws ? 0 : rest.fraction();
  };
  const below = (bound: number): number => Math.floor(random() * bound);
  return {
    random,
    integer: (low, high) => nthInteger(below(high - low + 1), low, high),
    pick: (list) => {
      if (list.length === 0) throw new RangeError("there is nothing to pick from");
      return list[below(list.length)]!;
    },
    // False is the simpler one of both.
    happens: (probability) => probability > 0 && random() >= 1 - probability,
    bytes: (length) => Uint8Array.from({ length }, () => below(256)),
  };
}

/** The numbers from `low` to `high` in this order: those nearest to zero first. */
function nthInteger(nth: number, low: number, high: number): number {
  const nearest = Math.min(Math.max(low, 0), high);
  const onBothSides = Math.min(nearest - low, high - nearest);
  if (nth > 2 * onBothSides)
    return nearest - low > high - nearest ? nearest + onBothSides - nth : nearest - onBothSides + nth;
  const distance = Math.ceil(nth / 2);
  return nth % 2 === 1 ? nearest + distance : nearest - distance;
}
