// Which inserts are so plain that nothing can go wrong half-way? Those of one row of small values that are written there or given as parameters: the
// row is there or not, and its rowid is known beforehand. SQLite numbers new rows one above the highest; above the very highest it chooses by chance, and
// every node otherwise.
import { isSign, isWord, nameOf, type Token } from "./tokens.ts";
import type { Bindings, Bound } from "./values.ts";

/** From here on rowids are refused: the next ones never come to the highest. */
export const rowidEnd = 2n ** 62n;

/** `INSERT INTO name (names) VALUES (values)`, and nothing else. */
export function isPlainInsert(tokens: readonly Token[]): boolean {
  const at = tokens.findIndex((token) => isWord(token, "VALUES"));
  if (at === -1 || !isWord(tokens[0], "INSERT") || !isWord(tokens[1], "INTO")) return false;
  const isOneRow = isSign(tokens[at + 1], "(") && isSign(tokens.at(-1), ")");
  return isOneRow && tokens.slice(2, at).every(isPlainName) && tokens.slice(at + 2, -1).every(isPlainValue);
}

const isPlainName = (token: Token): boolean =>
  nameOf(token) !== null || token.kind === "string" || ["(", ")", ",", "."].some((sign) => isSign(token, sign));

function isPlainValue(token: Token): boolean {
  switch (token.kind) {
    case "parameter":
    case "blob":
      return true;
    case "string":
    case "number":
      return isSmall(token.value);
    case "word":
      return isWord(token, "NULL", "TRUE", "FALSE");
    default:
      return isSign(token, ",") || isSign(token, "-");
  }
}

/** A text may become an integer, too: one with so few characters is no large one. */
const isSmall = (text: string): boolean => text.length <= 15 && !/e/i.test(text);

const smallMax = BigInt(Number.MAX_SAFE_INTEGER);

/** Whether none of these values can become a large rowid. */
export function areSmall({ values, casts }: Bindings): boolean {
  if (casts.size > 0) return false;
  const all = (Array.isArray(values) ? values : Object.values(values)) as readonly Bound[];
  return all.every(isSmallValue);
}

function isSmallValue(value: Bound): boolean {
  if (typeof value === "bigint") return value <= smallMax;
  if (typeof value === "number") return value < Number.MAX_SAFE_INTEGER;
  if (typeof value === "string") return isSmall(value) || !/^\s*[+-]?\.?\d/.test(value);
  return true;
}
