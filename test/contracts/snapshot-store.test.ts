// Every snapshot store under the one contract: files, and memory.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openFileSnapshotStore } from "../../src/adapters/files/snapshot-store.ts";
import { createMemorySnapshotFiles, createMemorySnapshotStore } from "../../src/sim/memory/snapshot-store.ts";
import { snapshotStoreContract, type SnapshotStoreMedium } from "./snapshot-store.contract.ts";

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const changed = bytes.slice();
  changed[at]! ^= 4;
  return changed;
}

function filesMedium(): SnapshotStoreMedium {
  const dataDir = mkdtempSync(join(tmpdir(), "graft-snapshots-"));
  return {
    open: () => openFileSnapshotStore(dataDir),
    flip: (file, at) => {
      const path = join(dataDir, "snapshots", file);
      writeFileSync(path, flipped(readFileSync(path), at));
    },
    dispose: () => rmSync(dataDir, { recursive: true }),
  };
}

function memoryMedium(): SnapshotStoreMedium {
  const files = createMemorySnapshotFiles();
  return {
    open: () => createMemorySnapshotStore(files),
    flip: (file, at) => void files.complete.set(file, flipped(files.complete.get(file)!, at)),
    dispose: () => files.complete.clear(),
  };
}

snapshotStoreContract("files", filesMedium);
snapshotStoreContract("memory", memoryMedium);
