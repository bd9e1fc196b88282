// What a change of the membership would come to, from a leader's state: numbers, risks and what it refuses.
import { describe, expect, test } from "bun:test";
import type { MemberKey } from "../../src/core/configuration.ts";
import { type MembershipChange, noChange } from "../../src/core/membership-change.ts";
import type { Leader } from "../../src/core/roles.ts";
import type { State } from "../../src/core/state.ts";
import { planOf, type Tried } from "../../src/node/plan.ts";
import { leader } from "../core/build.ts";
import { n1, n2, n3, n4, n5 } from "../core/say.ts";

const fine: Tried = { refusal: null, unasked: [], remarks: [] };
const joining = { key: n4, address: "n4:1", priority: null, voter: true };

/** A leader that has just heard everyone but those named, 20 s ago. */
function leading(silent: readonly MemberKey[] = [], members: readonly MemberKey[] = [n1, n2, n3]): State {
  const state = leader({ members });
  const role = state.role as Leader;
  const nowMs = state.nowMs + 20_000;
  const progress = new Map(
    [...role.progress].map(([key, each]) => {
      const heardMs = silent.includes(key) ? state.nowMs : nowMs;
      return [key, { ...each, heardMs, ackedRound: 1, matchIndex: state.log.last.index }] as const;
    }),
  );
  return { ...state, nowMs, role: { ...role, progress } };
}

/** The member has lost data, and copies it anew. */
function withDamaged(state: State, key: MemberKey): State {
  const role = state.role as Leader;
  const refilling = { kind: "refilling", id: 7, through: 1, afterRound: 1 } as const;
  const damaged = { ...role.progress.get(key)!, fault: refilling };
  return { ...state, role: { ...role, progress: new Map(role.progress).set(key, damaged) } };
}

const plan = (state: State, change: Partial<MembershipChange>, tried = fine) =>
  planOf(state, { ...noChange, ...change }, tried);

describe("the plan of a change", () => {
  test("counts before and after, as things will be when everyone has caught up", () => {
    const { before, after, nodes, refusal } = plan(leading(), { add: [joining], remove: ["n3"] });
    expect(before).toEqual({ voters: ["n1", "n2", "n3"], learners: [], quorum: 2, tolerates: 1 });
    expect(after).toEqual({ voters: ["n1", "n2", "n4"], learners: [], quorum: 2, tolerates: 1 });
    expect(nodes.map(({ id, becomes }) => `${id} ${becomes}`)).toEqual(["n3 gone", "n4 voter"]);
    expect(nodes).toMatchObject([
      { lagEntries: 0, silentMs: 0 },
      { lagEntries: null, silentMs: null },
    ]);
    expect(refusal).toBeNull();
  });

  test("has nothing to say against five instead of four", () => {
    const four = [n1, n2, n3, n5];
    expect(plan(leading([], four), { add: [joining] }).risks).toEqual([]);
  });

  test.each<readonly [string, State, Partial<MembershipChange>, string]>([
    ["an even number", leading(), { add: [joining] }, "4 voters tolerate no more failures than 3 would"],
    ["two voters", leading(), { remove: ["n3"] }, "with 2 voters no failure is tolerated"],
    [
      "a silent voter",
      leading([n3]),
      { add: [joining] },
      "n3 has not been heard for 20 s: it counts all the same, 0 more may fail",
    ],
    ["the leader itself", leading(), { remove: ["n1"] }, "n1 leads: it hands leadership over first"],
  ])("warns of %s", (_, state, change, risk) => {
    expect(plan(state, change).risks).toContain(risk);
  });

  test("warns of a learner that is far behind, and of a voter that could not be asked", () => {
    const state = leading();
    const far = { ...state, log: { ...state.log, last: { index: 50_000, term: state.currentTerm } } };
    const role = far.role as Leader;
    const learner = { ...role.progress.get(n2)!, matchIndex: 1, ackedRound: 1 };
    const withLearner = { ...far, role: { ...role, progress: new Map(role.progress).set(n4, learner) } };
    const { risks } = plan(withLearner, { add: [joining] }, { ...fine, unasked: ["n3"] });
    expect(risks).toContain("n4 is 49999 entries behind: the change is complete when it has caught up");
    expect(risks).toContain("n3 does not answer: whether it can reach n4 is not known");
  });

  test("P44: refuses the last voter's removal, and one that leaves too few that answer", () => {
    expect(plan(leading([], [n1]), { remove: ["n1"] })).toMatchObject({
      after: null,
      refusal: "no voter would be left",
    });
    const stuck = plan(leading([n3]), { remove: ["n2"] });
    expect(stuck.refusal).toContain("2 of the voters n1, n3 would be needed, and n3 does not answer");
    expect(plan(leading([n3]), { remove: ["n3"] }).refusal).toBeNull();
  });

  test("refuses what leaves too few voters that count: one that has lost data answers, and votes for nobody", () => {
    const filling = withDamaged(leading(), n3);
    expect(plan(filling, { remove: ["n2"] }).refusal).toBe(
      "with it nothing could be committed any more: 2 of the voters n1, n3 would be needed, and n3 has lost data and does not count yet: remove it first, or wait until it counts",
    );
    expect(plan(filling, { remove: ["n3"] }).refusal).toBeNull();
    expect(plan(filling, { add: [joining] }).risks).toContain(
      "n3 has lost data: it does not count yet, 0 more may fail",
    );
  });

  test("counts a voter once that has lost data and does not answer either", () => {
    const { refusal, risks } = plan(withDamaged(leading([n3]), n3), { add: [joining] });
    expect(refusal).toBeNull();
    expect(risks.filter((risk) => risk.startsWith("n3 "))).toEqual([
      "n3 has not been heard for 20 s: it counts all the same, 0 more may fail",
    ]);
  });

  test("tells what trying to reach the newcomer has shown", () => {
    const tried = { ...fine, refusal: "n2 cannot reach n4" };
    expect(plan(leading(), { add: [joining] }, tried)).toMatchObject({ refusal: "n2 cannot reach n4" });
  });
});
