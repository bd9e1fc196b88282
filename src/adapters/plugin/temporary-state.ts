// Where is the state of a durable state machine that no node runs? A check, a simulation and a look at a backup give it a temporary folder,
// which goes when the process ends.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The threads of a process share it. */
const prefixOf = (pid: number): string => `graft-state-${pid}-`;

/** Those of this thread that are open. */
let closers: (() => void)[] = [];

/** What makes an empty state, each in a folder of its own. */
export function inTemporaryFolder<State>(durable: {
  open(folder: string): State;
  close(state: State): unknown;
}): () => State {
  return () => {
    const folder = makeTemporaryFolder();
    const state = durable.open(folder);
    closers.push(() => {
      durable.close(state);
      rmSync(folder, { recursive: true, force: true });
    });
    return state;
  };
}

/** Nobody uses those of this thread any more. Throws what the plugin throws. */
export function closeTemporaryStates(): void {
  const all = closers;
  closers = [];
  for (const close of all) close();
}

/** An empty one. */
export function makeTemporaryFolder(): string {
  removeAtExit();
  return mkdtempSync(join(tmpdir(), prefixOf(process.pid)));
}

const removed = new Set<number>();

/**
 * To be called on the main thread as well: another thread does not hear that the process ends.
 * @param pid of a process that this one kills before it ends, and that has the same temporary folder
 */
export function removeAtExit(pid = process.pid): void {
  if (removed.has(pid)) return;
  if (removed.size === 0) process.on("exit", removeTemporaryStates);
  removed.add(pid);
}

/** Of all threads, open or not. */
export function removeTemporaryStates(): void {
  const prefixes = [...removed].map(prefixOf);
  for (const name of readdirSync(tmpdir()).filter((each) => prefixes.some((prefix) => each.startsWith(prefix))))
    rmSync(join(tmpdir(), name), { recursive: true, force: true });
}
