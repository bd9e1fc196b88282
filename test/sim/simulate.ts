// Runs one seed: some thousand events of bad luck, then quiet, until all is well again or something has broken.
import { Cluster, type ClusterOptions, realCore } from "./cluster.ts";
import type { Coverage } from "./coverage.ts";
import { checkLiveness } from "./liveness.ts";
import { profileNames, type ProfileName } from "./profiles.ts";
import type { Checks, Core } from "./world.ts";

export interface SimulationOptions {
  readonly seed: number;
  /** How many events nodes handle before the quiet. */
  readonly events: number;
  /** Default: 3 or 5, by the seed. */
  readonly nodes?: number | undefined;
  /** Default: by the seed. */
  readonly profile?: ProfileName | undefined;
  /** Whether members change; default: they do not. */
  readonly membership?: boolean | undefined;
  /** Whether a node that was never added lies to the others; default: there is none. */
  readonly stranger?: boolean | undefined;
  /** Whether disks lose what they had confirmed, with or without a mark to notice it by; default: they do not. */
  readonly damage?: ClusterOptions["damage"] | undefined;
  readonly core?: Core | undefined;
  readonly checks?: Checks | undefined;
  readonly trace?: ((line: string) => void) | undefined;
}

export interface SimulationResult {
  readonly profile: ProfileName;
  readonly nodes: number;
  readonly coverage: Coverage;
  /** How long recovering took at the end, in election timeouts. */
  readonly recovery: number;
}

/** Throws a `Violation` when anything that must hold does not. The same options give the same run. */
export function simulate(options: SimulationOptions): SimulationResult {
  const { seed } = options;
  const profile = options.profile ?? profileNames[seed % profileNames.length]!;
  const nodes = options.nodes ?? (Math.floor(seed / profileNames.length) % 2 === 0 ? 3 : 5);
  const cluster = new Cluster({
    seed,
    nodes,
    profile,
    core: options.core ?? realCore,
    checks: options.checks ?? { invariants: true, promises: true },
    trace: options.trace ?? null,
    membership: options.membership ?? false,
    damage: options.damage ?? "none",
    stranger: options.stranger ?? false,
  });
  const { coverage, schedule } = cluster.world;
  while (coverage.steps < options.events && schedule.runNext());
  return { profile, nodes, coverage, recovery: checkLiveness(cluster) };
}

/** What to type to see the same run again. */
export function replayCommand(options: SimulationOptions): string {
  const { seed, events, nodes, profile, membership, stranger, damage = "none" } = options;
  const shape = `${nodes === undefined ? "" : ` --nodes ${nodes}`}${profile === undefined ? "" : ` --profile ${profile}`}`;
  const more = `${shape}${membership === true ? " --membership" : ""}${stranger === true ? " --stranger" : ""}`;
  const disks = damage === "none" ? "" : ` --damage ${damage}`;
  return `bun run sim --seed ${seed} --events ${events}${more}${disks}`;
}
