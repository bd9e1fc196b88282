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
    // This is said first: the administrator sees what was tried.
    expect(plan(leading(), { add: [joining], remove: ["n9"] }, tried)).toMatchObject({
      after: null,
      refusal: "n2 cannot reach n4",
    });
  });

  test("says of a leader that becomes a learner that it hands over first, as of one that is removed", () => {
    const words = "n1 leads: it hands leadership over first";
    expect(plan(leading(), { demote: ["n1"] }).risks).toContain(words);
    expect(plan(leading(), { remove: ["n1"] }).risks).toContain(words);
    expect(plan(leading(), { demote: ["n2"] }).risks).not.toContain(words);
  });

  test("comes to nothing new where an earlier change does the same already", () => {
    const members = [n1, n2, n3, n4];
    const pending = [{ promote: [n4], demote: [], remove: [] }];
    const state = leader({ members, configuration: { voters: [n1, n2, n3], pending } });
    const { role } = leading([], members);
    const [own] = state.log.configurations[0]!.configuration.members.filter(({ key }) => key === n4);
    const again = { add: [{ ...joining, address: own!.address }] };
    const { before, after, nodes, refusal } = plan({ ...state, role }, again);
    expect(before).toMatchObject({ voters: ["n1", "n2", "n3"], learners: ["n4"] });
    expect([after, nodes, refusal]).toEqual([before, [], null]);
  });

  test("rounds how long a voter has been silent to whole seconds", () => {
    const state = leading([n2]);
    const risks = plan({ ...state, nowMs: state.nowMs + 600 }, { remove: ["n3"] }).risks.join();
    expect(risks).toContain("n2 has not been heard for 21 s");
  });

  test("lists a member that moves, one that changes its priority, and none that stays as it is", () => {
    const changes = { add: [{ key: n3, address: "elsewhere:1", priority: null, voter: true }] };
    const listed = (change: Partial<MembershipChange>) =>
      plan(leading(), change).nodes.map(({ id, address, becomes }) => [id, address, becomes]);
    expect(listed(changes)).toEqual([["n3", "elsewhere:1", "voter"]]);
    const [own] = leading().log.configurations[0]!.configuration.members.filter(({ key }) => key === n2);
    expect(listed({ prioritize: [{ name: "n2", priority: 5 }] })).toEqual([["n2", own!.address, "voter"]]);
    expect(listed({ demote: ["n2"] })).toEqual([["n2", own!.address, "learner"]]);
  });

  test("tells of each node what it lacks and how long it has been silent, and of the leader that it is neither", () => {
    const state = leading([n3]);
    const role = state.role as Leader;
    const unheard = { ...role.progress.get(n2)!, ackedRound: 0, heardMs: state.nowMs + 5 };
    const { nodes } = plan(
      { ...state, role: { ...role, progress: new Map(role.progress).set(n2, unheard) } },
      {
        prioritize: ["n1", "n2", "n3"].map((name) => ({ name, priority: 5 })),
      },
    );
    expect(nodes.map(({ id, lagEntries, silentMs }) => [id, lagEntries, silentMs])).toEqual([
      ["n1", 0, 0],
      ["n2", null, 0],
      ["n3", 0, 20_000],
    ]);
  });

  test.each([
    [10_000, []],
    [10_001, ["n4 is 10001 entries behind: the change is complete when it has caught up"]],
  ])("says that a newcomer is far behind beyond 10,000 entries: %d", (lag, expected) => {
    const state = leading();
    const last = { index: 50_000, term: state.currentTerm };
    const role = state.role as Leader;
    const learner = { ...role.progress.get(n2)!, matchIndex: last.index - lag };
    const far = {
      ...state,
      log: { ...state.log, last },
      role: { ...role, progress: new Map(role.progress).set(n4, learner) },
    };
    const { risks } = plan(far, { add: [joining] });
    expect(risks.filter((risk) => risk.includes("behind"))).toEqual(expected);
  });

  test.each([
    [0, null],
    [1, "n3 does not answer"],
  ])("counts a voter as silent from one election timeout on: %d ms after the last moment before", (ms, why) => {
    const state = leading();
    const role = state.role as Leader;
    const heardMs = state.nowMs - state.settings.electionTimeoutMs + 1 - ms;
    const n3Heard = { ...role.progress.get(n3)!, heardMs };
    const late = { ...state, role: { ...role, progress: new Map(role.progress).set(n3, n3Heard) } };
    const { refusal } = plan(late, { remove: ["n2"] });
    if (why === null) expect(refusal).toBeNull();
    else expect(refusal).toContain(why);
  });

  test("names all that are silent or damaged, and counts with both", () => {
    const five = [n1, n2, n3, n4, n5];
    const state = withDamaged(withDamaged(leading([n4], five), n2), n3);
    expect(plan(state, { prioritize: [{ name: "n1", priority: 5 }] }).refusal).toBe(
      "with it nothing could be committed any more: 3 of the voters n1, n2, n3, n4, n5 would be needed, and n4 does not answer, and " +
        "n2, n3 have lost data and do not count yet: remove them first, or wait until they count",
    );
    const silent = leading([n3, n4, n5], five);
    expect(plan(silent, { prioritize: [{ name: "n1", priority: 5 }] }).refusal).toBe(
      "with it nothing could be committed any more: 3 of the voters n1, n2, n3, n4, n5 would be needed, and n3, n4, n5 do not answer",
    );
    expect(plan(silent, { prioritize: [{ name: "n1", priority: 5 }] }).risks).toContain(
      "n3 has not been heard for 20 s: it counts all the same, 0 more may fail",
    );
    const onlyOne = leading([n4], five);
    expect(plan(onlyOne, { prioritize: [{ name: "n1", priority: 5 }] }).risks).toEqual([
      "n4 has not been heard for 20 s: it counts all the same, 1 more may fail",
    ]);
    const oneOfEach = withDamaged(onlyOne, n2);
    expect(plan(oneOfEach, { prioritize: [{ name: "n1", priority: 5 }] }).risks).toContain(
      "n2 has lost data: it does not count yet, 0 more may fail",
    );
  });

  test("says that a voter has not been heard yet, and that another change is under way until that is committed", () => {
    const state = leading();
    const role = state.role as Leader;
    const progress = new Map(role.progress);
    progress.delete(n3);
    const { risks } = plan({ ...state, role: { ...role, progress } }, { prioritize: [{ name: "n1", priority: 5 }] });
    expect(risks).toEqual(["n3 has not been heard yet: it counts all the same, 0 more may fail"]);
    const [placed] = state.log.configurations;
    const risksAt = (index: number) =>
      plan(
        {
          ...state,
          commitIndex: 1,
          log: { ...state.log, configurations: [{ ...placed!, position: { index, term: 1 } }] },
        },
        { prioritize: [{ name: "n1", priority: 5 }] },
      ).risks;
    expect(risksAt(1)).toEqual([]);
    const joint = { ...placed!.configuration, voters: [n1, n2, n3], outgoing: [n1, n2] };
    const change = { prioritize: [{ name: "n1", priority: 5 }] };
    // Its first half is committed, and it is under way still.
    const { before, risks: ofJoint } = plan(
      {
        ...state,
        commitIndex: 1,
        log: { ...state.log, configurations: [{ position: { index: 1, term: 1 }, configuration: joint }] },
      },
      change,
    );
    expect([before.voters, ofJoint]).toEqual([
      ["n1", "n2", "n3"],
      ["another change is under way: this one waits for it, and is counted from what it ends in"],
    ]);
    expect(risksAt(2)).toEqual([
      "another change is under way: this one waits for it, and is counted from what it ends in",
    ]);
  });
});
