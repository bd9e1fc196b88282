// Runs one seed after the other on all cores until the budget is used.
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { type Budget, type SeedOrder, type SeedOutcome, SeedTally } from "./seed-tally.ts";

/**
 * A simulation runs much code for a short time each. The compiler's last stage and its threads take more of two busy cores than they give
 * back: without them, two processes were 1.5 times as fast.
 */
const engine = { BUN_JSC_useFTLJIT: "0", BUN_JSC_useConcurrentJIT: "0" };

const worker = join(import.meta.dir, "seed-worker.ts");

export async function runSeeds(budget: Budget): Promise<SeedTally> {
  const tally = new SeedTally(budget);
  let next = budget.firstSeed;
  const order = (): SeedOrder => ({ seed: next++, events: budget.eventsOfSeed });
  await Promise.all(Array.from({ length: availableParallelism() }, () => runWorker(tally, order)));
  return tally;
}

async function runWorker(tally: SeedTally, order: () => SeedOrder): Promise<void> {
  const child = Bun.spawn([process.execPath, worker], {
    env: { ...process.env, ...engine },
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
    ipc(message: SeedOutcome | "ready") {
      if (message !== "ready") tally.add(message);
      if (tally.isComplete) child.disconnect();
      else child.send(order());
    },
  });
  const code = await child.exited;
  if (!tally.isComplete) throw new Error(`a process that simulates seeds has ended with ${code}`);
}
