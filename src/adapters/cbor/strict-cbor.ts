// Walks CBOR from outside before anything decodes it: is every byte of it in the strict profile of docs/protocol.md?
// One pass, nothing allocated but the keys of maps; the work is bounded by the bytes that are really there and by the
// items allowed, never by a length that is merely claimed. What the items mean is for others.
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

const majorUint = 0;
const majorNegative = 1;
const majorBytes = 2;
const majorText = 3;
const majorArray = 4;
const majorMap = 5;
const majorTag = 6;

/** The upper half of 2^53: from here on an integer is no longer safe. */
const unsafeHigh = 0x20_0000;

/** Throws `BadFrame` unless `bytes` is exactly one item of the strict profile. */
export function checkStrict(bytes: Uint8Array, limits: StrictLimits): void {
  const walk = new Walk(bytes, limits);
  walk.item(0);
  if (walk.at !== bytes.byteLength) throw new BadFrame("bytes after the end of the item");
}

class Walk {
  at = 0;
  readonly #bytes: Uint8Array;
  readonly #end: number;
  readonly #limits: StrictLimits;
  #itemsLeft: number;

  constructor(bytes: Uint8Array, limits: StrictLimits) {
    this.#bytes = bytes;
    this.#end = bytes.byteLength;
    this.#limits = limits;
    this.#itemsLeft = limits.itemsMax;
  }

  item(depth: number): void {
    if (--this.#itemsLeft < 0) throw new BadFrame("too many items");
    const first = this.#byte();
    const major = first >> 5;
    if (major === 7) return this.#simple(first & 0x1f);
    const value = this.#number(first & 0x1f, major);
    switch (major) {
      case majorUint:
      case majorNegative:
        return;
      case majorBytes:
        return this.#skip(value);
      case majorText:
        this.#text(value);
        return;
      case majorArray:
        return this.#array(value, depth + 1);
      case majorMap:
        return this.#map(value, depth + 1);
      case majorTag:
        throw new BadFrame("a tag");
    }
  }

  #byte(): number {
    const byte = this.#bytes[this.at];
    if (byte === undefined) throw new BadFrame("truncated");
    this.at++;
    return byte;
  }

  /** The number in an item's head: a value or a length, in its shortest form, and within the safe integers. */
  #number(info: number, major: number): number {
    if (info < 24) return info;
    let value: number;
    let smallest: number;
    if (info === 24) {
      value = this.#byte();
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
      if (high >= unsafeHigh || (major === majorNegative && value > Number.MAX_SAFE_INTEGER - 1))
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
    return this.#byte() * 0x100 + this.#byte();
  }

  #uint32(): number {
    return this.#uint16() * 0x1_0000 + this.#uint16();
  }

  #skip(length: number): void {
    if (length > this.#end - this.at) throw new BadFrame("a length beyond the end");
    this.at += length;
  }

  /** Returns where it begins. */
  #text(length: number): number {
    const start = this.at;
    this.#skip(length);
    const bytes = this.#bytes;
    let ascii = start;
    while (ascii < this.at && (bytes[ascii] as number) < 0x80) ascii++;
    if (ascii < this.at && !isUtf8(bytes.subarray(ascii, this.at))) throw new BadFrame("a text that is not UTF-8");
    // cbor-x drops this character from long texts; a text that means it can be sent as bytes.
    if (bytes[start] === 0xef && length >= 3 && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf)
      throw new BadFrame("a text that begins with a byte order mark");
    return start;
  }

  #array(length: number, depth: number): void {
    this.#open(length, 1, depth);
    for (let i = 0; i < length; i++) this.item(depth);
  }

  #map(length: number, depth: number): void {
    const { mapKeysMax } = this.#limits;
    if (mapKeysMax === 0) throw new BadFrame("a map");
    this.#open(length, 2, depth);
    // Keys made to collide cost the square of their number; this keeps the square small.
    if (length > mapKeysMax) throw new BadFrame("too many keys");
    const keys = new Set<string>();
    for (let i = 0; i < length; i++) {
      keys.add(this.#key());
      if (keys.size !== i + 1) throw new BadFrame("a map with a key twice");
      this.item(depth);
    }
  }

  /** A container may claim no more than what is there can hold: each item is at least a byte. */
  #open(length: number, itemsEach: number, depth: number): void {
    if (depth > this.#limits.depthMax) throw new BadFrame("nested too deeply");
    if (length > (this.#end - this.at) / itemsEach) throw new BadFrame("a length beyond the end");
    if (length * itemsEach > this.#itemsLeft) throw new BadFrame("too many items");
  }

  #key(): string {
    if (--this.#itemsLeft < 0) throw new BadFrame("too many items");
    const first = this.#byte();
    if (first >> 5 !== majorText) throw new BadFrame("a map with a key that is not text");
    const start = this.#text(this.#number(first & 0x1f, majorText));
    const key = textDecoder.decode(this.#bytes.subarray(start, this.at));
    if (key === "__proto__") throw new BadFrame("a map with a key that is not allowed");
    return key;
  }

  #simple(info: number): void {
    if (info === 20 || info === 21 || info === 22) return;
    if (info === 23) throw new BadFrame("undefined");
    if (info < 25 || info > 27) throw new BadFrame("a simple value of no meaning");
    if (!this.#limits.floats) throw new BadFrame("a float");
    this.#skip(info === 25 ? 2 : info === 26 ? 4 : 8);
  }
}

const textDecoder = new TextDecoder();
