// A command or a query that takes too long is named, with the moment since when; what follows quickly is not.
import { describe, expect, test } from "bun:test";
import { EndlessWork } from "../../src/node/endless-work.ts";
import type { BusyWith } from "../../src/ports/state-machine.ts";
import { Cluster } from "./cluster.ts";

describe("work that takes too long", () => {
  const startMs = Date.UTC(2026, 10, 26);
  function watch() {
    const time = { nowMs: 1_000 };
    const busy: { with: BusyWith | null } = { with: null };
    const endless = new EndlessWork({
      busyWith: () => busy.with,
      askerOf: (nth) => ["alice", "bob"][nth] ?? null,
      clock: { nowMs: () => time.nowMs, wallMs: () => startMs + time.nowMs - 1_000 },
    });
    const after = (ms: number): string | null => {
      time.nowMs += ms;
      return endless.look();
    };
    return { busy, after };
  }

  test("an entry is named, with the moment in which it was first seen", () => {
    const { busy, after } = watch();
    busy.with = { kind: "entry", count: 1, index: 7, term: 2 };
    expect([after(0), after(4_999)]).toEqual([null, null]);
    expect(after(1)).toContain("busy with entry 7 (term 2) since 2026-11-26T00:00:00.000Z, and commands wait for it");
    expect(after(60_000)).toContain("since 2026-11-26T00:00:00.000Z");
    busy.with = null;
    expect(after(100)).toBeNull();
  });

  test("a query is named by its client", () => {
    const { busy, after } = watch();
    busy.with = { kind: "query", count: 1, nth: 1 };
    after(0);
    expect(after(5_000)).toContain('busy with a query of the client "bob" since');
  });

  test("one thing after the other is no single one that takes long", () => {
    const { busy, after } = watch();
    for (let count = 1; count < 100; count++) {
      busy.with = { kind: "entry", count, index: 7, term: 2 };
      expect(after(1_000)).toBeNull();
    }
  });
});

test("P64: an endless apply is named in the log and in the status, and no longer once it ends", async () => {
  const cluster = await Cluster.founded(["n1"]);
  const { leader } = cluster;
  const { self } = leader.node.state;
  leader.machine.busyWith = { kind: "entry", count: 3, index: 2, term: 1 };
  await cluster.advance(6_000, 100);
  expect(leader.node.problemOf(self)).toContain("busy with entry 2 (term 1) since");
  expect(leader.logs.filter((line) => line === "warn something is wrong with this node")).toHaveLength(1);
  leader.machine.busyWith = null;
  await cluster.advance(200, 100);
  expect(leader.node.problemOf(self)).toBeNull();
  await cluster.stopAll();
});

test("P64: an endless query is named with its client", async () => {
  const cluster = await Cluster.founded(["n1"]);
  const { leader } = cluster;
  leader.machine.isSlow = true;
  cluster.client("n1").query("never ends", 1_000);
  await cluster.settle();
  leader.machine.busyWith = { kind: "query", count: 3, nth: 0 };
  await cluster.advance(6_000, 100);
  expect(leader.node.problemOf(leader.node.state.self)).toContain('busy with a query of the client "tester" since');
  leader.machine.release();
  await cluster.stopAll();
});
