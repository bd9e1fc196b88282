// The rules of the strict profile of docs/protocol.md: where does an item of CBOR from outside end, and is each of its bytes allowed?
// The walk (strict-cbor.ts) and the reader (strict-reader.ts) share these rules. The work is bounded by the bytes that are really
// there and by the number of items allowed. A length that is only claimed costs nothing.
import { isUtf8 } from "node:buffer";
import { BadFrame } from "./bad-frame.ts";

export interface StrictLimits {
  /** Arrays and maps within each other. */
  readonly depthMax: number;
  /** Every item counts, arrays, maps and keys included. */
  readonly itemsMax: number;
  /** Keys of one map. 0: no maps at all. */
  readonly mapKeysMax: number;
  readonly floats: boolean;
}

/** The upper three bits of an item's first byte. */
export const majorNegative = 1;
export const majorBytes = 2;
export const majorText = 3;
export const majorArray = 4;
export const majorMap = 5;
export const majorTag = 6;
export const majorSimple = 7;

/** First bytes of simple values. */
export const byteFalse = 0xf4;
export const byteTrue = 0xf5;
export const byteNull = 0xf6;
export const byteFloat16 = 0xf9;
export const byteFloat32 = 0xfa;
const byteFloat64 = 0xfb;

/** The upper half of 2^53: from here on an integer is no longer safe. */
const unsafeHigh = 0x20_0000;

export class StrictCursor {
  /** The next byte to look at. */
  protected at = 0;
  protected readonly bytes: Uint8Array;
  readonly #end: number;
  readonly #limits: StrictLimits;
  #itemsLeft: number;

  constructor(bytes: Uint8Array, limits: StrictLimits) {
    this.bytes = bytes;
    this.#end = bytes.byteLength;
    this.#limits = limits;
    this.#itemsLeft = limits.itemsMax;
  }

  protected mustBeAtEnd(): void {
    if (this.at !== this.#end) throw new BadFrame("bytes after the end of the item");
  }

  /** The first byte of the next item, which counts. */
  protected begin(): number {
    if (--this.#itemsLeft < 0) throw new BadFrame("too many items");
    return this.byte();
  }

  protected byte(): number {
    const byte = this.bytes[this.at];
    if (byte === undefined) throw new BadFrame("truncated");
    this.at++;
    return byte;
  }

  /** The number in an item's head: a value or a length, in its shortest form, and within the safe integers. */
  protected number(first: number): number {
    const info = first & 0x1f;
    if (info < 24) return info;
    let value: number;
    let smallest: number;
    if (info === 24) {
      value = this.byte();
      smallest = 24;
    } else if (info === 25) {
      value = this.#uint16();
      smallest = 0x100;
    } else if (info === 26) {
      value = this.#uint32();
      smallest = 0x1_0000;
    } else if (info === 27) {
      const high = this.#uint32();
      value = high * 0x1_0000_0000 + this.#uint32();
      smallest = 0x1_0000_0000;
      // The number -1 - value must be safe as well, and it is one further from zero.
      if (high >= unsafeHigh || (first >> 5 === majorNegative && value > Number.MAX_SAFE_INTEGER - 1))
        throw new BadFrame("an integer beyond 2^53");
    } else if (info === 31) {
      throw new BadFrame("an indefinite length");
    } else {
      throw new BadFrame("a reserved head");
    }
    if (value < smallest) throw new BadFrame("a number that is not in its shortest form");
    return value;
  }

  #uint16(): number {
    return this.byte() * 0x100 + this.byte();
  }

  #uint32(): number {
    return this.#uint16() * 0x1_0000 + this.#uint16();
  }

  protected skip(length: number): void {
    if (length > this.#end - this.at) throw new BadFrame("a length beyond the end");
    this.at += length;
  }

  /** Passes a text over. Whether it is ASCII alone. */
  protected text(length: number): boolean {
    const start = this.at;
    this.skip(length);
    const { bytes, at: end } = this;
    let ascii = start;
    while (ascii < end && (bytes[ascii] as number) < 0x80) ascii++;
    if (ascii === end) return true;
    if (!isUtf8(bytes.subarray(ascii, end))) throw new BadFrame("a text that is not UTF-8");
    // cbor-x drops this character from long texts; a text that means it can be sent as bytes.
    if (bytes[start] === 0xef && length >= 3 && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf)
      throw new BadFrame("a text that begins with a byte order mark");
    return false;
  }

  /** An array has begun. */
  protected openArray(length: number, depth: number): void {
    this.#open(length, 1, depth);
  }

  /** A map has begun. */
  protected openMap(length: number, depth: number): void {
    const { mapKeysMax } = this.#limits;
    if (mapKeysMax === 0) throw new BadFrame("a map");
    this.#open(length, 2, depth);
    // Keys made to collide cost the square of their number; this keeps the square small.
    if (length > mapKeysMax) throw new BadFrame("too many keys");
  }

  /** A container may claim no more than what is there can hold: each item is at least a byte. */
  #open(length: number, itemsEach: number, depth: number): void {
    if (depth > this.#limits.depthMax) throw new BadFrame("nested too deeply");
    if (length > (this.#end - this.at) / itemsEach) throw new BadFrame("a length beyond the end");
    if (length * itemsEach > this.#itemsLeft) throw new BadFrame("too many items");
  }

  /** The length of the key that comes next. */
  protected keyLength(): number {
    const first = this.begin();
    if (first >> 5 !== majorText) throw new BadFrame("a map with a key that is not text");
    return this.number(first);
  }

  /** Passes over what follows the first byte of a simple value: no bytes, or those of a float. */
  protected simple(first: number): void {
    if (first === byteFalse || first === byteTrue || first === byteNull) return;
    if (first === 0xf7) throw new BadFrame("undefined");
    if (first < byteFloat16 || first > byteFloat64) throw new BadFrame("a simple value of no meaning");
    if (!this.#limits.floats) throw new BadFrame("a float");
    this.skip(1 << (first - byteFloat16 + 1));
  }
}

/** Throws `BadFrame` for a key that no map may have: setting it would change an object's prototype. */
export function mustBeAllowed(key: string): void {
  if (key === "__proto__") throw new BadFrame("a map with a key that is not allowed");
}
