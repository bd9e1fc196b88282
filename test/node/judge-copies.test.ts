// Which copies are wrong, by what all of them say: node/judge-copies.ts.
import { describe, expect, test } from "bun:test";
import type { Configuration, MemberKey } from "../../src/core/configuration.ts";
import type { CopyWord } from "../../src/core/copy-word.ts";
import { type Judgement, judgeCopies, type Voice } from "../../src/node/judge-copies.ts";

const keyOf = (id: string): MemberKey => `${id}@1` as MemberKey;
const configurationOf = (voters: string, { outgoing = "", learners = "" } = {}): Configuration => ({
  members: [...new Set(`${voters}${outgoing}${learners}`.split(""))].map((id) => ({
    key: keyOf(id),
    address: "a:1",
    priority: 0,
  })),
  voters: voters.split("").map(keyOf),
  outgoing: outgoing.split("").map(keyOf),
  leaving: [],
  pending: [],
});

const outcomes = (index: number, value: number): CopyWord => ({ index, of: "outcomes", value });
const content = (index: number, value: number): CopyWord => ({ index, of: "content", value });
const voice = (...words: readonly CopyWord[]): Voice => ({
  isGiven: false,
  isUnproven: false,
  isWrong: false,
  doubt: null,
  words,
});
const given = (...words: readonly CopyWord[]): Voice => ({ ...voice(...words), isGiven: true });
const wrong = (...words: readonly CopyWord[]): Voice => ({ ...voice(...words), isWrong: true });

function judge(configuration: Configuration, voices: Readonly<Record<string, Voice>>, isWaitOver = false): Judgement {
  const known = new Map(Object.entries(voices).map(([id, each]) => [keyOf(id), each]));
  return judgeCopies({ configuration, voices: known, isWaitOver });
}
const wrongIn = ({ wrong: found }: Judgement): readonly string[] => [...found.keys()].map((key) => key[0]!);
const confirmedIn = ({ confirmed }: Judgement): readonly string[] => [...confirmed].map((key) => key[0]!).sort();

const three = configurationOf("abc");
const [same, other] = [voice(outcomes(4, 1), outcomes(8, 2)), voice(outcomes(4, 1), outcomes(8, 3))];

describe("a strict majority of the voters is right", () => {
  test("a copy that differs from it is wrong, with the first range", () => {
    const judged = judge(three, { a: same, b: same, c: other });
    expect([...judged.wrong]).toEqual([[keyOf("c"), { of: "outcomes", after: 4, through: 8 }]]);
    expect(judged).toMatchObject({ open: null, isDoubt: false, agreesThrough: 8 });
  });

  test("it need not wait for the others", () => {
    const judged = judge(configurationOf("abcde"), { a: same, b: same, c: same, d: other });
    expect(wrongIn(judged)).toEqual(["d"]);
  });

  test("two of five are none, however many answer", () => {
    const voices = { a: same, b: same, c: other };
    expect(judge(configurationOf("abcde"), voices)).toMatchObject({ wrong: new Map(), isDoubt: false });
    expect(judge(configurationOf("abcde"), voices, true)).toMatchObject({ wrong: new Map(), isDoubt: true });
  });

  test("while the configuration is joint it is one of both halves", () => {
    const joint = configurationOf("abc", { outgoing: "cde" });
    expect(wrongIn(judge(joint, { a: same, b: same, c: other }))).toEqual([]);
    expect(wrongIn(judge(joint, { a: same, b: same, d: same, e: same, c: other }))).toEqual(["c"]);
  });

  test("a copy that is wrong already has no voice", () => {
    const judged = judge(three, { a: same, b: wrong(outcomes(8, 2)), c: other });
    expect(judged).toMatchObject({ wrong: new Map(), isDoubt: true });
  });

  test("a learner judges nobody, and may be wrong", () => {
    const configuration = configurationOf("abc", { learners: "d" });
    expect(wrongIn(judge(configuration, { a: same, b: same, c: same, d: other }))).toEqual(["d"]);
    expect(judge(configuration, { a: same, d: same, c: other }, true)).toMatchObject({
      wrong: new Map(),
      isDoubt: true,
    });
    expect(judge(configuration, { a: same, d: other }, true)).toMatchObject({ wrong: new Map(), open: null });
  });

  test("a node that is no member has no voice", () => {
    expect(judge(three, { a: same, x: other, y: other, b: same })).toMatchObject({ open: null, agreesThrough: 8 });
  });
});

