// Each kind of fault can be drawn alone, whatever the theme of the seed.
import { expect, test } from "bun:test";
import kv from "../../plugins/kv/index.ts";
import { checkDefinition } from "../../src/adapters/plugin/definition-check.ts";
import { simulateWhole } from "../../src/sim/simulate.ts";
import { faultKinds, faultKindsOfAnyPlugin, kindsDrawn } from "../../src/sim/story.ts";

const plugin = checkDefinition(kv);

const seeds = Array.from({ length: 40 }, (_, seed) => seed);

test("a kind that is named comes with every seed, and no other kind", () => {
  for (const kind of faultKinds) {
    for (const seed of seeds) expect(kindsDrawn({ seed, story: { faults: [kind] } })).toEqual([kind]);
  }
});

test("so does each kind that any plugin can have, and those of the key-value store come with no other plugin", () => {
  for (const kind of faultKinds) {
    const drawn = faultKindsOfAnyPlugin.includes(kind) ? [kind] : [];
    for (const seed of seeds) expect(kindsDrawn({ seed, story: { faults: [kind] }, drawing: {} })).toEqual(drawn);
  }
  const rest = faultKinds.filter((kind) => !faultKindsOfAnyPlugin.includes(kind));
  expect(rest.toSorted()).toEqual([
    "hangMachine",
    "killMachine",
    "large",
    "poison",
    "skip",
    "slowMachine",
    "spoilCopy",
    "stopMachine",
    "thief",
    "versions",
    "wakes",
  ]);
});

for (const kind of faultKinds) {
  test(`only ${kind}`, () => {
    for (const seed of [1, 2, 3, 4]) {
      const { events } = simulateWhole({ seed, plugin, events: 500, story: { faults: [kind] } });
      expect(events).toBeGreaterThan(500);
    }
  }, 120_000);
}
