// A snapshot store without a disk, for tests and simulations: the same bytes as in files, in a map that outlives the store.
import { nameOf } from "../../adapters/files/snapshot-folder.ts";
import {
  chunkBytesMax,
  encodeEnd,
  encodeFrame,
  encodeHeader,
  encodePreamble,
  frameKinds,
} from "../../adapters/files/snapshot-format.ts";
import { SnapshotDamage, SnapshotParser } from "../../adapters/files/snapshot-parser.ts";
import { checkWhole, findingOf } from "../../adapters/files/snapshot-receiver.ts";
import { GraftError } from "../../errors.ts";
import type {
  ReceivedSnapshot,
  SnapshotFile,
  SnapshotHeader,
  SnapshotReceiver,
  SnapshotStore,
  SnapshotWriter,
  StoredSnapshot,
} from "../../ports/snapshot-store.ts";

/** What a simulated machine keeps over a crash: files by their names. */
export interface MemorySnapshotFiles {
  readonly complete: Map<string, Uint8Array>;
  readonly partial: Map<string, Uint8Array>;
}

export const createMemorySnapshotFiles = (): MemorySnapshotFiles => ({ complete: new Map(), partial: new Map() });

export const createMemorySnapshotStore = (files = createMemorySnapshotFiles()): SnapshotStore =>
  new InMemorySnapshotStore(files);

class InMemorySnapshotStore implements SnapshotStore {
  readonly #files: MemorySnapshotFiles;
  readonly #growing = new Set<string>();
  /** Those that no call of `retain` has had a chance to name. */
  readonly #fresh = new Set<string>();
  readonly #life: Life = { isOpen: true };

  constructor(files: MemorySnapshotFiles) {
    this.#files = files;
  }

  async create(header: SnapshotHeader): Promise<SnapshotWriter> {
    assertOpen(this.#life);
    return writer(this.#files, header, { life: this.#life, finished: (file) => this.#fresh.add(file) });
  }

  async receive(announced: SnapshotFile): Promise<SnapshotReceiver> {
    assertOpen(this.#life);
    const { file } = announced;
    if (this.#growing.has(file)) throw new GraftError("storage", `${file} is being received already.`);
    this.#growing.add(file);
    const ended = (): void => {
      this.#growing.delete(file);
      this.#fresh.add(file);
    };
    return receiver(this.#files, announced, { life: this.#life, ended });
  }

  async read(file: string, offset: number, bytesMax: number): Promise<Uint8Array | null> {
    return this.#files.complete.get(file)?.slice(offset, offset + bytesMax) ?? null;
  }

  async header(file: string): Promise<SnapshotHeader> {
    const parser = new SnapshotParser();
    asStored(file, () => parser.push(this.#bytesOf(file)));
    if (parser.header !== null) return parser.header;
    throw new GraftError("damaged", `The snapshot ${file} is damaged: it ends before its header does.`);
  }

  async *contents(record: SnapshotFile): AsyncGenerator<Uint8Array, void> {
    const parser = new SnapshotParser();
    yield* asStored(record.file, () => parser.push(this.#bytesOf(record.file)));
    asStored(record.file, () => checkWhole(parser, record));
  }

  async retain(kept: readonly string[]): Promise<void> {
    const { complete, partial } = this.#files;
    for (const file of complete.keys()) if (!kept.includes(file) && !this.#fresh.has(file)) complete.delete(file);
    for (const file of partial.keys()) if (!kept.includes(file) && !this.#growing.has(file)) partial.delete(file);
    this.#fresh.clear();
  }

  async list(): Promise<readonly StoredSnapshot[]> {
    const { complete, partial } = this.#files;
    const listed = (some: Map<string, Uint8Array>, isComplete: boolean): StoredSnapshot[] =>
      Array.from(some, ([file, { byteLength }]) => ({ file, bytes: byteLength, isComplete }));
    return [...listed(complete, true), ...listed(partial, false)];
  }

  async close(): Promise<void> {
    this.#life.isOpen = false;
  }

  #bytesOf(file: string): Uint8Array {
    const bytes = this.#files.complete.get(file);
    if (bytes === undefined) throw new GraftError("damaged", `The snapshot ${file} is not there.`);
    return bytes;
  }
}

interface Life {
  isOpen: boolean;
}

function assertOpen({ isOpen }: Life): void {
  if (!isOpen) throw new GraftError("storage", "The snapshots in memory have been closed.");
}

function writer(files: MemorySnapshotFiles, header: SnapshotHeader, { life, finished }: Writing): SnapshotWriter {
  const first = encodeFrame(0, frameKinds.header, encodeHeader(header));
  let { checksum } = first;
  const pieces = [encodePreamble(), first.bytes];
  let chunks = 0;
  let contentBytes = 0;
  const append = (frame: { bytes: Uint8Array; checksum: number }): void => {
    pieces.push(frame.bytes);
    ({ checksum } = frame);
  };
  return {
    write: (chunk) => {
      assertOpen(life);
      for (let at = 0; at < chunk.byteLength; at += chunkBytesMax) {
        const part = chunk.subarray(at, at + chunkBytesMax);
        append(encodeFrame(checksum, frameKinds.chunk, part));
        chunks++;
        contentBytes += part.byteLength;
      }
      return Promise.resolve();
    },
    finish: () => {
      append(encodeFrame(checksum, frameKinds.end, encodeEnd(chunks, contentBytes)));
      const bytes = new Uint8Array(Buffer.concat(pieces));
      const file = nameOf(header.position, checksum);
      files.complete.set(file, bytes);
      finished(file);
      return Promise.resolve({ file, bytes: bytes.byteLength, checksum });
    },
    abandon: () => Promise.resolve(),
  };
}

interface Writing {
  readonly life: Life;
  readonly finished: (file: string) => void;
}

interface Receiving {
  readonly life: Life;
  readonly ended: () => void;
}

function receiver(files: MemorySnapshotFiles, announced: SnapshotFile, { life, ended }: Receiving): SnapshotReceiver {
  const { file } = announced;
  const arrived = files.complete.get(file);
  const whyNotWhole = (bytes: Uint8Array): string | null => findingOf(() => checkWhole(parsed(bytes), announced));
  const isHere = arrived !== undefined && whyNotWhole(arrived) === null;
  const here = (): Uint8Array => (isHere ? arrived : (files.partial.get(file) ?? new Uint8Array(0)));
  const end = <T>(outcome: T): Promise<T> => {
    ended();
    return Promise.resolve(outcome);
  };
  return {
    get offset() {
      return here().byteLength;
    },
    get isDamaged() {
      return findingOf(() => void parsed(here())) !== null;
    },
    write: (bytes) => {
      assertOpen(life);
      files.partial.set(file, new Uint8Array(Buffer.concat([here(), bytes])));
      return Promise.resolve();
    },
    finish: () => {
      const bytes = here();
      const finding = whyNotWhole(bytes);
      files.partial.delete(file);
      if (finding !== null) return end<ReceivedSnapshot>({ kind: "damaged", finding });
      files.complete.set(file, bytes);
      return end<ReceivedSnapshot>({ kind: "complete", header: parsed(bytes).header! });
    },
    pause: () => end(undefined),
    abandon: () => {
      files.partial.delete(file);
      return end(undefined);
    },
  };
}

function parsed(bytes: Uint8Array): SnapshotParser {
  const parser = new SnapshotParser();
  parser.push(bytes);
  return parser;
}

function asStored<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof SnapshotDamage)) throw error;
    throw new GraftError("damaged", `The snapshot ${file} is damaged: ${error.message}.`);
  }
}
