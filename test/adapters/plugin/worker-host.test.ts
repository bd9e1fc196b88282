// What only a thread of its own can do, and how it can die.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { locatePlugin } from "../../../src/adapters/plugin/loader.ts";
import { Progress } from "../../../src/adapters/plugin/progress.ts";
import { packQueries, packRun, unpackAnswers, unpackOutcomes } from "../../../src/adapters/plugin/run-layout.ts";
import { createWorkerStateMachine } from "../../../src/adapters/plugin/worker-host.ts";
import type { FromWorker } from "../../../src/adapters/plugin/worker-messages.ts";
import type { AppliedCommand, StateMachine } from "../../../src/ports/state-machine.ts";
import { answerTo, outcomesOf } from "../../contracts/outcomes-of.ts";

const MORTAL = `
import { randomBytes } from "node:crypto";
import { defineRawStateMachine } from "graft";
let die = () => {};
const later = async (what) => { await 1; throw new Error(what); };
setInterval(() => die(), 1);
export default defineRawStateMachine({
  name: "mortal",
  version: "1",
  create: () => ({
    apply(command) {
      const text = new TextDecoder().decode(command);
      if (text === "exit") process.exit(7);
      if (text === "exit soon") die = () => process.exit(7);
      if (text === "throw soon") die = () => { throw new Error("out of nowhere"); };
      if (text === "reject") void later("the rest of it");
      if (text === "work") for (let round = 0, x = 1; round < 5e7; round++) x = Math.imul(x, 31) + round;
      if (text === "fail") throw new Error("failed");
      if (text === "large") return new Uint8Array(8 * 1024 * 1024);
      if (text === "random bytes") randomBytes(4);
      return command;
    },
    query(question) {
      if (question.length > 0) void later("left behind");
      return question;
    },
  }),
});`;

const source = join(import.meta.dir, "../../../src/adapters/plugin");

/** Asks questions that leave a rejected promise behind, then applies a command that does. */
const LEFTOVERS = `
import { locatePlugin } from "${source}/loader.ts";
import { createWorkerStateMachine } from "${source}/worker-host.ts";
const open = () => createWorkerStateMachine([locatePlugin(process.argv[2], "/")]);
let machine = await open();
let index = 0;
const apply = async (text) => {
  const command = { kind: "command", index: ++index, term: 1, timeMs: 0, payload: Buffer.from(text), session: null, isAwaited: true };
  let kind;
  await machine.apply([command], ([outcome]) => { kind = outcome.kind; });
  return kind;
};
const told = [];
while (told.length < 20) {
  await machine.query([Buffer.from("?")]);
  told.push(await apply("still there"));
}
machine = await open();
try {
  await apply("reject");
  for (;;) await apply("");
} catch (error) {
  told.push(error.message);
}
console.log(JSON.stringify(told));
process.exit(0);
`;

let folder = "";
const opened: StateMachine[] = [];
const open = async (): Promise<StateMachine> => {
  const machine = await createWorkerStateMachine([locatePlugin(folder, "/")]);
  opened.push(machine);
  return machine;
};
const command = (text: string, index = 1): AppliedCommand => ({
  kind: "command",
  index,
  term: 7,
  timeMs: 0,
  payload: Buffer.from(text),
  session: null,
  isAwaited: true,
});
const failure = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => "it was answered",
    (error: unknown) => error,
  );

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "graft-worker-"));
  await Bun.write(join(folder, "index.ts"), MORTAL);
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((machine) => machine.close()));
});
afterAll(() => rm(folder, { recursive: true }));

