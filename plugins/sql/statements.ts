// Which statements does a script have, what kind is each, and does it say anything that is refused? Here the text is examined before SQLite sees
// it. What it is turned into is rewriting.ts.
import { Rejected } from "graft";
import {
  isRefusedText,
  machineFunctions,
  machineWhy,
  nowFunction,
  refusalOfName,
  refusedFunctions,
  refusedStatements,
  refusedWords,
  schemaNames,
  scriptFunctions,
  turnFunction,
} from "./refused-names.ts";
import { calledAt, foldedName, isSign, isWord, nameOf, type Token, tokensOf } from "./tokens.ts";

export type StatementKind = "read" | "insert" | "update" | "delete" | "schema" | "explain";

export interface SqlStatement {
  readonly kind: StatementKind;
  readonly text: string;
  /** With places in `text`. */
  readonly tokens: readonly Token[];
  /** Those that have a name, without what marks them, and each once. Positional ones have none. */
  readonly names: ReadonlySet<string>;
  readonly hasPositional: boolean;
  /** A function that it calls and no command may call; null: none. */
  readonly machineFunction: string | null;
}

/** A script may have so many statements. */
const statementsMax = 10_000;

/** Parentheses within each other. With more, SQLite refuses most statements, and the examination would take long. */
const depthMax = 200;
/** SQLite looks for each name among all. */
const namesMax = 1000;
const nameLengthMax = 1000;

/** Throws `Rejected` for what is refused, and for a text without a statement. */
export function statementsOf(sql: string): readonly SqlStatement[] {
  if (sql.includes("\0")) throw new Rejected("the SQL has a NUL character, at which SQLite would end it");
  const statements = split(tokensOf(sql)).map((tokens) => statementOf(sql, tokens));
  if (statements.length === 0) throw new Rejected("the SQL has no statement in it");
  if (statements.length > statementsMax) {
    throw new Rejected(
      `the script has ${statements.length} statements, and ${statementsMax} at most may be in one: send it in parts`,
    );
  }
  return statements;
}

/** At each semicolon, but for those within a trigger: such a statement ends after `; END`. */
function split(tokens: readonly Token[]): readonly (readonly Token[])[] {
  const statements: Token[][] = [];
  let current: Token[] = [];
  const end = (): void => {
    if (current.length > 0) statements.push(current);
    current = [];
  };
  for (const token of tokens) {
    const isEnd = isSign(token, ";") && (!isTrigger(current) || isTriggerOver(current));
    if (isEnd) end();
    else current.push(token);
  }
  end();
  return statements;
}

const isTrigger = ([first, second, third]: readonly Token[]): boolean =>
  isWord(first, "CREATE") &&
  (isWord(second, "TRIGGER") || (isWord(second, "TEMP", "TEMPORARY") && isWord(third, "TRIGGER")));

const isTriggerOver = (tokens: readonly Token[]): boolean => isWord(tokens.at(-1), "END") && isSign(tokens.at(-2), ";");

function statementOf(sql: string, tokens: readonly Token[]): SqlStatement {
  const [first, last] = [tokens[0]!, tokens.at(-1)!];
  const illegal = tokens.find(({ kind: each }) => each === "illegal");
  if (illegal !== undefined) throw new Rejected(`unrecognized token: ${shown(illegal.value)}`);
  mustBeFlat(tokens);
  const kind = kindOf(tokens);
  tokens.forEach((_, nth) => mustBeAllowed(tokens, nth, kind));
  const given = tokens.filter(({ kind: each }) => each === "parameter");
  if (kind === "schema") mustHaveShortNames(tokens);
  const names = new Set(given.filter(({ value }) => !value.startsWith("?")).map(({ value }) => value.slice(1)));
  if (names.size > namesMax) throw new Rejected(`a statement has at most ${namesMax} parameters with names: use ?`);
  const { start } = first;
  return {
    kind,
    text: sql.slice(start, last.end),
    tokens: tokens.map((token) => ({ ...token, start: token.start - start, end: token.end - start })),
    names,
    hasPositional: given.some(({ value }) => value.startsWith("?")),
    machineFunction: tokens.map((_, nth) => calledAt(tokens, nth)).find(isMachineFunction) ?? null,
  };
}

function mustBeFlat(tokens: readonly Token[]): void {
  let depth = 0;
  for (const token of tokens) {
    if (isSign(token, "(")) depth++;
    if (isSign(token, ")")) depth--;
    if (depth < 0) throw new Rejected("the SQL closes a parenthesis that it did not open");
    if (depth > depthMax) throw new Rejected(`the SQL has more than ${depthMax} parentheses within each other`);
  }
}

const isMachineFunction = (name: string | null): name is string => name !== null && machineFunctions.has(name);

function kindOf(tokens: readonly Token[]): StatementKind {
  const [first, second, third] = tokens;
  if (first?.kind !== "word")
    throw new Rejected(`a statement must begin with a keyword, and this one begins with ${shown(first!.value)}`);
  if (isWord(first, "EXPLAIN")) {
    if (isWord(second, "QUERY") && isWord(third, "PLAN")) {
      mustBePlanned(tokens.slice(3));
      return "explain";
    }
    throw refused("EXPLAIN", "it shows the inside of SQLite; EXPLAIN QUERY PLAN is fine in a query");
  }
  const why = refusedStatements.get(first.value);
  if (why !== undefined) throw refused(first.value, why);
  if (isWord(first, "CREATE", "ALTER", "DROP")) {
    mustStay(tokens);
    mustBeReplicated(tokens);
    return "schema";
  }
  const main = isWord(first, "WITH") ? mainWordOf(tokens) : first;
  const kind = kinds.get(main.value);
  if (kind === undefined) throw new Rejected(`${shown(first.value)} begins no statement of SQL that is known here`);
  return kind;
}

