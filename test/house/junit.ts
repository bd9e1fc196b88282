// How many tests passed, failed and were skipped, read from the JUnit report that `bun test` writes. A report that is
// missing or that does not have the expected shape is a failure, never a run without tests.
import { XML } from "bun";
import { existsSync, readFileSync } from "node:fs";

export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Counts the tests of a report. With an exit code other than 0 at least one failure is counted. */
export function countTests(report: string, exitCode: number): TestCounts {
  const counts = existsSync(report) ? countsIn(readFileSync(report, "utf8")) : { passed: 0, failed: 1, skipped: 0 };
  // A file that cannot be loaded, or an error between two tests, fails the run and names no test.
  return exitCode !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}

function countsIn(xml: string): TestCounts {
  const document: unknown = XML.parse(xml);
  const [all, failed, skipped] = ["@tests", "@failures", "@skipped"].map((name) => numberAt(document, name));
  if (all === undefined || failed === undefined || skipped === undefined) throw new Error("not a JUnit report");
  return { passed: all - failed - skipped, failed, skipped };
}

function numberAt(document: unknown, attribute: string): number | undefined {
  const suites = (document as { testsuites?: Record<string, unknown> }).testsuites;
  const value = Number(suites?.[attribute] ?? Number.NaN);
  return Number.isInteger(value) ? value : undefined;
}
