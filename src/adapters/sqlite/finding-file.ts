// Where is a finding kept that no restart may wipe away? In a file of the data directory, until an administrator has said what
// is to be done. Two histories, or a broken invariant, are no damage of this node alone, so the data stays where it is.
import { existsSync, readFileSync, renameSync } from "node:fs";
import { join, resolve } from "node:path";
import { GraftError } from "../../errors.ts";
import type { Finding } from "../../ports/log-store.ts";
import { syncNamesBeside, writeDurably } from "./data-directory.ts";

const findingFile = (dataDir: string): string => join(resolve(dataDir), "graft.finding");

/** Survives a power cut when this returns. An earlier finding stays: what came first explains what followed. */
export function writeFinding(dataDir: string, finding: Finding): void {
  const path = findingFile(dataDir);
  if (!existsSync(path)) writeDurably(path, JSON.stringify(finding));
}

/** Null: there is none. A file that cannot be read is a finding as well. */
export function readFinding(dataDir: string): Finding | null {
  const path = findingFile(dataDir);
  if (!existsSync(path)) return null;
  try {
    const found: unknown = JSON.parse(readFileSync(path, "utf8"));
    return isFinding(found) ? found : unreadable(path, "it is not what Graft has written");
  } catch (error) {
    return unreadable(path, error instanceof Error ? error.message : String(error));
  }
}

const unreadable = (path: string, reason: string): Finding => ({
  kind: "invariant",
  text: `${path} holds a finding that cannot be read: ${reason}`,
  at: "an unknown time",
});

function isFinding(value: unknown): value is Finding {
  const { kind, text, at } = (value ?? {}) as Partial<Finding>;
  return [kind, text, at].every((field) => typeof field === "string");
}

/** It no longer keeps the node from starting. The file stays, under a name that says when. */
export function clearFinding(dataDir: string, now: Date = new Date()): void {
  const path = findingFile(dataDir);
  if (!existsSync(path)) return;
  renameSync(path, `${path}.cleared-${now.toISOString().replaceAll(":", "-")}`);
  syncNamesBeside(path);
}

/** Throws when there is one. */
export function mustHaveNoFinding(dataDir: string): void {
  const finding = readFinding(dataDir);
  if (finding === null) return;
  throw new GraftError(
    "damaged",
    `${finding.text} (found at ${finding.at}). This node takes no part until an administrator has decided. Nothing was changed. ` +
      `See graft log finding --config FILE. If the other nodes agree without this one: --refill. If this node's data is right: --dismiss.`,
  );
}
