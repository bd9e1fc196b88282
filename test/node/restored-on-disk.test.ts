// What does a node do with a state on disk before it restores a snapshot into it? It asks for room, and removes what is known to be wrong.
import { expect, test } from "bun:test";
import { GraftError } from "../../src/errors.ts";
import { NodeSnapshots } from "../../src/node/snapshots.ts";
import { createMemorySnapshotStore } from "../../src/sim/memory/snapshot-store.ts";
import { follower } from "../core/build.ts";
import { at, snapshotAt } from "../core/say.ts";
import { pluginVersion } from "./applier-setting.ts";
import { RecordingMachine } from "./recording-machine.ts";

function setUp() {
  const machine = new RecordingMachine();
  const room = { hasRoomForBulk: true, hasRoomFor: () => true };
  const memory = createMemorySnapshotStore();
  const contents = async function* (): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(1);
  };
  const snapshots = new NodeSnapshots(
    {
      store: { saved: { snapshot: null, incarnation: "me" }, chainAt: () => 7, reclaim: () => false },
      snapshots: { ...memory, contents },
      stateMachine: machine,
      logger: { enabled: () => false, log: () => {} },
      clock: { nowMs: () => 0, at: () => ({ cancel: () => {} }) },
    } as never,
    {
      cluster: "c",
      policy: { everyEntries: 1_000, everyBytes: 1e9 },
      state: () => follower({ snapshot: at(4, 1) }),
      scrubIntervalMs: 1e9,
      arrive: () => {},
      disk: room,
      failed: (error: unknown) => {
        throw error;
      },
    },
  );
  return { machine, room, snapshots };
}

test("a state on disk is restored only while there is room for it, and one in memory always", async () => {
  const { snapshots, machine, room } = setUp();
  const snapshot = snapshotAt(at(4, 1));
  const written: number[] = [];
  machine.restore = async (chunks) => {
    for await (const chunk of chunks) written.push(chunk.length);
    return null;
  };
  room.hasRoomForBulk = false;
  expect(await snapshots.restore(snapshot, null)).toBeNull();
  machine.isDurable = true;
  const noRoom: unknown = await snapshots.restore(snapshot, null).catch((cause: unknown) => cause);
  expect([noRoom instanceof GraftError && noRoom.message, written]).toEqual([
    "the disk is nearly full, and what is left of it is for the log: the state on disk is restored when there is room; free space on it",
    [1],
  ]);
  room.hasRoomForBulk = true;
  await snapshots.restore(snapshot, null);
  expect(written).toEqual([1, 1]);
});

test("a state on disk that is known to be wrong is removed before the snapshot is restored, and an old one stays until then", async () => {
  const { snapshots, machine } = setUp();
  const reached = { index: 2, term: 1, timeMs: 20 };
  machine.held = { reached, plugin: pluginVersion("1"), owner: "me", wakeAtMs: null };
  expect([await snapshots.recall(true), machine.forgotten]).toEqual([null, 0]);
  expect([await snapshots.recall(false), machine.forgotten]).toEqual([null, 1]);
});
