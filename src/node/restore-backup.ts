// How does a backup become the beginning of a new cluster? Its content goes into a snapshot of that cluster, which knows one
// member, and the log begins after it: index, term and replicated time go on from there. The old cluster's sessions are in the
// state and end by that time; nobody uses them, since clients keep a session to the founding that opened it.
import { type Member, toMemberKey } from "../core/configuration.ts";
import { foundedAtMsMax, genesisConfiguration } from "../core/genesis.ts";
import type { SnapshotRecord } from "../core/snapshot-record.ts";
import type { LogStore } from "../ports/log-store.ts";
import type { SnapshotHeader, SnapshotStore } from "../ports/snapshot-store.ts";

export interface BackupSource {
  readonly header: SnapshotHeader;
  /** What the state machine wrote, verified. */
  chunks(): AsyncIterable<Uint8Array>;
}

/** The one member of the new cluster, and what is new about it. */
export interface Founder {
  readonly id: string;
  /** `host:port` where it is reached. */
  readonly address: string;
  /** Its name in the configuration files. */
  readonly cluster: string;
  /** 32 hexadecimal digits, random. */
  readonly clusterUuid: string;
}

/**
 * Fills an empty store; its own incarnation is the founder's. All of the log store is one transaction, after the snapshot is
 * durable. Throws what the stores and the source throw.
 */
export async function restoreBackup(
  { store, snapshots }: { readonly store: LogStore; readonly snapshots: SnapshotStore },
  backup: BackupSource,
  { id, address, cluster, clusterUuid }: Founder,
): Promise<SnapshotRecord> {
  const { position, stampMs, chain, activation, plugin } = backup.header;
  const member: Member = { key: toMemberKey(id, store.saved.incarnation), address, priority: 0 };
  // Replicated time goes on, and does not leap to the wall clock's: what was to expire later still does.
  const genesis = { clusterUuid, members: [member], foundedAtMs: Math.min(stampMs, foundedAtMsMax) };
  const configuration = { position, configuration: genesisConfiguration(genesis) };
  const about = { position, stampMs, chain, configuration, activation };
  const writer = await snapshots.create({ cluster, clusterUuid, plugin, ...about });
  for await (const chunk of backup.chunks()) await writer.write(chunk);
  // Nobody else has a copy that could be compared with it.
  const origin = store.saved.incarnation;
  const snapshot: SnapshotRecord = { ...about, origin, ...(await writer.finish()) };
  const ticket = 0;
  const beginning = { base: position, baseConfiguration: configuration, baseActivation: activation };
  store.write(
    [
      { kind: "writeGenesis", ticket, genesis },
      { kind: "writeVote", ticket, currentTerm: position.term, votedFor: null },
      { kind: "writeSnapshot", ticket, snapshot, ...beginning, discardsLog: true },
    ],
    () => {},
  );
  return snapshot;
}
