// What the core knows of its log without holding it: terms, configurations and sizes, through appending and truncating.
import { describe, expect, test } from "bun:test";
import type { Entry } from "../../src/core/entry.ts";
import { genesisConfiguration } from "../../src/core/genesis.ts";
import { logStart } from "../../src/core/log-position.ts";
import {
  appended,
  firstIndexOfTermAt,
  lastIndexUpToTerm,
  latestConfiguration,
  type LogTerms,
  positionAt,
  stretchFrom,
  termAt,
  truncated,
} from "../../src/core/log-terms.ts";
import { follower } from "./build.ts";
import { at, commands, genesisOf, n1, n2, n3 } from "./say.ts";

const messageBytesMax = 1024 * 1024;
const logOf = (terms: readonly number[], snapshot = logStart): LogTerms => follower({ log: terms, snapshot }).log;
const grown = (log: LogTerms, terms: readonly number[], bytes = 4): LogTerms =>
  appended(log, commands(terms, log.last.index + 1, bytes), messageBytesMax);

describe("which term an index has", () => {
  const log = logOf([2, 2, 5, 5, 5, 9], at(10, 2));
  const cases = [
    { index: 9, term: null },
    { index: 10, term: 2 },
    { index: 11, term: 2 },
    { index: 12, term: 2 },
    { index: 13, term: 5 },
    { index: 15, term: 5 },
    { index: 16, term: 9 },
    { index: 17, term: null },
  ];
  for (const { index, term } of cases) {
    test(`${index}: ${term ?? "not in the log"}`, () => expect(termAt(log, index)).toBe(term));
  }

  test("a position outside the log has no name", () => {
    expect(positionAt(log, 13)).toEqual(at(13, 5));
    expect(() => positionAt(log, 9)).toThrow("not in the log");
    expect(() => positionAt(log, 17)).toThrow("not in the log");
  });

  test("P14: the start of an empty log has term 0", () => {
    expect(termAt(logOf([]), 0)).toBe(0);
    expect(termAt(logOf([]), 1)).toBeNull();
  });

  test("where terms begin and end", () => {
    expect([11, 13, 14, 16].map((index) => firstIndexOfTermAt(log, index))).toEqual([11, 13, 13, 16]);
    expect([1, 2, 4, 5, 8, 9, 20].map((term) => lastIndexUpToTerm(log, term))).toEqual([10, 12, 12, 15, 15, 16, 16]);
    expect(lastIndexUpToTerm(logOf([]), 3)).toBe(0);
  });
});

describe("appending", () => {
  test("a term's start is noted once", () => {
    const log = grown(grown(logOf([1]), [1, 3]), [3, 4]);
    expect(log).toMatchObject({ last: at(5, 4), termStarts: [at(1, 1), at(3, 3), at(5, 4)], lastStampMs: 1_000_005 });
  });

  test("right after a snapshot the first entry starts its term in this log, even if the snapshot ended in it", () => {
    expect(grown(logOf([], at(7, 3)), [3]).termStarts).toEqual([at(8, 3)]);
  });

  test("P19: a gap, an overlap and a falling term are refused", () => {
    const log = logOf([1, 2]);
    expect(() => appended(log, commands([2], 4), messageBytesMax)).toThrow("4 does not follow 2");
    expect(() => appended(log, commands([2], 2), messageBytesMax)).toThrow("2 does not follow 2");
    expect(() => appended(log, commands([1], 3), messageBytesMax)).toThrow("term 1 after term 2");
  });

  test("a log is never changed, only followed by another", () => {
    const log = logOf([1, 2]);
    const before = structuredClone(log);
    grown(log, [2, 3]);
    truncated(log, 1);
    expect(log).toEqual(before);
  });
});

