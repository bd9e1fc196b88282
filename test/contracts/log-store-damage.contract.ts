// What every log store must do about data that is less than what it confirmed: notice it at the start, keep incarnation, term
// and vote, and begin again as a node to be refilled; or refuse, where that could break a promise or help nobody.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { toMemberKey } from "../../src/core/configuration.ts";
import type { DurableEffect } from "../../src/core/effects.ts";
import { GraftError } from "../../src/errors.ts";
import type { LogStore } from "../../src/ports/log-store.ts";
import {
  append,
  command,
  commands,
  configuration,
  found,
  genesis,
  ignoreDurable,
  keyOf,
  snapshot,
  snapshotAt,
  snapshotInstead,
  truncate,
  vote,
} from "./log-entries.ts";
import type { LogStoreMedium } from "./log-store.contract.ts";

export function logStoreDamageContract(name: string, createMedium: () => LogStoreMedium): void {
  describe(`log store contract, damage: ${name}`, () => {
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

    const write = (...effects: DurableEffect[]): void => void store.write(effects, ignoreDurable);
    const stop = (): void => {
      medium.settle(store);
      medium.stop(store);
    };
    const reopen = (damage: () => void = ignoreDurable): LogStore["saved"] => {
      stop();
      damage();
      store = medium.open();
      return store.saved;
    };
    const copyHere = (): void => void reopen(() => medium.copy());
    const refused = (work: () => unknown): string => {
      try {
        work();
      } catch (error) {
        expect(error).toBeInstanceOf(GraftError);
        expect((error as GraftError).code).toBe("damaged");
        return (error as GraftError).message;
      }
      throw new Error("the store has opened");
    };
    const begun = [found(), vote(3, "n2"), append(...commands(1, 9, 2))];

    test("P46, P59: a log that ends below what was confirmed is set aside, with its term and vote kept", () => {
      write(...begun);
      copyHere();
      const { incarnation } = store.saved;
      write(append(...commands(10, 14, 3)));
      const saved = reopen(() => medium.putBack());
      expect(saved).toMatchObject({
        incarnation,
        genesis: null,
        currentTerm: 3,
        votedFor: keyOf("n2"),
        base: { index: 0, term: 0 },
        last: { index: 0, term: 0 },
        refill: { clusterUuid: genesis.clusterUuid },
      });
      expect(saved.refill?.finding).toContain("14");
      // It is in use like any other, and the next start finds no new damage.
      write(append(...commands(1, 3, 3)));
      expect(reopen()).toMatchObject({ last: { index: 3, term: 3 }, refill: saved.refill });
      expect(store.read(1, 3, 1e9)).toEqual(commands(1, 3, 3));
    });

    test("P61: a vote that was given is never forgotten", () => {
      write(...begun);
      copyHere();
      write(vote(4, "n3"));
      expect(reopen(() => medium.putBack())).toMatchObject({ currentTerm: 4, votedFor: keyOf("n3") });
      expect(store.saved.refill).not.toBeNull();
    });

    test("P61: a vote given in the term that was reached before is not forgotten either", () => {
      write(found(), vote(3, null));
      copyHere();
      write(vote(3, "n3"));
      expect(reopen(() => medium.putBack())).toMatchObject({ currentTerm: 3, votedFor: keyOf("n3") });
      expect(store.saved.refill).not.toBeNull();
    });

    test("P60: another history of the same length is noticed by its checksum", () => {
      write(...begun);
      copyHere();
      write(truncate(8), append({ ...command(9, 2), stampMs: command(9, 2).stampMs + 1 }));
      expect(reopen(() => medium.putBack()).refill).not.toBeNull();
    });

    test("all of the data lost", () => {
      write(...begun);
      expect(reopen(() => medium.loseData())).toMatchObject({ currentTerm: 3, last: { index: 0 } });
      expect(store.saved.refill?.clusterUuid).toBe(genesis.clusterUuid);
    });

    test("a refill ends with its record, and goes on after further damage until then", () => {
      write(...begun);
      expect(reopen(() => medium.loseData()).refill).not.toBeNull();
      copyHere();
      write(vote(5, null), append(...commands(1, 4, 4)));
      expect(reopen(() => medium.putBack())).toMatchObject({ currentTerm: 5, last: { index: 0 } });
      expect(store.saved.refill?.clusterUuid).toBe(genesis.clusterUuid);
      write(found(), append(...commands(1, 4, 4)), { kind: "writeRefilled", ticket: 1 });
      expect(reopen()).toMatchObject({ refill: null, genesis, currentTerm: 5, last: { index: 4, term: 4 } });
    });

    test("data that were there before the refill began are not taken for whole, though the mark asks for little then", () => {
      write(...begun);
      copyHere();
      const { incarnation } = store.saved;
      expect(reopen(() => medium.loseData()).refill).not.toBeNull();
      expect(reopen(() => medium.putBack())).toMatchObject({ incarnation, currentTerm: 3, last: { index: 0 } });
      expect(store.saved.refill).not.toBeNull();
    });

    test.each<[string, () => void]>([
      ["nothing was written since", () => undefined],
      ["entries were cut", () => write(truncate(5))],
      ["entries were cut and others appended", () => write(truncate(5), append(command(6, 3)))],
      [
        "more was cut than appended, twice",
        () => write(append(command(10, 3)), truncate(7), append(command(8, 4)), truncate(7)),
      ],
      ["a leader's snapshot took the place of a longer log", () => write(snapshotInstead({ index: 4, term: 3 }))],
      [
        "the log was cut at a snapshot",
        () => {
          const record = snapshotAt({ index: 8, term: 2 }, store.chainAt(8));
          write(snapshot(record, { index: 6, term: 2 }));
        },
      ],
    ])("no false alarm: %s", (_, act) => {
      write(...begun);
      act();
      const { incarnation } = store.saved;
      expect(reopen()).toMatchObject({ refill: null, genesis, incarnation });
      expect(reopen().refill).toBeNull();
    });

    test("a node that had promised nothing starts anew, as the same incarnation", () => {
      const { incarnation } = store.saved;
      const saved = reopen(() => medium.loseData());
      expect(saved).toMatchObject({ incarnation, refill: null, currentTerm: 0, genesis: null });
    });

    test("without the mark it cannot know what was promised, and refuses", () => {
      write(...begun);
      stop();
      medium.loseMark();
      expect(refused(() => medium.open())).toContain("Nothing was changed");
      expect(refused(() => medium.open())).toContain("mark");
    });

    describe("the only voter", () => {
      const alone = (): void => {
        const self = toMemberKey("n1", store.saved.incarnation);
        const only = { ...configuration(1, 1, "n1"), index: 1 };
        write(
          found(),
          vote(1, "n1"),
          append({ ...only, configuration: { ...only.configuration, voters: [self], outgoing: [] } }),
        );
      };

      test("is not refilled, since nobody has its data: it refuses", () => {
        alone();
        copyHere();
        write(append(...commands(2, 5, 1)));
        stop();
        medium.putBack();
        for (const attempt of [1, 2]) expect([attempt, refused(() => medium.open())][1]).toContain("only voter");
      });

      test("that another voter has joined is refilled", () => {
        alone();
        write(append(configuration(2, 1, "n1", "n2")));
        expect(reopen(() => medium.loseData()).refill).not.toBeNull();
      });

      test("whose second voter's entry was cut again refuses", () => {
        alone();
        write(append(configuration(2, 1, "n1", "n2")));
        write(truncate(1));
        stop();
        medium.loseData();
        expect(refused(() => medium.open())).toContain("only voter");
      });
    });

    describe("said while it runs", () => {
      test("damage ends its use, and the next start sets the data aside", () => {
        write(...begun);
        medium.settle(store);
        store.keepDamage("the leader holds more than this node says.");
        expect(refused(() => write(vote(9, null)))).toContain("the leader holds more");
        expect(refused(() => store.read(1, 1, 1e9))).toContain("the leader holds more");
        medium.stop(store);
        store = medium.open();
        expect(store.saved).toMatchObject({ currentTerm: 3, votedFor: keyOf("n2"), last: { index: 0 } });
        expect(store.saved.refill?.finding).toMatch(/^the leader holds more than this node says\.?( |$)/);
      });

      test("P62: a finding is thrown by every start, and changes nothing", () => {
        write(...begun);
        medium.settle(store);
        store.keepFinding({ kind: "diverged", text: "two histories at 7", at: "2026-01-01T00:00:00.000Z", index: 7 });
        store.keepFinding({ kind: "invariant", text: "what followed from it", at: "2026-01-01T00:00:01.000Z" });
        medium.stop(store);
        for (const attempt of [1, 2]) {
          expect([attempt, refused(() => medium.open())][1]).toContain("two histories at 7");
        }
      });
    });

    test("the checksum after an entry is the one that the log has there", () => {
      write(append(...commands(1, 3, 1)));
      expect(store.chainAfter(store.chainAt(2), command(3, 1))).toBe(store.chainAt(3));
      expect(store.chainAfter(store.chainAt(2), command(3, 2))).not.toBe(store.chainAt(3));
    });
  });
}
