// The table of layers in import-rules.ts is enforced: violations planted in a copy of the tree are found by the tool
// that CI runs, each under the name of its rule, and what the table allows is left alone.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

const root = resolve(import.meta.dir, "../..");

/** What every planted file imports: a type and a value. */
const target = "export interface T {\n  readonly t: number;\n}\nexport const t = 1;\n";
const targets = ["core", "ports", "node", "client", "config", "cli", "adapters/cbor", "adapters/tls", "adapters/plugin"]
  .map((layer) => `src/${layer}/target.ts`)
  .concat("src/adapters/plugin/api.ts", "src/errors.ts", "src/compose.ts", "test/target.ts");

const typeOf = (from: string) => `import type { T as Other } from "${from}";\nexport type Planted = Other;\n`;
const valueOf = (from: string) => `import { t } from "${from}";\nexport const planted = t;\n`;

/** Each violation: what it is, the file it stands in, its text, and the rule that must name it. */
const violations: readonly (readonly [what: string, file: string, text: string, rule: string])[] = [
  ["a type of node in core", "src/core/a.ts", typeOf("../node/target.ts"), "core-imports"],
  ["a type of a port in core", "src/core/b.ts", `export type P = import("../ports/target.ts").T;\n`, "core-imports"],
  ["an inline type in core", "src/core/c.ts", `export { type T } from "../node/target.ts";\n`, "core-imports"],
  ["the platform in core", "src/core/d.ts", `export { readFileSync } from "node:fs";\n`, "core-imports"],
  ["Bun's modules in core", "src/core/e.ts", `export { Database } from "bun:sqlite";\n`, "core-imports"],
  ["a library in core", "src/core/f.ts", `export { encode } from "cbor-x";\n`, "core-imports"],
  ["what runs in a port", "src/ports/a.ts", valueOf("../core/target.ts"), "ports-types-only"],
  ["an adapter in node", "src/node/a.ts", typeOf("../adapters/tls/target.ts"), "node-imports"],
  ["the platform in node", "src/node/b.ts", `export { randomBytes } from "node:crypto";\n`, "node-imports"],
  ["node in an adapter", "src/adapters/sqlite/a.ts", typeOf("../../node/target.ts"), "sqlite-imports"],
  ["an adapter in another", "src/adapters/sqlite/b.ts", typeOf("../tls/target.ts"), "sqlite-imports"],
  ["the core's code in an adapter", "src/adapters/tls/a.ts", valueOf("../../core/target.ts"), "tls-types-only"],
  ["another's library", "src/adapters/tls/b.ts", `export { parse } from "smol-toml";\n`, "tls-imports"],
  ["compose in client", "src/client/a.ts", typeOf("../compose.ts"), "client-imports"],
  ["core in cli", "src/cli/a.ts", typeOf("../core/target.ts"), "cli-imports"],
  ["cli in config", "src/config/a.ts", typeOf("../cli/target.ts"), "nothing-imports-cli"],
  ["cli in a bench", "bench/a.ts", typeOf("../src/cli/target.ts"), "nothing-imports-cli"],
  ["core in a plugin", "plugins/a/a.ts", typeOf("../../src/core/target.ts"), "plugins-use-the-public-api"],
  ["the API by its path", "plugins/a/b.ts", typeOf("../../src/adapters/plugin/api.ts"), "plugins-use-the-public-api"],
  ["a test in the product", "src/node/c.ts", typeOf("../../test/target.ts"), "nothing-shipped-imports-tests"],
  ["a circle of types", "src/core/h.ts", typeOf("./i.ts"), "no-circles"],
  ["a layer without a rule", "src/misc/a.ts", typeOf("../errors.ts"), "layer-unknown"],
  ["an import of nothing", "src/core/g.ts", typeOf("./nowhere.ts"), "unresolved"],
];

const allowed: readonly (readonly [what: string, file: string, text: string])[] = [
  ["core in core", "src/core/y.ts", valueOf("./target.ts")],
  ["the core's code in node", "src/node/y.ts", valueOf("../core/target.ts")],
  ["the core's types in a port", "src/ports/y.ts", typeOf("../core/target.ts")],
  ["the core's types in an adapter", "src/adapters/tls/y.ts", typeOf("../../core/target.ts")],
  [
    "the core's vocabulary in an adapter",
    "src/adapters/tls/x.ts",
    `export { nodeIdOf } from "../../core/configuration.ts";\n`,
  ],
  ["the codec in the transport", "src/adapters/tls/z.ts", valueOf("../cbor/target.ts")],
  ["the platform in an adapter", "src/adapters/sqlite/y.ts", `export { Database } from "bun:sqlite";\n`],
  ["the API in a plugin", "plugins/a/y.ts", typeOf("graft")],
  ["the whole of it in a test", "test/y.ts", valueOf("../src/cli/target.ts")],
];

interface Found {
  readonly file: string;
  readonly rule: string;
}

let tree = "";
let exitCode: number | null = null;
let found: readonly Found[] = [];

beforeAll(async () => {
  tree = realpathSync(mkdtempSync(join(tmpdir(), "graft-imports-")));
  for (const path of ["src", "plugins", "tsconfig.json", "import-rules.ts", "package.json"]) {
    if (existsSync(join(root, path))) cpSync(join(root, path), join(tree, path), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(tree, "node_modules"));
  for (const file of targets) await plant(file, target);
  // The tool reports a circle once.
  await plant("src/core/i.ts", target + typeOf("./h.ts"));
  for (const [, file, text] of [...violations, ...allowed]) await plant(file, text);
  await verifyImports();
}, 60_000);

afterAll(() => rmSync(tree, { recursive: true, force: true }));

async function plant(file: string, text: string): Promise<void> {
  mkdirSync(dirname(join(tree, file)), { recursive: true });
  await Bun.write(join(tree, file), text);
}

/** Runs in the copy the very stage that CI runs. */
async function verifyImports(): Promise<void> {
  const child = Bun.spawn([process.execPath, join(root, "test/house/verify.ts"), "imports"], {
    cwd: tree,
    env: { ...process.env, NO_COLOR: "1" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  const output = await child.stdout.text();
  exitCode = await child.exited;
  found = Array.from(output.matchAll(/error (\S+): (\S+) →/g), ([, rule = "", file = ""]) => ({ rule, file }));
}

const rulesBrokenIn = (file: string): string[] => found.filter((one) => one.file === file).map(({ rule }) => rule);

test("a planted violation fails the check", () => expect(exitCode).toBe(1));

describe("a planted import is refused", () => {
  for (const [what, file, , rule] of violations) {
    test(`${what}: ${rule}`, () => expect(rulesBrokenIn(file)).toContain(rule));
  }
});

describe("an import of the table is accepted", () => {
  for (const [what, file] of allowed) {
    test(what, () => expect(rulesBrokenIn(file)).toEqual([]));
  }
});
