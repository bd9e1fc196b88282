// What the two styles of plugins have in common: bytes in, a result out, at once, and bytes for whoever wants the result.
import type { ApplyContext } from "./api.ts";

/** The result as bytes of its own. To be called before the next command, which may change what the result is a piece of. */
export type Encode = () => Uint8Array;

/** Throws `Rejected` for a refusal; anything else thrown is a failure of the plugin. */
export interface Handlers {
  apply(payload: Uint8Array, context: ApplyContext): Encode;
  query(payload: Uint8Array): Encode;
}

/** Whether a handler went on working after it returned, which none may: the next command would not wait for it. */
export function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
