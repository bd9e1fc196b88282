// What the thread of a simulation and the one that watches it tell each other.
import type { ErrorCode } from "../errors.ts";
import type { Plan, Sum } from "./runner.ts";
import type { Telling } from "./shrink.ts";

export interface Assignment extends Plan {
  /** A name that ships with Graft, or a path relative to `directory`. */
  readonly plugin: string;
  readonly directory: string;
  /** Whether all that happens is told. */
  readonly isTraced: boolean;
  /** Whether a smaller story of a violation is looked for. */
  readonly isShrunk: boolean;
}

/** A violation, as plain data. */
export interface Finding extends Telling {
  /** The rule that is violated, and on further lines where and how. */
  readonly details: string;
  /** After how many events. */
  readonly after: number;
  /** The trace of what was thrown; null: nothing was. */
  readonly stack: string | null;
}

/** Of what smaller stories were looked for. `lost`: told again, it was not violated. */
export type Shrinking = "untried" | "lost" | Finding;

export type ToThread =
  | { readonly kind: "begin"; readonly assignment: Assignment; readonly shared: SharedArrayBuffer }
  /** What was told has been printed. */
  | { readonly kind: "goOn" };

export type FromThread =
  | { readonly kind: "loaded"; readonly name: string; readonly version: string; readonly whyShared: string | null }
  | { readonly kind: "line"; readonly text: string }
  | { readonly kind: "pause" }
  | { readonly kind: "held"; readonly sum: Sum }
  | { readonly kind: "found"; readonly finding: Finding }
  | { readonly kind: "smaller"; readonly finding: Finding }
  | { readonly kind: "ended"; readonly shrinking: Shrinking }
  /** `code` null: a mistake in Graft. */
  | {
      readonly kind: "failed";
      readonly code: ErrorCode | null;
      readonly message: string;
      readonly stack: string | null;
      /** What was simulated then: the thread goes on until it is stopped. Null: nothing. */
      readonly seed: number | null;
    };
