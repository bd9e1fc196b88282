// What becomes of the file of a snapshot that was begun and is not finished: it is gone before the attempt is over.
import { expect, test } from "bun:test";
import { SnapshotTaker } from "../../src/node/snapshot-taker.ts";
import { createMemorySnapshotStore } from "../../src/sim/memory/snapshot-store.ts";
import { snapshotAt } from "../core/say.ts";
import { RecordingMachine } from "./recording-machine.ts";
import { trustedState } from "./trusted-copy.ts";

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
};

/** A writer that says what it is told, and whose file is gone when the test says so. */
function setUp(write: () => Promise<void> = () => Promise.resolve()) {
  const machine = new RecordingMachine();
  machine.applied.push("a");
  const room = { isThere: true };
  const did: string[] = [];
  const gone = Promise.withResolvers<void>();
  const writer = {
    write: () => (did.push("write"), write()),
    finish: async () => (did.push("finish"), { file: "f", bytes: 1, checksum: 1 }),
    abandon: () => (did.push("abandon"), gone.promise),
  };
  const taker = new SnapshotTaker(0, {
    ...trustedState,
    cluster: "demo",
    policy: { everyEntries: 10, everyBytes: 1_000 },
    stateMachine: machine,
    snapshots: { ...createMemorySnapshotStore(), create: async () => writer },
    logger: { enabled: () => false, log: () => {} },
    circumstances: () => ({
      genesis: { clusterUuid: "0".repeat(32), foundedAtMs: 0, members: [] },
      chain: 1,
      configuration: snapshotAt({ index: 1, term: 1 }).configuration,
      activation: null,
      origin: "a1",
    }),
    hasRoom: () => room.isThere,
    taken: () => void did.push("taken"),
  });
  const take = (): void =>
    void taker.take({ index: 5, term: 1, stampMs: 1 }).then((record) => did.push(`over: ${record?.file ?? "nothing"}`));
  return { taker, room, did, gone, take };
}

test.each<readonly [string, (all: ReturnType<typeof setUp>) => void, string | null]>([
  ["for which there is no room", ({ room }) => (room.isThere = false), "the disk is nearly full"],
  ["that is given up", ({ taker }) => void taker.giveUp(), null],
])("one %s is removed before the attempt is over", async (_, happens, why) => {
  const all = setUp();
  all.take();
  happens(all);
  await turns();
  expect([all.did, all.taker.takingThrough]).toEqual([["abandon"], 5]);
  all.gone.resolve();
  await turns();
  expect([all.did, all.taker.takingThrough]).toEqual([["abandon", "over: nothing"], null]);
  expect(all.taker.failure?.split(",")[0] ?? null).toBe(why);
});

test("one that cannot be written is removed, and nothing is written behind what was lost", async () => {
  const writes: PromiseWithResolvers<void>[] = [];
  const { did, take, gone, taker } = setUp(() => {
    writes.push(Promise.withResolvers());
    return writes.at(-1)!.promise;
  });
  take();
  await turns();
  expect(did).toEqual(["write"]);
  writes[0]!.reject(new Error("the disk is gone"));
  gone.resolve();
  await turns();
  expect([did, taker.failure]).toEqual([["write", "abandon", "over: nothing"], "the disk is gone"]);
});
