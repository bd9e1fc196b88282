// A fetcher of snapshots for tests, with the leader that it reads from: how that answers is for the test to say.
import type { MemberKey } from "../../src/core/configuration.ts";
import type { SnapshotRecord } from "../../src/core/snapshot-record.ts";
import { SnapshotFetcher } from "../../src/node/snapshot-fetcher.ts";
import type { BulkMessage, SnapshotRead } from "../../src/ports/bulk-messages.ts";
import type { BulkLink } from "../../src/ports/transport.ts";
import { createMemorySnapshotFiles, createMemorySnapshotStore } from "../../src/sim/memory/snapshot-store.ts";
import { bytesOf, headerAt, writeSnapshot } from "../contracts/snapshot-store.contract.ts";
import { ManualClock } from "../doubles/manual-clock.ts";

export const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
};

/** How the leader answers one read; null: not at all. */
export type Answer = (read: SnapshotRead, bytes: Uint8Array) => BulkMessage | null;

export const honest: Answer = ({ offset }, bytes) => ({ kind: "snapshotChunk", offset, bytes });

export interface Circumstances {
  /** What the leader says of the file beside what is in it. */
  readonly told: Partial<SnapshotRecord>;
  readonly machine: string;
  /** Until then no connection is made. */
  readonly connected: Promise<void>;
  /** Each piece is on the disk once this is over. */
  readonly written: () => Promise<void>;
  /** A file is let go of once this is over. */
  readonly paused: () => Promise<void>;
}

export async function setUp(answer: Answer, circumstances: Partial<Circumstances> = {}) {
  const source = createMemorySnapshotStore();
  const header = headerAt(120);
  const file = await writeSnapshot(source, [bytesOf(200_000, 1), bytesOf(250_000, 2), bytesOf(200_000, 3)], header);
  const { position, stampMs, chain, configuration, activation } = header;
  const record: SnapshotRecord = {
    position,
    stampMs,
    chain,
    configuration,
    activation,
    origin: "a1",
    ...file,
    ...circumstances.told,
  };
  const clock = new ManualClock();
  const files = createMemorySnapshotFiles();
  const [dialled, fetched, damaged, ends]: [MemberKey[], string[], (readonly [MemberKey, string])[], string[]] = [
    [],
    [],
    [],
    [],
  ];
  const [reads, logs]: [SnapshotRead[], (readonly unknown[])[]] = [[], []];
  const room = { isThere: true };
  let how = answer;
  const openBulk = async (to: MemberKey): Promise<BulkLink> => {
    dialled.push(to);
    await circumstances.connected;
    const link: BulkLink = {
      isOpen: true,
      queuedBytes: 0,
      onMessage: null as ((message: BulkMessage) => void) | null,
      onClose: null as ((reason: string) => void) | null,
      send: (message) => {
        if (message.kind !== "snapshotRead") throw new Error("only reads are sent");
        reads.push(message);
        const read = source.read(message.file, message.offset, message.bytesMax);
        void read.then((bytes) => receive(how(message, bytes!)));
      },
      close: (reason) => {
        ends.push(reason);
        link.onClose?.(reason);
      },
    };
    const receive = (reply: BulkMessage | null): void => void (reply !== null && link.onMessage?.(reply));
    return link;
  };
  const target = createMemorySnapshotStore(files);
  const receive = target.receive.bind(target);
  target.receive = async (of) => {
    const receiver = await receive(of);
    const write = receiver.write.bind(receiver);
    const pause = receiver.pause.bind(receiver);
    receiver.pause = async () => {
      await circumstances.paused?.();
      await pause();
    };
    receiver.write = async (bytes) => {
      await circumstances.written?.();
      await write(bytes);
    };
    return receiver;
  };
  const fetcher = new SnapshotFetcher({
    transport: { openBulk },
    snapshots: target,
    clock,
    logger: {
      enabled: () => true,
      log: (level, _, fields, cause) => void (level !== "info" && logs.push([level, cause, fields])),
    },
    hasRoom: () => room.isThere,
    machine: () => circumstances.machine ?? header.plugin.name,
    fetched: ({ file: name }) => void fetched.push(name),
    damaged: (from, { file: name }) => void damaged.push([from, name]),
  });
  const answerBy = (next: Answer): void => void (how = next);
  return { fetcher, record, clock, files, dialled, fetched, damaged, ends, reads, logs, room, answerBy };
}
