// What would a start find in the data directory of a stopped node? The same comparisons as at a start, without a trace. What a
// node does about it is open-data.ts.
import type { Database } from "bun:sqlite";
import { dirname } from "node:path";
import type { Finding } from "../../ports/log-store.ts";
import { whatIsMissing } from "./compare-with-mark.ts";
import { walFinding } from "./damage-words.ts";
import { readFinding } from "./finding-file.ts";
import { type FoundMark, markFile, readMark } from "./mark-file.ts";
import type { Found } from "./saved-state.ts";
import { examineWal } from "./wal-examination.ts";

export interface StoppedDamage {
  readonly mark: FoundMark;
  /** What an administrator has to decide on. */
  readonly finding: Finding | null;
  /** In words, the most telling first; empty: what is there is all that was written. */
  readonly damage: readonly string[];
}

/** Throws what the file system and SQLite throw. */
export function damageOf(db: Database, file: string, found: Found): StoppedDamage {
  const dataDir = dirname(file);
  const mark = readMark(markFile(dataDir));
  const wal = examineWal(`${file}-wal`);
  return {
    mark,
    finding: readFinding(dataDir),
    damage: [...(wal === null ? [] : [walFinding(`${file}-wal`, wal)]), ...markDamage(db, file, found, mark)],
  };
}

function markDamage(db: Database, file: string, found: Found, foundMark: FoundMark): readonly string[] {
  const path = markFile(dirname(file));
  if (foundMark.kind === "none") return [`${path} is missing`];
  if (foundMark.kind === "unreadable") return [`${path} is damaged`];
  if (foundMark.kind === "otherFormat") return [`${path} has the data format ${foundMark.format}`];
  const { mark } = foundMark;
  const missing = mark.state.kind === "inUse" ? whatIsMissing(db, found, mark) : null;
  return [
    ...(mark.state.kind === "damaged" ? [mark.state.finding] : []),
    ...(missing === null ? [] : [`${file} is not all that this node has written: ${missing}`]),
  ];
}
