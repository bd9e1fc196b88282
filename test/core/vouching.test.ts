// How a node comes to hear one that its configuration does not name: a member vouches for it, or no quorum answers for long.
import { describe, expect, test } from "bun:test";
import { type MemberKey, nodeIdOf } from "../../src/core/configuration.ts";
import { describeEffect } from "../../src/core/describe.ts";
import { genesisConfiguration } from "../../src/core/genesis.ts";
import type { Message } from "../../src/core/messages.ts";
import type { State } from "../../src/core/state.ts";
import { asLeader, elected, follower, leader, linesOf, play, take } from "./build.ts";
import {
  append,
  at,
  commands,
  from,
  genesisOf,
  install,
  n1,
  n2,
  n3,
  n4,
  n5,
  requestVote,
  snapshotAt,
  wiped,
} from "./say.ts";

const membersReply = (index: number, ...members: readonly MemberKey[]): Message => ({
  kind: "requestMembersReply",
  index,
  members,
});
const claim = from(n5, append({ term: 2, prev: at(1, 1) }));
const wish = from(n5, requestVote(2, at(1, 1)));

/** n1 with entry 1, of the cluster n1, n2, n3; without a leader. */
const waiting = follower({ log: [1], term: 1 });
const asked = play(waiting, claim);
const later = (state: State, forMs: number): State => ({ ...state, nowMs: state.nowMs + forMs });

describe("P10: a node that the configuration does not name is heard when a member vouches for it", () => {
  for (const [what, event, heard] of [
    ["as a leader", claim, { currentTerm: 2, role: { leader: n5 } }],
    ["as a candidate", wish, { currentTerm: 2, votedFor: n5 }],
    ["with a snapshot", from(n5, install(snapshotAt(at(9, 1)), { term: 2 })), { currentTerm: 2, role: { leader: n5 } }],
  ] as const) {
    test(what, () => {
      const state = play(waiting, event);
      expect(state.currentTerm).toBe(1);
      expect(play(state, from(n2, membersReply(7, n1, n2, n3, n5)), event)).toMatchObject(heard);
    });
  }

  test("and not by a list that is no newer than the own configuration, nor by one that names another disk of it", () => {
    for (const answer of [membersReply(0, n1, n2, n3, n5), membersReply(7, n1, n2, n3, wiped(n5)), membersReply(7)]) {
      expect(play(asked, from(n2, answer), claim).role).toMatchObject({ leader: null });
    }
  });

  test("P66: nor by a node that is no member, not even by itself", () => {
    for (const voucher of [n4, n5, wiped(n2)]) {
      expect(take(asked, from(voucher, membersReply(7, n1, n2, n3, n5)))).toEqual([asked, []]);
    }
  });

  test("nor by an answer that nobody has asked for", () => {
    expect(play(waiting, from(n2, membersReply(7, n1, n2, n3, n5))).vouching).toBeNull();
  });

  test("P65: an index at the end of its range speaks for the member alone that named it", () => {
    const lied = play(asked, from(n3, membersReply(2 ** 53 - 1, n4)));
    expect(play(lied, from(n2, membersReply(7, n1, n2, n3, n5)), claim).role).toMatchObject({ leader: n5 });
  });

  test("a later answer of the same member takes the place of its earlier one", () => {
    const revoked = play(asked, from(n2, membersReply(7, n1, n5)), from(n2, membersReply(8, n1, n2)));
    expect(play(revoked, claim).role).toMatchObject({ leader: null });
  });

  test("a word given long ago is asked for again", () => {
    const vouched = later(play(asked, from(n2, membersReply(7, n1, n2, n3, n5))), 8 * 500);
    expect(play(vouched, claim).role).toMatchObject({ leader: null });
  });
});

describe("P66: a member that has lost its log is no newcomer, also when no founder: it has a vote to lose", () => {
  const refill = { finding: "the log is gone", clusterUuid: null, id: 7, ticket: null };
  const damaged = { ...follower({ self: n4, term: 1 }), refill };
  const filling = from(n5, append({ term: 2, entries: commands([2]), refill: { id: 7, through: 1 } }));

  test("it takes no log from a node that nobody vouches for, and asks the founders", () => {
    const [state, effects] = take(damaged, filling);
    expect(state).toMatchObject({ currentTerm: 1, log: damaged.log, role: { leader: null } });
    expect(effects.map(describeEffect)).toEqual([n1, n2, n3, n5].map((key) => `to ${nodeIdOf(key)}: RequestMembers`));
  });

  test("a founder vouches for the leader, and the leader refills it", () => {
    const state = play(damaged, filling, from(n2, membersReply(7, n2, n4, n5)), filling);
    expect(state).toMatchObject({ log: { last: at(1, 2) }, role: { leader: n5 } });
  });
});

