// What does a node do that has lost a part of what it promised? core/refill.ts.
import { describe, expect, test } from "bun:test";
import { describeHalt } from "../../src/core/describe.ts";
import { nextDeadlineMs } from "../../src/core/deadline.ts";
import { restore } from "../../src/core/restore.ts";
import type { State } from "../../src/core/state.ts";
import { effectsOf, follower, linesOf, play, saved, starting, take } from "./build.ts";
import {
  append,
  at,
  commands,
  fetched,
  from,
  genesisOf,
  hello,
  install,
  n1,
  n2,
  n3,
  persisted,
  preVote,
  requestVote,
  snapshotAt,
  tick,
  timeoutNow,
  type Untimed,
} from "./say.ts";

const { clusterUuid } = genesisOf(n1);
const refill = { finding: "the end of the log is gone", clusterUuid };

/** Restored in term 3, having voted for n2, with an empty log in the place of the damaged one. */
const refilling = (part: Partial<ReturnType<typeof saved>> = {}): State =>
  restore({ ...saved({ term: 3, votedFor: n2 }), refill, ...part }, starting());

const { id } = refilling().refill!;
/** What a leader says whose log ended there when it first heard of this refill. */
const goal = (through: number) => ({ id, through });

const outcomesOf = (
  state: State,
  ...[event, nowMs]: Parameters<typeof take> extends [State, ...infer Rest] ? Rest : never
) => effectsOf(take(state, event, nowMs)[1], "send").map(({ message }) => message);

describe("a node that has lost something", () => {
  test("P61: grants no vote, not even in a later term or to whom it had voted for", () => {
    for (const [candidate, term] of [
      [n2, 3],
      [n3, 4],
    ] as const) {
      const [asked, effects] = take(refilling(), from(candidate, requestVote(term, at(9, 2))));
      const [, waited] = take(asked, persisted(asked.durability.issued));
      const replies = [...effectsOf(effects, "send"), ...effectsOf(waited, "send")].map(({ message }) => message);
      expect(replies).toEqual([{ kind: "requestVoteReply", term, granted: false }]);
    }
  });

  test("grants no pre-vote", () => {
    expect(outcomesOf(refilling(), from(n3, preVote(4, at(9, 2))))).toEqual([
      { kind: "requestPreVoteReply", askedTerm: 4, term: 3, granted: false },
    ]);
  });

  test("never stands for election, by its own will or by its leader's", () => {
    const state = refilling();
    const due = nextDeadlineMs(state);
    expect(outcomesOf(state, tick, due)).toEqual([]);
    const led = play(state, from(n2, append({ term: 3 })));
    expect(outcomesOf(led, from(n2, timeoutNow(3)))).toEqual([]);
    expect(play(led, from(n2, timeoutNow(3))).role.kind).toBe("follower");
  });

  test("founds no cluster, whatever its configuration file says", () => {
    const bootstrap = [{ id: "n1", address: "n1:7400" }];
    const state = restore({ ...saved({ term: 3 }), genesis: null, refill }, starting({ bootstrap }));
    expect(state.founding).toBeNull();
    expect(nextDeadlineMs(state)).toBe(Number.POSITIVE_INFINITY);
  });

  test("adopts the genesis of its own cluster and no other", () => {
    const state = refilling({ genesis: null });
    const foreign = { ...genesisOf(n1, n2, n3), clusterUuid: "d".repeat(32) };
    expect(play(state, hello(n2, foreign)).genesis).toBeNull();
    expect(play(state, hello(n2, genesisOf(n1, n2, n3))).genesis?.clusterUuid).toBe(clusterUuid);
  });

  test("says in each reply that it abstains", () => {
    const [reply] = outcomesOf(refilling(), from(n2, append({ term: 3, prev: at(5, 3), refill: goal(5) })));
    expect(reply).toMatchObject({ kind: "appendEntriesReply", refill: id, outcome: { kind: "refused" } });
  });
});

