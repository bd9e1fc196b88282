// Writes the CBOR of our own frames: unsigned and signed integers, texts, byte strings, arrays, booleans and null, each in
// its shortest form. Why not cbor-x: docs/decisions/wire-encoding.md. What stands in which message, its own file says.
import { ItemBytes, major } from "./item-bytes.ts";
import { payloadBytesMax } from "./limits.ts";

const lengthBytes = 4;

/** Gathers one frame at a time in a buffer of its own; `finish` returns a copy. */
export class FrameWriter {
  readonly #out = new ItemBytes();
  #number = 0;

  /** A new frame, an array of `items` of which the first is the message's number. Forgets an unfinished one. */
  start(number: number, items: number): void {
    this.#out.reset();
    for (let nth = 0; nth < lengthBytes; nth++) this.#out.byte(0);
    this.#number = number;
    this.array(items);
    this.uint(number);
  }

  array(items: number): void {
    this.#out.head(major.array, items);
  }

  /** An array that the reader takes only up to `max`. Throws `RangeError` when it is longer. */
  list(items: number, max: number): void {
    if (items > max) throw new RangeError(`a list of more than ${max}`);
    this.#out.head(major.array, items);
  }

  /** Any integer from 0 to 2^53 - 1. Throws `RangeError` for anything else, of which the reader would make something else. */
  uint(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is not an unsigned integer`);
    this.#out.head(major.uint, value);
  }

  /** Any safe integer. */
  int(value: number): void {
    if (value < 0) this.#out.head(major.negative, -1 - value);
    else this.#out.head(major.uint, value);
  }

  uintOrNull(value: number | null): void {
    if (value === null) this.nil();
    else this.uint(value);
  }

  bool(value: boolean): void {
    this.#out.byte(value ? 0xf5 : 0xf4);
  }

  nil(): void {
    this.#out.byte(0xf6);
  }

  /** Throws `RangeError` when it is longer than `payloadBytesMax`. */
  payload(value: Uint8Array): void {
    if (value.byteLength > payloadBytesMax) throw new RangeError("a payload too large");
    this.#out.head(major.bytes, value.byteLength);
    this.#out.put(value);
  }

  /** Half of a surrogate pair on its own becomes U+FFFD. */
  text(value: string): void {
    this.#out.text(value);
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
    return this.#out.length - lengthBytes;
  }

  /** The whole frame, its length in front. */
  finish(): Uint8Array {
    const frame = this.#out.view().slice();
    const body = this.bodyBytes;
    frame[0] = body >>> 24;
    frame[1] = body >>> 16;
    frame[2] = body >>> 8;
    frame[3] = body;
    return frame;
  }
}
