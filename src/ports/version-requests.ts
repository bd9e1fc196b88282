// The requests of administrators about versions of the state machine and about entries that it cannot get past, and the answers. The wire form is docs/protocol.md.
import type { PluginVersion } from "../core/activation.ts";
import type { LogIndex } from "../core/log-position.ts";

/** Administrators only; answered by the leader, when the version is active there. Sent twice it does the same as once. */
export interface RollOutRequest {
  readonly kind: "rollOut";
  readonly id: number;
  /** After this long the node answers `outcome-unknown`. */
  readonly timeoutMs: number;
  /** As the plugin calls it; null: the last one of those that the leader has. */
  readonly version: string | null;
  /** It also stands for the version that is active now, on nodes that do not have that one. */
  readonly replaces: boolean;
  /** Changes nothing: answered with what it would come to. */
  readonly dryRun: boolean;
}

export interface RolledOutReply {
  readonly kind: "rolledOut";
  readonly id: number;
  /** From the entry after this one on the version is active; null: it was a dry run. */
  readonly index: LogIndex | null;
  readonly plugin: PluginVersion;
  /** What was active before; null: nothing. */
  readonly before: PluginVersion | null;
  /** For people: why it would be refused; null: it would not. Only of a dry run. */
  readonly refusal: string | null;
}

/** Administrators only; answered by the leader, when the decision is committed. Sent twice it does the same as once. */
export interface SkipRequest {
  readonly kind: "skip";
  readonly id: number;
  /** After this long the node answers `outcome-unknown`. */
  readonly timeoutMs: number;
  /** The one that the state machine cannot get past. */
  readonly entry: LogIndex;
  /** Changes nothing: answered with what it would come to. */
  readonly dryRun: boolean;
}

export interface SkippedReply {
  readonly kind: "skipped";
  readonly id: number;
  /** The entry that holds the decision; null: it was a dry run. */
  readonly index: LogIndex | null;
  /** For people: the operation of the command that is skipped; null: it names none. */
  readonly operation: string | null;
  /** For people: why it would be refused; null: it would not. Only of a dry run. */
  readonly refusal: string | null;
}
