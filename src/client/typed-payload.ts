// What does a client of a typed state machine send, and what do people and scripts see of it? A payload is one CBOR value,
// `[operation, input]`; JSON stands for it with two forms for bytes: a text that is their UTF-8, or {"base64": "…"}.
import { type CborValue, decodeValue, encodeValue } from "../adapters/cbor/value.ts";
import { GraftError } from "../errors.ts";

/** What an input or a result may consist of. */
export type PayloadValue = CborValue;

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** Throws `GraftError("rejected")` for what the encoding does not carry: nothing has been sent then. */
export function encodeOperation(operation: string, input: PayloadValue): Uint8Array {
  try {
    return encodeValue([operation, input]);
  } catch (cause) {
    throw new GraftError("rejected", `the input of ${operation} cannot be sent: ${messageOf(cause)}`, { cause });
  }
}

/** Throws `GraftError("result-lost")` when the result is not one of a typed state machine. `of`: what it is the result of. */
export function decodeResult(payload: Uint8Array, of: "command" | "query"): PayloadValue {
  try {
    return decodeValue(payload);
  } catch (cause) {
    throw new GraftError("result-lost", `the result cannot be read: ${messageOf(cause)}`, { cause, subject: of });
  }
}

/** JSON as a person writes it: `{"base64": "…"}` becomes bytes. Throws `GraftError("usage")` when that is not base64. */
export function fromJson(json: JsonValue): PayloadValue {
  if (typeof json !== "object" || json === null) return json;
  if (isArray(json)) return json.map(fromJson);
  const entries = Object.entries(json);
  const [only] = entries;
  if (entries.length === 1 && only?.[0] === "base64" && typeof only[1] === "string") return bytesOfBase64(only[1]);
  return Object.fromEntries(entries.map(([key, value]) => [key, fromJson(value)]));
}

/** The other way: bytes become a text where they are UTF-8, and `{"base64": "…"}` where not. */
export function toJson(value: PayloadValue): JsonValue {
  if (value instanceof Uint8Array) return bytesToJson(value);
  if (typeof value !== "object" || value === null) return value;
  if (isArray(value)) return value.map(toJson);
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, toJson(each)]));
}

/** The text that bytes are the UTF-8 of; null when they are not. */
export function textOf(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Strict: what is not base64 would otherwise become other bytes. Throws `GraftError("usage")`. */
export function bytesOfBase64(text: string): Uint8Array {
  const isBase64 = text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
  if (!isBase64) throw new GraftError("usage", `${shown(text)} is not base64`);
  return new Uint8Array(Buffer.from(text, "base64"));
}

/** Throws `GraftError("usage")`. */
export function bytesOfHex(text: string): Uint8Array {
  const isHex = text.length % 2 === 0 && /^[0-9a-fA-F]*$/.test(text);
  if (!isHex) throw new GraftError("usage", `${shown(text)} is not hexadecimal, two digits to a byte`);
  return new Uint8Array(Buffer.from(text, "hex"));
}

const bytesToJson = (bytes: Uint8Array): JsonValue =>
  textOf(bytes) ?? { base64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64") };

const isArray = <T>(value: T | readonly T[]): value is readonly T[] => Array.isArray(value);

const shown = (text: string): string => JSON.stringify(text.length <= 40 ? text : `${text.slice(0, 40)}…`);

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
