// A state machine begins anew also where its thread hangs or has ended, and never with other code than before.
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { locatePlugin } from "../../../src/adapters/plugin/loader.ts";
import { renewable } from "../../../src/adapters/plugin/renewable.ts";
import { createWorkerStateMachine } from "../../../src/adapters/plugin/worker-host.ts";
import type { Milestone, RenewableStateMachine, StateMachine } from "../../../src/ports/state-machine.ts";
import { ask, rejection, run } from "../../contracts/journal-plugin.ts";
import { outcomesOf } from "../../contracts/outcomes-of.ts";

const plugin = (version = "1"): string => `
import { defineRawStateMachine } from "graft";
const read = (bytes) => new TextDecoder().decode(bytes);
export default defineRawStateMachine({
  name: "ending", version: "${version}",
  create() {
    const journal = [];
    return {
      apply(command) {
        if (read(command) === "loop") for (;;);
        if (read(command) === "end") process.exit(1);
        journal.push(read(command));
        return command;
      },
      query: () => new TextEncoder().encode(journal.join()),
    };
  },
});
`;

let folder = "";
const opened: RenewableStateMachine[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "graft-renewable-"));
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((machine) => machine.close()));
});
afterAll(() => rm(folder, { recursive: true }));

async function open(): Promise<RenewableStateMachine> {
  await Bun.write(join(folder, "ending.js"), plugin());
  const machine = await renewable(() => createWorkerStateMachine([locatePlugin("ending.js", folder)]));
  opened.push(machine);
  await outcomesOf(machine, run(1, ["a"]));
  return machine;
}

test("a thread that hangs is ended, and what waited for it is rejected", async () => {
  const machine = await open();
  const hanging = rejection(outcomesOf(machine, run(2, ["loop"])));
  while (machine.busyWith?.kind !== "entry") await Bun.sleep(1);
  await machine.renew();
  expect(await hanging).toMatchObject({ code: "state-machine", message: "The state machine is closed" });
  await outcomesOf(machine, run(1, ["b"]));
  expect(await ask(machine)).toBe("b");
});

test("a thread that has ended is followed by another one", async () => {
  const machine = await open();
  await rejection(outcomesOf(machine, run(2, ["end"])));
  expect(machine.failure?.message).toContain("The thread of the state machine ending 1 ended");
  await machine.renew();
  await outcomesOf(machine, run(1, ["b"]));
  expect([machine.failure, await ask(machine)]).toEqual([null, "b"]);
});

test("other code under the same number is refused, and the code of before is taken", async () => {
  const machine = await open();
  const [before] = machine.versions;
  await Bun.write(join(folder, "ending.js"), `${plugin()}// corrected\n`);
  const refused = await rejection(machine.renew());
  expect(refused).toMatchObject({ code: "state-machine" });
  expect(refused.message).toMatch(
    new RegExp(
      `^the code of ending 1 \\(${before!.hash.slice(0, 12)}\\) changed since this node started, and is now ending 1 \\(\\w{12}\\); put it back`,
    ),
  );
  expect(await rejection(outcomesOf(machine, run(1, ["b"])))).toMatchObject({ code: "state-machine" });
  await Bun.write(join(folder, "ending.js"), plugin());
  await machine.renew();
  expect(await ask(machine)).toBe("");
});

test("one that was thrown away tells no milestone any more", async () => {
  const told: ((milestone: Milestone) => void)[] = [];
  const begin = (): Promise<StateMachine> =>
    Promise.resolve({
      versions: [],
      watchMilestones: (_: number, tell: (milestone: Milestone) => void) => void told.push(tell),
      close: () => Promise.resolve(),
    } as unknown as StateMachine);
  const machine = await renewable(begin);
  const heard: number[] = [];
  machine.watchMilestones(4, ({ index }) => void heard.push(index));
  await machine.renew();
  const steps = { from: 1, values: new Uint32Array() };
  for (const [nth, tell] of told.entries()) tell({ index: nth + 1, chain: 1, steps });
  expect(heard).toEqual([2]);
});
