// What the host and its worker say to each other besides packed runs, which are bare ArrayBuffers (run-layout.ts).
import type { StateMachineDescription } from "../../ports/state-machine.ts";
import type { PluginLocation } from "./loader.ts";

/** The first message to the worker. */
export interface Load {
  readonly kind: "load";
  readonly location: PluginLocation;
}

/** The first answer of the worker. */
export interface Loaded {
  readonly kind: "loaded";
  readonly description: StateMachineDescription;
}

/** An error cannot be cloned with its code. */
interface Told {
  readonly message: string;
  /** For the operator: where in the plugin. */
  readonly stack: string;
}

/** Instead of `loaded`. */
export interface LoadFailed extends Told {
  readonly kind: "loadFailed";
}

/** Instead of an outcome of a query: the worker goes on. */
export interface QueryFailed extends Told {
  readonly kind: "queryFailed";
}

/** Instead of outcomes, or of the rest of them: the worker applies nothing from then on. */
export interface Stopped extends Told {
  readonly kind: "stopped";
}

export type FromWorker = ArrayBuffer | Loaded | LoadFailed | QueryFailed | Stopped;
