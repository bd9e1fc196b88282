// When a read may be served (§6.4): what confirms it at the leader, what does not, and how a follower asks.
import { describe, expect, test } from "bun:test";
import type { MemberKey } from "../../src/core/configuration.ts";
import { nextDeadlineMs } from "../../src/core/deadline.ts";
import { askedReadsMax } from "../../src/core/forwarded-reads.ts";
import { pendingReadsMax } from "../../src/core/reads.ts";
import { defaultSettings } from "../../src/core/settings.ts";
import type { State } from "../../src/core/state.ts";
import {
  asFollower,
  asLeader,
  candidate,
  effectsOf,
  follower,
  leader,
  linesOf,
  play,
  preCandidate,
  take,
} from "./build.ts";
import { accepted, append, at, change, from, hello, n1, n2, n3, n4, n5, noop, persisted, preVoteReply } from "./say.ts";
import { propose, read, readIndex, readIndexReply, refused, requestVote, tick, transferTo, wiped } from "./say.ts";

/** n1 leads term 2; its no-op, at 2, is committed. */
const leading = (more: Parameters<typeof leader>[0] = {}): State => leader({ log: [1], matched: [[n2, 2]], ...more });
/** n1 follows n2 in term 2, with all of a log of 3 committed. */
const following = (): State => follower({ log: [1, 2, 2], leader: n2, verifiedIndex: 3, commitIndex: 3 });

const roundOf = (state: State): number => asLeader(state).round;
/** `key` has answered everything that it has been sent. */
const acked = (state: State, key: MemberKey, back = 0) =>
  from(key, accepted(state.currentTerm, 2, roundOf(state) - back));
const reads = (lines: readonly string[]): readonly string[] => lines.filter((line) => line.includes("read "));
const ready = (index: number, ref = 1): readonly string[] => [`read ${ref} may be served at ${index}`];

