// What a milestone tells of the outcomes before it, where that is much: adapters/plugin/outcome-chain.ts. The rest is the hosts' contract.
import { expect, test } from "bun:test";
import { Milestones } from "../../../src/adapters/plugin/outcome-chain.ts";
import { outcomeStepsMax } from "../../../src/core/copy-word.ts";
import type { Milestone } from "../../../src/ports/state-machine.ts";

const chainAt = (index: number) => ({ value: BigInt(index) + (7n << 32n), told: index });

function play(every: number, indexes: readonly number[]): readonly Milestone[] {
  const told: Milestone[] = [];
  const milestones = new Milestones(every, (milestone) => told.push(milestone));
  let reached = 0;
  for (const index of indexes) {
    milestones.before(index, reached, chainAt(reached));
    milestones.after(index, chainAt(index));
    reached = index;
  }
  return told;
}
const upTo = (last: number): readonly number[] => Array.from({ length: last }, (_, nth) => nth + 1);

test("of many entries between two milestones the last ones are told", () => {
  const every = outcomeStepsMax + 100;
  const [first, second] = play(every, upTo(2 * every));
  expect(first!.steps.from).toBe(101);
  expect(first!.steps.values).toHaveLength(outcomeStepsMax);
  expect(second!.steps.from).toBe(every + 101);
  expect([second!.steps.values[0], second!.steps.values.at(-1)]).toEqual([every + 101, 2 * every]);
});

test("entries without effect have the value of the one before, also beyond milestones", () => {
  const told = play(4, [1, 2, 11, 12]);
  expect(told).toEqual([
    { index: 8, chain: 2, steps: { from: 5, values: Uint32Array.of(2, 2, 2, 2) } },
    { index: 12, chain: 12, steps: { from: 9, values: Uint32Array.of(2, 2, 11, 12) } },
  ]);
});
