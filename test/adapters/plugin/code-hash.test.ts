// What is the code of a plugin? Every file that it imports, wherever the files lie, and nothing that Graft or Bun provides.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { codeHash } from "../../../src/adapters/plugin/code-hash.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "graft-code-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const files = {
  "main.ts": `import { defineStateMachine } from "graft"; import fs from "node:fs"; import { a } from "./a.ts"; import "lib";`,
  "a.ts": `import table from "./table.json"; export const a = require("./b.js"); import("./c.ts");`,
  "b.js": `import "./a.ts"; module.exports = 1;`,
  "c.ts": `export const c = 1;`,
  "table.json": `{"x": 1}`,
  "node_modules/lib/package.json": `{"name": "lib", "main": "index.js"}`,
  "node_modules/lib/index.js": `module.exports = 1;`,
  "unused.ts": `export const unused = 1;`,
};

/** Writes the plugin, and returns its hash. */
function hashOf(changes: Readonly<Record<string, string>> = {}, inside = "plugin"): string {
  for (const [name, text] of Object.entries({ ...files, ...changes })) {
    const path = join(folder, inside, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return codeHash(join(folder, inside, "main.ts"));
}

test("it is the same wherever the files lie", () => {
  expect(hashOf()).toMatch(/^[0-9a-f]{64}$/);
  expect(hashOf({}, "elsewhere/deep")).toBe(hashOf());
});

test.each(["main.ts", "a.ts", "b.js", "c.ts", "table.json", "node_modules/lib/index.js"] as const)(
  "it is another one when %s changes",
  (name) => expect(hashOf({ [name]: `${files[name]} ` })).not.toBe(hashOf()),
);

test("a file that nobody imports does not count", () => {
  expect(hashOf({ "unused.ts": "" })).toBe(hashOf());
});

test("the same files, imported in another order or under other words, are other code", () => {
  const swapped = files["main.ts"].replace(
    `import { a } from "./a.ts"; import "lib";`,
    `import "lib"; import { a } from "./a.ts";`,
  );
  const reworded = files["main.ts"].replace("./a.ts", "./a");
  expect(new Set([hashOf(), hashOf({ "main.ts": swapped }), hashOf({ "main.ts": reworded })]).size).toBe(3);
});

test("text that moves from one file to another changes it", () => {
  const before = hashOf({ "c.ts": "export const c = 1;x", "table.json": `{"x": 1}` });
  expect(hashOf({ "c.ts": "export const c = 1;", "table.json": `{"x": 1}x` })).not.toBe(before);
});

test("an import that leads nowhere counts as its words: it may never be needed", () => {
  const main = `${files["main.ts"]} try { require("./optional.js"); } catch {}`;
  const without = hashOf({ "main.ts": main });
  expect(without).not.toBe(hashOf());
  expect(hashOf({ "main.ts": main, "optional.js": "" })).not.toBe(without);
});
