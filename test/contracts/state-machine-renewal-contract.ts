// What must hold of every host of a state machine that is thrown away and begins anew, whatever has become of it.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { locatePlugin, type PluginLocation } from "../../src/adapters/plugin/loader.ts";
import { renewable } from "../../src/adapters/plugin/renewable.ts";
import { GraftError } from "../../src/errors.ts";
import type { RenewableStateMachine, StateMachine } from "../../src/ports/state-machine.ts";
import { ask, chunksOf, JOURNAL, readAll, rejection, run } from "./journal-plugin.ts";
import { answerTo, outcomesOf } from "./outcomes-of.ts";

/** Its commands also fail as they say. */
const FAILING = JOURNAL.replace(
  "apply(command) {",
  `apply(command) {
        if (read(command) === "throw") throw new RangeError("out of range");`,
);

export function describeRenewalContract(
  host: string,
  create: (location: PluginLocation) => Promise<StateMachine>,
): void {
  describe(`a state machine that begins anew: ${host}`, () => {
    let folder = "";
    const opened: StateMachine[] = [];

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "graft-renewal-"));
      await Bun.write(join(folder, "journal.js"), FAILING);
    });
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((machine) => machine.close()));
    });
    afterAll(() => rm(folder, { recursive: true }));

    const open = async (lines: readonly string[] = [], begun = create): Promise<RenewableStateMachine> => {
      const machine = await renewable(() => begun(locatePlugin("journal.js", folder)));
      opened.push(machine);
      await outcomesOf(machine, run(1, lines));
      return machine;
    };

    test("its state is empty, and it is what it was", async () => {
      const machine = await open(["a", "b"]);
      const { description, versions } = machine;
      await machine.renew();
      expect([await ask(machine), await ask(machine, "context")]).toEqual(["", "0,0"]);
      expect([machine.description, machine.versions, machine.failure]).toEqual([description, versions, null]);
      await outcomesOf(machine, run(1, ["c"]));
      expect(await ask(machine)).toBe("c");
    });

    test("one that has stopped at a command runs again", async () => {
      const machine = await open(["a"]);
      await rejection(outcomesOf(machine, run(2, ["throw"])));
      expect(machine.failure?.message).toContain("failed at entry 2 (term 1): RangeError: out of range");
      await machine.renew();
      await outcomesOf(machine, run(1, ["b"]));
      expect([machine.failure, await ask(machine)]).toEqual([null, "b"]);
    });

    test("what is under way is rejected, also a restore, and what comes after is answered", async () => {
      const chunks = await readAll(await (await open(["a", "b"])).snapshot());
      const machine = await open();
      const { promise: asked, resolve } = Promise.withResolvers<void>();
      async function* slow(): AsyncGenerator<Uint8Array> {
        yield chunks[0]!.subarray(0, 10);
        await asked;
        yield chunks[0]!.subarray(10);
      }
      const restoring = rejection(machine.restore(slow(), null));
      const renewing = machine.renew();
      resolve();
      expect(await restoring).toMatchObject({ code: "state-machine" });
      await renewing;
      await machine.restore(chunksOf(chunks), null);
      expect(await ask(machine)).toBe("a,b");
    });

    test("a snapshot of the state before can be read no longer, and hinders no other", async () => {
      const machine = await open(["a"]);
      const before = await machine.snapshot();
      await machine.renew();
      expect(await rejection(before.read())).toMatchObject({ code: "state-machine" });
      await outcomesOf(machine, run(1, ["b"]));
      const chunks = await readAll(await machine.snapshot());
      before.close();
      await machine.renew();
      await machine.restore(chunksOf(chunks), null);
      expect(await ask(machine)).toBe("b");
    });

    test("it may begin anew several times, and twice at once is once", async () => {
      let begun = 0;
      const machine = await open(["a"], (location) => {
        begun++;
        return create(location);
      });
      await Promise.all([machine.renew(), machine.renew()]);
      expect(begun).toBe(2);
      await machine.renew();
      expect([begun, await ask(machine)]).toEqual([3, ""]);
    });

    test("where none can begin, every call is refused, and it may be tried again", async () => {
      let isGone = false;
      const machine = await open(["a"], (location) =>
        isGone ? Promise.reject(new GraftError("plugin", "it is gone")) : create(location),
      );
      isGone = true;
      expect((await rejection(machine.renew())).message).toBe("it is gone");
      for (const call of [outcomesOf(machine, run(1, ["b"])), answerTo(machine, new Uint8Array()), machine.snapshot()])
        expect(await rejection(call)).toMatchObject({ code: "state-machine" });
      isGone = false;
      await machine.renew();
      expect(await ask(machine)).toBe("");
    });

    test("once closed it begins no more, also when it was just about to", async () => {
      const machine = await open(["a"]);
      const renewing = rejection(machine.renew());
      await machine.close();
      expect((await renewing).message).toBe("The state machine is closed");
      expect((await rejection(machine.renew())).message).toBe("The state machine is closed");
      expect(await rejection(outcomesOf(machine, run(1, ["b"])))).toMatchObject({ code: "state-machine" });
    });
  });
}
