// A version of the state machine on the wire, and where it was activated: each writer beside its reader.
import {
  type Activation,
  isPluginWord,
  type PlacedActivation,
  type PluginVersion,
  pluginWordLengthMax,
  versionsMax,
} from "../../core/activation.ts";
import { bool, codeHash, type Item, list, logIndex, row, ruled, term } from "./fields.ts";
import type { FrameWriter } from "./frame-writer.ts";

export function writeActivated(writer: FrameWriter, { plugin, replaces }: Activation): void {
  writer.array(2);
  writePluginVersion(writer, plugin);
  writer.bool(replaces);
}

export function readActivated(item: Item, field: string): Activation {
  const [plugin, replaces] = row(item, 2, field);
  return { plugin: readPluginVersion(plugin, `${field}.plugin`), replaces: bool(replaces, `${field}.replaces`) };
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

export function writeActivation(writer: FrameWriter, { position, plugin, replaces }: PlacedActivation): void {
  writer.array(4);
  writer.uint(position.index);
  writer.uint(position.term);
  writePluginVersion(writer, plugin);
  writer.bool(replaces);
}

export function readActivation(item: Item, field: string): PlacedActivation {
  const [index, inTerm, plugin, replaces] = row(item, 4, field);
  const position = { index: logIndex(index, `${field}.index`), term: term(inTerm, `${field}.term`) };
  return {
    position,
    plugin: readPluginVersion(plugin, `${field}.plugin`),
    replaces: bool(replaces, `${field}.replaces`),
  };
}
