// Lines that another node or a client can provoke: one for each cause, then a count.
import { describe, expect, test } from "bun:test";
import { HeldLines } from "../../../src/adapters/consola/held-lines.ts";

function setUp() {
  let nowMs = 0;
  const lines: string[] = [];
  const held = new HeldLines(
    (level, message, fields) => void lines.push(`${level} ${message} ${JSON.stringify(fields)}`),
    () => nowMs,
  );
  const refuse = (from: string, cause = "no TLS") => held.log(cause, "warn", "connection refused", { from });
  return { held, lines, refuse, pass: (ms: number) => (nowMs += ms) };
}

describe("lines of one cause", () => {
  test("the first is written at once, the others are counted, and the count is told when a minute is over", () => {
    const { held, lines, refuse, pass } = setUp();
    for (let count = 0; count < 1_000; count += 1) refuse("a");
    refuse("b");
    expect(lines).toEqual(['warn connection refused {"from":"a"}']);
    pass(59_999);
    held.sweep();
    expect(lines.length).toBe(1);
    pass(1);
    held.sweep();
    expect(lines.slice(1)).toEqual(['warn connection refused {"from":"b","times":1000}']);
  });

  test("a single one has no count, and the next one after a minute is written at once again", () => {
    const { lines, refuse, pass } = setUp();
    refuse("a");
    pass(60_000);
    refuse("b");
    expect(lines).toEqual(['warn connection refused {"from":"a"}', 'warn connection refused {"from":"b"}']);
  });

  test("another cause has its own line", () => {
    const { lines, refuse } = setUp();
    refuse("a");
    refuse("a", "another CA");
    expect(lines.length).toBe(2);
  });

  test("what has been counted is told at the end", () => {
    const { held, lines, refuse } = setUp();
    refuse("a");
    refuse("b");
    held.flush();
    held.flush();
    expect(lines.at(-1)).toBe('warn connection refused {"from":"b","times":1}');
    expect(lines.length).toBe(2);
  });

  test("P54: causes without end are bounded: the oldest makes room, with its count", () => {
    const { lines, refuse } = setUp();
    refuse("a", "first");
    refuse("b", "first");
    for (let cause = 0; cause < 10_000; cause += 1) refuse("c", `cause ${cause}`);
    expect(lines[256]).toBe('warn connection refused {"from":"b","times":1}');
  });
});
