// What every host of a state machine must do about the rolling hash over its outcomes, which shows whether copies are alike.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { locatePlugin, type PluginLocation } from "../../src/adapters/plugin/loader.ts";
import type { AppliedCommand, AppliedEntry, Milestone, StateMachine } from "../../src/ports/state-machine.ts";
import { chunksOf, readAll, run } from "./journal-plugin.ts";
import { outcomesOf } from "./outcomes-of.ts";

const COUNTER = `
import { defineRawStateMachine, Rejected } from "graft";
export default defineRawStateMachine({
  name: "counter",
  version: "1",
  create() {
    let count = 0;
    return {
      apply(command) {
        const text = new TextDecoder().decode(command);
        if (text === "refuse") throw new Rejected("refused at " + count);
        count += text === "two" ? 2 : 1;
        return new TextEncoder().encode(String(count));
      },
      query: () => new Uint8Array(),
      snapshot: () => [new TextEncoder().encode(String(count))],
      restore: (piece) => void (count = Number(new TextDecoder().decode(piece))),
    };
  },
});
`;

const every = 4;
const awaited = (commands: readonly AppliedCommand[]): readonly AppliedEntry[] =>
  commands.map((command) => ({ ...command, isAwaited: true }));

const opened = (index: number): AppliedEntry => ({
  kind: "openSession",
  index,
  term: 1,
  timeMs: 1000,
  isAwaited: false,
  client: "client",
  isAdmin: false,
  timeoutMs: 60_000,
});
const said = (index: number, [text, id, sequence]: readonly [string, number, number]): readonly AppliedEntry[] =>
  run(index, [text]).map((each) => ({ ...each, session: { client: "client", id, sequence, answeredBelow: 1 } }));

