// The messages between the thread that plays and the thread that watches it.
import type { PluginLocation } from "../adapters/plugin/loader.ts";
import type { ErrorCode } from "../errors.ts";
import type { Tape } from "./tape.ts";
import type { Played, Step } from "./transcript.ts";
import type { WayName } from "./ways/all.ts";

/** A plugin that can be checked. */
export interface CheckedPlugin {
  readonly name: string;
  readonly version: string;
  readonly hasSnapshots: boolean;
  /** It keeps its state on disk. */
  readonly isDurable: boolean;
  /** Why its module cannot be loaded anew in the thread; null: it can, or need not be. */
  readonly whyShared: string | null;
}

export type Request =
  | { readonly kind: "load"; readonly location: PluginLocation; readonly shared: SharedArrayBuffer }
  | { readonly kind: "draw"; readonly tapes: readonly Tape[] }
  | { readonly kind: "play"; readonly way: WayName; readonly steps: readonly Step[] };

export type Reply =
  | { readonly kind: "loaded"; readonly plugin: CheckedPlugin }
  | { readonly kind: "drawn"; readonly steps: readonly Step[] }
  | { readonly kind: "played"; readonly played: Played }
  /** `code` null: a mistake in Graft. */
  | {
      readonly kind: "failed";
      readonly code: ErrorCode | null;
      readonly message: string;
      readonly stack: string | null;
    };
