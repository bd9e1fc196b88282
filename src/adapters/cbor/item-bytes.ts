// A growing buffer that CBOR is written into: heads in their shortest form, room for what follows. Which items there are is
// for frame-writer.ts and value-writer.ts to say.

const startBytes = 64 * 1024;
/** A buffer larger than this is given back after what needed it. */
const keptBytesMax = 2 * 1024 * 1024;

/** An ASCII text of at most this many characters is written directly. */
const shortText = 32;

/** The major types, in the upper three bits of an item's first byte. */
export const major = { uint: 0x00, negative: 0x20, bytes: 0x40, text: 0x60, array: 0x80, map: 0xa0 } as const;

export class ItemBytes {
  #bytes = Buffer.allocUnsafeSlow(startBytes);
  #at = 0;

  /** How many there are. */
  get length(): number {
    return this.#at;
  }

  /** Begins anew: what a view shows that was taken before is no longer so. */
  reset(): void {
    this.#at = 0;
    if (this.#bytes.byteLength > keptBytesMax) this.#bytes = Buffer.allocUnsafeSlow(startBytes);
  }

  /** The first byte of an item and its number, a safe integer from 0 on, in the shortest form. */
  head(majorType: number, value: number): void {
    this.#room(9);
    const bytes = this.#bytes;
    let at = this.#at;
    if (value < 24) {
      bytes[at++] = majorType | value;
    } else if (value < 0x100) {
      bytes[at++] = majorType | 24;
      bytes[at++] = value;
    } else if (value < 0x1_0000) {
      bytes[at++] = majorType | 25;
      bytes[at++] = value >>> 8;
      bytes[at++] = value;
    } else if (value < 0x1_0000_0000) {
      bytes[at++] = majorType | 26;
      at = putUint32(bytes, at, value);
    } else {
      bytes[at++] = majorType | 27;
      at = putUint32(bytes, at, Math.floor(value / 0x1_0000_0000));
      at = putUint32(bytes, at, value % 0x1_0000_0000);
    }
    this.#at = at;
  }

  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.#at++] = value;
  }

  put(bytes: Uint8Array): void {
    this.#room(bytes.byteLength);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.byteLength;
  }

  /** Eight bytes. */
  float(value: number): void {
    this.#room(8);
    this.#at = this.#bytes.writeDoubleBE(value, this.#at);
  }

  /** An item of its UTF-8; half of a surrogate pair on its own becomes U+FFFD. */
  text(value: string): void {
    if (value.length <= shortText && this.#shortAscii(value)) return;
    const byteLength = Buffer.byteLength(value);
    this.head(major.text, byteLength);
    this.#room(byteLength);
    this.#at += this.#bytes.write(value, this.#at, byteLength, "utf8");
  }

  /** Writes the text if it is ASCII; otherwise writes nothing and returns false. For short texts this is quicker than Buffer's encoder. */
  #shortAscii(value: string): boolean {
    this.#room(2 + shortText);
    const bytes = this.#bytes;
    let at = this.#at;
    if (value.length < 24) {
      bytes[at++] = major.text | value.length;
    } else {
      bytes[at++] = major.text | 24;
      bytes[at++] = value.length;
    }
    for (let nth = 0; nth < value.length; nth++) {
      const code = value.charCodeAt(nth);
      // #at has not moved, so the next item overwrites these bytes.
      if (code >= 0x80) return false;
      bytes[at++] = code;
    }
    this.#at = at;
    return true;
  }

  /** A view of all that was written, until the next `reset`. */
  view(): Uint8Array {
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset, this.#at);
  }

  #room(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#bytes.byteLength) return;
    // With room to spare: what follows a large payload must not have it copied once more.
    const larger = Buffer.allocUnsafeSlow(Math.max(needed + startBytes, 2 * this.#bytes.byteLength));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
  }
}

function putUint32(bytes: Uint8Array, at: number, value: number): number {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
  return at + 4;
}
