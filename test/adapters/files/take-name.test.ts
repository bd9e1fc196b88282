// How a complete file gets its name: it never replaces another file, on any disk, and leaves no empty file behind.
import { afterEach, beforeEach, describe, expect, spyOn, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { takeName } from "../../../src/adapters/files/take-name.ts";

let folder: string;
let partial: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "graft-name-"));
  [partial, path] = [join(folder, "partial"), join(folder, "named")];
  writeFileSync(partial, "new");
});
afterEach(() => rmSync(folder, { recursive: true }));

const failing = (code: string) => () => Promise.reject(Object.assign(new Error(`${code}: no link`), { code }));

describe.each(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"])("on a disk that answers %s to a link", (code) => {
  test("the file gets its name", async () => {
    await takeName(partial, path, failing(code));
    expect([readFileSync(path, "utf8"), existsSync(partial)]).toEqual(["new", false]);
  });

  test("it does not replace another file", async () => {
    writeFileSync(path, "precious");
    await expect(takeName(partial, path, failing(code))).rejects.toMatchObject({ code: "EEXIST" });
    expect([readFileSync(path, "utf8"), readFileSync(partial, "utf8")]).toEqual(["precious", "new"]);
  });
});

test.each(["EIO", "EACCES", "EEXIST"])("a link that fails with %s is a failure, and takes no name", async (code) => {
  await expect(takeName(partial, path, failing(code))).rejects.toMatchObject({ code });
  expect([existsSync(path), readFileSync(partial, "utf8")]).toEqual([false, "new"]);
});

test("a rename that fails leaves no empty file under the name", async () => {
  const renaming = spyOn(fs, "rename").mockRejectedValueOnce(new Error("the disk failed"));
  await expect(takeName(partial, path, failing("EPERM"))).rejects.toThrow("the disk failed");
  renaming.mockRestore();
  expect([existsSync(path), readFileSync(partial, "utf8")]).toEqual([false, "new"]);
});
