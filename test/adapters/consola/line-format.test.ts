// What a log line looks like, and that no field can make it look like anything else.
import { describe, expect, test } from "bun:test";
import { formatJson, formatPretty } from "../../../src/adapters/consola/line-format.ts";
import type { LogFields } from "../../../src/ports/logger.ts";

const line = (message: string, fields: LogFields = {}) =>
  ({ time: new Date("2026-01-31T12:00:00.123Z"), level: "info", message, fields }) as const;

/** A new line, a colour, the eight-bit start of an escape, a reversal of text, a tag character, half a character. */
const HOSTILE = "a\r\nb\u001b[31mc\u009b2Jd\u202ee\u{e0041}f\ud800g\u2028h\u0007";
// Built from a string so that this file holds no control characters either.
const UNSAFE = new RegExp("[\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}\\p{Cs}]", "u");

test("a line for people", () => {
  const fields = { term: 3, id: "n1", reason: "two words", quoted: 'say "x"', ok: true, none: null, empty: "" };
  expect(formatPretty(line("became leader", fields), false)).toBe(
    '2026-01-31T12:00:00.123Z info  became leader  term=3 id=n1 reason="two words" quoted="say \\"x\\"" ok=true none=null empty=""',
  );
  expect(formatPretty(line("started"), false)).toBe("2026-01-31T12:00:00.123Z info  started");
});

test("a line on a terminal has colours, and the text is the same", () => {
  const coloured = formatPretty(line("became leader", { term: 3 }), true);
  expect(coloured).toContain("\u001b[32minfo");
  expect(Bun.stripANSI(coloured)).toBe("12:00:00.123 info  became leader  term=3");
});

test("a line for programs is one JSON object", () => {
  const fields = { term: 3, message: "mine", __proto__x: "p", none: null };
  expect(JSON.parse(formatJson(line("became leader", fields)))).toEqual({
    time: "2026-01-31T12:00:00.123Z",
    level: "info",
    message: "became leader",
    term: 3,
    message_: "mine",
    __proto__x: "p",
    none: null,
  });
});

describe("P57: control characters are written as escapes", () => {
  const hostile = line(HOSTILE, { value: HOSTILE, [HOSTILE]: 1 });

  test("in a line for people", () => {
    const text = formatPretty(hostile, false);
    expect(text).not.toMatch(UNSAFE);
    expect(text).toContain("a\\u000d\\u000ab\\u001b[31mc\\u009b2Jd\\u202ee\\udb40\\udc41f\\ud800g\\u2028h\\u0007");
  });

  test("in a line for programs, which still says what was meant", () => {
    const text = formatJson(line(HOSTILE, { value: HOSTILE }));
    expect(text).not.toMatch(UNSAFE);
    expect(JSON.parse(text)).toMatchObject({ message: HOSTILE, value: HOSTILE });
  });

  test("a value cannot pass for another field", () => {
    expect(formatPretty(line("joined", { id: "n1 admin=true" }), false)).toEndWith('id="n1 admin=true"');
    expect(formatPretty(line("joined", { id: "n1=x" }), false)).toEndWith('id="n1=x"');
  });
});

test("P57: messages, fields and their number are bounded", () => {
  const many = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`field${i}`, "x".repeat(100_000)]));
  const hostile = line("m".repeat(1_000_000), many);
  for (const text of [formatPretty(hostile, false), formatJson(hostile)]) {
    expect(text.length).toBeLessThan(42_000);
    expect(text).toContain("…(997952 more)…");
    expect(text).toContain("…(98976 more)…");
  }
});

test("a text that is cut keeps its end, where the advice is", () => {
  const advice = "Free space on that disk, then start the node again.";
  const long = `${"x".repeat(10_000)} ${advice}`;
  for (const text of [formatPretty(line(long, { reason: long }), false), formatJson(line(long, { reason: long }))]) {
    expect(text.split(advice)).toHaveLength(3);
  }
});
