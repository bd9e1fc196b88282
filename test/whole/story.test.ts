// Each kind of fault can be drawn alone, whatever the theme of the seed.
import { expect, test } from "bun:test";
import kv from "../../plugins/kv/index.ts";
import { checkDefinition } from "../../src/adapters/plugin/definition-check.ts";
import { simulateWhole } from "../../src/sim/simulate.ts";
import { faultKinds } from "../../src/sim/story.ts";

const plugin = checkDefinition(kv);

for (const kind of faultKinds) {
  test(`only ${kind}`, () => {
    for (const seed of [1, 2, 3, 4]) {
      const { events } = simulateWhole({ seed, plugin, events: 500, story: { faults: [kind] } });
      expect(events).toBeGreaterThan(500);
    }
  }, 120_000);
}
