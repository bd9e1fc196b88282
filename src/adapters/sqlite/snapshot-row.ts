// How a snapshot's record, and the configuration and the activation at the base stand in their rows: JSON, of which schema.ts numbers the
// format. Their checksums are verified before anything is read back here.
import type { PlacedActivation } from "../../core/activation.ts";
import type { PlacedConfiguration } from "../../core/configuration.ts";
import type { LogPosition } from "../../core/log-position.ts";
import type { SnapshotRecord } from "../../core/snapshot-record.ts";
import { ordered, orderedActivation } from "./entry-row.ts";

export function encodeSnapshot(record: SnapshotRecord): string {
  const { position, stampMs, chain, configuration, activation, origin, file, bytes, checksum } = record;
  return JSON.stringify({
    position: placed(position),
    stampMs,
    chain,
    configuration: placedConfiguration(configuration),
    activation: activation === null ? null : placedActivation(activation),
    origin,
    file,
    bytes,
    checksum,
  });
}

export const encodePlaced = (configuration: PlacedConfiguration): string =>
  JSON.stringify(placedConfiguration(configuration));

export const decodePlaced = (text: string): PlacedConfiguration => JSON.parse(text) as PlacedConfiguration;

export const encodeActivation = (activation: PlacedActivation): string => JSON.stringify(placedActivation(activation));

export const decodeActivation = (text: string): PlacedActivation => JSON.parse(text) as PlacedActivation;

const placed = ({ index, term }: LogPosition): LogPosition => ({ index, term });
const placedConfiguration = ({ position, configuration }: PlacedConfiguration): PlacedConfiguration => ({
  position: placed(position),
  configuration: ordered(configuration),
});
const placedActivation = (activation: PlacedActivation): PlacedActivation => ({
  position: placed(activation.position),
  ...orderedActivation(activation),
});
