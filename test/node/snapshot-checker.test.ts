// A snapshot that a follower finds damaged is read again here, which takes its time: the log may have begun anew meanwhile.
import { describe, expect, test } from "bun:test";
import { toMemberKey } from "../../src/core/configuration.ts";
import type { SnapshotRecord } from "../../src/core/snapshot-record.ts";
import { GraftError } from "../../src/errors.ts";
import { createMemorySnapshotStore } from "../../src/sim/memory/snapshot-store.ts";
import { SnapshotChecker } from "../../src/node/snapshot-checker.ts";
import { NodeSnapshots } from "../../src/node/snapshots.ts";
import type { Logger } from "../../src/ports/logger.ts";
import { snapshotAt } from "../core/say.ts";
import { follower } from "../core/build.ts";
import { RecordingMachine } from "./recording-machine.ts";
import { trustedCopy } from "./trusted-copy.ts";

async function checked(
  after: SnapshotRecord,
  isHanded = true,
): Promise<{ readonly asked: readonly number[]; readonly failures: string[] }> {
  const damaged = snapshotAt({ index: 5, term: 1 });
  const { promise: isRead, resolve: readOn } = Promise.withResolvers<void>();
  let latest = damaged;
  const asked: number[] = [];
  const failures: string[] = [];
  const store = {
    saved: { snapshot: damaged },
    chainAt(index: number): number {
      asked.push(index);
      if (index < latest.position.index) throw new Error(`the log begins behind entry ${index}`);
      return 0;
    },
  };
  const contents = async function* (): AsyncGenerator<Uint8Array> {
    await isRead;
    yield new Uint8Array(1);
    throw new GraftError("storage", "its checksum is wrong");
  };
  const machine = new RecordingMachine();
  const snapshots = new NodeSnapshots(
    { store, snapshots: { ...createMemorySnapshotStore(), contents }, stateMachine: machine, logger: silent } as never,
    {
      cluster: "c",
      ...trustedCopy,
      policy: { everyEntries: 1_000, everyBytes: 1e9 },
      state: () => ({ ...follower({ log: [1, 1, 1, 1, 1, 1, 1] }), snapshot: latest }),
      scrubIntervalMs: 1e9,
      arrive: () => {},
      disk: { hasRoomForBulk: true, hasRoomFor: () => true },
      failed: (error: unknown) => failures.push(String(error)),
    },
  );
  if (isHanded) snapshots.taker.onHanded({ index: 7, term: 1, stampMs: 0 }, 0);
  snapshots.check(toMemberKey("n2", "disk"), damaged);
  latest = after;
  readOn();
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  return { asked, failures };
}

test("one that says again and again that a sound snapshot is damaged fills no log, whatever incarnation it takes", async () => {
  const causes: (string | undefined)[] = [];
  const contents = async function* (): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(1);
  };
  const logger: Logger = { enabled: () => true, log: (_level, _message, _fields, cause) => void causes.push(cause) };
  const snapshots = { ...createMemorySnapshotStore(), contents };
  const checker = new SnapshotChecker({ snapshots, logger } as never);
  for (const incarnation of ["one", "two"])
    await checker.check(toMemberKey("n2", incarnation), snapshotAt({ index: 5, term: 1 }));
  expect(causes).toEqual(["sound n2", "sound n2"]);
});

test("one whose own snapshot is damaged says so once of each file, however often that is found", async () => {
  const [first, second] = [snapshotAt({ index: 5, term: 1 }), snapshotAt({ index: 9, term: 1 })];
  const lines: string[] = [];
  let replaced = 0;
  const contents = async function* (): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(1);
    throw new GraftError("damaged", "its checksum is wrong");
  };
  const checker = new SnapshotChecker({
    snapshots: { contents },
    takeAnother: async () => void replaced++,
    logger: { enabled: () => true, log: (level, _, fields) => void lines.push(`${level} ${String(fields?.["file"])}`) },
    failed: (error) => void lines.push(String(error)),
  });
  const n2 = toMemberKey("n2", "disk");
  await checker.check(n2, first);
  await checker.replace(first, "found by the scrub");
  await checker.check(n2, first);
  await checker.check(n2, second);
  expect(lines).toEqual([`warn ${first.file}`, `warn ${second.file}`]);
  expect(replaced).toBe(4);
  // The one that was found damaged last.
  expect([first, second].map(({ file }) => checker.damageIn(file))).toEqual([null, "its checksum is wrong"]);
});

