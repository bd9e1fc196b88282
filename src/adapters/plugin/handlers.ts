// What the two styles of plugins have in common: bytes in, bytes out, at once.
import type { ApplyContext } from "./api.ts";

/** Throws `Rejected` for a refusal; anything else thrown is a failure of the plugin. */
export interface Handlers {
  apply(payload: Uint8Array, context: ApplyContext): Uint8Array;
  query(payload: Uint8Array): Uint8Array;
}

/** Whether a handler went on working after it returned, which none may: the next command would not wait for it. */
export function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
