// Which words does a piece of SQL consist of? The rules are those of SQLite's own tokenizer, so that a name inside a string or a comment is not
// taken for one, and no quoting hides one.
export type TokenKind =
  /** A keyword or a bare name. */
  | "word"
  /** A name in "…", `…` or […]. */
  | "quoted"
  | "string"
  | "blob"
  | "number"
  | "parameter"
  /** One character of anything else. */
  | "sign"
  /** What SQLite refuses, such as a string without its end. */
  | "illegal";

export interface Token {
  readonly kind: TokenKind;
  readonly start: number;
  readonly end: number;
  /** Of a word: in capitals. Of a string or a quoted name: what is within the quotes. Otherwise the characters as they are. */
  readonly value: string;
}

/** The tokens of the text, without spaces and comments. */
export function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  for (let at = skipSpace(text, 0); at < text.length;) {
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

const spaces = /[ \t\n\f\r\ufeff]*/y;
const lineComment = /--[^\n]*/y;
const word = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y;
const blob = /[xX]'(?:[0-9a-fA-F]{2})*'/y;
const number = /(?:0[xX][0-9a-fA-F_]+|(?:\d[\d_]*(?:\.[\d_]*)?|\.\d[\d_]*)(?:[eE][+-]?\d[\d_]*)?)/y;
const nameCharacter = /[\w$\u0080-\uffff]/y;
const parameter = /\?\d*|[$@:#](?:[\w$\u0080-\uffff]|::)+(?:\([^)\s]*\))?/y;
const quotes: Readonly<Record<string, RegExp>> = {
  "'": /'(?:[^']|'')*'/y,
  '"': /"(?:[^"]|"")*"/y,
  "`": /`(?:[^`]|``)*`/y,
  "[": /\[[^\]]*\]/y,
};

function tokenAt(text: string, start: number): Token {
  const first = text[start]!;
  const bytes = matched(blob, text, start);
  if (bytes !== null) return { kind: "blob", start, end: start + bytes.length, value: bytes };
  const name = matched(word, text, start);
  if (name !== null) return { kind: "word", start, end: start + name.length, value: capitals(name) };
  const quote = quotes[first];
  if (quote !== undefined) return quotedAt(text, start, matched(quote, text, start));
  const digits = matched(number, text, start);
  if (digits !== null) return numberAt(text, start, digits);
  const given = matched(parameter, text, start);
  if (given !== null) return { kind: "parameter", start, end: start + given.length, value: given };
  return { kind: "sign", start, end: start + 1, value: first };
}

function quotedAt(text: string, start: number, whole: string | null): Token {
  if (whole === null) return { kind: "illegal", start, end: text.length, value: text.slice(start) };
  const [quote = ""] = whole;
  const inner = whole.slice(1, -1);
  const value = quote === "[" ? inner : inner.replaceAll(quote + quote, quote);
  return { kind: quote === "'" ? "string" : "quoted", start, end: start + whole.length, value };
}

/** A letter that follows at once makes it no number. */
function numberAt(text: string, start: number, digits: string): Token {
  const end = start + digits.length;
  const isWhole = matched(nameCharacter, text, end) === null;
  return { kind: isWhole ? "number" : "illegal", start, end, value: digits };
}

function skipSpace(text: string, start: number): number {
  for (let at = start; ;) {
    const before = at;
    for (const skipped of [spaces, lineComment]) at += matched(skipped, text, at)?.length ?? 0;
    if (text.startsWith("/*", at)) at = endOfComment(text, at);
    if (at === before) return at;
  }
}

/** Without an end it goes on to the end of the text. */
function endOfComment(text: string, start: number): number {
  const end = text.indexOf("*/", start + 2);
  return end === -1 ? text.length : end + 2;
}

const capitals = (name: string): string => name.replace(/[a-z]+/g, (letters) => letters.toUpperCase());

function matched(pattern: RegExp, text: string, at: number): string | null {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? null;
}
