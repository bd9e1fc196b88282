// How nodes compare the copies of the state machine, on the wire: each writer beside its reader. What the messages mean: docs/protocol.md.
import { copyWordsMax, type CopyWord, outcomeStepsMax, type Place } from "../../core/copy-word.ts";
import type {
  CopyAsk,
  CopyMessage,
  CopyNotice,
  CopyOffer,
  CopySteps,
  CopyTrace,
  CopyVerdict,
} from "../../ports/copy-messages.ts";
import { BadFrame } from "./bad-frame.ts";
import { bool, bytes, type Item, list, logIndex, orNull, row, term, uint, word } from "./fields.ts";
import type { FrameWriter } from "./frame-writer.ts";
import { messageNumbers } from "./message-numbers.ts";
import type { PlainItem } from "./plain-cbor.ts";
import { readSnapshotRecord, writeSnapshotRecord } from "./snapshot-record.ts";

const standings = ["sound", "doubted", "wrong"] as const;
const aspects = ["outcomes", "content"] as const;

const number53 = (item: Item, field: string): number => uint(item, Number.MAX_SAFE_INTEGER, field);

export function writeCopyMessage(writer: FrameWriter, message: CopyMessage): void {
  switch (message.kind) {
    case "copyNotice":
      return writeNotice(writer, message);
    case "copyVerdict":
      writer.start(messageNumbers.copyVerdict, 8);
      writer.uint(message.term);
      writer.uint(message.copy);
      writer.text(message.standing);
      writer.bool(message.isConfirmed);
      writer.text(message.of);
      writer.uint(message.after);
      writer.uint(message.through);
      return;
    case "copyAsk":
      writer.start(messageNumbers.copyAsk, 3);
      writer.uint(message.term);
      writer.uint(message.at);
      return;
    case "copyOffer":
      writer.start(messageNumbers.copyOffer, 4);
      writer.uint(message.term);
      writer.uint(message.copy);
      writeSnapshotRecord(writer, message.snapshot);
      return;
    case "copyTrace":
      writer.start(messageNumbers.copyTrace, 4);
      writer.uint(message.term);
      writer.uint(message.after);
      writer.uint(message.through);
      return;
    case "copySteps":
      writer.start(messageNumbers.copySteps, 4);
      writer.uint(message.term);
      writer.uint(message.from);
      writer.payload(packedSteps(message.values));
  }
}

function writeNotice(
  writer: FrameWriter,
  { term: of, copy, isGiven, isUnproven, standing, doubt, covered, words }: CopyNotice,
): void {
  writer.start(messageNumbers.copyNotice, 9);
  writer.uint(of);
  writer.uint(copy);
  writer.bool(isGiven);
  writer.bool(isUnproven);
  writer.text(standing);
  writePlace(writer, doubt);
  writer.uint(covered);
  writer.list(words.length, copyWordsMax);
  for (const { index, of: aspect, value } of words) {
    writer.array(3);
    writer.uint(index);
    writer.text(aspect);
    writer.uint(value);
  }
}

export function readCopyNotice(items: readonly PlainItem[]): CopyNotice {
  const [, of, copy, isGiven, isUnproven, standing, doubt, covered, words] = row(items, 9, "copyNotice");
  return {
    kind: "copyNotice",
    term: term(of, "copyNotice.term"),
    copy: number53(copy, "copyNotice.copy"),
    isGiven: bool(isGiven, "copyNotice.isGiven"),
    isUnproven: bool(isUnproven, "copyNotice.isUnproven"),
    standing: word(standing, standings, "copyNotice.standing"),
    doubt: orNull(doubt, "copyNotice.doubt", readPlace),
    covered: logIndex(covered, "copyNotice.covered"),
    words: list(words, copyWordsMax, "copyNotice.words").map(readWord),
  };
}

function writePlace(writer: FrameWriter, place: Place | null): void {
  if (place === null) return writer.nil();
  writer.array(2);
  writer.uint(place.index);
  writer.text(place.of);
}

function readPlace(item: Item, field: string): Place {
  const [index, of] = row(item, 2, field);
  return { index: logIndex(index, `${field}.index`), of: word(of, aspects, `${field}.of`) };
}

function readWord(item: Item): CopyWord {
  const [index, of, value] = row(item, 3, "copyNotice.word");
  return {
    index: logIndex(index, "copyNotice.word.index"),
    of: word(of, aspects, "copyNotice.word.of"),
    value: number53(value, "copyNotice.word.value"),
  };
}

export function readCopyVerdict(items: readonly PlainItem[]): CopyVerdict {
  const [, of, copy, standing, isConfirmed, aspect, after, through] = row(items, 8, "copyVerdict");
  return {
    kind: "copyVerdict",
    term: term(of, "copyVerdict.term"),
    copy: number53(copy, "copyVerdict.copy"),
    standing: word(standing, standings, "copyVerdict.standing"),
    isConfirmed: bool(isConfirmed, "copyVerdict.isConfirmed"),
    of: word(aspect, aspects, "copyVerdict.of"),
    after: logIndex(after, "copyVerdict.after"),
    through: logIndex(through, "copyVerdict.through"),
  };
}

export function readCopyAsk(items: readonly PlainItem[]): CopyAsk {
  const [, of, at] = row(items, 3, "copyAsk");
  return { kind: "copyAsk", term: term(of, "copyAsk.term"), at: logIndex(at, "copyAsk.at") };
}

export function readCopyOffer(items: readonly PlainItem[]): CopyOffer {
  const [, of, copy, snapshot] = row(items, 4, "copyOffer");
  return {
    kind: "copyOffer",
    term: term(of, "copyOffer.term"),
    copy: number53(copy, "copyOffer.copy"),
    snapshot: readSnapshotRecord(snapshot),
  };
}

export function readCopyTrace(items: readonly PlainItem[]): CopyTrace {
  const [, of, after, through] = row(items, 4, "copyTrace");
  return {
    kind: "copyTrace",
    term: term(of, "copyTrace.term"),
    after: logIndex(after, "copyTrace.after"),
    through: logIndex(through, "copyTrace.through"),
  };
}

export function readCopySteps(items: readonly PlainItem[]): CopySteps {
  const [, of, from, values] = row(items, 4, "copySteps");
  return {
    kind: "copySteps",
    term: term(of, "copySteps.term"),
    from: logIndex(from, "copySteps.from"),
    values: steps(bytes(values, stepBytes * outcomeStepsMax, "copySteps.values")),
  };
}

const stepBytes = 4;

/** Big-endian, as all numbers in CBOR are. */
function packedSteps(values: Uint32Array): Uint8Array {
  const packed = new DataView(new ArrayBuffer(stepBytes * values.length));
  for (const [nth, value] of values.entries()) packed.setUint32(stepBytes * nth, value);
  return new Uint8Array(packed.buffer);
}

function steps(packed: Uint8Array): Uint32Array {
  if (packed.byteLength % stepBytes !== 0) throw new BadFrame("copySteps.values: not whole values");
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  return Uint32Array.from({ length: packed.byteLength / stepBytes }, (_, nth) => view.getUint32(stepBytes * nth));
}
