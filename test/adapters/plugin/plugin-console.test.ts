// What a plugin writes to its console becomes lines for the log, of the level that it chose, and never too many.
import { afterAll, expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { locatePlugin } from "../../../src/adapters/plugin/loader.ts";
import { takeConsole } from "../../../src/adapters/plugin/plugin-console.ts";
import { createWorkerStateMachine } from "../../../src/adapters/plugin/worker-host.ts";
import { answerTo, outcomesOf } from "../../contracts/outcomes-of.ts";

const folder = await mkdtemp(join(tmpdir(), "graft-console-"));
afterAll(() => rm(folder, { recursive: true }));

function fake() {
  const lines: string[] = [];
  const time = { nowMs: 0 };
  const target: Record<string, (...given: unknown[]) => void> = {};
  for (const name of ["log", "debug", "warn", "error", "assert", "count", "table"])
    target[name] = () => lines.push("!");
  takeConsole(
    target,
    (level, text) => lines.push(`${level} ${text}`),
    () => time.nowMs,
  );
  return { lines, time, say: (name: string, ...given: unknown[]) => target[name]!(...given) };
}

test("each function has its level, and texts are put together as a console does", () => {
  const { lines, say } = fake();
  say("log", "%s is %d", "one", 1, { two: 2 });
  say("debug", "quiet");
  say("warn", "careful");
  say("error", new RangeError("wrong").message);
  say("assert", true, "fine");
  say("assert", false, "not fine");
  say("count", "calls");
  expect(lines).toEqual([
    "info one is 1 { two: 2 }",
    "debug quiet",
    "warn careful",
    "error wrong",
    "error assertion failed: not fine",
    "info count: calls",
  ]);
});

test("P57: a flood is held back and counted, and a long text is cut", () => {
  const { lines, time, say } = fake();
  for (let nth = 0; nth < 1_000; nth++) say("log", "again");
  expect(lines).toHaveLength(100);
  time.nowMs = 1_000;
  say("log", "x".repeat(5_000));
  expect(lines.at(-1)).toEndWith("… (900 lines before it were left out)");
  expect(lines.at(-1)!.length).toBeLessThan(1_100);
  say("log", "calm");
  expect(lines.at(-1)).toBe("info calm");
});

test("of a plugin on its own thread, from its first line on; and what it is busy with can be seen meanwhile", async () => {
  const gate = join(folder, "gate");
  await Bun.write(
    join(folder, "plugin.js"),
    `import { defineRawStateMachine } from "graft";
    import { existsSync } from "node:fs";
    console.info("loaded");
    export default defineRawStateMachine({
      name: "talker",
      version: "1",
      create: () => (console.warn("created"), {
        apply(command) { console.log("applied"); while (!existsSync(${JSON.stringify(gate)})); return command; },
        query(question) { console.error("asked"); while (!existsSync(${JSON.stringify(`${gate}2`)})); return question; },
        snapshot() { while (!existsSync(${JSON.stringify(`${gate}3`)})); return [new Uint8Array(1)]; },
        restore() {},
      }),
    });`,
  );
  const lines: string[] = [];
  const location = locatePlugin(join(folder, "plugin.js"), "/");
  const machine = await createWorkerStateMachine([location], (level, text) => lines.push(`${level} ${text}`));
  const seen = async (): Promise<unknown> => {
    while (machine.busyWith === null) await new Promise((resolve) => setImmediate(resolve));
    return machine.busyWith;
  };
  expect(machine.busyWith).toBeNull();
  const entry = { index: 41, term: 3, timeMs: 0, session: null, isAwaited: true };
  const applied = outcomesOf(machine, [{ ...entry, kind: "command", payload: new Uint8Array() }]);
  expect(await seen()).toMatchObject({ kind: "entry", index: 41, term: 3 });
  await writeFile(gate, "");
  await applied;
  const answered = answerTo(machine, new Uint8Array());
  expect(await seen()).toMatchObject({ kind: "query", nth: 0 });
  await writeFile(`${gate}2`, "");
  await answered;
  const taken = machine.snapshot();
  expect(await seen()).toMatchObject({ kind: "snapshot" });
  await writeFile(`${gate}3`, "");
  (await taken).close();
  expect(machine.busyWith).toBeNull();
  expect(lines).toEqual(["info loaded", "warn created", "info applied", "error asked"]);
  await machine.close();
});
