// A program is woken as a plugin is: the same commands come to the same, however they are put together.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { array, assert, asyncProperty, boolean, constantFrom, integer, record } from "fast-check";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInlineStateMachine } from "../../../src/adapters/plugin/inline-host.ts";
import { createProcessStateMachine } from "../../../src/adapters/process/process-host.ts";
import { createVersionedPrograms } from "../../../src/adapters/process/versioned-programs.ts";
import { stampMsMax } from "../../../src/core/entry.ts";
import { StateMachineStopped } from "../../../src/errors.ts";
import { type AppliedEntry, putOffMs, type StateMachine } from "../../../src/ports/state-machine.ts";
import { ask, chunksOf, readAll, rejection } from "../../contracts/journal-plugin.ts";
import { outcomesOf } from "../../contracts/outcomes-of.ts";
import { tick } from "../plugin/tick.ts";
import { answering, hello, says, ScriptedMachines } from "./scripted.ts";

/** A command is a list of times for which it asks; one with a "no" is rejected. What is due asks for the time of the entry and three more. */
const source = (version: string, due: string): string => `
import { defineRawStateMachine, Rejected } from "graft";
export default defineRawStateMachine({
  name: "diary", version: "${version}",
  create() {
    let lines = "";
    const bytes = () => new TextEncoder().encode(lines);
    return {
      apply(command, ctx) {
        const words = new TextDecoder().decode(command).split(" ");
        for (const word of words) if (word !== "" && word !== "no") ctx.wakeAt(Number(word));
        if (words.includes("no")) throw new Rejected("no");
        lines += "c" + ctx.timeMs + " ";
        return bytes();
      },
      query: bytes,
      ${due}
      snapshot: () => [bytes()],
      restore(piece) { lines = new TextDecoder().decode(piece); },
    };
  },
});`;
const due =
  'due(ctx) { lines += "d" + ctx.timeMs + "/" + ctx.index + " "; if (ctx.index % 2 === 0) ctx.wakeAt(ctx.timeMs + 3); },';

const opened: StateMachine[] = [];
const scripted = new ScriptedMachines();
let folder = "";
let server = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "graft-waking-"));
  const entry = join(import.meta.dir, "serve-plugin.ts");
  server = (await Bun.build({ entrypoints: [entry], target: "bun", outdir: folder })).outputs[0]!.path;
  await Bun.write(join(folder, "wakes.ts"), source("2", due));
  await Bun.write(join(folder, "wakes-too.ts"), source("3", due.replaceAll('"d"', '"D"')));
  await Bun.write(join(folder, "sleeps.ts"), source("1", ""));
});
afterEach(async () => {
  await Promise.all([...opened.splice(0).map((machine) => machine.close()), scripted.closeAll()]);
});
afterAll(() => rm(folder, { recursive: true }));

const serving = (file: string) => ({ command: [process.execPath, server, join(folder, file)], directory: folder });

async function opening(machine: Promise<StateMachine>): Promise<StateMachine> {
  const begun = await machine;
  opened.push(begun);
  return begun;
}
const program = (): Promise<StateMachine> => opening(createProcessStateMachine(serving("wakes.ts")));

const command = (index: number, timeMs: number, words = ""): AppliedEntry => ({
  kind: "command",
  index,
  term: 1,
  timeMs,
  payload: new TextEncoder().encode(words),
  session: null,
  isAwaited: true,
});

