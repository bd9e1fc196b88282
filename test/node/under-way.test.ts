// What clients are told whose requests are with the state machine, when their time is up or the node ends.
import { describe, expect, test } from "bun:test";
import type { Endless } from "../../src/node/endless-work.ts";
import { UnderWay } from "../../src/node/under-way.ts";
import { waiter } from "./applier-setting.ts";

function setUp() {
  const told: string[] = [];
  const underWay = new UnderWay({
    done: () => void told.push("done"),
    answered: () => void told.push("answered"),
    failed: (error) => void told.push(`failed: ${String(error)}`),
  });
  return { told, underWay };
}

const hangingEntry: Endless = { problem: "it hangs at an entry", entry: 5, isQuery: false };
const hangingQuery: Endless = { problem: "it hangs at a query", entry: null, isQuery: true };

describe("when its time is up", () => {
  test.each<[string, Endless | null, string, string]>([
    ["of a state machine that works", null, "outcome-unknown", "unavailable"],
    // Each state machine hangs at that entry; the query hangs nowhere, and another node may answer it.
    ["of one that hangs at an entry", hangingEntry, "apply-failed", "unavailable"],
    ["of one that hangs at a query, which may be this one", hangingQuery, "outcome-unknown", "query-failed"],
  ])("a client %s is told what that means for it", (_, hangs, ofCommand, ofQuery) => {
    const { underWay } = setUp();
    const [command, query, patient] = [waiter("command", "", 100), waiter("query", "", 100), waiter("query", "", 101)];
    underWay.add({ waiters: [command, null] });
    underWay.add({ waiters: [patient, query] });
    underWay.expire(100, hangs);
    expect([command.answers, query.answers, patient.answers]).toEqual([[ofCommand], [ofQuery], []]);
    for (const { messages } of [command, query]) {
      if (hangs !== null) expect(messages[0]).toEndWith(`, and this node cannot go on: ${hangs.problem}`);
    }
  });
});

test("nothing is heard of work that was abandoned, and each of its clients is told once", () => {
  const { told, underWay } = setUp();
  const [command, query] = [waiter("command"), waiter("query")];
  const work = { waiters: [command, null, query] };
  underWay.add(work);
  expect(underWay.isEmpty).toBe(false);
  underWay.abandon("the disk is gone");
  underWay.abandon("again");
  underWay.hear(work, () => void told.push("heard"));
  underWay.settle(work, () => void told.push("settled"));
  expect([command.answers, query.answers, told, underWay.isEmpty]).toEqual([
    ["outcome-unknown"],
    ["unavailable"],
    [],
    true,
  ]);
  for (const { messages } of [command, query]) expect(messages).toEqual(["the disk is gone"]);
});

test("work that broke the contract stays under way, so that the end of the node answers its clients", () => {
  const { told, underWay } = setUp();
  const client = waiter("command");
  const work = { waiters: [client] };
  underWay.add(work);
  underWay.settle(work, () => {
    throw new Error("too few outcomes");
  });
  expect([told, underWay.isEmpty]).toEqual([["failed: Error: too few outcomes"], false]);
  underWay.abandon("the node stops");
  expect(client.answers).toEqual(["outcome-unknown"]);
});
