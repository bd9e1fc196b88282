// Writes that look like those of a node's life, the same for the same seed, so that a test knows what a process has written
// that it has killed: small and large batches, now and then a term, a vote, or a truncation.
import type { MemberKey } from "../../../src/core/configuration.ts";
import type { DurableEffect } from "../../../src/core/effects.ts";
import type { Term } from "../../../src/core/log-position.ts";
import { append, command, found, keyOf, truncate, vote } from "../../contracts/log-entries.ts";

/** What is in the log after some of the writes. */
export interface Written {
  readonly currentTerm: Term;
  readonly votedFor: MemberKey | null;
  /** The entries from index 1 on: of which term and of how many bytes each is. */
  readonly entries: readonly { readonly term: Term; readonly bytes: number }[];
}

export type Draw = (below: number) => number;

const nothingWritten: Written = { currentTerm: 0, votedFor: null, entries: [] };

/** Numbers that look random and are the same for the same seed (mulberry32). */
export function drawFrom(seed: number): Draw {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** Each write, and what has been written with it. The first one founds the cluster. */
export function* randomWrites(
  seed: number,
): Generator<{ readonly effects: readonly DurableEffect[]; readonly after: Written }> {
  const draw = drawFrom(seed);
  let written = nothingWritten;
  for (let count = 0; ; count++) {
    const effects: DurableEffect[] = count === 0 ? [found()] : [];
    if (count === 0 || draw(20) === 0) {
      const id = `n${1 + draw(3)}`;
      written = { ...written, currentTerm: written.currentTerm + 1, votedFor: keyOf(id) };
      effects.push(vote(written.currentTerm, id));
    }
    const length = written.entries.length;
    if (length > 3 && draw(30) === 0) {
      written = { ...written, entries: written.entries.slice(0, length - 1 - draw(3)) };
      effects.push(truncate(written.entries.length));
    }
    const bytes = draw(12) === 0 ? 20_000 : 24 + draw(400);
    const fresh = Array.from({ length: 1 + draw(draw(10) === 0 ? 40 : 3) }, () => ({
      term: written.currentTerm,
      bytes,
    }));
    const first = written.entries.length + 1;
    effects.push(append(...fresh.map((entry, at) => command(first + at, entry.term, entry.bytes))));
    written = { ...written, entries: [...written.entries, ...fresh] };
    yield { effects, after: written };
  }
}
