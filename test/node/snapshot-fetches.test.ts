// What one fetch of a snapshot leaves to the next one: another file of the same leader, the pauses of one that was refused, the file itself.
import { expect, test } from "bun:test";
import { n2 } from "../core/say.ts";
import { honest, setUp, turns } from "./snapshot-fetching.ts";

test("another file of the same leader takes the place of one under way", async () => {
  const { fetcher, record, ends } = await setUp(() => null);
  fetcher.fetch(n2, record);
  await turns();
  fetcher.fetch(n2, { ...record, file: "another" });
  await turns();
  expect(ends[0]).toBe("another snapshot is offered");
});

test("a file that is refused after another one was begins with the shortest pause", async () => {
  const { fetcher, record, clock, damaged, files } = await setUp(honest, { told: { chain: 1 } });
  const offer = async (file = record.file): Promise<number> => {
    fetcher.fetch(n2, { ...record, file });
    await turns();
    return damaged.length;
  };
  expect(await offer()).toBe(1);
  clock.advance(200);
  expect(await offer()).toBe(2);
  files.partial.set("another", files.complete.get(record.file)!);
  clock.advance(200);
  expect(await offer("another")).toBe(3);
  clock.advance(199);
  expect(await offer("another")).toBe(3);
  clock.advance(1);
  expect(await offer("another")).toBe(4);
});

test("a file is let go of before it is fetched once more", async () => {
  const pausing = Promise.withResolvers<void>();
  const { fetcher, record, clock, dialled, fetched, room, logs } = await setUp(honest, {
    paused: () => pausing.promise,
  });
  room.isThere = false;
  fetcher.fetch(n2, record);
  await turns();
  room.isThere = true;
  clock.advance(200);
  fetcher.fetch(n2, record);
  await turns();
  expect([dialled, logs]).toEqual([[n2], []]);
  pausing.resolve();
  await turns();
  clock.advance(200);
  fetcher.fetch(n2, record);
  await turns();
  expect([dialled, fetched]).toEqual([[n2, n2], [record.file]]);
});

test("what is damaged is not read to its end", async () => {
  let count = 0;
  const { fetcher, record, damaged, ends } = await setUp(({ offset }, bytes) => {
    if (count++ > 0) return null;
    return { kind: "snapshotChunk", offset, bytes: bytes.map((byte, at) => (at === 300 ? byte ^ 1 : byte)) };
  });
  fetcher.fetch(n2, record);
  await turns();
  expect([damaged, ends.length]).toEqual([[[n2, record.file]], 1]);
});
