// The entries of an AppendEntries on the wire: [term, kind, stampMs, content], their indexes implied by the position before
// them; what an entry says of a session stands behind the content, the client's name last. A command's payload is written as
// the very bytes that the client sent.
import type { CommandStamp, Entry, OwnedStamp } from "../../core/entry.ts";
import type { LogIndex, LogPosition, Term } from "../../core/log-position.ts";
import { BadFrame } from "./bad-frame.ts";
import { bool, bytes, type Item, list, name, row, term, uint } from "./fields.ts";
import type { FrameWriter } from "./frame-writer.ts";
import { entriesMax, payloadBytesMax, sessionTimeoutMsMax, stampMsMax } from "./limits.ts";
import { readConfiguration, writeConfiguration } from "./membership.ts";
import type { PlainItem } from "./plain-cbor.ts";
import { readActivated, writeActivated } from "./plugin-version.ts";

const commandKind = 0;
const noopKind = 1;
const configurationKind = 2;
const sessionCommandKind = 3;
const openSessionKind = 4;
const closeSessionKind = 5;
const activateKind = 6;
/** 7 is kept for another kind. */
const tickKind = 8;

/** How many items an entry has, by its kind. */
const lengths: readonly number[] = [4, 4, 4, 8, 6, 5, 4, 4, 4];

export function writeEntries(writer: FrameWriter, entries: readonly Entry[]): void {
  writer.list(entries.length, entriesMax);
  for (const entry of entries) {
    const kind = kindOf(entry);
    writer.array(lengths[kind]!);
    writer.uint(entry.term);
    writer.uint(kind);
    writer.uint(entry.stampMs);
    writeContent(writer, entry);
  }
}

function kindOf(entry: Entry): number {
  switch (entry.kind) {
    case "command":
      return entry.session === null ? commandKind : sessionCommandKind;
    case "openSession":
      return openSessionKind;
    case "closeSession":
      return closeSessionKind;
    case "noop":
      return noopKind;
    case "configuration":
      return configurationKind;
    case "activate":
      return activateKind;
    case "tick":
      return tickKind;
  }
}

function writeContent(writer: FrameWriter, entry: Entry): void {
  switch (entry.kind) {
    case "command":
      writer.payload(entry.payload);
      if (entry.session === null) return;
      writeStamp(writer, entry.session);
      return writer.text(entry.session.client);
    case "openSession":
      writer.uint(entry.timeoutMs);
      writer.bool(entry.isAdmin);
      return writer.text(entry.client);
    case "closeSession":
      writer.uint(entry.session);
      return writer.text(entry.client);
    case "noop":
    case "tick":
      return writer.nil();
    case "configuration":
      return writeConfiguration(writer, entry.configuration);
    case "activate":
      return writeActivated(writer, entry);
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
  const kind = list(item, 8, "entry")[1];
  const fields = row(item, lengths[Number(kind)] ?? 4, "entry");
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
        session: kind === commandKind ? null : readOwnedStamp(fields),
      };
    case openSessionKind:
      return {
        kind: "openSession",
        index,
        term: inTerm,
        stampMs,
        timeoutMs: sessionTimeoutMs(content, "entry"),
        isAdmin: bool(fields[4], "entry.isAdmin"),
        client: name(fields[5], "entry.client"),
      };
    case closeSessionKind: {
      const client = name(fields[4], "entry.client");
      return {
        kind: "closeSession",
        index,
        term: inTerm,
        stampMs,
        client,
        session: sessionId(content, "entry.session"),
      };
    }
    case noopKind:
      if (content !== null) throw new BadFrame("entry: a noop with content");
      return { kind: "noop", index, term: inTerm, stampMs };
    case configurationKind:
      return { kind: "configuration", index, term: inTerm, stampMs, configuration: readConfiguration(content) };
    case tickKind:
      if (content !== null) throw new BadFrame("entry: a tick with content");
      return { kind: "tick", index, term: inTerm, stampMs };
    case activateKind:
      return { kind: "activate", index, term: inTerm, stampMs, ...readActivated(content, index, "entry") };
    default:
      throw new BadFrame("entry.kind: not one of its values");
  }
}

function readOwnedStamp(fields: readonly PlainItem[]): OwnedStamp {
  const { id, sequence, answeredBelow } = readStamp(fields, 4, "entry");
  return { id, sequence, answeredBelow, client: name(fields[7], "entry.client") };
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
  positive(item, sessionTimeoutMsMax, `${field}.timeoutMs`);

function positive(item: Item, max: number, field: string): number {
  const value = uint(item, max, field);
  if (value === 0) throw new BadFrame(`${field}: out of range`);
  return value;
}
