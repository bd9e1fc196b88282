// When must a leader that is left with an expired certificate hand over, once all faults are over?
import { expect, test } from "bun:test";
import kv from "../../plugins/kv/index.ts";
import { checkDefinition } from "../../src/adapters/plugin/definition-check.ts";
import { leadersHandOverInTime } from "../../src/sim/hand-over-time.ts";
import { simulateWhole } from "../../src/sim/simulate.ts";
import { chancesOf, paceFor } from "../../src/sim/story.ts";

const paceOf = (seed: number) => paceFor({}, chancesOf(seed));

/** One election timeout: 100 ms. A window of one entry, slow disks, and six clients. */
const seed = 44_000_085;
const slow = paceOf(seed);

test("not while each entry waits for the one before it, and takes nearly an election timeout", () => {
  expect(leadersHandOverInTime(slow)).toBe(false);
});

test("when entries go together, over a fast disk and network", () => {
  const { member, network, workload } = slow;
  const settings = { ...member.settings, windowEntriesMax: 16 };
  const disk = { inlineWrites: 0, diskMs: { low: 0.1, high: 10 } };
  expect(leadersHandOverInTime({ network, workload, member: { ...member, settings, disk } })).toBe(true);
  expect(leadersHandOverInTime({ network, workload, member: { ...member, disk } })).toBe(false);
  expect(leadersHandOverInTime({ network, workload, member: { ...member, settings } })).toBe(false);
});

test("with one client, though each of its entries goes alone", () => {
  const { member, network, workload } = slow;
  const disk = { inlineWrites: 1, diskMs: member.disk.diskMs };
  const one = { ...workload, clients: 1, atOnce: 1 };
  expect(leadersHandOverInTime({ network, workload: one, member: { ...member, disk } })).toBe(true);
  const slowly = { ...network, delayMs: { low: 1, high: 60 } };
  expect(leadersHandOverInTime({ network: slowly, workload: one, member: { ...member, disk } })).toBe(false);
});

test("in most seeds", () => {
  const seeds = Array.from({ length: 200 }, (_, nth) => nth + 1);
  expect(seeds.filter((each) => leadersHandOverInTime(paceOf(each))).length).toBeGreaterThan(150);
});

test("where it has no time for it every certificate is renewed", () => {
  const lines: string[] = [];
  simulateWhole({ seed, plugin: checkDefinition(kv), events: 5000, trace: (line) => lines.push(line) });
  const quiet = lines.slice(lines.findIndex((line) => line.endsWith("all faults have ended")));
  expect(quiet.filter((line) => line.includes("is left to expire"))).toEqual([]);
  expect(quiet.some((line) => line.endsWith("n3 gets a new certificate"))).toBe(true);
}, 60_000);
