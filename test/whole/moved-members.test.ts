// Does the simulated administrator do for moved members what docs/operations.md tells a real one to do?
import { expect, test } from "bun:test";
import kv from "../../plugins/kv/index.ts";
import { checkDefinition } from "../../src/adapters/plugin/definition-check.ts";
import { simulateWhole } from "../../src/sim/simulate.ts";

/** Where each machine that has moved is in the end, and which addresses the administrator has announced by then. */
function movesOf(seed: number): { readonly moved: readonly string[]; readonly announced: readonly string[] } {
  const moved = new Map<string, string>();
  const announced: string[] = [];
  const trace = (line: string): void => {
    const { id, at } = /(?<id>n\d+) is at (?<at>\S+) now$/u.exec(line)?.groups ?? {};
    if (id !== undefined) moved.set(id, at!);
    if (!line.includes("the administrator asks for")) return;
    for (const [, address] of line.matchAll(/"address":"(?<address>[^"]+)"/gu)) announced.push(address!);
  };
  simulateWhole({ seed, plugin: checkDefinition(kv), events: 1500, story: { faults: ["move"] }, trace });
  return { moved: [...moved.values()], announced };
}

test("when the faults are over every member that has moved is announced", () => {
  let count = 0;
  for (let seed = 1; seed <= 15; seed++) {
    const { moved, announced } = movesOf(seed);
    expect(announced).toEqual(expect.arrayContaining([...moved]));
    count += moved.length;
  }
  expect(count).toBeGreaterThan(3);
}, 240_000);
