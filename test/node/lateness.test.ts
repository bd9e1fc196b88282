// A leader that cannot keep its time says so.
import { expect, test } from "bun:test";
import type { LogFields } from "../../src/ports/logger.ts";
import { Lateness } from "../../src/node/lateness.ts";
import { asLeader, follower, leader } from "../core/build.ts";

function setUp() {
  const lines: string[] = [];
  const causes = new Set<string | undefined>();
  const log = (level: string, _: string, fields?: LogFields, cause?: string) => {
    causes.add(cause);
    lines.push(`${level} ${String(fields?.["lateMs"])}`);
  };
  return { lines, causes, lateness: new Lateness({ enabled: () => true, log }) };
}

test("P49: a heartbeat that is late by more than a fifth of the election timeout is a warning, each time", () => {
  const { lines, lateness } = setUp();
  const state = leader();
  const dueMs = asLeader(state).heartbeatDueMs;
  for (const lateMs of [100, 101, 150, 120]) lateness.onDue(state, dueMs + lateMs);
  expect(lines.filter((line) => line.startsWith("warn"))).toEqual(["warn 101", "warn 150", "warn 120"]);
});

test("one that is late by less can be seen by who looks closely, but for the ordinary few ms", () => {
  const { lines, lateness } = setUp();
  const state = leader();
  const dueMs = asLeader(state).heartbeatDueMs;
  for (const lateMs of [0, 9, 10, 100]) lateness.onDue(state, dueMs + lateMs);
  expect(lines).toEqual(["debug 10", "debug 100"]);
});

test("another timer that is due, or another role, says nothing", () => {
  const { lines, lateness } = setUp();
  const state = leader();
  lateness.onDue(state, asLeader(state).heartbeatDueMs - 1);
  lateness.onDue(follower(), 1e6);
  expect(lines).toEqual([]);
});

test("clients that keep a leader too busy do not fill the log: the warnings have one cause", () => {
  const { causes, lateness } = setUp();
  const state = leader();
  for (let nth = 0; nth < 10; nth++) lateness.onDue(state, asLeader(state).heartbeatDueMs + 500 + nth);
  expect([...causes]).toEqual(["late heartbeats"]);
});

test("each line says what is late, and by how much in whole ms", () => {
  const said: unknown[][] = [];
  const lateness = new Lateness({ enabled: () => true, log: (...line) => void said.push(line) });
  const state = leader();
  for (const lateMs of [10.4, 100.6]) lateness.onDue(state, asLeader(state).heartbeatDueMs + lateMs);
  expect(said).toEqual([
    ["debug", "a heartbeat is late", { lateMs: 10 }, "late heartbeat"],
    [
      "warn",
      "heartbeats are late: the machine or the disk is too slow, or too busy",
      { lateMs: 101 },
      "late heartbeats",
    ],
  ]);
});
