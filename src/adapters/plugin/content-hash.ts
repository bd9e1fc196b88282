// What is the hash of a snapshot's content? It does not depend on how the content is cut into chunks: copies of another build may cut it
// in other places.

export class ContentHash {
  readonly #hash = new Bun.CryptoHasher("sha256");
  #value: number | null = null;

  /** 53 bits; null: the end has not been read. */
  get value(): number | null {
    return this.#value;
  }

  /** The next chunk; null: that was the last one. Returns it. */
  note<Chunk extends Uint8Array | null>(chunk: Chunk): Chunk {
    if (chunk !== null) this.#hash.update(chunk);
    else this.#value ??= Number(this.#hash.digest().readBigUInt64BE() >> 11n);
    return chunk;
  }
}
