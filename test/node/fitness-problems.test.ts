// What a node says of itself, part by part: each ailment by the part of the node that knows of it.
import { expect, test } from "bun:test";
import type { State } from "../../src/core/state.ts";
import type { FitnessOptions } from "../../src/node/fitness.ts";
import { follower } from "../core/build.ts";
import { n2, n3 } from "../core/say.ts";
import { fitnessAlone } from "./fitness-alone.ts";
import { soundCondition } from "./sound-condition.ts";

const refilling: State = { ...follower(), refill: { finding: "page 7" } as State["refill"] };
const idle = { standstill: null, renewal: null, endlessWork: null, appliedIndex: 0, stoppedThrough: null };
const endlessWork = { problem: "it hangs", entry: 3, isQuery: false };

test.each<readonly [string, Partial<FitnessOptions>, string, State?]>([
  ["a state machine that has stopped", { stateMachine: () => ({ ...idle, standstill: new Error("a bug") }) }, "a bug;"],
  ["one that hangs", { stateMachine: () => ({ ...idle, endlessWork }) }, "it hangs"],
  ["a snapshot that failed", { snapshotFailure: () => "no folder" }, "its last snapshot failed, .*: no folder$"],
  ["a snapshot that is damaged", { snapshotDamage: () => "byte 5" }, "^its snapshot is damaged: .* byte 5$"],
  ["one that it cannot receive", { fetchFailure: () => "no such file" }, "the leader's snapshot, .*: no such file$"],
  ["a disk that is full", { waitsForRoom: () => true }, "^its disk is full"],
  ["a certificate that has expired", { certificateEnds: { atMs: -1, date: "May" } }, "May"],
  ["a log that it copies anew", {}, "^its data is damaged, .*: page 7$", refilling],
])("%s is said, and nothing else", (_, options, words, state = follower()) => {
  const { fitness } = fitnessAlone(() => state, options);
  const problem = fitness.problemOf(state.self) ?? "nothing";
  expect(problem).toMatch(new RegExp(words, "u"));
  expect(problem).not.toContain("; its ");
  expect(fitnessAlone(follower).fitness.problemOf(state.self)).toBeNull();
});

test("a disk that is nearly full is said with what must be free, and not once it is full", () => {
  let isFull = false;
  const { fitness, room } = fitnessAlone(follower, {
    waitsForRoom: () => isFull,
    space: { minFreeBytes: 3 * 2 ** 20, minFreePercent: 0 },
  });
  room.freeBytes = 0;
  const { self } = follower();
  expect(fitness.problemOf(self)).toStartWith("its disk is nearly full: less than 3 MiB are free; ");
  isFull = true;
  expect(fitness.problemOf(self)).toStartWith("its disk is full: ");
});

test("of a member that cannot be dialled that is said beside what it says itself", () => {
  const { fitness } = fitnessAlone(follower, { certificateEnds: { atMs: -1, date: "May" } });
  fitness.onCondition(n3, { ...soundCondition, undialled: ["n2"] });
  const hidden = "the other voters cannot dial it, and so clients cannot";
  expect(fitness.problemOf(n2)).toBe(hidden);
  fitness.onCondition(n2, { ...soundCondition, problem: "its disk is slow" });
  expect(fitness.problemOf(n2)).toBe(`its disk is slow; ${hidden}`);
});

test("a disk that does not answer ends the node", () => {
  const failures: unknown[] = [];
  const { fitness, clock, room } = fitnessAlone(follower, { failed: (error) => void failures.push(error) });
  const gone = new Error("the disk is gone");
  Object.defineProperty(room, "freeBytes", {
    get: () => {
      throw gone;
    },
  });
  fitness.look();
  clock.runSoon();
  expect(failures).toEqual([gone]);
});
