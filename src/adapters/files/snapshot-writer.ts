// A new snapshot, frame by frame: it grows under another name, and gets its own when it is complete and on disk.
import type { SnapshotFile, SnapshotHeader, SnapshotWriter } from "../../ports/snapshot-store.ts";
import type { GrowingFile } from "./growing-file.ts";
import { failedWrite, refused } from "./snapshot-errors.ts";
import { nameOf, type SnapshotFolder } from "./snapshot-folder.ts";
import {
  chunkBytesMax,
  encodeEnd,
  encodeFrame,
  encodeHeader,
  encodePreamble,
  type FrameKind,
  frameKinds,
} from "./snapshot-format.ts";

/** Whom a writer tells what becomes of its file. */
export interface Growth {
  /** It is about to get this name. */
  readonly named: (file: string) => void;
  /** It is gone, or has its name. */
  readonly ended: () => void;
}

export class FileSnapshotWriter implements SnapshotWriter {
  readonly #folder: SnapshotFolder;
  readonly #file: GrowingFile;
  readonly #header: SnapshotHeader;
  readonly #growth: Growth;
  #checksum = 0;
  #chunks = 0;
  #contentBytes = 0;
  #isBegun = false;
  #state: "open" | "failed" | "ended" = "open";

  constructor(folder: SnapshotFolder, file: GrowingFile, header: SnapshotHeader, growth: Growth) {
    this.#folder = folder;
    this.#file = file;
    this.#header = header;
    this.#growth = growth;
  }

  async write(chunk: Uint8Array): Promise<void> {
    await this.#orFail(async () => {
      await this.#begin();
      for (let at = 0; at < chunk.byteLength; at += chunkBytesMax) {
        const part = chunk.subarray(at, at + chunkBytesMax);
        await this.#append(frameKinds.chunk, part);
        this.#chunks++;
        this.#contentBytes += part.byteLength;
      }
    });
  }

  async finish(): Promise<SnapshotFile> {
    return this.#orFail(async () => {
      await this.#begin();
      await this.#append(frameKinds.end, encodeEnd(this.#chunks, this.#contentBytes));
      await this.#file.sync();
      await this.#file.close();
      const file = nameOf(this.#header.position, this.#checksum);
      this.#growth.named(file);
      await this.#folder.settle(this.#file.path, file);
      this.#state = "ended";
      this.#growth.ended();
      return { file, bytes: this.#file.bytes, checksum: this.#checksum };
    });
  }

  async abandon(): Promise<void> {
    if (this.#state === "ended") return;
    this.#state = "ended";
    try {
      await this.#file.remove();
    } finally {
      this.#growth.ended();
    }
  }

  async #begin(): Promise<void> {
    if (this.#isBegun) return;
    this.#isBegun = true;
    await this.#file.append(encodePreamble());
    await this.#append(frameKinds.header, encodeHeader(this.#header));
  }

  async #append(kind: FrameKind, payload: Uint8Array): Promise<void> {
    const { bytes, checksum } = encodeFrame(this.#checksum, kind, payload);
    await this.#file.append(bytes);
    this.#checksum = checksum;
  }

  /** After a failure nothing is tried again: a second fsync may report success for what the first has lost (P47). */
  async #orFail<T>(work: () => Promise<T>): Promise<T> {
    if (this.#state !== "open") throw refused(this.#file.path, "it has been ended or has failed before");
    try {
      return await work();
    } catch (cause) {
      this.#state = "failed";
      throw failedWrite(this.#file.path, "Writing the snapshot", cause);
    }
  }
}
