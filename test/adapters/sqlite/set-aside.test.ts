// What stands beside the data before it is changed in spite of damage.
import { afterEach, beforeEach, expect, spyOn, test } from "bun:test";
import * as fs from "node:fs";
import { fstatSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { copyAside } from "../../../src/adapters/sqlite/set-aside.ts";

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "graft-aside-"));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

test("P29: a copy is on disk with all its bytes, and so are its names, before the originals are changed", () => {
  const names = ["graft.sqlite", "graft.sqlite-wal"];
  for (const name of names) writeFileSync(join(dataDir, name), `all of ${name}`);
  const synced = new Map<number, number>();
  const sync = spyOn(fs, "fsyncSync").mockImplementation((descriptor) => {
    const { ino, size } = fstatSync(descriptor);
    synced.set(ino, size);
  });
  copyAside(join(dataDir, "graft.sqlite"), "damaged-then");
  sync.mockRestore();
  for (const name of names) {
    const copy = join(dataDir, "damaged-then", name);
    expect(readFileSync(copy, "utf8")).toBe(`all of ${name}`);
    expect(synced.get(statSync(copy).ino)).toBe(statSync(copy).size);
  }
  for (const folder of [dataDir, join(dataDir, "damaged-then")])
    expect([...synced.keys()]).toContain(statSync(folder).ino);
});
