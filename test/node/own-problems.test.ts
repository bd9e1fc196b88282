// What does a node say of what ails it? The cause, what it means and what to do. A nearly full disk is the cause of failed snapshots.
import { describe, expect, test } from "bun:test";
import { messageLengthMax } from "../../src/adapters/cbor/limits.ts";
import { type Ailments, inOne, withProblems } from "../../src/node/own-problems.ts";

const well: Ailments = {
  refill: null,
  failure: null,
  distrust: null,
  copyFault: null,
  renewal: null,
  endlessWork: null,
  snapshotFailure: null,
  snapshotDamage: null,
  fetchFailure: null,
  certificateEnds: null,
  wallMs: 0,
  isFull: false,
  bytesKeptFree: 100,
};

const problemsOf = (ailments: Partial<Ailments>, space: "enough" | "low" = "enough"): readonly string[] =>
  withProblems({ undialled: [], versions: [], space, appliedIndex: 1, stoppedThrough: null }, { ...well, ...ailments })
    .problems;

describe("a node that is well", () => {
  test("has no problems", () => expect(problemsOf({})).toEqual([]));
});

describe("a state machine that has stopped", () => {
  test("is a problem that says what it means and what to do", () => {
    expect(problemsOf({ failure: new Error("entry 5 failed") })).toEqual([
      "its state machine has stopped: entry 5 failed; committed commands are safe in the log; correct its code and restart the node",
    ]);
  });
});

test("a nearly full disk: what counts as nearly full, and what to do", () => {
  expect(problemsOf({ bytesKeptFree: 3 * 2 ** 20 }, "low")).toEqual([
    "its disk is nearly full: less than 3 MiB are free; it takes no commands while it leads; free space on that disk, " +
      "or lower min_free_bytes and min_free_percent in [storage] and restart the node",
  ]);
});

test("a damaged snapshot: what it means, and what to do", () => {
  expect(problemsOf({ snapshotDamage: "a.snapshot is damaged" })).toEqual([
    "its snapshot is damaged: a node that needs this snapshot lags behind; no data is lost while this node runs; it takes another snapshot " +
      "by itself, so do not stop it before; if this lasts: graft cluster leader ID, to a node with a sound disk; a.snapshot is damaged",
  ]);
});

describe("several problems in one text", () => {
  const between = "; ";

  test("are whole while there is room", () => {
    const problems = ["a".repeat(1_000), "b".repeat(1_048 - between.length)];
    expect(inOne(problems)).toBe(problems.join(between));
    expect(inOne(["one"])).toBe("one");
    expect(inOne([])).toBeNull();
  });

  test("are each cut in the middle when they are long, so that none is lost on its way", () => {
    const long = (name: string): string => `${name} begins ${"x".repeat(3_000)} ${name} ends`;
    const problems = [long("one"), "a short one", long("two"), long("three")];
    const text = inOne(problems)!;
    expect(text.length).toBeLessThanOrEqual(messageLengthMax);
    expect(text.length).toBeGreaterThan(messageLengthMax - problems.length);
    const parts = text.split(between);
    expect(parts.map((part) => [part.slice(0, 9), part.slice(-8)])).toEqual([
      ["one begin", "one ends"],
      ["a short o", "hort one"],
      ["two begin", "two ends"],
      ["three beg", "ree ends"],
    ]);
    expect(inOne([text, "and one more"])).toEndWith("; and one more");
  });

  test("use all the room that there is, whether it can be halved or not", () => {
    expect(inOne(["x".repeat(3_000)])).toHaveLength(2_048);
    expect(inOne(["a", "x".repeat(3_000)])).toHaveLength(2_048);
    expect(inOne(["ab", "x".repeat(3_000)])).toHaveLength(2_048);
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

describe("what ails a node", () => {
  const certificateEnds = { atMs: 1_000, date: "2027-01-01" };
  const refill = { finding: "entry 7 is lost", clusterUuid: null };
  const endlessWork = { problem: "it hangs at entry 5", entry: 5, isQuery: false };

  test.each<readonly [string, Partial<Ailments>, RegExp]>([
    ["lost data", { refill }, /^its data is damaged.*: entry 7 is lost$/],
    ["a state machine that hangs", { endlessWork }, /^it hangs at entry 5$/],
    ["a snapshot that failed", { snapshotFailure: "no room" }, /^its last snapshot failed.*: no room$/],
    ["a certificate that has expired", { certificateEnds, wallMs: 1_000 }, /^its certificate expired at 2027-01-01: /],
    ["a full disk", { isFull: true }, /^its disk is full: /],
  ])("is told of %s", (_, ailments, words) => {
    expect(problemsOf(ailments)).toEqual([expect.stringMatching(words)]);
  });

  test("is not a certificate that is good for another millisecond", () => {
    expect(problemsOf({ certificateEnds, wallMs: 999 })).toEqual([]);
  });

  test("is told of a nearly full disk in whole MiB, and not beside that it is full", () => {
    expect(problemsOf({ bytesKeptFree: 3 * 2 ** 20 + 1 }, "low")).toEqual([
      expect.stringContaining("less than 4 MiB are"),
    ]);
    expect(problemsOf({ isFull: true }, "low")).toEqual([expect.stringMatching(/^its disk is full: /)]);
  });

  test("is all told at once, and what others go by besides", () => {
    const ailments = { refill, endlessWork, certificateEnds, wallMs: 2_000, isFull: true };
    const facts = { undialled: ["n3"], versions: [], space: "enough", appliedIndex: 8, stoppedThrough: 9 } as const;
    const { problems, ...told } = withProblems(facts, { ...well, ...ailments });
    expect(problems).toHaveLength(4);
    expect(told).toEqual({ ...facts, isCertificateExpired: true, isRefilling: true });
    const calm = withProblems(facts, well);
    expect(calm).toEqual({ ...facts, isCertificateExpired: false, isRefilling: false, problems: [] });
  });
});
