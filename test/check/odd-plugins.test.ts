// Plugins that end their thread, or cannot be tried out: each comes to an end with a sentence that says what to do.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runs } from "../../src/check/checks/runs.ts";
import { locatePlugin } from "../../src/adapters/plugin/loader.ts";
import { Player } from "../../src/check/player.ts";
import { remedies } from "../../src/check/remedies.ts";
import { runCheck } from "../../src/check/plugin-check.ts";
import type { Found } from "../../src/check/search.ts";

const patienceMs = 60_000;
const anySchema = `{ "~standard": { version: 1, vendor: "other", validate: (value) => ({ value }) } }`;

/** The definition of a plugin with one command, `go`. */
const plugin = (go: string, before = ""): string => `import { defineStateMachine, v } from "graft";
${before}
export default defineStateMachine({ name: "odd", version: "1", create: () => ({ n: 0 }), queries: {}, commands: { go: { ${go} } } });
`;

const plugins = {
  exits: plugin("input: v.object({}), apply: () => process.exit(3)"),
  other: plugin(`input: ${anySchema}, apply: (state) => state.n++`),
  example: plugin(
    `input: ${anySchema}, example: (draw) => draw.integer(2, 9), apply: (state, n) => { if (n > 3) throw new Error("more than three"); }`,
  ),
  refused: plugin(
    "input: v.pipe(v.number(), v.maxValue(298)), example: (draw) => draw.integer(0, 300), apply: (state) => state.n++",
  ),
  leaves: plugin(
    'input: v.object({}), apply: (state) => { void (async () => { throw new Error("left behind"); })(); return state.n++; }',
  ),
  ticks: plugin(
    "input: v.object({}), apply: (state) => state.n++",
    'setInterval(() => { throw new Error("a tick"); }, 1);',
  ),
  dated: plugin("input: v.object({}), apply: (state, _, ctx) => void (state.at = new Date(ctx.timeMs))").replace(
    "queries:",
    "snapshot: (state) => [state], restore: (state, item) => void Object.assign(state, item), queries:",
  ),
  endless: plugin("input: v.object({}), apply: () => 1", "for (;;);"),
  awaits: plugin(
    "input: v.object({}), apply: (state) => (state.n += three)",
    "const three = await Promise.resolve(3);",
  ),
};

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "graft-odd-"));
  for (const [name, text] of Object.entries(plugins)) writeFileSync(join(folder, `${name}.ts`), text);
});
afterAll(() => rmSync(folder, { recursive: true }));

async function checked(name: keyof typeof plugins): Promise<Found | null> {
  const location = locatePlugin(`./${name}.ts`, folder);
  const player = new Player(location, 2);
  try {
    const { whyShared } = await player.load();
    expect(whyShared === null).toBe(name !== "awaits");
    return await runCheck(runs, { player, location, program: [] }, { seed: 1, runs: 20 });
  } finally {
    player.close();
  }
}

const told = (found: Found | null) =>
  found && [found.fault.rule, ...found.steps.map(({ text }) => text), found.fault.remedy];

test(
  "a plugin that ends its thread is named with the command",
  async () => {
    const remedy = expect.stringContaining("no process.exit");
    expect(told(await checked("exits"))).toEqual(["the plugin ends its thread", "the command go {}", remedy]);
  },
  patienceMs,
);

test(
  "a schema of another library needs an example, and inputs of an example shrink",
  async () => {
    await expect(checked("other")).rejects.toThrow(
      /No inputs can be drawn for the plugin .*other\.ts:\n {2}the command go: its schema is of other; it needs an example/,
    );
    const found = await checked("example");
    expect(found?.fault.lines).toEqual(["Error: more than three"]);
    expect(found?.steps.map(({ text }) => text)).toEqual(["the command go 4"]);
  },
  patienceMs,
);

test(
  "an example that its schema seldom accepts is named, and is no mistake in Graft",
  async () => {
    await expect(checked("refused")).rejects.toMatchObject({
      code: "plugin",
      message: expect.stringMatching(/refused\.ts:\n {2}the command go: its schema refuses its example: /),
    });
  },
  patienceMs,
);

test(
  "a promise that a handler leaves rejected is a mistake of the plugin",
  async () => {
    const found = await checked("leaves");
    expect(found?.fault.lines).toEqual(["Error: left behind"]);
    expect(told(found)).toEqual([
      "the plugin fails outside of its functions",
      "the command go {}",
      remedies.leftBehind,
    ]);
  },
  patienceMs,
);

test(
  "a timer of the module that fails between two lists is a mistake of the plugin",
  () => {
    // In a process of its own: a thread of a test ends with any error that nothing catches.
    const main = join(import.meta.dir, "../../src/cli/main.ts");
    const { exitCode, stderr } = Bun.spawnSync([process.execPath, main, "plugin", "check", join(folder, "ticks.ts")]);
    expect({ exitCode, told: stderr.toString() }).toEqual({
      exitCode: 1,
      told: expect.stringMatching(/the plugin fails outside of its functions\n {2}check \w+: [^]*Error: a tick/),
    });
  },
  patienceMs,
);

test(
  "a snapshot with a value that cannot be written is told what an item may be",
  async () => {
    expect(told(await checked("dated"))).toEqual(["a snapshot fails", "the command go {}", remedies.unwritable]);
  },
  patienceMs,
);

test(
  "a module that never ends to load is named",
  async () => {
    await expect(checked("endless")).rejects.toThrow(/endless\.ts does not return from: the top level of its module/);
  },
  patienceMs,
);

test(
  "a module that awaits at its top level is checked as far as that goes",
  async () => expect(await checked("awaits")).toBeNull(),
  patienceMs,
);
