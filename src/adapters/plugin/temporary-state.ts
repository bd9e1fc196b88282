// Where is the state of a durable state machine that no node runs? A check, a simulation and a look at a backup give it a temporary folder,
// which goes when the process ends.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The threads of this process share it. */
const prefix = `graft-state-${process.pid}-`;

/** What makes an empty state, each in a folder of its own. */
export function inTemporaryFolder<State>(durable: { open(folder: string): State }): () => State {
  return () => {
    removeAtExit();
    return durable.open(mkdtempSync(join(tmpdir(), prefix)));
  };
}

let isRemoved = false;

/** To be called on the main thread as well: another thread does not hear that the process ends. */
export function removeAtExit(): void {
  if (isRemoved) return;
  isRemoved = true;
  process.on("exit", () => {
    for (const name of readdirSync(tmpdir()).filter((each) => each.startsWith(prefix)))
      rmSync(join(tmpdir(), name), { recursive: true, force: true });
  });
}
