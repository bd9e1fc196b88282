// When is a snapshot taken, and what becomes of one that is under way when another takes the place of the state?
import { expect, test } from "bun:test";
import { SnapshotTaker, type SnapshotTakerOptions } from "../../src/node/snapshot-taker.ts";
import { createMemorySnapshotFiles, createMemorySnapshotStore } from "../../src/sim/memory/snapshot-store.ts";
import { snapshotAt } from "../core/say.ts";
import { RecordingMachine } from "./recording-machine.ts";
import { trustedState } from "./trusted-copy.ts";

const positionAt = (index: number) => ({ index, term: 1, stampMs: 1000 + index });
const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
};

const often = { everyEntries: 10, everyBytes: 1000 };

function setUp(
  told: Partial<Pick<SnapshotTakerOptions, "policy" | "mayTake" | "read">> = {},
  compareEvery = trustedState.compareEvery,
) {
  const machine = new RecordingMachine();
  const files = createMemorySnapshotFiles();
  const store = createMemorySnapshotStore(files);
  const asked: number[] = [];
  const logs: unknown[][] = [];
  const taken: number[] = [];
  let isRoom = true;
  const { configuration } = snapshotAt({ index: 1, term: 1 });
  const taker = new SnapshotTaker(0, {
    ...trustedState,
    compareEvery,
    cluster: "demo",
    policy: often,
    ...told,
    stateMachine: machine,
    snapshots: store,
    logger: { enabled: () => true, log: (level, ...rest) => void logs.push([level, ...rest]) },
    circumstances: (through) => {
      asked.push(through);
      return {
        genesis: { clusterUuid: "0".repeat(32), foundedAtMs: 0, members: [] },
        chain: 1,
        configuration,
        activation: null,
        origin: "a1",
      };
    },
    hasRoom: () => isRoom,
    taken: ({ position }) => void taken.push(position.index),
  });
  return {
    logs,
    machine,
    files,
    store,
    asked,
    taken,
    taker,
    fill: () => void (isRoom = false),
    clean: () => void (isRoom = true),
  };
}

test("one is taken at the bound of entries, and not one entry before", async () => {
  const { taker, taken } = setUp();
  taker.onHanded(positionAt(9), 0);
  await turns();
  expect([taken, taker.handed]).toEqual([[], positionAt(9)]);
  taker.onHanded(positionAt(10), 0);
  await turns();
  taker.onHanded(positionAt(19), 0);
  await turns();
  expect(taken).toEqual([10]);
  taker.onHanded(positionAt(20), 0);
  await turns();
  expect([taken, taker.handed]).toEqual([[10, 20], positionAt(20)]);
});

test("one is taken at the bound of bytes, which count from the last one on", async () => {
  const { taker, taken } = setUp();
  for (const [index, bytes] of [
    [1, 999],
    [2, 1],
    [3, 999],
    [4, 1],
  ] as const) {
    taker.onHanded(positionAt(index), bytes);
    await turns();
  }
  expect(taken).toEqual([2, 4]);
});

test("only one is under way: who asks for another gets that one", async () => {
  const { taker, machine, asked } = setUp();
  machine.isSlow = true;
  const first = taker.take(positionAt(5));
  expect(taker.take(positionAt(6))).toBe(first);
  taker.onHanded(positionAt(90), 5000);
  expect([asked, taker.takingThrough]).toEqual([[5], 5]);
  machine.isSlow = false;
  machine.release();
  await first;
  expect(taker.takingThrough).toBeNull();
});

test("P30: one that is under way when the state is restored is let go of: it leaves no file and no record", async () => {
  const { taker, machine, files, taken } = setUp();
  machine.applied.push("a", "b", "c");
  machine.isSlow = true;
  const done = taker.take(positionAt(5));
  await turns();
  machine.release();
  await turns();
  let isLetGo = false;
  const lettingGo = taker.giveUp().then(() => (isLetGo = true));
  await turns();
  // The state machine has not answered yet: what it reads from must not be replaced.
  expect(isLetGo).toBe(false);
  machine.isSlow = false;
  machine.release();
  await lettingGo;
  expect(await done).toBeNull();
  expect([taken, files.complete.size, files.partial.size]).toEqual([[], 0, 0]);
  // The state machine is free for the next one.
  taker.onRestored(positionAt(50));
  expect((await taker.take(positionAt(50)))?.position).toEqual({ index: 50, term: 1 });
});

test("P30: nor is one kept that is let go of while its last piece is read", async () => {
  const { taker, machine, files, taken } = setUp();
  const last = Promise.withResolvers<null>();
  machine.snapshot = () => Promise.resolve({ read: () => last.promise, close: () => {}, contentHash: 1 });
  const done = taker.take(positionAt(5));
  await turns();
  const lettingGo = taker.giveUp();
  last.resolve(null);
  await lettingGo;
  expect([await done, taken, files.complete.size]).toEqual([null, [], 0]);
});

