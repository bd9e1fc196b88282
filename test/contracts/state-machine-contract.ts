// What every host of a state machine must do, wherever the state machine lives. The plugin under test is written to a folder
// outside of the project, as a user's would be.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { locatePlugin, type PluginLocation } from "../../src/adapters/plugin/loader.ts";
import type { AppliedCommand, Outcome, StateMachine } from "../../src/ports/state-machine.ts";

/** Keeps a journal of what was applied: a query returns it, together with the query's own text. */
const JOURNAL = `
import { defineRawStateMachine, Rejected } from "graft";
const read = (bytes) => new TextDecoder().decode(bytes);
const write = (text) => new TextEncoder().encode(text);
export default defineRawStateMachine({
  name: "journal",
  version: "2.1.0",
  create() {
    const journal = [];
    return {
      apply(command, ctx) {
        const text = read(command);
        if (text === "refuse") throw new Rejected("refused " + ctx.index);
        if (text === "fail") throw new RangeError("out of range");
        if (text === "promise") return Promise.resolve(write("later"));
        if (text === "nothing") return undefined;
        if (text === "clock") Date.now();
        if (text === "hidden clock") try { performance.now(); } catch {}
        if (text === "refused clock") try { Math.random(); } catch { throw new Rejected("no luck"); }
        if (text === "context") return write([ctx.index, ctx.term, ctx.timeMs, ctx.random(), ctx.random()].join());
        if (text.startsWith("echo ")) return command.subarray(5);
        journal.push(text);
        return write(text + " is number " + journal.length);
      },
      query(question) {
        if (read(question) === "fail") throw new RangeError("no such question");
        if (read(question) === "refuse") throw new Rejected("no answer");
        return write(journal.join() + read(question));
      },
    };
  },
});
`;

