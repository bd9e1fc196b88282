// The schema for binary fields: takes bytes however a client could write them down, and gives bytes to the handler.
import * as v from "valibot";

/** Bytes, a string that stands for its UTF-8, or base64 for what neither JSON nor a terminal can carry. */
export type BytesInput = Uint8Array | string | { readonly base64: string };

const utf8 = new TextEncoder();

/**
 * Accepts a `Uint8Array`, a string (its UTF-8) or `{ base64: "…" }`, and yields a `Uint8Array` that shares its memory with
 * nothing: it may be kept in the state.
 */
export function bytes(): v.GenericSchema<BytesInput, Uint8Array> {
  return bytesSchema;
}

const bytesSchema = v.pipe(
  v.custom<BytesInput>(isBytesInput, 'Invalid bytes: Expected bytes, a string or {"base64": "…"}'),
  v.rawTransform(({ dataset, addIssue, NEVER }): Uint8Array => {
    const given = dataset.value;
    if (given instanceof Uint8Array) return given.slice();
    if (typeof given === "string") return utf8.encode(given);
    const decoded = fromBase64(given.base64);
    if (decoded !== null) return decoded;
    addIssue({ message: "Invalid base64" });
    return NEVER;
  }),
);

function isBytesInput(given: unknown): boolean {
  if (typeof given === "string" || given instanceof Uint8Array) return true;
  if (typeof given !== "object" || given === null) return false;
  const keys = Object.keys(given);
  return keys.length === 1 && keys[0] === "base64" && "base64" in given && typeof given.base64 === "string";
}

/** Strict on purpose: a decoder that skips what it does not know would turn a typing error into other bytes. */
function fromBase64(text: string): Uint8Array | null {
  const isBase64 = text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
  return isBase64 ? new Uint8Array(Buffer.from(text, "base64")) : null;
}
