// `graft plugin new` and `graft plugin check` of the compiled binary: a new plugin passes its own test and all checks, without a network, and
// a mistake in it is found.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { graft, type Ran, temporaryFolder } from "./test-cluster.ts";

const patienceMs = 180_000;
let folder: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  const { exitCode, stdout } = await graft(["plugin", "new", "tasks"], { cwd: folder });
  expect({ exitCode, stdout }).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("graft plugin check .") });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a folder that cannot be made is said in a sentence", async () => {
  symlinkSync(join(folder, "is not there", "stock"), join(folder, "stock"));
  const { exitCode, stderr } = await graft(["plugin", "new", "stock"], { cwd: folder });
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(
    /^error: stock\/\S+ cannot be written in .* \([A-Z]+\); go to a folder where you may write, or choose another NAME\n/,
  );
});

const check = (args: readonly string[], cwd = folder): Promise<Ran> => graft(["plugin", "check", ...args], { cwd });

test(
  "the test of a new plugin passes with bun alone, where no package can be fetched",
  () => {
    const { exitCode, stderr } = Bun.spawnSync([process.execPath, "test", "--no-install"], {
      cwd: join(folder, "tasks"),
      env: { PATH: process.env["PATH"] ?? "", HOME: folder, BUN_CONFIG_REGISTRY: "http://127.0.0.1:9/" },
    });
    expect({ exitCode, told: stderr.toString() }).toEqual({
      exitCode: 0,
      told: expect.stringContaining("3 pass"),
    });
    expect(existsSync(join(folder, "tasks/node_modules"))).toBe(false);
  },
  patienceMs,
);

test(
  "a new plugin passes all checks, and the seed is named",
  async () => {
    const { exitCode, stdout, stderr } = await check([".", "--seed", "5", "--runs", "20"], join(folder, "tasks"));
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect([...(stdout.match(/^ok {2}\w+/gm) ?? [])]).toEqual(
      ["runs", "reads", "repeat", "restart", "restore", "engine", "hosts", "place"].map((name) => `ok  ${name}`),
    );
    expect(stdout).toEndWith("seed 5\n");
  },
  patienceMs,
);

test(
  "a mistake is found, with the file, the field, the remedy and the command that shows it again",
  async () => {
    const text = readFileSync(join(folder, "tasks/tasks.ts"), "utf8");
    mkdirSync(join(folder, "its mine"));
    writeFileSync(join(folder, "its mine/tasks.ts"), text.replace("      yield done;\n", ""));
    const { exitCode, stderr, stdout } = await check(["its mine/tasks.ts", "--runs", "30"]);
    expect(exitCode).toBe(1);
    expect([...(stdout.match(/^ok {2}\w+/gm) ?? [])]).toEqual(["ok  runs", "ok  reads", "ok  repeat"]);
    expect(stderr).toMatch(
      /^error: its mine\/tasks\.ts: a snapshot and its restore lose something\n {2}check restart: /,
    );
    expect(stderr).toMatch(
      /1\. the command add \{"title":"a"\}\n {2}2\. the command finish \{"title":"a"\}\n {2}the answer differs|in: \.done/,
    );
    const [, command = ""] = /See it again: graft (.*)\n/.exec(stderr) ?? [];
    const [, seed = ""] = /^plugin check 'its mine\/tasks\.ts' --seed (\d+) --runs 30$/.exec(command) ?? [];
    const again = await check(["its mine/tasks.ts", "--seed", seed, "--runs", "30", "--json"]);
    expect(again.exitCode).toBe(1);
    const { error } = JSON.parse(again.stdout) as { error: Record<string, unknown> };
    expect(error).toMatchObject({
      check: "restart",
      field: ".done",
      remedy: expect.stringContaining(".done"),
      seed: Number(seed),
    });
    expect(stderr).toContain((error["details"] as readonly string[]).join("\n  "));
  },
  patienceMs,
);

test(
  "a command that never returns is named, and the check ends",
  async () => {
    writeFileSync(
      join(folder, "spin.ts"),
      `import { defineStateMachine, v } from "graft";
       export default defineStateMachine({ name: "spin", version: "1.0.0", create: () => ({}), queries: {},
         commands: { wait: { input: v.picklist([1]), apply: () => { for (;;); } } } });`,
    );
    const { exitCode, stderr } = await check(["spin.ts"]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /a function does not return\n[^]*1\. the command wait 1\n {2}in: the command wait 1\n[^]*Give each loop/,
    );
  },
  patienceMs,
);

test("what cannot be checked is refused with a sentence", async () => {
  const cases: readonly (readonly [args: readonly string[], exitCode: number, told: RegExp])[] = [
    [["check"], 2, /FILE is missing/],
    [["check", "nothing.ts"], 1, /nothing\.ts cannot be used: it does not exist[^]*Correct the plugin, or its path/],
    [["check", "kv", "--seed", "x"], 2, /--seed "x": not a whole number/],
    [["check", "kv", "--runs", "0"], 2, /--runs "0": not a whole number from 1/],
    [["new"], 2, /NAME is missing/],
    [["new", "Tasks"], 2, /NAME "Tasks": it may have small letters/],
    [["new", "kv"], 2, /NAME "kv": a plugin of this name ships/],
    [["new", "tasks"], 2, /tasks exists already; choose another name/],
  ];
  for (const [args, exitCode, told] of cases) {
    const ran = await graft(["plugin", ...args], { cwd: folder });
    expect({ args, exitCode: ran.exitCode, stderr: ran.stderr }).toEqual({
      args,
      exitCode,
      stderr: expect.stringMatching(told),
    });
  }
});
