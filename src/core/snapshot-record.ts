// What a node remembers of its latest snapshot (§5): up to where it reaches, what was in force there, and which file holds
// it. The file itself is the snapshot store's business; who writes the record is the log store's.
import type { PlacedActivation } from "./activation.ts";
import type { Incarnation, PlacedConfiguration } from "./configuration.ts";
import type { LogPosition } from "./log-position.ts";

export interface SnapshotRecord {
  /** The last entry that it covers; committed. */
  readonly position: LogPosition;
  /** Replicated time there, ms since 1970. */
  readonly stampMs: number;
  /** The log's chained checksum after that entry: the same on every node, opaque to the core. */
  readonly chain: number;
  /** In force at that position, and where its entry stands (§5.1). */
  readonly configuration: PlacedConfiguration;
  /** The version of the state machine whose state it holds, and where that was activated; null: none was. */
  readonly activation: PlacedActivation | null;
  /** The node whose state machine came to this content by applying the log: of which others were given it, it is the only witness. */
  readonly origin: Incarnation;
  /** Its name in the snapshot store, unique for its content: letters, digits, '.', '_' and '-'. */
  readonly file: string;
  /** Of the whole file. */
  readonly bytes: number;
  /** Of the whole file, 53 bits. */
  readonly checksum: number;
}
