// A log store against the plainest model of one, an array: a long random run of writes, refusals, reads and restarts
// must look the same in both. The seed is in the test's title.
import { expect, test } from "bun:test";
import type { DurableEffect } from "../../src/core/effects.ts";
import type { Entry } from "../../src/core/entry.ts";
import type { LogPosition } from "../../src/core/log-position.ts";
import type { LogStore, SavedState } from "../../src/ports/log-store.ts";
import { append, command, configuration, ignoreDurable, keyOf, noop, truncate, vote } from "./log-entries.ts";
import type { LogStoreMedium } from "./log-store.contract.ts";

const seeds = [1, 2, 3];
const rounds = 60;

interface Model {
  currentTerm: number;
  votedFor: string | null;
  entries: Entry[];
}

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
    const model: Model = { currentTerm: 0, votedFor: null, entries: [] };
    let store = medium.open();
    for (let round = 0; round < rounds; round++) {
      const { effects, after } = drawWrite(model, draw);
      store.write(effects, ignoreDurable);
      Object.assign(model, after);
      expect(() => store.write([append(command(model.entries.length + 2, 99))], ignoreDurable)).toThrow("gap");
      compareRead(store, model, draw);
      if (draw(6) > 0) continue;
      medium.settle(store);
      medium.stop(store);
      store = medium.open();
      expect(store.saved).toMatchObject(savedAsModelled(model));
    }
    expect(model.entries.length).toBeGreaterThan(20);
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
      const through = Math.max(0, after.entries.length - draw(8));
      after.entries = after.entries.slice(0, through);
      return truncate(through);
    }
    const entries = Array.from({ length: draw(12) }, () => drawEntry(after, draw));
    return append(...entries);
  });
  return { effects, after };
}

function drawEntry(model: Model, draw: (below: number) => number): Entry {
  const index = model.entries.length + 1;
  const term = Math.max(model.entries.at(-1)?.term ?? 1, draw(10) === 0 ? model.currentTerm : 1);
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

function compareRead(store: LogStore, { entries }: Model, draw: (below: number) => number): void {
  if (entries.length === 0) return;
  expect(store.read(1, entries.length, 1e9)).toEqual(entries);
  const first = 1 + draw(entries.length);
  const page = store.read(first, entries.length, draw(5000));
  expect(page).toEqual(entries.slice(first - 1, first - 1 + page.length));
  expect(page.length).toBeGreaterThan(0);
}

function savedAsModelled({ currentTerm, votedFor, entries }: Model): Partial<SavedState> {
  const positions = entries.map(({ index, term }): LogPosition => ({ index, term }));
  return {
    currentTerm,
    votedFor: votedFor as SavedState["votedFor"],
    last: positions.at(-1) ?? { index: 0, term: 0 },
    lastStampMs: entries.at(-1)?.stampMs ?? 0,
    termStarts: positions.filter(({ index, term }) => entries[index - 2]?.term !== term),
    configurations: entries.flatMap((entry) =>
      entry.kind === "configuration"
        ? [{ position: positions[entry.index - 1]!, configuration: entry.configuration }]
        : [],
    ),
  };
}