test("its file names the cluster and the state machine that it is of", async () => {
  const { taker, machine, store } = setUp();
  const create = store.create.bind(store);
  const headers: unknown[] = [];
  store.create = (header) => {
    headers.push(header);
    return create(header);
  };
  machine.applied.push("a");
  await taker.take(positionAt(5));
  const plugin = { name: machine.description.name, version: machine.description.version };
  expect(headers).toMatchObject([{ cluster: "demo", clusterUuid: "0".repeat(32), plugin }]);
});

test("one that was due while another was being read is taken where outcomes are compared next", async () => {
  const { taker, machine, taken } = setUp({ policy: { everyEntries: 100, everyBytes: 1e9 } }, 8);
  const read = Promise.withResolvers<null>();
  const snapshot = machine.snapshot.bind(machine);
  machine.snapshot = () => Promise.resolve({ read: () => read.promise, close: () => {}, contentHash: 1 });
  taker.onHanded(positionAt(100), 0);
  taker.onHanded(positionAt(200), 0);
  read.resolve(null);
  await turns();
  machine.snapshot = snapshot;
  expect(taker.placeAfter(201)).toBe(208);
  taker.onHanded(positionAt(208), 0);
  await turns();
  expect(taken).toEqual([100, 208]);
});

test("while a snapshot is being read the content is not read beside it", async () => {
  const { taker, machine } = setUp();
  const read = Promise.withResolvers<null>();
  let readings = 0;
  machine.snapshot = () => {
    readings++;
    return Promise.resolve({ read: () => read.promise, close: () => {}, contentHash: 1 });
  };
  taker.onHanded(positionAt(10), 0);
  taker.askFor(10);
  await turns();
  expect(readings).toBe(1);
  read.resolve(null);
  await turns();
});

test("after a restore the bounds count from there", async () => {
  const { taker, taken } = setUp();
  taker.onHanded(positionAt(1), 999);
  taker.onRestored(positionAt(100));
  expect(taker.handed).toEqual(positionAt(100));
  taker.onHanded(positionAt(109), 999);
  await turns();
  expect(taken).toEqual([]);
  taker.onHanded(positionAt(110), 0);
  await turns();
  expect(taken).toEqual([110]);
});

test("a failure is forgotten once a leader's snapshot has cut the log", async () => {
  const { taker, fill } = setUp();
  fill();
  expect(await taker.take(positionAt(5))).toBeNull();
  expect(taker.failure).toContain("the disk is nearly full");
  taker.onRestored(positionAt(50));
  expect(taker.failure).toBeNull();
});

test("one that fails, or for which the disk has no room, leaves nothing, and the next one is taken in its time", async () => {
  const { taker, machine, files, taken, fill } = setUp();
  machine.applied.push("a");
  fill();
  expect(await taker.take(positionAt(5))).toBeNull();
  expect([taken, files.complete.size, taker.takingThrough]).toEqual([[], 0, null]);
});

test("a failure of a state machine is forgotten once another one has begun", async () => {
  const { taker, machine } = setUp();
  machine.applied.push("a");
  await machine.snapshot();
  taker.onHanded(positionAt(10), 0);
  await turns();
  expect(taker.failure).toBe("a snapshot is being read");
  taker.onEmptied();
  expect(taker.failure).toBeNull();
});

test("a failure is told until one succeeds, which is tried after as many entries again", async () => {
  const { taker, machine, taken, fill, clean } = setUp();
  machine.applied.push("a");
  const held = await machine.snapshot();
  taker.onHanded(positionAt(10), 0);
  await turns();
  expect([taker.failure, taken]).toEqual(["a snapshot is being read", []]);
  held.close();
  taker.onHanded(positionAt(19), 0);
  await turns();
  expect([taker.failure, taken]).toEqual(["a snapshot is being read", []]);
  fill();
  taker.onHanded(positionAt(20), 0);
  await turns();
  // The latest one counts.
  expect([taker.failure?.split(",")[0], taken]).toEqual(["the disk is nearly full", []]);
  clean();
  taker.onHanded(positionAt(30), 0);
  await turns();
  expect([taker.failure, taken]).toEqual([null, [30]]);
});

test("each chunk is on the disk before the next one is read, and one that the disk refuses ends it", async () => {
  const { taker, machine, files, taken, store } = setUp();
  machine.applied.push("a", "b");
  const writes: PromiseWithResolvers<void>[] = [];
  let reads = 0;
  const create = store.create.bind(store);
  store.create = async (header) => {
    const writer = await create(header);
    return {
      ...writer,
      write: () => {
        const write = Promise.withResolvers<void>();
        writes.push(write);
        return write.promise;
      },
    };
  };
  const snapshot = machine.snapshot.bind(machine);
  machine.snapshot = async () => {
    const source = await snapshot();
    return {
      read: () => {
        reads++;
        return source.read();
      },
      close: () => source.close(),
      contentHash: 1,
    };
  };
  const done = taker.take(positionAt(5));
  await turns();
  expect([reads, writes.length]).toEqual([1, 1]);
  writes[0]!.resolve();
  await turns();
  expect([reads, writes.length, taker.takingThrough]).toEqual([2, 2, 5]);
  writes[1]!.reject(new Error("the disk is gone"));
  expect(await done).toBeNull();
  expect([taker.failure, taker.takingThrough, taken]).toEqual(["the disk is gone", null, []]);
  expect([files.complete.size, files.partial.size]).toEqual([0, 0]);
  // The state machine has been let go of.
  store.create = create;
  expect((await taker.take(positionAt(6)))?.position.index).toBe(6);
});

