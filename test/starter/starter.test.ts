// A new plugin, from the source: its name is checked, its types compile, and what it imports is among its files.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { faultOfPluginName, starterFiles } from "../../src/starter/starter.ts";

const root = join(import.meta.dir, "../..");
const files = starterFiles("tasks", "1.2.3");
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "graft-starter-"));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

test("a name is small letters, digits and hyphens, and no name that is taken", () => {
  for (const name of ["stock", "a", "two-words", "v2", "a".repeat(64)]) expect(faultOfPluginName(name)).toBeNull();
  for (const name of ["", "Stock", "2v", "a b", "../a", "a.ts", "-a", "ü", "kv", "counter", "graft", "a".repeat(65)]) {
    expect(faultOfPluginName(name)).not.toBeNull();
  }
});

test("what a file of the API imports is beside it", () => {
  const api = Object.entries(files).filter(([path]) => /^graft\/[\w-]+\.ts$/.test(path));
  expect(api.length).toBeGreaterThan(3);
  for (const [path, text] of api) {
    for (const [, imported = ""] of text.matchAll(/^(?:import|export) .* from "(.*)";$/gm)) {
      expect({ path, imported: Object.keys(files) }).toEqual({
        path,
        imported: expect.arrayContaining([join("graft", imported)]),
      });
    }
  }
});

test("an editor understands it: the compiler finds no fault, and finds a planted one", () => {
  const compile = (): string =>
    Bun.spawnSync([process.execPath, join(root, "node_modules/typescript/bin/tsc"), "-p", folder]).stdout.toString();
  expect(compile()).toBe("");
  writeFileSync(
    join(folder, "planted.ts"),
    'import { tasks } from "./planted-tasks.ts";\ntasks.commands.add.apply(tasks.create(), { title: 1 }, { index: 1 } as never);\n',
  );
  writeFileSync(join(folder, "planted-tasks.ts"), 'export { default as tasks } from "./tasks.ts";\n');
  expect(compile()).toMatch(/planted\.ts\(2,\d+\): error TS2322: Type 'number' is not assignable to type 'string'/);
}, 60_000);
