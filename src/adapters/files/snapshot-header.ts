// The header of a snapshot's file: JSON, and what must be in it before anybody relies on it. Where it stands in the file is
// snapshot-format.ts.
import type { Configuration, Member, PendingStep } from "../../core/configuration.ts";
import type { PlacedConfiguration } from "../../core/log-terms.ts";
import type { SnapshotHeader } from "../../ports/snapshot-store.ts";
import { SnapshotDamage } from "./snapshot-damage.ts";

/** Every field by its name, whatever else the object carries. */
export function encodeHeader(header: SnapshotHeader): Uint8Array {
  const { clusterUuid, cluster, position, stampMs, chain, configuration, plugin } = header;
  const text = JSON.stringify({ clusterUuid, cluster, position, stampMs, chain, configuration, plugin });
  return new TextEncoder().encode(text);
}

/** For bytes whose checksum has been verified. They may still come from a node that is not quite right. */
export function decodeHeader(payload: Uint8Array): SnapshotHeader {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  } catch (cause) {
    throw new SnapshotDamage("its header cannot be read", { cause });
  }
  if (isHeader(header)) return header as SnapshotHeader;
  throw new SnapshotDamage("its header lacks a field");
}

type Check = (value: unknown) => boolean;

/** An object that has these fields at least. The compiler sees to it that none is forgotten. */
const objectOf =
  <T>(fields: Readonly<Record<keyof T & string, Check>>): Check =>
  (value) =>
    typeof value === "object" &&
    value !== null &&
    Object.entries<Check>(fields).every(([name, isFine]) => isFine(Reflect.get(value, name)));
const listOf =
  (isItem: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(isItem);
const isText: Check = (value) => typeof value === "string";
const isCount: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
const isKeys = listOf(isText);

const isPosition = objectOf<SnapshotHeader["position"]>({ index: isCount, term: isCount });
const isMember = objectOf<Member>({ key: isText, address: isText, priority: Number.isSafeInteger });
const isConfiguration = objectOf<Configuration>({
  members: listOf(isMember),
  voters: isKeys,
  outgoing: isKeys,
  leaving: isKeys,
  pending: listOf(objectOf<PendingStep>({ promote: isKeys, demote: isKeys, remove: isKeys })),
});
const isHeader = objectOf<SnapshotHeader>({
  clusterUuid: isText,
  cluster: isText,
  position: isPosition,
  stampMs: isCount,
  chain: isCount,
  configuration: objectOf<PlacedConfiguration>({ position: isPosition, configuration: isConfiguration }),
  plugin: objectOf<SnapshotHeader["plugin"]>({ name: isText, version: isText }),
});
