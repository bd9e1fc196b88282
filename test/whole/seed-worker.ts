// Simulates the seeds that its parent sends, one after the other, and tells what became of each. A process of its own: a simulation uses
// one core, and a machine has more.
import kv from "../../plugins/kv/index.ts";
import { checkDefinition } from "../../src/adapters/plugin/definition-check.ts";
import { simulateWhole } from "../../src/sim/simulate.ts";
import { Violation } from "../../src/sim/violation.ts";
import type { SeedOrder, SeedOutcome } from "./seed-tally.ts";

const plugin = checkDefinition(kv);

function outcomeOf({ seed, events }: SeedOrder): SeedOutcome {
  try {
    return { kind: "holds", seed, result: simulateWhole({ seed, plugin, events }) };
  } catch (error) {
    if (error instanceof Violation) return { kind: "fails", seed, why: error.details, afterEvents: error.events };
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { kind: "fails", seed, why: `the simulation itself failed: ${why}`, afterEvents: events };
  }
}

process.on("message", (order: SeedOrder) => process.send!(outcomeOf(order)));
// The parent is gone, or needs no more.
process.on("disconnect", () => process.exit(0));
process.send!("ready");
