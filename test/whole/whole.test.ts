// Whole nodes and their clients under bad luck: they hold, and all kinds of bad luck have met them.
import { expect, test } from "bun:test";
import { checkDefinition } from "../../src/adapters/plugin/definition-check.ts";
import kv from "../../plugins/kv/index.ts";
import { simulateWhole } from "../../src/sim/simulate.ts";

const plugin = checkDefinition(kv);
const events = 6000;

test("the same seed gives the same transcript, and another seed another one", () => {
  const [first, again, other] = [3, 3, 4].map((seed) => simulateWhole({ seed, plugin, events }));
  expect(again).toEqual(first);
  expect(other!.digest).not.toBe(first!.digest);
}, 240_000);

test("nodes and clients hold, and much happens to them", () => {
  const sum = {
    elections: 0,
    faults: 0,
    answers: 0,
    restores: 0,
    damages: 0,
    changes: 0,
    handOvers: 0,
    broughtBack: 0,
    rollOuts: 0,
    rollOutsRefused: 0,
  };
  for (let seed = 100; seed < 130; seed++) {
    const result = simulateWhole({ seed, plugin, events });
    for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += result[name];
  }
  expect(sum.elections).toBeGreaterThan(20);
  expect(sum.faults).toBeGreaterThan(100);
  expect(sum.answers).toBeGreaterThan(1000);
  expect(sum.restores).toBeGreaterThan(5);
  expect(sum.damages).toBeGreaterThan(3);
  expect(sum.changes).toBeGreaterThan(10);
  expect(sum.handOvers).toBeGreaterThan(10);
  expect(sum.broughtBack).toBeGreaterThan(1);
  expect(sum.rollOuts).toBeGreaterThan(10);
  expect(sum.rollOutsRefused).toBeGreaterThan(1);
}, 400_000);

test.each([2805970777, 2304779053, 440000012, 960000042, 1200005179, 716381862, 1452805329])(
  "seed %d holds, in which the simulator itself was once wrong",
  (seed) => {
    expect(simulateWhole({ seed, plugin, events: 20_000 }).events).toBeGreaterThan(20_000);
  },
  60_000,
);

test("seed 1619106924 holds: a wiped founder does not found a cluster with a node that waits to be added", () => {
  expect(simulateWhole({ seed: 1619106924, plugin, events: 20_000 }).events).toBeGreaterThan(20_000);
}, 60_000);

test.each([2152310550, 2152310776])(
  "seed %d holds: a command that hangs is named without its log, whose disk may be gone",
  (seed) => {
    expect(simulateWhole({ seed, plugin, events: 20_000 }).events).toBeGreaterThan(20_000);
  },
  60_000,
);

test.each([
  [3891420298, "a client finds the leader past a node that waits to be added and whose state machine has stopped"],
  [1997756380, "a snapshot arrives at a node whose full disk has taken its term back"],
  [1997756800, "a new state machine hangs after as much work as the one before it"],
  [4270888030, "a disk that the leader had before is a member while an entry is skipped"],
  [1790000005, "a client hears of a decision of an administrator before its node's state is there"],
])(
  "seed %d holds: %s",
  (seed) => {
    expect(simulateWhole({ seed, plugin, events: 20_000 }).events).toBeGreaterThan(20_000);
  },
  60_000,
);
