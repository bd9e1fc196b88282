// Entries, configurations and effects to write into a log store, as short as a test wants to say them.
import type { PlacedActivation } from "../../src/core/activation.ts";
import { type Configuration, toMemberKey, type PlacedConfiguration } from "../../src/core/configuration.ts";
import type { DurableEffect, WriteSnapshot } from "../../src/core/effects.ts";
import type { ActivateEntry, CommandEntry, ConfigurationEntry, Entry } from "../../src/core/entry.ts";
import type { Genesis } from "../../src/core/genesis.ts";
import type { LogIndex, LogPosition, Term } from "../../src/core/log-position.ts";
import type { SnapshotRecord } from "../../src/core/snapshot-record.ts";

const foundedAtMs = 1_700_000_000_000;
const ticket = 1;

export const keyOf = (id: string) => toMemberKey(id, "0123456789abcdef0123456789abcdef");

/** A command whose bytes say where it belongs, padded to `bytes`. */
export function command(index: LogIndex, term: Term, bytes = 24): CommandEntry {
  const payload = new Uint8Array(Math.max(bytes, 24));
  payload.set(new TextEncoder().encode(`entry ${index} term ${term}`));
  const stampMs = foundedAtMs + index;
  return { kind: "command", index, term, stampMs, payload: payload.subarray(0, bytes), session: null };
}

/** A session is opened, used and closed again. */
export function sessionEntries(first: LogIndex, term: Term): Entry[] {
  const placed = (offset: number) => ({ index: first + offset, term, stampMs: foundedAtMs + first + offset });
  const client = "tester";
  const stamp = { id: first, sequence: 2 ** 53 - 1, answeredBelow: 2 ** 40, client };
  return [
    { kind: "openSession", ...placed(0), client, isAdmin: true, timeoutMs: 600_000 },
    { ...command(first + 1, term), session: { id: first, sequence: 1, answeredBelow: 1, client } },
    { ...command(first + 2, term, 0), session: stamp },
    { kind: "closeSession", ...placed(3), client, session: first },
  ];
}

export const noop = (index: LogIndex, term: Term): Entry => ({
  kind: "noop",
  index,
  term,
  stampMs: foundedAtMs + index,
});

export function configurationOf(...ids: string[]): Configuration {
  const members = ids.map((id, at) => ({ key: keyOf(id), address: `${id}.example:7400`, priority: at }));
  const pending = [{ promote: ids.slice(1).map(keyOf), demote: [], remove: [keyOf("n1")] }];
  return { members, voters: ids.map(keyOf), outgoing: [keyOf("n1")], leaving: [], pending };
}

export const configuration = (index: LogIndex, term: Term, ...ids: string[]): ConfigurationEntry => ({
  kind: "configuration",
  index,
  term,
  stampMs: foundedAtMs + index,
  configuration: configurationOf(...ids),
});

export const genesis: Genesis = {
  clusterUuid: "fedcba9876543210fedcba9876543210",
  members: configurationOf("n1", "n2", "n3").members,
  foundedAtMs,
};

/** It makes a version of a plugin the active one. */
export const activation = (index: LogIndex, term: Term): ActivateEntry => ({
  kind: "activate",
  index,
  term,
  stampMs: foundedAtMs + index,
  plugin: { name: "kv", version: `1.0.${index}`, hash: "ab".repeat(32) },
  replaces: false,
  ...(index % 3 === 0 ? { skips: index - 1 } : {}),
});

/** Commands `first` to `last`, all of one term. */
export const commands = (first: LogIndex, last: LogIndex, term: Term, bytes?: number): Entry[] =>
  Array.from({ length: last - first + 1 }, (_, at) => command(first + at, term, bytes));

export const append = (...entries: Entry[]): DurableEffect => ({ kind: "appendLog", ticket, entries });
export const truncate = (through: LogIndex): DurableEffect => ({ kind: "truncateLog", ticket, through });
export const found = (founding: Genesis = genesis): DurableEffect => ({
  kind: "writeGenesis",
  ticket,
  genesis: founding,
});
export const vote = (currentTerm: Term, id: string | null): DurableEffect => ({
  kind: "writeVote",
  ticket,
  currentTerm,
  votedFor: id === null ? null : keyOf(id),
});

const placedConfiguration = { position: { index: 0, term: 0 }, configuration: configurationOf("n1", "n2", "n3") };

/** The record of a snapshot whose file holds the state through `position`. */
export const snapshotAt = (position: LogPosition, chain: number): SnapshotRecord => ({
  position,
  stampMs: foundedAtMs + position.index,
  chain,
  configuration: placedConfiguration,
  activation: null,
  origin: "a1",
  file: `snapshot-${position.index}-${position.term}`,
  bytes: 1000 + position.index,
  checksum: 7 * position.index,
});

/** A snapshot of this log, which then begins after `base`. */
export const snapshot = (
  record: SnapshotRecord,
  base: LogPosition,
  baseConfiguration: PlacedConfiguration = placedConfiguration,
  baseActivation: PlacedActivation | null = null,
): DurableEffect => ({
  kind: "writeSnapshot",
  ticket,
  snapshot: record,
  base,
  baseConfiguration,
  baseActivation,
  discardsLog: false,
});

/** A leader's snapshot in place of this log. */
export const snapshotInstead = (position: LogPosition, chain = 4711): WriteSnapshot => ({
  kind: "writeSnapshot",
  ticket,
  snapshot: snapshotAt(position, chain),
  base: position,
  baseConfiguration: placedConfiguration,
  baseActivation: null,
  discardsLog: true,
});

export const ignoreDurable = (): void => undefined;
