// Writes the CBOR of our own frames: unsigned and signed integers, texts, byte strings, arrays, booleans and null, each in
// its shortest form. Why not cbor-x: docs/decisions/wire-encoding.md. What stands in which message, its own file says.
import { payloadBytesMax } from "./limits.ts";

const startBytes = 64 * 1024;
/** A scratch buffer larger than this is given back after the frame that needed it. */
const keptBytesMax = 2 * 1024 * 1024;
const lengthBytes = 4;

const textEncoder = new TextEncoder();

/** Gathers one frame at a time in a buffer of its own; `finish` returns a copy. */
export class FrameWriter {
  #bytes = new Uint8Array(startBytes);
  #at = lengthBytes;
  #number = 0;

  /** A new frame, an array of `items` of which the first is the message's number. Forgets an unfinished one. */
  start(number: number, items: number): void {
    this.#at = lengthBytes;
    this.#number = number;
    this.array(items);
    this.uint(number);
  }

  array(items: number): void {
    this.#head(0x80, items);
  }

  /** An array that the reader takes only up to `max`. Throws `RangeError` when it is longer. */
  list(items: number, max: number): void {
    if (items > max) throw new RangeError(`a list of more than ${max}`);
    this.#head(0x80, items);
  }

  /** Any integer from 0 to 2^53 - 1. Throws `RangeError` for anything else, of which the reader would make something else. */
  uint(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is not an unsigned integer`);
    this.#head(0x00, value);
  }

  /** Any safe integer. */
  int(value: number): void {
    if (value < 0) this.#head(0x20, -1 - value);
    else this.#head(0x00, value);
  }

  uintOrNull(value: number | null): void {
    if (value === null) this.nil();
    else this.uint(value);
  }

  bool(value: boolean): void {
    this.#room(1);
    this.#bytes[this.#at++] = value ? 0xf5 : 0xf4;
  }

  nil(): void {
    this.#room(1);
    this.#bytes[this.#at++] = 0xf6;
  }

  /** Throws `RangeError` when it is longer than `payloadBytesMax`. */
  payload(value: Uint8Array): void {
    if (value.byteLength > payloadBytesMax) throw new RangeError("a payload too large");
    this.#head(0x40, value.byteLength);
    this.#room(value.byteLength);
    this.#bytes.set(value, this.#at);
    this.#at += value.byteLength;
  }

  /** Half of a surrogate pair on its own becomes U+FFFD. */
  text(value: string): void {
    const encoded = textEncoder.encode(value);
    this.#head(0x60, encoded.byteLength);
    this.#room(encoded.byteLength);
    this.#bytes.set(encoded, this.#at);
    this.#at += encoded.byteLength;
  }

  textOrNull(value: string | null): void {
    if (value === null) this.nil();
    else this.text(value);
  }

  /** Of the message begun last. */
  get number(): number {
    return this.#number;
  }

  /** Bytes so far, without the four of the length. */
  get bodyBytes(): number {
    return this.#at - lengthBytes;
  }

  /** The whole frame, its length in front. */
  finish(): Uint8Array {
    const body = this.bodyBytes;
    this.#bytes[0] = body >>> 24;
    this.#bytes[1] = body >>> 16;
    this.#bytes[2] = body >>> 8;
    this.#bytes[3] = body;
    const frame = this.#bytes.slice(0, this.#at);
    if (this.#bytes.byteLength > keptBytesMax) this.#bytes = new Uint8Array(startBytes);
    return frame;
  }

  /** The first byte of an item, with the major type in its upper three bits, and its number in the shortest form. */
  #head(major: number, value: number): void {
    this.#room(9);
    const bytes = this.#bytes;
    let at = this.#at;
    if (value < 24) {
      bytes[at++] = major | value;
    } else if (value < 0x100) {
      bytes[at++] = major | 24;
      bytes[at++] = value;
    } else if (value < 0x1_0000) {
      bytes[at++] = major | 25;
      bytes[at++] = value >>> 8;
      bytes[at++] = value;
    } else if (value < 0x1_0000_0000) {
      bytes[at++] = major | 26;
      at = putUint32(bytes, at, value);
    } else {
      bytes[at++] = major | 27;
      at = putUint32(bytes, at, Math.floor(value / 0x1_0000_0000));
      at = putUint32(bytes, at, value % 0x1_0000_0000);
    }
    this.#at = at;
  }

  #room(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#bytes.byteLength) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.byteLength));
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