describe("a leader confirms a read by answers to what it sent after the read came", () => {
  test("a heartbeat is due at once, and the answer of one more voter of three is enough", () => {
    const [asked, effects] = take(leading(), read());
    expect(effects).toEqual([]);
    expect(nextDeadlineMs(asked)).toBe(asked.nowMs);
    const [sent, heartbeats] = take(asked, tick);
    expect(effectsOf(heartbeats, "sendEntries").map(({ to }) => to)).toEqual([n2, n3]);
    expect(nextDeadlineMs(sent)).toBeGreaterThan(sent.nowMs);
    expect(reads(linesOf(sent, acked(sent, n2)))).toEqual(ready(2));
  });

  test("P24: an answer to what was sent before the read came confirms nothing", () => {
    const late = leading();
    const sent = play(late, read(), tick);
    const after = play(sent, from(n2, accepted(2, 2, roundOf(late))), from(n3, accepted(2, 2, roundOf(late))));
    expect(asLeader(after).reads).toHaveLength(1);
    expect(reads(linesOf(after, from(n3, accepted(2, 2, roundOf(late) + 1))))).toEqual(ready(2));
  });

  test("P28: there is no lease: a leader that has slept serves nothing on what it was told before", () => {
    const served = play(leading(), read(1), tick);
    const before = play(served, acked(served, n2), acked(served, n3));
    const woken = take(before, read(2), before.nowMs + 10_000)[0];
    expect(asLeader(woken).reads).toHaveLength(1);
    expect(linesOf(woken, acked(woken, n2))).toEqual([]);
    expect(linesOf(woken, tick).some((line) => line.includes("may be served"))).toBe(false);
  });

  test("P24: half of four voters are not a majority", () => {
    const sent = play(
      leading({
        members: [n1, n2, n3, n4],
        matched: [
          [n2, 2],
          [n3, 2],
        ],
      }),
      read(),
      tick,
    );
    const once = play(sent, acked(sent, n2));
    expect(asLeader(once).reads).toHaveLength(1);
    expect(reads(linesOf(once, acked(sent, n4)))).toEqual(ready(2));
  });

  test("P24: learners are not counted", () => {
    const configuration = { voters: [n1, n2, n3] };
    const sent = play(leading({ members: [n1, n2, n3, n4, n5], configuration, matched: [[n2, 2]] }), read(), tick);
    const learned = play(sent, acked(sent, n4), acked(sent, n5));
    expect(asLeader(learned).reads).toHaveLength(1);
    expect(reads(linesOf(learned, acked(sent, n3)))).toEqual(ready(2));
  });

  test("§4.3: while the configuration is joint both majorities confirm", () => {
    const configuration = { voters: [n1, n2, n3], outgoing: [n1, n4, n5] };
    const members = [n1, n2, n3, n4, n5];
    const sent = play(leading({ members, configuration, matched: [] }), read(), tick);
    const half = play(sent, acked(sent, n2), acked(sent, n3));
    expect(asLeader(half).reads).toHaveLength(1);
    expect(reads(linesOf(half, acked(sent, n5)))).toEqual(ready(2));
  });

  test("§4.2.2: a leader that does not vote any more is not counted", () => {
    const joint = play(leading(), change({ remove: ["n1"] }));
    const state = play(joint, from(n2, accepted(2, 3)), from(n3, accepted(2, 3)));
    const sent = play(state, read(), tick);
    const once = play(sent, acked(sent, n2));
    expect(asLeader(once).reads).toHaveLength(1);
    expect(reads(linesOf(once, acked(sent, n3)))).toEqual(ready(3));
  });

  test("a lone voter confirms at once", () => {
    expect(linesOf(leader({ members: [n1] }), read())).toEqual(ready(1));
  });

  test("a refusal is an answer of this term as well", () => {
    const sent = play(leading(), read(), tick);
    const refusal = refused(2, { prevIndex: 2, conflict: at(2, 0), lastIndex: 1 }, roundOf(sent));
    expect(reads(linesOf(sent, from(n3, refusal)))).toEqual(ready(2));
  });

  test("an answer of another term is none, nor is one of another incarnation", () => {
    const sent = play(leading(), read(), tick);
    expect(linesOf(sent, from(n2, accepted(1, 1, roundOf(sent))))).toEqual([]);
    expect(linesOf(sent, from(wiped(n2), accepted(2, 1, roundOf(sent))))).toEqual([]);
  });

  test("a lost heartbeat is made up for by the next one", () => {
    const lost = play(leading(), read(), tick);
    const sent = take(lost, tick, lost.nowMs + defaultSettings.heartbeatIntervalMs)[0];
    expect(reads(linesOf(sent, acked(sent, n3)))).toEqual(ready(2));
  });
});

describe("P22: nothing is served before an entry of the leader's own term is committed", () => {
  test("P22: a new leader's read waits for its no-op, also when its leadership is confirmed", () => {
    // n1 has won with entries that an earlier leader may have committed: it knows of none.
    const state = play(leader({ log: [1, 1, 1] }), read(), tick);
    const [after, effects] = take(state, from(n2, accepted(2, 0, roundOf(state))));
    expect(effectsOf(effects, "readReady")).toEqual([{ kind: "readReady", ref: 1, index: 4 }]);
    expect(after.appliedIndex).toBe(0);
  });

  test("P22: later reads wait for what is committed when they come", () => {
    const state = play(leading(), propose(4), persisted(3), from(n2, accepted(2, 3)), propose(4), read(), tick);
    expect(reads(linesOf(state, acked(state, n3)))).toEqual(ready(3));
  });
});

