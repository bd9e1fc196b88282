// What every host of a state machine must do, wherever the state machine lives. The plugin under test is written to a folder
// outside of the project, as a user's would be.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { locatePlugin, type PluginLocation } from "../../src/adapters/plugin/loader.ts";
import type { AppliedCommand, Outcome, StateMachine } from "../../src/ports/state-machine.ts";
import { answerTo, outcomesOf } from "./outcomes-of.ts";

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
        if (text.startsWith("large ")) return new Uint8Array(8 * 1024 * 1024).fill(Number(text.slice(6)));
        if (text.startsWith("echo ")) return command.subarray(5);
        journal.push(text);
        return write(text + " is number " + journal.length);
      },
      query(question) {
        if (read(question) === "fail") throw new RangeError("no such question");
        if (read(question) === "timer") setTimeout(() => { throw new Error("from a timer"); }, 1);
        if (read(question) === "hidden timer") try { setTimeout(() => {}, 1); } catch {}
        if (read(question) === "network") fetch("http://127.0.0.1:1/");
        if (read(question) === "clock") return write(String(Date.now() > 0));
        if (read(question) === "source") throw new RangeError("first line\\n2 | secret()");
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
      told(await answerTo(machine, Buffer.from(question)));

    test("describes the plugin", async () => {
      expect((await open()).description).toEqual({
        name: "journal",
        version: "2.1.0",
        style: "raw",
        commands: [],
        queries: [],
        snapshots: false,
      });
    });

    test("outcomes come in the order of the commands", async () => {
      const machine = await open();
      const outcomes = await outcomesOf(machine, run(1, ["a", "b", "c"]));
      expect(outcomes.map(told)).toEqual(["a is number 1", "b is number 2", "c is number 3"]);
    });

    test("an empty run has no outcomes", async () => {
      expect(await outcomesOf(await open(), [])).toEqual([]);
    });

    test("runs under way at once are applied in order, each entry exactly once, and settle in order", async () => {
      const machine = await open();
      const settled: number[] = [];
      const runs = Array.from({ length: 100 }, async (_, nth) => {
        const first = nth * 3 + 1;
        const outcomes = await outcomesOf(machine, run(first, [`e${first}`, `e${first + 1}`, `e${first + 2}`]));
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
      const before = outcomesOf(machine, run(1, ["a", "b"]));
      const answer = ask(machine, "?");
      const after = outcomesOf(machine, run(3, ["c"]));
      expect(await answer).toBe("a,b?");
      await Promise.all([before, after]);
    });

    test("index, term and time reach the plugin unchanged, and chance follows from index and term alone", async () => {
      const command = {
        kind: "command" as const,
        index: 2 ** 53 - 1,
        term: 2 ** 40 + 7,
        timeMs: 1_795_430_000_123.5,
        payload: Buffer.from("context"),
        session: null,
        isAwaited: true,
      };
      const [one] = await outcomesOf(await open(), [command]);
      const machine = await open();
      await outcomesOf(machine, run(1, ["context", "a"]));
      const [other, later, elsewhere] = await outcomesOf(machine, [
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
      const outcomes = await outcomesOf(
        machine,
        payloads.map((bytes, nth) => ({
          kind: "command" as const,
          index: nth + 1,
          term: 1,
          timeMs: 0,
          payload: Buffer.concat([Buffer.from("echo "), bytes]),
          session: null,
          isAwaited: true,
        })),
      );
      expect(outcomes.map((outcome) => outcome.kind === "ok" && Bun.hash(outcome.payload))).toEqual(
        payloads.map((bytes) => Bun.hash(bytes)),
      );
    });

    test("the caller's payloads remain the caller's", async () => {
      const machine = await open();
      const payload = new Uint8Array(Buffer.from("a"));
      await outcomesOf(machine, [
        { kind: "command" as const, index: 1, term: 1, timeMs: 0, payload, session: null, isAwaited: true },
      ]);
      await answerTo(machine, payload);
      expect(payload).toEqual(new Uint8Array([97]));
    });

    test("Rejected is an answer: the run goes on, and so does the state machine", async () => {
      const machine = await open();
      const outcomes = await outcomesOf(machine, run(1, ["a", "refuse", "b"]));
      expect(outcomes[1]).toEqual({ kind: "rejected", message: "refused 2" });
      expect(await answerTo(machine, Buffer.from("refuse"))).toEqual({ kind: "rejected", message: "no answer" });
      expect(await ask(machine)).toBe("a,b");
    });

    test("a command that throws stops everything, and the error names the plugin and the entry", async () => {
      const machine = await open();
      const before = outcomesOf(machine, run(1, ["a"]));
      const failing = rejection(outcomesOf(machine, run(2, ["b", "fail", "c"])));
      const queued = rejection(outcomesOf(machine, run(5, ["d"])));
      const asked = rejection(answerTo(machine, Buffer.from("?")));
      expect((await before).map(told)).toEqual(["a is number 1"]);
      const error = await failing;
      expect(error).toMatchObject({ name: "GraftError", code: "state-machine" });
      expect(error.message).toBe(
        "The state machine journal 2.1.0 failed at entry 3 (term 1): RangeError: out of range",
      );
      expect(String(error.cause)).toContain("out of range");
      const later = [queued, asked, rejection(outcomesOf(machine, [])), rejection(answerTo(machine, Buffer.from("?")))];
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
      const error = await rejection(outcomesOf(await open(), run(9, [command])));
      expect(error.message).toBe(`The state machine journal 2.1.0 failed at entry 9 (term 1): ${reason}`);
    });

    test("what nobody awaits is applied, and its outcome is empty", async () => {
      const machine = await open();
      const commands = run(1, ["a", "refuse", "b", "c"]).map((command, nth) => ({ ...command, isAwaited: nth === 3 }));
      const empty = new Uint8Array();
      expect(await outcomesOf(machine, commands)).toEqual([
        { kind: "ok", payload: empty },
        { kind: "rejected", message: "" },
        { kind: "ok", payload: empty },
        { kind: "ok", payload: new Uint8Array(Buffer.from("c is number 3")) },
      ]);
      expect(await ask(machine)).toBe("a,b,c");
    });

    test("a hundred large results that nobody awaits cost no memory, and five that are awaited come whole", async () => {
      const machine = await open();
      const sizes = (outcomes: readonly Outcome[]): readonly number[] =>
        outcomes.map((outcome) => (outcome.kind === "ok" ? outcome.payload.byteLength : -1));
      const unread = run(
        1,
        Array.from({ length: 100 }, () => "large 1"),
      ).map((command) => ({ ...command, isAwaited: false }));
      expect(sizes(await outcomesOf(machine, unread))).toEqual(unread.map(() => 0));
      const outcomes = await outcomesOf(
        machine,
        run(101, ["large 1", "large 2", "a", "large 3", "large 4", "large 5"]),
      );
      const large = 8 * 1024 * 1024;
      expect(sizes(outcomes)).toEqual([large, large, 13, large, large, large]);
      const ends = outcomes.map((outcome) => outcome.kind === "ok" && [outcome.payload[0], outcome.payload.at(-1)]);
      expect(ends).toEqual([
        [1, 1],
        [2, 2],
        [97, 49],
        [3, 3],
        [4, 4],
        [5, 5],
      ]);
      const held = new Set(outcomes.map((outcome) => outcome.kind === "ok" && outcome.payload.buffer));
      for (const buffer of held) expect((buffer as ArrayBuffer).byteLength).toBeLessThan(9 * 1024 * 1024);
    });

    test("large results come piece by piece, in order, each once, none from inside the call, and others get their turn", async () => {
      const machine = await open();
      const pieces: number[][] = [];
      let isInside = true;
      let turns = 0;
      const counting = setInterval(() => turns++, 0);
      const turnsAt: number[] = [];
      const applying = machine.apply(
        run(
          1,
          Array.from({ length: 20 }, (_, nth) => `large ${nth}`),
        ),
        (outcomes) => {
          expect(isInside).toBe(false);
          pieces.push(outcomes.map((outcome) => (outcome.kind === "ok" ? outcome.payload[0]! : -1)));
          turnsAt.push(turns);
        },
      );
      isInside = false;
      await applying;
      clearInterval(counting);
      expect(pieces).toEqual(Array.from({ length: 20 }, (_, nth) => [nth]));
      expect(new Set(turnsAt).size).toBeGreaterThan(2);
    });

    test("a command that throws among large ones: what was delivered stands, and nothing more is", async () => {
      const machine = await open();
      const kinds: string[] = [];
      const error = await rejection(
        machine.apply(run(1, ["large 1", "large 2", "large 3", "fail", "large 4"]), (outcomes) => {
          kinds.push(...outcomes.map(({ kind }) => kind));
        }),
      );
      expect(error.message).toContain("failed at entry 4 (term 1)");
      // The third one may be still on its way.
      expect(["ok,ok", "ok,ok,ok"]).toContain(kinds.join());
    });

    test("closed by who has been delivered the first results, it delivers no more", async () => {
      const machine = await open();
      let count = 0;
      const large = Array.from({ length: 10 }, () => "large 1");
      const closing = machine.apply(run(1, large), (outcomes) => {
        count += outcomes.length;
        void machine.close();
      });
      const behind = rejection(answerTo(machine, Buffer.from("")));
      for (const error of [await rejection(closing), await behind])
        expect(error.message).toBe("The state machine is closed");
      expect(count).toBe(1);
    });

    test("what is asked behind a run of large results is answered after it, from the state that it left", async () => {
      const machine = await open();
      const order: string[] = [];
      const commands = ["a", ...Array.from({ length: 12 }, () => "large 1"), "b"];
      const applying = machine.apply(run(1, commands), () => order.push("piece")).then(() => order.push("run"));
      const asking = ask(machine).then((answer) => order.push(answer));
      const later = outcomesOf(machine, run(20, ["c"])).then(() => order.push("later"));
      await Promise.all([applying, asking, later]);
      expect(order.slice(-3)).toEqual(["run", "a,b", "later"]);
      expect(order.length).toBeGreaterThan(8);
    });

    test.each([
      ["timer", "setTimeout inside query: it would go on after the answer; a query is finished when it returns"],
      ["hidden timer", "setTimeout inside query: it would go on after the answer; a query is finished when it returns"],
      ["network", "fetch inside query: it would go on after the answer; let the client ask"],
    ])(
      "a query that would leave something behind (%s) fails, and the state machine goes on",
      async (question, reason) => {
        const machine = await open();
        const refused = await rejection(answerTo(machine, Buffer.from(question)));
        expect(refused.message).toBe(`The state machine journal 2.1.0 failed at a query: ForbiddenInQuery: ${reason}`);
        expect((await outcomesOf(machine, run(1, ["a"]))).map(told)).toEqual(["a is number 1"]);
      },
    );

    test("a query may read the clock: it changes nothing", async () => {
      expect(await ask(await open(), "clock")).toBe("true");
    });

    test("a message that is told has one line: what follows may be source", async () => {
      const refused = await rejection(answerTo(await open(), Buffer.from("source")));
      expect(refused.message).toBe("The state machine journal 2.1.0 failed at a query: RangeError: first line");
    });

    test("a query that throws fails alone", async () => {
      const machine = await open();
      const failing = rejection(answerTo(machine, Buffer.from("fail")));
      const outcomes = outcomesOf(machine, run(1, ["a"]));
      expect(await failing).toMatchObject({
        code: "query-failed",
        message: "The state machine journal 2.1.0 failed at a query: RangeError: no such question",
      });
      expect((await outcomes).map(told)).toEqual(["a is number 1"]);
    });

    test("each state machine has a state of its own", async () => {
      const [one, other] = await Promise.all([open(), open()]);
      await outcomesOf(one, run(1, ["a"]));
      expect(await ask(other)).toBe("");
    });

    test("once closed, every call is refused; closing again is fine", async () => {
      const machine = await open();
      await machine.close();
      await machine.close();
      for (const call of [outcomesOf(machine, run(1, ["a"])), answerTo(machine, Buffer.from(""))]) {
        expect(await rejection(call)).toMatchObject({ code: "state-machine", message: "The state machine is closed" });
      }
    });
  });
}

function run(firstIndex: number, commands: readonly string[]): readonly AppliedCommand[] {
  return commands.map((command, nth) => ({
    kind: "command" as const,
    index: firstIndex + nth,
    term: 1,
    timeMs: 1000,
    payload: Buffer.from(command),
    session: null,
    isAwaited: true,
  }));
}

function told(outcome: Outcome | undefined): string {
  if (outcome?.kind !== "ok") throw new Error(`not an answer: ${JSON.stringify(outcome)}`);
  return Buffer.from(outcome.payload).toString();
}

async function rejection(call: Promise<unknown>): Promise<Error> {
  return call.then(
    () => Promise.reject(new Error("the call was answered")),
    (error: unknown) => (error instanceof Error ? error : Promise.reject(new Error("not an Error"))),
  );
}
