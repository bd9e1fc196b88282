// How a snapshot's record and the configuration at the base stand in their rows: JSON, of which schema.ts numbers the
// format. Their checksums are verified before anything is read back here.
import type { PlacedConfiguration } from "../../core/configuration.ts";
import type { LogPosition } from "../../core/log-position.ts";
import type { SnapshotRecord } from "../../core/snapshot-record.ts";
import { ordered } from "./entry-row.ts";

export function encodeSnapshot(record: SnapshotRecord): string {
  const { position, stampMs, chain, configuration, file, bytes, checksum } = record;
  return JSON.stringify({
    position: placed(position),
    stampMs,
    chain,
    configuration: placedConfiguration(configuration),
    file,
    bytes,
    checksum,
  });
}

export const decodeSnapshot = (text: string): SnapshotRecord => JSON.parse(text) as SnapshotRecord;

export const encodePlaced = (configuration: PlacedConfiguration): string =>
  JSON.stringify(placedConfiguration(configuration));

export const decodePlaced = (text: string): PlacedConfiguration => JSON.parse(text) as PlacedConfiguration;

const placed = ({ index, term }: LogPosition): LogPosition => ({ index, term });
const placedConfiguration = ({ position, configuration }: PlacedConfiguration): PlacedConfiguration => ({
  position: placed(position),
  configuration: ordered(configuration),
});
