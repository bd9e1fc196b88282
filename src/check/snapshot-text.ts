// What is in a snapshot, as text? Equal snapshots have equal texts.
import type { Plugin } from "../adapters/plugin/definition-check.ts";
import { decodeValue } from "../adapters/cbor/value.ts";
import { SnapshotReader, snapshotSections } from "../adapters/plugin/snapshot-layout.ts";
import { wakeTimeIn } from "../adapters/plugin/state-sections.ts";
import { textOf } from "../client/typed-payload.ts";
import { describeState } from "../sim/state-text.ts";

type Take = (piece: Uint8Array) => void;

/** The plugin's items, and the time for which it asks. */
export function itemsOf(style: Plugin["style"], chunks: readonly Uint8Array[]): string {
  const items: unknown[] = [];
  // The time for which it asks is a part of the state.
  const origin: Take = (piece) => {
    const wakeAtMs = wakeTimeIn(piece);
    if (wakeAtMs !== null) items.push({ wakeAt: wakeAtMs });
  };
  const plugin: Take = (piece) => {
    const copy = piece.slice();
    items.push(style === "raw" ? (textOf(copy) ?? copy) : decodeValue(copy));
  };
  readSections(chunks, { origin, plugin });
  return describeState(items).text;
}

/** The table of the clients' sessions. */
export function sessionsOf(chunks: readonly Uint8Array[]): string {
  const pieces: unknown[] = [];
  readSections(chunks, { sessions: (piece) => void pieces.push(decodeValue(piece.slice())) });
  return describeState(pieces).text;
}

function readSections(
  chunks: readonly Uint8Array[],
  takes: Partial<Record<keyof typeof snapshotSections, Take>>,
): void {
  const { origin = pass, sessions = pass, plugin = pass } = takes;
  const reader = new SnapshotReader([
    { tag: snapshotSections.origin, take: origin },
    { tag: snapshotSections.sessions, take: sessions },
    { tag: snapshotSections.plugin, take: plugin },
  ]);
  for (const chunk of chunks) reader.write(chunk);
}

const pass: Take = () => {};