describe("many reads share a round", () => {
  test("reads that come while one is asked about wait for the next heartbeat, which all of them share", () => {
    const sent = play(leading(), read(1), tick);
    const more = play(sent, read(2), read(3));
    expect(nextDeadlineMs(more)).toBeGreaterThan(more.nowMs);
    const [first, effects] = take(more, from(n2, accepted(2, 2, roundOf(sent))));
    expect(effectsOf(effects, "readReady").map(({ ref }) => ref)).toEqual([1]);
    expect(nextDeadlineMs(first)).toBe(first.nowMs);
    const second = play(first, tick);
    expect(roundOf(second) - roundOf(first)).toBe(2);
    expect(reads(linesOf(second, acked(second, n3)))).toEqual([...ready(2, 2), ...ready(2, 3)]);
  });

  test("commands that come with them go to a quorum anyway, and save the heartbeat", () => {
    const inStep = leading({
      matched: [
        [n2, 2],
        [n3, 2],
      ],
    });
    const state = play(inStep, read(), propose(4));
    expect(nextDeadlineMs(state)).toBeGreaterThan(state.nowMs);
    expect(reads(linesOf(state, acked(state, n2)))).toEqual(ready(2));
  });

  test("but not when most of the voters are sent nothing", () => {
    const members = [n1, n2, n3, n4, n5];
    const state = play(
      leading({
        members,
        matched: [
          [n2, 2],
          [n3, 2],
        ],
      }),
      from(n4, refused(2, { prevIndex: 1, conflict: at(1, 0), lastIndex: 0 })),
    );
    const quiet = play(leading({ members, matched: [[n2, 2]] }), read(), propose(4));
    expect(nextDeadlineMs(quiet)).toBe(quiet.nowMs);
    const busy = play(state, read(), propose(4));
    expect(nextDeadlineMs(busy)).toBeGreaterThan(busy.nowMs);
  });
});

describe("a read that cannot be confirmed is refused", () => {
  test("a leader that hears of a later term refuses what waits, its clients' and its members'", () => {
    const state = play(leading(), read(), from(n3, readIndex(2, 77)));
    expect(linesOf(state, from(n3, append({ term: 3 }))).slice(0, 2)).toEqual([
      "refuse read 1, leader n3",
      "to n3: ReadIndexReply term 2: refused",
    ]);
  });

  test("a leader that has lost its quorum does", () => {
    const state = play(leading(), read(), tick);
    const lines = linesOf(state, tick, state.nowMs + defaultSettings.electionTimeoutMs);
    expect(lines).toEqual(["refuse read 1, leader unknown"]);
  });

  test("a node that knows no leader refuses at once, and a follower names the one it knows when it is asked too much", () => {
    for (const state of [follower({ log: [1] }), preCandidate({ log: [1] }), candidate({ log: [1] })]) {
      expect(linesOf(state, read())).toEqual(["refuse read 1, leader unknown"]);
    }
    let state = following();
    for (let ref = 1; ref <= askedReadsMax; ref++) state = { ...state, ...oneMore(state, ref) };
    expect(linesOf(state, read())).toEqual(["refuse read 1, leader n2"]);
  });

  test("a leader bounds what waits", () => {
    const state = play(leading(), read());
    const role = asLeader(state);
    const full = { ...state, role: { ...role, reads: Array.from({ length: pendingReadsMax }, () => role.reads[0]!) } };
    expect(linesOf(full, read(2))).toEqual(["refuse read 2, leader unknown"]);
    expect(linesOf(full, from(n2, readIndex(2, 5)))).toEqual(["to n2: ReadIndexReply term 2: refused"]);
  });

  test("during a hand-over reads go on as long as the leader leads", () => {
    const state = play(leading(), transferTo("n2"), read(), tick);
    expect(reads(linesOf(state, acked(state, n3)))).toEqual(ready(2));
  });
});

/** A follower that has asked about one more read. */
function oneMore(state: State, ref: number): State {
  const role = asFollower(state);
  const asked = { id: state.nextReadId, ref, dueMs: 900 };
  return { ...state, nextReadId: state.nextReadId + 1, role: { ...role, reads: [...role.reads, asked] } };
}