describe("worker host", () => {
  test("P49: a slow apply does not hold up the node's thread", async () => {
    const machine = await open();
    const order: string[] = [];
    const applied = outcomesOf(machine, [command("work")]).then(() => order.push("applied"));
    await new Promise((resolve) => setImmediate(resolve));
    order.push("the node went on");
    await applied;
    expect(order).toEqual(["the node went on", "applied"]);
  });

  test("a thread that dies with nothing under way is known to have, without another call", async () => {
    const machine = await open();
    await outcomesOf(machine, [command("good")]);
    expect(machine.failure).toBeNull();
    await outcomesOf(machine, [command("exit soon", 2)]).catch(() => {});
    while (machine.failure === null) await new Promise((resolve) => setImmediate(resolve));
    expect(machine.failure.message).toBe("The thread of the state machine mortal 1 ended after entry 2 (term 7)");
  });

  test.each([
    ["exit", /^The thread of the state machine mortal 1 ended while it applied entry 41 \(term 7\)$/],
    ["exit soon", /^The thread of the state machine mortal 1 ended after entry \d+ \(term 7\)$/],
    [
      "throw soon",
      /^The state machine mortal 1 failed outside of apply, after entry \d+ \(term 7\): error: out of nowhere$/,
    ],
  ])("a thread that dies (%s) rejects what is under way and what comes later", async (how, message) => {
    const machine = await open();
    const dying = outcomesOf(machine, [command(how, 41)]);
    const pending = [failure(dying)];
    // A thread that dies a little later still answers: ask until it is gone.
    for (let index = 42; ; index++) {
      const told = await failure(outcomesOf(machine, [command("", index)]));
      if (told === "it was answered") continue;
      pending.push(Promise.resolve(told));
      break;
    }
    const [, last] = await Promise.all(pending);
    for (const told of [
      last,
      await failure(outcomesOf(machine, [command("")])),
      await failure(answerTo(machine, new Uint8Array())),
    ]) {
      expect(told).toMatchObject({ code: "state-machine" });
      expect((told as Error).message).toMatch(message);
    }
    if (how === "exit") expect(await pending[0]).toMatchObject({ code: "state-machine" });
  });

  test("what is queued behind an entry that failed is not applied", async () => {
    const worker = new Worker(new URL("../../../src/adapters/plugin/worker.ts", import.meta.url).href);
    const answers: string[] = [];
    const { promise: reloaded, resolve } = Promise.withResolvers<void>();
    const load = { kind: "load", locations: [locatePlugin(folder, "/")], progress: new Progress().shared };
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      answers.push(data instanceof ArrayBuffer ? "outcomes" : data.kind);
      if (answers.length === 1) {
        for (const text of ["", "fail", "", ""]) worker.postMessage(packRun([command(text)]));
        worker.postMessage(load); // Its answer comes after all others.
      }
      if (answers.at(-1) === "loaded" && answers.length > 1) resolve();
    };
    worker.postMessage(load);
    await reloaded;
    worker.terminate();
    expect(answers).toEqual(["loaded", "outcomes", "stopped", "loaded"]);
  });

  test("the thread goes no further with a run than what it has sent is taken", async () => {
    const worker = new Worker(new URL("../../../src/adapters/plugin/worker.ts", import.meta.url).href);
    const load = { kind: "load", locations: [locatePlugin(folder, "/")], progress: new Progress().shared };
    const answers: string[] = [];
    const outcomes: number[] = [];
    let untaken: number[] = [];
    const { promise: answered, resolve } = Promise.withResolvers<void>();
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      answers.push(data instanceof ArrayBuffer ? "piece" : data.kind);
      if (data instanceof ArrayBuffer) {
        outcomes.push(outcomes.length < 7 ? unpackOutcomes(data).outcomes.length : unpackAnswers(data).length);
        untaken.push(data.byteLength);
      } else if (answers.length === 1) {
        worker.postMessage(packRun(Array.from({ length: 7 }, (_, nth) => command("large", nth + 1))));
        worker.postMessage(packQueries([new Uint8Array(7)]));
        worker.postMessage(load); // Not done in turn: its answer says that the thread has nothing else to do.
      } else {
        for (const bytes of untaken) worker.postMessage({ kind: "taken", bytes });
        untaken = [];
        worker.postMessage(load);
      }
      if (outcomes.length === 8) resolve();
    };
    worker.postMessage(load);
    await answered;
    worker.terminate();
    const two = ["piece", "piece", "loaded"];
    // The last outcomes of a run always leave: it is what comes behind that waits.
    expect(answers).toEqual(["loaded", ...two, ...two, "piece", ...two, "piece"]);
    expect(outcomes).toEqual(Array.from({ length: 8 }, () => 1));
  });

  // In a process of its own: under the test runner, a thread's own handlers of uncaught errors are not asked.
  test("a promise that a query left behind does not end the thread, one of a command does, and no source is told", async () => {
    const script = join(folder, "leftovers.ts");
    await Bun.write(script, LEFTOVERS);
    const { stdout, stderr, exitCode } = Bun.spawnSync([process.execPath, script, folder]);
    expect(exitCode, stderr.toString()).toBe(0);
    const told = expect.stringMatching(
      /^The state machine mortal 1 failed outside of apply, after entry \d+ \(term 1\): Error: the rest of it$/,
    );
    expect(JSON.parse(stdout.toString())).toEqual([...Array.from({ length: 20 }, () => "ok"), told]);
  });

  test("closing rejects what is under way, without waiting for it", async () => {
    const machine = await open();
    const pending = [failure(outcomesOf(machine, [command("work")])), failure(answerTo(machine, new Uint8Array()))];
    await machine.close();
    for (const told of await Promise.all(pending)) {
      expect(told).toMatchObject({ code: "state-machine", message: "The state machine is closed" });
    }
  });

  test("node:crypto is caught inside apply although it is imported by name", async () => {
    const machine = await open();
    const told = await failure(outcomesOf(machine, [command("random bytes")]));
    expect((told as Error).message).toContain("node:crypto randomBytes inside apply");
  });

  test("the error leads to the place in the plugin", async () => {
    const machine = await open();
    const told = await failure(outcomesOf(machine, [command("random bytes")]));
    expect(((told as Error).cause as Error).stack).toContain(join(folder, "index.ts"));
  });
});
