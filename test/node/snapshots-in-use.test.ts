// Which snapshot files stay while newer ones come? Those that the log names, that are on offer, that are read, and that the state
// machine starts from. And what a snapshot says of the configuration.
import { expect, test } from "bun:test";
import { GraftError } from "../../src/errors.ts";
import { OutdatedDamage } from "../../src/node/node-end.ts";
import { NodeSnapshots } from "../../src/node/snapshots.ts";
import type { State } from "../../src/core/state.ts";
import type { SnapshotRecord } from "../../src/core/snapshot-record.ts";
import type { BulkMessage } from "../../src/ports/bulk-messages.ts";
import type { LogFields } from "../../src/ports/logger.ts";
import type { BulkLink } from "../../src/ports/transport.ts";
import { createMemorySnapshotStore } from "../../src/sim/memory/snapshot-store.ts";
import { asLeader, follower, leader, play } from "../core/build.ts";
import { at, from, n2, refused, snapshotAt } from "../core/say.ts";
import { RecordingMachine } from "./recording-machine.ts";
import { trustedCopy } from "./trusted-copy.ts";

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
};

function setUp(initial: State) {
  let state = initial;
  const retained: (readonly string[])[] = [];
  const arrived: SnapshotRecord[] = [];
  const story: string[] = [];
  const logs: string[] = [];
  const links: string[] = [];
  const room = { hasRoomForBulk: true, hasRoomFor: () => true };
  const opened: BulkLink[] = [];
  const openBulk = async (to: string): Promise<BulkLink> => {
    links.push(`opened to ${to}`);
    const link: BulkLink = {
      isOpen: true,
      queuedBytes: 0,
      onMessage: null,
      onClose: null as ((reason: string) => void) | null,
      send: () => {},
      close: (reason) => {
        links.push(`closed: ${reason}`);
        link.onClose?.(reason);
      },
    };
    opened.push(link);
    return link;
  };
  const retain = { failure: null as Error | null };
  const entryLog = { chainAt: (): number => 7 };
  const machine = new RecordingMachine();
  const memory = createMemorySnapshotStore();
  const store = {
    create: memory.create.bind(memory),
    receive: memory.receive.bind(memory),
    read: () => Promise.resolve(new Uint8Array(1)),
    contents: async function* (): AsyncGenerator<Uint8Array> {},
    retain: (files: readonly string[]) => {
      retained.push(files);
      return retain.failure === null ? Promise.resolve() : Promise.reject(retain.failure);
    },
  };
  const restore = machine.restore.bind(machine);
  machine.restore = (chunks) => {
    story.push("restores");
    return restore(chunks);
  };
  const snapshots = new NodeSnapshots(
    {
      store: { saved: { snapshot: null }, chainAt: () => entryLog.chainAt(), reclaim: () => false },
      snapshots: store,
      transport: { openBulk },
      stateMachine: machine,
      logger: {
        enabled: () => false,
        log: (level: string, message: string, fields?: LogFields) =>
          void (level === "warn" && logs.push(`warn ${message}: ${String(fields?.["reason"])}`)),
      },
      clock: { nowMs: () => 0, at: () => ({ cancel: () => {} }) },
    } as never,
    {
      cluster: "c",
      ...trustedCopy,
      policy: { everyEntries: 1_000, everyBytes: 1e9 },
      state: () => state,
      scrubIntervalMs: 1e9,
      arrive: (event) => void ("snapshot" in event && arrived.push(event.snapshot)),
      disk: room,
      failed: (error: unknown) => {
        throw error;
      },
    },
  );
  /** Has it remove what nothing needs any more, and returns what it keeps. */
  const kept = (): readonly string[] => {
    snapshots.relieve(true);
    snapshots.relieve(false);
    return retained.at(-1)!;
  };
  return {
    snapshots,
    machine,
    retained,
    retain,
    entryLog,
    room,
    opened,
    logs,
    links,
    arrived,
    story,
    kept,
    become: (next: State) => void (state = next),
  };
}

