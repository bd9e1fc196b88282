// What two nodes say on a connection of its own for bulk, beside the ordinary one: one side reads a file of the other in
// pieces. The side that opened the connection asks first.

/** Asks for a piece of a file of the snapshot store. Answered by a chunk, or by `snapshotGone`. */
export interface SnapshotRead {
  readonly kind: "snapshotRead";
  /** Its name in the store: letters, digits, '.', '_' and '-', at most 64. */
  readonly file: string;
  readonly offset: number;
  /** At most 262144, what a chunk can carry. */
  readonly bytesMax: number;
}

/** The bytes of the file from `offset` on: fewer than asked for at its end, none beyond. */
export interface SnapshotChunk {
  readonly kind: "snapshotChunk";
  readonly offset: number;
  /** At most 262144. The file has checksums of its own: who receives it verifies them. */
  readonly bytes: Uint8Array;
}

/** The file cannot be read, now or any more. */
export interface SnapshotGone {
  readonly kind: "snapshotGone";
  readonly file: string;
  /** In words for the other side's operator. */
  readonly reason: string;
}

export type BulkMessage = SnapshotRead | SnapshotChunk | SnapshotGone;
