// What may wait in a simulated node, and on the network between two of them: more than so much is a violation.
import { expect, test } from "bun:test";
import { Bounds } from "../../src/sim/bounds.ts";
import type { Member } from "../../src/sim/member.ts";
import type { SimNetwork } from "../../src/sim/network.ts";
import { Schedule } from "../../src/sim/schedule.ts";

const nothing = { way: "nothing", count: 0 };
const empty = { peer: nothing, client: nothing, bulk: nothing };

/** What is said of a network on which there was so much, and of a node in which so much waits. */
function violationsOf(fullest: Partial<SimNetwork["fullest"]>, dueCount = 0): readonly string[] {
  const violations: string[] = [];
  const bounds = new Bounds({
    schedule: new Schedule(),
    network: { fullest: { ...empty, ...fullest } },
    operations: 1,
    electionTimeoutMs: 100,
    violated: (what) => void violations.push(what),
  });
  const requests = { waitingCount: 0, open: { count: 0, bytes: 0 } };
  const node = { dueCount, requests, state: { commitIndex: 0 } };
  bounds.lookAtNetwork();
  // Of a member only this is looked at.
  bounds.look({ id: "n1", isAsleep: false, node } as unknown as Member);
  return violations;
}

test.each([
  ["peer", 300, "301 frames are under way from n1 to n2"],
  ["client", 30, "31 frames are under way from n1 to n2"],
  ["bulk", 4, "5 connections for bulk are open from n1 to n2"],
] as const)("a network may carry so much, and no more: %s", (kind, most, sentence) => {
  expect(violationsOf({ [kind]: { way: "n1 to n2", count: most } })).toEqual([]);
  expect(violationsOf({ [kind]: { way: "n1 to n2", count: most + 1 } })).toEqual([sentence]);
});

test("so many events may wait in the mailbox of a node, and no more", () => {
  expect(violationsOf({}, 400)).toEqual([]);
  expect(violationsOf({}, 401)).toEqual(["401 events wait in the mailbox of n1"]);
});
