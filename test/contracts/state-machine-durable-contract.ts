// What must hold of every host of a state machine that keeps its state on disk. A life ends with `close`, which commits nothing: for the files it
// is as a crash between two runs.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { locatePlugin, type PluginLocation } from "../../src/adapters/plugin/loader.ts";
import { StateMachineStopped } from "../../src/errors.ts";
import type { AppliedEntry, StateMachine } from "../../src/ports/state-machine.ts";
import { durableJournal, journalIn, journalInMemory, lookInto } from "./durable-journal.ts";
import { ask, chunksOf, readAll, rejection, run } from "./journal-plugin.ts";
import { outcomesOf } from "./outcomes-of.ts";

type Create = (locations: readonly PluginLocation[], stateFolder: string) => Promise<StateMachine>;

const one = ["one.js"];
const both = ["one.js", "two.js"];
const placed = (index: number, timeMs = index * 10) => ({ index, term: 3, timeMs, isAwaited: true });
const said = (index: number, text: string, sequence: number, id = 1): AppliedEntry => ({
  kind: "command",
  ...placed(index),
  payload: Buffer.from(text),
  session: { id, sequence, answeredBelow: 1, client: "app" },
});
const opens = (index: number): AppliedEntry => ({
  kind: "openSession",
  ...placed(index),
  client: "app",
  isAdmin: false,
  timeoutMs: 1000,
});
const activates = (index: number, machine: StateMachine, nth: number): AppliedEntry => ({
  kind: "activate",
  ...placed(index),
  plugin: machine.versions.at(nth)!,
});
const text = (outcome: unknown): string => {
  const { payload } = outcome as { readonly payload: Uint8Array };
  return Buffer.from(payload).toString();
};

