// What a node knows of its copy of the state machine, and what a later state takes over of that: node/own-copy.ts.
import { expect, test } from "bun:test";
import { contentWordsMax, copyWordsMax, outcomeWordsMax } from "../../src/core/copy-word.ts";
import { stateMachineStopped } from "../../src/node/answers.ts";
import { standstillWords } from "../../src/node/active-version.ts";
import type { Difference } from "../../src/node/judge-copies.ts";
import { OwnCopy, unprovenOrigin } from "../../src/node/own-copy.ts";

const outcomes: Difference = { of: "outcomes", after: 1024, through: 2048 };
const content: Difference = { of: "content", after: 1024, through: 2048 };
const from = (origin: string) => ({ origin, position: { index: 1000, term: 1 } });
const word = (index: number, value = 1) => ({ index, of: "outcomes", value }) as const;

test("a copy that is wrong stays so until another one begins", () => {
  const copy = new OwnCopy("a", null);
  expect(copy.judge("wrong", outcomes)).toBe(true);
  expect(copy.judge("sound", outcomes)).toBe(false);
  expect(copy.judge("doubted", content)).toBe(false);
  expect(copy).toMatchObject({ standing: "wrong", difference: outcomes });
  copy.begin(from("b"));
  expect(copy).toMatchObject({ standing: "sound", why: null, number: 1, isGiven: true });
});

test("a copy that is in doubt is so until it is cleared, also when another one begins", () => {
  const copy = new OwnCopy("a", null);
  expect(copy.judge("doubted", outcomes)).toBe(true);
  copy.begin(null);
  expect(copy.standing).toBe("doubted");
  expect(copy.judge("sound", outcomes)).toBe(true);
  expect(copy.why).toBeNull();
});

test("a copy is its node's own when it begins empty, with the node's own snapshot, or is confirmed", () => {
  const copy = new OwnCopy("a", from("b"));
  expect(copy.isGiven).toBe(true);
  copy.confirm();
  expect(copy.isGiven).toBe(false);
  copy.begin(from("b"));
  expect(copy.isGiven).toBe(true);
  copy.begin(from("a"));
  expect(copy.isGiven).toBe(false);
  copy.begin(from("b"));
  copy.begin(null);
  expect(copy.isGiven).toBe(false);
});

test("the latest words are kept, each once, and none of the copy before", () => {
  const copy = new OwnCopy("a", null);
  for (let index = 1; index <= outcomeWordsMax + 1; index++) copy.say(word(index));
  copy.say(word(5, 2));
  expect(copy.words).toHaveLength(outcomeWordsMax);
  expect(copy.words[0]).toEqual(word(2));
  expect(copy.words.find(({ index }) => index === 5)).toEqual(word(5));
  copy.begin(from("a"));
  expect(copy.words).toEqual([]);
});

test("words about contents and about outcomes do not crowd each other out", () => {
  const copy = new OwnCopy("a", null);
  const contentAt = (index: number) => ({ index, of: "content", value: 1 }) as const;
  for (let index = 1; index <= contentWordsMax + 1; index++) copy.say(contentAt(index));
  for (let index = 1; index <= 2 * copyWordsMax; index++) copy.say(word(1000 + index));
  expect(copy.words).toHaveLength(copyWordsMax);
  expect(copy.words.slice(0, contentWordsMax)).toEqual(
    Array.from({ length: contentWordsMax }, (_, nth) => contentAt(nth + 2)),
  );
});

test("the words for people name the range and what happens next", () => {
  const words = (standing: "wrong" | "doubted", difference: Difference): string => {
    const copy = new OwnCopy("a", null);
    copy.judge(standing, difference);
    return standstillWords(copy.why!);
  };
  expect(words("wrong", outcomes)).toStartWith(
    "is not to be trusted: the outcomes of the commands in the entries 1025 to 2048 differ from what a majority has",
  );
  expect(words("wrong", content)).toContain("the content of the state at entry 2048, which was alike through 1024,");
  expect(words("doubted", outcomes)).toContain('"Copies that differ" in docs/operations.md');
});

test("a state of which a node found that it may be wrong is in doubt from the beginning", () => {
  const copy = new OwnCopy("a", from(unprovenOrigin));
  expect(copy).toMatchObject({ standing: "doubted", isGiven: true, doubt: { of: "content", index: 1000 } });
  expect(standstillWords(copy.why!)).toContain("answers nothing until the content is found equal");
  // The others are right: a client asks them.
  expect(stateMachineStopped(copy.why!).code).toBe("unavailable");
  copy.judge("sound", content);
  expect(copy.why).toBeNull();
  copy.judge("wrong", content);
  copy.begin(from(unprovenOrigin));
  expect(copy.standing).toBe("doubted");
});

test("a state of which a node found that it may be wrong is compared by its content, also where outcomes were in doubt before", () => {
  const copy = new OwnCopy("a", null);
  copy.judge("doubted", outcomes);
  copy.begin(from(unprovenOrigin));
  expect(copy).toMatchObject({ standing: "doubted", isUnproven: true, doubt: { of: "content", index: 2048 } });
});
