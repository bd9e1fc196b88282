// A file that grows at its end: small pieces are gathered, and what has been written goes to the disk as it comes, so that
// neither the last fsync nor the log's own has to wait for hundreds of megabytes.
import type { FileHandle } from "node:fs/promises";
import fs from "node:fs/promises";

/** What is gathered before the system is called, bytes. */
const gatheredBytesMax = 256 * 1024;

/** How much the system may hold back before it is told to write, bytes. */
const unsyncedBytesMax = 8 * 1024 * 1024;

export class GrowingFile {
  readonly path: string;
  readonly #handle: FileHandle;
  #bytes: number;
  #gathered: Uint8Array[] = [];
  #gatheredBytes = 0;
  #unsyncedBytes = 0;
  #isOpen = true;

  private constructor(path: string, handle: FileHandle, bytes: number) {
    this.path = path;
    this.#handle = handle;
    this.#bytes = bytes;
  }

  /** Opens what is there or creates it, readable for its owner alone, and cuts it to `bytes`. */
  static async open(path: string, bytes: number): Promise<GrowingFile> {
    const handle = await fs.open(path, bytes === 0 ? "w" : "r+", 0o600);
    if (bytes > 0) await handle.truncate(bytes);
    return new GrowingFile(path, handle, bytes);
  }

  /** Its length, with what is gathered. */
  get bytes(): number {
    return this.#bytes + this.#gatheredBytes;
  }

  /** The piece is not changed any more. */
  async append(piece: Uint8Array): Promise<void> {
    this.#gathered.push(piece);
    this.#gatheredBytes += piece.byteLength;
    if (this.#gatheredBytes >= gatheredBytesMax) await this.#write();
    if (this.#unsyncedBytes >= unsyncedBytesMax) await this.#sync();
  }

  /** All of it is on disk when this resolves. */
  async sync(): Promise<void> {
    await this.#write();
    await this.#sync();
  }

  /** Closing it again does nothing. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#handle.close();
  }

  /** Closes and removes the file. Tries the removal also when the closing fails. */
  async remove(): Promise<void> {
    try {
      await this.close();
    } finally {
      await fs.rm(this.path, { force: true });
    }
  }

  async #write(): Promise<void> {
    const bytes = this.#gathered.length === 1 ? this.#gathered[0]! : Buffer.concat(this.#gathered);
    this.#gathered = [];
    this.#gatheredBytes = 0;
    let done = 0;
    while (done < bytes.byteLength) {
      const { bytesWritten } = await this.#handle.write(bytes, done, bytes.byteLength - done, this.#bytes + done);
      done += bytesWritten;
    }
    this.#bytes += done;
    this.#unsyncedBytes += done;
  }

  async #sync(): Promise<void> {
    await this.#handle.sync();
    this.#unsyncedBytes = 0;
  }
}
