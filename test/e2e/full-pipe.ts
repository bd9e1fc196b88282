// A log that nobody reads: a pipe that is full.
import { constants, openSync, writeSync } from "node:fs";

const pieceBytes = 4096;

/** A descriptor to write to, as a process's standard error. Whatever is written to it waits for a reader who never comes. */
export function openFullPipe(path: string): number {
  Bun.spawnSync(["mkfifo", path]);
  // Open for both, so that neither opening nor writing waits for another end.
  const filling = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  while (takes(filling));
  return openSync(path, "r+");
}

function takes(descriptor: number): boolean {
  try {
    return writeSync(descriptor, new Uint8Array(pieceBytes)) > 0;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EAGAIN") return false;
    throw error;
  }
}
