// What every snapshot store must do, wherever it keeps the files: the duties that its port lists, one after the other.
// What only files can do or suffer is in test/adapters/files/.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type ErrorCode, GraftError } from "../../src/errors.ts";
import type { SnapshotFile, SnapshotHeader, SnapshotReceiver, SnapshotStore } from "../../src/ports/snapshot-store.ts";
import { configurationOf } from "./log-entries.ts";

/** One node's disk and the ways to start from it. */
export interface SnapshotStoreMedium {
  /** Also after a crash: the store before it is not used any more. */
  open(): SnapshotStore;
  /** Changes one bit of a complete file. */
  flip(file: string, at: number): void;
  dispose(): void;
}

export const headerAt = (index: number, term = 3): SnapshotHeader => ({
  clusterUuid: "fedcba9876543210fedcba9876543210",
  cluster: "demo",
  position: { index, term },
  stampMs: 1_700_000_000_000 + index,
  chain: 4711 * index,
  configuration: { position: { index: 1, term: 1 }, configuration: configurationOf("n1", "n2", "n3") },
  activation: {
    position: { index: 2, term: 1 },
    plugin: { name: "kv", version: "1.2.3", hash: "0f".repeat(32) },
    replaces: false,
  },
  plugin: { name: "kv", version: "1.2.3" },
});

/** Bytes that are not alike anywhere. */
export const bytesOf = (count: number, seed = 1): Uint8Array<ArrayBuffer> => {
  let state = seed;
  return Uint8Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
};

export async function writeSnapshot(
  store: SnapshotStore,
  chunks: readonly Uint8Array[],
  header = headerAt(120),
): Promise<SnapshotFile> {
  const writer = await store.create(header);
  for (const chunk of chunks) await writer.write(chunk);
  return writer.finish();
}

export async function readAll(store: SnapshotStore, file: SnapshotFile): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of store.contents(file)) chunks.push(chunk);
  return chunks;
}

/** Everything of a file from `offset` on, as a leader sends it. */
async function fetchInto(receiver: SnapshotReceiver, from: SnapshotStore, { file, bytes }: SnapshotFile, end = bytes) {
  while (receiver.offset < end) {
    const piece = await from.read(file, receiver.offset, Math.min(70_001, end - receiver.offset));
    await receiver.write(piece!);
  }
}

export const storageErrorOf = (work: Promise<unknown>): Promise<string> => errorOf("storage", work);
export const damageErrorOf = (work: Promise<unknown>): Promise<string> => errorOf("damaged", work);