describe("without a majority", () => {
  test("a voter whose state began behind the place is not waited for", () => {
    const before = { a: same, b: other, c: given(outcomes(4, 1)) };
    expect(judge(three, before)).toMatchObject({ wrong: new Map(), isDoubt: false });
    const after = { a: same, b: other, c: given(outcomes(12, 5)) };
    expect(judge(three, after)).toMatchObject({ wrong: new Map(), isDoubt: true });
    const ofAnotherKind = { a: same, b: other, c: given(content(12, 5)) };
    expect(judge(three, ofAnotherKind)).toMatchObject({ isDoubt: false });
  });

  test("voters that differ are in doubt once all have spoken, and not before", () => {
    const voices = { a: same, b: other };
    expect(judge(three, voices)).toMatchObject({ open: { after: 4, through: 8 }, isDoubt: false, agreesThrough: 4 });
    const third = voice(outcomes(4, 1), outcomes(8, 9));
    expect(judge(three, { ...voices, c: third })).toMatchObject({ isDoubt: true, wrong: new Map() });
  });

  test("voters that are silent are waited for only so long", () => {
    expect(judge(three, { a: same, b: other }, true).isDoubt).toBe(true);
  });

  test("voters that are silent where the others agree put nothing in doubt", () => {
    expect(judge(three, { a: same }, true)).toMatchObject({ open: null, isDoubt: false, agreesThrough: 0 });
  });

  test("a voter that is wrong already is not waited for", () => {
    expect(judge(configurationOf("abcd"), { a: same, b: other, c: wrong(), d: same }).isDoubt).toBe(true);
  });

  test("two voters that differ are in doubt", () => {
    expect(judge(configurationOf("ab"), { a: same, b: other })).toMatchObject({ isDoubt: true });
  });

  test("a later place at which a majority is right settles an earlier one", () => {
    const judged = judge(
      three,
      {
        a: voice(content(5, 1), content(8, 1)),
        b: voice(content(5, 2), content(8, 2)),
        c: voice(content(8, 1)),
      },
      true,
    );
    expect([...judged.wrong]).toEqual([[keyOf("b"), { of: "content", after: 0, through: 5 }]]);
    expect(judged).toMatchObject({ open: null, isDoubt: false });
  });

  test("equal outcomes say nothing of where contents were alike", () => {
    const voices = (...of: readonly CopyWord[]): Voice => voice(outcomes(4, 1), content(6, 1), outcomes(8, 2), ...of);
    const judged = judge(three, { a: voices(content(8, 1)), b: voices(content(8, 1)), c: voices(content(8, 2)) });
    expect([...judged.wrong]).toEqual([[keyOf("c"), { of: "content", after: 6, through: 8 }]]);
  });

  test("what is agreed ends before contents that differ", () => {
    const judged = judge(three, {
      a: voice(outcomes(4, 1), content(6, 1), outcomes(8, 2)),
      b: voice(outcomes(4, 1), content(6, 2), outcomes(8, 2)),
      c: voice(outcomes(4, 1), outcomes(8, 2)),
    });
    expect(judged).toMatchObject({ agreesThrough: 4, open: { of: "content", after: 0, through: 6 } });
  });
});

describe("a copy that another node has given", () => {
  test("is no witness: it cannot make a majority", () => {
    const [one, two] = [voice(content(8, 1)), voice(content(8, 2))];
    const judged = judge(three, { a: one, b: two, c: given(content(8, 1)) });
    expect(judged).toMatchObject({ wrong: new Map(), isDoubt: true });
    expect(confirmedIn(judged)).toEqual([]);
  });

  test("is confirmed by the content of a majority, and not by its outcomes", () => {
    const here = (voiceOf: typeof voice) => voiceOf(outcomes(8, 2), content(8, 1));
    expect(confirmedIn(judge(three, { a: here(voice), b: here(voice), c: here(given) }))).toContain("c");
    expect(confirmedIn(judge(three, { a: same, b: same, c: given(outcomes(8, 2)) }))).toEqual([]);
  });

  test("is confirmed by a majority of the witnesses, of whom a silent voter may be one", () => {
    const here = content(8, 1);
    const five = configurationOf("abcde");
    const voices = { c: given(here), d: given(here), e: given(here), a: voice(here) };
    expect(confirmedIn(judge(five, voices))).toEqual([]);
    expect(confirmedIn(judge(five, { ...voices, b: voice(here) }))).toEqual(["a", "b", "c", "d", "e"]);
  });

  test("is not confirmed by half of the witnesses", () => {
    const here = content(8, 1);
    const voices = { a: voice(here), b: voice(here), c: given(here), d: voice(content(8, 2)) };
    expect(confirmedIn(judge(configurationOf("abcde"), voices))).toEqual([]);
  });

  test("is confirmed when every voter has the same content, also where all were given", () => {
    const all = { a: given(content(8, 1)), b: given(content(8, 1)) };
    expect(confirmedIn(judge(three, all))).toEqual([]);
    expect(confirmedIn(judge(three, { ...all, c: given(content(8, 1)) }))).toEqual(["a", "b", "c"]);
  });

  test("is wrong where it differs from a majority", () => {
    expect(wrongIn(judge(three, { a: same, b: same, c: given(outcomes(8, 3)) }))).toEqual(["c"]);
  });
});
