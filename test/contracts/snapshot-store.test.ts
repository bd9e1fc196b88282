// Every snapshot store under the one contract: files, and memory.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFileSnapshotStore } from "../../src/adapters/files/snapshot-store.ts";
import { createMemorySnapshotFiles, createMemorySnapshotStore } from "../../src/adapters/memory/snapshot-store.ts";
import { snapshotStoreContract, type SnapshotStoreMedium } from "./snapshot-store.contract.ts";

function filesMedium(): SnapshotStoreMedium {
  const dataDir = mkdtempSync(join(tmpdir(), "graft-snapshots-"));
  return { open: () => openFileSnapshotStore(dataDir), dispose: () => rmSync(dataDir, { recursive: true }) };
}

function memoryMedium(): SnapshotStoreMedium {
  const files = createMemorySnapshotFiles();
  return { open: () => createMemorySnapshotStore(files), dispose: () => files.complete.clear() };
}

snapshotStoreContract("files", filesMedium);
snapshotStoreContract("memory", memoryMedium);
