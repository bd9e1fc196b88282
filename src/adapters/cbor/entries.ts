// The entries of an AppendEntries on the wire: [term, kind, stampMs, content], their indexes implied by the position before
// them. A command's payload is written as the very bytes that the client sent.
import type { Entry } from "../../core/entry.ts";
import type { LogPosition, Term } from "../../core/log-position.ts";
import { BadFrame } from "./bad-frame.ts";
import { bytes, type Item, list, row, term, uint } from "./fields.ts";
import type { FrameWriter } from "./frame-writer.ts";
import { entriesMax, payloadBytesMax, stampMsMax } from "./limits.ts";
import { readConfiguration, writeConfiguration } from "./membership.ts";

const commandKind = 0;
const noopKind = 1;
const configurationKind = 2;

export function writeEntries(writer: FrameWriter, entries: readonly Entry[]): void {
  writer.list(entries.length, entriesMax);
  for (const entry of entries) {
    writer.array(4);
    writer.uint(entry.term);
    switch (entry.kind) {
      case "command":
        writer.uint(commandKind);
        writer.uint(entry.stampMs);
        writer.payload(entry.payload);
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
  const fields = row(item, 4, "entry");
  const inTerm = term(fields[0], "entry.term");
  const stampMs = uint(fields[2], stampMsMax, "entry.stampMs");
  const content = fields[3];
  switch (fields[1]) {
    case commandKind:
      return {
        kind: "command",
        index,
        term: inTerm,
        stampMs,
        payload: bytes(content, payloadBytesMax, "entry.payload"),
      };
    case noopKind:
      if (content !== null) throw new BadFrame("entry: a noop with content");
      return { kind: "noop", index, term: inTerm, stampMs };
    case configurationKind:
      return { kind: "configuration", index, term: inTerm, stampMs, configuration: readConfiguration(content) };
    default:
      throw new BadFrame("entry.kind: not one of its values");
  }
}
