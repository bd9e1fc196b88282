// Walks CBOR from outside before cbor-x decodes it: is every byte of it in the strict profile? Nothing is allocated but the keys
// of maps.
import { BadFrame } from "./bad-frame.ts";
import {
  majorArray,
  majorBytes,
  majorMap,
  majorSimple,
  majorTag,
  majorText,
  mustBeAllowed,
  StrictCursor,
  type StrictLimits,
} from "./strict-cursor.ts";

/** Throws `BadFrame` unless `bytes` is exactly one item of the strict profile. */
export function checkStrict(bytes: Uint8Array, limits: StrictLimits): void {
  new Walk(bytes, limits).whole();
}

class Walk extends StrictCursor {
  whole(): void {
    this.#item(0);
    this.mustBeAtEnd();
  }

  #item(depth: number): void {
    const first = this.begin();
    const major = first >> 5;
    if (major === majorSimple) return this.simple(first);
    const value = this.number(first);
    switch (major) {
      case majorBytes:
        return this.skip(value);
      case majorText:
        this.text(value);
        return;
      case majorArray:
        this.openArray(value, depth + 1);
        for (let i = 0; i < value; i++) this.#item(depth + 1);
        return;
      case majorMap:
        return this.#map(value, depth + 1);
      case majorTag:
        throw new BadFrame("a tag");
    }
  }

  #map(length: number, depth: number): void {
    this.openMap(length, depth);
    const keys = new Set<string>();
    for (let i = 0; i < length; i++) {
      keys.add(this.#key());
      if (keys.size !== i + 1) throw new BadFrame("a map with a key twice");
      this.#item(depth);
    }
  }

  #key(): string {
    const length = this.keyLength();
    const start = this.at;
    this.text(length);
    const key = textDecoder.decode(this.bytes.subarray(start, this.at));
    mustBeAllowed(key);
    return key;
  }
}

const textDecoder = new TextDecoder();