describe("truncating", () => {
  test("takes terms and the last position back", () => {
    const log = logOf([1, 1, 2, 3, 3]);
    expect(truncated(log, 4)).toMatchObject({ last: at(4, 3), termStarts: [at(1, 1), at(3, 2), at(4, 3)] });
    expect(truncated(log, 2)).toMatchObject({ last: at(2, 1), termStarts: [at(1, 1)] });
    expect(truncated(log, 0)).toMatchObject({ last: logStart, termStarts: [] });
  });

  test("down to a snapshot, and no further", () => {
    const log = logOf([3, 3], at(7, 2));
    expect(truncated(log, 7)).toMatchObject({ last: at(7, 2), termStarts: [] });
    expect(() => truncated(log, 6)).toThrow("not in the log");
  });

  test("P41: a configuration is rolled back with its entry", () => {
    const smaller = genesisConfiguration(genesisOf(n1, n2));
    const entry: Entry = { kind: "configuration", index: 2, term: 1, stampMs: 0, configuration: smaller };
    const log = grown(appended(logOf([1]), [entry], messageBytesMax), [1]);
    expect(latestConfiguration(log)?.voters).toEqual([n1, n2]);
    expect(latestConfiguration(truncated(log, 2))?.voters).toEqual([n1, n2]);
    expect(latestConfiguration(truncated(log, 1))?.voters).toEqual([n1, n2, n3]);
  });

  test("append after truncate: new terms stand where the old ones stood", () => {
    const log = grown(truncated(logOf([1, 1, 2, 2]), 2), [4, 4]);
    expect([1, 2, 3, 4].map((index) => termAt(log, index))).toEqual([1, 1, 4, 4]);
  });
});

describe("sizes", () => {
  test("what is there at the start has no known size; what comes has", () => {
    const log = grown(logOf([1, 1]), [1, 1], 100);
    expect(log).toMatchObject({ sizedAfter: 2, segments: [{ through: 4, bytes: 264 }] });
    expect(stretchFrom(log, 2, messageBytesMax)).toBeNull();
    expect(stretchFrom(log, 3, messageBytesMax)).toEqual({ through: 4, bytes: 264 });
    expect(stretchFrom(log, 5, messageBytesMax)).toBeNull();
  });

  test("a segment holds up to 64 KiB, or one larger entry", () => {
    const log = grown(grown(logOf([]), [1, 1, 1], 30_000), [1], 100_000);
    expect(log.segments).toEqual([
      { through: 2, bytes: 60_064 },
      { through: 3, bytes: 30_032 },
      { through: 4, bytes: 100_032 },
    ]);
  });

  test("no segment of several entries is heavier than a message may be", () => {
    const log = appended(logOf([]), commands([1, 1, 1, 1], 1, 100), 300);
    expect(log.segments).toEqual([
      { through: 2, bytes: 264 },
      { through: 4, bytes: 264 },
    ]);
  });

  test("a stretch is as many whole segments as fit, and at least one", () => {
    const log = grown(logOf([]), [1, 1, 1, 1], 40_000);
    expect(log.segments).toHaveLength(4);
    expect(stretchFrom(log, 1, 100_000)).toEqual({ through: 2, bytes: 80_064 });
    expect(stretchFrom(log, 2, 120_096)).toEqual({ through: 4, bytes: 120_096 });
    expect(stretchFrom(log, 1, 10)).toEqual({ through: 1, bytes: 40_032 });
  });

  test("a stretch that begins within a segment counts it as a whole", () => {
    const log = grown(logOf([]), [1, 1, 1], 100);
    expect(stretchFrom(log, 3, messageBytesMax)).toEqual({ through: 3, bytes: 396 });
  });

  test("a cut through a segment leaves its size as a bound, and the next entries find room in it", () => {
    const cut = truncated(grown(logOf([1]), [1, 1, 1], 100), 3);
    expect(cut).toMatchObject({ sizedAfter: 1, segments: [{ through: 3, bytes: 396 }] });
    expect(grown(cut, [2], 100).segments).toEqual([{ through: 4, bytes: 528 }]);
    expect(truncated(cut, 1)).toMatchObject({ sizedAfter: 1, segments: [] });
  });

  test("a cut below what is sized takes the bound along", () => {
    const cut = truncated(grown(logOf([1, 1, 1]), [1], 100), 2);
    expect(cut).toMatchObject({ sizedAfter: 2, segments: [] });
    expect(stretchFrom(grown(cut, [2], 100), 3, messageBytesMax)).toEqual({ through: 3, bytes: 132 });
  });

  test("only so many segments are kept: the oldest sizes are forgotten, and no more than those", () => {
    const log = grown(
      logOf([1]),
      Array.from({ length: 300 }, () => 1),
      65_000,
    );
    expect(log.segments).toHaveLength(256);
    expect(log.sizedAfter).toBe(301 - 256);
    expect(stretchFrom(log, 45, messageBytesMax)).toBeNull();
    expect(stretchFrom(log, 46, 10)).toEqual({ through: 46, bytes: 65_032 });
  });
});
