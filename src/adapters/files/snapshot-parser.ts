// Takes a snapshot's file apart while its bytes come in, and follows the checksums over it: nothing leaves here that is not
// what was written. Holds one frame at most. The format is snapshot-format.ts; what becomes of damage, its callers' business.
import type { SnapshotHeader } from "../../ports/snapshot-store.ts";
import {
  endBytes,
  formatVersion,
  frameChecksum,
  frameChecksumBytes,
  frameHeadBytes,
  frameKinds,
  type FrameKind,
  magic,
  payloadBytesMax,
  preambleBytes,
} from "./snapshot-format.ts";

/** What is wrong with a file, in words. */
export class SnapshotDamage extends Error {
  override readonly name = "SnapshotDamage";
}

export class SnapshotParser {
  #rest = new Uint8Array(0);
  #soundBytes = 0;
  #checksum = 0;
  #chunks = 0;
  #contentBytes = 0;
  #header: SnapshotHeader | null = null;
  #isComplete = false;

  /** Through the last complete frame, from the file's beginning. */
  get soundBytes(): number {
    return this.#soundBytes;
  }

  /** Of the last complete frame: once the file is complete, the file's. */
  get checksum(): number {
    return this.#checksum;
  }

  /** Null until it has come in. */
  get header(): SnapshotHeader | null {
    return this.#header;
  }

  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Takes the file's next bytes and returns the chunks that they complete. Throws `SnapshotDamage`. */
  push(bytes: Uint8Array): Uint8Array[] {
    // A copy, so that chunks may be kept whatever becomes of the bytes.
    const input = new Uint8Array(this.#rest.length + bytes.length);
    input.set(this.#rest);
    input.set(bytes, this.#rest.length);
    const chunks: Uint8Array[] = [];
    let at = this.#soundBytes === 0 ? this.#takePreamble(input) : 0;
    for (let length = this.#frameLength(input, at); length !== null; length = this.#frameLength(input, at)) {
      const chunk = this.#takeFrame(input.subarray(at, at + length));
      if (chunk !== null) chunks.push(chunk);
      at += length;
    }
    this.#rest = input.subarray(at);
    return chunks;
  }

  /** Lets go of what has come in after the last complete frame: the next bytes belong at `soundBytes`. */
  rewind(): void {
    this.#rest = new Uint8Array(0);
  }

  /** Throws unless the file ended here. */
  finish(): void {
    if (!this.#isComplete)
      throw new SnapshotDamage(`it ends after ${this.#soundBytes} sound bytes, before its end mark`);
  }

  /** How many bytes the preamble takes of the input: none while it has not come in whole. */
  #takePreamble(input: Uint8Array): number {
    const view = new DataView(input.buffer, input.byteOffset);
    if (!magic.subarray(0, input.length).every((byte, at) => byte === input[at])) {
      throw new SnapshotDamage("it is no snapshot of Graft");
    }
    if (input.length < preambleBytes) return 0;
    const version = view.getUint32(magic.length);
    if (version !== formatVersion) {
      throw new SnapshotDamage(
        `it has the format ${version}, and this version of Graft knows only format ${formatVersion}`,
      );
    }
    this.#soundBytes = preambleBytes;
    return preambleBytes;
  }

  /** Of the frame at `at`; null while it has not come in whole. Impossible lengths are found before they are waited for. */
  #frameLength(input: Uint8Array, at: number): number | null {
    if (this.#soundBytes === 0) return null;
    if (this.#isComplete && at < input.length) throw new SnapshotDamage("there are bytes after its end mark");
    if (input.length - at < frameHeadBytes) return null;
    const kind = input[at]!;
    const bytes = new DataView(input.buffer, input.byteOffset).getUint32(at + 1);
    const isExpected =
      this.#header === null ? kind === frameKinds.header : kind === frameKinds.chunk || kind === frameKinds.end;
    if (!isExpected || bytes > payloadBytesMax[kind as FrameKind]) {
      throw new SnapshotDamage(`after ${this.#soundBytes} bytes there is a frame of kind ${kind} and ${bytes} bytes`);
    }
    const length = frameHeadBytes + bytes + frameChecksumBytes;
    return input.length - at < length ? null : length;
  }

  #takeFrame(frame: Uint8Array): Uint8Array | null {
    const kind = frame[0]!;
    const payload = frame.subarray(frameHeadBytes, frame.length - frameChecksumBytes);
    const written = Number(
      new DataView(frame.buffer, frame.byteOffset).getBigUint64(frame.length - frameChecksumBytes),
    );
    const found = frameChecksum(this.#checksum, kind, payload);
    if (found !== written) {
      throw new SnapshotDamage(`after ${this.#soundBytes} bytes the checksum is ${found}, and ${written} was expected`);
    }
    if (kind === frameKinds.header) this.#header = decodeHeader(payload);
    if (kind === frameKinds.end) this.#takeEnd(payload);
    this.#soundBytes += frame.length;
    this.#checksum = found;
    if (kind !== frameKinds.chunk) return null;
    this.#chunks++;
    this.#contentBytes += payload.length;
    return payload;
  }

  #takeEnd(payload: Uint8Array): void {
    const view = new DataView(payload.buffer, payload.byteOffset);
    const isWhole = payload.length === endBytes;
    if (
      !isWhole ||
      Number(view.getBigUint64(0)) !== this.#chunks ||
      Number(view.getBigUint64(8)) !== this.#contentBytes
    ) {
      throw new SnapshotDamage(`its end mark does not count ${this.#chunks} chunks of ${this.#contentBytes} bytes`);
    }
    this.#isComplete = true;
  }
}

/** For bytes whose checksum has been verified. They may still come from a node that is not quite right. */
function decodeHeader(payload: Uint8Array): SnapshotHeader {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  } catch (cause) {
    throw new SnapshotDamage("its header cannot be read", { cause });
  }
  if (isHeader(header)) return header;
  throw new SnapshotDamage("its header lacks a field");
}

const fieldsOf = (value: unknown): Record<string, unknown> => (isObject(value) ? { ...value } : {});
const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;
const isText = (value: unknown): value is string => typeof value === "string";
const isAbove0 = (value: unknown): boolean => isCount(value) && value !== 0;
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
const isListOf = (value: unknown, isItem: (item: unknown) => boolean): boolean =>
  Array.isArray(value) && value.every(isItem);

function isHeader(value: unknown): value is SnapshotHeader {
  const { clusterUuid, cluster, position, stampMs, chain, configuration, activation, plugin } = fieldsOf(value);
  const { name, version } = fieldsOf(plugin);
  return (
    [clusterUuid, cluster, name, version].every(isText) &&
    [stampMs, chain].every(isCount) &&
    isPosition(position) &&
    isPlacedConfiguration(configuration) &&
    (activation === null || isActivation(activation))
  );
}

function isPosition(value: unknown): boolean {
  const { index, term } = fieldsOf(value);
  return isCount(index) && isCount(term);
}

function isActivation(value: unknown): boolean {
  const { position, plugin, replaces, skips = 1 } = fieldsOf(value);
  const { name, version, hash } = fieldsOf(plugin);
  return (
    isPosition(position) && [name, version, hash].every(isText) && typeof replaces === "boolean" && isAbove0(skips)
  );
}

function isPlacedConfiguration(value: unknown): boolean {
  const { position, configuration } = fieldsOf(value);
  const { members, voters, outgoing, leaving, pending } = fieldsOf(configuration);
  const areKeys = [voters, outgoing, leaving].every((list) => isListOf(list, isText));
  return isPosition(position) && isListOf(members, isMember) && areKeys && isListOf(pending, isPendingStep);
}

function isPendingStep(value: unknown): boolean {
  const { promote, demote, remove } = fieldsOf(value);
  return [promote, demote, remove].every((list) => isListOf(list, isText));
}

function isMember(value: unknown): boolean {
  const { key, address, priority } = fieldsOf(value);
  return isText(key) && isText(address) && Number.isSafeInteger(priority);
}
