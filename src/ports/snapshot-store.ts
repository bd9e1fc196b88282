// Where the files of snapshots are kept: written here or received from another node, read to be restored or sent. Which of
// them counts is not said here: the log store's record names it, in the transaction that cuts the log.
import type { PlacedActivation } from "../core/activation.ts";
import type { PlacedConfiguration } from "../core/configuration.ts";
import type { LogPosition } from "../core/log-position.ts";

/** What a file says of itself before its content: enough to begin a node with it. */
export interface SnapshotHeader {
  readonly clusterUuid: string;
  /** The cluster's name in the configuration files. */
  readonly cluster: string;
  readonly position: LogPosition;
  readonly stampMs: number;
  readonly chain: number;
  readonly configuration: PlacedConfiguration;
  /** The version of the state machine whose state it holds, and where that was activated; null: none was. */
  readonly activation: PlacedActivation | null;
  /** What the plugin calls itself. */
  readonly plugin: { readonly name: string; readonly version: string };
}

/** A complete file, as a `SnapshotRecord` names it: its name is unique for its content. */
export interface SnapshotFile {
  readonly file: string;
  readonly bytes: number;
  /** Of the whole file, 53 bits. */
  readonly checksum: number;
}

/** A new file. One call at a time; each throws `GraftError("storage")` when the disk does. */
export interface SnapshotWriter {
  /** Takes a chunk, which is not changed any more. It comes back as it is, or in parts when it is longer than 256 KiB. */
  write(chunk: Uint8Array): Promise<void>;
  /** The file is complete, has its name, and survives a power failure when this resolves. */
  finish(): Promise<SnapshotFile>;
  /** Removes what was written. After `finish` nothing. */
  abandon(): Promise<void>;
}

/** What has arrived is not the file that was announced, or it is: an outcome, and no failure of this node. */
export type ReceivedSnapshot =
  | { readonly kind: "complete"; readonly header: SnapshotHeader }
  /** What was here of it is gone, so that it can be fetched anew. */
  | { readonly kind: "damaged"; readonly finding: string };

/** A file that comes from another node. One call at a time. */
export interface SnapshotReceiver {
  /** How much of the file is here and sound, bytes: what comes next belongs there. */
  readonly offset: number;
  /** What has come in cannot become sound any more: the rest need not be read. `finish` says what was found. */
  readonly isDamaged: boolean;
  /** Takes what stands at `offset`. What it finds to be damaged is said by `finish`, which may be called at any time. */
  write(bytes: Uint8Array): Promise<void>;
  /** Compares size, checksum and structure with what was announced; a complete file is durable and has its name. */
  finish(): Promise<ReceivedSnapshot>;
  /**
   * Stops receiving. What is here stays, and `receive` goes on with it; only after a failure of the disk nothing is kept.
   * After `finish` it does nothing.
   */
  pause(): Promise<void>;
  /** Removes what is here. After `finish` it does nothing. */
  abandon(): Promise<void>;
}

export interface StoredSnapshot {
  readonly file: string;
  readonly bytes: number;
  /** A partial one was being written or received when its node stopped, or is right now. */
  readonly isComplete: boolean;
}

/**
 * An adapter MUST:
 * - give a file its name only when it is complete and durable, and make that name durable before it says so (P29);
 * - block the thread for a few milliseconds at most, however large a file is, and hold no more than a few chunks in memory;
 * - verify what it hands to the state machine, chunk by chunk: damage throws `GraftError("damaged")`, which names the file;
 * - remove nothing but what `retain` and `abandon` say: a file is never deleted on suspicion (P35).
 */
export interface SnapshotStore {
  create(header: SnapshotHeader): Promise<SnapshotWriter>;

  /**
   * Goes on where an earlier attempt has stopped, also one before a restart; a file that is here already lacks only `finish`.
   * One receiver a file.
   */
  receive(file: SnapshotFile): Promise<SnapshotReceiver>;

  /**
   * Up to `bytesMax` bytes at `offset`, to be sent as they are: who receives them verifies them. Empty at the end. Null when
   * the file is not here, or not any more: it may be removed while others read it.
   */
  read(file: string, offset: number, bytesMax: number): Promise<Uint8Array | null>;

  /** Throws `GraftError("damaged")` when the file is missing or its beginning is damaged. */
  header(file: string): Promise<SnapshotHeader>;

  /**
   * The chunks that were written, verified. At the end the whole is compared with what the record says. Throws
   * `GraftError("damaged")` when the file is missing or damaged; leaving the loop early is fine.
   */
  contents(file: SnapshotFile): AsyncIterable<Uint8Array>;

  /**
   * Removes every file, complete or partial, except those named here and those being written or received. A file that has
   * been finished since the call before stays as well: the next call is the first that must name it.
   */
  retain(files: readonly string[]): Promise<void>;

  list(): Promise<readonly StoredSnapshot[]>;

  /**
   * Releases the files: what is being written is abandoned, what is being received paused. For the time when no other call
   * is under way; who creates, writes or receives afterwards is refused.
   */
  close(): Promise<void>;
}
