// A part of what `bun bench/damage.ts` does with 500: damage to the WAL is noticed, or does no harm.
import { expect, test } from "bun:test";
import { damageWals } from "./wal-damage.ts";

const seed = 20261126;
const runs = 60;

test(`P46: of ${runs} random damages to a WAL none loses anything silently (seed ${seed})`, async () => {
  const { wrong, silent, kept, refills, lostBySqlite } = await damageWals(seed, runs);
  expect(wrong).toEqual([]);
  expect({ silent, all: kept + refills }).toEqual({ silent: 0, all: runs });
  // Without the mark and the examination there would have been losses: the damage is real.
  expect(lostBySqlite).toBeGreaterThan(runs / 5);
}, 300_000);
