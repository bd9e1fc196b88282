// What a leader tells the members of their copies, as words come and time goes by: node/comparing.ts.
import { expect, test } from "bun:test";
import type { Configuration, MemberKey } from "../../src/core/configuration.ts";
import { type CopyWord, copyWordsMax } from "../../src/core/copy-word.ts";
import { Comparing, type Said } from "../../src/node/comparing.ts";
import { OwnCopy, unprovenOrigin } from "../../src/node/own-copy.ts";

const keyOf = (id: string): MemberKey => `${id}@1` as MemberKey;
const content = (index: number, value: number): CopyWord => ({ index, of: "content", value });
const outcomes = (index: number, value: number): CopyWord => ({ index, of: "outcomes", value });

const ofAnother = { origin: "another", position: { index: 1, term: 1 } };

/** Members that hear at once what the leader tells them. */
class Members {
  readonly comparing = new Comparing();
  readonly copies = new Map<string, OwnCopy>();
  readonly configuration: Configuration;
  nowMs = 0;

  /**
   * @param given by another node
   * @param unproven no node vouches for them
   */
  constructor(voters: string, given = "", unproven = "") {
    const keys = voters.split("").map(keyOf);
    const members = keys.map((key) => ({ key, address: "a:1", priority: 0 }));
    this.configuration = { members, voters: keys, outgoing: [], leaving: [], pending: [] };
    for (const id of voters) this.copies.set(id, new OwnCopy(id, given.includes(id) ? ofAnother : null));
    for (const id of unproven) this.copies.set(id, new OwnCopy(id, { ...ofAnother, origin: unprovenOrigin }));
  }

  say(id: string, ...words: readonly CopyWord[]): void {
    for (const word of words) this.copies.get(id)!.say(word);
    this.#hear(id);
    for (let rounds = 0; rounds < 5; rounds++) this.judge();
  }

  /** Another process begins, which has said nothing. */
  restart(id: string, ...words: readonly CopyWord[]): void {
    this.comparing.forget(keyOf(id));
    this.copies.set(id, new OwnCopy(id, null));
    this.say(id, ...words);
  }

  judge(): void {
    for (const [key, verdict] of this.comparing.judge(this.configuration, this.nowMs)) {
      const id = key[0]!;
      const copy = this.copies.get(id)!;
      const { standing, isConfirmed, of, after, through } = verdict;
      if (isConfirmed && standing !== "wrong") copy.confirm();
      copy.judge(standing, { of, after, through });
      this.#hear(id);
    }
  }

  standings(ids: string): readonly string[] {
    return ids.split("").map((id) => this.copies.get(id)!.standing);
  }

  #hear(id: string): void {
    const { number: copy, isGiven, isUnproven, standing, doubt, words } = this.copies.get(id)!;
    const said: Said = { copy, isGiven, isUnproven, standing, doubt, covered: 0, words };
    this.comparing.hear(keyOf(id), said);
  }
}

test("silent voters are waited for only so long, however fast words are forgotten", () => {
  const members = new Members("abc");
  const stepMs = 500;
  // Within the thirty seconds each place is forgotten many times over.
  for (let index = 1; members.nowMs <= 31_000; members.nowMs += stepMs) {
    for (let nth = 0; nth < copyWordsMax / 4; nth++, index++) {
      for (const [id, value] of [["b", 1] as const, ["c", 2] as const]) {
        members.copies.get(id)!.say(outcomes(index, value));
      }
    }
    members.say("b");
    members.say("c");
    if (members.nowMs < 29_000) expect(members.standings("bc")).toEqual(["sound", "sound"]);
  }
  expect(members.standings("bc")).toEqual(["doubted", "doubted"]);
});

test.each([3, 64, 1_000])("a content that is told %d words later than those of the others is compared", (later) => {
  const members = new Members("abc");
  for (const id of "ab") members.say(id, content(2000, 1));
  for (let nth = 1; nth <= later; nth++) {
    for (const id of "abc") members.copies.get(id)!.say(outcomes(2000 + nth, 7));
  }
  for (const id of "abc") members.say(id);
  members.say("c", content(2000, 9));
  expect(members.standings("abc")).toEqual(["sound", "sound", "wrong"]);
});

test("contents that differ are not cleared by equal outcomes, nor by what was equal before", () => {
  const members = new Members("abc");
  const before = [content(500, 7), outcomes(1024, 5)];
  members.say("b", ...before, content(2000, 1));
  members.say("c", ...before, content(2000, 2));
  members.nowMs = 31_000;
  members.judge();
  expect(members.standings("bc")).toEqual(["doubted", "doubted"]);
  members.restart("c", ...before, outcomes(2048, 6));
  members.say("b", outcomes(2048, 6));
  expect(members.standings("bc")).toEqual(["doubted", "sound"]);
  expect(members.comparing.isAskDue(members.configuration, members.nowMs)).toBe(true);
  members.say("c", content(2050, 8));
  members.say("b", content(2050, 8));
  expect(members.standings("bc")).toEqual(["sound", "sound"]);
});

test("outcomes that differ are cleared by equal outcomes at that place or later, and not before", () => {
  const members = new Members("abc");
  members.say("b", outcomes(1024, 5), outcomes(2048, 1));
  members.say("c", outcomes(1024, 5), outcomes(2048, 2));
  members.nowMs = 31_000;
  members.judge();
  members.restart("c", outcomes(1024, 5));
  expect(members.standings("bc")).toEqual(["doubted", "sound"]);
  members.say("c", outcomes(2048, 1));
  expect(members.standings("bc")).toEqual(["sound", "sound"]);
});

