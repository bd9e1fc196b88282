// What does a node say of what ails it? The cause, what it means and what to do. A nearly full disk is the cause of failed snapshots.
import { describe, expect, test } from "bun:test";
import { type Ailments, withProblems } from "../../src/node/own-problems.ts";

const well: Ailments = {
  refill: null,
  failure: null,
  endlessWork: null,
  snapshotFailure: null,
  fetchFailure: null,
  certificateEnds: null,
  wallMs: 0,
  isFull: false,
  bytesKeptFree: 100,
};

const problemsOf = (ailments: Partial<Ailments>, space: "enough" | "low" = "enough"): readonly string[] =>
  withProblems({ undialled: [], space, appliedIndex: 1, stoppedThrough: null }, { ...well, ...ailments }).problems;

describe("a node that is well", () => {
  test("has no problems", () => expect(problemsOf({})).toEqual([]));
});

describe("a state machine that has stopped", () => {
  test("is a problem that says what it means and what to do", () => {
    expect(problemsOf({ failure: new Error("entry 5 failed") })).toEqual([
      "its state machine has stopped: entry 5 failed; committed commands are safe in the log; correct the plugin and restart the node",
    ]);
  });
});

describe("a snapshot of the leader that cannot be received", () => {
  test("is a problem that says what it means and what to do", () => {
    expect(problemsOf({ fetchFailure: "its folder is gone" })).toEqual([
      "it cannot receive the leader's snapshot, so it lags behind; no data is lost; remove the cause, and the node tries again by itself: its folder is gone",
    ]);
  });

  test("is none of its own where the disk is nearly full", () => {
    const failures = { fetchFailure: "no room", snapshotFailure: "no room" };
    expect(problemsOf(failures, "low")).toEqual([expect.stringMatching(/^its disk is nearly full: /)]);
  });
});
