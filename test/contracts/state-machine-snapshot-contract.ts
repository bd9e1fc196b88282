// What every host of a state machine must do about snapshots (§5). The plugin under test keeps a journal, which only grows: a
// snapshot of it is its first so many lines.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { locatePlugin, type PluginLocation } from "../../src/adapters/plugin/loader.ts";
import { GraftError } from "../../src/errors.ts";
import { snapshotChunkBytesMax, type StateMachine } from "../../src/ports/state-machine.ts";
import { ask, chunksOf, JOURNAL, readAll, rejection, run, WITHOUT } from "./journal-plugin.ts";
import { answerTo, outcomesOf } from "./outcomes-of.ts";

export function describeSnapshotContract(
  host: string,
  create: (location: PluginLocation) => Promise<StateMachine>,
): void {
  describe(`state machine snapshots: ${host}`, () => {
    let folder = "";
    const opened: StateMachine[] = [];

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "graft-snapshots-"));
      await Bun.write(join(folder, "journal.js"), JOURNAL);
      await Bun.write(join(folder, "other.js"), JOURNAL.replace('"journal"', '"other"'));
      await Bun.write(join(folder, "without.js"), WITHOUT);
    });
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((machine) => machine.close()));
    });
    afterAll(() => rm(folder, { recursive: true }));

    const open = async (lines: readonly string[] = [], plugin = "journal.js"): Promise<StateMachine> => {
      const machine = await create(locatePlugin(plugin, folder));
      opened.push(machine);
      await outcomesOf(machine, run(1, lines));
      return machine;
    };
    /** The bytes of a snapshot of these lines. */
    const bytesOf = async (...lines: readonly string[]): Promise<Uint8Array> =>
      Buffer.concat(await readAll(await (await open(lines)).snapshot()));

    test("says whether there are any, and refuses where there are none", async () => {
      expect((await open()).description.snapshots).toBe(true);
      const without = await open([], "without.js");
      expect(without.description.snapshots).toBe(false);
      for (const call of [without.snapshot(), without.restore(chunksOf([]), null)]) {
        const refused = await rejection(call);
        expect(refused).toMatchObject({ code: "state-machine" });
        expect(refused.message).toStartWith("The state machine journal-without 1 has no snapshots");
      }
      expect(await ask(without, "?")).toBe("?");
    });

    test("a query is told the last entry and its time; they come back with the state, whichever were there before", async () => {
      expect(await ask(await open(), "context")).toBe("0,0");
      const writer = await open(["one", "two", "three"]);
      const wanted = await ask(writer, "context");
      expect(wanted).toBe("3,1000");
      const other = await open(Array.from({ length: 7 }, () => "another"));
      await other.restore(chunksOf(await readAll(await writer.snapshot())), null);
      expect(await ask(other, "context")).toBe(wanted);
    });

    test("the state comes back in another one, whole and in place of what was there", async () => {
      const lines = Array.from({ length: 5000 }, (_, nth) => `line ${nth} ${"x".repeat(nth % 300)}`);
      const machine = await open(lines);
      const chunks = await readAll(await machine.snapshot());
      const other = await open(["something else"]);
      await other.restore(chunksOf(chunks), null);
      expect(await ask(other)).toBe(lines.join());
      await outcomesOf(other, run(5001, ["one more"]));
      expect(await ask(other)).toEndWith(",one more");
    });

    test("an empty state and an empty line come back, too", async () => {
      for (const lines of [[], [""], ["", "", "a"]]) {
        const other = await open(["gone"]);
        await other.restore(chunksOf([await bytesOf(...lines)]), null);
        expect(await ask(other)).toBe(lines.join());
      }
    });

    test("the same state has the same bytes, restored or not", async () => {
      const lines = ["a", "b", "c"];
      const bytes = await bytesOf(...lines);
      const other = await open();
      await other.restore(chunksOf([bytes]), null);
      expect(Buffer.compare(bytes, Buffer.concat(await readAll(await other.snapshot())))).toBe(0);
    });

    test("chunks are bounded, the caller's to keep, and may come back in any size", async () => {
      const lines = ["x".repeat(3 * snapshotChunkBytesMax), "y", "z".repeat(snapshotChunkBytesMax)];
      const chunks = await readAll(await (await open(lines)).snapshot());
      for (const chunk of chunks) expect(chunk.length).toBeWithin(1, snapshotChunkBytesMax + 1);
      const bytes = Buffer.concat(chunks);
      for (const size of [100_003, bytes.length]) {
        const other = await open();
        const cut = Array.from({ length: Math.ceil(bytes.length / size) }, (_, nth) =>
          bytes.subarray(nth * size, (nth + 1) * size),
        );
        await other.restore(chunksOf(cut), null);
        expect(await ask(other)).toBe(lines.join());
      }
    });

    test("it is frozen as of every run handed over before, and commands go on while it is read", async () => {
      const lines = Array.from({ length: 3000 }, (_, nth) => `line ${nth} ${"x".repeat(500)}`);
      const machine = await open();
      const before = outcomesOf(machine, run(1, lines));
      const taking = machine.snapshot();
      const after = outcomesOf(machine, run(3001, ["later"]));
      const snapshot = await taking;
      await Promise.all([before, after]);
      const chunks: Uint8Array[] = [];
      for (let index = 3002; ; index++) {
        const chunk = await snapshot.read();
        if (chunk === null) break;
        chunks.push(chunk);
        await outcomesOf(machine, run(index, [`meanwhile ${index}`]));
        expect(await ask(machine)).toEndWith(`,meanwhile ${index}`);
      }
      expect(chunks.length).toBeGreaterThan(3);
      const other = await open();
      await other.restore(chunksOf(chunks), null);
      expect(await ask(other)).toBe(lines.join());
    });

    test("there is one at a time, until it is closed or at its end", async () => {
      const machine = await open(["a", "b"]);
      const first = await machine.snapshot();
      expect(await rejection(machine.snapshot())).toMatchObject({
        code: "state-machine",
        message: "A snapshot of the state machine is open",
      });
      expect(await ask(machine, "open")).toBe("1");
      first.close();
      first.close();
      const second = await machine.snapshot();
      await readAll(second);
      expect(await second.read()).toBeNull();
      second.close();
      expect(await ask(machine, "open")).toBe("0");
      const third = await machine.snapshot();
      second.close();
      expect(await readAll(third)).not.toBeEmpty();
    });

    test("one that is closed half-way is let go, and can be read no longer", async () => {
      const machine = await open(Array.from({ length: 20_000 }, (_, nth) => `line ${nth}`));
      const snapshot = await machine.snapshot();
      await snapshot.read();
      expect(await ask(machine, "open")).toBe("1");
      snapshot.close();
      expect(await rejection(snapshot.read())).toMatchObject({
        code: "state-machine",
        message: "The snapshot is closed",
      });
      expect(await ask(machine, "open")).toBe("0");
    });

    test.each([
      ["fails", "RangeError: no snapshot"],
      [
        "reads the clock",
        "ForbiddenInSnapshot: Date.now inside snapshot: the nodes would differ; a snapshot follows from the state alone",
      ],
      ["is late", "TypeError: snapshot returned a Promise: the state must be frozen when it returns"],
      ["is nothing", "TypeError: snapshot returned a Undefined, and nothing to iterate"],
      ["is text", "TypeError: snapshot returned string and not a Uint8Array"],
      [
        "is alive",
        "TypeError: snapshot returned a Array Iterator, which changes with the state: return an array, or the snapshot() of a SnapshotMap",
      ],
    ])("one that %s fails alone, when it is taken", async (line, reason) => {
      const machine = await open([line]);
      const refused = await rejection(machine.snapshot());
      expect(refused).toMatchObject({ code: "state-machine" });
      expect(refused.message).toBe(`The state machine journal 2.1.0 failed at a snapshot: ${reason}`);
      expect(await ask(machine)).toBe(line);
    });

    test.each([
      ["fails later", "RangeError: no such line"],
      [
        "draws lots",
        "ForbiddenInSnapshot: Math.random inside snapshot: the nodes would differ; a snapshot follows from the state alone",
      ],
    ])("one that %s fails alone, when it is read, and others may follow", async (line, reason) => {
      const machine = await open([line]);
      const snapshot = await machine.snapshot();
      const refused = await rejection(snapshot.read());
      expect(refused.message).toBe(`The state machine journal 2.1.0 failed at a snapshot: ${reason}`);
      await outcomesOf(machine, run(2, ["on it goes"]));
      const next = await machine.snapshot();
      snapshot.close();
      expect(await rejection(snapshot.read())).toMatchObject({ message: "The snapshot is closed" });
      expect(await rejection(next.read())).toMatchObject({ message: refused.message });
      expect(await ask(machine)).toBe(`${line},on it goes`);
    });

    test("one that cannot be let go stops the state machine: who knows what it holds", async () => {
      const machine = await open(["holds fast"]);
      const snapshot = await machine.snapshot();
      try {
        snapshot.close();
      } catch (error) {
        expect((error as Error).message).toEndWith("RangeError: stuck");
      }
      expect((await rejection(answerTo(machine, new Uint8Array()))).message).toEndWith(
        "failed at a snapshot: RangeError: stuck",
      );
    });

    test("an array is written down before the next command", async () => {
      const machine = await open(["at once", "b"]);
      const snapshot = await machine.snapshot();
      await outcomesOf(machine, run(3, ["c"]));
      const other = await open();
      await other.restore(chunksOf(await readAll(snapshot)), null);
      expect(await ask(other)).toBe("at once,b");
    });

    test.each([
      ["unreadable", "RangeError: no such line"],
      ["late", "TypeError: restore returned a Promise: it must finish before it returns"],
      [
        "timed",
        "ForbiddenInRestore: performance.now inside restore: the nodes would differ; a state follows from the snapshot alone",
      ],
    ])("a restore that meets %s stops the state machine", async (line, reason) => {
      const machine = await open(["a"]);
      const failure = await rejection(machine.restore(chunksOf([await bytesOf("a", line)]), null));
      expect(failure).toMatchObject({ code: "state-machine" });
      expect(failure.message).toBe(`The state machine journal 2.1.0 failed at restoring a snapshot: ${reason}`);
      const later = [
        outcomesOf(machine, run(1, ["b"])),
        answerTo(machine, new Uint8Array()),
        machine.snapshot(),
        machine.restore(chunksOf([]), null),
      ];
      for (const call of later) expect((await rejection(call)).message).toBe(failure.message);
    });

    test("a snapshot that is cut, goes on, or is another's, is noticed, and stops the state machine", async () => {
      const bytes = await bytesOf("a", "b");
      const others = Buffer.concat(await readAll(await (await open(["a"], "other.js")).snapshot()));
      const wrong: readonly (readonly [readonly Uint8Array[], string])[] = [
        [[], "the snapshot ends too early"],
        [[bytes.subarray(0, -1)], "the snapshot ends too early"],
        [[bytes.subarray(0, 20)], "the snapshot ends too early"],
        [[bytes, Uint8Array.of(0)], "the snapshot goes on after its end"],
        [[bytes, bytes], "the snapshot goes on after its end"],
        [[others], "it is a snapshot of other 2.1.0"],
      ];
      for (const [chunks, reason] of wrong) {
        const machine = await open();
        const failure = await rejection(machine.restore(chunksOf(chunks), null));
        expect(failure.message).toBe(
          `The state machine journal 2.1.0 failed at restoring a snapshot: RangeError: ${reason}`,
        );
        expect(await rejection(answerTo(machine, new Uint8Array()))).toBe(failure);
      }
    });

    test("chunks that do not come stop the state machine, and say why", async () => {
      const bytes = await bytesOf("a", "b");
      async function* broken(): AsyncGenerator<Uint8Array> {
        yield bytes.subarray(0, 10);
        throw new RangeError("the disk is gone");
      }
      const machine = await open();
      const failure = await rejection(machine.restore(broken(), null));
      expect(failure).toMatchObject({ name: "GraftError", code: "state-machine" });
      expect(failure.message).toEndWith("failed at restoring a snapshot: RangeError: the disk is gone");
      expect(await rejection(answerTo(machine, new Uint8Array()))).toBe(failure);
    });

    test("P35: damage of the snapshot's file is told as it is", async () => {
      const machine = await open();
      const damaged = new GraftError("damaged", "the snapshot is damaged");
      async function* broken(): AsyncGenerator<Uint8Array> {
        yield await bytesOf("a");
        throw damaged;
      }
      expect(await rejection(machine.restore(broken(), null))).toBe(damaged);
    });

    test("what is asked while it restores is refused, and harms nothing", async () => {
      const bytes = await bytesOf("a", "b");
      const machine = await open(["before"]);
      const { promise: asked, resolve } = Promise.withResolvers<void>();
      async function* slow(): AsyncGenerator<Uint8Array> {
        yield bytes.subarray(0, 10);
        await asked;
        yield bytes.subarray(10);
      }
      const restoring = machine.restore(slow(), null);
      const calls = [
        outcomesOf(machine, run(1, ["b"])),
        answerTo(machine, new Uint8Array()),
        machine.snapshot(),
        machine.restore(chunksOf([]), null),
      ];
      for (const call of calls) {
        const message = "The state machine journal 2.1.0 is restoring a snapshot";
        expect(await rejection(call)).toMatchObject({ code: "state-machine", message });
      }
      resolve();
      await restoring;
      expect(await ask(machine)).toBe("a,b");
    });

    test("it is not restored while a snapshot of it is open: neither is harmed", async () => {
      const bytes = await bytesOf("a", "b");
      const machine = await open(["before"]);
      const snapshot = await machine.snapshot();
      expect((await rejection(machine.restore(chunksOf([bytes]), null))).message).toBe(
        "A snapshot of the state machine is open",
      );
      expect(await ask(machine)).toBe("before");
      await readAll(snapshot);
      await machine.restore(chunksOf([bytes]), null);
      expect(await ask(machine)).toBe("a,b");
    });

    test("chunks are asked for as they are taken in, and left alone once it fails", async () => {
      const bytes = await bytesOf("unreadable", ...Array.from({ length: 1000 }, () => "x".repeat(1000)));
      let asked = 0;
      let isReturned = false;
      async function* counted(): AsyncGenerator<Uint8Array> {
        try {
          for (let at = 0; at < bytes.length; at += 10_000) {
            asked++;
            yield bytes.subarray(at, at + 10_000);
          }
        } finally {
          isReturned = true;
        }
      }
      await rejection((await open()).restore(counted(), null));
      expect(asked).toBeLessThan(6);
      expect(isReturned).toBe(true);
    });

    test("once closed, nothing of a snapshot is answered", async () => {
      const machine = await open(["a"]);
      const snapshot = await machine.snapshot();
      await machine.close();
      for (const call of [snapshot.read(), machine.snapshot(), machine.restore(chunksOf([]), null)]) {
        expect(await rejection(call)).toMatchObject({ code: "state-machine", message: "The state machine is closed" });
      }
      snapshot.close();
    });
  });
}