test.each(["abcde", "cabde", "deabc", "abdec"])(
  "copies that were given are confirmed while all are in doubt, and so make a majority: %s",
  (order) => {
    const members = new Members("abcde", "de");
    const valueOf = (id: string): number => (id === "c" ? 2 : 1);
    for (const id of order) members.say(id, outcomes(1024, valueOf(id)));
    expect(members.standings("abcde")).toEqual(Array.from({ length: 5 }, () => "doubted"));
    for (const id of order) members.say(id, content(2048, valueOf(id)));
    expect(members.standings("abcde")).toEqual(["sound", "sound", "wrong", "sound", "sound"]);
  },
);

test.each(["acb", "abc", "bca"])("a single witness confirms no copy that it may have given itself: %s", (order) => {
  const members = new Members("abc", "bc");
  for (const id of order) members.say(id, content(2048, id === "b" ? 1 : 9));
  expect(members.standings("abc")).toEqual(["doubted", "doubted", "doubted"]);
});

test.each([
  ["a voter is away", "abc", ""],
  ["there are two voters", "ab", ""],
  ["another one was given", "abc", "c"],
])("a copy that no node vouches for puts no other one in doubt: %s", (_, voters, given) => {
  const members = new Members(voters, given, "b");
  for (const id of `a${given}`) members.say(id, content(2000, 1));
  members.say("b", content(2000, 9));
  members.nowMs = 31_000;
  members.judge();
  members.judge();
  const others = `a${given}`;
  expect(members.standings(others)).toEqual(others.split("").map(() => "sound"));
  expect(members.standings("b")).toEqual(["doubted"]);
});

test("no doubt ends while others differ at another place", () => {
  const members = new Members("abc");
  members.say("b", outcomes(1024, 1));
  members.say("c", outcomes(1024, 2));
  members.nowMs = 31_000;
  members.judge();
  expect(members.standings("bc")).toEqual(["doubted", "doubted"]);
  members.restart("c", content(1500, 3));
  members.say("b", content(1500, 4), outcomes(2048, 5));
  members.say("a", outcomes(2048, 5));
  expect(members.standings("b")).toEqual(["doubted"]);
});

test("a copy that no node vouches for is not waited for where others differ", () => {
  const members = new Members("abc", "", "c");
  members.say("c");
  members.say("a", outcomes(1024, 1));
  members.say("b", outcomes(1024, 2));
  expect(members.standings("ab")).toEqual(["doubted", "doubted"]);
});

test("a copy that no node vouches for is compared: a witness and the copy that it gave do not outvote it", () => {
  const members = new Members("abc", "c", "b");
  members.say("b", content(2000, 1));
  for (const id of "ac") members.say(id, content(2000, 9));
  expect(members.standings("b")).toEqual(["doubted"]);
  expect(members.copies.get("c")!.isGiven).toBe(true);
});

test("a copy that no node vouches for is condemned or confirmed by a majority", () => {
  const members = new Members("abc", "", "b");
  for (const id of "ac") members.say(id, content(2000, 1), content(3000, 1));
  members.say("b", content(2000, 1));
  expect(members.standings("b")).toEqual(["sound"]);
  members.copies.set("b", new OwnCopy("b", { ...ofAnother, origin: unprovenOrigin }));
  members.say("b", content(3000, 2));
  expect(members.standings("abc")).toEqual(["sound", "wrong", "sound"]);
});

test("the pauses between questions for contents grow to an hour, and are short again once a member has another copy or connection", () => {
  const members = new Members("abc", "b");
  const { comparing, configuration } = members;
  for (const id of "ab") members.say(id);
  const asked = (untilMs: number): readonly number[] => {
    const times: number[] = [];
    for (; members.nowMs < untilMs; members.nowMs += 500) {
      if (comparing.isAskDue(configuration, members.nowMs)) times.push(members.nowMs / 1_000);
    }
    return times;
  };
  expect(asked(40_000)).toEqual([0, 1, 3, 7, 15, 31]);
  const day = 24 * 3_600_000;
  expect(asked(day).length).toBeLessThan(40);
  expect(asked(2 * day)).toHaveLength(24);
  members.restart("c");
  expect(asked(2 * day + 4_000)).toHaveLength(2);
  asked(3 * day);
  const other = { ...configuration };
  expect(comparing.isAskDue(other, members.nowMs)).toBe(true);
  members.nowMs += 1_000;
  expect(comparing.isAskDue(other, members.nowMs)).toBe(false);
  members.nowMs += 1_000;
  expect(comparing.isAskDue(other, members.nowMs)).toBe(true);
});

test("words are judged at most every tenth of a second, and where none has come a second later", () => {
  const members = new Members("ab");
  const { comparing, configuration } = members;
  members.say("a", outcomes(8, 1));
  expect(comparing.isJudgementDue(50)).toBe(false);
  expect(comparing.isJudgementDue(999)).toBe(false);
  expect(comparing.isJudgementDue(1_000)).toBe(true);
  comparing.hear(keyOf("a"), { ...comparing.saidBy(keyOf("a"))! });
  expect(comparing.isJudgementDue(99)).toBe(false);
  expect(comparing.isJudgementDue(100)).toBe(true);
  comparing.judge(configuration, 100);
  expect(comparing.isJudgementDue(250)).toBe(false);
});
