// The chained checksum of the logs of tests: what a store computes with a real hash, cheap enough for millions of entries.
import type { Entry } from "../../src/core/entry.ts";
import type { Chains } from "../../src/core/histories.ts";

/** The checksum after `entry`, when `before` is the one of the entry before it. Log and payload decide it alone. */
function nextChain(before: number, entry: Entry): number {
  let hash = mix(mix(mix(before, entry.index), entry.term), entry.stampMs);
  hash = mix(hash, entry.kind.length);
  if (entry.kind === "command") for (const byte of entry.payload) hash = mix(hash, byte);
  return hash >>> 0;
}

/** The checksum at `index` of a log that is complete from its first entry on. */
export const chainAt = (log: readonly Entry[], index: number): number =>
  log.slice(0, index).reduce((chain, entry) => nextChain(chain, entry), 0);

/** The chained checksums of such a log. */
export const chainsOf = (log: readonly Entry[]): Chains => ({
  chainAt: (index) => chainAt(log, index),
  chainAfter: nextChain,
});

const mix = (hash: number, value: number): number => Math.imul((hash ^ value) >>> 0, 0x9e3779b1) ^ (hash >>> 15);
