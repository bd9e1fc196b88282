// What does a log line look like? One line for people or one JSON object for programs. Both are pure text whatever the
// fields hold: what came from afar cannot start a line, move the cursor or turn the text around (P57).
import type { LogFields, LogLevel } from "../../ports/logger.ts";

export interface LogLine {
  readonly time: Date;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

const MESSAGE_CHARS_MAX = 2048;
const FIELD_CHARS_MAX = 1024;
const FIELDS_MAX = 32;

/** Control characters, marks that reorder or hide text, line separators, and halves of characters. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

const COLOURS: Readonly<Record<LogLevel, string>> = {
  trace: "\u001b[90m",
  debug: "\u001b[36m",
  info: "\u001b[32m",
  warn: "\u001b[33m",
  error: "\u001b[31m",
};
const DIM = "\u001b[2m";
const PLAIN = "\u001b[0m";

/** `2026-01-31T12:00:00.000Z info  became leader  term=3`; on a terminal in colours, and with the time of day only. */
export function formatPretty(line: LogLine, onTerminal: boolean): string {
  const colour = (code: string, text: string): string => (onTerminal && text !== "" ? `${code}${text}${PLAIN}` : text);
  const iso = line.time.toISOString();
  const time = onTerminal ? iso.slice(11, 23) : iso;
  const message = escapeUnprintable(shorten(line.message, MESSAGE_CHARS_MAX));
  const fields = boundedFields(line.fields).map(([name, value]) => `${name}=${prettyValue(value)}`);
  const head = `${colour(DIM, time)} ${colour(COLOURS[line.level], line.level.padEnd(5))} ${message}`;
  return fields.length === 0 ? head : `${head}  ${colour(DIM, fields.join(" "))}`;
}

/** One JSON object: `time`, `level`, `message`, then the fields; a field of one of these names gets a trailing `_`. */
export function formatJson(line: LogLine): string {
  const fixed = {
    time: line.time.toISOString(),
    level: line.level,
    message: shorten(line.message, MESSAGE_CHARS_MAX),
  };
  const fields = boundedFields(line.fields).map(([name, value]) => [name in fixed ? `${name}_` : name, value] as const);
  // JSON leaves some control characters as they are; in it they stand only inside strings, where an escape may too.
  return escapeUnprintable(JSON.stringify({ ...fixed, ...Object.fromEntries(fields) }));
}

type FieldValue = LogFields[string];

function boundedFields(fields: LogFields): readonly (readonly [string, FieldValue])[] {
  return Object.entries(fields)
    .slice(0, FIELDS_MAX)
    .map(([name, value]) => [
      escapeUnprintable(shorten(name, FIELD_CHARS_MAX)),
      typeof value === "string" ? shorten(value, FIELD_CHARS_MAX) : value,
    ]);
}

function prettyValue(value: FieldValue): string {
  if (typeof value !== "string") return String(value);
  const isPlain = /^[^\s"'=\\\p{C}]+$/u.test(value);
  return isPlain ? value : escapeUnprintable(JSON.stringify(value));
}

/** What to do about it is at the end of a text, so the middle is left out. */
function shorten(text: string, charsMax: number): string {
  if (text.length <= charsMax) return text;
  const half = charsMax / 2;
  return `${text.slice(0, half)}…(${text.length - charsMax} more)…${text.slice(-half)}`;
}

function escapeUnprintable(text: string): string {
  return text.replace(UNPRINTABLE, (found) => found.split("").map(escapeUnit).join(""));
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
