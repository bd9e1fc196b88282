// May a statement give a row a number of the client's choice? SQLite numbers new rows one above the highest; above the very highest it chooses by
// chance, and every node otherwise. So statements whose rowids are not plain to see are watched.
import type { SqlStatement } from "./statements.ts";
import { isSign, isWord, nameOf, type Token } from "./tokens.ts";
import type { Bindings, Bound } from "./values.ts";

/** From here on rowids are refused: the next ones never come to the highest. */
export const rowidEnd = 2n ** 62n;

export interface Assignments {
  /** It inserts values that are written there or given as parameters. */
  readonly isPlainInsert: boolean;
  /** The names after SET, as names are compared. */
  readonly set: ReadonlySet<string>;
}

export function assignmentsOf({ tokens, kind }: SqlStatement): Assignments {
  return {
    isPlainInsert: kind === "insert" && isPlainInsert(tokens),
    set: new Set(setPart(tokens).flatMap((token) => nameOf(token) ?? [])),
  };
}

function isPlainInsert(tokens: readonly Token[]): boolean {
  const at = tokens.findIndex((token) => isWord(token, "VALUES"));
  if (at === -1 || isWord(tokens[0], "WITH")) return false;
  const returning = tokens.findIndex((token) => isWord(token, "RETURNING"));
  const values = tokens.slice(at + 1, returning === -1 ? tokens.length : returning);
  return !tokens.some((token) => isWord(token, "SELECT", "CONFLICT")) && values.every(isPlainValue);
}

function isPlainValue(token: Token): boolean {
  switch (token.kind) {
    case "parameter":
      return true;
    case "blob":
      return true;
    case "string":
    case "number":
      return isSmall(token.value);
    case "word":
      return isWord(token, "NULL", "TRUE", "FALSE");
    default:
      return ["(", ")", ",", "-"].some((sign) => isSign(token, sign));
  }
}

/** From SET to where the assignments end. */
function setPart(tokens: readonly Token[]): readonly Token[] {
  const at = tokens.findIndex((token) => isWord(token, "SET"));
  if (at === -1) return [];
  const after = tokens.slice(at + 1);
  const end = after.findIndex((token) => isWord(token, "WHERE", "FROM", "RETURNING"));
  return end === -1 ? after : after.slice(0, end);
}

/** A text may become an integer, too: one with so few characters is no large one. */
const isSmall = (text: string): boolean => text.length <= 15 && !/e/i.test(text);

/** Whether none of these values can become a large rowid. */
export function areSmall({ values, casts }: Bindings): boolean {
  if (casts.size > 0) return false;
  for (const value of Object.values(values) as readonly Bound[]) if (!isSmallValue(value)) return false;
  return true;
}

function isSmallValue(value: Bound): boolean {
  if (typeof value === "bigint") return value <= BigInt(Number.MAX_SAFE_INTEGER);
  if (typeof value === "number") return value < Number.MAX_SAFE_INTEGER;
  if (typeof value === "string") return isSmall(value) || !/^\s*[+-]?\.?\d/.test(value);
  return true;
}