test("P36: the file on offer stays although a newer one has replaced it, until it is fetched", async () => {
  const offering = play(
    leader({ snapshot: at(4, 1), log: [1, 1] }),
    from(n2, refused(2, { prevIndex: 6, conflict: at(3, 0), lastIndex: 2 })),
  );
  const offered = snapshotAt(at(4, 1));
  const newer = snapshotAt(at(6, 1));
  expect([...asLeader(offering).progress.values()].map(({ kind }) => kind)).toContain("installing");
  const { kept, become } = setUp({ ...offering, snapshot: newer });
  expect(kept()).toContain(offered.file);
  expect(kept()).toContain(newer.file);
  become({ ...follower({ snapshot: at(4, 1), log: [1, 1] }), snapshot: newer });
  expect(kept()).toEqual([newer.file]);
});

test("a file that is read over a connection stays as long as that stands", async () => {
  const { snapshots, kept } = setUp(follower({ snapshot: at(4, 1), log: [1, 1] }));
  const link: BulkLink = {
    isOpen: true,
    queuedBytes: 0,
    onMessage: null as ((message: BulkMessage) => void) | null,
    onClose: null as ((reason: string) => void) | null,
    send: () => {},
    close: () => {},
  };
  const [id = "", incarnation = ""] = n2.split("@");
  snapshots.onBulk({ id, incarnation, bootId: "b" }, link);
  link.onMessage!({ kind: "snapshotRead", file: "old", offset: 0, bytesMax: 1 });
  await turns();
  expect(kept()).toContain("old");
  link.onClose!("it is read");
  expect(kept()).not.toContain("old");
});

test("P29: a file of which the core has just been told stays until the log names it or a later one", async () => {
  const before = follower({ log: [1, 1, 1, 1, 1, 1], commitIndex: 6 });
  const { snapshots, arrived, kept, become } = setUp(before);
  const record = await snapshots.taker.take({ ...at(5, 1), stampMs: 1 });
  expect(arrived).toEqual([record!]);
  for (let sweep = 0; sweep < 3; sweep++) expect(kept()).toContain(record!.file);
  const later = snapshotAt(at(6, 1));
  become({ ...before, snapshot: later });
  expect(kept()).toEqual([later.file]);
});

test("P29: each of several files stays that the core has been told of, until the log names it or a later one", async () => {
  const before = follower({ log: [1, 1, 1, 1, 1, 1], commitIndex: 6 });
  const { snapshots, kept, become } = setUp(before);
  const records: SnapshotRecord[] = [];
  for (const index of [3, 5, 6]) records.push((await snapshots.taker.take({ ...at(index, 1), stampMs: 1 }))!);
  expect(kept()).toEqual(expect.arrayContaining(records.map(({ file }) => file)));
  become({ ...before, snapshot: records[1]! });
  expect(new Set(kept())).toEqual(new Set(records.slice(1).map(({ file }) => file)));
});

test("a disk that becomes nearly full has a snapshot taken once, and space has one taken again only where the last one failed", async () => {
  const state = follower({ log: [1, 1, 1, 1, 1, 1], commitIndex: 6 });
  const { snapshots, machine, arrived, become } = setUp(state);
  snapshots.taker.onHanded({ ...at(6, 1), stampMs: 1 }, 1);
  const relieve = async (isLow: boolean): Promise<number> => {
    snapshots.relieve(isLow);
    await turns();
    return arrived.length;
  };
  expect([await relieve(true), await relieve(true), await relieve(false), await relieve(false)]).toEqual([1, 1, 1, 1]);
  const held = await machine.snapshot();
  expect(await relieve(true)).toBe(1);
  held.close();
  expect([snapshots.taker.failure, await relieve(false), await relieve(true)]).toEqual([
    "a snapshot is being read",
    2,
    3,
  ]);
  // A node that has lost its genesis hears of it first.
  await relieve(false);
  become({ ...state, genesis: null });
  expect(await relieve(true)).toBe(3);
});

test("a log that turns out to be damaged when a disk is to be relieved ends the node", () => {
  const { snapshots, entryLog } = setUp(follower({ log: [1, 1, 1, 1, 1, 1], commitIndex: 6 }));
  snapshots.taker.onHanded({ ...at(6, 1), stampMs: 1 }, 1);
  const damage = new GraftError("damaged", "entry 6 is damaged");
  entryLog.chainAt = () => {
    throw damage;
  };
  expect(() => snapshots.relieve(true)).toThrow(damage);
});

