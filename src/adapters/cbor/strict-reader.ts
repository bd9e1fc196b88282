// Reads CBOR from outside in one pass. An item of the strict profile of docs/protocol.md comes out as a value; anything else is
// refused. All values and the frames of commands and queries are read here. codec.ts says which frames these are.
import { BadFrame } from "./bad-frame.ts";
import type { PlainItem } from "./plain-cbor.ts";
import {
  byteFalse,
  byteFloat16,
  byteFloat32,
  byteNull,
  byteTrue,
  majorArray,
  majorBytes,
  majorMap,
  majorNegative,
  majorSimple,
  majorTag,
  majorText,
  mustBeAllowed,
  StrictCursor,
  type StrictLimits,
} from "./strict-cursor.ts";

/** Maps are plain objects. */
export type StrictValue = PlainItem | readonly StrictValue[] | { readonly [key: string]: StrictValue };

/**
 * Reads exactly one item of the strict profile. Throws `BadFrame` for anything else.
 * @param bytes a plain `Uint8Array` (`plainView`), and no `Buffer`: only then are byte strings copies
 */
export function readStrict(bytes: Uint8Array, limits: StrictLimits): StrictValue {
  return new Reader(bytes, limits).whole();
}

class Reader extends StrictCursor {
  whole(): StrictValue {
    const value = this.#item(0);
    this.mustBeAtEnd();
    return value;
  }

  #item(depth: number): StrictValue {
    const first = this.begin();
    const major = first >> 5;
    if (major === majorSimple) return this.#simple(first);
    const value = this.number(first);
    switch (major) {
      case majorNegative:
        return -1 - value;
      case majorBytes:
        return this.#byteString(value);
      case majorText:
        return this.#text(value);
      case majorArray:
        return this.#array(value, depth + 1);
      case majorMap:
        return this.#map(value, depth + 1);
      case majorTag:
        throw new BadFrame("a tag");
      default:
        return value;
    }
  }

  #byteString(length: number): Uint8Array {
    const start = this.at;
    this.skip(length);
    return this.bytes.slice(start, this.at);
  }

  #text(length: number): string {
    const start = this.at;
    const isAscii = this.text(length);
    return isAscii ? asciiOf(this.bytes, start, this.at) : textDecoder.decode(this.bytes.subarray(start, this.at));
  }

  #array(length: number, depth: number): readonly StrictValue[] {
    this.openArray(length, depth);
    const items: StrictValue[] = [];
    for (let i = 0; i < length; i++) items.push(this.#item(depth));
    return items;
  }

  #map(length: number, depth: number): { readonly [key: string]: StrictValue } {
    this.openMap(length, depth);
    const map: Record<string, StrictValue> = {};
    for (let i = 0; i < length; i++) {
      const key = this.#text(this.keyLength());
      mustBeAllowed(key);
      if (Object.hasOwn(map, key)) throw new BadFrame("a map with a key twice");
      map[key] = this.#item(depth);
    }
    return map;
  }

  #simple(first: number): StrictValue {
    const at = this.at;
    this.simple(first);
    if (first === byteNull) return null;
    if (first === byteTrue) return true;
    if (first === byteFalse) return false;
    const { buffer, byteOffset } = this.bytes;
    const view = new DataView(buffer, byteOffset + at);
    if (first === byteFloat16) return view.getFloat16(0);
    return first === byteFloat32 ? view.getFloat32(0) : view.getFloat64(0);
  }
}

const textDecoder = new TextDecoder();

const { latin1Slice } = Buffer.prototype;

/** The latest short texts, each at the place that `placeOf` gives it. Names and keys of maps are often repeated. */
const lately: string[] = new Array<string>(64).fill("");
const latelyLengthMax = 24;

/** A text of bytes below 0x80 only. A text that is in `lately` is not created again. */
function asciiOf(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start;
  if (length > latelyLengthMax) return latin1Slice.call(bytes, start, end);
  const place = placeOf(bytes, start, end);
  const known = lately[place]!;
  if (known.length === length && isAt(bytes, start, known)) return known;
  return (lately[place] = latin1Slice.call(bytes, start, end));
}

/** An empty text has place 0. */
const placeOf = (bytes: Uint8Array, start: number, end: number): number =>
  start === end ? 0 : ((end - start) * 7 + bytes[start]! * 5 + bytes[end - 1]!) & 63;

function isAt(bytes: Uint8Array, start: number, text: string): boolean {
  for (let nth = 0; nth < text.length; nth++) if (bytes[start + nth] !== text.charCodeAt(nth)) return false;
  return true;
}
