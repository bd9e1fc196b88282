// A check that is interrupted leaves no state on disk behind.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../e2e/test-cluster.ts";

const main = join(import.meta.dir, "../../src/cli/main.ts");
const plugin = join(import.meta.dir, "good/tally.ts");
let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "graft-interrupted-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const states = (): readonly string[] => readdirSync(folder).filter((name) => name.startsWith("graft-state-"));

test.each([
  ["SIGTERM", 143],
  ["SIGINT", 130],
] as const)(
  "%s removes the temporary folders of a check",
  async (signal, exitCode) => {
    const check = Bun.spawn([process.execPath, main, "plugin", "check", plugin, "--runs", "1000000"], {
      env: { ...process.env, TMPDIR: folder },
      stdio: ["ignore", "ignore", "ignore"],
    });
    await until("the check has made a state", () => states().length > 0);
    check.kill(signal);
    expect(await check.exited).toBe(exitCode);
    expect(states()).toEqual([]);
  },
  60_000,
);
