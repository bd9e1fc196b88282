// One node after the other is damaged on a cluster under load: its database, its snapshots, its whole directory, now and then its
// mark too; at rest or while it runs. Each must be in step again by itself or, with the mark damaged, stop with the right advice.
import { existsSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { type Draw, drawFrom, oneOf } from "./damage-bytes.ts";
import { DamagedCluster, limitMs } from "./damaged-cluster.ts";
import { damageDirectory, damageMark, takeCopy } from "./damage-directory.ts";
import type { Outcome, RunOptions } from "./run-once.ts";
import { until } from "./wait.ts";
import { WitnessedLoad } from "./witnessed-load.ts";

const settings = {
  // Many snapshots, and rot that is found within seconds.
  raft: { snapshot_every_entries: 400 },
  storage: { scrub_interval_ms: 1_000 },
};
const load = { writers: 4, readers: 2, pauseMs: 5 };
/** A cluster lives for so many damages, then all that it holds is compared. */
const damagesPerCluster = 20;
const shownViolations = 10;
/** Every so many damages come together with damage to the mark. */
const markOneIn = 6;

/** Every outcome of one cluster has the seed of that cluster. */
export async function* damageFiles(seed: number, runs: number, options: RunOptions): AsyncIterable<Outcome> {
  for (let done = 0, nth = 0; done < runs; nth++) {
    const campaign = new Campaign(seed + nth, options);
    for await (const outcome of campaign.run(Math.min(damagesPerCluster, runs - done))) {
      done++;
      yield outcome;
    }
  }
}

type End = Pick<Outcome, "end" | "wasRefilled">;

class Campaign {
  readonly #seed: number;
  readonly #draw: Draw;
  readonly #options: RunOptions;
  /** The ids of nodes of whose directory there is an older copy, of this incarnation. */
  readonly #copied = new Set<string>();

  constructor(seed: number, options: RunOptions) {
    this.#seed = seed;
    this.#draw = drawFrom(seed);
    this.#options = options;
  }

  /** Ends early when a node is stuck. */
  async *run(damages: number): AsyncIterable<Outcome> {
    const cluster = await DamagedCluster.start(this.#options.graft, settings);
    const witnessed = new WitnessedLoad(cluster.connect, load);
    let isSound = true;
    try {
      for (let nth = 1; nth <= damages && isSound; nth++) {
        const outcome = await this.#once(cluster, witnessed, nth === damages);
        isSound = outcome.end !== "stuck" && outcome.violations.length === 0;
        yield outcome;
      }
    } finally {
      await witnessed.stop();
      const { keep } = this.#options;
      await cluster.remove(isSound || keep === null ? null : join(keep, String(this.#seed)));
    }
  }

  async #once(cluster: DamagedCluster, witnessed: WitnessedLoad, isLast: boolean): Promise<Outcome> {
    const fromMs = performance.now();
    const before = { acknowledged: witnessed.acknowledged, reads: witnessed.reads };
    const id = oneOf(cluster.ids, this.#draw);
    const told: string[] = [];
    let [end, error]: [End, string | null] = [{ end: "stuck", wasRefilled: false }, null];
    let violations: readonly string[] = [];
    try {
      await witnessed.progress(this.#draw(400), limitMs);
      end = await this.#damage(cluster, witnessed, id, told);
      await witnessed.progress(5, limitMs);
      if (isLast) {
        await witnessed.stop();
        await cluster.untilInStep();
        await witnessed.verify(cluster.admin);
      }
    } catch (cause) {
      [end, error] = [{ ...end, end: "stuck" }, cause instanceof Error ? cause.message : String(cause)];
      await witnessed.stop();
    }
    if (isLast || end.end === "stuck") {
      const compared = await cluster.stopAndCompare(witnessed.terms, end.end !== "stuck");
      violations = compared.violations;
      if (compared.problems.length > 0) {
        [end, error] = [{ ...end, end: "stuck" }, [error, ...compared.problems].join("; ")];
      }
    }
    return {
      seed: this.#seed,
      what: `${id}: ${told.join(", ")}`,
      ...end,
      acknowledged: witnessed.acknowledged - before.acknowledged,
      reads: witnessed.reads - before.reads,
      seconds: Math.round((performance.now() - fromMs) / 1000),
      violations: [...witnessed.wrong, ...violations].slice(0, shownViolations),
      error,
    };
  }

  async #damage(cluster: DamagedCluster, witnessed: WitnessedLoad, id: string, told: string[]): Promise<End> {
    const draw = this.#draw;
    const dataDir = cluster.dataDir(id);
    const setAsideBefore = setAsideIn(dataDir);
    const isRunning = draw(3) === 0;
    if (isRunning) {
      told.push("running", damageDirectory(dataDir, { draw, isRunning, hasCopy: false }));
      await this.#untilRead(cluster, id);
      await Bun.sleep(draw(1_000));
    }
    await cluster.kill(id);
    // Whatever the node alone has confirmed is with both others now: a directory that goes back in time cannot be seen at once.
    await witnessed.progress(10, limitMs);
    let isMarkDamaged = false;
    if (!isRunning) {
      told.push("at rest", this.#damageAtRest(id, dataDir));
      isMarkDamaged = draw(markOneIn) === 0;
      if (isMarkDamaged) told.push(damageMark(dataDir, draw));
    }
    const since = cluster.logOf(id).length;
    cluster.start(id);
    if (isMarkDamaged && (await this.#refuses(cluster, id, since))) {
      await cluster.rejoin(id, (dir) => renameSync(dir, freeName(dir)));
      await cluster.untilInStep();
      this.#copied.delete(id);
      return { end: "refused", wasRefilled: false };
    }
    await this.#untilScrubbed(cluster, id, since);
    await cluster.untilInStep();
    return { end: "inStep", wasRefilled: setAsideIn(dataDir) > setAsideBefore };
  }

  #damageAtRest(id: string, dataDir: string): string {
    const draw = this.#draw;
    const hasCopy = this.#copied.has(id) && draw(4) > 0;
    if (!hasCopy) takeCopy(dataDir);
    this.#copied.add(id);
    return damageDirectory(dataDir, { draw, isRunning: false, hasCopy });
  }

  /** Whether the node ends with the advice to join with an empty disk; false once it is in step. Throws for another end. */
  #refuses(cluster: DamagedCluster, id: string, since: number): Promise<boolean> {
    return until(`${id} runs or says what to do`, limitMs, async () => {
      if (cluster.isRunning(id)) return cluster.logOf(id).slice(since).includes("scrubbed") ? { refuses: false } : null;
      const told = cluster.logOf(id).slice(since);
      if (/empty data_dir and \[cluster\] join/.test(told)) return { refuses: true };
      throw new Error(`${id} has ended without the right advice: ${told.slice(-1000)}`);
    }).then(({ refuses }) => refuses);
  }

  /** Until the damage has been read by a scrub, or the node has ended. */
  async #untilRead(cluster: DamagedCluster, id: string): Promise<void> {
    const since = cluster.logOf(id).length;
    // The scrub that is under way may have been past the place already.
    const scrubs = (): number => cluster.logOf(id).slice(since).split(" scrubbed").length - 1;
    const isOver = (): boolean => scrubs() >= 2 || !cluster.isRunning(id);
    await until(`${id} scrubs twice`, limitMs, isOver);
    if (!cluster.isRunning(id)) throw new Error(`${id} has ended: ${cluster.logOf(id).slice(-1000)}`);
  }

  async #untilScrubbed(cluster: DamagedCluster, id: string, since: number): Promise<void> {
    await until(`${id} has read all that it holds`, limitMs, () => {
      if (!cluster.isRunning(id)) throw new Error(`${id} has ended: ${cluster.logOf(id).slice(-1000)}`);
      return cluster.logOf(id).slice(since).includes(" scrubbed");
    });
  }
}

const setAsideIn = (dataDir: string): number =>
  existsSync(dataDir) ? readdirSync(dataDir).filter((name) => name.startsWith("damaged-")).length : 0;

function freeName(path: string): string {
  for (let nth = 1; ; nth++) if (!existsSync(`${path}.lost-${nth}`)) return `${path}.lost-${nth}`;
}
