// What a leader makes of an administrator's change: whom it asks, to whom it hands over, and what it answers.
import { describe, expect, test } from "bun:test";
import { incarnationOf } from "../../src/core/configuration.ts";
import type { ChangeOutcome } from "../../src/core/membership-change.ts";
import type { State } from "../../src/core/state.ts";
import type { Verdict } from "../../src/node/reaching.ts";
import type { ReplyError } from "../../src/node/waiting-clients.ts";
import type { RequestedChange } from "../../src/ports/membership-requests.ts";
import { follower } from "../core/build.ts";
import { n1, n2, n3, n4 } from "../core/say.ts";
import { newcomer } from "./administering.ts";
import { leading, reachable, setUp } from "./change-setting.ts";
import { afterMicrotasks } from "./cluster.ts";

const kindsOf = (did: readonly unknown[][]) => did.map(([kind]) => kind);

describe("a change with newcomers", () => {
  test("has each tried by the voters that stay, and is made with the disk that was found", async () => {
    const { did, ask } = setUp();
    const reply = await ask({ add: [newcomer("n5"), newcomer("n4")], remove: ["n3"] }, { expectedIndex: 0 });
    expect(did.slice(0, 2)).toEqual([
      ["reach", "n5", "n5.test:7400", "n2"],
      ["reach", "n4", "n4.test:7400", "n2"],
    ]);
    const added = ["n5", "n4"].map((id) => ({
      key: `${id}@new`,
      address: `${id}.test:7400`,
      priority: null,
      voter: true,
    }));
    expect(did[2]).toEqual(["change", expect.objectContaining({ add: added, remove: ["n3"] }), 0]);
    expect(did[3]).toEqual(["answered", 1]);
    expect(reply).toMatchObject({ kind: "membershipChanged", id: 7, index: 9 });
  });

  test("is remarked on only where somebody cannot dial one of them", async () => {
    const { ask } = setUp();
    const reply = await ask({ add: [newcomer("n5")] });
    expect(reply).toHaveProperty("message", expect.not.stringContaining("dial"));
    expect(reply).toHaveProperty("message", expect.not.stringContaining("; "));
  });

  test("is refused with all that was found, and not made", async () => {
    const { world, ask, changes } = setUp();
    world.verdicts["n5"] = { kind: "refused", reason: "n5 is down" };
    world.verdicts["n6"] = { ...reachable, undialledBy: ["n1", "n2", "n3"], isHidden: true };
    const reply = await ask({ add: [newcomer("n5"), newcomer("n6")] });
    expect(reply).toMatchObject({ kind: "error", id: 7, code: "rejected", leader: null });
    expect(reply).toHaveProperty(
      "message",
      "n5 is down; n1, n2 and n3 cannot dial n6 at n6.test:7400, and reach it by its own connections alone; if the address is right, and clients need not reach it there: --behind-nat",
    );
    expect(changes()).toEqual([]);
  });

  const hidden: Verdict = { ...reachable, undialledBy: ["n1"], isHidden: true };
  const partly: Verdict = { ...reachable, undialledBy: ["n1", "n2"] };
  test.each<readonly [string, Verdict, object, number | null, string]>([
    ["the last choice where nobody can dial it", hidden, { behindNat: true }, -1, "nobody can dial n5 at n5.test:7400"],
    [
      "what was asked for, also then",
      hidden,
      { behindNat: true, priority: 3 },
      3,
      "nobody can dial n5 at n5.test:7400",
    ],
    [
      "as any other where one can",
      partly,
      {},
      null,
      "n1 and n2 cannot dial n5 at n5.test:7400: its own connections serve there",
    ],
    [
      "as any other where all but one can",
      { ...partly, undialledBy: ["n2"] },
      {},
      null,
      "n2 cannot dial n5 at n5.test:7400: its own connections serve there",
    ],
  ])("gives the newcomer a priority: %s", async (_, verdict, more, priority, remark) => {
    const { world, ask, changes } = setUp();
    world.verdicts["n5"] = verdict;
    const reply = await ask({ add: [{ ...newcomer("n5"), ...more }] });
    expect(changes()[0]).toMatchObject(["change", { add: [{ priority }] }, null]);
    expect(reply).toHaveProperty("message", expect.stringContaining(`; ${remark}`));
  });

  test("leaves a member's priority as it is when nobody can dial the member any more", async () => {
    const { world, ask, changes } = setUp();
    world.verdicts["n3"] = { ...hidden, incarnation: incarnationOf(n3) };
    await ask({ add: [{ ...newcomer("n3"), behindNat: true }] });
    expect(changes()[0]).toMatchObject(["change", { add: [{ key: n3, priority: null }] }, null]);
  });

  test("is a member or not by the latest configuration of the log", async () => {
    const state = leading();
    const [latest] = state.log.configurations;
    const { configuration } = latest!;
    const members = configuration.members.filter(({ key }) => key !== n4);
    const before = { ...latest!, configuration: { ...configuration, members, voters: [n1, n2, n3] } };
    const log = { ...state.log, configurations: [before, latest!] };
    const { world, ask, changes } = setUp({ state: { ...state, log } });
    world.verdicts["n4"] = { ...hidden, incarnation: incarnationOf(n4) };
    await ask({ add: [{ ...newcomer("n4"), behindNat: true }] });
    expect(changes()[0]).toMatchObject(["change", { add: [{ key: n4, priority: null }] }, null]);
  });

  test("is planned alone in a dry run, with whoever could not be asked named once", async () => {
    const { world, did, ask } = setUp();
    for (const id of ["n5", "n6"]) world.verdicts[id] = { ...reachable, unasked: ["n3"] };
    const reply = await ask({ add: [newcomer("n5"), newcomer("n6")] }, { dryRun: true });
    expect(reply).toMatchObject({ kind: "membershipPlan", id: 7, refusal: null });
    const risks = reply?.kind === "membershipPlan" ? reply.risks : [];
    expect(risks.filter((risk) => risk.startsWith("n3"))).toEqual([
      "n3 does not answer: whether it can reach n5, n6 is not known",
    ]);
    expect(kindsOf(did)).toEqual(["reach", "reach"]);
  });
});

