// What does damage do to the disk of a simulated machine, besides what was done to it before?
import { expect, test } from "bun:test";
import { Chance } from "../../src/sim/chance.ts";
import { Life } from "../../src/sim/life.ts";
import { MachineDisk } from "../../src/sim/machine-disk.ts";
import { Schedule } from "../../src/sim/schedule.ts";
import { append, commands, ignoreDurable, vote } from "../contracts/log-entries.ts";

const entries = 20;

test("an entry that has changed stays so when others change after it", () => {
  const chance = new Chance(1);
  const life = new Life(new Schedule(), chance);
  const disk = new MachineDisk(chance, { inlineWrites: 1, diskMs: { low: 1, high: 1 } });
  const { store, data } = disk.open("n1", life);
  store.write([vote(1, "n1"), append(...commands(1, entries, 1))], ignoreDurable);
  disk.crash(false);

  const seen = new Set<number>();
  for (let times = 0; times < entries; times++) {
    expect(disk.damage("flipEntry")).toBe(true);
    for (const index of seen) expect(data.rotten).toContain(index);
    for (const index of data.rotten) seen.add(index);
  }
  expect(seen.size).toBeGreaterThan(2);
  expect(data.rotten).toEqual([...seen].sort((one, other) => one - other));
});
