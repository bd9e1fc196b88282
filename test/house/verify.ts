// What `bun run verify` does, and CI with it: every check of the house, one after the other, then all tests. It changes
// no file that git knows. Given names of stages (`bun run verify lint types`) it runs those alone.
// The last line sums the tests; a stage that fails in any other way counts as one failure, so that the line never
// says that all is well when the exit code does not.
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { countTests, type TestCounts } from "./junit.ts";

interface Stage {
  readonly name: string;
  /** Arguments of Bun: each tool runs on the Bun that runs this file, so that no other runtime is needed. */
  readonly args: readonly string[];
  readonly kind: "check" | "tests";
}

const check = (name: string, ...args: string[]): Stage => ({ name, args, kind: "check" });
const tests = (name: string, ...args: string[]): Stage => ({ name, args: ["test", ...args], kind: "tests" });

/** Where code lives; a folder that is not there yet holds no code. */
const sources = ["src", "plugins", "test", "bench", "build.ts", "demo.ts", "import-rules.ts"].filter((path) =>
  existsSync(path),
);
const stages: readonly Stage[] = [
  check("format", "fmt", "--no-script", "--check"),
  check("lint", "node_modules/oxlint/bin/oxlint"),
  check("types", "check", "--no-script"),
  check("imports", "node_modules/dependency-cruiser/bin/dependency-cruiser.mjs", "-c", "import-rules.ts", ...sources),
  check("dead-code", "node_modules/knip/bin/knip.js"),
  check("build", "build.ts"),
  tests(
    "tests",
    "--parallel",
    "--path-ignore-patterns=test/e2e/**",
    "--path-ignore-patterns=test/seeds/**",
    "--timeout=20000",
  ),
  // Other seeds each time, on all cores.
  tests("seeds", "./test/seeds/"),
  // One file at a time: each starts whole clusters, and two of them would share two cores.
  tests("e2e", "./test/e2e/", "--timeout=60000"),
];

async function runCheck(stage: Stage): Promise<TestCounts> {
  const child = Bun.spawn([process.execPath, ...stage.args], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const output = (await Promise.all([child.stdout.text(), child.stderr.text()])).join("").trim();
  if ((await child.exited) === 0) return { passed: 0, failed: 0, skipped: 0 };
  // Some tools colour what they say whenever CI is set; a log is no terminal.
  console.log(process.stdout.isTTY ? output : Bun.stripANSI(output));
  return { passed: 0, failed: 1, skipped: 0 };
}

async function runTests(stage: Stage): Promise<TestCounts> {
  const folder = mkdtempSync(join(tmpdir(), "graft-verify-"));
  const report = join(folder, "junit.xml");
  try {
    const args = [...stage.args, "--only-failures", "--reporter=junit", `--reporter-outfile=${report}`];
    const child = Bun.spawn([process.execPath, ...args], { stdin: "ignore", stdout: "inherit", stderr: "inherit" });
    return countTests(report, await child.exited);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function verify(chosen: readonly Stage[]): Promise<boolean> {
  const total = { passed: 0, failed: 0, skipped: 0 };
  const failures: string[] = [];
  for (const stage of chosen) {
    const startedMs = performance.now();
    const counts = stage.kind === "check" ? await runCheck(stage) : await runTests(stage);
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    console.log(`${counts.failed === 0 ? "✓" : "✗"} ${stage.name.padEnd(10)} ${seconds.padStart(6)} s`);
    if (counts.failed > 0) failures.push(stage.name);
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped += counts.skipped;
  }
  if (failures.length > 0) console.log(`\nfailed: ${failures.join(", ")}`);
  console.log(
    `\n${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ""}`,
  );
  return failures.length === 0;
}

const names = process.argv.slice(2);
const unknown = names.filter((name) => !stages.some((stage) => stage.name === name));
if (unknown.length > 0) {
  console.error(`no stage ${unknown.join(", ")}; there are ${stages.map((stage) => stage.name).join(", ")}`);
  process.exit(2);
}
const isChosen = ({ name }: Stage): boolean => names.length === 0 || names.includes(name);
const ok = await verify(stages.filter(isChosen));
process.exit(ok ? 0 : 1);
