// A snapshot that comes from another node: checked while it comes in, so that it is known to be sound when it is complete,
// and continued after a cut or a restart where it was last known to be sound.
import type { ReceivedSnapshot, SnapshotFile, SnapshotHeader, SnapshotReceiver } from "../../ports/snapshot-store.ts";
import type { GrowingFile } from "./growing-file.ts";
import { failedWrite, refused } from "./snapshot-errors.ts";
import type { SnapshotFolder } from "./snapshot-folder.ts";
import { SnapshotDamage, type SnapshotParser } from "./snapshot-parser.ts";

export interface ReceivingFile {
  readonly announced: SnapshotFile;
  readonly file: GrowingFile;
  /** Has seen what is in the file. */
  readonly parser: SnapshotParser;
  /** The partial file is left, gone, or has its name. */
  readonly ended: () => void;
}

/** A file that has arrived before and is sound: its node stopped before the log named it. */
interface ArrivedFile extends Pick<ReceivingFile, "announced" | "ended"> {
  readonly header: SnapshotHeader;
}

export const alreadyHere = (
  folder: SnapshotFolder,
  { announced: { file, bytes }, header, ended }: ArrivedFile,
): SnapshotReceiver => ({
  offset: bytes,
  isDamaged: false,
  write: (more) => {
    if (more.byteLength === 0) return Promise.resolve();
    throw refused(`a complete file of ${bytes} bytes`, "there is nothing to be added to it");
  },
  async finish() {
    try {
      // Its node may have been killed between giving it this name and making the name durable.
      await folder.sync();
    } catch (cause) {
      throw failedWrite(file, "Receiving the snapshot", cause);
    }
    ended();
    return { kind: "complete", header };
  },
  pause: () => Promise.resolve(ended()),
  // It may be the one that the log names.
  abandon: () => Promise.resolve(ended()),
});

export class FileSnapshotReceiver implements SnapshotReceiver {
  readonly #folder: SnapshotFolder;
  readonly #receiving: ReceivingFile;
  #finding: string | null = null;
  #state: "open" | "failed" | "ended" = "open";

  constructor(folder: SnapshotFolder, receiving: ReceivingFile) {
    this.#folder = folder;
    this.#receiving = receiving;
  }

  get offset(): number {
    return this.#receiving.file.bytes;
  }

  get isDamaged(): boolean {
    return this.#finding !== null;
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#orFail(async () => {
      const { parser, file } = this.#receiving;
      this.#finding ??= findingOf(() => void parser.push(bytes));
      // What is not sound is not kept: it would be read again after a restart.
      if (this.#finding === null) await file.append(bytes);
    });
  }

  async finish(): Promise<ReceivedSnapshot> {
    return this.#orFail(async () => {
      const { announced, file, parser, ended } = this.#receiving;
      const finding = this.#finding ?? findingOf(() => checkWhole(parser, announced));
      const { header } = parser;
      if (finding !== null || header === null) {
        await this.#remove();
        return { kind: "damaged", finding: finding ?? "it has no header" };
      }
      await file.sync();
      await file.close();
      await this.#folder.settle(file.path, announced.file);
      this.#state = "ended";
      ended();
      return { kind: "complete", header };
    });
  }

  async pause(): Promise<void> {
    if (this.#state === "ended") return;
    // What a disk has refused to sync may look as if it were there (P47).
    if (this.#state === "failed") return this.#remove();
    try {
      await this.#orFail(async () => {
        const { file, ended } = this.#receiving;
        await file.sync();
        await file.close();
        this.#state = "ended";
        ended();
      });
    } catch (error) {
      // The caller pauses once. A receiver that stayed open would keep the file from being received again.
      await this.#remove();
      throw error;
    }
  }

  async abandon(): Promise<void> {
    if (this.#state !== "ended") await this.#remove();
  }

  async #remove(): Promise<void> {
    const { file, ended } = this.#receiving;
    this.#state = "ended";
    try {
      await file.remove();
    } finally {
      ended();
    }
  }

  async #orFail<T>(work: () => Promise<T>): Promise<T> {
    const { path } = this.#receiving.file;
    if (this.#state !== "open") throw refused(path, "it has been ended or has failed before");
    try {
      return await work();
    } catch (cause) {
      this.#state = "failed";
      throw failedWrite(path, "Receiving the snapshot", cause);
    }
  }
}

/** Throws `SnapshotDamage` unless what has come in is complete and is what was announced. */
export function checkWhole(parser: SnapshotParser, announced: SnapshotFile): void {
  parser.finish();
  const { soundBytes, checksum } = parser;
  if (soundBytes === announced.bytes && checksum === announced.checksum) return;
  throw new SnapshotDamage(
    `it has ${soundBytes} bytes and the checksum ${checksum}, and ${announced.bytes} and ${announced.checksum} were expected`,
  );
}

/** Returns the damage that `check` throws, for people; null when it throws none. */
export function findingOf(check: () => void): string | null {
  try {
    check();
    return null;
  } catch (error) {
    if (error instanceof SnapshotDamage) return error.message;
    throw error;
  }
}