describe("a change is taken by a leader alone", () => {
  const stopping: ReplyError = { code: "not-leader", message: "this node is stopping", leader: null };

  test("and is not begun by another node, nor by one that refuses changes", async () => {
    const other = setUp({ state: follower({ leader: n2 }) });
    const change = { add: [newcomer("n5")], remove: ["n3"] };
    expect(await other.ask(change)).toMatchObject({ id: 7, code: "not-leader", leader: { id: "n2" } });
    const refusing = setUp({ refusal: stopping });
    expect(await refusing.ask(change)).toMatchObject({ id: 7, ...stopping });
    expect([other.did, refusing.did]).toEqual([[], []]);
  });

  test("also once the newcomers have been tried", async () => {
    for (const turn of [{ state: follower({ leader: n2 }) }, { refusal: stopping }]) {
      const tried = Promise.withResolvers<void>();
      const { world, ask, replies, changes } = setUp({ tried: tried.promise });
      expect(await ask({ add: [newcomer("n5")] })).toBeUndefined();
      Object.assign(world, turn);
      tried.resolve();
      await afterMicrotasks();
      expect(replies).toMatchObject([{ code: "not-leader" }]);
      expect(changes()).toEqual([]);
    }
  });

  test("with all of its time from the moment at which it came", async () => {
    const tried = Promise.withResolvers<void>();
    const { world, clock, ask, replies } = setUp({ tried: tried.promise });
    world.outcome = { kind: "unknown" };
    const never = new Promise<never>(() => {});
    await ask({ add: [newcomer("n5"), newcomer("n6")] });
    clock.advance(600);
    Object.defineProperty(world, "outcome", { get: () => never });
    tried.resolve();
    await afterMicrotasks();
    clock.advance(399);
    await afterMicrotasks();
    expect(replies).toEqual([]);
    clock.advance(1);
    await afterMicrotasks();
    expect(replies).toMatchObject([{ code: "outcome-unknown", leader: { id: "n1" } }]);
    expect(replies[0]).toHaveProperty(
      "message",
      expect.stringContaining("not complete yet, and may still be made; now: "),
    );
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("a change that the leader leaves by", () => {
  test.each<readonly [string, State, string]>([
    ["the highest priority", leading({ priorities: { n3: 1 }, matched: { n2: 9 } }), "n3"],
    ["the longest log among equals", leading({ matched: { n2: 1, n3: 2, n4: 3 } }), "n4"],
    ["one that has answered lately", leading({ matched: { n2: 1, n3: 2, n4: 3 }, silent: [n4] }), "n3"],
  ])("is left to the voter that stays with %s", async (_, state, to) => {
    const { did, ask } = setUp({ state });
    const reply = await ask({ remove: ["n1"] });
    expect(did).toEqual([["transfer", to]]);
    expect(reply).toMatchObject({ code: "not-leader", leader: { id: to, address: `${to}:7400` } });
  });

  test("also where it only becomes a learner, and never to one that leaves too", async () => {
    const { did, ask } = setUp({ state: leading({ matched: { n4: 9, n3: 8 } }) });
    await ask({ demote: ["n1"], remove: ["n4"] });
    expect(did).toEqual([["transfer", "n3"]]);
  });

  test("nor to a learner that is to become a voter by it", async () => {
    const state = leading({ matched: { n4: 9, n3: 8 } });
    const configurations = state.log.configurations.map((placed) => ({
      ...placed,
      configuration: { ...placed.configuration, voters: [n1, n2, n3] },
    }));
    const { did, ask } = setUp({ state: { ...state, log: { ...state.log, configurations } } });
    await ask({ demote: ["n1"], promote: ["n4"] });
    expect(did).toEqual([["transfer", "n3"]]);
  });

  test("waits for the hand-over no longer than its time lasts", async () => {
    const tried = Promise.withResolvers<void>();
    const { world, clock, ask, replies, changes } = setUp({ tried: tried.promise });
    await ask({ add: [newcomer("n5")], remove: ["n1"] });
    clock.advance(600);
    Object.defineProperty(world, "handed", { get: () => new Promise<never>(() => {}) });
    tried.resolve();
    await afterMicrotasks();
    clock.advance(399);
    await afterMicrotasks();
    expect(replies).toEqual([]);
    clock.advance(1);
    await afterMicrotasks();
    expect(replies).toMatchObject([
      { code: "unavailable", message: expect.stringContaining("was not handed over in time") },
    ]);
    expect(changes()).toEqual([]);
  });

  test("is made by itself when nobody takes over, and waits while somebody else hands over", async () => {
    const alone = setUp({ handed: { kind: "noTarget" } });
    expect(await alone.ask({ remove: ["n1"] })).toMatchObject({ kind: "membershipChanged" });
    expect(kindsOf(alone.did)).toEqual(["transfer", "change", "answered"]);
    const busy = setUp({ handed: { kind: "busy" } });
    expect(await busy.ask({ remove: ["n1"] })).toMatchObject({ code: "unavailable" });
    expect(kindsOf(busy.did)).toEqual(["transfer"]);
    const nobody = setUp({ state: leading({ silent: [n2, n3, n4] }) });
    await nobody.ask({ demote: ["n1"] });
    expect(kindsOf(nobody.did)).not.toContain("transfer");
  });
});

describe("a change that is refused before anything is begun", () => {
  test.each<readonly [string, Partial<RequestedChange>, number | null, State, string]>([
    ["since the members are not those that were expected", { remove: ["n1"] }, 5, leading(), "it stands at 0"],
    ["since it asks for nothing that can be", { remove: ["n9"] }, null, leading(), "n9"],
    [
      "since nothing could be committed after it",
      { remove: ["n1"] },
      null,
      leading({ silent: [n3, n4] }),
      "n3, n4 do not answer",
    ],
  ])("%s: not even leadership is handed over", async (_, change, expectedIndex, state, words) => {
    const { did, ask } = setUp({ state });
    const reply = await ask(change, { expectedIndex });
    expect(reply).toMatchObject({ code: "rejected", message: expect.stringContaining(words) });
    expect(did).toEqual([]);
  });

  test("by the latest configuration of the log alone", async () => {
    const state = leading();
    const [first] = state.log.configurations;
    const { configuration } = first!;
    const members = configuration.members.filter(({ key }) => key !== n4);
    const later = {
      position: { index: 5, term: 1 },
      configuration: { ...configuration, members, voters: [n1, n2, n3] },
    };
    const { ask, did } = setUp({ state: { ...state, log: { ...state.log, configurations: [first!, later] } } });
    expect(await ask({ remove: ["n3"] }, { expectedIndex: 0 })).toMatchObject({ code: "rejected" });
    expect(await ask({ remove: ["n4"] }, { expectedIndex: 5 })).toMatchObject({ code: "rejected" });
    expect(did).toEqual([]);
    expect(await ask({ remove: ["n3"] }, { expectedIndex: 5 })).toMatchObject({ kind: "membershipChanged" });
  });

  test("but not while an earlier change is in its joint part: the core has it wait", async () => {
    const state = leading();
    const { world, did, ask } = setUp();
    const configurations = state.log.configurations.map((placed) => ({
      ...placed,
      configuration: { ...placed.configuration, voters: [n1, n2, n3], outgoing: [n1, n2, n3, n4] },
    }));
    world.state = { ...state, log: { ...state.log, configurations } };
    for (const expectedIndex of [null, 5]) {
      expect(await ask({ remove: ["n1"] }, { expectedIndex })).toMatchObject({ kind: "membershipChanged" });
      expect(did.splice(0)).toEqual([
        ["change", expect.objectContaining({ remove: ["n1"] }), expectedIndex],
        ["answered", expectedIndex === null ? 1 : 2],
      ]);
    }
  });

  test("and is made where the members are the expected ones", async () => {
    const { ask } = setUp();
    expect(await ask({ remove: ["n4"] }, { expectedIndex: 0 })).toMatchObject({ kind: "membershipChanged" });
  });
});

test.each<readonly [ChangeOutcome, string, string]>([
  [{ kind: "notLeader", leader: n2 }, "not-leader", ""],
  [{ kind: "unknown" }, "outcome-unknown", "remove n4: "],
  [{ kind: "conflict", index: 12 }, "rejected", "12"],
  [{ kind: "refused", reason: { kind: "unknownMember", name: "n4" } }, "rejected", "n4"],
  [{ kind: "refused", reason: { kind: "withdrawn", id: "n4" } }, "outcome-unknown", "remove n4: n4 was"],
])("what the core says of a change is told as what it means for it: %j", async (outcome, code, words) => {
  const { ask, did } = setUp({ outcome });
  const reply = await ask({ remove: ["n4"] });
  expect(reply).toMatchObject({ kind: "error", id: 7, code, message: expect.stringContaining(words) });
  expect(did.at(-1)).toEqual(["answered", 1]);
});
