// Would the search notice a core that serves reads without asking a quorum? The same story is told to the core as it is and to a
// copy without that round; what their clients see is searched for an order that explains it.
import { expect, test } from "bun:test";
import { step } from "../../src/core/step.ts";
import { leader } from "../core/build.ts";
import { n2 } from "../core/say.ts";
import { loadMutant, mutants } from "../sim/mutants.ts";
import { isLinearizable, type Operation } from "../../src/sim/register.ts";

/** n1 leads, and has applied the put of "a" at 2. It is cut off, and does not know it. */
const deposed = leader({ log: [1], matched: [[n2, 2]] });

/** Another node has been elected and has acknowledged the put of "b" when a client asks n1. */
function historyWith(core: { readonly step: typeof step }): readonly Operation[] {
  const puts: readonly Operation[] = [
    { kind: "put", value: "a", beganMs: 0, endedMs: 1 },
    { kind: "put", value: "b", beganMs: 5, endedMs: 6 },
  ];
  const [, effects] = core.step(deposed, { kind: "read", ref: 1, nowMs: deposed.nowMs });
  const isServed = effects.some((effect) => effect.kind === "readReady" && effect.index <= deposed.appliedIndex);
  return isServed ? [...puts, { kind: "get", value: "a", beganMs: 7, endedMs: 8 }] : puts;
}

test("P24: with the round of acknowledgements the history has an order, and without it none", async () => {
  expect(deposed.appliedIndex).toBe(2);
  expect(isLinearizable(historyWith({ step }))).toBe(true);
  const mutant = mutants.find(({ name }) => name === "P24: a read is served without asking a quorum");
  if (mutant === undefined) throw new Error("the core without the round is gone");
  const { core, dispose } = await loadMutant(mutant);
  try {
    expect(isLinearizable(historyWith(core))).toBe(false);
  } finally {
    dispose();
  }
});
