// What can become of the files of a node, and what is the same for the model of its disk? Each fault has both sides. The model's side
// is every disk that the fault may leave.
import type { MemoryData, MemoryDisk, MemoryMark } from "../../../../src/sim/memory/memory-disk.ts";
import { createMemoryDisk, dataOn } from "../../../../src/sim/memory/memory-disk.ts";
import { damageBytes, flipBit } from "../../../../bench/live-damage/damage-bytes.ts";
import { decodeSlot, type Mark, slotBytes } from "../../../../src/adapters/sqlite/mark.ts";
import type { Image } from "../../../doubles/power-disk.ts";
import type { Draw } from "../random-writes.ts";

/** The files as they were, and the model's disk at that moment. */
export interface Past {
  readonly image: Image;
  readonly disk: MemoryDisk;
  /** What was on the model's disk after each write since the database was opened: its file is as old as one of them. */
  readonly history: readonly MemoryData[];
}

/** What is known besides of the files before the fault. */
export interface Story {
  readonly image: Image;
  /** What was on the model's disk after each write since the database was opened. */
  readonly history: readonly MemoryData[];
  /** With what each of the starts began. */
  readonly begun: readonly MemoryData[];
  /** Every mark that the model has had. */
  readonly marks: readonly MemoryMark[];
}

export interface Fault {
  /** The files after it. */
  readonly harm: (image: Image, past: Past, draw: Draw) => Image;
  /** The disks after it. */
  readonly model: (disk: MemoryDisk, past: Past, story: Story) => readonly MemoryDisk[];
}

const database = "graft.sqlite";
const wal = "graft.sqlite-wal";
const mark = "graft.mark";
const pageBytes = 4096;

export const copyOf = (disk: MemoryDisk): MemoryDisk => ({ ...disk, ...dataOn(disk), setAside: [...disk.setAside] });

const withData = (disk: MemoryDisk, data: MemoryData): MemoryDisk => ({
  ...copyOf(disk),
  ...data,
  entries: [...data.entries],
});
/** A start notices that, also where nothing had been promised yet, and sets aside what is left. */
const withoutData = (disk: MemoryDisk): MemoryDisk =>
  withData(disk, { ...dataOn(createMemoryDisk(disk.incarnation)), generation: -1 });

/** Of a log of more than one entry, since a start reads the last one. */
const withRottenEntry = (disk: MemoryDisk): MemoryDisk[] =>
  disk.entries.length < 2 ? [] : [{ ...copyOf(disk), rotten: [disk.entries[0]!.index] }];

/**
 * Some pages are older than others. A start or a reader notices that, but for a few records. A node that is or was refilled may
 * forget its genesis, and that it has been refilled: it takes no part until it is refilled again. A log that was never cut needs no record of
 * a snapshot. And the vote, the genesis or the end of a refill may be newer than the rest: a power cut has taken the mark back, a checkpoint had come so far when
 * the WAL was lost, or the past is that of writes which a crash has undone since. Such a past may also hold a removal.
 */
const mixed = (disk: MemoryDisk, { begun, history }: Story, past: Past): MemoryDisk[] => [
  withoutData(disk),
  ...withRottenEntry(disk),
  ...[...history, ...past.history]
    .flatMap((other) => undoneParts(disk, other).map((part) => ({ ...copyOf(disk), ...part })))
    .flatMap((newer) => [newer, ...withRottenEntry(newer)]),
  { ...copyOf(disk), genesis: null },
  ...(disk.base.index > 0 ? [] : [{ ...copyOf(disk), snapshot: null, baseConfiguration: null }]),
  ...history.flatMap((older, at) =>
    history
      .slice(at + 1)
      .flatMap((newer) => newerParts(older, newer).map((part) => ({ ...withData(disk, older), ...part }))),
  ),
  ...begun
    .filter(({ generation, refill }) => generation === disk.generation && refill !== null)
    .flatMap(({ refill }) => [
      { ...copyOf(disk), refill },
      { ...copyOf(disk), refill, genesis: null },
    ]),
];

/** What the data may have of other writes besides: a newer vote, a removal, or both. A removed node takes no part. */
function undoneParts(disk: MemoryDisk, { currentTerm, votedFor, removed }: MemoryData): Partial<MemoryData>[] {
  const newerVote = currentTerm > disk.currentTerm ? [{ currentTerm, votedFor }] : [];
  if (disk.removed !== null || removed === null) return newerVote;
  return [...newerVote, { removed }, ...newerVote.map((part) => ({ ...part, removed }))];
}

/** What of `newer` may stand in one page or in two: the vote, the genesis, and with each of them the end of a refill. */
function newerParts(older: MemoryData, { currentTerm, votedFor, genesis, refill }: MemoryData): Partial<MemoryData>[] {
  const parts = [{ currentTerm, votedFor }, { genesis }, { currentTerm, votedFor, genesis }];
  if (older.refill === null || refill !== null) return parts;
  return [...parts, { refill }, ...parts.map((part) => ({ ...part, refill }))];
}

