// What do the numbers, names and addresses mean that people type? Times are milliseconds unless they carry a unit; counts are whole
// and not zero.
import { faultOfAddress } from "../client/faulty-names.ts";
import { isName, nameRule } from "../core/name.ts";
import { GraftError } from "../errors.ts";

const UNIT_MS: Readonly<Record<string, number>> = { "": 1, ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000 };
/** What a timer can wait. */
const DURATION_MAX_MS = 2 ** 31 - 1;

/** `2000`, `500ms`, `2s`, `1.5m`, `1h` → milliseconds. `flag` is for the error. Throws `GraftError("usage")`. */
export function parseDurationMs(flag: string, text: string): number {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?) ?([a-z]*)$/.exec(text) ?? [];
  const factor = UNIT_MS[unit];
  const wrong = (why: string): GraftError =>
    new GraftError(
      "usage",
      `${flag} ${JSON.stringify(text)}: ${why}; for instance 2000 (milliseconds), 500ms, 2s or 1m`,
    );
  if (number === undefined || factor === undefined) throw wrong("not a duration");
  const durationMs = Math.round(Number(number) * factor);
  if (durationMs < 1) throw wrong("too short");
  if (durationMs > DURATION_MAX_MS) throw wrong("too long");
  return durationMs;
}

/** A whole number from `min` to `max`, both included. Throws `GraftError("usage")`. */
export function parseCount(
  flag: string,
  text: string,
  { min, max }: { readonly min: number; readonly max: number },
): number {
  const count = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (count >= min && count <= max) return count;
  throw new GraftError("usage", `${flag} ${JSON.stringify(text)}: not a whole number from ${min} to ${max}`);
}

/** A whole number of 32 bits, negative or not. Throws `GraftError("usage")`. */
export function parseInteger(what: string, text: string): number {
  const number = /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (number >= -(2 ** 31) && number < 2 ** 31) return number;
  throw new GraftError("usage", `${what} ${JSON.stringify(text)}: not a whole number of 32 bits`);
}

/** `host:port`. Throws `GraftError("usage")`. */
export function parseAddress(what: string, text: string): string {
  const fault = faultOfAddress(text);
  if (fault === null) return text;
  throw new GraftError("usage", `${what}: ${fault}`);
}

/** The name of a node. Throws `GraftError("usage")`. */
export function parseName(what: string, text: string): string {
  if (isName(text)) return text;
  throw new GraftError("usage", `${what}: ${JSON.stringify(text)} is not the name of a node; use ${nameRule}`);
}
