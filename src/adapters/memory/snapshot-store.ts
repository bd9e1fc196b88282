// A snapshot store without a disk, for tests and simulations: the same bytes as in files, in a map that outlives the store.
import { nameOf } from "../files/snapshot-folder.ts";
import {
  chunkBytesMax,
  encodeEnd,
  encodeFrame,
  encodeHeader,
  encodePreamble,
  frameKinds,
} from "../files/snapshot-format.ts";
import { SnapshotDamage, SnapshotParser } from "../files/snapshot-parser.ts";
import { checkWhole } from "../files/snapshot-receiver.ts";
import { GraftError } from "../../errors.ts";
import type {
  ReceivedSnapshot,
  SnapshotFile,
  SnapshotHeader,
  SnapshotReceiver,
  SnapshotStore,
  SnapshotWriter,
} from "../../ports/snapshot-store.ts";

/** What a simulated machine keeps over a crash: files by their names. */
export interface MemorySnapshotFiles {
  readonly complete: Map<string, Uint8Array>;
  readonly partial: Map<string, Uint8Array>;
}

export const createMemorySnapshotFiles = (): MemorySnapshotFiles => ({ complete: new Map(), partial: new Map() });

export function createMemorySnapshotStore(files: MemorySnapshotFiles = createMemorySnapshotFiles()): SnapshotStore {
  const growing = new Set<string>();
  const life: Life = { isOpen: true };
  const bytesOf = (file: string): Uint8Array => {
    const bytes = files.complete.get(file);
    if (bytes === undefined) throw new GraftError("storage", `The snapshot ${file} is not there.`);
    return bytes;
  };
  return {
    create: (header) => {
      assertOpen(life);
      return Promise.resolve(writer(files, header, life));
    },
    receive: (announced) => {
      assertOpen(life);
      if (growing.has(announced.file)) throw new GraftError("storage", `${announced.file} is being received already.`);
      growing.add(announced.file);
      return Promise.resolve(receiver(files, announced, { life, ended: () => growing.delete(announced.file) }));
    },
    read: (file, offset, bytesMax) =>
      Promise.resolve(files.complete.get(file)?.slice(offset, offset + bytesMax) ?? null),
    header: async (file) => {
      const parser = new SnapshotParser();
      await asStored(file, () => parser.push(bytesOf(file)));
      if (parser.header !== null) return parser.header;
      throw new GraftError("storage", `The snapshot ${file} is damaged: it ends before its header does.`);
    },
    async *contents(record) {
      const parser = new SnapshotParser();
      yield* await asStored(record.file, () => parser.push(bytesOf(record.file)));
      await asStored(record.file, () => checkWhole(parser, record));
    },
    retain: (kept) => {
      for (const file of files.complete.keys()) if (!kept.includes(file)) files.complete.delete(file);
      for (const file of files.partial.keys()) {
        if (!kept.includes(file) && !growing.has(file)) files.partial.delete(file);
      }
      return Promise.resolve();
    },
    list: () =>
      Promise.resolve(
        [files.complete, files.partial].flatMap((some) =>
          Array.from(some, ([file, { byteLength }]) => ({
            file,
            bytes: byteLength,
            isComplete: some === files.complete,
          })),
        ),
      ),
    close: () => {
      life.isOpen = false;
      return Promise.resolve();
    },
  };
}

interface Life {
  isOpen: boolean;
}

function assertOpen({ isOpen }: Life): void {
  if (!isOpen) throw new GraftError("storage", "The snapshots in memory have been closed.");
}

function writer(files: MemorySnapshotFiles, header: SnapshotHeader, life: Life): SnapshotWriter {
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
      return Promise.resolve({ file, bytes: bytes.byteLength, checksum });
    },
    abandon: () => Promise.resolve(),
  };
}

interface Receiving {
  readonly life: Life;
  readonly ended: () => void;
}

function receiver(files: MemorySnapshotFiles, announced: SnapshotFile, { life, ended }: Receiving): SnapshotReceiver {
  const { file } = announced;
  const here = (): Uint8Array => files.complete.get(file) ?? files.partial.get(file) ?? new Uint8Array(0);
  const end = <T>(outcome: T): Promise<T> => {
    ended();
    return Promise.resolve(outcome);
  };
  return {
    get offset() {
      return here().byteLength;
    },
    write: (bytes) => {
      assertOpen(life);
      files.partial.set(file, new Uint8Array(Buffer.concat([here(), bytes])));
      return Promise.resolve();
    },
    finish: () => {
      const bytes = here();
      const parser = new SnapshotParser();
      files.partial.delete(file);
      try {
        parser.push(bytes);
        checkWhole(parser, announced);
      } catch (error) {
        if (!(error instanceof SnapshotDamage)) throw error;
        return end<ReceivedSnapshot>({ kind: "damaged", finding: error.message });
      }
      files.complete.set(file, bytes);
      return end<ReceivedSnapshot>({ kind: "complete", header: parser.header! });
    },
    pause: () => end(undefined),
    abandon: () => {
      files.partial.delete(file);
      return end(undefined);
    },
  };
}

function asStored<T>(file: string, work: () => T): Promise<T> {
  try {
    return Promise.resolve(work());
  } catch (error) {
    if (!(error instanceof SnapshotDamage)) throw error;
    throw new GraftError("storage", `The snapshot ${file} is damaged: ${error.message}.`);
  }
}
