// Sentences of chapter 4 of the thesis, on cluster membership changes, each shown by one node. How elections and commits
// count while a configuration is joint is elections.test.ts.
import { describe, expect, test } from "bun:test";
import type { MemberKey } from "../../src/core/configuration.ts";
import { describeConfiguration } from "../../src/core/describe-membership.ts";
import { mayCampaign } from "../../src/core/election.ts";
import { latestConfiguration } from "../../src/core/log-terms.ts";
import type { State } from "../../src/core/state.ts";
import { asLeader, effectsOf, follower, leader, linesOf, play, take } from "../core/build.ts";
import { accepted, append, at, change, from, learner, n1, n2, n3, n4, persisted, propose } from "../core/say.ts";
import { requestVote, tick, type Untimed, voter } from "../core/say.ts";

/** n1 leads term 2 of three; its no-op, at 2, is committed. */
const leading = (): State =>
  leader({
    log: [1],
    matched: [
      [n2, 2],
      [n3, 2],
    ],
  });
const acked = (state: State, ...keys: readonly MemberKey[]): readonly Untimed[] => [
  persisted(state.durability.issued),
  ...keys.map((key) => from(key, accepted(2, state.log.last.index, asLeader(state).round))),
];
const inForce = (state: State): string => describeConfiguration(latestConfiguration(state.log)!);

describe("§4.1 Safety", () => {
  test("§4.1: the new configuration takes effect on each server as soon as it is added to that server's log", () => {
    const state = play(leading(), change({ demote: ["n3"] }));
    expect(inForce(state)).toBe("voters n1 n2; were n1 n2 n3");
    const { configuration } = state.log.configurations.at(-1)!;
    const entry = { kind: "configuration", index: 3, term: 2, stampMs: 2_000_000, configuration } as const;
    const second = play(
      follower({ self: n2, log: [1, 2] }),
      from(n1, append({ term: 2, prev: at(2, 2), entries: [entry] })),
    );
    expect(inForce(second)).toBe("voters n1 n2; were n1 n2 n3");
    expect(second.commitIndex).toBe(0);
  });

  test("§4.1: servers always use the latest configuration in their logs; if the entry is removed, they fall back to the previous one", () => {
    const ahead = { ...follower({ self: n2, log: [1, 1] }), commitIndex: 1 };
    const configuration = { ...latestConfiguration(ahead.log)!, voters: [n1, n2], outgoing: [n1, n2, n3] };
    const entry = { kind: "configuration", index: 3, term: 1, stampMs: 2_000_000, configuration } as const;
    const changed = play(ahead, from(n1, append({ term: 1, prev: at(2, 1), entries: [entry] })));
    expect(inForce(changed)).toContain("were");
    const other = { kind: "noop", index: 3, term: 2, stampMs: 2_000_000 } as const;
    expect(inForce(play(changed, from(n3, append({ term: 2, prev: at(2, 1), entries: [other] }))))).toBe(
      "voters n1 n2 n3",
    );
  });

  test("§4.1: a change is complete once its entry is committed, and further changes cannot begin until then", () => {
    const first = play(leading(), change({ add: [learner(n4)] }), { ...change({ remove: ["n4"] }), ref: 2 } as Untimed);
    expect(first.log.last.index).toBe(3);
    expect(inForce(play(first, ...acked(first, n2)))).toBe("voters n1 n2 n3");
  });
});

describe("§4.2 Availability", () => {
  test("§4.2.1: a new server joins the cluster as a non-voting member", () => {
    const state = play(leading(), change({ add: [voter(n4)] }));
    expect(inForce(state)).toBe("voters n1 n2 n3; learners n4; n4 to vote when caught up");
    expect(effectsOf(take(state, tick, state.nowMs + 50)[1], "sendEntries").map(({ to }) => to)).toContain(n4);
  });

  test("§4.2.1: once it has caught up with the rest of the cluster, the reconfiguration can proceed", () => {
    const added = play(leading(), change({ add: [voter(n4)] }));
    const committed = play(added, ...acked(added, n2));
    expect(inForce(committed)).toContain("n4 to vote");
    const [asked] = take(committed, tick, committed.nowMs + 50);
    expect(inForce(play(asked, ...acked(asked, n4)))).toBe("voters n1 n2 n3 n4; were n1 n2 n3");
  });

  test("§4.2.2: a leader that is removed from the configuration steps down once the C_new entry is committed", () => {
    const joint = play(leading(), change({ remove: ["n1"] }));
    const last = play(joint, ...acked(joint, n2, n3));
    expect(last.role.kind).toBe("leader");
    expect(play(last, ...acked(last, n2, n3)).role.kind).toBe("follower");
  });

  test("§4.2.2: it replicates log entries but does not count itself in majorities", () => {
    const joint = play(leading(), change({ remove: ["n1"] }));
    const last = play(joint, ...acked(joint, n2, n3), propose(4));
    const half = play(last, ...acked(last, n2));
    expect(half.commitIndex).toBe(3);
  });

  test("§4.2.2: a server that is not part of its own latest configuration should still start new elections, until C_new is committed", () => {
    const joint = play(leading(), change({ remove: ["n1"] }));
    const last = play(joint, ...acked(joint, n2, n3));
    const deposed = play(last, from(n2, requestVote(3, at(1, 1), true)));
    expect(mayCampaign(deposed)).toBe(true);
    expect(mayCampaign({ ...deposed, commitIndex: 4 })).toBe(false);
  });
});

describe("§4.3 Arbitrary configuration changes using joint consensus", () => {
  test("§4.3: the cluster first switches to the joint consensus; once that is committed, it transitions to the new configuration", () => {
    const joint = play(leading(), change({ remove: ["n3"] }));
    expect(inForce(joint)).toBe("voters n1 n2; were n1 n2 n3; leaving n3");
    expect(linesOf(play(joint, persisted(joint.durability.issued)), from(n2, accepted(2, 3)))).toContain(
      "append 4.2 (voters n1 n2) [4]",
    );
  });

  test("§4.3: it allows the cluster to continue servicing client requests throughout the change", () => {
    const joint = play(leading(), change({ remove: ["n3"] }));
    expect(linesOf(joint, propose(4))[1]).toBe("accept 1 from 4.2");
  });

  test("§4.3: any set of servers can be changed at once", () => {
    const state = play(leading(), change({ add: [learner(n4)], remove: ["n2"], demote: ["n1"] }));
    expect(inForce(state)).toBe("voters n3; were n1 n2 n3; leaving n2; learners n4");
  });
});