async function errorOf(code: ErrorCode, work: Promise<unknown>): Promise<string> {
  const outcome = await work.then(
    () => null,
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(GraftError);
  expect((outcome as GraftError).code).toBe(code);
  return (outcome as GraftError).message;
}

export function snapshotStoreContract(name: string, createMedium: () => SnapshotStoreMedium): void {
  describe(`snapshot store contract: ${name}`, () => {
    let medium: SnapshotStoreMedium;
    let store: SnapshotStore;
    let other: { readonly medium: SnapshotStoreMedium; store: SnapshotStore };

    beforeEach(() => {
      medium = createMedium();
      store = medium.open();
      const second = createMedium();
      other = { medium: second, store: second.open() };
    });
    afterEach(async () => {
      await store.close();
      await other.store.close();
      medium.dispose();
      other.medium.dispose();
    });

    const chunks = [bytesOf(10), bytesOf(256 * 1024, 2), bytesOf(1, 3), bytesOf(100_000, 4)];

    describe("writing and reading", () => {
      test("the chunks come back as they were written, and so does the header, also after a restart", async () => {
        const file = await writeSnapshot(store, chunks);
        for (const opened of [store, medium.open()]) {
          expect(await readAll(opened, file)).toEqual(chunks);
          expect(await opened.header(file.file)).toEqual(headerAt(120));
          expect(await opened.list()).toEqual([{ file: file.file, bytes: file.bytes, isComplete: true }]);
        }
      });

      test("an empty state is a snapshot like any other", async () => {
        const file = await writeSnapshot(store, []);
        expect(await readAll(store, file)).toEqual([]);
        expect(await store.header(file.file)).toEqual(headerAt(120));
      });

      test("a chunk that is too long comes back in parts", async () => {
        const long = bytesOf(700_000);
        const parts = await readAll(store, await writeSnapshot(store, [long]));
        expect(parts.map(({ length }) => length)).toEqual([262_144, 262_144, 175_712]);
        expect(new Uint8Array(Buffer.concat(parts))).toEqual(long);
      });

      test("a name is unique for its content: the same on every node, another for another state or place", async () => {
        const file = await writeSnapshot(store, chunks);
        expect(file.file).toMatch(/^[A-Za-z0-9._-]+$/);
        expect(await writeSnapshot(other.store, chunks)).toEqual(file);
        const others = [
          await writeSnapshot(store, chunks.slice(1)),
          await writeSnapshot(store, chunks.toReversed()),
          await writeSnapshot(store, chunks, headerAt(120, 4)),
          await writeSnapshot(store, chunks, { ...headerAt(120), chain: 1 }),
        ];
        expect(new Set([file, ...others].map(({ file: each }) => each)).size).toBe(5);
        expect(await readAll(store, file)).toEqual(chunks);
      });

      test("two can be written at once", async () => {
        const [a, b] = [await store.create(headerAt(7)), await store.create(headerAt(7))];
        for (const chunk of chunks) {
          await a.write(chunk);
          await b.write(chunk.slice(0, 9));
        }
        const [first, second] = [await a.finish(), await b.finish()];
        expect(await readAll(store, first)).toEqual(chunks);
        expect(await readAll(store, second)).toEqual(chunks.map((chunk) => chunk.slice(0, 9)));
      });

      test("what is abandoned is gone", async () => {
        const writer = await store.create(headerAt(9));
        await writer.write(bytesOf(1000));
        await writer.abandon();
        expect(await store.list()).toEqual([]);
      });

      test("a file that is not there is said to be missing, and its pieces are nothing", async () => {
        const file = await writeSnapshot(other.store, chunks);
        expect(await damageErrorOf(store.header(file.file))).toContain(file.file);
        expect(await damageErrorOf(readAll(store, file))).toContain(file.file);
        expect(await store.read(file.file, 0, 100)).toBeNull();
      });

      test("the whole is compared with what the record says", async () => {
        const file = await writeSnapshot(store, chunks);
        const message = await damageErrorOf(readAll(store, { ...file, checksum: file.checksum + 1 }));
        expect(message).toContain("damaged");
        expect(message).toContain(file.file);
        expect(await damageErrorOf(readAll(store, { ...file, bytes: file.bytes - 1 }))).toContain("damaged");
      });

      test("who stops reading early does no harm", async () => {
        const file = await writeSnapshot(store, chunks);
        for await (const chunk of store.contents(file)) {
          expect(chunk).toEqual(chunks[0]!);
          break;
        }
        expect(await readAll(store, file)).toEqual(chunks);
      });
    });

    describe("from one node to another", () => {
      test("piece by piece it becomes the same file", async () => {
        const file = await writeSnapshot(store, chunks);
        const receiver = await other.store.receive(file);
        expect(receiver.offset).toBe(0);
        await fetchInto(receiver, store, file);
        expect(await other.store.list()).toMatchObject([{ file: file.file, isComplete: false }]);
        expect(await receiver.finish()).toEqual({ kind: "complete", header: headerAt(120) });
        await receiver.pause();
        await receiver.abandon();
        expect(await other.store.list()).toEqual([{ file: file.file, bytes: file.bytes, isComplete: true }]);
        expect(await readAll(other.store, file)).toEqual(chunks);
      });

      test("pieces are as long as there are bytes, and none at the end", async () => {
        const file = await writeSnapshot(store, chunks);
        expect(await store.read(file.file, 0, 33)).toHaveLength(33);
        expect(await store.read(file.file, file.bytes - 5, 33)).toHaveLength(5);
        expect(await store.read(file.file, file.bytes, 33)).toHaveLength(0);
      });

      test("after a pause or a restart it goes on where it was sound", async () => {
        const file = await writeSnapshot(store, chunks);
        const first = await other.store.receive(file);
        await fetchInto(first, store, file, 300_000);
        await first.pause();
        const second = await other.store.receive(file);
        expect(second.offset).toBeGreaterThan(260_000);
        expect(second.offset).toBeLessThanOrEqual(300_000);
        await fetchInto(second, store, file, 330_000);
        await other.store.close();
        other.store = other.medium.open();
        const third = await other.store.receive(file);
        expect(third.offset).toBeGreaterThan(0);
        await fetchInto(third, store, file);
        expect(await third.finish()).toMatchObject({ kind: "complete" });
        expect(await readAll(other.store, file)).toEqual(chunks);
      });

      test("one that had arrived before the node stopped lacks nothing", async () => {
        const file = await writeSnapshot(store, chunks);
        const receiver = await store.receive(file);
        expect(receiver.offset).toBe(file.bytes);
        expect(await receiver.finish()).toEqual({ kind: "complete", header: headerAt(120) });
        await (await store.receive(file)).abandon();
        expect(await readAll(store, file)).toEqual(chunks);
      });

      test.each([20, 300, 362_000])("one that is here, with a bit flipped at %i, is received anew", async (at) => {
        const file = await writeSnapshot(store, chunks);
        const first = await other.store.receive(file);
        await fetchInto(first, store, file);
        await first.finish();
        other.medium.flip(file.file, at);
        const receiver = await other.store.receive(file);
        expect(receiver).toMatchObject({ offset: 0, isDamaged: false });
        await fetchInto(receiver, store, file);
        expect(await receiver.finish()).toMatchObject({ kind: "complete" });
        expect(await readAll(other.store, file)).toEqual(chunks);
      });

      test.each([20, 300, 200_000, 362_000])(
        "a bit that is flipped at %i is found, and the next attempt begins anew",
        async (at) => {
          const file = await writeSnapshot(store, chunks);
          const receiver = await other.store.receive(file);
          const bytes = (await store.read(file.file, 0, file.bytes))!;
          bytes[at] = bytes[at]! ^ 4;
          await receiver.write(bytes.slice(0, 190_000));
          await receiver.write(bytes.slice(190_000));
          // Whatever comes behind it, though it be too short to be wrong.
          await receiver.write(bytes.slice(0, 3));
          expect(receiver.isDamaged).toBe(true);
          expect(await receiver.finish()).toMatchObject({ kind: "damaged" });
          expect(await other.store.list()).toEqual([]);
          const again = await other.store.receive(file);
          expect(again.offset).toBe(0);
          await fetchInto(again, store, file);
          expect(await again.finish()).toMatchObject({ kind: "complete" });
        },
      );

      test.each([
        ["too short", 0, 1],
        ["only its beginning", 0, 400],
        ["nothing", 0, 1e9],
      ])("what is %s is not complete", async (_, from, missing) => {
        const file = await writeSnapshot(store, chunks);
        const receiver = await other.store.receive(file);
        await receiver.write((await store.read(file.file, from, Math.max(0, file.bytes - missing)))!);
        expect(await receiver.finish()).toMatchObject({ kind: "damaged" });
      });

      test("what is too long, or another file than announced, is not taken", async () => {
        const file = await writeSnapshot(store, chunks);
        const bytes = (await store.read(file.file, 0, file.bytes))!;
        for (const [announced, more] of [
          [file, 1],
          [{ ...file, checksum: file.checksum + 1 }, 0],
          [{ ...file, bytes: file.bytes + 1 }, 0],
        ] as const) {
          const receiver = await other.store.receive(announced);
          await receiver.write(new Uint8Array(Buffer.concat([bytes, new Uint8Array(more)])));
          expect(await receiver.finish()).toMatchObject({ kind: "damaged" });
        }
        expect(await other.store.list()).toEqual([]);
      });

      test("P33: pieces of two snapshots do not mix", async () => {
        const ours = await writeSnapshot(store, chunks);
        const theirs = await writeSnapshot(store, chunks.toReversed());
        const mixed = await other.store.receive(ours);
        await fetchInto(mixed, store, ours, 150_000);
        await mixed.write((await store.read(theirs.file, 150_000, 1e6))!);
        expect(await mixed.finish()).toMatchObject({ kind: "damaged" });

        const [a, b] = [await other.store.receive(ours), await other.store.receive(theirs)];
        await fetchInto(a, store, ours, 150_000);
        await fetchInto(b, store, theirs);
        await fetchInto(a, store, ours);
        expect([await a.finish(), await b.finish()]).toMatchObject([{ kind: "complete" }, { kind: "complete" }]);
        expect(await readAll(other.store, ours)).toEqual(chunks);
        expect(await readAll(other.store, theirs)).toEqual(chunks.toReversed());
      });

      test("one receiver a file, from the call on until it has ended", async () => {
        const file = await writeSnapshot(store, chunks);
        const receiving = other.store.receive(file);
        await storageErrorOf(Promise.try(() => other.store.receive(file)));
        const receiver = await receiving;
        await storageErrorOf(Promise.try(() => other.store.receive(file)));
        await receiver.abandon();
        expect(await other.store.list()).toEqual([]);
        expect((await other.store.receive(file)).offset).toBe(0);
      });
    });

    test("after close nothing is written or received any more, and what had come in stays", async () => {
      const file = await writeSnapshot(other.store, chunks);
      const [writer, receiver] = [await store.create(headerAt(9)), await store.receive(file)];
      await fetchInto(receiver, other.store, file, 300_000);
      await store.close();
      await storageErrorOf(Promise.try(() => store.create(headerAt(10))));
      await storageErrorOf(Promise.try(() => store.receive(file)));
      await storageErrorOf(Promise.try(() => writer.write(bytesOf(1))));
      await storageErrorOf(Promise.try(() => receiver.write(bytesOf(1))));
      store = medium.open();
      expect((await store.receive(file)).offset).toBeGreaterThan(260_000);
    });

    describe("keeping and removing", () => {
      test("P51: only what is named stays, complete or partial", async () => {
        const files = [
          await writeSnapshot(store, [bytesOf(50)], headerAt(1)),
          await writeSnapshot(store, [bytesOf(50)], headerAt(2)),
        ];
        const coming = [
          await writeSnapshot(other.store, chunks, headerAt(3)),
          await writeSnapshot(other.store, chunks, headerAt(4)),
        ];
        const receiveParts = async (): Promise<void> => {
          for (const file of coming) {
            const receiver = await store.receive(file);
            await fetchInto(receiver, other.store, file, 300_000);
            await receiver.pause();
          }
        };
        await receiveParts();
        await store.retain([]);
        expect(await store.list()).toHaveLength(2);
        await receiveParts();
        await store.retain([files[1]!.file, coming[0]!.file]);
        const left = (await store.list()).map(({ file, isComplete }) => [file, isComplete]);
        expect(left).toEqual([
          [files[1]!.file, true],
          [coming[0]!.file, false],
        ]);
        expect(await store.read(files[0]!.file, 0, 10)).toBeNull();
        await store.retain([]);
        expect(await store.list()).toEqual([]);
      });

      test("what is being written or received stays as well", async () => {
        const writer = await store.create(headerAt(8));
        await writer.write(chunks[1]!);
        const coming = await writeSnapshot(other.store, chunks);
        const receiver = await store.receive(coming);
        await fetchInto(receiver, other.store, coming, 300_000);
        await store.retain([]);
        const written = await writer.finish();
        await fetchInto(receiver, other.store, coming);
        expect(await receiver.finish()).toMatchObject({ kind: "complete" });
        expect(await readAll(store, written)).toEqual([chunks[1]!]);
        expect(await readAll(store, coming)).toEqual(chunks);
      });

      test("P29: what is finished while others are removed stays, until a call could have named it", async () => {
        for (let at = 1; at <= 20; at++) await writeSnapshot(store, [bytesOf(20, at)], headerAt(at));
        const writer = await store.create(headerAt(99));
        await writer.write(chunks[1]!);
        const coming = await writeSnapshot(other.store, chunks);
        const receiver = await store.receive(coming);
        await fetchInto(receiver, other.store, coming);
        const finishing = Promise.all([writer.finish(), receiver.finish()]);
        const sweeping = store.retain([]);
        const [written] = await finishing;
        const naming = store.retain([written.file, coming.file]);
        await Promise.all([sweeping, naming]);
        expect(await readAll(store, written)).toEqual([chunks[1]!]);
        expect(await readAll(store, coming)).toEqual(chunks);
      });

      test("a file may be removed while another node fetches it", async () => {
        const file = await writeSnapshot(store, chunks);
        expect(await store.read(file.file, 0, 10)).toHaveLength(10);
        await store.retain([file.file]);
        await store.retain([]);
        expect(await store.read(file.file, 10, 10)).toBeNull();
      });
    });
  });
}