describe("a follower asks its leader", () => {
  const idOf = (state: State): number => asFollower(state).reads[0]!.id;

  test("and serves at the index it is told", () => {
    const [state, effects] = take(following(), read());
    expect(effects).toMatchObject([{ kind: "send", to: n2, message: { kind: "readIndex", term: 2, id: idOf(state) } }]);
    const [after, answered] = take(state, from(n2, readIndexReply(2, idOf(state), 9)));
    expect(answered).toEqual([{ kind: "readReady", ref: 1, index: 9 }]);
    expect(asFollower(after).reads).toEqual([]);
  });

  test("the leader answers once its leadership is confirmed, whatever the asker's vote counts", () => {
    const configuration = { voters: [n1, n2, n3] };
    const state = leading({ members: [n1, n2, n3, n4], configuration });
    for (const asker of [n3, n4]) {
      const sent = play(state, from(asker, readIndex(2, 77)), tick);
      expect(effectsOf(take(sent, acked(sent, n2))[1], "send")).toEqual([
        { kind: "send", to: asker, message: { kind: "readIndexReply", term: 2, id: 77, index: 2 } },
      ]);
    }
  });

  test("a stranger, one of another term, and who asks a node that does not lead are refused", () => {
    const refusal = (to: string, term: number) => [`to ${to}: ReadIndexReply term ${term}: refused`];
    expect(linesOf(leading(), from(n4, readIndex(2, 77)))).toEqual(refusal("n4", 2));
    expect(linesOf(leading(), from(n3, readIndex(1, 77)))).toEqual(refusal("n3", 2));
    expect(linesOf(leading(), from(n3, readIndex(3, 77)))).toEqual(refusal("n3", 2));
    expect(linesOf(following(), from(n3, readIndex(2, 77)))).toEqual(refusal("n3", 2));
  });

  test("P23: an answer to another read, of another term or from another node meets nothing", () => {
    const state = play(following(), read());
    for (const [sender, reply] of [
      [n2, readIndexReply(2, idOf(state) - 1, 3)],
      [n2, readIndexReply(3, idOf(state), 3)],
      [n3, readIndexReply(2, idOf(state), 3)],
    ] as const) {
      expect(take(state, from(sender, reply))).toEqual([state, []]);
    }
  });

  test("P23: an answer that comes twice, or late, is not taken for the answer to the next read", () => {
    const first = play(following(), read(1));
    const answer = from(n2, readIndexReply(2, idOf(first), 3));
    const second = play(first, answer, read(2));
    expect(idOf(second)).not.toBe(idOf(first));
    expect(linesOf(second, answer)).toEqual([]);
  });

  test("P23: another start of the same node begins its names elsewhere", () => {
    const firsts = new Set([1, 2, 3, 4].map((seed) => follower({ seed: [seed, 2, 3, 4] }).nextReadId));
    expect(firsts.size).toBe(4);
    for (const first of firsts) expect(first).toBeLessThan(2 ** 52);
  });

  test("a refusal sends the client to the leader that is known", () => {
    const state = play(following(), read());
    expect(linesOf(state, from(n2, readIndexReply(2, idOf(state), null)))).toEqual(["refuse read 1, leader n2"]);
  });

  test("no answer within an election timeout is a refusal: question or answer may be lost", () => {
    let state = play(following(), read(1));
    state = take(state, read(2), 300)[0];
    state = take(state, from(n2, append({ term: 2, prev: at(3, 2) })), 450)[0];
    expect(nextDeadlineMs(state)).toBe(500);
    const [after, effects] = take(state, tick, 500);
    expect(effects).toEqual([{ kind: "readRefused", ref: 1, leader: n2 }]);
    expect(nextDeadlineMs(after)).toBe(800);
  });

  test("a new term, its own campaign, or the leader's wish to hand over end the wait", () => {
    const state = take(following(), read(), 400)[0];
    expect(linesOf(state, from(n3, append({ term: 3, prev: at(3, 2) })))).toContain("refuse read 1, leader n3");
    expect(linesOf(state, from(n3, requestVote(3, at(3, 2), true)))).toContain("refuse read 1, leader unknown");
    expect(linesOf({ ...state, nowMs: 810 }, tick)).toContain("refuse read 1, leader unknown");
    expect(linesOf(state, from(n2, { kind: "timeoutNow", term: 2 }))).toContain("refuse read 1, leader unknown");
  });

  test("what has nothing to do with leadership does not", () => {
    const state = play(following(), read());
    for (const event of [
      hello(n3, "founding"),
      persisted(0),
      from(n3, preVoteReply(3, 2, false)),
      from(n2, append({ term: 2, prev: at(3, 2), entries: [noop(4, 2)], commit: 4 })),
    ]) {
      expect(asFollower(play(state, event)).reads).toHaveLength(1);
    }
  });
});
