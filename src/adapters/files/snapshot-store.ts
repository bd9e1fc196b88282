// Snapshots as files in a folder of the data directory. What is in one is snapshot-format.ts; how one comes into being,
// snapshot-writer.ts and snapshot-receiver.ts.
import type { FileHandle } from "node:fs/promises";
import fs from "node:fs/promises";
import { join } from "node:path";
import type {
  SnapshotFile,
  SnapshotHeader,
  SnapshotReceiver,
  SnapshotStore,
  SnapshotWriter,
  StoredSnapshot,
} from "../../ports/snapshot-store.ts";
import { GrowingFile } from "./growing-file.ts";
import { damagedFile, failedFile, failedWrite, isMissing, missingFile, refused } from "./snapshot-errors.ts";
import { nameOf, SnapshotFolder, snapshotsIn } from "./snapshot-folder.ts";
import { SnapshotDamage, SnapshotParser } from "./snapshot-parser.ts";
import { fill, parsedPieces } from "./snapshot-pieces.ts";
import { alreadyHere, checkWhole, FileSnapshotReceiver } from "./snapshot-receiver.ts";
import { FileSnapshotWriter } from "./snapshot-writer.ts";

/**
 * Keeps the files in `<dataDir>/snapshots`, which is created for one user alone. The caller holds the data directory: no other
 * process writes there. Throws `GraftError("storage")`.
 */
export const openFileSnapshotStore = (dataDir: string): SnapshotStore =>
  new FileSnapshotStore(new SnapshotFolder(dataDir));

/**
 * Reads the snapshot of a stopped node, and changes nothing. Throws `GraftError("damaged")` when it is missing or not what the
 * record names, `GraftError("storage")` when the disk fails.
 */
export async function verifySnapshot(dataDir: string, record: SnapshotFile): Promise<void> {
  for await (const chunk of contentsOf(join(snapshotsIn(dataDir), record.file), record)) void chunk;
}

class FileSnapshotStore implements SnapshotStore {
  readonly #folder: SnapshotFolder;
  /** What is being written or received, by its path; null where nothing is to be let go of. */
  readonly #growing = new Map<string, (() => Promise<void>) | null>();
  /** The paths of complete files that no call of `retain` has had a chance to name. */
  readonly #fresh = new Set<string>();
  /** For each sweep under way: the paths that were or came to be in these two during it. */
  readonly #spared = new Set<Set<string>>();
  #created = 0;
  #isOpen = true;

  constructor(folder: SnapshotFolder) {
    this.#folder = folder;
  }

