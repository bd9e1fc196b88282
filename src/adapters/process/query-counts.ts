// How many queries of a slice go to a program together? One, before it is known what a query costs. Then as many as fit in what is left of
// the slice, by what those before have cost.
import { querySliceBytesMax, querySliceMs } from "../../ports/state-machine.ts";

const queriesMax = 256;
/** Of what clients have sent, in one message. */
const askedBytesMax = 1024 * 1024;

/** Of a slice, so far. */
export interface Spent {
  readonly answers: number;
  readonly ms: number;
  /** Of answers. */
  readonly bytes: number;
}

/** 0: the slice is over. `rest`: the queries that are left. */
export function nextCount(rest: readonly Uint8Array[], { answers, ms, bytes }: Spent): number {
  if (answers === 0) return Math.min(1, rest.length);
  if (ms >= querySliceMs || bytes >= querySliceBytesMax) return 0;
  const inTime = Math.floor(((querySliceMs - ms) / ms) * answers);
  const count = Math.max(1, Math.min(inTime, queriesMax));
  let asked = 0;
  const tooMany = rest.slice(0, count).findIndex((payload) => (asked += payload.byteLength) > askedBytesMax);
  return tooMany === -1 ? Math.min(count, rest.length) : Math.max(1, tooMany);
}
