// The process is killed before and after each commit. What the folder holds at that moment is all that is left: a copy of it is what the next one
// finds, and the steps go on there.
import { cpSync, rmSync } from "node:fs";
import { makeTemporaryFolder } from "../../adapters/plugin/temporary-state.ts";
import type { Machine } from "../machine.ts";
import type { Machines, Way } from "./way.ts";

interface Living {
  readonly machine: Machine;
  readonly folder: string;
}

export const crash: Way = (machines, steps) => {
  let living = begun(machines, makeTemporaryFolder(), null, null);
  const moments = [living.machine.beginning];
  let committed: number | null = null;
  for (const [nth, step] of steps.entries()) {
    let outcome = living.machine.run(step, nth);
    if (step.kind === "command") {
      living = killed(machines, living, nth, committed);
      outcome = living.machine.run(step, nth);
      living.machine.commit(nth);
      committed = nth;
      living = killed(machines, living, nth, committed);
    }
    moments.push(living.machine.moment(step, outcome, { nth, of: steps.length }));
  }
  end(living);
  return moments;
};

/** The next one, of which the last commit was after the step `committed`. */
function killed(machines: Machines, before: Living, nth: number, committed: number | null): Living {
  const folder = makeTemporaryFolder();
  cpSync(before.folder, folder, { recursive: true });
  end(before);
  return begun(machines, folder, nth, committed);
}

function begun({ onDisk }: Machines, folder: string, nth: number | null, committed: number | null): Living {
  const machine = onDisk(folder);
  machine.recall(nth, committed);
  return { machine, folder };
}

function end({ machine, folder }: Living): void {
  machine.close();
  rmSync(folder, { recursive: true, force: true });
}
