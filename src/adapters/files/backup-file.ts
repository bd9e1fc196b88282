// A backup is a snapshot's file in a place that somebody has named: how it comes to lie there, whole or not at all, and how
// it is read again. What is in it is snapshot-format.ts.
import { existsSync } from "node:fs";
import fs from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { GraftError } from "../../errors.ts";
import type { SnapshotFile, SnapshotHeader } from "../../ports/snapshot-store.ts";
import { GrowingFile } from "./growing-file.ts";
import { isMissing } from "./snapshot-errors.ts";
import { syncFolder } from "./snapshot-folder.ts";
import { SnapshotDamage, SnapshotParser } from "./snapshot-parser.ts";
import { parsedPieces } from "./snapshot-pieces.ts";
import { checkWhole } from "./snapshot-receiver.ts";
import { codeOf, takeName } from "./take-name.ts";

/** A sound file. */
export interface Backup extends Omit<SnapshotFile, "file"> {
  readonly path: string;
  readonly header: SnapshotHeader;
  /** What the state machine wrote, verified once more. Throws `GraftError("storage")`. */
  chunks(): AsyncIterable<Uint8Array>;
}

/** A file that is being written: under another name, until it is complete and on disk. One call at a time. */
export interface BackupWriter {
  /** How much is here, bytes. */
  readonly offset: number;
  /** Throws `GraftError("storage")` when the bytes are not those of a backup, or the disk fails. */
  write(bytes: Uint8Array): Promise<void>;
  /** Compares it with what was announced, gives it its name and makes that durable. Throws `GraftError("storage")`. */
  finish(announced: Omit<SnapshotFile, "file">): Promise<SnapshotHeader>;
  /** Removes what was written; after `finish` nothing. */
  abandon(): Promise<void>;
}

/** @param replace whether a file that is there may be replaced. Throws `GraftError("storage")`; an existing file is `usage`. */
export async function createBackup(file: string, replace: boolean): Promise<BackupWriter> {
  const path = resolve(file);
  if (!replace && existsSync(path)) throw isThere(path);
  const partial = `${path}.${process.pid}.partial`;
  const growing = await orFailed(path, "Creating", () => GrowingFile.open(partial, 0));
  const parser = new SnapshotParser();
  return {
    get offset() {
      return growing.bytes;
    },
    write: (bytes) =>
      orFailed(path, "Writing", async () => {
        parser.push(bytes);
        await growing.append(bytes);
      }),
    finish: (announced) =>
      orFailed(path, "Writing", async () => {
        checkWhole(parser, { file, ...announced });
        await growing.sync();
        await growing.close();
        if (replace) await fs.rename(partial, path);
        else await takeName(partial, path);
        await syncFolder(dirname(path)).catch((cause: unknown) => {
          throw unsynced(path, cause);
        });
        // A file that is whole has one.
        return parser.header!;
      }),
    // After `finish` there is no partial file any more.
    abandon: () => growing.remove(),
  };
}

/** Reads all of it once, and says what it is. Throws `GraftError("storage")` when it is missing, damaged or no backup. */
export async function readBackup(file: string): Promise<Backup> {
  const path = resolve(file);
  const parser = new SnapshotParser();
  for await (const _ of chunksOf(path, parser));
  const { soundBytes: bytes, checksum } = parser;
  const whole = { file: path, bytes, checksum };
  return { path, bytes, checksum, header: parser.header!, chunks: () => chunksOf(path, new SnapshotParser(), whole) };
}

async function* chunksOf(path: string, parser: SnapshotParser, whole?: SnapshotFile): AsyncGenerator<Uint8Array, void> {
  try {
    for await (const chunks of parsedPieces(path, parser)) yield* chunks;
    if (whole === undefined) parser.finish();
    else checkWhole(parser, whole);
  } catch (error) {
    throw explain(path, "Reading", error);
  }
}

async function orFailed<T>(path: string, doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw explain(path, doing, error);
  }
}

const isThere = (path: string): GraftError =>
  new GraftError("usage", `${path} is there already; name another file, or replace it with --force`);

/** It has its name by then, and may have replaced an earlier one. */
function unsynced(path: string, cause: unknown): GraftError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const state = `The backup ${path} is complete, and a power cut may still remove it`;
  const remedy = "Check the disk, then make the backup again with --force.";
  return new GraftError("storage", `${state}: syncing its folder failed: ${reason}. ${remedy}`, { cause });
}

function explain(path: string, doing: string, error: unknown): GraftError {
  if (error instanceof GraftError) return error;
  if (codeOf(error) === "EEXIST") return isThere(path);
  if (error instanceof SnapshotDamage) {
    return new GraftError("storage", `${path} is damaged: ${error.message}. Nothing was changed. Use another backup.`);
  }
  if (isMissing(error)) {
    const missing = doing === "Reading" ? `file or folder ${path}` : `folder ${dirname(path)}`;
    return new GraftError("storage", `There is no ${missing}. Nothing was changed.`);
  }
  const reason = error instanceof Error ? error.message : String(error);
  return new GraftError("storage", `${doing} ${path} failed: ${reason}.`, { cause: error });
}
