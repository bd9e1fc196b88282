// How many files and sockets may this process have open? Looked up at the start: when none is left, this cannot be read any more.
import { readFileSync } from "node:fs";

/** Null where the system does not say. */
export function openFilesMax(): number | null {
  try {
    const [, limit] = /^Max open files +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return limit === undefined ? null : Number(limit);
  } catch {
    return null;
  }
}
