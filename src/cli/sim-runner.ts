// Has a thread simulate for `graft sim`, prints what the thread tells, and stops at a signal whatever the thread does.
import { GraftError } from "../errors.ts";
import { type End, SimulationThread } from "../sim/thread.ts";
import type { Assignment } from "../sim/worker-messages.ts";
import type { Output } from "./output.ts";
import { unusable } from "./sim-failure.ts";
import { counted } from "./sim-summary.ts";
import { askedToStop, signalExitCodes, type StopSignal } from "./stop-signals.ts";

type Ended =
  | End
  | { readonly kind: "stopped"; readonly signal: StopSignal }
  /** The plugin has failed, in no work that it was given. `seed`: what was simulated then. */
  | { readonly kind: "failed"; readonly error: GraftError; readonly seed: number };

export interface Simulated {
  readonly end: Ended;
  readonly thread: SimulationThread;
  readonly seconds: number;
}

export async function simulate(assignment: Assignment, output: Output): Promise<Simulated> {
  const beganMs = performance.now();
  const thread = new SimulationThread(assignment, {
    loaded: async ({ whyShared }) => {
      if (whyShared !== null) await output.say(sharedNote(whyShared));
    },
    lines: (lines) => output.line(lines.join("\n")),
  });
  const stopped = askedToStop((signal) => signalExitCodes[signal]).then((signal): Ended => ({
    kind: "stopped",
    signal,
  }));
  const work = Promise.race([thread.end(), stopped]);
  // A transcript is progress enough.
  const end = await (assignment.isTraced ? work : output.progress(() => doingOf(thread), work)).catch(
    (error: unknown) => failureIn(thread, error),
  );
  if (end.kind === "stopped") await thread.stop();
  return { end, thread, seconds: (performance.now() - beganMs) / 1000 };
}

function failureIn({ plugin, failedIn: seed }: SimulationThread, error: unknown): Ended {
  if (!(error instanceof GraftError) || error.code !== "plugin") throw error;
  if (plugin === null || seed === null) throw unusable(error);
  return { kind: "failed", error, seed };
}

function doingOf({ at, found, smaller }: SimulationThread): string {
  if (smaller !== null) return `looking for a shorter run than ${counted(smaller.after, "event")}`;
  if (found !== null) return "looking for a shorter run";
  return at.seed === null ? "loading the plugin" : `seed ${at.seed}`;
}

function sharedNote(why: string): string {
  const remedy = /\bawait\b/.test(why)
    ? "its top level uses await. Move the await into a function to test this as well."
    : `it cannot be loaded again for each start of a node: ${why}`;
  return `note: variables of the plugin's module keep their values when a simulated node restarts, since ${remedy}`;
}
