// What a milestone tells of the outcomes before it, where that is much: adapters/plugin/outcome-chain.ts. The rest is the hosts' contract.
import { expect, test } from "bun:test";
import { Milestones, OutcomeChain } from "../../../src/adapters/plugin/outcome-chain.ts";
import { outcomeStepsMax } from "../../../src/core/copy-word.ts";
import type { Milestone } from "../../../src/ports/state-machine.ts";

const chainAt = (index: number) => ({ low: index, told: index });

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

const entry = (index: number) =>
  ({ kind: "command", index, term: 1, timeMs: 1, isAwaited: false, payload: new Uint8Array(), session: null }) as const;
const result = (...bytes: readonly number[]) => ({ kind: "ok", payload: Uint8Array.from(bytes) }) as const;

test("a hash goes on from its text, and what it tells and its steps are parts of it", () => {
  const chain = new OutcomeChain();
  for (let index = 1; index <= 10; index++) chain.add(entry(index), result(index));
  const again = new OutcomeChain(chain.text);
  expect(again).toMatchObject({ text: chain.text, told: chain.told, low: chain.low });
  expect(chain.told % 2 ** 32).toBe(chain.low);
  expect(chain.told).toBeLessThan(2 ** 53);
  expect(Math.floor(chain.told / 2 ** 32)).toBe(Number.parseInt(chain.text.slice(0, 8), 16) >>> 11);
  for (const each of [chain, again]) each.add(entry(2 ** 40), result());
  expect(again.text).toBe(chain.text);
});

test("each bit of the hash is carried on for good", () => {
  const start = new OutcomeChain();
  start.add(entry(1), result(1));
  const texts = new Set([start.text]);
  for (let bit = 0n; bit < 64n; bit++)
    texts.add((BigInt(`0x${start.text}`) ^ (1n << bit)).toString(16).padStart(16, "0"));
  const ends = [...texts].map((text) => {
    const chain = new OutcomeChain(text);
    for (let index = 2; index < 1_000; index++) chain.add(entry(index), result(index % 256));
    return chain.text;
  });
  expect(new Set(ends).size).toBe(65);
});

test("every part of an entry counts", () => {
  const text = (change: (chain: OutcomeChain) => void): string => {
    const chain = new OutcomeChain();
    change(chain);
    return chain.text;
  };
  const texts = [
    text((chain) => chain.add(entry(1), result(1))),
    text((chain) => chain.add(entry(2), result(1))),
    text((chain) => chain.add(entry(1 + 2 ** 32), result(1))),
    text((chain) => chain.add({ ...entry(1), isSkipped: true }, result(1))),
    text((chain) => chain.add({ kind: "tick", index: 1, term: 1, timeMs: 1, isAwaited: false }, result(1))),
    text((chain) => chain.add(entry(1), { kind: "expired" })),
    text((chain) => chain.add(entry(1), result(2))),
    text((chain) => chain.add(entry(1), result(1, 0))),
    text((chain) => chain.add(entry(1), result())),
  ];
  expect(new Set(texts).size).toBe(texts.length);
});

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
