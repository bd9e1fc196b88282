// How large does a statement become when SQLite puts views and common table expressions into it? It copies each as often as it is named, so a few lines
// can double twenty times. SQLite cannot be interrupted meanwhile, so such a statement is refused before.
import { Rejected } from "graft";
import { foldedName, isSign, isWord, nameOf, partnersOf, type Token, tokensOf } from "./tokens.ts";

/** How many words SELECT a view comes to, by its name as names are compared. */
export type ViewSizes = ReadonlyMap<string, number>;

const selectsMax = 2000;
/** Of views and common table expressions that name others. */
const depthMax = 100;

interface Body {
  readonly start: number;
  readonly end: number;
}

/** Throws `Rejected` for a statement that is too large. */
export function mustExpandLittle(tokens: readonly Token[], views: ViewSizes, what = "the statement"): void {
  if (views.size > 0 || tokens.some((token) => isWord(token, "WITH"))) mustBeSmall(sizeOf(tokens, views), what);
}

/** Throws `Rejected` for a view that is too large. @param views their names and SQL */
export function viewSizes(views: readonly { readonly name: string; readonly sql: string }[]): ViewSizes {
  const texts = new Map(views.map(({ name, sql }) => [foldedName(name), sql]));
  const sizes = new Map<string, number>();
  const find = (name: string, depth: number): number => {
    const known = sizes.get(name);
    if (known !== undefined) return known;
    mustBeFlat(depth);
    // A view that names itself is an error for SQLite.
    sizes.set(name, 0);
    const tokens = tokensOf(texts.get(name)!);
    const named = new Set(tokens.map(tableName).filter((other) => other !== null && texts.has(other)) as string[]);
    const size = sizeOf(tokens, new Map([...named].map((other) => [other, find(other, depth + 1)])));
    mustBeSmall(size, `the view ${name}`);
    sizes.set(name, size);
    return size;
  };
  for (const name of texts.keys()) find(name, 0);
  return sizes;
}

function mustBeSmall(size: number, what: string): void {
  if (size <= selectsMax) return;
  throw new Rejected(`${what} comes to more than ${selectsMax} SELECTs with its views and common table expressions`);
}

function mustBeFlat(depth: number): void {
  if (depth <= depthMax) return;
  throw new Rejected(`more than ${depthMax} views or common table expressions name each other in a row`);
}

/** SQLite takes a text for the name of a table, too. */
export const tableName = (token: Token): string | null =>
  token.kind === "string" ? foldedName(token.value) : nameOf(token);

function sizeOf(tokens: readonly Token[], views: ViewSizes): number {
  const commons = commonBodies(tokens);
  const ends = new Map([...commons.values()].flat().map(({ start, end }) => [start, end]));
  const sizes = new Map<string, number | null>();
  const find = (name: string, depth: number): number => {
    const known = sizes.get(name);
    const bodies = commons.get(name) ?? [];
    if (known === null && bodies.length > 1) {
      throw new Rejected(`two common table expressions are called ${name}: give each a name of its own`);
    }
    // One that names itself is not copied for that.
    if (known !== undefined) return known ?? 0;
    mustBeFlat(depth);
    sizes.set(name, null);
    const size = bodies.reduce((sum, { start, end }) => sum + within(start, end, depth + 1), views.get(name) ?? 0);
    sizes.set(name, size);
    return size;
  };
  const within = (start: number, end: number, depth: number): number => {
    let sum = 0;
    // What is defined counts where it is named.
    for (let at = start; at < end && sum <= selectsMax; at = ends.get(at + 1) ?? at + 1) {
      if (isWord(tokens[at], "SELECT")) sum++;
      const name = tableName(tokens[at]!);
      if (name !== null && (commons.has(name) || views.has(name)) && isNamed(tokens, at)) sum += find(name, depth);
    }
    return sum;
  };
  return within(0, tokens.length, 0);
}

/** Not defined there, and neither a function nor what a column belongs to. */
const isNamed = (tokens: readonly Token[], at: number): boolean =>
  !isSign(tokens[at + 1], ".") && !isSign(tokens[at + 1], "(") && bodyBehind(tokens, at + 1) === null;

/** Where the parenthesis is of `AS (` or `AS MATERIALIZED (`. */
function bodyBehind(tokens: readonly Token[], at: number): number | null {
  if (!isWord(tokens[at], "AS")) return null;
  let open = at + 1;
  while (isWord(tokens[open], "NOT", "MATERIALIZED")) open++;
  // A window may be defined in the same way.
  return isSign(tokens[open], "(") && isWord(tokens[open + 1], "SELECT", "VALUES", "WITH") ? open : null;
}

/** What is in the parentheses of each `name AS (…)` and `name (columns) AS (…)`. */
export function commonBodies(tokens: readonly Token[]): ReadonlyMap<string, readonly Body[]> {
  const bodies = new Map<string, Body[]>();
  if (!tokens.some((token) => isWord(token, "WITH"))) return bodies;
  const partners = partnersOf(tokens);
  for (const at of tokens.keys()) {
    const open = bodyBehind(tokens, at);
    const end = open === null ? undefined : partners.get(open);
    if (open === null || end === undefined) continue;
    const named = tokens[(partners.get(at - 1) ?? at) - 1];
    const name = named === undefined ? null : tableName(named);
    if (name === null) continue;
    const known = bodies.get(name);
    if (known === undefined) bodies.set(name, [{ start: open + 1, end }]);
    else known.push({ start: open + 1, end });
  }
  return bodies;
}