test("what a record replaces goes once the record is durable, and once only", async () => {
  const state = { ...follower({ log: [1, 1, 1, 1], commitIndex: 4 }), snapshot: snapshotAt(at(4, 1)) };
  const confirmed = (ticket: number): State => ({ ...state, durability: { ...state.durability, confirmed: ticket } });
  const { snapshots, retained, become } = setUp(confirmed(8));
  snapshots.onTurned();
  snapshots.onWritten(9);
  snapshots.onTurned();
  expect(retained).toEqual([]);
  // Not even a disk that is nearly full lets a file go that the record on the disk may name.
  snapshots.relieve(true);
  expect(retained).toEqual([]);
  // Another record follows at once: the first one's confirmation is none of it.
  snapshots.onWritten(10);
  become(confirmed(9));
  snapshots.onTurned();
  expect(retained).toEqual([]);
  become(confirmed(10));
  snapshots.onTurned();
  snapshots.onTurned();
  expect(retained).toEqual([[state.snapshot.file]]);
  // A record for which the disk had no room has replaced nothing.
  snapshots.onWritten(11);
  snapshots.onNoRoom();
  become(confirmed(12));
  snapshots.onTurned();
  expect(retained).toHaveLength(1);
});

test("files that cannot be removed are told, fail nothing, and are tried again at the next occasion", async () => {
  const state = { ...follower({ log: [1, 1, 1, 1], commitIndex: 4 }), snapshot: snapshotAt(at(4, 1)) };
  const { snapshots, retained, retain, logs } = setUp(state);
  retain.failure = new GraftError("storage", "the folder is gone");
  snapshots.relieve(true);
  await turns();
  expect(logs).toEqual(["warn old snapshots could not be removed: the folder is gone"]);
  retain.failure = null;
  snapshots.relieve(false);
  snapshots.relieve(true);
  await turns();
  expect([retained.length, logs.length]).toEqual([2, 1]);
});

test.each([
  ["while the log names it is damage of this node", false],
  ["that a newer one has replaced is none: the data is whole without it", true],
])("a damaged snapshot %s", async (_, isReplaced) => {
  const [old, newer] = [snapshotAt(at(4, 1)), snapshotAt(at(6, 1))];
  const state = { ...follower({ log: [1, 1, 1, 1, 1, 1], commitIndex: 6 }), snapshot: old };
  const { snapshots, machine, become } = setUp(state);
  const damage = new GraftError("damaged", "The snapshot is damaged.");
  machine.restore = async () => {
    if (isReplaced) become({ ...state, snapshot: newer });
    throw damage;
  };
  const error: unknown = await snapshots.restore(old, null).catch((cause: unknown) => cause);
  expect(error instanceof OutdatedDamage).toBe(isReplaced);
  expect(isReplaced ? (error as Error).cause : error).toBe(damage);
});

test("an old snapshot whose restore fails otherwise is no damage", async () => {
  const state = { ...follower({ log: [1, 1, 1, 1], commitIndex: 4 }), snapshot: snapshotAt(at(4, 1)) };
  const { snapshots, machine, become } = setUp(state);
  const failure = new GraftError("state-machine", "the plugin cannot read it");
  machine.restore = async () => {
    become({ ...state, snapshot: snapshotAt(at(6, 1)) });
    throw failure;
  };
  expect(await snapshots.restore(state.snapshot, null).catch((cause: unknown) => cause)).toBe(failure);
});

test("P32: a snapshot holds the configuration at its end, and none that stands later in the log", async () => {
  const state = follower({ log: [1, 1, 1, 1, 1, 1], commitIndex: 4 });
  const [first] = state.log.configurations;
  const placed = (index: number) => ({ ...first!, position: at(index, 1) });
  const log = { ...state.log, configurations: [first!, placed(3), placed(5)] };
  const { snapshots } = setUp({ ...state, log });
  const positionOf = async (index: number): Promise<number | undefined> =>
    (await snapshots.taker.take({ ...at(index, 1), stampMs: 1 }))?.configuration.position.index;
  expect([await positionOf(2), await positionOf(3), await positionOf(4)]).toEqual([0, 3, 3]);
});

test("and the version that was active at its end, and none that becomes active later in the log", async () => {
  const state = follower({ log: [1, 1, 1, 1, 1, 1], commitIndex: 6 });
  const placed = (index: number) => ({
    position: at(index, 1),
    plugin: { name: "p", version: String(index), hash: "0".repeat(64) },
    replaces: false,
  });
  const { snapshots } = setUp({ ...state, log: { ...state.log, activations: [placed(3), placed(5)] } });
  const versionOf = async (index: number): Promise<string | undefined> =>
    (await snapshots.taker.take({ ...at(index, 1), stampMs: 1 }))?.activation?.plugin.version;
  expect([await versionOf(2), await versionOf(3), await versionOf(4), await versionOf(5)]).toEqual([
    undefined,
    "3",
    "3",
    "5",
  ]);
});

