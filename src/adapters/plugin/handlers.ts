// What the two styles of plugins have in common: bytes in, a result out, at once, and bytes for whoever wants the result.
import type { ApplyContext, QueryContext } from "./api.ts";

/** The result as bytes of its own. To be called before the next command, which may change what the result is a piece of. */
export type Encode = () => Uint8Array;

/** Throws `Rejected` for a refusal; anything else thrown is a failure of the plugin. */
export interface Handlers {
  apply(payload: Uint8Array, context: ApplyContext): Encode;
  query(payload: Uint8Array, context: QueryContext): Encode;
  /** Null: the plugin has none. Throws what the plugin throws. */
  readonly due: ((context: ApplyContext) => void) | null;
  /** null: the plugin has none. */
  readonly snapshots: SnapshotHandlers | null;
}

export interface SnapshotHandlers {
  /** Freezes the state, which changes nothing in it. What fails later, fails in the iteration. */
  take(): Iterator<Uint8Array, unknown>;
  /**
   * To be called on a fresh state, with everything that came of `take`, in order. `from`: the version that wrote it; null: this one.
   */
  restore(piece: Uint8Array, from: string | null): void;
  /** That was everything. Makes it durable without records, as for a state that nobody recalls. */
  settle(): void;
}

/** Whether a handler went on working after it returned, which none may: the next command would not wait for it. */
export function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** Throws `TypeError` for what a handler returned before it was over. */
export function mustBeOver(handler: string, result: unknown): void {
  if (isPromise(result)) throw new TypeError(`${handler} returned a Promise: it must finish before it returns`);
}