describe("a program is woken", () => {
  test("before the first entry that has reached the time for which it has asked, once", async () => {
    const machine = await program();
    expect(await machine.apply([command(1, 10, "20 30")], () => {})).toBe(20);
    expect(await machine.apply([tick(3, 19), command(5, 21), command(7, 40)], () => {})).toBeNull();
    expect(await ask(machine)).toBe("c10 d21/5 c21 c40 ");
  });

  test("again when it asks again", async () => {
    const machine = await program();
    expect(await machine.apply([command(1, 10, "20"), tick(2, 25)], () => {})).toBe(28);
    expect(await machine.apply([tick(4, 28)], () => {})).toBe(31);
  });

  test("not for what a rejected command asks for, and in the next millisecond for what has passed", async () => {
    const machine = await program();
    expect(await machine.apply([command(1, 10, "20 no")], () => {})).toBeNull();
    expect(await machine.apply([command(2, 10, "3")], () => {})).toBe(11);
    expect(await machine.apply([command(3, 10, String(stampMsMax + 1))], () => {})).toBe(11);
  });

  test("later where its entry is skipped", async () => {
    const machine = await program();
    const skipped = { ...command(2, 30), isSkipped: true };
    expect(await machine.apply([command(1, 10, "20"), skipped], () => {})).toBe(30 + putOffMs);
    expect(await ask(machine)).toBe("c10 ");
  });

  test("after its state was restored", async () => {
    const first = await program();
    await first.apply([command(7, 20, "99")], () => {});
    const chunks = await readAll(await first.snapshot());
    const other = await program();
    expect(await other.restore(chunksOf(chunks), null)).toBe(99);
  });

  const pairs = ["sleeps", "wakes", "wakes-too"].flatMap((one) =>
    ["sleeps", "wakes", "wakes-too"].flatMap((two) => (one === two ? [] : [[one, two]])),
  );

  test.each(pairs)("as plugins are where %s hands over to %s", async (...names) => {
    const files = names.map((name) => `${name}.ts`);
    const machines = await Promise.all([
      opening(createVersionedPrograms(files.map(serving))),
      opening(createInlineStateMachine(files.map((file) => ({ kind: "file", path: join(folder, file) })))),
    ]);
    const told = machines.map(async (machine) => {
      const [one, two] = machine.versions;
      const activate = (index: number, timeMs: number, plugin: typeof one): AppliedEntry => {
        const { name, version, hash } = plugin!;
        return { kind: "activate", index, term: 1, timeMs, isAwaited: false, plugin: { name, version, hash } };
      };
      const runs: (readonly AppliedEntry[])[] = [
        [activate(1, 5, one), command(2, 10), activate(4, 30, two)],
        [activate(6, 40, one), command(8, 50, one!.version === "1" ? "" : "55 90"), activate(10, 60, two)],
        [command(12, 61), activate(14, 70, one), tick(16, 80), activate(18, 99, two), tick(20, 120)],
      ];
      const seen: unknown[] = [];
      for (const run of runs) seen.push(await machine.apply(run, () => {}), await ask(machine));
      return seen;
    });
    const [programs, plugins] = await Promise.all(told);
    expect(programs).toEqual(plugins);
  });

  test("as the same plugin is in its node, however the entries are put together", async () => {
    const entries = array(
      record({
        step: integer({ min: 0, max: 4 }),
        kind: constantFrom("command", "command", "tick", "skipped"),
        asks: array(integer({ min: -2, max: 12 }), { maxLength: 3 }),
        isRefused: boolean(),
      }),
      { maxLength: 30 },
    );
    const plugin = await opening(createInlineStateMachine([{ kind: "file", path: join(folder, "wakes.ts") }]));
    const machine = await program();
    const empty = await readAll(await machine.snapshot());
    await assert(
      asyncProperty(entries, integer({ min: 1, max: 7 }), async (drawn, size) => {
        await Promise.all([plugin.restore(chunksOf(empty), null), machine.restore(chunksOf(empty), null)]);
        let timeMs = 100;
        const run = drawn.map(({ step, kind, asks, isRefused }, nth) => {
          timeMs += step;
          if (kind === "tick") return tick(nth + 1, timeMs);
          const words = [...asks.map((more) => timeMs + more), ...(isRefused ? ["no"] : [])].join(" ");
          return { ...command(nth + 1, timeMs, words), ...(kind === "skipped" && { isSkipped: true }) };
        });
        const wanted = await outcomesOf(plugin, run);
        const wakeAtMs = await plugin.apply([], () => {});
        let last: unknown = null;
        const outcomes: unknown[] = [];
        for (let at = 0; at < run.length; at += size)
          last = await machine.apply(run.slice(at, at + size), (told) => outcomes.push(...told));
        expect(outcomes).toEqual([...wanted]);
        expect(last).toBe(run.length === 0 ? null : wakeAtMs);
        expect(await readAll(await machine.snapshot())).toEqual(await readAll(await plugin.snapshot()));
      }),
      { numRuns: 150 },
    );
  });
});

describe("the state machine stops when a program", () => {
  const applied = { type: "applied", through: 1, results: [{ ok: { $bytes: "" }, wakeAt: 20 }] };
  const waking = { ...hello, wakes: true };
  const run = [command(1, 10), tick(2, 30)];

  test.each([
    [
      "fails at what is due",
      [waking, applied, { type: "failed", message: "no leases" }],
      "bad 1 failed at entry 2 (term 1), in due: no leases",
    ],
    [
      "answers something else",
      [waking, applied, { type: "items" }],
      'it sent a message of type "items", and "done" was due',
    ],
    [
      "asks for no time",
      [waking, applied, { type: "done", wakeAt: "soon" }],
      'its "wakeAt" is no replicated time, ms since 1970: "soon"',
    ],
    [
      "asks and did not say that it may",
      [hello, applied],
      `one of its results has a "wakeAt", and it is that of a query, or its first message does not say "wakes": true`,
    ],
    [
      "asks as it rejects",
      [waking, { ...applied, results: [{ rejected: "no", wakeAt: 20 }] }],
      'and only one with "ok" may have that',
    ],
  ])("%s", async (_, [first, ...answers], message) => {
    const machine = await scripted.run(`${says(first)}; ${answering(...answers)}`);
    expect((await rejection(outcomesOf(machine, run))).message).toContain(message);
  });

  test("ends at what is due, and that names the entry", async () => {
    const machine = await scripted.run(`${says(waking)}; read -r line; ${says(applied)}; read -r line; exit 3`);
    const error = await rejection(outcomesOf(machine, run));
    expect(error).toBeInstanceOf(StateMachineStopped);
    expect(error.message).toEndWith("it ended before it answered (exit code 3), at entry 2 (term 1), in due");
  });
});