describe("it takes part again", () => {
  const heard = (): State => play(refilling(), from(n2, append({ term: 3, prev: at(5, 3), refill: goal(5) })));
  const entries = commands([1, 1, 2, 3, 3]);

  test("once its log durably equals the leader's through the end that this had when it first answered", () => {
    const short = play(heard(), from(n2, append({ term: 3, entries: entries.slice(0, 4), refill: goal(5), round: 2 })));
    const [almost, nothing] = take(short, persisted(short.durability.issued));
    expect(effectsOf(nothing, "writeRefilled")).toEqual([]);
    const whole = play(
      almost,
      from(n2, append({ term: 3, prev: at(4, 3), entries: entries.slice(4), refill: goal(5), round: 3 })),
    );
    const [written, effects] = take(whole, persisted(whole.durability.issued));
    expect(effectsOf(effects, "writeRefilled")).toHaveLength(1);
    expect(effectsOf(effects, "send").at(-1)?.message).toMatchObject({ refill: id, outcome: { matchIndex: 5 } });
    // It votes only once that is on its disk: until then a restart would make it abstain again.
    expect(written.refill).not.toBeNull();
    const state = play(written, persisted(written.durability.issued));
    expect(state.refill).toBeNull();
    const [reply] = outcomesOf(state, from(n2, append({ term: 3, prev: at(5, 3), refill: goal(5), round: 4 })));
    expect(reply).toMatchObject({ refill: null });
  });

  test("with another leader, through the end that this one had: the first one's may be gone", () => {
    const other = play(heard(), from(n3, append({ term: 4, prev: at(3, 2), refill: goal(3) })));
    const filled = play(other, from(n3, append({ term: 4, entries: entries.slice(0, 3), refill: goal(3), round: 2 })));
    const [, effects] = take(filled, persisted(filled.durability.issued));
    expect(effectsOf(effects, "writeRefilled")).toHaveLength(1);
  });

  test("once a snapshot and what follows it are durable here", () => {
    const snapshot = snapshotAt(at(4, 3));
    const offered = play(
      heard(),
      from(n2, install(snapshot, { term: 3, round: 2, refill: goal(5) })),
      fetched(snapshot),
    );
    const [installed, effects] = take(offered, persisted(offered.durability.issued));
    expect(effectsOf(effects, "restoreState")).toHaveLength(1);
    expect(effectsOf(effects, "writeRefilled")).toEqual([]);
    const next = append({ term: 3, prev: at(4, 3), entries: commands([3], 5), round: 3, prevChain: snapshot.chain });
    const filled = play(installed, from(n2, next));
    expect(effectsOf(take(filled, persisted(filled.durability.issued))[1], "writeRefilled")).toHaveLength(1);
  });
});

describe("P59: a node whose log ends before what it has acknowledged", () => {
  const following = follower({ log: [1, 1, 2], leader: n2, term: 2 });

  test("is told so by its leader, and stops", () => {
    const [, effects] = take(following, from(n2, append({ term: 2, prev: at(3, 2), confirmed: 7, refill: goal(5) })));
    expect(effectsOf(effects, "halt").map(({ reason }) => describeHalt(reason))).toEqual([
      "this node has acknowledged entries through 7 to the leader n2, and its log ends at 3.2: its disk has lost entries 4 to 7",
    ]);
  });

  test("is told so with the offer of a snapshot as well", () => {
    const offer = install(snapshotAt(at(8, 2)), { term: 2, confirmed: 7, refill: goal(5) });
    expect(effectsOf(take(following, from(n2, offer))[1], "halt")).toHaveLength(1);
  });

  test("goes on when it has what the leader has had confirmed", () => {
    const lines = linesOf(following, from(n2, append({ term: 2, prev: at(3, 2), confirmed: 3, refill: goal(5) })));
    expect(lines.filter((line) => line.startsWith("halt"))).toEqual([]);
  });

  test("is not told twice: one that refills itself has said so already", () => {
    const [, effects] = take(refilling(), from(n2, append({ term: 3, prev: at(5, 3), confirmed: 5, refill: goal(5) })));
    expect(effectsOf(effects, "halt")).toEqual([]);
  });
});

describe("P60: equal index and term with unequal checksums are two histories", () => {
  const following = follower({ log: [1, 1, 2], leader: n2, term: 2 });

  /** A message that shares position 3.2 with this log, where the checksums are these: here and there. */
  const sharing = (event: Untimed, [chain, leaderChain]: readonly [number, number]): Untimed =>
    event.kind === "message" ? { ...event, shared: { at: at(3, 2), chain, leaderChain } } : event;

  test("the follower says both, tells the leader and takes no part any more", () => {
    const message = append({ term: 2, prev: at(3, 2), prevChain: 22, entries: commands([2], 4) });
    const [after, effects] = take(following, sharing(from(n2, message), [11, 22]));
    expect(effects.map(({ kind }) => kind)).toEqual(["send", "halt"]);
    expect(effectsOf(effects, "send")[0]?.message).toMatchObject({
      outcome: { kind: "diverged", at: at(3, 2), chain: 11, leaderChain: 22 },
    });
    expect(effectsOf(effects, "halt").map(({ reason }) => describeHalt(reason))).toEqual([
      "this node and the leader n2 hold different histories: at 3.2, the first position known to differ, the chained checksum is 11 here and 22 there",
    ]);
    expect(after.log).toEqual(following.log);
  });

  test("also where a snapshot is offered whose end this log holds", () => {
    const snapshot = snapshotAt(at(3, 2));
    const [, effects] = take(following, sharing(from(n2, install(snapshot, { term: 2 })), [11, snapshot.chain]));
    expect(effectsOf(effects, "halt")).toHaveLength(1);
  });

  test("equal checksums are one history", () => {
    const message = append({ term: 2, prev: at(3, 2), prevChain: 11, entries: commands([2], 4) });
    const [after, effects] = take(following, sharing(from(n2, message), [11, 11]));
    expect(effectsOf(effects, "halt")).toEqual([]);
    expect(after.log.last).toEqual(at(4, 2));
  });
});
