// What every log store must do, wherever it keeps the log: the duties that its port lists, one after the other.
// What only a file can do or suffer is in test/adapters/sqlite/.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { entryBytes } from "../../src/core/entry.ts";
import { GraftError } from "../../src/errors.ts";
import type { LogStore, SavedState } from "../../src/ports/log-store.ts";
import {
  append,
  command,
  commands,
  configuration,
  configurationOf,
  found,
  genesis,
  ignoreDurable,
  keyOf,
  noop,
  sessionEntries,
  truncate,
  vote,
} from "./log-entries.ts";

/** One node's disk and the ways to start from it. */
export interface LogStoreMedium {
  open(): LogStore;
  /** Makes durable what has been written so far. */
  settle(store: LogStore): void;
  /** Stops the store as a stop of the process would, after `settle`. */
  stop(store: LogStore): void;
  /** Keeps a copy of the data of a stopped store, and of nothing beside it. */
  copy(): void;
  /** Puts the copy in the place of the data. */
  putBack(): void;
  /** Loses all of the data, but not what is remembered beside it. */
  loseData(): void;
  /** Loses what is remembered beside the data. */
  loseMark(): void;
  dispose(): void;
}

export function logStoreContract(name: string, createMedium: () => LogStoreMedium): void {
  describe(`log store contract: ${name}`, () => {
    let medium: LogStoreMedium;
    let store: LogStore;

    beforeEach(() => {
      medium = createMedium();
      store = medium.open();
    });
    afterEach(() => {
      store.close();
      medium.dispose();
    });

    const write = (...effects: Parameters<LogStore["write"]>[0]): void => void store.write(effects, ignoreDurable);
    const reopen = (): SavedState => {
      medium.settle(store);
      medium.stop(store);
      store = medium.open();
      return store.saved;
    };
    const refusal = (work: () => unknown): string => {
      let thrown: unknown = null;
      try {
        work();
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(GraftError);
      const error = thrown as GraftError;
      expect(error.code).toBe("storage");
      return error.message;
    };

    describe("at the first start", () => {
      test("nothing is there but an incarnation, which stays the same", () => {
        const { incarnation, ...rest } = store.saved;
        expect(incarnation).toMatch(/^[0-9a-f]{32}$/);
        expect(rest).toEqual({
          genesis: null,
          currentTerm: 0,
          votedFor: null,
          base: { index: 0, term: 0 },
          baseConfiguration: null,
          baseActivation: null,
          snapshot: null,
          last: { index: 0, term: 0 },
          lastStampMs: 0,
          termStarts: [],
          configurations: [],
          activations: [],
          removed: null,
          refill: null,
        });
        expect(reopen().incarnation).toBe(incarnation);
      });

      test("another disk has another incarnation", () => {
        const other = createMedium();
        const otherStore = other.open();
        expect(otherStore.saved.incarnation).not.toBe(store.saved.incarnation);
        otherStore.close();
        other.dispose();
      });
    });

    describe("reopened", () => {
      test("it finds what is saved, as the next start would, and goes on from there", () => {
        write(found(), vote(3, "n2"), append(...commands(1, 5, 1), configuration(6, 2, "n1"), ...commands(7, 9, 3)));
        medium.settle(store);
        const found1 = store.reopen();
        write(truncate(8), append(...commands(9, 10, 4)), vote(4, null));
        medium.settle(store);
        const found2 = store.reopen();
        expect(found1).toMatchObject({ currentTerm: 3, last: { index: 9, term: 3 } });
        expect(found2).toEqual(reopen());
        expect(found2).toMatchObject({ currentTerm: 4, last: { index: 10, term: 4 } });
        expect(store.read(9, 10, 1e9)).toEqual(commands(9, 10, 4));
      });

      test("a write of before is not confirmed any more", () => {
        let isReopened = false;
        const late: string[] = [];
        store.write([vote(3, "n2")], () => void (isReopened && late.push("vote")));
        store.write([found(), append(...commands(1, 5, 1))], () => void (isReopened && late.push("entries")));
        store.reopen();
        isReopened = true;
        write(vote(4, null));
        medium.settle(store);
        expect([late, reopen()]).toEqual([[], expect.objectContaining({ currentTerm: 4 })]);
      });
    });

    describe("what is remembered", () => {
      test("P2: term and vote come back together", () => {
        write(vote(3, "n2"));
        expect(reopen()).toMatchObject({ currentTerm: 3, votedFor: keyOf("n2") });
        write(vote(4, null));
        expect(reopen()).toMatchObject({ currentTerm: 4, votedFor: null });
      });

      test("a vote and the entries that go with it come back together", () => {
        write(vote(2, "n1"), append(...commands(1, 3, 2)), vote(3, "n3"));
        expect(reopen()).toMatchObject({ currentTerm: 3, votedFor: keyOf("n3"), last: { index: 3, term: 2 } });
      });

      test("the genesis comes back, and time starts with it", () => {
        write(found());
        expect(reopen()).toMatchObject({ genesis, lastStampMs: genesis.foundedAtMs });
      });

      test("a second genesis is refused and changes nothing", () => {
        write(found());
        const other = { ...genesis, clusterUuid: "00000000000000000000000000000000" };
        refusal(() => write(found(other)));
        refusal(() => write(vote(9, "n9"), found(other)));
        write(append(command(1, 1)));
        expect(reopen()).toMatchObject({ genesis, currentTerm: 0, last: { index: 1, term: 1 } });
      });

      test("that the node has been removed comes back, with the configuration that says so", () => {
        const by = { position: { index: 1, term: 1 }, configuration: configurationOf("n1", "n2") };
        write(append(configuration(1, 1, "n1", "n2")), { kind: "writeRemoved", ticket: 2, ...by });
        expect(reopen().removed).toEqual(by);
        expect(refusal(() => write({ kind: "writeRemoved", ticket: 3, ...by }))).toContain("removed already");
      });

      test("entries of every kind come back as they were written", () => {
        const entries = [
          noop(1, 1),
          configuration(2, 1, "n1", "n2"),
          command(3, 1, 0),
          command(4, 2, 1),
          command(5, 2, 70_000),
          ...sessionEntries(6, 2),
        ];
        write(append(...entries));
        const { index, stampMs } = entries.at(-1)!;
        expect(store.read(1, index, 1e9)).toEqual(entries);
        expect(reopen()).toMatchObject({ last: { index, term: 2 }, lastStampMs: stampMs });
        expect(store.read(1, index, 1e9)).toEqual(entries);
      });

      test("where each term begins", () => {
        write(append(...commands(1, 3, 1), command(4, 4, 5)));
        write(append(command(5, 4)), append(command(6, 7)));
        expect(reopen().termStarts).toEqual([
          { index: 1, term: 1 },
          { index: 4, term: 4 },
          { index: 6, term: 7 },
        ]);
      });

      test("P41: a configuration goes with its entry when that is truncated", () => {
        write(append(noop(1, 1), configuration(2, 1, "n1"), command(3, 1), configuration(4, 1, "n1", "n2")));
        write(truncate(3), append(command(4, 2)));
        expect(reopen()).toMatchObject({
          termStarts: [
            { index: 1, term: 1 },
            { index: 4, term: 2 },
          ],
          configurations: [{ position: { index: 2, term: 1 }, configuration: configurationOf("n1") }],
        });
        write(truncate(0));
        expect(reopen()).toMatchObject({ last: { index: 0, term: 0 }, termStarts: [], configurations: [] });
      });

      test("an empty write is confirmed like any other", () => {
        let confirmed = 0;
        store.write([], () => confirmed++);
        write(append());
        medium.settle(store);
        expect(confirmed).toBe(1);
        expect(reopen().last.index).toBe(0);
      });
    });

    describe("truncation", () => {
      test("what was cut is gone, and the same index can be written again", () => {
        write(append(...commands(1, 6, 1)));
        write(truncate(2), append(command(3, 2, 40), command(4, 2, 40)));
        const expected = [...commands(1, 2, 1), command(3, 2, 40), command(4, 2, 40)];
        expect(store.read(1, 4, 1e9)).toEqual(expected);
        refusal(() => store.read(1, 5, 1e9));
        expect(reopen().last).toEqual({ index: 4, term: 2 });
        expect(store.read(1, 4, 1e9)).toEqual(expected);
      });

      test("it may cut what the same write has appended, and cut again", () => {
        write(append(...commands(1, 4, 1)), truncate(3), append(command(4, 2), command(5, 3)), truncate(4));
        expect(reopen()).toMatchObject({ last: { index: 4, term: 2 }, termStarts: [{ term: 1 }, { term: 2 }] });
        expect(store.read(1, 4, 1e9)).toEqual([...commands(1, 3, 1), command(4, 2)]);
      });

      test("cutting at the end changes nothing", () => {
        write(append(...commands(1, 2, 1)));
        write(truncate(2));
        expect(reopen().last).toEqual({ index: 2, term: 1 });
      });
    });

    describe("what is refused", () => {
      beforeEach(() => write(append(...commands(1, 5, 2))));
      const unchanged = (): void => {
        expect(store.read(1, 5, 1e9)).toEqual(commands(1, 5, 2));
        expect(reopen()).toMatchObject({ currentTerm: 0, last: { index: 5, term: 2 } });
        write(append(command(6, 2)));
        expect(reopen().last.index).toBe(6);
      };

      test.each([
        ["a gap", [append(command(7, 2))]],
        ["an overlap", [append(command(5, 2))]],
        ["the first index once more", [append(command(1, 3))]],
        ["an index at or below the snapshot's end", [append(command(0, 2))]],
        ["a gap inside of an append", [append(command(6, 2), command(8, 2))]],
        ["one index twice in an append", [append(command(6, 2), command(6, 2))]],
        ["a gap after a truncation", [truncate(3), append(command(5, 3))]],
        ["an overlap after a truncation", [truncate(3), append(command(3, 3))]],
        ["a term below its predecessor's", [append(command(6, 1))]],
        ["a term below that of an entry in the same write", [append(command(6, 4)), append(command(7, 3))]],
        ["a term below its predecessor's after a truncation", [truncate(2), append(command(3, 1))]],
        ["a truncation below the snapshot's end", [truncate(-1)]],
        ["a truncation beyond the end", [truncate(6)]],
        ["a time that is not in whole milliseconds", [append({ ...command(6, 2), stampMs: 1.5 })]],
      ] as const)("%s, and nothing of that write is there", (_, effects) => {
        let confirmed = 0;
        refusal(() => store.write([vote(9, "n9"), ...effects], () => confirmed++));
        medium.settle(store);
        expect(confirmed).toBe(0);
        unchanged();
      });

      test("P19: a write that was refused leaves no gap for a later one to hide", () => {
        refusal(() => write(append(command(6, 2), command(8, 2))));
        refusal(() => write(append(command(7, 2))));
        unchanged();
      });
    });

    describe("reading", () => {
      test("what is written can be read before it is durable", () => {
        write(append(...commands(1, 2, 1)));
        write(truncate(1), append(command(2, 2)));
        expect(store.read(1, 2, 1e9)).toEqual([command(1, 1), command(2, 2)]);
      });

      test.each([
        [0, 1],
        [1, 6],
        [6, 6],
        [3, 2],
        [-1, 2],
      ])("a range that is not in the log is refused: %i to %i", (first, last) => {
        write(append(...commands(1, 5, 1)));
        refusal(() => store.read(first, last, 1e9));
        expect(store.read(1, 5, 1e9)).toHaveLength(5);
      });

      test("an empty log holds nothing to read", () => {
        refusal(() => store.read(1, 1, 1e9));
        refusal(() => store.read(0, 0, 1e9));
      });

      test("bytesMax is kept to the byte, but one entry always comes", () => {
        write(append(...commands(1, 4, 1, 100)));
        const each = entryBytes(command(1, 1, 100));
        expect(store.read(1, 4, 0)).toHaveLength(1);
        expect(store.read(1, 4, 2 * each - 1)).toHaveLength(1);
        expect(store.read(1, 4, 2 * each)).toHaveLength(2);
        expect(store.read(2, 3, 9 * each)).toEqual(commands(2, 3, 1, 100));
      });

      test("P20: reading page by page neither skips nor repeats", () => {
        const entries = commands(1, 200, 1).map((entry, at) => command(entry.index, 1, (at * 37) % 300));
        write(append(...entries.slice(0, 90)));
        write(append(...entries.slice(90)));
        for (const bytesMax of [1, 500, 4096]) {
          const paged = [];
          while (paged.length < 200) {
            const page = store.read(paged.length + 1, 200, bytesMax);
            const bytes = page.reduce((sum, entry) => sum + entryBytes(entry), 0);
            expect(page.length === 1 || bytes <= bytesMax).toBe(true);
            paged.push(...page);
          }
          expect(paged).toEqual(entries);
        }
      });
    });

    describe("confirmation", () => {
      test("each write is confirmed once, and in order", () => {
        const confirmed: number[] = [];
        for (let at = 1; at <= 5; at++) store.write([append(command(at, 1))], () => confirmed.push(at));
        medium.settle(store);
        medium.settle(store);
        store.write([vote(2, null)], () => confirmed.push(6));
        medium.settle(store);
        expect(confirmed).toEqual([1, 2, 3, 4, 5, 6]);
      });

      test("a write made while one is confirmed is confirmed after it", () => {
        const confirmed: number[] = [];
        store.write([append(command(1, 1))], () => {
          confirmed.push(1);
          store.write([append(command(2, 1))], () => confirmed.push(2));
        });
        medium.settle(store);
        medium.settle(store);
        expect(confirmed).toEqual([1, 2]);
        expect(reopen().last.index).toBe(2);
      });
    });

    test("after close every call is refused, and closing again is not", () => {
      write(append(command(1, 1)));
      medium.settle(store);
      store.close();
      store.close();
      refusal(() => write(append(command(2, 1))));
      refusal(() => store.read(1, 1, 1e9));
    });
  });
}
