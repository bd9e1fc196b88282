// Where in a statement does SQLite run loops of which nobody knows the end? In each SELECT that joins tables or is within another statement, in each
// UPDATE with a FROM, and beside common table expressions, which may be recursive.
import { turnFunction } from "./refused-names.ts";
import { calledAt, foldedName, isSign, isWord, nameOf, type Token } from "./tokens.ts";

export interface Source {
  /** Of a table, view or function, as names are compared. */
  readonly name: string;
  /** What columns are called by, as it is written. */
  readonly alias: Token;
}

export interface Select {
  /** The word WHERE. */
  readonly where: Token | null;
  /** Where the condition ends, or would. */
  readonly end: number;
  /** What is joined, as far as these have names. */
  readonly sources: readonly Source[];
  readonly isLoop: boolean;
  /** It was counted already: the text comes from the schema. */
  readonly isCounted: boolean;
}

/** Those with a FROM. */
export function selectsOf(tokens: readonly Token[]): readonly Select[] {
  const hasWith = tokens.some((token) => isWord(token, "WITH"));
  const commons = hasWith ? commonNames(tokens) : new Set<string>();
  let depth = 0;
  return tokens.flatMap((token, nth) => {
    if (isSign(token, "(")) depth++;
    if (isSign(token, ")")) depth--;
    if (!isWord(token, "SELECT") && !isUpdateAt(tokens, nth)) return [];
    return selectAt(tokens, nth, { isNested: depth > 0, hasWith, commons });
  });
}

/** Of rows, and not the event of a trigger or what an upsert does. */
const isUpdateAt = (tokens: readonly Token[], at: number): boolean =>
  isWord(tokens[at], "UPDATE") && !isWord(tokens[at - 1], "DO", "ON") && !isWord(tokens[at + 1], "ON", "OF");

interface Around {
  readonly isNested: boolean;
  readonly hasWith: boolean;
  readonly commons: ReadonlySet<string>;
}

/** Words before which the condition has ended. Without the last two, each SELECT of a text that repeats the word would be read to the end. */
const endWords = ["GROUP", "HAVING", "ORDER", "LIMIT", "UNION", "INTERSECT", "EXCEPT", "RETURNING", "SELECT", "UPDATE"];

function selectAt(tokens: readonly Token[], start: number, { isNested, hasWith, commons }: Around): readonly Select[] {
  let [from, where, depth]: [number | null, number | null, number] = [null, null, 0];
  let at = start + 1;
  for (; at < tokens.length; at++) {
    const token = tokens[at]!;
    if (isSign(token, "(")) depth++;
    else if (isSign(token, ")") && depth-- === 0) break;
    else if (depth > 0) continue;
    else if (isSign(token, ";") || isWord(token, ...endWords) || isEndAt(tokens, at)) break;
    // `IS DISTINCT FROM` compares.
    else if (isWord(token, "FROM") && from === null && !isWord(tokens[at - 1], "DISTINCT")) from = at;
    else if (isWord(token, "WHERE") && from !== null) where ??= at;
  }
  if (from === null) return [];
  const joined = tokens.slice(from, where ?? at);
  const changed = isWord(tokens[start], "UPDATE") ? changedBy(tokens, start) : [];
  const isJoin = isNested || changed.length > 0 || joined.some((token) => isSign(token, ",") || isWord(token, "JOIN"));
  const end = tokens[at - 1]!.end;
  const sources = isJoin ? [...changed, ...sourcesIn(joined)].filter(({ name }) => !commons.has(name)) : [];
  const isCounted = where !== null && hasTurn(tokens, where + 1, at);
  return [{ where: where === null ? null : tokens[where]!, end, sources, isLoop: isJoin || hasWith, isCounted }];
}

/** `graft_turn()` alone, or `graft_turn() AND (`: what is put there. */
function hasTurn(tokens: readonly Token[], at: number, end: number): boolean {
  if (calledAt(tokens, at) !== turnFunction || !isSign(tokens[at + 2], ")")) return false;
  return at + 3 === end || (isWord(tokens[at + 3], "AND") && isSign(tokens[at + 4], "("));
}

/** WINDOW may be a name, and ON is most often the condition of a join. */
function isEndAt(tokens: readonly Token[], at: number): boolean {
  if (isWord(tokens[at], "WINDOW")) return nameOf(tokens[at + 1]) !== null && isWord(tokens[at + 2], "AS");
  return isWord(tokens[at], "ON") && isWord(tokens[at + 1], "CONFLICT");
}

/** Names of common table expressions hide those of tables. */
function commonNames(tokens: readonly Token[]): ReadonlySet<string> {
  const isCommon = (nth: number): boolean => {
    const [next, afterNext] = [tokens[nth + 1], tokens[nth + 2]];
    return (
      isSign(next, "(") || (isWord(next, "AS") && (isSign(afterNext, "(") || isWord(afterNext, "NOT", "MATERIALIZED")))
    );
  };
  const names = tokens.filter((token, nth) => nameOf(token) !== null && isCommon(nth));
  return new Set(names.map(({ value }) => foldedName(value)));
}

/** Functions that stand for a table, and the column that each row of theirs has. */
export const rowFunctions: ReadonlyMap<string, string> = new Map([
  ["json_each", "id"],
  ["json_tree", "id"],
]);

/** Words that may follow a table, and are no alias. */
const notAliases = [
  ..."CROSS EXCEPT FULL GROUP HAVING INDEXED INNER INTERSECT JOIN LEFT LIMIT NATURAL NOT ON ORDER OUTER RIGHT".split(
    " ",
  ),
  ..."SET UNION USING WHERE WINDOW".split(" "),
];

/** SQLite takes a text for a name there. */
const isName = (token: Token): boolean => nameOf(token) !== null || token.kind === "string";

/** `FROM a, b AS c JOIN main.d, json_each(e) f`, but no subqueries. */
function sourcesIn(tokens: readonly Token[]): readonly Source[] {
  let depth = 0;
  return tokens.flatMap((token, nth): readonly Source[] => {
    if (isSign(token, "(")) depth++;
    if (isSign(token, ")")) depth--;
    if (depth > 0 || !(isWord(token, "FROM", "JOIN") || isSign(token, ","))) return [];
    return sourceAt(tokens, nth + 1);
  });
}

/** `UPDATE OR IGNORE a AS b` */
const changedBy = (tokens: readonly Token[], at: number): readonly Source[] =>
  sourceAt(tokens, isWord(tokens[at + 1], "OR") ? at + 3 : at + 1);

function sourceAt(tokens: readonly Token[], first: number): readonly Source[] {
  const at = isSign(tokens[first + 1], ".") ? first + 2 : first;
  const named = tokens[at];
  const name = nameOf(named);
  const isCall = isSign(tokens[at + 1], "(");
  if (name === null || (isCall && !rowFunctions.has(name))) return [];
  const after = isCall ? closeOf(tokens, at + 1) + 1 : at + 1;
  const [next, afterNext] = [tokens[after], tokens[after + 1]];
  if (isWord(next, "AS")) return afterNext === undefined ? [] : [{ name, alias: afterNext }];
  const hasAlias = next !== undefined && isName(next) && !isWord(next, ...notAliases);
  return [{ name, alias: hasAlias ? next : named! }];
}

function closeOf(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let at = open; at < tokens.length; at++) {
    if (isSign(tokens[at], "(")) depth++;
    if (isSign(tokens[at], ")") && --depth === 0) return at;
  }
  return tokens.length;
}
