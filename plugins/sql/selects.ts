// Where in a statement does SQLite run loops of which nobody knows the end? In each SELECT that joins tables or is within another statement, in each
// UPDATE with a FROM, and beside common table expressions, which may be recursive.
import { Rejected } from "graft";
import { commonBodies, tableName } from "./expansion.ts";
import { turnFunction } from "./refused-names.ts";
import { calledAt, isSign, isWord, nameOf, partnersOf, type Token } from "./tokens.ts";

export interface Source {
  /** Of a table, view or function, as names are compared. */
  readonly name: string;
  /** What columns are called by, as it is written. */
  readonly alias: Token;
  /** With its database before it: no common table expression hides it. */
  readonly isQualified: boolean;
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

/** Those with a FROM. Throws `Rejected` for one that joins too much, or whose tables cannot be named. */
export function selectsOf(tokens: readonly Token[]): readonly Select[] {
  const hasWith = tokens.some((token) => isWord(token, "WITH"));
  const commons = new CommonNames(hasWith ? tokens : []);
  const doesWrite = isWord(tokens[0], "WITH", "INSERT", "REPLACE") || isTableOfRows(tokens);
  const keepsText = isWord(tokens[0], "CREATE") && !isTableOfRows(tokens);
  let depth = 0;
  return tokens.flatMap((token, nth) => {
    if (isSign(token, "(")) depth++;
    if (isSign(token, ")")) depth--;
    commons.pass(nth);
    if (!isWord(token, "SELECT") && !isUpdateAt(tokens, nth)) return [];
    return selectAt(tokens, nth, { isNested: depth > 0 || doesWrite, hasWith, keepsText, commons });
  });
}

/** `CREATE TABLE … AS SELECT` */
export const isTableOfRows = (tokens: readonly Token[]): boolean =>
  isWord(tokens[0], "CREATE") &&
  isWord(tokens[1], "TABLE") &&
  tokens.some((token) => isWord(token, "SELECT", "VALUES"));

/** Of rows, and not the event of a trigger or what an upsert does. */
const isUpdateAt = (tokens: readonly Token[], at: number): boolean =>
  isWord(tokens[at], "UPDATE") && !isWord(tokens[at - 1], "DO", "ON") && !isWord(tokens[at + 1], "ON", "OF");

interface Around {
  readonly isNested: boolean;
  readonly hasWith: boolean;
  /** It creates something that SQLite keeps as a text. */
  readonly keepsText: boolean;
  readonly commons: Pick<CommonNames, "has">;
}

/** Words before which the condition has ended. Without the last two, each SELECT of a text that repeats the word would be read to the end. */
const endWords = ["GROUP", "HAVING", "ORDER", "LIMIT", "UNION", "INTERSECT", "EXCEPT", "RETURNING", "SELECT", "UPDATE"];

function selectAt(tokens: readonly Token[], start: number, around: Around): readonly Select[] {
  const { isNested, hasWith, keepsText, commons } = around;
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
  const sources = isJoin ? [...changed, ...tablesIn(joined, commons)] : [];
  const isCounted = keepsText && where !== null && hasTurn(tokens, where + 1, at);
  return [{ where: where === null ? null : tokens[where]!, end, sources, isLoop: isJoin || hasWith, isCounted }];
}

/** `graft_turn()` alone, or `graft_turn() AND (`: what is put there. A client may write it as well. */
function hasTurn(tokens: readonly Token[], at: number, end: number): boolean {
  if (calledAt(tokens, at) !== turnFunction || !isSign(tokens[at + 2], ")")) return false;
  return at + 3 === end || (isWord(tokens[at + 3], "AND") && isSign(tokens[at + 4], "("));
}

/** WINDOW may be a name, and ON is most often the condition of a join. */
function isEndAt(tokens: readonly Token[], at: number): boolean {
  if (isWord(tokens[at], "WINDOW")) return nameOf(tokens[at + 1]) !== null && isWord(tokens[at + 2], "AS");
  return isWord(tokens[at], "ON") && isWord(tokens[at + 1], "CONFLICT");
}

/** Names of common table expressions hide those of tables within the parentheses around their WITH. Tokens are passed from left to right. */
class CommonNames {
  /** By the parenthesis around it. */
  readonly #names = new Map<number, string[]>();
  readonly #partners: ReadonlyMap<number, number>;
  /** How often a name hides a table where the last token is. */
  readonly #hiding = new Map<string, number>();