export function describeStateMachineContract(
  host: string,
  create: (location: PluginLocation) => Promise<StateMachine>,
): void {
  describe(`state machine contract: ${host}`, () => {
    let folder = "";
    let location: PluginLocation;
    const opened: StateMachine[] = [];

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "graft-contract-"));
      await Bun.write(join(folder, "index.js"), JOURNAL);
      location = locatePlugin(folder, "/");
    });
    afterEach(async () => {
      await Promise.all(opened.splice(0).map((machine) => machine.close()));
    });
    afterAll(() => rm(folder, { recursive: true }));

    const open = async (): Promise<StateMachine> => {
      const machine = await create(location);
      opened.push(machine);
      return machine;
    };
    const ask = async (machine: StateMachine, question = ""): Promise<string> =>
      told(await machine.query(Buffer.from(question)));

    test("describes the plugin", async () => {
      expect((await open()).description).toEqual({
        name: "journal",
        version: "2.1.0",
        style: "raw",
        commands: [],
        queries: [],
      });
    });

    test("outcomes come in the order of the commands", async () => {
      const machine = await open();
      const outcomes = await machine.apply(run(1, ["a", "b", "c"]));
      expect(outcomes.map(told)).toEqual(["a is number 1", "b is number 2", "c is number 3"]);
    });

    test("an empty run has no outcomes", async () => {
      expect(await (await open()).apply([])).toEqual([]);
    });

    test("runs under way at once are applied in order, each entry exactly once, and settle in order", async () => {
      const machine = await open();
      const settled: number[] = [];
      const runs = Array.from({ length: 100 }, async (_, nth) => {
        const first = nth * 3 + 1;
        const outcomes = await machine.apply(run(first, [`e${first}`, `e${first + 1}`, `e${first + 2}`]));
        settled.push(nth);
        return outcomes.map(told);
      });
      const outcomes = (await Promise.all(runs)).flat();
      const entries = Array.from({ length: 300 }, (_, nth) => `e${nth + 1}`);
      expect(outcomes).toEqual(entries.map((entry, nth) => `${entry} is number ${nth + 1}`));
      expect(settled).toEqual(Array.from({ length: 100 }, (_, nth) => nth));
      expect(await ask(machine)).toBe(entries.join());
    });

    test("a query sees every run handed over before it, and none after it", async () => {
      const machine = await open();
      const before = machine.apply(run(1, ["a", "b"]));
      const answer = ask(machine, "?");
      const after = machine.apply(run(3, ["c"]));
      expect(await answer).toBe("a,b?");
      await Promise.all([before, after]);
    });

    test("index, term and time reach the plugin unchanged, and chance follows from index and term alone", async () => {
      const command = {
        index: 2 ** 53 - 1,
        term: 2 ** 40 + 7,
        timeMs: 1_795_430_000_123.5,
        payload: Buffer.from("context"),
      };
      const [one] = await (await open()).apply([command]);
      const machine = await open();
      await machine.apply(run(1, ["context", "a"]));
      const [other, later, elsewhere] = await machine.apply([
        command,
        { ...command, index: 5 },
        { ...command, term: 5 },
      ]);
      expect(told(one)).toStartWith("9007199254740991,1099511627783,1795430000123.5,0.");
      expect(told(other)).toBe(told(one));
      const draws = [one, later, elsewhere].flatMap((outcome) => told(outcome).split(",").slice(3));
      expect(new Set(draws).size).toBe(6);
    });

    test("bytes pass unharmed, none of them and a mebibyte alike", async () => {
      const machine = await open();
      const large = crypto.getRandomValues(new Uint8Array(65_536));
      const payloads = [new Uint8Array(), ...Array.from({ length: 16 }, () => large), Uint8Array.of(0, 255)];
      const outcomes = await machine.apply(
        payloads.map((bytes, nth) => ({
          index: nth + 1,
          term: 1,
          timeMs: 0,
          payload: Buffer.concat([Buffer.from("echo "), bytes]),
        })),
      );
      expect(outcomes.map((outcome) => outcome.kind === "ok" && Bun.hash(outcome.payload))).toEqual(
        payloads.map((bytes) => Bun.hash(bytes)),
      );
    });

    test("the caller's payloads remain the caller's", async () => {
      const machine = await open();
      const payload = new Uint8Array(Buffer.from("a"));
      await machine.apply([{ index: 1, term: 1, timeMs: 0, payload }]);
      await machine.query(payload);
      expect(payload).toEqual(new Uint8Array([97]));
    });

    test("Rejected is an answer: the run goes on, and so does the state machine", async () => {
      const machine = await open();
      const outcomes = await machine.apply(run(1, ["a", "refuse", "b"]));
      expect(outcomes[1]).toEqual({ kind: "rejected", message: "refused 2" });
      expect(await machine.query(Buffer.from("refuse"))).toEqual({ kind: "rejected", message: "no answer" });
      expect(await ask(machine)).toBe("a,b");
    });

    test("a command that throws stops everything, and the error names the plugin and the entry", async () => {
      const machine = await open();
      const before = machine.apply(run(1, ["a"]));
      const failing = rejection(machine.apply(run(2, ["b", "fail", "c"])));
      const queued = rejection(machine.apply(run(5, ["d"])));
      const asked = rejection(machine.query(Buffer.from("?")));
      expect((await before).map(told)).toEqual(["a is number 1"]);
      const error = await failing;
      expect(error).toMatchObject({ name: "GraftError", code: "state-machine" });
      expect(error.message).toBe(
        "The state machine journal 2.1.0 failed at entry 3 (term 1): RangeError: out of range",
      );
      expect(String(error.cause)).toContain("out of range");
      const later = [queued, asked, rejection(machine.apply([])), rejection(machine.query(Buffer.from("?")))];
      for (const refused of await Promise.all(later)) expect(refused.message).toBe(error.message);
    });

    test.each([
      ["promise", "TypeError: apply returned a Promise: it must finish before it returns"],
      ["nothing", "TypeError: apply returned undefined and not a Uint8Array"],
      ["clock", "ForbiddenInApply: Date.now inside apply: the nodes would differ; use ctx.timeMs, the replicated time"],
      [
        "hidden clock",
        "ForbiddenInApply: performance.now inside apply: the nodes would differ; use ctx.timeMs, the replicated time",
      ],
      [
        "refused clock",
        "ForbiddenInApply: Math.random inside apply: the nodes would differ; use ctx.random(), which draws the same numbers on every node",
      ],
    ])("an apply that answers with %p is a failure", async (command, reason) => {
      const error = await rejection((await open()).apply(run(9, [command])));
      expect(error.message).toBe(`The state machine journal 2.1.0 failed at entry 9 (term 1): ${reason}`);
    });

    test("a query that throws fails alone", async () => {
      const machine = await open();
      const failing = rejection(machine.query(Buffer.from("fail")));
      const outcomes = machine.apply(run(1, ["a"]));
      expect(await failing).toMatchObject({
        code: "state-machine",
        message: "The state machine journal 2.1.0 failed at a query: RangeError: no such question",
      });
      expect((await outcomes).map(told)).toEqual(["a is number 1"]);
    });

    test("each state machine has a state of its own", async () => {
      const [one, other] = await Promise.all([open(), open()]);
      await one.apply(run(1, ["a"]));
      expect(await ask(other)).toBe("");
    });

    test("once closed, every call is refused; closing again is fine", async () => {
      const machine = await open();
      await machine.close();
      await machine.close();
      for (const call of [machine.apply(run(1, ["a"])), machine.query(Buffer.from(""))]) {
        expect(await rejection(call)).toMatchObject({ code: "state-machine", message: "The state machine is closed" });
      }
    });
  });
}

function run(firstIndex: number, commands: readonly string[]): readonly AppliedCommand[] {
  return commands.map((command, nth) => ({
    index: firstIndex + nth,
    term: 1,
    timeMs: 1000,
    payload: Buffer.from(command),
  }));
}

function told(outcome: Outcome | undefined): string {
  if (outcome?.kind !== "ok") throw new Error(`not an answer: ${outcome?.message}`);
  return Buffer.from(outcome.payload).toString();
}

async function rejection(call: Promise<unknown>): Promise<Error> {
  return call.then(
    () => Promise.reject(new Error("the call was answered")),
    (error: unknown) => (error instanceof Error ? error : Promise.reject(new Error("not an Error"))),
  );
}