  async create(header: SnapshotHeader): Promise<SnapshotWriter> {
    this.#assertOpen();
    const path = this.#folder.partialPath(nameOf(header.position, ++this.#created), ".writing");
    this.#grow(path, null);
    let name: string | null = null;
    const named = (file: string): void => this.#grow((name = this.#folder.pathOf(file)), null);
    const ended = (): void => this.#letGo(path, name);
    try {
      await this.#folder.ensure();
      const file = await GrowingFile.open(path, 0);
      const writer = new FileSnapshotWriter(this.#folder, file, header, { named, ended });
      this.#grow(path, () => writer.abandon());
      return writer;
    } catch (cause) {
      ended();
      throw failedWrite(path, "Creating the snapshot", cause);
    }
  }

  async receive(announced: SnapshotFile): Promise<SnapshotReceiver> {
    this.#assertOpen();
    const path = this.#folder.partialPath(announced.file, ".receiving");
    if (this.#growing.has(path)) throw refused(this.#folder.path, `${announced.file} is being received already`);
    const whole = this.#folder.pathOf(announced.file);
    let isUnderWay = true;
    // A receiver is paused or abandoned also when it has ended. By then another one may receive the file.
    const ended = (): void => {
      if (isUnderWay) this.#letGo(path, whole);
      isUnderWay = false;
    };
    this.#grow(path, null);
    this.#grow(whole, null);
    try {
      const present = await lookAt(whole);
      const { header } = present.parser;
      if (header !== null && isWhole(present, announced))
        return alreadyHere(this.#folder, { header, announced, ended });
      await this.#folder.ensure();
      const { parser } = await lookAt(path);
      const file = await GrowingFile.open(path, parser.soundBytes);
      const receiver = new FileSnapshotReceiver(this.#folder, { announced, file, parser, ended });
      this.#grow(path, () => receiver.pause());
      return receiver;
    } catch (cause) {
      ended();
      throw failedWrite(path, "Receiving the snapshot", cause);
    }
  }

  async read(file: string, offset: number, bytesMax: number): Promise<Uint8Array | null> {
    const path = this.#folder.pathOf(file);
    try {
      const bytes = new Uint8Array(bytesMax);
      const handle = await fs.open(path, "r");
      return await closing(handle, async () => bytes.subarray(0, await fill(handle, bytes, offset)));
    } catch (error) {
      if (isMissing(error)) return null;
      throw failedFile(path, "Reading the snapshot", error);
    }
  }

  async header(file: string): Promise<SnapshotHeader> {
    const parser = new SnapshotParser();
    for await (const _ of piecesOf(this.#folder.pathOf(file), parser)) if (parser.header !== null) return parser.header;
    throw damagedFile(this.#folder.pathOf(file), "it ends before its header does");
  }

  async *contents(record: SnapshotFile): AsyncGenerator<Uint8Array, void> {
    yield* contentsOf(this.#folder.pathOf(record.file), record);
  }

  async retain(files: readonly string[]): Promise<void> {
    const spared = new Set([...this.#growing.keys(), ...this.#fresh]);
    this.#fresh.clear();
    this.#spared.add(spared);
    try {
      await this.#folder.sweep((path, file) => files.includes(file) || spared.has(path));
    } catch (cause) {
      throw failedFile(this.#folder.path, "Removing what is not needed any more from", cause);
    } finally {
      this.#spared.delete(spared);
    }
  }

  async list(): Promise<readonly StoredSnapshot[]> {
    try {
      return await this.#folder.list();
    } catch (cause) {
      throw failedFile(this.#folder.path, "Listing", cause);
    }
  }

  async close(): Promise<void> {
    this.#isOpen = false;
    for (const letGo of this.#growing.values()) await letGo?.();
  }

  #grow(path: string, letGo: (() => Promise<void>) | null): void {
    this.#growing.set(path, letGo);
    for (const spared of this.#spared) spared.add(path);
  }

  /** The partial file is gone; under its name it may be complete. */
  #letGo(path: string, name: string | null): void {
    this.#growing.delete(path);
    if (name === null) return;
    this.#growing.delete(name);
    this.#fresh.add(name);
  }

  #assertOpen(): void {
    if (!this.#isOpen) throw refused(this.#folder.path, "they have been closed");
  }
}

/** The chunks of each piece of the file that is read. Throws `GraftError("damaged")` when it is missing or damaged. */
async function* piecesOf(path: string, parser: SnapshotParser): AsyncGenerator<Uint8Array[], void> {
  try {
    yield* parsedPieces(path, parser);
  } catch (error) {
    if (error instanceof SnapshotDamage) throw damagedFile(path, error.message);
    throw isMissing(error) ? missingFile(path) : failedFile(path, "Reading the snapshot", error);
  }
}

async function* contentsOf(path: string, record: SnapshotFile): AsyncGenerator<Uint8Array, void> {
  const parser = new SnapshotParser();
  for await (const chunks of piecesOf(path, parser)) yield* chunks;
  orDamaged(path, () => checkWhole(parser, record));
}

function orDamaged<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof SnapshotDamage ? damagedFile(path, error.message) : error;
  }
}

interface Present {
  /** Has seen as much of the file as is sound: nothing when there is none. */
  readonly parser: SnapshotParser;
  readonly isSound: boolean;
}

function isWhole({ parser, isSound }: Present, announced: SnapshotFile): boolean {
  const { isComplete, soundBytes, checksum } = parser;
  return isSound && isComplete && soundBytes === announced.bytes && checksum === announced.checksum;
}

async function lookAt(path: string): Promise<Present> {
  const parser = new SnapshotParser();
  let isSound = true;
  try {
    for await (const _ of parsedPieces(path, parser));
  } catch (error) {
    // What a power cut has left of the last pages is cut off: it was promised to nobody.
    if (!isMissing(error) && !(error instanceof SnapshotDamage)) throw error;
    isSound = false;
  }
  parser.rewind();
  return { parser, isSound };
}

async function closing<T>(handle: FileHandle, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    await handle.close();
  }
}
