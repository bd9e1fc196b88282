// Would the search notice a core that serves reads without asking a quorum? The same story is told to the core as it is and to a
// copy without that round; what their clients see is searched for an order that explains it.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { step } from "../../src/core/step.ts";
import { leader } from "../core/build.ts";
import { n2 } from "../core/say.ts";
import { isLinearizable, type Operation } from "../../src/sim/register.ts";
import { copyOfSource } from "../whole/mutants.ts";

const withoutRound = {
  file: "core/reads.ts",
  text: "const confirmed = confirmedRound(state, role);",
  by: "const confirmed = Number.POSITIVE_INFINITY;",
};

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
  const { folder, dispose } = copyOfSource(withoutRound);
  try {
    const core = (await import(join(folder, "src/core/step.ts"))) as { readonly step: typeof step };
    expect(isLinearizable(historyWith(core))).toBe(false);
  } finally {
    dispose();
  }
});
