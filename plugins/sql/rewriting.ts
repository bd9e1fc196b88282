// What does SQLite get to see instead of what the client wrote? The present becomes a function of replicated time, the schema a view without
// the numbers of pages, and loops that may take for ever count their turns. The rest stays as it is.
import { Rejected } from "graft";
import { dateFunctions, nowFunction, schemaNames, schemaView, turnFunction } from "./refused-names.ts";
import { rowFunctions, selectsOf } from "./selects.ts";
import type { SqlStatement } from "./statements.ts";
import { calledAt, foldedName, isSign, isWord, nameOf, type Token } from "./tokens.ts";

/** What a parameter is made of what SQLite got for it. */
export type Cast = "REAL" | "TEXT";

export interface RewritingOptions {
  /** By the name of a parameter, or by its place among all positional ones. */
  readonly casts: ReadonlyMap<string | number, Cast>;
  /** A column that each table has, its rowid if there is one. Null: turns of loops over tables are not counted. */
  readonly rowidNames: ReadonlyMap<string, string> | null;
}

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export function rewritten(statement: SqlStatement, { casts, rowidNames }: RewritingOptions): string {
  const { tokens } = statement;
  return edited(statement, [
    ...(casts.size > 0 ? castEdits(tokens, casts) : []),
    ...dateEdits(tokens).toReversed(),
    ...nameEdits(statement),
    ...turnEdits(statement, rowidNames),
  ]);
}

/** As the client wrote it, but for the name of the schema: what SQLite calls the columns of this. */
export const withSchemaView = (statement: SqlStatement): string => edited(statement, schemaEdits(statement.tokens));

/** In the name of a column. No client can have written the name of the view. */
export const withoutSchemaView = (column: string): string => column.replaceAll(schemaView, "sqlite_schema");

