// What is said of each kind of work that takes too long, since when, and when requests behind it are answered.
import { describe, expect, test } from "bun:test";
import { answeredUntil, type Endless, EndlessWork } from "../../src/node/endless-work.ts";
import type { BusyWith } from "../../src/ports/state-machine.ts";

const startMs = Date.UTC(2026, 10, 26);

function watch() {
  const time = { nowMs: 7_000, wallMs: startMs };
  const busy: { with: BusyWith | null } = { with: null };
  const asked: number[] = [];
  const endless = new EndlessWork({
    busyWith: () => busy.with,
    operationAt: () => "put",
    askerOf(nth) {
      asked.push(nth);
      return nth === 2 ? "alice" : null;
    },
    clock: { nowMs: () => time.nowMs, wallMs: () => time.wallMs },
  });
  const lookAfter = (ms: number) => {
    time.nowMs += ms;
    time.wallMs += ms;
    endless.look();
    return endless.found;
  };
  return { busy, asked, endless, time, lookAfter };
}

const since = "since 2026-11-26T00:00:00.000Z, and commands wait for it; if it never ends,";
const everywhere = "correct its code and restart the nodes";

describe("work that takes too long", () => {
  test.each<readonly [string, BusyWith, Endless]>([
    [
      "an entry",
      { kind: "entry", count: 3, index: 7, term: 2 },
      {
        problem: `its state machine has been busy with entry 7 (term 2), the command put, ${since} ${everywhere}`,
        entry: 7,
        isQuery: false,
      },
    ],
    [
      "an entry of a batch",
      { kind: "entry", count: 3, index: 7, term: 2, through: 9 },
      {
        problem: `its state machine has been busy with one of the entries 7 to 9 ${since} ${everywhere}`,
        entry: 9,
        isQuery: false,
      },
    ],
    [
      "a commit",
      { kind: "commit", count: 3 },
      {
        problem: `its state machine has been busy with making its state durable since 2026-11-26T00:00:00.000Z, and commands wait for it; look at the disk of this node`,
        entry: null,
        isQuery: false,
      },
    ],
    [
      "a snapshot",
      { kind: "snapshot", count: 3 },
      {
        problem: `its state machine has been busy with a snapshot ${since} ${everywhere}`,
        entry: null,
        isQuery: false,
      },
    ],
    [
      "a query of a client that is known",
      { kind: "query", count: 3, nth: 2 },
      {
        problem: `its state machine has been busy with a query of the client "alice" ${since} restart this node and correct its code`,
        entry: null,
        isQuery: true,
      },
    ],
    [
      "a query of a client that is not",
      { kind: "query", count: 3, nth: 1 },
      {
        problem: `its state machine has been busy with a query ${since} restart this node and correct its code`,
        entry: null,
        isQuery: true,
      },
    ],
  ])("%s is named after five seconds", (_, work, expected) => {
    const { busy, endless, lookAfter } = watch();
    expect([endless.found, lookAfter(0)]).toEqual([null, null]);
    busy.with = work;
    expect([lookAfter(0), lookAfter(4_999)]).toEqual([null, null]);
    expect(lookAfter(1)).toEqual(expected);
    // One of several is no entry that could be named.
    expect(endless.entry).toBe(work.kind === "entry" && work.through === undefined ? work.index : null);
    // The work is the same one as long as its count is, whatever object says so.
    busy.with = { ...work };
    expect(lookAfter(60_000)).toEqual(expected);
    busy.with = { ...work, count: 4 };
    expect([lookAfter(0), lookAfter(4_999)]).toEqual([null, null]);
    expect(lookAfter(1)).not.toBeNull();
  });

  test("is forgotten when it ends, also when the next work has the same count", () => {
    const { busy, endless, lookAfter } = watch();
    busy.with = { kind: "snapshot", count: 3 };
    lookAfter(0);
    lookAfter(5_000);
    busy.with = null;
    expect([lookAfter(0), endless.found]).toEqual([null, null]);
    busy.with = { kind: "snapshot", count: 3 };
    expect([lookAfter(0), lookAfter(4_999)]).toEqual([null, null]);
  });

  test("is measured by the clock that never goes back", () => {
    const { busy, time, lookAfter } = watch();
    busy.with = { kind: "snapshot", count: 3 };
    lookAfter(0);
    time.wallMs -= 3_600_000;
    expect(lookAfter(5_000)?.problem).toContain(since);
  });
});

test("behind work that hangs requests are answered half a second before their time is up, and others when it is", () => {
  expect(answeredUntil(1_000, null)).toBe(1_000);
  expect(answeredUntil(1_000, { problem: "it hangs", entry: 7, isQuery: false })).toBe(1_500);
});
