// What are the rows of a table as bytes? Each row has its length in front, so that rows can be cut into pieces of any size and put together again.
// Every value comes back as it was: texts are the bytes that the database has, whether they are UTF-8 or not.

/** Texts are bytes here too. */
export type StoredValue =
  | { readonly kind: "null" }
  | { readonly kind: "integer"; readonly value: bigint }
  | { readonly kind: "real"; readonly value: number }
  | { readonly kind: "text" | "blob"; readonly value: Uint8Array };

const kinds = ["null", "integer", "real", "text", "blob"] as const;
const lengthBytes = 4;
const pieceBytes = 64 * 1024;
/** A value may be larger than an item of a snapshot may be. */
const pieceBytesMax = 1024 * 1024;

/** Gathers rows, and lets pieces go. The same rows make the same pieces. */
export class RowPieces {
  readonly #gathered: Uint8Array[] = [];
  #bytes = 0;

  *add(row: readonly StoredValue[]): Iterable<Uint8Array> {
    const bytes = rowBytes(row);
    this.#gathered.push(bytes);
    this.#bytes += bytes.byteLength;
    if (this.#bytes >= pieceBytes) yield* this.end();
  }

  /** What is left. */
  *end(): Iterable<Uint8Array> {
    const all = Buffer.concat(this.#gathered);
    this.#gathered.length = 0;
    this.#bytes = 0;
    for (let at = 0; at < all.byteLength; at += pieceBytesMax)
      yield new Uint8Array(all.subarray(at, at + pieceBytesMax));
  }
}

/** Puts pieces together, and takes rows out. */
export class RowReader {
  #left: Uint8Array = new Uint8Array();
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;

  /** A row that is not complete. */
  get hasLeft(): boolean {
    return this.#waitingBytes + this.#left.byteLength > 0;
  }

  *take(piece: Uint8Array): Iterable<readonly StoredValue[]> {
    this.#waiting.push(piece);
    this.#waitingBytes += piece.byteLength;
    if (this.#left.byteLength + this.#waitingBytes < this.#needed()) return;
    const all = Buffer.concat([this.#left, ...this.#waiting]);
    this.#waiting = [];
    this.#waitingBytes = 0;
    let at = 0;
    while (at + lengthBytes <= all.byteLength) {
      const end = at + lengthBytes + all.readUInt32LE(at);
      if (end > all.byteLength) break;
      yield rowOf(all.subarray(at + lengthBytes, end));
      at = end;
    }
    this.#left = new Uint8Array(all.subarray(at));
  }

  /** Bytes until the row that is begun is complete, so that a large one is put together once. */
  #needed(): number {
    if (this.#left.byteLength < lengthBytes) return 0;
    return lengthBytes + new DataView(this.#left.buffer).getUint32(0, true);
  }
}

function rowBytes(row: readonly StoredValue[]): Uint8Array {
  const length = row.reduce((sum, value) => sum + 1 + valueBytes(value), 0);
  const bytes = Buffer.allocUnsafe(lengthBytes + length);
  let at = bytes.writeUInt32LE(length);
  for (const value of row) {
    at = bytes.writeUInt8(kinds.indexOf(value.kind), at);
    if (value.kind === "integer") at = bytes.writeBigInt64LE(value.value, at);
    else if (value.kind === "real") at = bytes.writeDoubleLE(value.value, at);
    else if (value.kind !== "null") {
      at = bytes.writeUInt32LE(value.value.byteLength, at);
      bytes.set(value.value, at);
      at += value.value.byteLength;
    }
  }
  return bytes;
}

function valueBytes(value: StoredValue): number {
  if (value.kind === "null") return 0;
  return value.kind === "integer" || value.kind === "real" ? 8 : lengthBytes + value.value.byteLength;
}

function rowOf(bytes: Buffer): readonly StoredValue[] {
  const row: StoredValue[] = [];
  let at = 0;
  while (at < bytes.byteLength) {
    const kind = kinds[bytes[at++]!];
    if (kind === undefined) throw new RangeError("a row of the snapshot has a value of no known kind");
    if (kind === "null") row.push({ kind });
    else if (kind === "integer") row.push({ kind, value: bytes.readBigInt64LE(at) });
    else if (kind === "real") row.push({ kind, value: bytes.readDoubleLE(at) });
    else {
      const length = bytes.readUInt32LE(at);
      row.push({ kind, value: new Uint8Array(bytes.subarray(at + lengthBytes, at + lengthBytes + length)) });
      at += length - lengthBytes;
    }
    if (kind !== "null") at += 8;
  }
  return row;
}
