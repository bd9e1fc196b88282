// What a leader finds out before it hands a change to the core: of which newcomer, and whether the core would take it at all.
import { expect, test } from "bun:test";
import type { Configuration } from "../../src/core/configuration.ts";
import type { ChangeOutcome } from "../../src/core/membership-change.ts";
import type { State } from "../../src/core/state.ts";
import type { Verdict } from "../../src/node/reaching.ts";
import { follower } from "../core/build.ts";
import { n1, n2, n3, n4 } from "../core/say.ts";
import { newcomer } from "./administering.ts";
import { leading, reachable, setUp } from "./change-setting.ts";
import { afterMicrotasks } from "./cluster.ts";

/** The leader's latest configuration, changed so; the one before stays in its log. */
function since(state: State, change: Partial<Configuration>): State {
  const [first] = state.log.configurations;
  const later = { position: { index: 5, term: 1 }, configuration: { ...first!.configuration, ...change } };
  return { ...state, log: { ...state.log, configurations: [first!, later] } };
}

test("of several newcomers each is added, judged and remarked on by what was found of itself", async () => {
  const { world, ask, changes } = setUp();
  const hidden: Verdict = { ...reachable, incarnation: "five", undialledBy: ["n1"], isHidden: true };
  world.verdicts["n5"] = hidden;
  world.verdicts["n6"] = { ...reachable, incarnation: "six" };
  const reply = await ask({ add: [{ ...newcomer("n5"), behindNat: true }, newcomer("n6", false)] });
  const added = [
    { key: "n5@five", address: "n5.test:7400", priority: -1, voter: true },
    { key: "n6@six", address: "n6.test:7400", priority: null, voter: false },
  ];
  expect(changes()).toEqual([["change", expect.objectContaining({ add: added }), null]]);
  expect(reply).toHaveProperty("message", expect.stringContaining("nobody can dial n5"));
  expect(reply).toHaveProperty("message", expect.not.stringContaining("n6 at"));
  world.verdicts["n6"] = { ...hidden, incarnation: "six" };
  world.verdicts["n5"] = { ...reachable, incarnation: "five" };
  const other = await ask({ add: [newcomer("n5"), { ...newcomer("n6"), behindNat: true }] });
  expect(other).toHaveProperty("message", expect.stringContaining("nobody can dial n6"));
  expect(other).toHaveProperty("message", expect.not.stringContaining("dial n5"));
});

test("what speaks against a newcomer is a part of the plan, and no error of a dry run", async () => {
  const { world, did, ask } = setUp();
  world.verdicts["n5"] = { kind: "refused", reason: "n5 is down" };
  const reply = await ask({ add: [newcomer("n5")] }, { dryRun: true });
  expect(reply).toMatchObject({ kind: "membershipPlan", id: 7, refusal: "n5 is down" });
  expect(did.map(([kind]) => kind)).toEqual(["reach"]);
});

test("a conflict names where the latest configuration stands, and all voters that stay are asked about a newcomer", async () => {
  const { ask, did } = setUp({ state: since(leading(), {}) });
  const reply = await ask({ add: [newcomer("n5")] }, { expectedIndex: 4 });
  expect(reply).toMatchObject({ code: "rejected", message: expect.stringContaining("it stands at 5") });
  expect(did).toEqual([["reach", "n5", "n5.test:7400", "n2", "n3", "n4"]]);
});

test("a learner is a member: it keeps its priority, and is not asked about newcomers", async () => {
  const { world, ask, did } = setUp({ state: since(leading(), { voters: [n1, n2, n3] }) });
  const incarnation = n4.split("@")[1]!;
  world.verdicts["n4"] = { ...reachable, incarnation, undialledBy: ["n1"], isHidden: true };
  await ask({ add: [{ ...newcomer("n4", false), behindNat: true, address: "moved:1" }] });
  const kept = { add: [expect.objectContaining({ key: n4, priority: null, voter: false })] };
  expect(did.splice(0, 2)).toEqual([
    ["reach", "n4", "moved:1", "n2", "n3"],
    ["change", expect.objectContaining(kept), null],
  ]);
  did.length = 0;
  await ask({ add: [newcomer("n5")] });
  expect(did[0]).toEqual(["reach", "n5", "n5.test:7400", "n2", "n3"]);
});

test("a promotion that an earlier change has asked for already goes to the core, which has it wait", async () => {
  const pending = [{ promote: [n4], demote: [], remove: [] }];
  const { ask, did } = setUp({ state: since(leading(), { voters: [n1, n2, n3], pending }) });
  expect(await ask({ promote: ["n4"] }, { expectedIndex: 5 })).toMatchObject({ kind: "membershipChanged" });
  expect(did.map(([kind]) => kind)).toEqual(["change", "answered"]);
});

test("a change is counted by what it ends in: a newcomer may bring the majority that answers", async () => {
  const { ask } = setUp({ state: leading({ silent: [n3, n4] }) });
  expect(await ask({ add: [newcomer("n5")] })).toMatchObject({ kind: "membershipChanged" });
});

test("a leader does not hand over for a change that brings back who was removed, and which the core would refuse", async () => {
  const members = leading().log.configurations[0]!.configuration.members.filter(({ key }) => key !== n4);
  const { world, ask, did } = setUp({ state: since(leading(), { members, voters: [n1, n2, n3] }) });
  world.verdicts["n4"] = { ...reachable, incarnation: n4.split("@")[1]! };
  const reply = await ask({ add: [newcomer("n4", false)], remove: ["n1"] });
  expect(reply).toMatchObject({ code: "rejected", message: expect.stringContaining("n4") });
  expect(did.map(([kind]) => kind)).toEqual(["reach"]);
});

test("what a change has come to is told as things stand then, and not as they stood when it was asked for", async () => {
  for (const [settled, expected] of [
    [
      { kind: "done", index: 9 },
      { kind: "membershipChanged", message: "remove n4: voters n1 n2 n3" },
    ],
    [
      { kind: "notLeader", leader: n2 },
      { code: "not-leader", leader: { id: "n2" } },
    ],
  ] as const) {
    const { world, ask, replies } = setUp();
    const outcome = Promise.withResolvers<ChangeOutcome>();
    Object.defineProperty(world, "outcome", { get: () => outcome.promise });
    await ask({ remove: ["n4"] });
    world.state = since(world.state, {
      members: world.state.log.configurations[0]!.configuration.members.slice(0, 3),
      voters: [n1, n2, n3],
    });
    if (settled.kind === "notLeader") world.state = follower({ leader: n2 });
    outcome.resolve(settled);
    await afterMicrotasks();
    expect(replies).toMatchObject([expected]);
  }
});

test("a leader makes the change itself after a hand-over that came to nothing", async () => {
  for (const handed of [{ kind: "timedOut" }, { kind: "elsewhere", leader: n3 }, { kind: "nodeEnded" }] as const) {
    const { ask, did } = setUp({ handed });
    expect(await ask({ remove: ["n1"] })).toMatchObject({ kind: "membershipChanged" });
    expect(did.map(([kind]) => kind)).toEqual(["transfer", "change", "answered"]);
  }
});
