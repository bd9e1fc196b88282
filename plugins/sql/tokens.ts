// Which words does a piece of SQL consist of? The rules are those of SQLite's own tokenizer, so that a name inside a string or a comment is not
// taken for one, and no quoting hides one.
import { Rejected } from "graft";

export type TokenKind =
  /** A keyword or a bare name. */
  | "word"
  /** A name in "…", `…` or […]. */
  | "quoted"
  | "string"
  | "blob"
  | "number"
  | "parameter"
  /** One character of an operator, or punctuation. */
  | "sign"
  /** What SQLite refuses, such as a string without its end, and what is refused here. */
  | "illegal";

export interface Token {
  readonly kind: TokenKind;
  readonly start: number;
  readonly end: number;
  /** Of a word: in capitals. Of a string or a quoted name: what is within the quotes. Otherwise the characters as they are. */
  readonly value: string;
}

/** Each takes about 500 bytes of memory until its statement has run. */
const tokensMax = 500_000;

/** The tokens of the text, without spaces and comments. Throws `Rejected` if there are too many. */
export function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  for (let at = skipSpace(text, 0); at < text.length;) {
    if (tokens.length === tokensMax) {
      throw new Rejected(
        `the SQL has more than ${tokensMax} words and signs: send it in parts, or values as parameters`,
      );
    }
    const token = tokenAt(text, at);
    tokens.push(token);
    at = skipSpace(text, token.end);
  }
  return tokens;
}

/** A name as SQLite compares it: only ASCII letters are equal in both cases. */
export const foldedName = (name: string): string => name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());

/** A name, bare or quoted; in the case in which names are compared. Null: it is none. */
export function nameOf(token: Token | undefined): string | null {
  if (token === undefined || (token.kind !== "word" && token.kind !== "quoted")) return null;
  return foldedName(token.value);
}

export const isWord = (token: Token | undefined, ...words: readonly string[]): boolean =>
  token?.kind === "word" && words.includes(token.value);

export const isSign = (token: Token | undefined, sign: string): boolean =>
  token?.kind === "sign" && token.value === sign;

/** A name before which one of these is stands for a table or the like, whatever follows. */
const beforeTables = ["INTO", "TABLE", "EXISTS", "ON", "REFERENCES", "VIEW", "INDEX", "TRIGGER", "UPDATE", "AS"];

/** The function that is called there, as names are compared. Null: none. */
export function calledAt(tokens: readonly Token[], nth: number): string | null {
  const before = tokens[nth - 1];
  if (!isSign(tokens[nth + 1], "(") || isWord(before, ...beforeTables) || isSign(before, ".")) return null;
  return nameOf(tokens[nth]);
}

/** Of each parenthesis the one that belongs to it. */
export function partnersOf(tokens: readonly Token[]): ReadonlyMap<number, number> {
  const partners = new Map<number, number>();
  const open: number[] = [];
  for (const [at, token] of tokens.entries()) {
    if (isSign(token, "(")) open.push(at);
    if (!isSign(token, ")")) continue;
    const start = open.pop();
    if (start === undefined) continue;
    partners.set(start, at);
    partners.set(at, start);
  }
  return partners;
}

const spaces = /[ \t\n\f\r\ufeff]*/y;
const lineComment = /--[^\n]*/y;
// No pattern here repeats a group: a long text would exhaust the stack of the engine, and the token would not be found.
const word = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y;
const blob = /[xX]'[0-9a-fA-F]*'/y;
const number = /(?:0[xX][0-9a-fA-F_]+|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d[\d_]*)?)/y;
const nameCharacter = /[\w$\u0080-\uffff]/y;
const parameter = /\?\d*|[$@:][\w$\u0080-\uffff]+/y;
const signs: ReadonlySet<string> = new Set("(),;.+-*/%&|~<>=!");
/** What ends a text or a name that begins with it. */
const quoteEnds: Readonly<Record<string, string>> = { "'": "'", '"': '"', "`": "`", "[": "]" };

function tokenAt(text: string, start: number): Token {
  const first = text[start]!;
  if (text[start + 1] === "'" && (first === "x" || first === "X")) return blobAt(text, start);
  const name = matched(word, text, start);
  if (name !== null) return { kind: "word", start, end: start + name.length, value: capitals(name) };
  const quoteEnd = quoteEnds[first];
  if (quoteEnd !== undefined) return quotedAt(text, start, quoteEnd);
  const digits = matched(number, text, start);
  if (digits !== null) return numberAt(text, start, digits);
  const given = matched(parameter, text, start);
  if (given !== null) return parameterAt(text, start, given);
  return { kind: signs.has(first) ? "sign" : "illegal", start, end: start + 1, value: first };
}

function blobAt(text: string, start: number): Token {
  const whole = matched(blob, text, start);
  const isEven = whole !== null && whole.length % 2 === 1;
  const value = whole ?? text.slice(start);
  return { kind: isEven ? "blob" : "illegal", start, end: start + value.length, value };
}

function quotedAt(text: string, start: number, quoteEnd: string): Token {
  const last = lastOfQuoted(text, start, quoteEnd);
  if (last === null) return { kind: "illegal", start, end: text.length, value: text.slice(start) };
  const inner = text.slice(start + 1, last);
  const value = quoteEnd === "]" ? inner : inner.replaceAll(quoteEnd + quoteEnd, quoteEnd);
  return { kind: quoteEnd === "'" ? "string" : "quoted", start, end: last + 1, value };
}

/** Where the quote is that ends it. Two in a row stand for one within it. */
function lastOfQuoted(text: string, start: number, quoteEnd: string): number | null {
  for (let from = start + 1; ;) {
    const at = text.indexOf(quoteEnd, from);
    if (at === -1) return null;
    if (quoteEnd === "]" || text[at + 1] !== quoteEnd) return at;
    from = at + 2;
  }
}

/** A letter that follows at once makes it no number. */
function numberAt(text: string, start: number, digits: string): Token {
  const end = start + digits.length;
  const isWhole = matched(nameCharacter, text, end) === null;
  return { kind: isWhole ? "number" : "illegal", start, end, value: digits };
}

/** SQLite lets names of TCL go on with `::` and `(…)`. No client needs such a name, so it is refused. */
function parameterAt(text: string, start: number, value: string): Token {
  const end = start + value.length;
  const goesOn = !value.startsWith("?") && (text[end] === "(" || text.startsWith("::", end));
  return { kind: goesOn ? "illegal" : "parameter", start, end, value };
}

function skipSpace(text: string, start: number): number {
  for (let at = start; ;) {
    const before = at;
    for (const skipped of [spaces, lineComment]) at += matched(skipped, text, at)?.length ?? 0;
    if (text.startsWith("/*", at) && at + 2 < text.length) at = endOfComment(text, at);
    if (at === before) return at;
  }
}

/** Without an end it goes on to the end of the text. Where nothing follows, SQLite takes it for two signs. */
function endOfComment(text: string, start: number): number {
  const end = text.indexOf("*/", start + 2);
  return end === -1 ? text.length : end + 2;
}

const capitals = (name: string): string => name.replace(/[a-z]+/g, (letters) => letters.toUpperCase());

function matched(pattern: RegExp, text: string, at: number): string | null {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? null;
}