/** The end of what has been written, be it one write or all of them, is gone. Of a checkpoint that was under way a part is there. */
const withoutItsEnd: Fault["model"] = (disk, past, story) => [
  copyOf(disk),
  ...story.history.map((data) => withData(disk, data)),
  ...mixed(disk, story, past),
];

const without = (image: Image, ...names: string[]): Image =>
  new Map([...image].filter(([name]) => !names.includes(name)));

function rotten(image: Image, name: string, draw: Draw): Image {
  const bytes = image.get(name);
  if (bytes === undefined || bytes.length < pageBytes) return image;
  return new Map([...image, [name, Buffer.from(damageBytes(Buffer.from(bytes), draw).changed)]]);
}

const hasData = (image: Image): boolean => [database, wal].some((name) => (image.get(name)?.length ?? 0) > 0);

/** While a start creates a database, one that is not empty does not belong to the mark. The model creates in one step. */
const unlessCreating = (disk: MemoryDisk, image: Image): MemoryDisk[] =>
  marksIn(image).some(({ state }) => state.kind === "creating") ? [{ ...copyOf(disk), mark: null }] : [];

/** Of the slots that can be read. */
export function marksIn(image: Image): Mark[] {
  const bytes = image.get(mark) ?? Buffer.alloc(0);
  const starts = bytes.length < 2 * slotBytes ? [] : [0, slotBytes];
  const slots = starts.map((at) => decodeSlot(bytes.subarray(at, at + slotBytes)));
  return slots.flatMap((slot) => (slot.kind === "mark" ? [slot.mark] : []));
}

/** One slot cannot be read. Where the power was cut the other one counts, and it may be the older one. */
function withOneSlot(disk: MemoryDisk, { image, marks }: Story): MemoryDisk[] {
  const inSlots = marksIn(image);
  const candidates = [...(disk.mark === null ? [] : [disk.mark]), ...marks].filter((each) =>
    inSlots.some((inSlot) => saysTheSame(inSlot, each)),
  );
  return candidates.map((each) => ({ ...copyOf(disk), mark: { ...each, isNewest: false } }));
}

const saysTheSame = (inSlot: Mark, { currentTerm, votedFor, last, hasOtherVoters, isRemoved }: MemoryMark): boolean =>
  inSlot.isRemoved === isRemoved &&
  inSlot.currentTerm === currentTerm &&
  inSlot.votedFor === votedFor &&
  inSlot.last.index === last.index &&
  inSlot.last.term === last.term &&
  inSlot.hasOtherVoters === hasOtherVoters;

/** These files are those of the past, as far as there were any. */
const ofThePast = (image: Image, past: Past, ...names: string[]): Image =>
  new Map([...without(image, ...names), ...[...past.image].filter(([name]) => names.includes(name))]);

export const faults: Readonly<Record<string, Fault>> = {
  nothing: { harm: (image) => image, model: (disk) => [copyOf(disk)] },
  "the WAL rots": { harm: (image, _, draw) => rotten(image, wal, draw), model: withoutItsEnd },
  "the WAL is lost": { harm: (image) => without(image, wal), model: withoutItsEnd },
  "the database rots": {
    harm: (image, _, draw) => rotten(image, database, draw),
    model: (disk) => [copyOf(disk), withoutData(disk), ...withRottenEntry(disk)],
  },
  "the database is lost": { harm: (image) => without(image, database), model: (disk) => [withoutData(disk)] },
  "database and WAL are lost": { harm: (image) => without(image, database, wal), model: (disk) => [withoutData(disk)] },
  "the database goes back": {
    harm: (image, past) => ofThePast(image, past, database),
    model: (disk, past, story) => [
      ...withoutItsEnd(disk, past, story),
      withData(disk, dataOn(past.disk)),
      ...unlessCreating(disk, story.image),
    ],
  },
  "database and WAL go back": {
    harm: (image, past) => ofThePast(image, past, database, wal),
    model: (disk, past, { image }) => [withData(disk, dataOn(past.disk)), ...unlessCreating(disk, image)],
  },
  "all files go back": {
    harm: (image, past) => ofThePast(image, past, database, wal, mark),
    model: (_, past) => [copyOf(past.disk)],
  },
  "the mark is lost": {
    harm: (image) => without(image, mark),
    // A node that has neither a mark nor data begins as another one.
    model: (disk, _, { image }) => [hasData(image) ? { ...copyOf(disk), mark: null } : createMemoryDisk("")],
  },
  "a slot of the mark rots": {
    harm: (image, _, draw) => {
      const bytes = Buffer.from(image.get(mark) ?? []);
      if (bytes.length < 2 * slotBytes) return image;
      const from = draw(2) * slotBytes;
      return new Map([...image, [mark, flipBit(bytes, { from, to: from + 300 }, draw).changed]]);
    },
    model: (disk, _, story) => [copyOf(disk), { ...copyOf(disk), mark: null }, ...withOneSlot(disk, story)],
  },
};
