// Which results of a command count as equal, and how a violation says where two texts part.
import { describe, expect, test } from "bun:test";
import { encodeValue } from "../../src/adapters/cbor/value.ts";
import { Agreement, differenceOf } from "../../src/sim/agreement.ts";
import { describeOutcome } from "../../src/sim/describe-payload.ts";
import { describeState } from "../../src/sim/state-text.ts";

const difference = (one: string, other: string): readonly string[] => differenceOf(["n1", one], ["n2", other]);

test("short values are shown whole", () => {
  expect(difference('"9"', '"10"')).toEqual(['n1: "9"', 'n2: "10"']);
});

test("of long values the part around the first difference is shown", () => {
  const same = "a".repeat(5000);
  const [one = "", other = ""] = difference(`"${same}1${same}"`, `"${same}2${same}"`);
  expect(one).toMatch(/^n1: …a{60}1a+…$/);
  expect(other).toMatch(/^n2: …a{60}2a+…$/);
  expect(one.length).toBeLessThan(320);
});

test("a long value that is the beginning of the other is told from it", () => {
  const [one, other] = difference("a".repeat(1000), `${"a".repeat(1000)}b`);
  expect([one, other]).toEqual([`n1: …${"a".repeat(60)}`, `n2: …${"a".repeat(60)}b`]);
});

test("what only one has is nothing for the other", () => {
  expect(difference(describeState({ a: 1 }).text, describeState({}).text)).toEqual(["in: .a", "n1: 1", "n2: nothing"]);
});

describe("the outcomes of one command", () => {
  type Compared = Parameters<typeof describeOutcome>[1];
  const ok = (result: Parameters<typeof encodeValue>[0]): Compared => ({ kind: "ok", payload: encodeValue(result) });
  const rejected: Compared = { kind: "rejected", message: "no such key" };
  const differs = "a command has different outcomes on two nodes";

  /** What is violated when n1, n2, … come to these outcomes of one command; null: nothing. */
  function violationOf(...outcomes: readonly Compared[]): string | null {
    let violation: string | null = null;
    const agreement = new Agreement((what) => (violation ??= what));
    for (const [at, outcome] of outcomes.entries()) {
      const payload = outcome.kind === "ok" ? outcome.payload : null;
      agreement.compareOutcome(7, `n${at + 1}`, payload, () => describeOutcome("typed", outcome));
    }
    return violation;
  }

  test("are equal when their bytes are", () => {
    expect(violationOf(ok({ found: 1 }), ok({ found: 1 }), ok({ found: 1 }))).toBeNull();
  });

  test("are equal when only the order of fields differs", () => {
    expect(violationOf(ok({ a: 1, b: 2 }), ok({ b: 2, a: 1 }), ok({ a: 1, b: 2 }))).toBeNull();
  });

  test("differ by a value, whoever comes with it", () => {
    const violation = [differs, "  at entry 7", "  in: .a", "  n1: 1", "  n2: 2"].join("\n");
    expect(violationOf(ok({ a: 1 }), ok({ a: 2 }))).toBe(violation);
    expect(violationOf(ok({ a: 1 }), ok({ a: 1 }), ok({ a: 2 }))).toBe(violation.replace("n2", "n3"));
    expect(violationOf(ok({ a: 1, b: 2 }), ok({ b: 2, a: 1 }), ok({ a: 1 }))).toStartWith(differs);
  });

  test("differ when one is a result and the other is none", () => {
    expect(violationOf(ok(null), rejected)).toStartWith(differs);
    expect(violationOf(rejected, ok(null))).toStartWith(differs);
    expect(violationOf(rejected, rejected)).toBeNull();
    expect(violationOf(rejected, { ...rejected, message: "no such list" })).toStartWith(differs);
  });

  test("are compared when they are too large to be kept", () => {
    const large = (last: number): Compared => {
      const bytes = new Uint8Array(33 * 2 ** 20);
      bytes[bytes.length - 1] = last;
      return { kind: "ok", payload: bytes };
    };
    const agreement = (outcomes: readonly Compared[]): string[] => {
      const violations: string[] = [];
      const compared = new Agreement((what) => violations.push(what));
      for (const index of [1, 2])
        for (const [at, outcome] of outcomes.entries()) {
          const payload = outcome.kind === "ok" ? outcome.payload : null;
          compared.compareOutcome(index, `n${at + 1}`, payload, () => `last ${payload!.at(-1)}`);
        }
      return violations.map((violation) => violation.split("\n")[0]!);
    };
    expect(agreement([large(1), large(1)])).toEqual([]);
    expect(agreement([large(1), large(2)])).toEqual([differs, differs]);
  });
});
