// A file that is given up leaves nothing behind, whatever fails.
import { expect, spyOn, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import fs, { type FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GrowingFile } from "../../../src/adapters/files/growing-file.ts";

test("is removed also when it cannot be closed", async () => {
  const folder = mkdtempSync(join(tmpdir(), "graft-growing-"));
  const path = join(folder, "half");
  const handles: FileHandle[] = [];
  const { open } = fs;
  const opening = spyOn(fs, "open").mockImplementation(async (...args) => {
    const handle = await open(...args);
    handles.push(handle);
    return handle;
  });
  const file = await GrowingFile.open(path, 0);
  opening.mockRestore();
  const [handle] = handles;
  const closing = spyOn(handle!, "close").mockRejectedValueOnce(new Error("the disk failed"));
  const failure = await file.remove().catch((error: Error) => error.message);
  closing.mockRestore();
  await handle!.close();
  expect([failure, existsSync(path)]).toEqual(["the disk failed", false]);
  rmSync(folder, { recursive: true });
});
