// When is a state machine to be woken? Both hosts say so after each run and after a restore, inline and from a thread.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInlineStateMachine } from "../../../src/adapters/plugin/inline-host.ts";
import type { PluginLocation } from "../../../src/adapters/plugin/loader.ts";
import { createWorkerStateMachine } from "../../../src/adapters/plugin/worker-host.ts";
import type { AppliedEntry, StateMachine } from "../../../src/ports/state-machine.ts";
import { tick } from "./tick.ts";

/** Each byte of a command is a time to ask for, so many ms from now; a query tells how often it was due. */
const source = `
import { defineRawStateMachine } from "graft";
export default defineRawStateMachine({
  name: "alarm", version: "1",
  create() {
    let count = 0;
    return {
      apply(bytes, ctx) { for (const ms of bytes) ctx.wakeAt(ctx.timeMs + ms); return bytes; },
      query: () => Uint8Array.of(count),
      due: () => void count++,
      snapshot: () => [Uint8Array.of(count)],
      restore: ([was]) => void (count = was),
    };
  },
});`;

let folder = "";
let location: PluginLocation;
const opened: StateMachine[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "graft-alarm-"));
  await Bun.write(join(folder, "alarm.ts"), source);
  location = { kind: "file", path: join(folder, "alarm.ts") };
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(async () => {
  for (const machine of opened.splice(0)) await machine.close();
});

const command = (index: number, timeMs: number, ...asked: readonly number[]): AppliedEntry => ({
  kind: "command",
  index,
  term: 1,
  timeMs,
  payload: Uint8Array.from(asked),
  session: null,
  isAwaited: false,
});

describe.each([
  ["inline", createInlineStateMachine],
  ["in a thread", createWorkerStateMachine],
] as const)("%s", (_, create) => {
  const open = async (): Promise<StateMachine> => {
    const machine = await create([location]);
    opened.push(machine);
    return machine;
  };
  const apply = (machine: StateMachine, ...run: readonly AppliedEntry[]) => machine.apply(run, () => {});
  const countOf = async (machine: StateMachine): Promise<number> => {
    const [answer] = await machine.query([new Uint8Array()]);
    return answer?.outcome.kind === "ok" ? answer.outcome.payload[0]! : -1;
  };

  test("each run says which time stands after it", async () => {
    const machine = await open();
    const runs = [
      apply(machine, command(1, 100)),
      apply(machine, command(2, 100, 50, 40), command(3, 110, 5)),
      apply(machine),
      apply(machine, tick(4, 114)),
      apply(machine, tick(5, 115), tick(6, 116)),
    ];
    expect(await Promise.all(runs)).toEqual([null, 115, 115, 115, null]);
    expect(await countOf(machine)).toBe(1);
  });

  test("an entry that is skipped puts off by a minute what is due at it", async () => {
    const machine = await open();
    const skipped = (entry: AppliedEntry): AppliedEntry => ({ ...entry, isSkipped: true });
    const runs = [
      apply(machine, command(1, 100, 50)),
      apply(machine, skipped(command(2, 149, 1))),
      apply(machine, skipped(tick(3, 150))),
      apply(machine, tick(4, 60_149)),
    ];
    expect(await Promise.all(runs)).toEqual([150, 150, 60_150, 60_150]);
    expect(await countOf(machine)).toBe(0);
    expect(await apply(machine, tick(5, 60_150))).toBeNull();
    expect(await countOf(machine)).toBe(1);
  });

  test("a restored state says it as well", async () => {
    const machine = await open();
    await apply(machine, command(1, 100, 50));
    const snapshot = await machine.snapshot();
    const chunks = (async function* () {
      for (let chunk = await snapshot.read(); chunk !== null; chunk = await snapshot.read()) yield chunk;
    })();
    const other = await open();
    expect(await other.restore(chunks, null)).toBe(150);
    expect(await apply(other, tick(2, 150))).toBeNull();
    expect(await countOf(other)).toBe(1);
  });
});
