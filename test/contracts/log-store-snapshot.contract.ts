// What every log store must do with a snapshot: remember it and cut the log in one transaction, refuse what does not fit,
// and give back the space. The rest of its duties is log-store.contract.ts.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { entryBytes } from "../../src/core/entry.ts";
import type { LogPosition } from "../../src/core/log-position.ts";
import { type ErrorCode, GraftError } from "../../src/errors.ts";
import type { LogStore, SavedState } from "../../src/ports/log-store.ts";
import {
  append,
  command,
  commands,
  configuration,
  configurationOf,
  found,
  ignoreDurable,
  snapshot,
  snapshotAt,
  snapshotInstead,
  truncate,
  vote,
} from "./log-entries.ts";
import type { LogStoreMedium } from "./log-store.contract.ts";

const at = (index: number, term: number): LogPosition => ({ index, term });

export function logStoreSnapshotContract(name: string, createMedium: () => LogStoreMedium): void {
  describe(`log store contract, snapshots: ${name}`, () => {
    let medium: LogStoreMedium;
    let store: LogStore;

    /** Entries 1 to 3 of term 1, 4 to 9 of term 2; a configuration at 3 and at 7. */
    const log = [
      ...commands(1, 2, 1),
      configuration(3, 1, "n1"),
      ...commands(4, 6, 2),
      configuration(7, 2, "n1", "n2"),
      ...commands(8, 9, 2),
    ];
    const placed = [
      { position: at(3, 1), configuration: configurationOf("n1") },
      { position: at(7, 2), configuration: configurationOf("n1", "n2") },
    ] as const;

    beforeEach(() => {
      medium = createMedium();
      store = medium.open();
      write(found(), vote(2, "n1"), append(...log));
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
    const thrownBy = (code: ErrorCode, work: () => unknown): string => {
      let thrown: unknown = null;
      try {
        work();
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(GraftError);
      expect((thrown as GraftError).code).toBe(code);
      return (thrown as GraftError).message;
    };
    const refusal = (work: () => unknown): string => thrownBy("storage", work);
    const damage = (work: () => unknown): string => thrownBy("damaged", work);
    const recordAt = (position: LogPosition) => snapshotAt(position, store.chainAt(position.index));

    test("its record and the base come back, and the log goes on after the base", () => {
      const record = recordAt(at(6, 2));
      write(snapshot(record, at(4, 2), placed[0]));
      expect(() => store.read(4, 5, 1e9)).toThrow();
      expect(store.read(5, 9, 1e9)).toEqual(log.slice(4));
      expect(reopen()).toMatchObject({
        currentTerm: 2,
        base: at(4, 2),
        baseConfiguration: placed[0],
        snapshot: record,
        last: at(9, 2),
        lastStampMs: log[8]!.stampMs,
        termStarts: [at(5, 2)],
        configurations: [placed[1]],
      });
      write(append(command(10, 3)));
      expect(store.read(5, 10, 1e9)).toEqual([...log.slice(4), command(10, 3)]);
      expect(reopen().termStarts).toEqual([at(5, 2), at(10, 3)]);
      expect(() => store.read(4, 4, 1e9)).toThrow();
    });

    test.each([
      [at(2, 1), [at(3, 1), at(4, 2)], [...placed]],
      [at(3, 1), [at(4, 2)], [placed[1]]],
      [at(4, 2), [at(5, 2)], [placed[1]]],
      [at(7, 2), [at(8, 2)], []],
      [at(8, 2), [at(9, 2)], []],
      [at(9, 2), [], []],
    ])("with the base %j what is left begins terms and configurations", (base, termStarts, configurations) => {
      write(snapshot(recordAt(at(9, 2)), base));
      expect(reopen()).toMatchObject({
        base,
        last: at(9, 2),
        lastStampMs: log[8]!.stampMs,
        termStarts,
        configurations,
      });
      write(append(command(10, 2)));
      expect(reopen().termStarts).toEqual(base.index === 9 ? [at(10, 2)] : termStarts);
    });

    test("the whole log may go, and time goes on from its end", () => {
      write(snapshot(recordAt(at(9, 2)), at(9, 2)));
      expect(reopen()).toMatchObject({ last: at(9, 2), lastStampMs: log[8]!.stampMs, termStarts: [] });
      refusal(() => store.read(9, 9, 1e9));
      refusal(() => write(append(command(10, 1))));
      write(append(command(10, 2)));
      expect(reopen()).toMatchObject({ last: at(10, 2), termStarts: [at(10, 2)] });
    });

    test("a base that stays where it is keeps the log whole", () => {
      write(snapshot(recordAt(at(5, 2)), at(0, 0)));
      expect(reopen()).toMatchObject({
        base: at(0, 0),
        snapshot: { position: at(5, 2) },
        termStarts: [at(1, 1), at(4, 2)],
      });
      expect(store.read(1, 9, 1e9)).toEqual(log);
      write(snapshot(recordAt(at(5, 2)), at(2, 1)));
      expect(reopen().base).toEqual(at(2, 1));
    });

    test("what the same write appends may be covered, and cut again", () => {
      write(append(command(10, 3)));
      const record = recordAt(at(10, 3));
      write(truncate(9), append(command(10, 3), command(11, 4)), snapshot(record, at(10, 3)), append(command(12, 4)));
      expect(reopen()).toMatchObject({ base: at(10, 3), last: at(12, 4), termStarts: [at(11, 4)] });
      expect(store.read(11, 12, 1e9)).toEqual([command(11, 4), command(12, 4)]);
    });

    describe("P34: a leader's snapshot in place of the log", () => {
      test.each([
        ["beyond the log's end", at(50, 4)],
        ["where the log holds another entry", at(5, 3)],
        ["at the log's end, of another term", at(9, 4)],
        ["at the log's first entry", at(1, 4)],
      ])("%s: nothing of the log survives it", (_, end) => {
        write(snapshotInstead(end, 99));
        const expected = {
          base: end,
          snapshot: { position: end, chain: 99 },
          last: end,
          lastStampMs: snapshotAt(end, 99).stampMs,
          termStarts: [],
          configurations: [],
        };
        refusal(() => store.read(end.index, end.index, 1e9));
        expect(store.chainAt(end.index)).toBe(99);
        expect(reopen()).toMatchObject(expected);
        const next = commands(end.index + 1, end.index + 20, 5);
        write(append(...next));
        expect(reopen()).toMatchObject({ last: at(end.index + 20, 5), termStarts: [at(end.index + 1, 5)] });
        expect(store.read(end.index + 1, end.index + 20, 1e9)).toEqual(next);
        while (store.reclaim());
        expect(store.read(end.index + 1, end.index + 20, 1e9)).toEqual(next);
      });

      test("P31: a configuration of the log that was replaced does not survive it", () => {
        write(snapshotInstead(at(5, 3)));
        expect(reopen()).toMatchObject({ configurations: [], baseConfiguration: { position: at(0, 0) } });
        write(append(...commands(6, 9, 3)));
        expect(reopen().configurations).toEqual([]);
      });

      test("the chain goes on from it, the same on every node", () => {
        write(append(command(10, 3)));
        const [before, after] = [store.chainAt(9), store.chainAt(10)];
        expect(after).not.toBe(before);
        const other = createMedium();
        const fresh = other.open();
        fresh.write([snapshotInstead(at(9, 2), before), append(command(10, 3))], ignoreDurable);
        expect(fresh.chainAt(10)).toBe(after);
        fresh.close();
        other.dispose();
      });
    });

    describe("what is refused", () => {
      const unchanged = (): void => {
        const { base, snapshot: latest, last, currentTerm } = reopen();
        expect({ base, end: latest?.position, last, currentTerm }).toEqual({
          base: at(4, 2),
          end: at(6, 2),
          last: at(9, 2),
          currentTerm: 2,
        });
        expect(store.read(5, 9, 1e9)).toEqual(log.slice(4));
      };
      beforeEach(() => write(snapshot(recordAt(at(6, 2)), at(4, 2))));

      test.each([
        ["P33: a snapshot below the latest one", at(5, 2), at(4, 2)],
        ["a base below the present one", at(8, 2), at(3, 1)],
        ["a base beyond the snapshot's end", at(7, 2), at(8, 2)],
        ["a base of another term than in the log", at(8, 2), at(7, 1)],
        ["P34: an end of another term than in the log", at(8, 3), at(7, 2)],
        ["P29: an end beyond the log", at(10, 2), at(9, 2)],
        ["P29: a base that would leave a gap", at(10, 2), at(10, 2)],
        ["a base of another term than the present one", at(8, 2), at(4, 1)],
      ])("%s", (_, end, base) => {
        refusal(() => write(vote(9, "n9"), snapshot(snapshotAt(end, 1), base)));
        unchanged();
      });

      test("P33: a leader's snapshot below the latest one", () => {
        refusal(() => write(snapshotInstead(at(5, 3))));
        unchanged();
      });

      test("a new beginning that is not the snapshot's end", () => {
        const effect = { ...snapshotInstead(at(20, 3)), base: at(19, 3) };
        refusal(() => write(effect));
        unchanged();
      });

      test.each([
        ["at the end", at(9, 2)],
        ["at the base", at(8, 2)],
      ])("a configuration from after its place: %s", (_, position) => {
        const later = { position, configuration: configurationOf("n1") };
        const record = recordAt(at(8, 2));
        const isAtEnd = position.index === 9;
        refusal(() => write(snapshot(isAtEnd ? { ...record, configuration: later } : record, at(7, 2), later)));
        unchanged();
      });

      test("P33: entries, truncations and checksums at or below the base", () => {
        refusal(() => write(append(command(4, 2))));
        refusal(() => write(truncate(3)));
        refusal(() => store.chainAt(3));
        refusal(() => store.chainAt(10));
        refusal(() => store.read(4, 9, 1e9));
        expect(store.chainAt(4)).toBeGreaterThan(0);
        unchanged();
        refusal(() => write(truncate(5)));
        write(truncate(6), append(command(7, 3)));
        expect(reopen()).toMatchObject({ base: at(4, 2), termStarts: [at(5, 2), at(7, 3)], configurations: [] });
      });
    });

    test("P29: a snapshot that disagrees with the log it was taken from is damage, and nothing is cut over it", () => {
      const record = recordAt(at(6, 2));
      const disagreeing = snapshot({ ...record, chain: record.chain + 1 }, at(4, 2));
      expect(damage(() => write(disagreeing))).toContain("damaged at entry 6");
      damage(() => write(vote(9, null)));
      damage(() => store.read(1, 1, 1e9));
      damage(() => store.reclaim());
    });

    test("a newer snapshot takes the place of the one before, and one of the same end as well", () => {
      write(snapshot(recordAt(at(5, 2)), at(2, 1)));
      write(snapshot(recordAt(at(8, 2)), at(6, 2)));
      const again = { ...recordAt(at(8, 2)), file: "written-again" };
      write(snapshot(again, at(6, 2)));
      expect(reopen()).toMatchObject({ base: at(6, 2), snapshot: again });
    });

    test("P51: giving back space changes nothing that can be read, and comes to an end", () => {
      const entries = commands(10, 3000, 2, 300);
      write(append(...entries));
      write(snapshot(recordAt(at(2990, 2)), at(2900, 2)));
      let steps = 0;
      while (store.reclaim()) {
        steps++;
        expect(store.read(2901, 3000, 1e9)).toHaveLength(100);
        write(append(command(3000 + steps, 2)));
      }
      expect(store.reclaim()).toBe(false);
      expect(reopen()).toMatchObject({ base: at(2900, 2), last: at(3000 + steps, 2), termStarts: [at(2901, 2)] });
      const bytes = entries.slice(-100).reduce((sum, entry) => sum + entryBytes(entry), 0);
      expect(store.read(2901, 3000, bytes)).toEqual(entries.slice(-100));
    });

    test("after close nothing is given back and nothing is told", () => {
      medium.settle(store);
      store.close();
      refusal(() => store.reclaim());
      refusal(() => store.chainAt(1));
    });
  });
}