test("the log says of each that it is taken, and what became of it", async () => {
  const { taker, machine, files, logs, fill } = setUp();
  machine.applied.push("a");
  const record = await taker.take(positionAt(5));
  const [[file, stored]] = [...files.complete] as [[string, Uint8Array]];
  expect(record).toMatchObject({ file, bytes: stored.byteLength, position: { index: 5, term: 1 }, stampMs: 1_005 });
  fill();
  await taker.take(positionAt(6));
  expect(logs).toEqual([
    ["info", "taking a snapshot", { through: 5 }],
    ["info", "snapshot taken", { through: 5, bytes: record!.bytes }],
    ["info", "taking a snapshot", { through: 6 }],
    ["error", "no snapshot could be taken", { through: 6, reason: taker.failure }],
  ]);
});

test("one that is let go of is no failure, and forgets none", async () => {
  const { taker, machine, fill } = setUp();
  const letGo = async (index: number): Promise<void> => {
    machine.isSlow = true;
    const taking = taker.take(positionAt(index));
    const lettingGo = taker.giveUp();
    machine.isSlow = false;
    machine.release();
    await lettingGo;
    expect(await taking).toBeNull();
  };
  await letGo(5);
  expect(taker.failure).toBeNull();
  fill();
  await taker.take(positionAt(6));
  await letGo(7);
  expect(taker.failure).toContain("the disk is nearly full");
  // There is nothing to let go of.
  await taker.giveUp();
});

test("a state machine that takes none is not asked for one, and none has failed", async () => {
  const { taker, machine, asked, taken } = setUp();
  Object.assign(machine, { description: { ...machine.description, snapshots: false } });
  taker.onHanded(positionAt(10), 5000);
  await turns();
  expect([asked, taken, taker.takingThrough, taker.failure]).toEqual([[], [], null, null]);
});

test("a run ends at the next multiple of the interval, and where the content is asked for", () => {
  const { taker } = setUp();
  expect([taker.placeAfter(0), taker.placeAfter(9), taker.placeAfter(10)]).toEqual([10, 10, 20]);
  taker.askFor(7);
  expect([taker.placeAfter(3), taker.placeAfter(7)]).toEqual([7, 10]);
});

test("the content is hashed where it is asked for, and nothing is written", async () => {
  const read: [number, number][] = [];
  const { taker, machine, taken, files } = setUp({ read: (index, hash) => read.push([index, hash]) });
  machine.applied.push("a");
  taker.askFor(3);
  taker.onHanded(positionAt(2), 0);
  await turns();
  expect(read).toEqual([]);
  taker.onHanded(positionAt(3), 0);
  await turns();
  taker.onHanded(positionAt(4), 0);
  await turns();
  expect(read.map(([index]) => index)).toEqual([3]);
  expect([taken, files.complete.size]).toEqual([[], 0]);
  // A snapshot of the same state has the same hash, and tells it as well.
  await taker.take(positionAt(4));
  expect(read[1]).toEqual([4, read[0]![1]]);
});

test("what the state machine has got past is not hashed", async () => {
  const read: number[] = [];
  const { taker } = setUp({ read: (index) => read.push(index) });
  taker.onHanded(positionAt(4), 0);
  taker.askFor(3);
  await turns();
  expect(read).toEqual([]);
});

test("no snapshot is taken of a state that is not to be trusted", async () => {
  const { taker, taken } = setUp({ mayTake: () => false });
  taker.onHanded(positionAt(10), 5000);
  expect(await taker.take(positionAt(10))).toBeNull();
  expect(taken).toEqual([]);
});

test("one that is given up while it becomes durable is not told of, and its content is not either", async () => {
  const contents: number[] = [];
  const { taker, store, taken } = setUp({ read: (index) => void contents.push(index) });
  const held = Promise.withResolvers<void>();
  const create = store.create.bind(store);
  store.create = async (header) => {
    const writer = await create(header);
    const finish = writer.finish.bind(writer);
    writer.finish = () => held.promise.then(finish);
    return writer;
  };
  const done = taker.take(positionAt(5));
  await turns();
  const lettingGo = taker.giveUp();
  held.resolve();
  await lettingGo;
  expect(await done).toBeNull();
  expect([taken, contents]).toEqual([[], []]);
});
