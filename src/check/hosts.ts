// Plays steps as a node does, through its port to a state machine: inline, or in a thread of its own. There is no more to see than what a node
// sees: outcomes and snapshots.
import type { Plugin } from "../adapters/plugin/definition-check.ts";
import { createInlineStateMachine } from "../adapters/plugin/inline-host.ts";
import type { PluginLocation } from "../adapters/plugin/loader.ts";
import { closeTemporaryStates } from "../adapters/plugin/temporary-state.ts";
import { createWorkerStateMachine } from "../adapters/plugin/worker-host.ts";
import { GraftError } from "../errors.ts";
import type { Outcome, StateMachine } from "../ports/state-machine.ts";
import { describeOutcome } from "../sim/describe-payload.ts";
import { entryOf, faultOfError } from "./machine.ts";
import type { Moment, Played, Step } from "./transcript.ts";
import { itemsOf } from "./snapshot-text.ts";

export type Host = "inline" | "thread";

const create = { inline: createInlineStateMachine, thread: createWorkerStateMachine } as const;
const silent = (): void => {};

/** On a new state machine. Throws `GraftError("plugin")` if it cannot be loaded. */
export async function playOnHost(host: Host, location: PluginLocation, steps: readonly Step[]): Promise<Played> {
  const machine = await create[host]([location], silent);
  try {
    return { kind: "played", moments: await momentsOn(machine, steps) };
  } catch (error) {
    if (!(error instanceof GraftError)) throw error;
    return {
      kind: "fault",
      fault: faultOfError(error, null, `the plugin fails ${host === "inline" ? "inline" : "in its thread"}`),
    };
  } finally {
    await machine.close();
    closeTemporaryStates();
  }
}

async function momentsOn(machine: StateMachine, steps: readonly Step[]): Promise<readonly Moment[]> {
  const { snapshots, style } = machine.description;
  const moments: Moment[] = [{ outcome: null, state: null, items: null }];
  for (const [nth, step] of steps.entries()) {
    const outcome = await outcomeOf(machine, step, nth);
    const items = nth === steps.length - 1 && snapshots ? await itemsIn(machine, style) : null;
    moments.push({ outcome: describeOutcome(style, outcome), state: null, items });
  }
  return moments;
}

async function outcomeOf(machine: StateMachine, step: Step, nth: number): Promise<Outcome> {
  if (step.kind === "query") {
    const [answer] = await machine.query([step.payload]);
    const outcome = answer!.outcome;
    if (outcome.kind === "failed") throw outcome.error;
    return outcome;
  }
  const outcomes: Outcome[] = [];
  await machine.apply([entryOf(step, nth)], (delivered) => {
    // The results may share memory that is used again.
    for (const each of delivered) outcomes.push(each.kind === "ok" ? { ...each, payload: each.payload.slice() } : each);
  });
  return outcomes[0]!;
}

async function itemsIn(machine: StateMachine, style: Plugin["style"]): Promise<string> {
  const snapshot = await machine.snapshot();
  const chunks: Uint8Array[] = [];
  for (let chunk = await snapshot.read(); chunk !== null; chunk = await snapshot.read()) chunks.push(chunk);
  return itemsOf(style, chunks);
}
