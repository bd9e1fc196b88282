// The entries of an AppendEntries on the wire: [term, kind, stampMs, content], their indexes implied by the position before
// them; a command of a session has its stamp behind the content. A command's payload is written as the very bytes that the
// client sent.
import type { CommandStamp, Entry } from "../../core/entry.ts";
import type { LogIndex, LogPosition, Term } from "../../core/log-position.ts";
import { BadFrame } from "./bad-frame.ts";
import { bytes, type Item, list, row, term, uint } from "./fields.ts";
import type { FrameWriter } from "./frame-writer.ts";
import { entriesMax, payloadBytesMax, stampMsMax, timeoutMsMax } from "./limits.ts";
import { readConfiguration, writeConfiguration } from "./membership.ts";
import type { PlainItem } from "./plain-cbor.ts";

const commandKind = 0;
const noopKind = 1;
const configurationKind = 2;
const sessionCommandKind = 3;
const openSessionKind = 4;
const closeSessionKind = 5;

export function writeEntries(writer: FrameWriter, entries: readonly Entry[]): void {
  writer.list(entries.length, entriesMax);
  for (const entry of entries) {
    const stamp = entry.kind === "command" ? entry.session : null;
    writer.array(stamp === null ? 4 : 7);
    writer.uint(entry.term);
    switch (entry.kind) {
      case "command":
        writer.uint(stamp === null ? commandKind : sessionCommandKind);
        writer.uint(entry.stampMs);
        writer.payload(entry.payload);
        if (stamp !== null) writeStamp(writer, stamp);
        break;
      case "openSession":
        writer.uint(openSessionKind);
        writer.uint(entry.stampMs);
        writer.uint(entry.timeoutMs);
        break;
      case "closeSession":
        writer.uint(closeSessionKind);
        writer.uint(entry.stampMs);
        writer.uint(entry.session);
        break;
      case "noop":
        writer.uint(noopKind);
        writer.uint(entry.stampMs);
        writer.nil();
        break;
      case "configuration":
        writer.uint(configurationKind);
        writer.uint(entry.stampMs);
        writeConfiguration(writer, entry.configuration);
        break;
    }
  }
}

/**
 * Beside the form of each entry, what holds in every log: terms and stamps never fall from one entry to the next, and no
 * entry is of a later term than the leader that sends it.
 */
export function readEntries(item: Item, prev: LogPosition, leaderTerm: Term): readonly Entry[] {
  const items = list(item, entriesMax, "entries");
  if (prev.index + items.length > Number.MAX_SAFE_INTEGER) throw new BadFrame("entries: index out of range");
  const entries: Entry[] = [];
  let before: { readonly term: Term; readonly stampMs: number } = { term: Math.max(1, prev.term), stampMs: 0 };
  for (let i = 0; i < items.length; i++) {
    const entry = readEntry(items[i], prev.index + 1 + i);
    if (entry.term < before.term || entry.term > leaderTerm) throw new BadFrame("entry.term: out of order");
    if (entry.stampMs < before.stampMs) throw new BadFrame("entry.stampMs: out of order");
    entries.push(entry);
    before = entry;
  }
  return entries;
}

function readEntry(item: Item, index: number): Entry {
  const fields = list(item, 7, "entry");
  const kind = fields[1];
  row(item, kind === sessionCommandKind ? 7 : 4, "entry");
  const inTerm = term(fields[0], "entry.term");
  const stampMs = uint(fields[2], stampMsMax, "entry.stampMs");
  const content = fields[3];
  switch (kind) {
    case commandKind:
    case sessionCommandKind:
      return {
        kind: "command",
        index,
        term: inTerm,
        stampMs,
        payload: bytes(content, payloadBytesMax, "entry.payload"),
        session: kind === commandKind ? null : readStamp(fields, 4, "entry"),
      };
    case openSessionKind:
      return { kind: "openSession", index, term: inTerm, stampMs, timeoutMs: sessionTimeoutMs(content, "entry") };
    case closeSessionKind:
      return { kind: "closeSession", index, term: inTerm, stampMs, session: sessionId(content, "entry.session") };
    case noopKind:
      if (content !== null) throw new BadFrame("entry: a noop with content");
      return { kind: "noop", index, term: inTerm, stampMs };
    case configurationKind:
      return { kind: "configuration", index, term: inTerm, stampMs, configuration: readConfiguration(content) };
    default:
      throw new BadFrame("entry.kind: not one of its values");
  }
}

export function writeStamp(writer: FrameWriter, { id, sequence, answeredBelow }: CommandStamp): void {
  writer.uint(id);
  writer.uint(sequence);
  writer.uint(answeredBelow);
}

/** The three items of a command's stamp, from `at` on. */
export function readStamp(items: readonly PlainItem[], at: number, field: string): CommandStamp {
  const id = sessionId(items[at], `${field}.session`);
  const sequence = positive(items[at + 1], Number.MAX_SAFE_INTEGER, `${field}.sequence`);
  return { id, sequence, answeredBelow: positive(items[at + 2], sequence, `${field}.answeredBelow`) };
}

/** The index of an entry. */
export const sessionId = (item: Item, field: string): LogIndex => positive(item, Number.MAX_SAFE_INTEGER, field);

export const sessionTimeoutMs = (item: Item, field: string): number =>
  positive(item, timeoutMsMax, `${field}.timeoutMs`);

function positive(item: Item, max: number, field: string): number {
  const value = uint(item, max, field);
  if (value === 0) throw new BadFrame(`${field}: out of range`);
  return value;
}
