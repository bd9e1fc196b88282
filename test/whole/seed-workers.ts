// Runs one seed after the other on all cores until the budget is used.
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { type Budget, type SeedOrder, type SeedOutcome, SeedTally } from "./seed-tally.ts";

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
