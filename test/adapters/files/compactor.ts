// A process of its own that fills a log, takes snapshots of it and cuts it until it is killed: `compactor.ts DATA_DIR PLACE`.
// With a place it kills itself there, in its second round; without one it goes on. A line `INDEX` on standard output
// acknowledges entries, `snapshot INDEX` a snapshot that the log names.
import { randomBytes } from "node:crypto";
import { writeSync } from "node:fs";
import fs from "node:fs/promises";
import { openFileSnapshotStore } from "../../../src/adapters/files/snapshot-store.ts";
import { openSqliteLogStore } from "../../../src/adapters/sqlite/log-store.ts";
import type { SnapshotFile } from "../../../src/ports/snapshot-store.ts";
import { append, commands, snapshot, snapshotAt } from "../../contracts/log-entries.ts";
import { bytesOf, headerAt } from "../../contracts/snapshot-store.contract.ts";

export type Place = "writing" | "renaming" | "named" | "recorded" | "reclaiming" | "retained";

const [dataDir = "", place = ""] = process.argv.slice(2);
const say = (line: string): number => writeSync(1, `${line}\n`);
const store = openSqliteLogStore({ dataDir, randomBytes });
const snapshots = openFileSnapshotStore(dataDir);
const { rename } = fs;
let filled = store.saved.last.index;

for (let round = 1; ; round++) {
  const dieAt = (reached: Place): void => {
    if (round === 2 && place === reached) process.kill(process.pid, "SIGKILL");
  };
  const first = fillLog();
  const index = first + 60;
  const file = await writeFile(index, dieAt);
  dieAt("named");
  const record = { ...snapshotAt({ index, term: 1 }, store.chainAt(index)), ...file };
  store.write([snapshot(record, { index: index - 10, term: 1 })], () => say(`snapshot ${index}`));
  dieAt("recorded");
  store.reclaim();
  dieAt("reclaiming");
  while (store.reclaim());
  await snapshots.retain([file.file]);
  dieAt("retained");
}

/** Appends a hundred entries and returns the first one's index. */
function fillLog(): number {
  const first = filled + 1;
  filled += 100;
  store.write([append(...commands(first, filled, 1, 200))], () => say(String(filled)));
  return first;
}

async function writeFile(index: number, dieAt: (reached: Place) => void): Promise<SnapshotFile> {
  fs.rename = (from, to) => {
    dieAt("renaming");
    return rename(from, to);
  };
  const writer = await snapshots.create(headerAt(index, 1));
  for (let chunk = 0; chunk < 5; chunk++) {
    await writer.write(bytesOf(200_000, index + chunk));
    if (chunk === 3) dieAt("writing");
  }
  return writer.finish();
}
