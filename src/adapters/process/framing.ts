// How does a message to or from a program stand in bytes? As CBOR behind its length in four bytes, or as a line of JSON: the first byte of the
// program says which. A program is a stranger, so everything that comes from it is checked.
import { plainView } from "../cbor/plain-cbor.ts";
import { readStrict } from "../cbor/strict-reader.ts";
import { type CborValue, valueDepthMax, valueMapKeysMax } from "../cbor/value.ts";
import { ValueWriter } from "../cbor/value-writer.ts";

/** Of a message, in either direction. */
const messageBytesMax = 16 * 1024 * 1024;

/** A message has values in it that may be as large as any, and many of them. Its bytes bound the items. */
const frameLimits = {
  depthMax: valueDepthMax + 8,
  itemsMax: messageBytesMax,
  mapKeysMax: valueMapKeysMax,
  floats: true,
} as const;
const writer = new ValueWriter(frameLimits);

const lengthBytes = 4;
const newline = 10;
const openingBrace = 123;
/** Of what a program wrote that is no message, characters. */
const quotedMax = 80;

/** What a program sent is no message: the end of a sentence that begins with its name. */
export class BadMessage extends Error {}

export type Framing = "json" | "cbor";

/** Cuts messages out of what a program writes. */
export class MessageReader {
  #framing: Framing | null = null;
  #chunks: Uint8Array[] = [];
  #bytes = 0;
  /** How many bytes there must be for the next frame. */
  #wantedBytes = lengthBytes;

  /** Null: it has sent nothing yet. */
  get framing(): Framing | null {
    return this.#framing;
  }

  /** The messages that are complete with these bytes. Throws `BadMessage`. */
  read(chunk: Uint8Array): readonly CborValue[] {
    if (chunk.length === 0) return [];
    this.#framing ??= chunk[0] === openingBrace ? "json" : chunk[0] === 0 ? "cbor" : noMessage(chunk);
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    // A message may come in many chunks: they are put together once.
    if (this.#framing === "cbor") return this.#bytes < this.#wantedBytes ? [] : this.#frames();
    return !chunk.includes(newline) && this.#bytes <= messageBytesMax ? [] : this.#lines();
  }

  #lines(): readonly CborValue[] {
    const messages: CborValue[] = [];
    let rest = this.#joined();
    for (let end = rest.indexOf(newline); end !== -1; end = rest.indexOf(newline)) {
      mustFit(end);
      messages.push(fromLine(rest.subarray(0, end)));
      rest = rest.subarray(end + 1);
    }
    mustFit(rest.length);
    this.#keep(rest);
    return messages;
  }

  #frames(): readonly CborValue[] {
    const messages: CborValue[] = [];
    for (;;) {
      const bytes = this.#joined();
      this.#wantedBytes = lengthBytes;
      if (bytes.length < lengthBytes) return messages;
      const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
      mustFit(length);
      this.#wantedBytes = lengthBytes + length;
      if (bytes.length < this.#wantedBytes) return messages;
      messages.push(fromCbor(bytes.subarray(lengthBytes, this.#wantedBytes)));
      this.#keep(bytes.subarray(this.#wantedBytes));
    }
  }

  #joined(): Uint8Array {
    if (this.#chunks.length !== 1) this.#keep(Buffer.concat(this.#chunks));
    return this.#chunks[0]!;
  }

  #keep(rest: Uint8Array): void {
    this.#chunks = [rest];
    this.#bytes = rest.length;
  }
}

/** Throws `TypeError` for what JSON cannot carry. */
export function toMessage(value: CborValue, framing: Framing): Uint8Array {
  if (framing === "json") return Buffer.from(`${JSON.stringify(toJson(value))}\n`);
  writer.start();
  writer.item(value, 0);
  const body = writer.view();
  const frame = Buffer.allocUnsafe(lengthBytes + body.length);
  frame.writeUInt32BE(body.length);
  frame.set(body, lengthBytes);
  return frame;
}

/** In JSON a string of bytes is an object with this key alone, and base64 behind it. */
const bytesKey = "$bytes";

/** Throws `TypeError` for what JSON cannot carry. */
export function toJson(value: CborValue): unknown {
  if (value instanceof Uint8Array) return { [bytesKey]: Buffer.from(value).toString("base64") };
  if (typeof value === "number" && !Number.isFinite(value)) throw new TypeError(`JSON has no number ${value}`);
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value);
  if (entries.length === 1 && entries[0]![0] === bytesKey)
    throw new TypeError(`an object with the key ${bytesKey} alone is kept for bytes`);
  return Object.fromEntries(entries.map(([key, each]) => [key, toJson(each)]));
}

/** Throws `BadMessage` for what is no message. */
function fromJson(value: unknown): CborValue {
  if (Array.isArray(value)) return value.map(fromJson);
  if (typeof value !== "object" || value === null) return value as CborValue;
  const entries = Object.entries(value);
  const [first] = entries;
  if (entries.length === 1 && first![0] === bytesKey) return fromBase64(first![1]);
  return Object.fromEntries(entries.map(([key, each]) => [key, fromJson(each)]));
}

function fromBase64(text: unknown): Uint8Array {
  const bytes = typeof text === "string" ? Buffer.from(text, "base64") : null;
  if (bytes === null || bytes.toString("base64") !== text) throw new BadMessage(`its ${bytesKey} are not base64`);
  return new Uint8Array(bytes);
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function fromLine(line: Uint8Array): CborValue {
  try {
    return fromJson(JSON.parse(strictUtf8.decode(line)));
  } catch (error) {
    if (error instanceof BadMessage) throw error;
    return noMessage(line);
  }
}

function fromCbor(body: Uint8Array): CborValue {
  try {
    return readStrict(plainView(body), frameLimits);
  } catch (error) {
    throw new BadMessage(
      `it sent a message that is not CBOR: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

function mustFit(length: number): void {
  if (length <= messageBytesMax) return;
  throw new BadMessage(`it sent a message of ${length} bytes or more, and ${messageBytesMax} are allowed`);
}

function noMessage(bytes: Uint8Array): never {
  const text = new TextDecoder().decode(bytes.subarray(0, 4 * quotedMax)).split("\n", 1)[0]!;
  const quoted = JSON.stringify(text.length > quotedMax ? `${text.slice(0, quotedMax)}…` : text);
  throw new BadMessage(
    `it wrote ${quoted} to its standard output, which is no message: write such text to standard error`,
  );
}
