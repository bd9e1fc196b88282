// A folder of a state on disk is removed in one step: a crash leaves all of it under its name, or nothing.
import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { StateFolders } from "../../../src/adapters/plugin/state-folders.ts";

const folder = mkdtempSync(join(tmpdir(), "graft-folders-"));
afterAll(() => rmSync(folder, { recursive: true }));

const versionOf = (digits: string) => ({ name: "p", version: "1", hash: digits.repeat(64) });

/** As a crash leaves it that comes right after the removal has begun. */
test("what a crash has left of a removed folder is nobody's state, and goes with the next removal", () => {
  const root = join(folder, "state");
  const folders = new StateFolders(root);
  const [one, other] = [versionOf("a"), versionOf("b")];
  writeFileSync(join(folders.make(one), "data"), "half of it");
  folders.make(other);
  const left = join(root, `removed-${"c".repeat(16)}`);
  mkdirSync(left);
  folders.keepOnly(other);
  expect(readdirSync(root)).toEqual(["b".repeat(16)]);
  expect([folders.has(one), existsSync(left)]).toEqual([false, false]);
});

test("a folder that cannot be emptied has lost its name all the same", () => {
  const root = join(folder, "stuck");
  const folders = new StateFolders(
    root,
    () => {},
    () => {
      throw new Error("killed");
    },
  );
  folders.make(versionOf("a"));
  expect(() => folders.keepOnly(null)).toThrow("killed");
  expect([folders.has(versionOf("a")), readdirSync(root)]).toEqual([false, [`removed-${"a".repeat(16)}`]]);
});