function edited({ text }: SqlStatement, edits: readonly Edit[]): string {
  if (edits.length === 0) return text;
  let done = "";
  let at = 0;
  // Edits of one place keep their order: what is inside another call ends first.
  for (const edit of edits.toSorted((one, other) => one.start - other.start)) {
    done += text.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  return done + text.slice(at);
}

/** `date('now')` and `date()` take the present from a function. Where the present comes from elsewhere, the date functions refuse it. */
function dateEdits(tokens: readonly Token[]): readonly Edit[] {
  return tokens.flatMap((token, nth): readonly Edit[] => {
    const name = calledAt(tokens, nth) ?? "";
    const dates = dateFunctions.get(name);
    if (dates === undefined) return [];
    const given = argumentsOf(tokens, nth + 1);
    if (given === null) return [];
    const edits: Edit[] = [];
    for (let place = dates.at; place < dates.at + dates.dates; place++) {
      const [only, more] = given.items[place] ?? [];
      if (only === undefined) {
        const comma = place > 0 ? ", " : "";
        if (place === given.items.length) edits.push(inserted(given.close.start, `${comma}${nowFunction}()`));
      } else if (more === undefined && only.kind === "string") edits.push(...presentIn(only, place));
    }
    const [start, end] = [token.start, given.close.end];
    // As it is put there.
    const isCast =
      isWord(tokens[nth - 2], "CAST") &&
      isSign(tokens[nth - 1], "(") &&
      isWord(given.after[0], "AS") &&
      isWord(given.after[1], "REAL");
    return isReal(name, given.items) && !isCast ? [...edits, ...exactly(start, end, "REAL")] : edits;
  });
}

/** A whole number that a function of this plugin answers is an integer for SQLite. */
const isReal = (name: string, items: readonly (readonly Token[])[]): boolean =>
  name === "julianday" ||
  (name === "unixepoch" &&
    items.some(([only]) => only?.kind === "string" && /^subsec(?:ond)?$/.test(foldedName(only.value))));

/** `subsec` alone is the present, in milliseconds. */
function presentIn({ start, end, value }: Token, place: number): readonly Edit[] {
  const text = foldedName(value);
  if (text === "now") return [{ start, end, text: `${nowFunction}()` }];
  if (place === 0 && (text === "subsec" || text === "subsecond")) return [inserted(start, `${nowFunction}(), `)];
  return [];
}

interface Arguments {
  readonly items: readonly (readonly Token[])[];
  readonly close: Token;
  /** The two that follow. */
  readonly after: readonly Token[];
}

/** What is between the parentheses, at its commas; null: they have no end. */
function argumentsOf(tokens: readonly Token[], open: number): Arguments | null {
  const items: Token[][] = [[]];
  let depth = 0;
  for (let at = open + 1; at < tokens.length; at++) {
    const token = tokens[at]!;
    if (depth === 0 && isSign(token, ")")) {
      const isEmpty = items.length === 1 && items[0]!.length === 0;
      return { items: isEmpty ? [] : items, close: token, after: tokens.slice(at + 1, at + 3) };
    }
    if (isSign(token, "(")) depth++;
    if (isSign(token, ")")) depth--;
    if (depth === 0 && isSign(token, ",")) items.push([]);
    else items.at(-1)!.push(token);
  }
  return null;
}

const schemaEdits = (tokens: readonly Token[]): readonly Edit[] =>
  tokens.filter(isSchema).map(({ start, end }) => ({ start, end, text: schemaView }));

const isSchema = (token: Token): boolean => schemaNames.has(nameOf(token) ?? "");

/** In double quotes SQLite takes a name that is no column for a text, and keeps it in an index after a column of that name was added. */
function nameEdits({ text, tokens }: SqlStatement): readonly Edit[] {
  const doubleQuoted = tokens.filter((token) => token.kind === "quoted" && text[token.start] === '"');
  const renamed = doubleQuoted.filter((token) => !isSchema(token));
  const edits = renamed.map(({ start, end, value }) => ({ start, end, text: `\`${value.replaceAll("`", "``")}\`` }));
  return [...schemaEdits(tokens), ...edits];
}

/** Parameters have the numbers that SQLite gives them: one without a number or with a new name is one above the highest. */
function castEdits(tokens: readonly Token[], casts: RewritingOptions["casts"]): readonly Edit[] {
  const numbers = new Map<string, number>();
  let highest = 0;
  return tokens.flatMap((token): readonly Edit[] => {
    if (token.kind !== "parameter") return [];
    const { value } = token;
    const written = /^\?\d/.test(value) ? Number(value.slice(1)) : numbers.get(value);
    const number = written ?? highest + 1;
    highest = Math.max(highest, number);
    if (value !== "?") numbers.set(value, number);
    const cast = casts.get(number - 1) ?? casts.get(value.slice(1));
    return cast === undefined ? [] : exactly(token.start, token.end, cast);
  });
}

/** A cast has an affinity, by which comparisons convert. Neither a parameter nor the answer of a function has one: the sign takes it away. */
const exactly = (start: number, end: number, cast: Cast): readonly Edit[] => [
  inserted(start, "(+CAST("),
  inserted(end, ` AS ${cast}))`),
];

/** A condition that is always true, and that is asked for at each turn of a loop. */
function turnEdits({ text, tokens }: SqlStatement, rowidNames: RewritingOptions["rowidNames"]): readonly Edit[] {
  return selectsOf(tokens).flatMap(({ where, end, sources, isLoop, isCounted }): readonly Edit[] => {
    if (!isLoop || isCounted) return [];
    const rows = rowidNames === null ? [] : sources;
    const known = new Set<string>();
    const turns = rows.flatMap(({ name, alias }) => {
      const rowid = rowidNames?.get(name) ?? rowFunctions.get(name) ?? null;
      if (rowid === null) return [];
      const called = foldedName(alias.value);
      if (known.has(called)) throw new Rejected(`two tables of one FROM are called ${called}: name them with AS`);
      known.add(called);
      return [`${turnFunction}(${text.slice(alias.start, alias.end)}.${rowid})`];
    });
    const condition = [`${turnFunction}()`, ...turns].join(" AND ");
    if (where === null) return [inserted(end, ` WHERE ${condition} `)];
    return [inserted(where.end, ` ${condition} AND (`), inserted(end, ") ")];
  });
}

const inserted = (at: number, text: string): Edit => ({ start: at, end: at, text });
