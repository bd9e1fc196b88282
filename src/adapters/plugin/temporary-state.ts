// Where is the state of a durable state machine that no node runs? A check, a simulation and a look at a backup give it a temporary folder,
// which goes when the process ends.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What makes an empty state, each in a folder of its own. */
export function inTemporaryFolder<State>(durable: { open(folder: string): State }): () => State {
  return () => {
    const folder = mkdtempSync(join(tmpdir(), "graft-state-"));
    process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
    return durable.open(folder);
  };
}