  constructor(tokens: readonly Token[]) {
    this.#partners = partnersOf(tokens);
    const starts = new Map([...commonBodies(tokens)].flatMap(([name, all]) => all.map(({ start }) => [start, name])));
    const opens = [-1];
    for (const [nth, token] of tokens.entries()) {
      const name = starts.get(nth + 1);
      const open = opens.at(-1) ?? -1;
      if (name !== undefined && this.#names.get(open)?.push(name) === undefined) this.#names.set(open, [name]);
      if (isSign(token, "(")) opens.push(nth);
      if (isSign(token, ")")) opens.pop();
    }
    this.#change(-1, 1);
  }

  pass(nth: number): void {
    const partner = this.#partners.get(nth);
    if (partner !== undefined) this.#change(Math.min(nth, partner), partner > nth ? 1 : -1);
  }

  has(name: string): boolean {
    return (this.#hiding.get(name) ?? 0) > 0;
  }

  #change(open: number, by: number): void {
    for (const name of this.#names.get(open) ?? []) this.#hiding.set(name, (this.#hiding.get(name) ?? 0) + by);
  }
}

/** Functions that stand for a table, and the column that each row of theirs has. */
export const rowFunctions: ReadonlyMap<string, string> = new Map([
  ["json_each", "id"],
  ["json_tree", "id"],
  ["jsonb_each", "id"],
  ["jsonb_tree", "id"],
]);

/** Words that may follow a table, and are no alias. */
const notAliases = [
  ..."CROSS EXCEPT FULL GROUP HAVING INDEXED INNER INTERSECT JOIN LEFT LIMIT NATURAL NOT ON ORDER OUTER RIGHT".split(
    " ",
  ),
  ..."SET UNION USING WHERE WINDOW".split(" "),
];

/** The time that SQLite needs to compile a join grows with a power of their number, and it cannot be interrupted meanwhile. */
const joinedMax = 20;

const tablesIn = (joined: readonly Token[], commons: Around["commons"]): readonly Source[] =>
  sourcesIn(joined).filter(({ name, isQualified }) => isQualified || !commons.has(name));

/** `FROM a, b AS c JOIN (main.d, json_each(e) f)`, but no subqueries. */
function sourcesIn(tokens: readonly Token[]): readonly Source[] {
  const sources: Source[] = [];
  const partners = partnersOf(tokens);
  let count = 0;
  /** Where each join in parentheses ends that is not the first of its FROM: SQLite makes a subquery of it. */
  let ends: readonly number[] = [];
  for (let at = 0; at < tokens.length; at++) {
    const isOpen = isSign(tokens[at], "(");
    if (isOpen && !isJoinAt(tokens, at)) {
      at = partners.get(at) ?? tokens.length;
    } else if (isOpen || isWord(tokens[at], "FROM", "JOIN") || isSign(tokens[at], ",")) {
      ends = ends.filter((end) => at < end);
      if (isOpen) ends = joinedAt(tokens, at, { ends, close: partners.get(at) ?? tokens.length });
      if (!isSign(tokens[at + 1], "(") || !isJoinAt(tokens, at + 1)) count++;
      sources.push(...sourceAt(tokens, at + 1));
    }
  }
  if (count > joinedMax) throw new Rejected(`one FROM joins ${count} tables, and ${joinedMax} at most may be in one`);
  return sources;
}

/** A parenthesis that holds tables, and neither a subquery nor a condition. */
const isJoinAt = (tokens: readonly Token[], at: number): boolean => {
  const before = tokens[at - 1];
  const isTable = isWord(before, "FROM", "JOIN") || isSign(before, ",") || isSign(before, "(");
  return isTable && !isWord(tokens[at + 1], "SELECT", "VALUES", "WITH");
};

/** Tables behind a name or within two subqueries could not be named from outside, so their turns would not be counted. */
function joinedAt(
  tokens: readonly Token[],
  at: number,
  { ends, close }: { readonly ends: readonly number[]; readonly close: number },
): readonly number[] {
  const [only] = sourceAt(tokens, at + 1);
  const isFirst = isWord(tokens[at - 1], "FROM") || isSign(tokens[at - 1], "(");
  const isAlone = tokens.slice(at, close).every((token) => !isWord(token, "JOIN") && !isSign(token, ","));
  const isHidden = isAlone && only !== undefined && tableName(only.alias) !== only.name;
  if (aliasAt(tokens, close + 1) !== null || (!isFirst && (isHidden || ends.length > 0)))
    throw new Rejected("tables are hidden in parentheses: leave these out, or write (SELECT * FROM …) AS name");
  return isFirst ? ends : [...ends, close];
}

/** `UPDATE OR IGNORE a AS b` */
const changedBy = (tokens: readonly Token[], at: number): readonly Source[] =>
  sourceAt(tokens, isWord(tokens[at + 1], "OR") ? at + 3 : at + 1);

function sourceAt(tokens: readonly Token[], first: number): readonly Source[] {
  const isQualified = isSign(tokens[first + 1], ".");
  const at = isQualified ? first + 2 : first;
  const named = tokens[at];
  const name = named === undefined ? null : tableName(named);
  const isCall = isSign(tokens[at + 1], "(");
  if (name === null || (isCall && !rowFunctions.has(name))) return [];
  const after = isCall ? closeOf(tokens, at + 1) + 1 : at + 1;
  return [{ name, alias: aliasAt(tokens, after) ?? named!, isQualified }];
}

function aliasAt(tokens: readonly Token[], at: number): Token | null {
  const [next, afterNext] = [tokens[at], tokens[at + 1]];
  if (isWord(next, "AS")) return afterNext ?? null;
  return next !== undefined && tableName(next) !== null && !isWord(next, ...notAliases) ? next : null;
}

function closeOf(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let at = open; at < tokens.length; at++) {
    if (isSign(tokens[at], "(")) depth++;
    if (isSign(tokens[at], ")") && --depth === 0) return at;
  }
  return tokens.length;
}
