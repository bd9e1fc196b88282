// Do state machines stand still, sessions end and certificates expire often enough? Whether what is wrong about them is caught is
// in mutants.test.ts.
import { expect, test } from "bun:test";
import kv from "../../plugins/kv/index.ts";
import { checkDefinition } from "../../src/adapters/plugin/definition-check.ts";
import { simulateWhole } from "../../src/sim/simulate.ts";

test("much of this happens", () => {
  const sum = { standstills: 0, sessionsEnded: 0, staleReads: 0, certificates: 0 };
  for (let seed = 11_000; seed < 11_020; seed++) {
    const result = simulateWhole({ seed, plugin: checkDefinition(kv), events: 6000 });
    for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += result[name];
  }
  expect(sum.standstills).toBeGreaterThan(5);
  expect(sum.sessionsEnded).toBeGreaterThan(3);
  expect(sum.staleReads).toBeGreaterThan(50);
  expect(sum.certificates).toBeGreaterThan(2);
}, 240_000);