/** SQLite does part of some statements when it compiles them, also behind EXPLAIN. */
function mustBePlanned(tokens: readonly Token[]): void {
  const [first] = tokens;
  if (first === undefined || (!isWord(first, "EXPLAIN") && kindOf(tokens) !== "schema")) return;
  throw refused(`EXPLAIN QUERY PLAN ${first.value}`, "only reads and writes of rows have a plan");
}

const kinds: ReadonlyMap<string, StatementKind> = new Map([
  ["SELECT", "read"],
  ["VALUES", "read"],
  ["INSERT", "insert"],
  ["REPLACE", "insert"],
  ["UPDATE", "update"],
  ["DELETE", "delete"],
]);

/** What follows the common table expressions, and so a parenthesis. Their names may be such words, too. */
function mainWordOf(tokens: readonly Token[]): Token {
  let depth = 0;
  const at = tokens.findIndex((token, nth) => {
    if (isSign(token, "(")) depth++;
    if (isSign(token, ")")) depth--;
    return depth === 0 && token.kind === "word" && kinds.has(token.value) && isSign(tokens[nth - 1], ")");
  });
  return tokens[Math.max(at, 0)]!;
}

/** What is created must be in the database file, and consist of rows alone. */
function mustStay(tokens: readonly Token[]): void {
  const [first, second] = tokens;
  if (!isWord(first, "CREATE")) return;
  if (isWord(second, "TEMP", "TEMPORARY"))
    throw refused("TEMPORARY", "what is temporary would be gone after a restart");
  if (isWord(second, "VIRTUAL")) {
    throw refused("CREATE VIRTUAL TABLE", "its inside depends on how commands are gathered into transactions");
  }
  const at = isWord(second, "UNIQUE") ? 3 : 2;
  const isConditional = isWord(tokens[at], "IF");
  const [name, dot] = tokens.slice(isConditional ? at + 3 : at);
  if (name !== undefined && foldedName(name.value) === "temp" && isSign(dot, ".")) {
    throw refused("temp", "what is temporary would be gone after a restart");
  }
}

/** SQLite puts a new name wherever the old one was. */
function mustHaveShortNames(tokens: readonly Token[]): void {
  const isRenaming = isWord(tokens[0], "ALTER") && tokens.some((token) => isWord(token, "RENAME"));
  const names = tokens.filter((token) => nameOf(token) !== null || (isRenaming && token.kind === "string"));
  if (names.some(({ value }) => value.length > nameLengthMax))
    throw new Rejected(`a name in the schema has at most ${nameLengthMax} characters`);
}

/** SQLite asks a check that is added to a table with its own functions. */
function mustBeReplicated(tokens: readonly Token[]): void {
  const at = isSign(tokens[3], ".") ? 5 : 3;
  if (!isWord(tokens[0], "ALTER") || !isWord(tokens[at], "ADD")) return;
  const added = tokens[at + 1];
  if (isWord(added, "CONSTRAINT", "CHECK")) {
    const why = "SQLite would check the rows with the clock of a machine; write it in CREATE TABLE";
    throw refused(`ALTER TABLE ADD ${added!.value}`, why);
  }
}

function mustBeAllowed(tokens: readonly Token[], nth: number, kind: StatementKind): void {
  const [token, before] = [tokens[nth]!, tokens[nth - 1]];
  if (token.kind === "string" && isRefusedText(foldedName(token.value))) {
    throw refused(shown(token.value), "it could stand for a table; send such a text as a parameter");
  }
  const name = nameOf(token);
  if (name === null) return;
  const isSent = (name === nowFunction || name === turnFunction) && calledAt(tokens, nth) !== null;
  const why = isSent ? null : refusalOfName(name);
  if (why !== null) throw refused(token.kind === "word" ? name : shown(token.value), why);
  if (schemaNames.has(name) && !isRead(tokens, nth)) throw refused(`${name} there`, "it can only be read, after FROM");
  const word = token.kind === "word" ? refusedWords.get(token.value) : undefined;
  if (word !== undefined && (word.after === null || isWord(before, word.after))) {
    throw refused(word.after === null ? token.value : `${word.after} ${token.value}`, word.why);
  }
  if (calledAt(tokens, nth) !== null) mustBeCallable(name, kind);
}

function mustBeCallable(name: string, kind: StatementKind): void {
  const why = refusedFunctions.get(name);
  if (why !== undefined) throw refused(`${name}()`, why);
  if (kind !== "schema") return;
  if (machineFunctions.has(name)) throw refused(`${name}() in the schema`, machineWhy);
  if (scriptFunctions.has(name)) {
    throw refused(`${name}() in the schema`, "it depends on the statements before; in a trigger, use NEW");
  }
}

/** The name of a table from which rows come, or what a column is called by. A statement without SELECT may name new columns so. */
function isRead(tokens: readonly Token[], nth: number): boolean {
  if (isWord(tokens[0], "CREATE", "ALTER") && !tokens.some((token) => isWord(token, "SELECT"))) return false;
  const isQualified = isSign(tokens[nth - 1], ".");
  const before = tokens[isQualified ? nth - 3 : nth - 1];
  if (isSign(tokens[nth + 1], ".")) return true;
  return isWord(before, "FROM", "JOIN", "IN") || isSign(before, ",") || isSign(before, "(");
}

const refused = (what: string, why: string): Rejected => new Rejected(`${what} is refused: ${why}`);

const shown = (text: string): string => JSON.stringify(text.length <= 40 ? text : `${text.slice(0, 40)}…`);
