// Every log store under the one contract: SQLite, and memory with writes that are durable at once or only when told.
import { randomBytes } from "node:crypto";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryLogStore, type MemoryLogStore } from "../../src/sim/memory/log-store.ts";
import { createMemoryDisk, dataOn, type MemoryData, type MemoryDisk } from "../../src/sim/memory/memory-disk.ts";
import { openSqliteLogStore } from "../../src/adapters/sqlite/log-store.ts";
import { ignoreDurable } from "./log-entries.ts";
import { logStoreContract, type LogStoreMedium } from "./log-store.contract.ts";
import { logStoreDamageContract } from "./log-store-damage.contract.ts";
import { logStoreAgainstModel } from "./log-store-model.ts";
import { logStoreSnapshotContract } from "./log-store-snapshot.contract.ts";

function sqliteMedium(): LogStoreMedium {
  const folder = mkdtempSync(join(tmpdir(), "graft-log-store-"));
  const dataDir = join(folder, "data");
  const file = join(dataDir, "graft.sqlite");
  const copied = join(folder, "copy.sqlite");
  return {
    open: () => openSqliteLogStore({ dataDir, randomBytes }),
    settle: ignoreDurable,
    stop: (store) => store.close(),
    copy: () => copyFileSync(file, copied),
    putBack: () => copyFileSync(copied, file),
    loseData: () => rmSync(file),
    loseMark: () => rmSync(join(dataDir, "graft.mark")),
    dispose: () => rmSync(folder, { recursive: true }),
  };
}

function memoryMedium(autoDurable: boolean): LogStoreMedium {
  const incarnation = randomBytes(16).toString("hex");
  let disk: MemoryDisk | null = null;
  let copied: MemoryData | null = null;
  return {
    open: () => createMemoryLogStore({ incarnation, autoDurable, ...(disk === null ? {} : { disk }) }),
    settle: (store) => (store as MemoryLogStore).flushAll(),
    stop: (store) => {
      disk = (store as MemoryLogStore).crash();
    },
    copy: () => (copied = dataOn(disk!)),
    putBack: () => Object.assign(disk!, copied),
    loseData: () => Object.assign(disk!, dataOn(createMemoryDisk(incarnation))),
    loseMark: () => (disk!.mark = null),
    dispose: ignoreDurable,
  };
}

const media: readonly (readonly [string, () => LogStoreMedium])[] = [
  ["sqlite", sqliteMedium],
  ["memory, durable at once", () => memoryMedium(true)],
  ["memory, durable when told", () => memoryMedium(false)],
];
for (const [name, createMedium] of media) {
  logStoreContract(name, createMedium);
  logStoreSnapshotContract(name, createMedium);
  logStoreDamageContract(name, createMedium);
  logStoreAgainstModel(name, createMedium);
}
