// A log store against the plainest model of one, an array: a long random run of writes, snapshots, refusals, reads and
// restarts must look the same in both. The seed is in the test's title.
import { expect, test } from "bun:test";
import type { DurableEffect } from "../../src/core/effects.ts";
import type { Entry } from "../../src/core/entry.ts";
import { type LogPosition, logStart } from "../../src/core/log-position.ts";
import type { SnapshotRecord } from "../../src/core/snapshot-record.ts";
import type { LogStore, SavedState } from "../../src/ports/log-store.ts";
import {
  append,
  command,
  configuration,
  ignoreDurable,
  keyOf,
  noop,
  snapshot,
  snapshotAt,
  snapshotInstead,
  truncate,
  vote,
} from "./log-entries.ts";
import type { LogStoreMedium } from "./log-store.contract.ts";

const seeds = [1, 2, 3, 4];
const rounds = 80;

interface Model {
  currentTerm: number;
  votedFor: string | null;
  base: LogPosition & { readonly stampMs: number };
  snapshot: SnapshotRecord | null;
  /** Those after the base. */
  entries: Entry[];
}

const lastOf = ({ base, entries }: Model) => entries.at(-1) ?? base;
const snapshotEnd = ({ snapshot: record }: Model): number => record?.position.index ?? 0;

/** Numbers that look random and are the same for the same seed. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

export function logStoreAgainstModel(name: string, createMedium: () => LogStoreMedium): void {
  test.each(seeds)(`log store against its model: ${name}, seed %i`, (seed) => {
    const draw = generator(seed);
    const medium = createMedium();
    const start = { ...logStart, stampMs: 0 };
    const model: Model = { currentTerm: 0, votedFor: null, base: start, snapshot: null, entries: [] };
    let written = 0;
    let store = medium.open();
    for (let round = 0; round < rounds; round++) {
      const { effects, after } = drawWrite(model, draw);
      store.write(effects, ignoreDurable);
      Object.assign(model, after);
      written += model.entries.length;
      if (draw(4) === 0) cutLog(store, model, draw);
      if (draw(2) === 0) store.reclaim();
      expect(() => store.write([append(command(lastOf(model).index + 2, 99))], ignoreDurable)).toThrow("gap");
      compareRead(store, model, draw);
      if (draw(6) > 0) continue;
      medium.settle(store);
      medium.stop(store);
      store = medium.open();
      expect(store.saved).toMatchObject(savedAsModelled(model));
    }
    expect(written).toBeGreaterThan(200);
    expect(model.base.index).toBeGreaterThan(20);
    while (store.reclaim());
    compareRead(store, model, draw);
    store.close();
    medium.dispose();
  });
}

/** One to four effects, and the model as it must be after them. */
function drawWrite(model: Model, draw: (below: number) => number): { effects: DurableEffect[]; after: Model } {
  const after = { ...model, entries: [...model.entries] };
  const effects = Array.from({ length: 1 + draw(4) }, (): DurableEffect => {
    const choice = draw(8);
    if (choice === 0) {
      const id = draw(2) === 0 ? null : "n2";
      after.currentTerm += 1 + draw(2);
      after.votedFor = id === null ? null : keyOf(id);
      return vote(after.currentTerm, id);
    }
    if (choice === 1) {
      const through = Math.max(snapshotEnd(after), lastOf(after).index - draw(8));
      after.entries = after.entries.filter(({ index }) => index <= through);
      return truncate(through);
    }
    const entries = Array.from({ length: draw(12) }, () => drawEntry(after, draw));
    return append(...entries);
  });
  return { effects, after };
}

function drawEntry(model: Model, draw: (below: number) => number): Entry {
  const last = lastOf(model);
  const index = last.index + 1;
  const term = Math.max(last.term, draw(10) === 0 ? model.currentTerm : 1);
  const kind = draw(10);
  const entry =
    kind === 0
      ? noop(index, term)
      : kind === 1
        ? configuration(index, term, ...["n1", "n2", "n3"].slice(draw(3)))
        : command(index, term, draw(900));
  model.entries.push(entry);
  return entry;
}

/** A snapshot of the log and a base at or below it, or now and then a leader's in its place. */
function cutLog(store: LogStore, model: Model, draw: (below: number) => number): void {
  const last = lastOf(model);
  if (draw(6) === 0) {
    const place = { index: snapshotEnd(model) + 1 + draw(20), term: last.term + draw(2) };
    const effect = snapshotInstead(place, 1 + draw(1000));
    store.write([effect], ignoreDurable);
    const { stampMs } = effect.snapshot;
    Object.assign(model, { base: { ...place, stampMs }, snapshot: effect.snapshot, entries: [] });
    return;
  }
  const held = [model.base, ...model.entries];
  const covered = held.slice(snapshotEnd(model) - model.base.index);
  const end = covered[draw(covered.length)]!;
  if (end.index === 0) return;
  const base = held[draw(end.index - model.base.index + 1)]!;
  const record = snapshotAt(positionOf(end), store.chainAt(end.index));
  store.write([snapshot(record, positionOf(base))], ignoreDurable);
  const entries = model.entries.filter(({ index }) => index > base.index);
  Object.assign(model, { base: { ...positionOf(base), stampMs: base.stampMs }, snapshot: record, entries });
}

const positionOf = ({ index, term }: LogPosition): LogPosition => ({ index, term });

function compareRead(store: LogStore, model: Model, draw: (below: number) => number): void {
  const { base, entries } = model;
  const last = lastOf(model).index;
  expect(() => store.read(base.index, last, 1e9)).toThrow();
  if (entries.length === 0) return;
  expect(store.read(base.index + 1, last, 1e9)).toEqual(entries);
  const at = draw(entries.length);
  const page = store.read(base.index + 1 + at, last, draw(5000));
  expect(page).toEqual(entries.slice(at, at + page.length));
  expect(page.length).toBeGreaterThan(0);
}

function savedAsModelled(model: Model): Partial<SavedState> {
  const { currentTerm, votedFor, base, snapshot: record, entries } = model;
  const last = lastOf(model);
  return {
    currentTerm,
    votedFor: votedFor as SavedState["votedFor"],
    base: positionOf(base),
    snapshot: record,
    last: positionOf(last),
    lastStampMs: last.stampMs,
    termStarts: entries.filter(({ term }, at) => entries[at - 1]?.term !== term).map(positionOf),
    configurations: entries.flatMap((entry) =>
      entry.kind === "configuration" ? [{ position: positionOf(entry), configuration: entry.configuration }] : [],
    ),
  };
}
