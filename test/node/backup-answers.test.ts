// Each answer that a client gets who asks for a backup or for a piece of one, in its words; and how long a file is kept.
import { describe, expect, test } from "bun:test";
import { GraftError } from "../../src/errors.ts";
import { type BackupAnswer, Backups, type BackupsOptions } from "../../src/node/backups.ts";
import type { ReplyErrorCode } from "../../src/ports/requests.ts";
import { snapshotAt } from "../core/say.ts";

const at = (index: number) => snapshotAt({ index, term: 1 });
const handed = { index: 7, term: 1, stampMs: 50 };
const description = {
  name: "notes",
  version: "1",
  code: null,
  style: "raw",
  commands: [],
  queries: [],
  snapshots: true,
} as const;
const failed = (code: ReplyErrorCode, message: string): BackupAnswer<never> => ({
  kind: "failed",
  error: { code, message, leader: null },
});

function setUp(more: Partial<BackupsOptions> = {}) {
  const time = { nowMs: 1_000 };
  const stops: unknown[] = [];
  const reads: unknown[][] = [];
  const takes: unknown[] = [];
  const backups = new Backups({
    snapshots: {
      read: async (...given) => {
        reads.push(given);
        return new Uint8Array([1, 2]);
      },
    },
    clock: { nowMs: () => time.nowMs },
    taker: {
      handed,
      failure: null,
      take: async (applied) => {
        takes.push(applied);
        return at(applied.index);
      },
    },
    description: () => description,
    latest: () => null,
    mayShow: () => true,
    stop: (error) => void stops.push(error),
    ...more,
  });
  return { backups, time, stops, reads, takes };
}

describe("a backup that is asked for", () => {
  test("is the latest snapshot when it covers what is asked for, to the entry, and otherwise a new one", async () => {
    for (const [through, index, count] of [
      [4, 4, 0],
      [5, 7, 1],
      [0, 4, 0],
    ] as const) {
      const { backups, takes } = setUp({ latest: () => at(4) });
      expect(await backups.take(through)).toEqual({ kind: "ok", value: at(index) });
      expect([takes, backups.filesInUse]).toEqual([Array.from({ length: count }, () => handed), [at(index).file]]);
    }
  });

  test("is refused when the state machine makes none, also while there is one that covers it", async () => {
    const { backups } = setUp({ description: () => ({ ...description, snapshots: false }), latest: () => at(9) });
    const message = "the state machine notes makes no snapshots, so there is nothing to back up from";
    expect(await backups.take(5)).toEqual(failed("rejected", message));
    expect(backups.filesInUse).toEqual([]);
  });

  test("fails when nothing has been handed to the state machine yet, and nothing is taken", async () => {
    const taker = { handed: null, failure: null, take: () => Promise.reject(new Error("not expected")) };
    const { backups, stops } = setUp({ taker });
    expect(await backups.take(5)).toEqual(failed("backup-failed", "no snapshot could be taken"));
    expect(stops).toEqual([]);
  });

  test("fails when the second of two that are needed fails", async () => {
    const given = [at(3), null];
    const taker = { handed, failure: "the disk", take: () => Promise.resolve(given.shift()!) };
    const { backups } = setUp({ taker });
    expect(await backups.take(5)).toEqual(failed("backup-failed", "no snapshot could be taken: the disk"));
    expect(backups.filesInUse).toEqual([]);
  });

  test("is made of what has been handed over at the moment of each attempt", async () => {
    let index = 3;
    const taken: number[] = [];
    const taker = {
      get handed() {
        return { ...handed, index: index++ };
      },
      failure: null,
      take: (applied: { readonly index: number }) => {
        taken.push(applied.index);
        return Promise.resolve(at(applied.index));
      },
    };
    const { backups } = setUp({ taker });
    expect(await backups.take(5)).toEqual({ kind: "ok", value: at(5) });
    expect(taken).toEqual([3, 4, 5]);
  });

  test("ends the node when it breaks an invariant, also later than in the call", async () => {
    const broken = new Error("an invariant");
    const { backups, stops } = setUp({ taker: { handed, failure: null, take: () => Promise.reject(broken) } });
    expect(await backups.take(5)).toEqual(failed("backup-failed", "no snapshot could be taken"));
    expect(stops).toEqual([broken]);
  });
});

describe("a piece", () => {
  const reading = async (read: BackupsOptions["snapshots"]["read"]) => {
    const { backups } = setUp({ snapshots: { read }, latest: () => at(7) });
    await backups.take(7);
    return backups.read(at(7).file, 5, 9);
  };

  test("is what the store has at that place of the file", async () => {
    const { backups, reads } = setUp({ latest: () => at(7) });
    await backups.take(7);
    expect(await backups.read(at(7).file, 5, 9)).toEqual({ kind: "ok", value: new Uint8Array([1, 2]) });
    expect(reads).toEqual([[at(7).file, 5, 9]]);
  });

  test("of another file is refused and not read, nor is that file kept", async () => {
    const { backups, reads } = setUp({ latest: () => at(7) });
    await backups.take(7);
    expect(await backups.read("4-1", 0, 9)).toEqual(failed("rejected", "4-1 is no backup that is being read"));
    expect([reads, backups.filesInUse]).toEqual([[], [at(7).file]]);
  });

  test("that is empty is the end, and none is a file that has gone", async () => {
    expect(await reading(async () => new Uint8Array())).toEqual({ kind: "ok", value: new Uint8Array() });
    expect(await reading(async () => null)).toEqual(failed("rejected", `${at(7).file} is not here any more`));
  });

  test("that the disk refuses is a failed backup, and any other error a mistake of the node", async () => {
    const refused = await reading(() => Promise.reject(new GraftError("storage", "an error of the disk")));
    expect(refused).toEqual(failed("backup-failed", "the snapshot cannot be read: an error of the disk"));
    await expect(reading(() => Promise.reject(new TypeError("a mistake")))).rejects.toThrow("a mistake");
  });

  test("is one of 64 at once, and a refused one does not keep its file", async () => {
    const held: PromiseWithResolvers<Uint8Array>[] = [];
    const read = () => {
      held.push(Promise.withResolvers());
      return held.at(-1)!.promise;
    };
    const { backups, time } = setUp({ snapshots: { read }, latest: () => at(7) });
    await backups.take(7);
    const begun = Array.from({ length: 64 }, () => backups.read(at(7).file, 0, 9));
    time.nowMs += 50_000;
    const message = "64 pieces of backups are being read already";
    expect(await backups.read(at(7).file, 0, 9)).toEqual(failed("overloaded", message));
    time.nowMs += 9_999;
    expect(backups.filesInUse).toEqual([at(7).file]);
    time.nowMs += 1;
    expect(backups.filesInUse).toEqual([]);
    for (const each of held) each.resolve(new Uint8Array(1));
    await Promise.all(begun);
    expect(backups.filesInUse).toEqual([at(7).file]);
  });
});

test("each file is kept for a minute of its own", async () => {
  let index = 3;
  const { backups, time } = setUp({ latest: () => at(index) });
  await backups.take(3);
  time.nowMs += 30_000;
  index = 4;
  await backups.take(4);
  time.nowMs += 29_999;
  expect(backups.filesInUse).toEqual([at(3).file, at(4).file]);
  time.nowMs += 1;
  expect(backups.filesInUse).toEqual([at(4).file]);
  time.nowMs += 30_000;
  expect(backups.filesInUse).toEqual([]);
});
