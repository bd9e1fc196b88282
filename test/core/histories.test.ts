// Where do two logs last share a position, and is it the same history there? core/histories.ts.
import { describe, expect, test } from "bun:test";
import { areOne, sharedPosition } from "../../src/core/histories.ts";
import type { Entry } from "../../src/core/entry.ts";
import { follower } from "./build.ts";
import { chainAt, chainsOf } from "./chain.ts";
import { append, at, commands, install, n2, requestVote, snapshotAt, from } from "./say.ts";

const terms = [1, 1, 2, 2, 3];
const log = follower({ log: terms }).log;
const here = commands(terms);
const chains = chainsOf(here);

/** The same positions, and other bytes at one of them. */
const forged = (index: number): readonly Entry[] =>
  here.map((entry) => (entry.index === index ? { ...entry, payload: new Uint8Array([9, 9, 9, 9]) } : entry) as Entry);

/** What a leader with that log sends after `prev`. */
const sent = (theirs: readonly Entry[], prev: number, through = theirs.length) =>
  append({
    term: 4,
    prev: at(prev, theirs[prev - 1]?.term ?? 0),
    prevChain: chainAt(theirs, prev),
    entries: theirs.slice(prev, through),
  });

describe("P60: two logs share", () => {
  test("prev, when the entries lie behind this log's end", () => {
    const longer = [...here, ...commands([4], 6)];
    expect(sharedPosition(log, sent(longer, 5), chains)).toEqual({
      at: at(5, 3),
      chain: chainAt(here, 5),
      leaderChain: chainAt(here, 5),
    });
  });

  test("the last entry that both hold, also when prev lies far before it", () => {
    const shared = sharedPosition(log, sent(here, 1), chains);
    expect(shared?.at).toEqual(at(5, 3));
    expect(shared !== null && areOne(shared)).toBe(true);
  });

  test("nothing where the terms differ: that is a conflict, and no second history", () => {
    expect(sharedPosition(log, append({ term: 4, prev: at(5, 4) }), chains)).toBeNull();
    const other = [...here.slice(0, 4), ...commands([4], 5)];
    expect(sharedPosition(log, sent(other, 3), chains)?.at).toEqual(at(4, 2));
  });

  test("what follows the base, when prev lies below it", () => {
    const compacted = follower({ snapshot: at(2, 1), log: [2, 2, 3] }).log;
    expect(sharedPosition(compacted, sent(here, 1), chains)?.at).toEqual(at(5, 3));
    expect(sharedPosition(compacted, sent(here, 0, 1), chains)).toBeNull();
    expect(sharedPosition(compacted, sent(forged(1), 0, 2), chains)?.at).toEqual(at(2, 1));
  });

  test("the end of an offered snapshot, if this log holds it", () => {
    expect(sharedPosition(log, install(snapshotAt(at(3, 2)), { term: 4 }), chains)).toEqual({
      at: at(3, 2),
      chain: chainAt(here, 3),
      leaderChain: 1003,
    });
    expect(sharedPosition(log, install(snapshotAt(at(9, 3)), { term: 4 }), chains)).toBeNull();
  });

  test("and no other message shows anything", () => {
    const event = from(n2, requestVote(4, at(5, 3)));
    expect(event.kind === "message" && sharedPosition(log, event.message, chains)).toBeNull();
  });
});

describe("P60: a history that differs is found", () => {
  test("at prev, when the difference lies before it", () => {
    const shared = sharedPosition(log, sent(forged(2), 4), chains);
    expect(shared?.at).toEqual(at(4, 2));
    expect(shared !== null && areOne(shared)).toBe(false);
  });

  test("at the first entry that differs, when it comes with the message", () => {
    const shared = sharedPosition(log, sent(forged(4), 1), chains);
    expect(shared?.at).toEqual(at(4, 2));
    expect(shared !== null && areOne(shared)).toBe(false);
  });
});
