// What keeps a stopped node from starting, and how does an administrator decide about it? A finding (finding-file.ts), or a mark
// that says that the data is damaged. Either the data counts as damaged, and the next start sets it aside; or it is right as it
// is, and the node goes on with it.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { GraftError } from "../../errors.ts";
import type { Finding } from "../../ports/log-store.ts";
import { loneVoterDamaged, markMissing, markWords } from "./damage-words.ts";
import { databaseFile } from "./data-directory.ts";
import { lockDirectory } from "./directory-lock.ts";
import { clearFinding, readFinding } from "./finding-file.ts";
import type { Mark } from "./mark.ts";
import { type FoundMark, MarkFile, markFile, readMark } from "./mark-file.ts";
import { freeFolderName } from "./set-aside.ts";

export interface FindingOnDisk {
  readonly dataDir: string;
  /** What stopped the node; null: nothing that has to be decided. */
  readonly finding: Finding | null;
  /** What the mark says is damaged, to be set aside at the next start; null: nothing. */
  readonly damage: string | null;
  /** In words how far the node had got; null: the mark does not say. */
  readonly reached: string | null;
}

export type Decision = "refill" | "dismiss";

/** Changes nothing, and can be asked while the node runs. Throws `GraftError("storage")`. */
export function lookAtFinding(dataDir: string): FindingOnDisk {
  const found = readMark(markFile(dataDir));
  return {
    dataDir,
    finding: readFinding(dataDir),
    damage: damageIn(found),
    reached: found.kind === "mark" ? markWords(found.mark) : null,
  };
}

const damageIn = (found: FoundMark): string | null =>
  found.kind === "mark" && found.mark.state.kind === "damaged" ? found.mark.state.finding : null;

/** What was decided about is returned. Throws `GraftError` where there is nothing to decide, or the node runs. */
export function decideFinding(dataDir: string, decision: Decision): FindingOnDisk {
  const lock = lockDirectory(dataDir);
  try {
    const before = lookAtFinding(dataDir);
    const { finding, damage } = before;
    if (finding === null && damage === null) {
      throw new GraftError("rejected", `there is no finding in ${dataDir}`);
    }
    const found = readMark(markFile(dataDir));
    if (found.kind === "mark") mark(dataDir, found, decision, finding?.text ?? damage ?? "");
    else if (decision === "refill") throw markMissing(markFile(dataDir), databaseFile(dataDir), "none");
    // The mark comes first: after a crash in between the finding is still there to be decided about.
    clearFinding(dataDir);
    return before;
  } finally {
    lock.release();
  }
}

function mark(dataDir: string, found: FoundMark & { readonly kind: "mark" }, decision: Decision, text: string): void {
  const { state } = found.mark;
  if (decision === "refill" && !found.mark.hasOtherVoters) throw loneVoterDamaged(dataDir, text);
  if (decision === "dismiss" && state.kind === "damaged" && existsSync(join(dataDir, state.folder))) {
    throw new GraftError(
      "rejected",
      `the damaged files are on their way to ${join(dataDir, state.folder)}: start the node`,
    );
  }
  const next = decision === "refill" ? damagedState(dataDir, found.mark, text) : dismissed(found.mark);
  const file = MarkFile.open(markFile(dataDir), found);
  try {
    file.writeSynced({ ...found.mark, state: next });
  } finally {
    file.close();
  }
}

const damagedState = (dataDir: string, { state }: Mark, finding: string): Mark["state"] =>
  state.kind === "damaged" ? state : { kind: "damaged", finding, folder: freeFolderName(dataDir) };

const dismissed = ({ state }: Mark): Mark["state"] => (state.kind === "damaged" ? { kind: "inUse" } : state);
