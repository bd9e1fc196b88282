// The linter refuses what the house refuses: for each rule that matters here, a planted line in a copy of the tree's
// configuration is reported, the rules that need types included.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

const root = resolve(import.meta.dir, "../..");
const long = (lines: number): string => "  void 0;\n".repeat(lines);

const violations: readonly (readonly [what: string, file: string, text: string, rule: string])[] = [
  ["the clock in core", "src/core/a.ts", "export const a = Date.now();\n", "no-restricted-globals"],
  ["a timer in core", "src/core/b.ts", "setTimeout(() => undefined, 1);\n", "no-restricted-globals"],
  ["chance in core", "src/core/c.ts", "export const a = Math.random();\n", "no-restricted-properties"],
  ["waiting in core", "src/core/d.ts", "export async function a(): Promise<void> {}\n", "no-async-await"],
  ["the wall clock in node", "src/node/a.ts", "export const a = new Date();\n", "no-restricted-globals"],
  ["a clock in client", "src/client/k.ts", "export const a = performance.now();\n", "no-restricted-globals"],
  ["a print outside cli", "src/client/a.ts", 'console.log("a");\n', "no-console"],
  ["any", "src/client/b.ts", "export const a: any = 1;\n", "no-explicit-any"],
  ["a default export", "src/client/c.ts", "export default 1;\n", "no-default-export"],
  ["an empty catch", "src/client/d.ts", "try {\n  String(1);\n} catch {}\n", "no-empty"],
  ["a promise nobody awaits", "src/client/e.ts", "Promise.resolve(1).then(String);\n", "no-floating-promises"],
  [
    "a type imported as a value",
    "src/client/f.ts",
    'import { T } from "./t.ts";\nexport type A = T;\n',
    "consistent-type-imports",
  ],
  ["a long function", "src/client/g.ts", `export function a(): void {\n${long(60)}}\n`, "max-lines-per-function"],
  ["a long file", "src/client/h.ts", `{\n${long(400)}}\nexport {};\n`, "max-lines"],
  ["a cycle", "src/client/i.ts", 'import { j } from "./j.ts";\nexport const i = (): number => j();\n', "no-cycle"],
  ["a name in another case", "src/client/anotherCase.ts", "export const a = 1;\n", "filename-case"],
];

const allowed: readonly (readonly [what: string, file: string, text: string])[] = [
  ["the other half of the cycle's types", "src/client/t.ts", "export interface T {\n  readonly t: number;\n}\n"],
  ["a print in cli", "src/cli/a.ts", 'console.log("a");\n'],
  ["a plugin's default export", "plugins/a/a.ts", "export default 1;\n"],
  ["the clock in an adapter", "src/adapters/system/a.ts", "export const a = (): number => Date.now();\n"],
];

const partner = 'import { i } from "./i.ts";\nexport const j = (): number => i();\n';

interface Diagnostic {
  readonly code: string;
  readonly filename: string;
}

let tree = "";
let exitCode: number | null = null;
let found: readonly Diagnostic[] = [];

async function plant(file: string, text: string): Promise<void> {
  mkdirSync(dirname(join(tree, file)), { recursive: true });
  await Bun.write(join(tree, file), text);
}

beforeAll(async () => {
  tree = realpathSync(mkdtempSync(join(tmpdir(), "graft-lint-")));
  for (const path of [".oxlintrc.json", "tsconfig.json"]) cpSync(join(root, path), join(tree, path));
  symlinkSync(join(root, "node_modules"), join(tree, "node_modules"));
  await plant("src/client/j.ts", partner);
  for (const [, file, text] of [...violations, ...allowed]) await plant(file, text);
  const args = [join(root, "node_modules/oxlint/bin/oxlint"), "--format=json"];
  const child = Bun.spawn([process.execPath, ...args], {
    cwd: tree,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const report = (await child.stdout.json()) as { readonly diagnostics: readonly Diagnostic[] };
  exitCode = await child.exited;
  found = report.diagnostics;
}, 60_000);

afterAll(() => rmSync(tree, { recursive: true, force: true }));

const rulesBrokenIn = (file: string): string[] =>
  found.filter(({ filename }) => filename === file).map(({ code }) => code.replace(/^.*\((.*)\)$/, "$1"));

test("a planted violation fails the linter", () => expect(exitCode).toBe(1));

describe("a planted line is refused", () => {
  for (const [what, file, , rule] of violations) {
    test(`${what}: ${rule}`, () => expect(rulesBrokenIn(file)).toContain(rule));
  }
});

describe("what has its place is accepted there", () => {
  for (const [what, file] of allowed) {
    test(what, () => expect(rulesBrokenIn(file)).toEqual([]));
  }
});
