// What does a node write? One write after the other, drawn so that it fits what is on the model's disk. The store is asked only for
// checksums, which are its own.
import type { PlacedActivation } from "../../../../src/core/activation.ts";
import { type MemberKey, type PlacedConfiguration, toMemberKey } from "../../../../src/core/configuration.ts";
import type { DurableEffect } from "../../../../src/core/effects.ts";
import type { Entry } from "../../../../src/core/entry.ts";
import { type LogIndex, type LogPosition, logStart } from "../../../../src/core/log-position.ts";
import type { LogStore } from "../../../../src/ports/log-store.ts";
import type { MemoryDisk } from "../../../../src/sim/memory/memory-disk.ts";
import {
  activation,
  append,
  command,
  configuration,
  configurationOf,
  found,
  noop,
  sessionEntries,
  snapshot,
  snapshotAt,
  snapshotInstead,
  truncate,
  vote,
} from "../../../contracts/log-entries.ts";
import { genesisOf } from "../lost-cluster.ts";
import type { Draw } from "../random-writes.ts";

/** The effects, for the store that will take them. */
export type DrawnWrite = (store: LogStore) => readonly DurableEffect[];

interface Sketch {
  readonly end: LogPosition;
  readonly currentTerm: number;
}

export function drawWrite(disk: MemoryDisk, draw: Draw): DrawnWrite {
  const effects: DurableEffect[] = [];
  let cut: ReturnType<typeof drawSnapshot> = null;
  let { end, currentTerm }: Sketch = { end: disk.entries.at(-1) ?? disk.base, currentTerm: disk.currentTerm };
  if (disk.genesis === null && draw(2) === 0) effects.push(drawGenesis(disk, draw));
  if (currentTerm === 0 || draw(5) === 0) {
    const isNew = currentTerm === 0 || disk.votedFor !== null || draw(2) === 0;
    currentTerm += isNew ? 1 + draw(2) : 0;
    effects.push(vote(currentTerm, isNew && draw(3) === 0 ? null : `n${1 + draw(3)}`));
  }
  // A leader fills only a log that knows its cluster.
  if (disk.refill !== null && disk.genesis !== null && draw(4) === 0)
    effects.push({ kind: "writeRefilled", ticket: 1 });
  if (disk.removed === null && draw(80) === 0) {
    effects.push({
      kind: "writeRemoved",
      ticket: 1,
      position: { index: 1, term: 1 },
      configuration: configurationOf("n2"),
    });
  }
  if (end.index > 0 && draw(9) === 0) cut = drawSnapshot(disk, draw);
  if (cut === null && draw(8) === 0) {
    end = placeBefore(disk, draw);
    effects.push(truncate(end.index));
  } else if (cut === null && draw(25) === 0) {
    end = { index: snapshotEnd(disk) + 1 + draw(20), term: Math.max(end.term, currentTerm) };
    effects.push(snapshotInstead(end, 1 + draw(1000)));
  }
  if (effects.length === 0 || draw(3) > 0) effects.push(append(...drawEntries({ end, currentTerm }, disk, draw)));
  return (store) => [...(cut?.(store) ?? []), ...effects];
}

const snapshotEnd = ({ snapshot: record }: MemoryDisk): number => record?.position.index ?? 0;
const placeOf = ({ index, term }: LogPosition): LogPosition => ({ index, term });
const keyOfSelf = ({ incarnation }: MemoryDisk): MemberKey => toMemberKey("n1", incarnation);

function drawGenesis(disk: MemoryDisk, draw: Draw): DurableEffect {
  return draw(4) === 0 ? found(genesisOf(keyOfSelf(disk))) : found();
}

function placeBefore(disk: MemoryDisk, draw: Draw): LogPosition {
  const held = [disk.base, ...disk.entries].slice(Math.max(0, snapshotEnd(disk) - disk.base.index));
  return placeOf(held[Math.max(0, held.length - 1 - draw(6))]!);
}

/** Null: the snapshot covers all that is there. */
function drawSnapshot(disk: MemoryDisk, draw: Draw): DrawnWrite | null {
  const held = [disk.base, ...disk.entries];
  const end = held.slice(Math.max(0, snapshotEnd(disk) - disk.base.index))[draw(held.length)];
  if (end === undefined || end.index === 0) return null;
  const base = held[draw(end.index - disk.base.index + 1)]!;
  const place: PlacedConfiguration = {
    position: configuredAt(disk, base.index),
    configuration: draw(6) === 0 ? alone(disk) : configurationOf("n1", "n2"),
  };
  return (store) => [
    snapshot(snapshotAt(placeOf(end), store.chainAt(end.index)), placeOf(base), place, activeAt(disk, base.index)),
  ];
}

/** The version that is active after `index`. */
function activeAt({ entries, baseActivation }: MemoryDisk, index: LogIndex): PlacedActivation | null {
  const inLog = entries.findLast((entry) => entry.kind === "activate" && entry.index <= index);
  if (inLog?.kind !== "activate") return baseActivation;
  const { plugin, replaces } = inLog;
  return { plugin, replaces, position: placeOf(inLog) };
}

/** Of the configuration that is in force at `index`. */
function configuredAt({ entries, baseConfiguration }: MemoryDisk, index: LogIndex): LogPosition {
  const inLog = entries.findLast((entry) => entry.kind === "configuration" && entry.index <= index);
  return inLog === undefined ? (baseConfiguration?.position ?? logStart) : placeOf(inLog);
}

/** This node is the only voter. */
const alone = (disk: MemoryDisk): PlacedConfiguration["configuration"] => ({
  ...configurationOf("n1"),
  voters: [keyOfSelf(disk)],
  outgoing: [],
  pending: [],
});

function drawEntries({ end, currentTerm }: Sketch, disk: MemoryDisk, draw: Draw): Entry[] {
  const term = Math.max(end.term, currentTerm - draw(2), 1);
  const count = draw(6) === 0 ? 12 : 1 + draw(3);
  if (draw(12) === 0) return sessionEntries(end.index + 1, term);
  return Array.from({ length: count }, (_, at): Entry => {
    const index = end.index + 1 + at;
    const kind = draw(16);
    if (kind === 0) return noop(index, term);
    if (kind === 2) return activation(index, term);
    if (kind === 1)
      return {
        ...configuration(index, term, "n1"),
        configuration: draw(2) === 0 ? alone(disk) : configurationOf("n1", "n2"),
      };
    return command(index, term, draw(15) === 0 ? 9000 : draw(900));
  });
}
