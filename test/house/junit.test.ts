// The closing line of a run must not say that all is well when it is not: the counts come from real runs of the test
// runner over files that pass, fail, are skipped, or cannot be loaded at all.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { countTests, type TestCounts } from "./junit.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "graft-junit-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function countsOf(name: string, body: string): Promise<TestCounts> {
  const report = join(folder, `${name}.xml`);
  await Bun.write(join(folder, `${name}.test.ts`), `import { expect, test } from "bun:test";\n${body}\n`);
  const args = ["test", `./${name}.test.ts`, "--reporter=junit", `--reporter-outfile=${report}`];
  const child = Bun.spawn([process.execPath, ...args], {
    cwd: folder,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  return countTests(report, await child.exited);
}

test("tests that pass, fail and are skipped are told apart", async () => {
  const body = `test("a", () => {}); test("b", () => {}); test("c", () => expect(1).toBe(2)); test.skipIf(true)("d", () => {});`;
  expect(await countsOf("mixed", body)).toEqual({ passed: 2, failed: 1, skipped: 1 });
});

test("a file that cannot be loaded is a failure", async () => {
  const counts = await countsOf("broken", `import "./nowhere.ts"; test("a", () => {});`);
  expect(counts.failed).toBeGreaterThan(0);
});

test("an exit code other than 0 is a failure even when every test passed", async () => {
  await countsOf("good", `test("a", () => {});`);
  expect(countTests(join(folder, "good.xml"), 0)).toEqual({ passed: 1, failed: 0, skipped: 0 });
  expect(countTests(join(folder, "good.xml"), 1)).toEqual({ passed: 1, failed: 1, skipped: 0 });
});

test("a report that was never written is a failure", () => {
  expect(countTests(join(folder, "never.xml"), 0)).toEqual({ passed: 0, failed: 1, skipped: 0 });
});
