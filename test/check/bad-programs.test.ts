// Each bad program is found, by the check that is there for it. What is right passes.
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { checkProgram, type ProgramFinding } from "../../src/check/programs/program-check.ts";

const patienceMs = 120_000;

interface Ran {
  readonly found: ProgramFinding | null;
  readonly passed: readonly string[];
}

async function check(flaw: string, runs: number): Promise<Ran> {
  const passed: string[] = [];
  const command = [process.execPath, join(import.meta.dir, "bad-program.ts"), flaw];
  const found = await checkProgram({
    location: { command, directory: import.meta.dir },
    seed: 1,
    runs,
    loaded: async () => {},
    passed: async ({ name }, times) => void passed.push(times === null ? `no ${name}` : name),
  });
  return { found, passed };
}

describe("a bad program is found", () => {
  test.each([
    ["dies", "runs", "a command fails", "it ended before it answered (exit code 7)"],
    ["fails", "runs", "a command fails", "failed at entry 4 (term 1), the command add: no such key"],
    ["prints", "runs", "a command fails", 'it wrote "added" to its standard output, which is no message'],
    ["hangs", "runs", "the program does not answer", "for 4 seconds"],
    ["unsendable", "runs", "a result cannot be sent", "the result cannot be sent: "],
    ["snapshot", "runs", "a snapshot fails", "failed at a snapshot: no memory"],
    ["query", "reads", "a query changes the state", "after: "],
    ["rejected", "reads", "a command that is rejected changes the state", "after: "],
    ["thawed", "reads", "a command changes a snapshot that was taken before it", "read after the command: "],
    ["unsorted", "reads", "two snapshots of the same state differ", "the second: "],
    ["clock", "repeat", "the same commands come to something else in another process", "the answer differs"],
    ["chance", "repeat", "the same commands come to something else in another process", "the answer differs"],
    ["place", "place", "the same commands come to something else in another environment", "in another one: "],
    ["batch", "batch", "the same commands come to something else when they come together", "together, without reply: "],
    ["reply", "batch", "the same commands come to something else when they come together", "together, without reply: "],
    ["forgets", "restart", "a snapshot and its restore lose something", "restored in a new process: "],
    ["keeps", "restore", "a restore leaves something of the state before", "a used one: "],
  ])(
    "%s",
    async (flaw, by, rule, line) => {
      const { found } = await check(flaw, 12);
      expect(found).toMatchObject({ check: { name: by }, fault: { rule } });
      expect(found!.fault.lines.join("\n")).toContain(line);
      expect(found!.fault.remedy).not.toBe("");
      expect(found!.steps.length).toBeLessThanOrEqual(12);
    },
    patienceMs,
  );

  test(
    "a clock that shows seconds",
    async () => {
      const { found } = await check("seconds", 1);
      // The second may end between two plays that follow each other, too.
      expect(found!.fault.rule).toMatch(/^(?:the same commands come to something else|two snapshots|a .* lose)/);
      expect(found!.fault.remedy).not.toBe("");
    },
    patienceMs,
  );
});

test(
  "a program that keeps its promises passes all checks",
  async () => {
    expect(await check("good", 12)).toEqual({
      found: null,
      passed: ["runs", "reads", "repeat", "place", "batch", "restart", "restore", "later"],
    });
  },
  patienceMs,
);

test(
  "what needs snapshots is left out for a program without any",
  async () => {
    expect(await check("bare", 1)).toEqual({
      found: null,
      passed: ["runs", "no reads", "repeat", "place", "batch", "no restart", "no restore", "later"],
    });
  },
  patienceMs,
);