export function describeMilestonesContract(
  host: string,
  create: (location: PluginLocation) => Promise<StateMachine>,
): void {
  describe(`state machine milestones: ${host}`, () => {
    let folder = "";
    const machines: StateMachine[] = [];

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "graft-milestones-"));
      await Bun.write(join(folder, "counter.js"), COUNTER);
    });
    afterEach(async () => {
      await Promise.all(machines.splice(0).map((machine) => machine.close()));
    });
    afterAll(() => rm(folder, { recursive: true }));

    const open = async (): Promise<{ readonly machine: StateMachine; readonly told: readonly Milestone[] }> => {
      const machine = await create(locatePlugin("counter.js", folder));
      machines.push(machine);
      const told: Milestone[] = [];
      machine.watchMilestones(every, (milestone) => told.push(milestone));
      return { machine, told };
    };
    /** What is told of these runs. */
    const milestonesOf = async (...runs: readonly (readonly AppliedEntry[])[]): Promise<readonly Milestone[]> => {
      const { machine, told } = await open();
      for (const each of runs) await outcomesOf(machine, each);
      return told;
    };
    const ten = run(1, ["a", "b", "refuse", "c", "d", "e", "f", "g", "h", "i"]);

    test("tells each multiple of the interval, in order, before the run resolves", async () => {
      expect((await milestonesOf(ten)).map(({ index }) => index)).toEqual([4, 8]);
    });

    test("the hash is the same whether outcomes are awaited, and however the entries are cut into runs", async () => {
      const expected = await milestonesOf(ten);
      expect(await milestonesOf(awaited(ten))).toEqual(expected);
      expect(await milestonesOf(ten.slice(0, 3), awaited(ten.slice(3, 7)), ten.slice(7))).toEqual(expected);
    });

    test("one other result changes every hash from the next index on at which results count", async () => {
      const forty = run(
        1,
        Array.from({ length: 40 }, () => "one"),
      );
      const expected = await milestonesOf(forty);
      const other = await milestonesOf(
        forty.map((each) => (each.index === 5 ? { ...each, payload: Buffer.from("two") } : each)),
      );
      const differing = other.filter(({ chain }, nth) => chain !== expected[nth]!.chain);
      expect(differing.map(({ index }) => index)).toEqual([32, 36, 40]);
    });

    test("each milestone has a step for each index since the one before, and they part at the first outcome that differs", async () => {
      const gap = [...run(1, ["a", "b", "c", "d", "e"]), ...run(7, ["f", "refuse", "h"])];
      const expected = await milestonesOf(gap);
      expect(expected.map(({ steps: { from, values } }) => [from, values.length])).toEqual([
        [1, 4],
        [5, 4],
      ]);
      // Nothing came of entry 6.
      expect(expected[1]!.steps.values[1]).toBe(expected[1]!.steps.values[0]);
      const other = await milestonesOf(
        gap.map((each) => (each.index === 7 ? { ...each, payload: Buffer.from("refuse") } : each)),
      );
      const [mine, theirs] = [expected, other].map((told) => [...told[1]!.steps.values]);
      expect(mine!.map((value, nth) => value === theirs![nth])).toEqual([true, true, false, false]);
    });

    test("the steps of a state that is restored between two milestones begin behind it", async () => {
      const { machine } = await open();
      await outcomesOf(machine, ten.slice(0, 6));
      const chunks = await readAll(await machine.snapshot());
      const restored = await open();
      await outcomesOf(restored.machine, run(1, ["two", "two"]));
      await restored.machine.restore(chunksOf(chunks), null);
      await outcomesOf(restored.machine, ten.slice(6));
      const [expected] = (await milestonesOf(ten)).slice(1);
      expect(restored.told[0]!.steps).toEqual({ from: 7, values: expected!.steps.values.slice(2) });
    });

    test("the words of a refusal count", async () => {
      // Before the refusal one counts two, and one less comes after it.
      const one = await milestonesOf(run(1, ["a", "refuse", "a", "a"]));
      const other = await milestonesOf(run(1, ["refuse", "a", "a", "a"]));
      expect(one).not.toEqual(other);
    });

    test("an index without effect is told with the next entry that has one, and with the same hash", async () => {
      const gap = [...run(1, ["a", "b", "c"]), ...run(5, ["d"])];
      const [milestone] = await milestonesOf(gap);
      expect(milestone?.index).toBe(4);
      expect(await milestonesOf(gap.slice(0, 3))).toEqual([]);
      expect(await milestonesOf(gap.slice(0, 3), gap.slice(3))).toEqual([milestone!]);
    });

    test("an entry that is skipped counts, and as something else than a refusal with the same words", async () => {
      const skipped = ten.map((each) => (each.index === 2 ? { ...each, isSkipped: true } : each));
      const expected = await milestonesOf(skipped);
      expect(expected).not.toEqual(await milestonesOf(ten));
      expect(await milestonesOf(awaited(skipped).slice(0, 5), skipped.slice(5))).toEqual(expected);
    });

    test("the hash is the same on every host, with sessions, copies of a command and clients that come too late", async () => {
      const entries = [
        ...run(1, ["a", "b", "c"]),
        opened(4),
        ...said(5, ["d", 4, 1]),
        ...said(6, ["d", 4, 1]),
        ...run(7, ["refuse"]),
      ];
      const late = [
        ...said(8, ["e", 3, 1]),
        ...said(9, ["refuse", 4, 2]),
        ...run(10, ["f"]),
        ...said(11, ["g", 4, 2]),
        ...run(12, ["h"]),
      ];
      const expected = [
        { index: 4, chain: 2_774_353_888_352_242 },
        { index: 8, chain: 4_093_483_804_373_690 },
        { index: 12, chain: 5_413_356_459_532_529 },
      ];
      const chains = (told: readonly Milestone[]) => told.map(({ index, chain }) => ({ index, chain }));
      expect(chains(await milestonesOf([...entries, ...late]))).toEqual(expected);
      expect(chains(await milestonesOf(entries, late))).toEqual(expected);
    });

    test("the hash of the content is there at its end, and equal where the state is", async () => {
      const { machine } = await open();
      await outcomesOf(machine, ten);
      const snapshot = await machine.snapshot();
      expect(snapshot.contentHash).toBeNull();
      const chunks = await readAll(snapshot);
      const restored = await open();
      await restored.machine.restore(chunksOf(chunks), null);
      const copy = await restored.machine.snapshot();
      await readAll(copy);
      expect(copy.contentHash).toBe(snapshot.contentHash);
      await outcomesOf(restored.machine, run(11, ["a"]));
      const later = await restored.machine.snapshot();
      await readAll(later);
      expect(later.contentHash).not.toBe(snapshot.contentHash);
    });

    test("a snapshot carries the hash on, from a place between two milestones", async () => {
      const expected = await milestonesOf(ten);
      const { machine } = await open();
      await outcomesOf(machine, ten.slice(0, 6));
      const chunks = await readAll(await machine.snapshot());
      const restored = await open();
      await outcomesOf(restored.machine, run(1, ["two", "two"]));
      await restored.machine.restore(chunksOf(chunks), null);
      await outcomesOf(restored.machine, ten.slice(6));
      expect(restored.told.map(({ index, chain }) => [index, chain])).toEqual([[8, expected[1]!.chain]]);
    });
  });
}
