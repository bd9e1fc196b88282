// A version of the state machine on the wire, and where it was activated: each writer beside its reader.
import {
  type Activation,
  isPluginWord,
  type PlacedActivation,
  type PluginVersion,
  pluginWordLengthMax,
  versionsMax,
} from "../../core/activation.ts";
import type { LogIndex } from "../../core/log-position.ts";
import { BadFrame } from "./bad-frame.ts";
import { bool, codeHash, type Item, list, logIndex, row, rowOf, ruled, term } from "./fields.ts";
import type { FrameWriter } from "./frame-writer.ts";

export function writeActivated(writer: FrameWriter, activation: Activation): void {
  writer.array(activation.skips === undefined ? 2 : 3);
  writeAbout(writer, activation);
}

/** @param index of the entry that says it */
export const readActivated = (item: Item, index: LogIndex, field: string): Activation =>
  readAbout(rowOf(item, [2, 3], field), index, field);

/** An activation without its position. The skipped entry is the last item; without one there is no such item. */
function writeAbout(writer: FrameWriter, { plugin, replaces, skips }: Activation): void {
  writePluginVersion(writer, plugin);
  writer.bool(replaces);
  if (skips !== undefined) writer.uint(skips);
}

function readAbout([plugin, replaces, skips]: readonly Item[], index: LogIndex, field: string): Activation {
  const activation = {
    plugin: readPluginVersion(plugin, `${field}.plugin`),
    replaces: bool(replaces, `${field}.replaces`),
  };
  if (skips === undefined) return activation;
  const entry = logIndex(skips, `${field}.skips`);
  if (entry === 0 || entry >= index) throw new BadFrame(`${field}.skips: not an earlier entry`);
  return { ...activation, skips: entry };
}

export function writePluginVersion(writer: FrameWriter, { name, version, hash }: PluginVersion): void {
  writer.array(3);
  writer.text(name);
  writer.text(version);
  writer.text(hash);
}

export function readPluginVersion(item: Item, field: string): PluginVersion {
  const [name, version, hash] = row(item, 3, field);
  return {
    name: word(name, `${field}.name`),
    version: word(version, `${field}.version`),
    hash: codeHash(hash, `${field}.hash`),
  };
}

export function writeVersions(writer: FrameWriter, versions: readonly PluginVersion[]): void {
  writer.list(versions.length, versionsMax);
  for (const version of versions) writePluginVersion(writer, version);
}

export const readVersions = (item: Item, field: string): readonly PluginVersion[] =>
  list(item, versionsMax, field).map((each) => readPluginVersion(each, field));

const word = (item: Item, field: string): string => ruled(item, pluginWordLengthMax, isPluginWord, field);

export function writeActivation(writer: FrameWriter, { position, ...activation }: PlacedActivation): void {
  writer.array(activation.skips === undefined ? 4 : 5);
  writer.uint(position.index);
  writer.uint(position.term);
  writeAbout(writer, activation);
}

export function readActivation(item: Item, field: string): PlacedActivation {
  const [index, inTerm, ...rest] = rowOf(item, [4, 5], field);
  const position = { index: logIndex(index, `${field}.index`), term: term(inTerm, `${field}.term`) };
  return { position, ...readAbout(rest, position.index, field) };
}