test("a disk that is nearly full gets no snapshot while there is none to take: nothing has been applied since the latest", async () => {
  const state = { ...follower({ log: [1, 1, 1, 1, 1, 1], commitIndex: 6 }), snapshot: snapshotAt(at(4, 1)) };
  const { snapshots, arrived } = setUp(state);
  const relieved = async (): Promise<number> => {
    snapshots.relieve(true);
    snapshots.relieve(false);
    await turns();
    return arrived.length;
  };
  expect(await relieved()).toBe(0);
  snapshots.taker.onHanded({ ...at(4, 1), stampMs: 1 }, 0);
  expect(await relieved()).toBe(0);
  snapshots.taker.onHanded({ ...at(5, 1), stampMs: 1 }, 0);
  expect(await relieved()).toBe(1);
  expect(arrived[0]!.position).toEqual(at(5, 1));
});

test("a node that stops hangs up on the leader whose snapshot it reads", async () => {
  const { snapshots, links } = setUp(follower({ log: [1, 1] }));
  snapshots.fetch(n2, snapshotAt(at(6, 1)));
  await turns();
  expect(links).toEqual([`opened to ${n2}`]);
  snapshots.stop();
  await turns();
  expect(links.slice(1, 2)).toEqual(["closed: the node stops"]);
});

test("P30: a restore waits until what is being read of the state before it is let go of", async () => {
  const { snapshots, machine, story, arrived } = setUp(follower({ log: [1, 1, 1, 1, 1, 1], commitIndex: 6 }));
  machine.applied.push("a", "b");
  machine.isSlow = true;
  const taking = snapshots.taker.take({ ...at(5, 1), stampMs: 1 });
  const restoring = snapshots.restore(snapshotAt(at(6, 1)), null);
  await turns();
  expect(story).toEqual([]);
  machine.isSlow = false;
  machine.release();
  await restoring;
  expect(story).toEqual(["restores"]);
  expect(await taking).toBeNull();
  expect(arrived).toEqual([]);
  // The next one that is taken says the same of its time.
  expect(snapshots.taker.handed).toEqual({ ...at(6, 1), stampMs: snapshotAt(at(6, 1)).stampMs });
});

test("P29: its file stays from the moment on in which it is to be restored from, also while another one is let go of", async () => {
  const state = follower({ log: [1, 1, 1, 1, 1, 1], commitIndex: 6 });
  const old = snapshotAt(at(5, 1));
  const { snapshots, machine, kept } = setUp({ ...state, snapshot: snapshotAt(at(6, 1)) });
  machine.isSlow = true;
  void snapshots.taker.take({ ...at(6, 1), stampMs: 1 });
  const restoring = snapshots.restore(old, null);
  await turns();
  expect(kept()).toContain(old.file);
  machine.isSlow = false;
  machine.release();
  await restoring;
  expect(kept()).not.toContain(old.file);
});

test("a leader's snapshot is not written to a disk that is nearly full", async () => {
  const { snapshots, room, opened, links, logs } = setUp(follower({ log: [1, 1] }));
  room.hasRoomForBulk = false;
  snapshots.fetch(n2, snapshotAt(at(6, 1)));
  await turns();
  opened[0]!.onMessage!({ kind: "snapshotChunk", offset: 0, bytes: new Uint8Array(10) });
  await turns();
  expect(links).toContain("closed: the snapshot is read");
  expect(logs).toEqual([expect.stringMatching(/^warn fetching a snapshot was cut short: the disk is nearly full/)]);
});

test("a file of one's own goes once the log names another one of the same place", async () => {
  const before = follower({ log: [1, 1, 1, 1, 1, 1], commitIndex: 6 });
  const { snapshots, kept, become } = setUp(before);
  const record = await snapshots.taker.take({ ...at(5, 1), stampMs: 1 });
  const leaders = { ...snapshotAt(at(5, 1)), file: "from the leader" };
  expect(record!.file).not.toBe(leaders.file);
  become({ ...before, snapshot: leaders });
  expect(kept()).toEqual([leaders.file]);
});
