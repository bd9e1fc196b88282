// Where clients are sent that a node takes no requests of.
import { describe, expect, test } from "bun:test";
import { type Reasons, refusalOf } from "../../src/node/refusals.ts";
import { follower, leader } from "../core/build.ts";
import { n1, n2, n3, n4 } from "../core/say.ts";

const fine: Reasons = { isStopping: false, waitsForRoom: false, stateMachine: null, nowMs: 0 };
const stopped = new Error("it threw");
const following = follower({ leader: n2 });

test("all requests are taken while nothing speaks against it", () => {
  for (const state of [follower(), following, leader()]) expect(refusalOf(state, fine)).toBeNull();
});

describe("a node that takes none", () => {
  test.each<[string, Partial<Reasons>, string, string | null]>([
    ["stops", { isStopping: true }, "this node is stopping", "n2"],
    ["stops and is full", { isStopping: true, waitsForRoom: true }, "this node is stopping", "n2"],
    ["is full", { waitsForRoom: true, stateMachine: stopped }, "the disk of n1 is full", null],
    ["has a state machine that stopped", { stateMachine: stopped }, "this node does not lead, n2 does", "n2"],
  ])("because it %s says so, and where to go", (_, reasons, words, next) => {
    const refusal = refusalOf(following, { ...fine, ...reasons });
    expect(refusal?.code).toBe("not-leader");
    expect(refusal?.message).toStartWith(words);
    expect(refusal?.leader?.id ?? null).toBe(next);
  });

  test("does not name itself: it is about to be gone, or cannot answer", () => {
    expect(refusalOf(leader(), { ...fine, isStopping: true })?.leader).toBeNull();
    expect(refusalOf(leader(), { ...fine, stateMachine: stopped })).toMatchObject({
      code: "state-machine",
      message: "the state machine of this node has stopped: it threw",
      leader: null,
    });
  });

  test("because its state machine has stopped says that another node may lead, if it knows of none", () => {
    expect(refusalOf(follower(), { ...fine, stateMachine: stopped })).toEqual({
      code: "not-leader",
      message: "this node does not lead and knows no leader, and the state machine of this node has stopped: it threw",
      leader: null,
    });
  });

  test("since it was removed names each voter of then in turn, and no learner", () => {
    const { position, configuration } = follower({ members: [n1, n2, n3, n4] }).log.configurations.at(-1)!;
    const removed = { position, configuration: { ...configuration, voters: [n2, n4] }, ticket: 1 };
    const named = Array.from(
      { length: 60 },
      (__, at) => refusalOf({ ...following, removed }, { ...fine, nowMs: at * 10 })?.leader?.id,
    );
    expect(named).toEqual(Array.from({ length: 30 }, () => ["n2", "n4"]).flat());
    const nobody = { ...removed, configuration: { ...configuration, voters: [] } };
    expect(refusalOf({ ...following, removed: nobody }, fine)).toMatchObject({ code: "not-leader", leader: null });
  });
});