export function describeDurableContract(host: string, create: Create): void {
  describe(`a state machine that keeps its state on disk: ${host}`, () => {
    let folder = "";
    const opened: StateMachine[] = [];

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "graft-durable-"));
      await Bun.write(join(folder, "one.js"), durableJournal());
      await Bun.write(join(folder, "two.js"), durableJournal({ version: "2", mark: "!" }));
      await Bun.write(join(folder, "memory.js"), journalInMemory);
      const broken = 'if (count(db) > 1) throw new Error("no more room"); db.run("COMMIT");';
      await Bun.write(join(folder, "uncommitted.js"), durableJournal().replace('db.run("COMMIT");', broken));
      await Bun.write(join(folder, "failing.js"), durableJournal({ version: "2", fails: true }));
    });
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((machine) => machine.close()));
    });
    afterAll(() => rm(folder, { recursive: true }));

    const newFolder = (): string => join(mkdtempSync(join(folder, "data-")), "state");
    const start = async (state: string, plugins: readonly string[] = one): Promise<StateMachine> => {
      const machine = await create(
        plugins.map((plugin) => locatePlugin(plugin, folder)),
        state,
      );
      opened.push(machine);
      return machine;
    };
    /** A life, and what it recalls. */
    const live = async (state: string, plugins: readonly string[] = one, owner = "me") => {
      const machine = await start(state, plugins);
      return { machine, ...(await machine.recall(owner)) };
    };

    test("nothing on disk is touched before `recall`, and then only this user may read it", async () => {
      const state = newFolder();
      const machine = await start(state);
      expect([machine.isDurable, machine.description.snapshots, existsSync(state)]).toEqual([true, true, false]);
      expect(await machine.recall("me")).toEqual({ held: null, damage: [] });
      await outcomesOf(machine, run(1, ["a"]));
      const [version] = readdirSync(state);
      expect(version).toBe(machine.versions[0]!.hash.slice(0, 16));
      expect([state, join(state, version!)].map((path) => statSync(path).mode & 0o777)).toEqual([0o700, 0o700]);
    });

    test("P27: what a run did is there in the next life, with its place in the log and the sessions", async () => {
      const state = newFolder();
      const first = await live(state);
      await outcomesOf(first.machine, [opens(1), said(2, "a", 1), said(3, "refuse b", 2)]);
      await first.machine.close();
      const { machine, held } = await live(state, one, "another");
      expect(held).toEqual({
        reached: { index: 3, term: 3, timeMs: 30 },
        plugin: { name: "journal", version: "1", hash: machine.versions[0]!.hash },
        owner: "me",
        origin: "me",
        wakeAtMs: null,
      });
      expect([await ask(machine), await ask(machine, "context")]).toEqual(["a,refuse b", "3,30"]);
      const outcomes = await outcomesOf(machine, [said(4, "a", 1), said(5, "refuse b", 2), said(6, "c", 3)]);
      expect([text(outcomes[0]), text(outcomes[2])]).toEqual(["a is number 1", "c is number 3"]);
      expect(outcomes[1]).toEqual({ kind: "rejected", message: "refused as number 2" });
      expect(await ask(machine)).toBe("a,refuse b,c");
    });

    test("P27: a run that did not come to its end is gone as a whole, and may be applied again", async () => {
      const state = newFolder();
      const first = await live(state);
      await outcomesOf(first.machine, [opens(1), said(2, "a", 1)]);
      await rejection(outcomesOf(first.machine, [said(3, "b", 2), said(4, "throw", 3)]));
      await first.machine.close();
      const { machine, held } = await live(state);
      expect([held?.reached.index, await ask(machine)]).toEqual([2, "a"]);
      const [outcome] = await outcomesOf(machine, [said(3, "b", 2)]);
      expect([text(outcome), await ask(machine)]).toEqual(["b is number 2", "a,b"]);
    });

    test("the time for which it asks comes back, and what is due then runs once", async () => {
      const state = newFolder();
      const first = await live(state);
      await outcomesOf(first.machine, [opens(1), said(2, "wake", 1)]);
      await first.machine.close();
      const second = await live(state);
      expect(second.held?.wakeAtMs).toBe(120);
      await outcomesOf(second.machine, [{ kind: "tick", ...placed(3, 120) }]);
      await second.machine.close();
      const { machine, held } = await live(state);
      expect([held?.wakeAtMs, await ask(machine)]).toEqual([null, "wake,woken"]);
    });

    test("the hash of the outcomes continues in the next life, and the content has the hash that it has anywhere", async () => {
      const entries = [opens(1), said(2, "a", 1), said(3, "refuse b", 2), said(4, "wake", 3), said(5, "c", 4)];
      const rest = [said(6, "refuse d", 5), opens(7), said(8, "e", 6), said(9, "e", 6), said(10, "f", 1, 7)];
      const begin = async (state: string) => {
        const machine = await start(state);
        const told: (readonly [number, number])[] = [];
        machine.watchMilestones(4, ({ index, chain }) => told.push([index, chain]));
        await machine.recall("me");
        return { machine, told };
      };
      const contentOf = async (machine: StateMachine): Promise<number | null> => {
        const snapshot = await machine.snapshot();
        await readAll(snapshot);
        return snapshot.contentHash;
      };
      const whole = await begin(newFolder());
      await outcomesOf(whole.machine, [...entries, ...rest]);
      const state = newFolder();
      const first = await begin(state);
      await outcomesOf(first.machine, entries);
      await first.machine.close();
      const second = await begin(state);
      await outcomesOf(second.machine, rest);
      expect(whole.told.map(([index]) => index)).toEqual([4, 8]);
      expect([...first.told, ...second.told]).toEqual(whole.told);
      expect(await contentOf(second.machine)).toBe(await contentOf(whole.machine));
    });

    test("who made the state is told to later lives, also once another version has taken the state over", async () => {
      const state = newFolder();
      const first = await live(state, both);
      await outcomesOf(first.machine, [activates(1, first.machine, 0), ...run(2, ["a"])]);
      await first.machine.setOrigin("other");
      await first.machine.close();
      const second = await live(state, both);
      expect([second.held?.owner, second.held?.origin]).toEqual(["me", "other"]);
      await outcomesOf(second.machine, [activates(3, second.machine, 1)]);
      await second.machine.close();
      const { held } = await live(state, both);
      expect([held?.plugin.version, held?.owner, held?.origin]).toEqual(["2", "me", "other"]);
    });

    test("a session that has ended is not kept any longer", async () => {
      const state = newFolder();
      const { machine } = await live(state);
      await outcomesOf(machine, [opens(1), opens(2), said(3, "a", 1, 1), said(4, "b", 1, 2)]);
      await outcomesOf(machine, [{ kind: "closeSession", ...placed(5), client: "app", session: 1 }]);
      await machine.close();
      const [version] = readdirSync(state);
      expect(lookInto(join(state, version!)).keys).toEqual(["position", "session/0000000000000002"]);
      const next = await live(state);
      const [ended, kept] = await outcomesOf(next.machine, [said(6, "c", 2, 1), said(7, "d", 2, 2)]);
      expect([ended?.kind, text(kept)]).toEqual(["expired", "d is number 3"]);
    });

    test("`recall` says the same again, until the state is forgotten", async () => {
      const state = newFolder();
      const first = await live(state);
      await outcomesOf(first.machine, run(1, ["a"]));
      await first.machine.close();
      const { machine, held } = await live(state);
      expect(await machine.recall("me")).toEqual({ held, damage: [] });
      await machine.forget();
      expect(await machine.recall("me")).toEqual({ held: null, damage: [] });
      expect([await ask(machine), await ask(machine, "context")]).toEqual(["", "0,0"]);
      await outcomesOf(machine, run(1, ["b"]));
      await machine.close();
      expect((await live(state)).held?.reached.index).toBe(1);
    });

    test("P35: what is damaged is set aside under a dated name, with a word that says why, and the state is empty", async () => {
      const state = newFolder();
      const first = await live(state);
      await outcomesOf(first.machine, run(1, ["a"]));
      await first.machine.close();
      const [version] = readdirSync(state);
      writeFileSync(
        journalIn(join(state, version!)),
        "no database at all, and long enough to be looked at".repeat(100),
      );
      const { machine, held, damage } = await live(state);
      const [aside] = readdirSync(join(state, "..")).filter((name) => name.startsWith("damaged-"));
      const now = join(state, "..", aside!, `state-${version}`);
      expect(held).toBeNull();
      expect(damage).toEqual([
        `the state of journal 1 on disk cannot be used: file is not a database; it is now in ${now}`,
      ]);
      expect(existsSync(journalIn(now))).toBe(true);
      await outcomesOf(machine, run(1, ["b"]));
      expect(await ask(machine)).toBe("b");
    });

    test("a commit that fails is no fault of an entry", async () => {
      const { machine } = await live(newFolder(), ["uncommitted.js"]);
      await outcomesOf(machine, run(1, ["a"]));
      const error = await rejection(outcomesOf(machine, run(2, ["b", "innocent"])));
      expect(error.message).toContain("no more room");
      expect(error instanceof StateMachineStopped ? error.entry : null).toBeNull();
    });

    test("what cannot be opened for want of room is left as it is, and is used when there is room again", async () => {
      const state = newFolder();
      const first = await live(state);
      await outcomesOf(first.machine, run(1, ["a"]));
      await first.machine.close();
      const full = join(state, "..", "full");
      writeFileSync(full, "");
      const second = await start(state);
      expect((await rejection(second.recall("me"))).message).toContain("no space left");
      expect(readdirSync(join(state, ".."))).toEqual(["full", "state"]);
      await rm(full);
      const { machine, held, damage } = await live(state);
      expect([held?.reached.index, damage, await ask(machine)]).toEqual([1, [], "a"]);
    });

    test("a snapshot is of the state as it was, while commands go on", async () => {
      const { machine } = await live(newFolder());
      const lines = Array.from({ length: 3000 }, (_, nth) => `line ${nth}`);
      await outcomesOf(machine, run(1, lines));
      const snapshot = await machine.snapshot();
      await outcomesOf(machine, run(3001, ["later"]));
      const chunks = await readAll(snapshot);
      await outcomesOf(machine, run(3002, ["last"]));
      const other = await live(newFolder());
      await other.machine.restore(chunksOf(chunks), null);
      expect(await ask(other.machine)).toBe(lines.join());
      expect(Buffer.concat(await readAll(await other.machine.snapshot()))).toEqual(Buffer.concat(chunks));
    });

    test("P29: a restored state takes the place of the one before when it is complete, and not before", async () => {
      const state = newFolder();
      const first = await live(state);
      await outcomesOf(first.machine, [opens(1), said(2, "a", 1)]);
      const chunks = await readAll(await first.machine.snapshot());
      await outcomesOf(first.machine, [said(3, "b", 2)]);
      async function* broken(): AsyncGenerator<Uint8Array> {
        yield chunks[0]!.subarray(0, chunks[0]!.length - 3);
        throw new RangeError("no more of it");
      }
      await rejection(first.machine.restore(broken(), null));
      await first.machine.close();
      const second = await live(state);
      expect([second.held?.reached.index, await ask(second.machine)]).toEqual([3, "a,b"]);
      await second.machine.restore(chunksOf(chunks), null, { index: 7, term: 4, timeMs: 77, origin: "other" });
      await second.machine.close();
      const { machine, held } = await live(state);
      expect([held?.reached, held?.origin, await ask(machine)]).toEqual([
        { index: 7, term: 4, timeMs: 77 },
        "other",
        "a",
      ]);
      const [outcome] = await outcomesOf(machine, [said(8, "a", 1)]);
      expect(text(outcome)).toBe("a is number 1");
    });

    test("a state that nobody knows the place of is not held", async () => {
      const state = newFolder();
      const first = await live(state);
      await outcomesOf(first.machine, run(1, ["a"]));
      await first.machine.restore(chunksOf(await readAll(await first.machine.snapshot())), null);
      await first.machine.close();
      expect((await live(state)).held).toBeNull();
    });

    test("another version takes the state over in a folder of its own, with the sessions, and the one before goes", async () => {
      const state = newFolder();
      const { machine } = await live(state, both);
      await outcomesOf(machine, [activates(1, machine, 0), opens(2), said(3, "a", 1, 2)]);
      await outcomesOf(machine, [said(4, "b", 2, 2), activates(5, machine, 1), said(6, "c", 3, 2)]);
      expect(readdirSync(state)).toEqual([machine.versions[1]!.hash.slice(0, 16)]);
      await machine.close();
      const next = await live(state, both);
      expect([next.held?.reached.index, next.held?.plugin.version]).toEqual([6, "2"]);
      const [outcome] = await outcomesOf(next.machine, [said(7, "a", 1, 2)]);
      expect([text(outcome), await ask(next.machine)]).toEqual(["a is number 1", "a,b,c!"]);
      await outcomesOf(next.machine, [activates(8, next.machine, 0)]);
      await next.machine.close();
      const back = await live(state, both);
      expect([back.held?.plugin.version, await ask(back.machine)]).toEqual(["1", "a,b,c!"]);
    });

    test("a hand-over that fails, or that a crash interrupts, leaves the state before it", async () => {
      const state = newFolder();
      const first = await live(state, ["one.js", "failing.js"]);
      await outcomesOf(first.machine, [activates(1, first.machine, 0), ...run(2, ["a"])]);
      await rejection(outcomesOf(first.machine, [...run(3, ["b"]), activates(4, first.machine, 1)]));
      await first.machine.close();
      // What was filled of the other one is there, and counts for nothing.
      expect(readdirSync(state)).toHaveLength(2);
      const { machine, held } = await live(state, ["one.js", "failing.js"]);
      expect([held?.plugin.version, held?.reached.index, await ask(machine)]).toEqual(["1", 3, "a,b"]);
    });

    test("what is due at an activation runs once, though the hand-over is interrupted", async () => {
      const state = newFolder();
      const plugins = ["one.js", "failing.js"];
      const first = await live(state, plugins);
      await outcomesOf(first.machine, [activates(1, first.machine, 0), ...run(2, ["wake"])]);
      const late = { ...activates(3, first.machine, 1), timeMs: 2000 };
      await rejection(outcomesOf(first.machine, [late]));
      await first.machine.close();
      const second = await live(state, plugins);
      expect([second.held?.wakeAtMs, await ask(second.machine)]).toEqual([null, "wake,woken"]);
      await rejection(outcomesOf(second.machine, [late]));
      await second.machine.close();
      const { machine, held } = await live(state, plugins);
      expect([held?.reached.index, await ask(machine)]).toEqual([2, "wake,woken"]);
    });

    test("once a version that keeps its state in memory is active, nothing of the one before is left on disk", async () => {
      const state = newFolder();
      const { machine } = await live(state, ["one.js", "memory.js"]);
      await outcomesOf(machine, [activates(1, machine, 0), ...run(2, ["a"])]);
      expect(readdirSync(state)).toHaveLength(1);
      await outcomesOf(machine, [activates(3, machine, 1), ...run(4, ["b"])]);
      expect([await ask(machine), readdirSync(state)]).toEqual(["a,b", []]);
    });

    test("of two states the one in force is that which has reached further", async () => {
      const [state, later] = [newFolder(), newFolder()];
      const first = await live(state, both);
      await outcomesOf(first.machine, [activates(1, first.machine, 0), ...run(2, ["a"])]);
      const second = await live(later, both);
      await outcomesOf(second.machine, [activates(1, second.machine, 1), ...run(2, ["b", "c"])]);
      await Promise.all([first.machine.close(), second.machine.close()]);
      const [name] = readdirSync(later);
      await Bun.$`cp -r ${join(later, name!)} ${state}`.quiet();
      const { machine, held } = await live(state, both);
      expect([held?.plugin.version, held?.reached.index, await ask(machine)]).toEqual(["2", 3, "b!,c!"]);
      await outcomesOf(machine, run(4, ["d"]));
      expect(readdirSync(state)).toEqual([name!]);
    });
  });
}
