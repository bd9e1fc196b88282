// How much room is left on the disk that holds the node's data?

export interface Room {
  /** What this node may still use, bytes. */
  readonly freeBytes: number;
  readonly totalBytes: number;
}

export interface DiskSpace {
  /** Costs some microseconds: it is asked before writes. Throws `GraftError("storage")` when the system does not say. */
  measure(): Room;
}
