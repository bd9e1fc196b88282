// Chance that replays: the same seed gives the same run, and different seeds different ones.
import { expect, test } from "bun:test";
import { nextFraction, nextUint32, nextUuid, type RandomState, seedRandom } from "../../src/core/random.ts";

/** `count` draws of `draw` from a seed. */
function draws<T>(seed: RandomState, count: number, draw: (state: RandomState) => readonly [T, RandomState]): T[] {
  let state = seedRandom(seed);
  return Array.from({ length: count }, () => {
    const [value, next] = draw(state);
    state = next;
    return value;
  });
}

test("the generator is sfc32: its first numbers are those of the reference for seed 1, 2, 3 after twelve rounds", () => {
  // An independent rendering of the published generator.
  let [a, b, c, counter] = [1n, 2n, 3n, 1n];
  const mask = 0xffff_ffffn;
  const reference = (): number => {
    const sum = (a + b + counter) & mask;
    counter = (counter + 1n) & mask;
    a = b ^ (b >> 9n);
    b = (c + ((c << 3n) & mask)) & mask;
    c = ((((c << 21n) | (c >> 11n)) & mask) + sum) & mask;
    return Number(sum);
  };
  for (let round = 0; round < 12; round++) reference();
  expect(draws([1, 2, 3, 1], 50, nextUint32)).toEqual(Array.from({ length: 50 }, reference));
});

test("a run replays from its seed, and close seeds differ at once", () => {
  const run = draws([1, 2, 3, 4], 10, nextUint32);
  expect(draws([1, 2, 3, 4], 10, nextUint32)).toEqual(run);
  for (const close of [
    [2, 2, 3, 4],
    [1, 3, 3, 4],
    [1, 2, 4, 4],
    [1, 2, 3, 5],
  ] as const) {
    expect(draws(close, 1, nextUint32)[0]).not.toBe(run[0]!);
  }
});

test("fractions stay within their bounds and use all of them", () => {
  const fractions = draws([7, 7, 7, 7], 2000, (state) => nextFraction(state, 500));
  expect(Math.min(...fractions)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...fractions)).toBeLessThan(500);
  for (let tenth = 0; tenth < 10; tenth++) {
    const within = fractions.filter((value) => value >= tenth * 50 && value < (tenth + 1) * 50);
    expect(within.length).toBeGreaterThan(140);
    expect(within.length).toBeLessThan(260);
  }
});

test("a uuid has 32 hexadecimal digits, leading zeros kept, and none comes twice", () => {
  const uuids = draws([1, 1, 1, 1], 500, nextUuid);
  for (const uuid of uuids) expect(uuid).toMatch(/^[0-9a-f]{32}$/);
  expect(new Set(uuids).size).toBe(500);
});

test("a seed of zeros and one of numbers beyond 32 bits still make a generator", () => {
  expect(new Set(draws([0, 0, 0, 0], 20, nextUint32)).size).toBe(20);
  expect(seedRandom([2 ** 32 + 5, -1, 3.7, 4])).toEqual(seedRandom([5, 0xffff_ffff, 3, 4]));
});
