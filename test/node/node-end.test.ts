// How the parts of a node are closed: each of them, in order, and the first thing that goes wrong is what is told.
import { expect, test } from "bun:test";
import { closeModules } from "../../src/node/node-end.ts";
import { ManualClock } from "../doubles/manual-clock.ts";
import { afterMicrotasks } from "./cluster.ts";

type Part = "transport" | "stateMachine" | "snapshots" | "store";

/** What closing comes to when these parts fail with an error of their name, or never close. */
async function closed(failing: readonly Part[], hanging: readonly Part[] = []) {
  const closing: Part[] = [];
  const logs: string[] = [];
  const clock = new ManualClock();
  const close = (part: Part) => async (): Promise<void> => {
    closing.push(part);
    if (failing.includes(part)) throw new Error(`${part} failed`);
    if (hanging.includes(part)) await new Promise(() => {});
  };
  const result = closeModules({
    transport: { stop: close("transport") },
    stateMachine: { close: close("stateMachine") },
    snapshots: { close: close("snapshots") },
    store: {
      close: () => {
        closing.push("store");
        if (failing.includes("store")) throw new Error("store failed");
      },
    },
    clock,
    logger: {
      enabled: () => true,
      log: (_, message, fields) => void logs.push(`${message}: ${String(fields?.["reason"])}`),
    },
  });
  for (let part = 0; part < 4; part++) {
    await afterMicrotasks();
    clock.advance(2_000);
  }
  return { first: (await result)?.message ?? null, closing, logs, timers: clock.pendingTimers };
}

const all: readonly Part[] = ["transport", "stateMachine", "snapshots", "store"];

test("the parts are closed one after the other, the store last", async () => {
  expect(await closed([])).toEqual({ first: null, closing: [...all], logs: [], timers: 0 });
});

test("of several failures the first is told, each is logged, and the others are closed all the same", async () => {
  expect(await closed(["stateMachine", "store"])).toEqual({
    first: "stateMachine failed",
    closing: [...all],
    logs: ["closing failed: stateMachine failed", "closing failed: store failed"],
    timers: 0,
  });
});

test("a part that never closes is waited for no longer than two seconds", async () => {
  expect(await closed([], ["stateMachine"])).toEqual({
    first: "not closed within 2000 ms: state machine",
    closing: [...all],
    logs: ["closing failed: not closed within 2000 ms: state machine"],
    timers: 0,
  });
});
