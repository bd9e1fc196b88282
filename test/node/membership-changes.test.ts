// Who waits for a change of the membership hears what became of it, once, also from a node that ends.
import { heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import { noChange } from "../../src/core/membership-change.ts";
import { MembershipChanges } from "../../src/node/membership-changes.ts";

test("each hears of its own change, whatever the order in which they are settled", async () => {
  const changes = new MembershipChanges();
  const refs: number[] = [];
  const expected: (number | null)[] = [];
  const ask = (expectedIndex: number | null) =>
    changes.ask(noChange, expectedIndex, (event) => {
      refs.push(event.ref);
      expected.push(event.expectedIndex);
    });
  const [first, second] = [ask(5), ask(null)];
  expect(expected).toEqual([5, null]);
  changes.settle(refs[1]!, { kind: "notLeader", leader: null });
  changes.settle(refs[0]!, { kind: "unknown" });
  changes.settle(refs[0]!, { kind: "notLeader", leader: null });
  expect([await first, await second]).toEqual([{ kind: "unknown" }, { kind: "notLeader", leader: null }]);
});

test("also one that is settled while it is handed to the core", async () => {
  const changes = new MembershipChanges();
  const outcome = { kind: "done", index: 3 } as const;
  expect(await changes.ask(noChange, null, ({ ref }) => changes.settle(ref, outcome))).toEqual(outcome);
});

test("when the node ends the outcome is unknown, and the core is asked for nothing any more", async () => {
  const changes = new MembershipChanges();
  let asked = 0;
  const ask = () => changes.ask(noChange, null, () => void asked++);
  const waiting = ask();
  changes.end();
  expect(await waiting).toEqual({ kind: "unknown" });
  expect(await ask()).toEqual({ kind: "notLeader", leader: null });
  expect(asked).toBe(1);
});

test("nothing is kept of a change that is settled", async () => {
  const changes = new MembershipChanges();
  const refs: number[] = [];
  const before = mapsAlive();
  for (let nth = 0; nth < 1_000; nth++) {
    const asked = changes.ask(noChange, null, ({ ref }) => void refs.push(ref));
    changes.settle(refs.at(-1)!, { kind: "done", index: nth, weight: new Map() } as never);
    await asked;
  }
  expect(new Set(refs).size).toBe(1_000);
  expect(mapsAlive() - before).toBeLessThan(100);
  // It is still there while it is counted.
  changes.end();
});

function mapsAlive(): number {
  Bun.gc(true);
  return heapStats().objectTypeCounts["Map"] ?? 0;
}
