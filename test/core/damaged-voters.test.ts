// Which changes of the voters a leader does not begin while some voters count for nothing. They would vote in no election, and
// without a leader no node could refill them: the cluster would stand still for good.
import { describe, expect, test } from "bun:test";
import type { MemberKey } from "../../src/core/configuration.ts";
import { describeConfiguration, describeRefusal } from "../../src/core/describe-membership.ts";
import { latestConfiguration } from "../../src/core/log-terms.ts";
import type { State } from "../../src/core/state.ts";
import { asLeader, effectsOf, leader, play, take } from "./build.ts";
import {
  accepted,
  at,
  change,
  from,
  n1,
  n2,
  n3,
  n4,
  n5,
  persisted,
  refused,
  tick,
  type Untimed,
  voter,
} from "./say.ts";

const leading = (...members: readonly MemberKey[]): State =>
  leader({ log: [1], members: [n1, ...members], matched: members.map((key) => [key, 2]) });

/** `key` says that it has lost its data and copies it anew; null: that it is whole again. */
function says(state: State, key: MemberKey, refill: number | null): State {
  const { round } = asLeader(state);
  const answer = refill === null ? accepted(2, state.log.last.index, round) : refused(2, lost, round);
  return play(state, from(key, { ...answer, refill } as typeof answer));
}
const lost = { prevIndex: 2, conflict: at(1, 0), lastIndex: 0 };

const refusalsOf = (state: State, event: Untimed): readonly string[] =>
  effectsOf(take(state, event)[1], "changeSettled").map(({ outcome }) =>
    outcome.kind === "refused" ? describeRefusal(outcome.reason) : outcome.kind,
  );
const inForce = (state: State): string => describeConfiguration(latestConfiguration(state.log)!);

/** Everyone named has the leader's log, and so has the leader's disk; then a heartbeat. */
function acked(state: State, ...keys: readonly MemberKey[]): State {
  let next = play(state, persisted(state.durability.issued));
  for (const key of keys) next = play(next, from(key, accepted(2, state.log.last.index, asLeader(next).round)));
  return take(next, tick, next.nowMs + 50)[0];
}

describe("with a voter that has lost data a leader begins no change", () => {
  const damaged = says(leading(n2, n3), n3, 77);

  test("that leaves no quorum of voters that count", () => {
    for (const part of [{ remove: ["n2"] }, { demote: ["n2"] }]) {
      expect(refusalsOf(damaged, change(part))).toEqual([
        "the change leaves no quorum without voters that lost data and do not count yet: n3; remove them first, or wait until they count",
      ]);
      expect(play(damaged, change(part)).log).toBe(damaged.log);
    }
  });

  test("but for one that leaves a quorum of others, such as its own removal", () => {
    expect(inForce(play(damaged, change({ remove: ["n3"] })))).toContain("voters n1 n2;");
    const five = says(leading(n2, n3, n4, n5), n3, 77);
    expect(inForce(play(five, change({ remove: ["n2"] })))).toContain("voters n1 n3 n4 n5;");
  });

  test("and begins it when it is asked again after the voter is whole", () => {
    const copied = play(damaged, tick);
    const [later] = take(copied, tick, copied.nowMs + 50);
    expect(inForce(play(says(says(later, n3, 77), n3, null), change({ remove: ["n2"] })))).toContain("voters n1 n3;");
  });

  test("a step that waits for learners waits for the voter as well", () => {
    const two = leading(n2, n3);
    const asked = acked(play(two, change({ add: [voter(n4)], remove: ["n2"], demote: [] })), n2, n3);
    const filling = says(asked, n3, 77);
    // Of n1, n3 and n4 the newcomer and the leader are a quorum: nothing to wait for.
    expect(inForce(acked(filling, n4))).toContain("voters n1 n3 n4;");
    const shrinking = acked(play(two, change({ add: [voter(n4)], remove: ["n2"], demote: ["n1"] })), n2, n3);
    const waiting = acked(acked(says(shrinking, n3, 77), n4), n2, n4);
    expect(inForce(waiting)).toContain("n4 to vote when caught up");
    const whole = acked(says(waiting, n3, null), n2, n4);
    expect(inForce(acked(whole, n2, n3, n4))).toContain("voters n3 n4");
  });
});