test("damage is told of the file until another one of its name has been written, or it is found sound", async () => {
  const file = snapshotAt({ index: 5, term: 1 });
  const read = { isSound: false };
  const contents = async function* (): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(1);
    if (!read.isSound) throw new GraftError("damaged", "its checksum is wrong");
  };
  const checker = new SnapshotChecker({
    snapshots: { contents },
    takeAnother: () => Promise.resolve(),
    logger: silent,
    failed: (error) => expect(error).toBeNull(),
  });
  const n2 = toMemberKey("n2", "disk");
  const told = (): readonly (string | null)[] =>
    [file.file, "another", undefined].map((each) => checker.damageIn(each));
  expect(told()).toEqual([null, null, null]);
  await checker.check(n2, file);
  expect(told()).toEqual(["its checksum is wrong", null, null]);
  checker.onTaken(snapshotAt({ index: 9, term: 1 }));
  expect(told()).toEqual(["its checksum is wrong", null, null]);
  checker.onTaken(file);
  expect(told()).toEqual([null, null, null]);
  await checker.replace(file, "found by the scrub");
  expect(told()).toEqual(["found by the scrub", null, null]);
  read.isSound = true;
  await checker.check(n2, file);
  expect(told()).toEqual([null, null, null]);
});

const silent = { enabled: () => false, log: () => {} };

test("another one takes its place where more has been applied since", async () => {
  expect(await checked(snapshotAt({ index: 5, term: 1 }))).toEqual({ asked: [7], failures: [] });
});

test("what a leader's snapshot has replaced meanwhile is not asked of the log, and the node goes on", async () => {
  expect(await checked(snapshotAt({ index: 9, term: 1 }))).toEqual({ asked: [], failures: [] });
});

test("a node that has handed its state machine nothing yet takes none, and goes on", async () => {
  expect(await checked(snapshotAt({ index: 5, term: 1 }), false)).toEqual({ asked: [], failures: [] });
});

describe("what goes wrong while another snapshot is taken", () => {
  const file = snapshotAt({ index: 5, term: 1 });
  const rotten = async function* (): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(1);
    throw new GraftError("damaged", "its checksum is wrong");
  };
  const n2 = toMemberKey("n2", "disk");

  test.each<readonly [string, (checker: SnapshotChecker) => Promise<void>]>([
    ["since a follower found it damaged", (checker) => checker.check(n2, file)],
    ["since the scrub did", (checker) => checker.replace(file, "found by the scrub")],
  ])("%s ends the node, and is told before the check is over", async (_, begin) => {
    const broken = new Error("the log cannot be read");
    const failures: unknown[] = [];
    const checker = new SnapshotChecker({
      snapshots: { contents: rotten },
      takeAnother: () => Promise.reject(broken),
      logger: silent,
      failed: (error) => void failures.push(error),
    });
    await begin(checker);
    expect(failures).toEqual([broken]);
  });

  test("a follower that asks meanwhile begins nothing, and one that asks after that does", async () => {
    const taken = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const count = { reads: 0, takes: 0 };
    const checker = new SnapshotChecker({
      snapshots: { contents: () => (count.reads++, rotten()) },
      takeAnother: () => taken[count.takes++]!.promise,
      logger: silent,
      failed: (error) => expect(error).toBeNull(),
    });
    const first = checker.check(n2, file);
    await checker.check(n2, file);
    for (let turn = 0; count.takes === 0 && turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    await checker.check(n2, file);
    expect(count).toEqual({ reads: 1, takes: 1 });
    taken[0]!.resolve();
    await first;
    taken[1]!.resolve();
    await checker.check(n2, file);
    expect(count).toEqual({ reads: 2, takes: 2 });
  });

  test("an error of this program in the reading is no damage", async () => {
    const broken = new TypeError("a mistake");
    const failures: unknown[] = [];
    const contents = async function* (): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(1);
      throw broken;
    };
    const checker = new SnapshotChecker({
      snapshots: { contents },
      takeAnother: () => Promise.reject(new Error("nothing is to be replaced")),
      logger: silent,
      failed: (error) => void failures.push(error),
    });
    await checker.check(n2, file);
    expect([failures, checker.damageIn(file.file)]).toEqual([[broken], null]);
  });
});