describe("P66: a node that no member vouches for", () => {
  /** It claims to lead every 50 ms, and every member that lives answers. */
  function claimed(state: State, forMs: number, ...answering: readonly MemberKey[]): State {
    let next = state;
    for (
      const endMs = state.nowMs + forMs;
      next.nowMs < endMs && next.role.kind === "follower" && next.role.leader === null;
    ) {
      next = play(later(next, 50), claim);
      for (const key of answering) next = play(next, from(key, membersReply(0, n1, n2, n3)));
    }
    return next;
  }

  test("is never heard while a quorum answers", () => {
    expect(claimed(waiting, 300_000, n2).role).toMatchObject({ leader: null });
  });

  test("is heard when no quorum has answered for sixty election timeouts, and not before", () => {
    expect(claimed(waiting, 29_900).role).toMatchObject({ leader: null });
    expect(claimed(waiting, 31_000).role).toMatchObject({ leader: n5 });
    const until = claimed(waiting, 20_000, n2);
    expect(claimed(until, 29_000).role).toMatchObject({ leader: null });
    // The last answers count for a while.
    expect(claimed(until, 36_000).role).toMatchObject({ leader: n5 });
  });

  test("two of five that answer each other are no quorum: the three that replaced the others are heard in the end", () => {
    const five = follower({ log: [1], members: [n1, n2, n3, n4, wiped(n5)] });
    expect(claimed(five, 31_000, n2).role).toMatchObject({ leader: n5 });
  });

  test("does not profit from a silence of long ago", () => {
    const before = later(asked, 60_000);
    expect(play(before, claim).role).toMatchObject({ leader: null });
  });

  test("a damaged member neither answers nor counts: it knows of old members at most", () => {
    const refill = { finding: "the log is gone", clusterUuid: null, id: 7, ticket: null };
    expect(linesOf({ ...waiting, refill }, from(n2, { kind: "requestMembers" }))).toEqual([]);
    // One stale member that answers is no quorum with a node that has lost its log itself.
    const damaged = play({ ...waiting, refill }, claim);
    const answered = play(later(damaged, 10), from(n2, membersReply(0, n1, n2, n3)));
    expect(answered.vouching!.aloneSinceMs).toBe(damaged.vouching!.aloneSinceMs);
    const later1 = play(later(asked, 10), from(n2, membersReply(0, n1, n2, n3)));
    expect(later1.vouching!.aloneSinceMs).toBe(later1.nowMs);
  });

  test("a lone voter never hears it", () => {
    expect(claimed(follower({ log: [1], members: [n1] }), 100_000).role).toMatchObject({ leader: null });
  });
});

describe("what is asked and answered", () => {
  test("every member and that node, once an election timeout at the most, and never while a leader is heard", () => {
    expect(linesOf(waiting, claim)).toEqual([
      "to n2: RequestMembers",
      "to n3: RequestMembers",
      "to n5: RequestMembers",
    ]);
    expect(linesOf(later(asked, 499), claim)).toEqual([]);
    expect(linesOf(later(asked, 500), claim).length).toBe(3);
    expect(linesOf(follower({ log: [1], leader: n2 }), claim)).toEqual([]);
    expect(linesOf(leader({ log: [1] }), from(n5, append({ term: 3 })))).toEqual([]);
  });

  test("a leader goes on bidding farewell to a former member that asks, since it does not know the leader yet", () => {
    const { members } = genesisConfiguration(genesisOf(n1, n2, n3, n4));
    const learning = follower({ log: [1], configuration: { members } });
    const without = { position: at(1, 1), configuration: genesisConfiguration(genesisOf(n1, n2, n3)) };
    const leading = elected({
      ...learning,
      log: { ...learning.log, configurations: [...learning.log.configurations, without] },
    });
    const heardMs = (state: State) => asLeader(state).progress.get(n4)?.heardMs;
    expect(asLeader(leading).administration.farewells.has(n4)).toBe(true);
    const [after] = take(leading, from(n4, { kind: "requestMembers" }), leading.nowMs + 400);
    expect(heardMs(after)).toBe(leading.nowMs + 400);
    // What a member asks says nothing about whether it follows this leader.
    const [same] = take(leading, from(n2, { kind: "requestMembers" }), leading.nowMs + 400);
    expect(asLeader(same).progress).toEqual(asLeader(leading).progress);
  });

  test("the members of the latest configuration in the log, and where it stands; to whichever node asks", () => {
    const { members } = genesisConfiguration(genesisOf(n1, n2, n3, n4));
    const configuration = { ...genesisConfiguration(genesisOf(n1, n2, n3)), members };
    const log = {
      ...waiting.log,
      configurations: [...waiting.log.configurations, { position: at(1, 1), configuration }],
    };
    expect(linesOf({ ...waiting, log }, from(n5, { kind: "requestMembers" }))).toEqual([
      "to n5: RequestMembersReply: at 1 n1, n2, n3, n4",
    ]);
  });
});
