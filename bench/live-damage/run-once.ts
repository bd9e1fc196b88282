// One run: a cluster of its own under load, one damage, everything started again, and then the comparison.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { drawFrom, type Draw } from "./damage-bytes.ts";
import { DamagedCluster } from "./damaged-cluster.ts";
import { type LoadOptions, WitnessedLoad } from "./witnessed-load.ts";

export interface Outcome {
  readonly seed: number;
  /** What was damaged, and how. */
  readonly what: string;
  /** `refused`: the node stopped with the right advice, which was followed. `stuck`: neither that nor in step. */
  readonly end: "inStep" | "refused" | "stuck";
  /** The node has set its files aside. */
  readonly wasRefilled: boolean;
  readonly acknowledged: number;
  readonly reads: number;
  readonly seconds: number;
  /** What must never be: lost commands, wrong answers, two histories, two leaders in one term. */
  readonly violations: readonly string[];
  /** Why it is stuck; null: it is not. */
  readonly error: string | null;
}

export interface RunOptions {
  /** The binary. */
  readonly graft: string;
  /** Where what is not as it must be is copied to; null: nowhere. */
  readonly keep: string | null;
}

export interface Scenario {
  readonly load: LoadOptions;
  /** Damages one node and ends with all nodes running. */
  readonly damage: (
    cluster: DamagedCluster,
    load: WitnessedLoad,
    draw: Draw,
  ) => Promise<{ readonly what: string; readonly damaged: string }>;
}

const shownViolations = 10;

export async function runOnce(scenario: Scenario, seed: number, { graft, keep }: RunOptions): Promise<Outcome> {
  const fromMs = performance.now();
  const cluster = await DamagedCluster.start(graft);
  const load = new WitnessedLoad(cluster.connect, scenario.load);
  let isSound = false;
  let [what, end, error, wasRefilled]: [string, Outcome["end"], string | null, boolean] = ["", "inStep", null, false];
  let violations: readonly string[] = [];
  try {
    try {
      const done = await scenario.damage(cluster, load, drawFrom(seed));
      what = done.what;
      await load.stop();
      await cluster.untilInStep();
      wasRefilled = hasSetAside(cluster.dataDir(done.damaged));
      await load.verify(cluster.admin);
    } catch (cause) {
      [end, error] = ["stuck", cause instanceof Error ? cause.message : String(cause)];
      await load.stop();
    }
    const compared = await cluster.stopAndCompare(load.terms, end === "inStep");
    violations = [...load.wrong, ...compared.violations].slice(0, shownViolations);
    if (compared.problems.length > 0) [end, error] = ["stuck", [error, ...compared.problems].join("; ")];
    isSound = end !== "stuck" && violations.length === 0;
  } finally {
    await cluster.remove(isSound || keep === null ? null : join(keep, String(seed)));
  }
  const seconds = Math.round((performance.now() - fromMs) / 1000);
  const { acknowledged, reads } = load;
  return { seed, what, end, wasRefilled, acknowledged, reads, seconds, violations, error };
}

export const hasSetAside = (dataDir: string): boolean =>
  readdirSync(dataDir).some((name) => name.startsWith("damaged-"));
