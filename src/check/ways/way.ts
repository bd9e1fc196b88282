// What is a way of playing steps? A function from steps to what there was to see after each. It runs in the thread of player-worker.
import type { Machine } from "../machine.ts";
import type { Moment, Step } from "../transcript.ts";

export interface Machines {
  /** The plugin keeps its state on disk. */
  readonly isDurable: boolean;
  /** A new state machine of the module that all of these share. */
  readonly shared: () => Machine;
  /** A new state machine of a module that was loaded for it alone, as in a node that has just started. Where that cannot be, as `shared`. */
  readonly fresh: () => Machine;
  /** One of a new module that keeps its state in this folder, and that `recall` comes first for. */
  readonly onDisk: (folder: string) => Machine;
}

/** Throws `Broken`. The first moment is before the first step. */
export type Way = (machines: Machines, steps: readonly Step[]) => readonly Moment[];

/** On one machine, from the beginning to the end. */
export function playOn(machine: Machine, steps: readonly Step[]): readonly Moment[] {
  return [
    machine.beginning,
    ...steps.map((step, nth) => machine.moment(step, machine.run(step, nth), { nth, of: steps.length })),
  ];
}
