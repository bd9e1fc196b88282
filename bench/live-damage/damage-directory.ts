// What can happen to a node's data directory? Its files rot, go missing, or go back to what they were some time ago.
import { cpSync, existsSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { slotBytes } from "../../src/adapters/sqlite/mark.ts";
import { damageFile, type Draw, flipBit, oneOf } from "./damage-bytes.ts";

export interface DirectoryDamage {
  readonly draw: Draw;
  /** A process has the files open: only their contents change, or a snapshot goes. */
  readonly isRunning: boolean;
  /** There is an older copy that may be put back. */
  readonly hasCopy: boolean;
}

const database = "graft.sqlite";
const mark = "graft.mark";
/** At the least so much of each slot is written. */
const writtenBytes = 250;

const copyOf = (dataDir: string): string => `${dataDir}.older`;

/** Of a node that does not run, without what was set aside before. */
export function takeCopy(dataDir: string): void {
  const copy = copyOf(dataDir);
  rmSync(copy, { recursive: true, force: true });
  cpSync(dataDir, copy, { recursive: true, filter: (path) => !/\/damaged-[^/]*$/.test(path) });
}

/** Returns what was done, in words. */
export function damageDirectory(dataDir: string, { draw, isRunning, hasCopy }: DirectoryDamage): string {
  const rot = (name: string) => (): string => `${name}: ${damageFile(join(dataDir, name), draw)}`;
  const remove = (name: string) => (): string => {
    rmSync(join(dataDir, name));
    return `${name} deleted`;
  };
  const snapshots = snapshotsIn(dataDir);
  const [snapshot] = snapshots.length === 0 ? [] : [oneOf(snapshots, draw)];
  const acts = [rot(database), rot(database)];
  if (snapshot !== undefined) acts.push(rot(snapshot), rot(snapshot), remove(snapshot));
  if (!isRunning) {
    const wal = `${database}-wal`;
    acts.push(remove(database), () => removeAll(dataDir, snapshots));
    if (existsSync(join(dataDir, wal))) acts.push(rot(wal), remove(wal));
    if (hasCopy)
      acts.push(
        () => goBack(dataDir, true),
        () => goBack(dataDir, false),
      );
  } else acts.push(rot(`${database}-wal`));
  return oneOf(acts, draw)();
}

/** The mark too: a part of it, what stands in one slot or in both, or all of the file. */
export function damageMark(dataDir: string, draw: Draw): string {
  const path = join(dataDir, mark);
  switch (draw(4)) {
    case 0:
      rmSync(path);
      return `${mark} deleted`;
    case 1:
      return `${mark}: ${damageFile(path, draw)}`;
    default: {
      const bytes = readFileSync(path);
      const slots = draw(2) === 0 ? [0, slotBytes] : [draw(2) * slotBytes];
      const flips = slots.map((from) => flipBit(bytes, { from, to: from + writtenBytes }, draw).what);
      writeFileSync(path, bytes);
      return `${mark}: ${flips.join(" and ")}`;
    }
  }
}

const snapshotsIn = (dataDir: string): readonly string[] =>
  readdirSync(join(dataDir, "snapshots")).map((name) => join("snapshots", name));

function removeAll(dataDir: string, snapshots: readonly string[]): string {
  for (const name of snapshots) rmSync(join(dataDir, name));
  return "all snapshots deleted";
}

/** The directory as it was when the copy was taken; with its mark of then, or under the present one. */
function goBack(dataDir: string, withMark: boolean): string {
  const kept = `${dataDir}.present`;
  rmSync(kept, { recursive: true, force: true });
  renameSync(dataDir, kept);
  cpSync(copyOf(dataDir), dataDir, { recursive: true });
  if (!withMark) cpSync(join(kept, mark), join(dataDir, mark));
  for (const name of readdirSync(kept).filter((each) => each.startsWith("damaged-"))) {
    renameSync(join(kept, name), join(dataDir, name));
  }
  return `an older copy of the directory, ${withMark ? "with its mark" : "under the present mark"}`;
}
