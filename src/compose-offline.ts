// The adapters for what is done to the data of a node that does not run: looking at it, recovering a lost cluster from it,
// restoring a backup, and the file of a backup. As in compose.ts nothing here decides anything.
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type Backup, createBackup, readBackup } from "./adapters/files/backup-file.ts";
import { RestoringFolder } from "./adapters/files/restoring-folder.ts";
import { listSnapshots, snapshotsIn } from "./adapters/files/snapshot-folder.ts";
import { openFileSnapshotStore, verifySnapshot } from "./adapters/files/snapshot-store.ts";
import { decideFinding, lookAtFinding } from "./adapters/sqlite/decide-finding.ts";
import { listStates, statesIn, type StoredState } from "./adapters/plugin/state-folders.ts";
import { inspectLog, type InspectionOptions, type LogInspection } from "./adapters/sqlite/inspect-log.ts";
import { openSqliteLogStore } from "./adapters/sqlite/log-store.ts";
import { planRecovery, recover, type Recovered, type Recovery, whyNotRecovered } from "./adapters/sqlite/recover.ts";
import { systemClock } from "./adapters/system/clock.ts";
import { listeningAt } from "./adapters/tls/listening.ts";
import { composeStateMachine, type NodeSettings } from "./compose.ts";
import { isSamePlugin, type PluginVersion, versionWords } from "./core/activation.ts";
import { nodeIdOf } from "./core/configuration.ts";
import { isQuorum } from "./core/quorum.ts";
import type { SnapshotRecord } from "./core/snapshot-record.ts";
import { GraftError } from "./errors.ts";
import { restoreBackup } from "./node/restore-backup.ts";
import type { StoredSnapshot } from "./ports/snapshot-store.ts";

export type { Recovery } from "./adapters/sqlite/recover.ts";

/** A file for what a client fetches. */
export const backupFile = createBackup;

/** How long a node may take to accept a connection, ms. */
const answerTimeoutMs = 1000;

const randomHex = (): string => Buffer.from(systemClock.randomBytes(16)).toString("hex");
const randomBytes = (count: number): Uint8Array => systemClock.randomBytes(count);

export interface DataDirectoryInspection {
  readonly log: LogInspection;
  readonly snapshotFiles: readonly StoredSnapshot[];
  /** What its state machine keeps on disk, by version. Nobody looks into it. */
  readonly states: readonly StoredState[];
  /** Of the log and of the snapshot that it names; empty: none that was looked for. */
  readonly damage: readonly string[];
}

/** What a stopped node has on its disk. Changes nothing. Throws `GraftError` where it cannot be read at all. */
export async function inspectDataDirectory(
  dataDir: string,
  options: InspectionOptions,
): Promise<DataDirectoryInspection> {
  const log = inspectLog(dataDir, options);
  const folder = snapshotsIn(dataDir);
  const snapshotFiles = existsSync(folder) ? await listSnapshots(folder) : [];
  const { snapshot } = log.saved;
  const finding = snapshot === null ? null : await findingIn(dataDir, snapshot, options.verify);
  const states = listStates(dataDir);
  return { log, snapshotFiles, states, damage: finding === null ? log.damage : [...log.damage, finding] };
}

/** What is wrong with the snapshot's file, or null. */
async function findingIn(dataDir: string, snapshot: SnapshotRecord, isVerified: boolean): Promise<string | null> {
  const path = join(snapshotsIn(dataDir), snapshot.file);
  if (!existsSync(path)) return `The snapshot ${path} is missing`;
  if (!isVerified) return null;
  try {
    await verifySnapshot(dataDir, snapshot);
    return null;
  } catch (error) {
    if (error instanceof GraftError) return error.message;
    throw error;
  }
}

export type { FindingOnDisk } from "./adapters/sqlite/decide-finding.ts";

/** What keeps a stopped node from starting, and what an administrator decides about it. */
export const findingOnDisk = { look: lookAtFinding, decide: decideFinding } as const;

/** What a recovery would keep. Changes nothing. Throws `GraftError`: `storage` where it would do harm, `damaged` where it cannot. */
export async function lookBeforeRecovery(dataDir: string): Promise<Recovery> {
  const recovery = planRecovery(dataDir);
  const { snapshot } = recovery.saved;
  try {
    if (snapshot !== null) await verifySnapshot(dataDir, snapshot);
  } catch (error) {
    throw whyNotRecovered(error);
  }
  return recovery;
}

/**
 * Together with the nodes that answer at their addresses this one could still be a quorum: then nothing need be lost. Throws
 * `GraftError("rejected")`.
 */
export async function mustBeLost({ configuration, self }: Recovery): Promise<void> {
  const { members, voters, outgoing } = configuration;
  const others = members.filter(({ key }) => key !== self.key && (voters.includes(key) || outgoing.includes(key)));
  // The only voter is recovered when its data is damaged: then nobody else could go on.
  if (others.length === 0) return;
  const addresses = await listeningAt(
    others.map(({ address }) => address),
    answerTimeoutMs,
  );
  const answering = others.filter(({ address }) => addresses.includes(address));
  const present = [self, ...answering].map(({ key }) => key);
  if (!isQuorum(configuration, present)) return;
  const named = answering.map(({ key, address }) => `${nodeIdOf(key)} (${address})`).join(", ");
  throw new GraftError(
    "rejected",
    `${nodeIdOf(self.key)} is not recovered: something answers at the addresses of ${named}, and with them it is more than half of ` +
      `the voters. Nothing was changed. Start ${nodeIdOf(self.key)} as it is, and nothing is lost. If the status of one of them says that it ` +
      `copies its log anew or is joining, and no leader is elected: stop that node, then recover. If those are other programs: --force`,
  );
}

/** @param address where the node is reached from now on */
export function recoverAlone(recovery: Recovery, address: string): Recovered & { readonly clusterUuid: string } {
  const clusterUuid = randomHex();
  return { ...recover(recovery, { clusterUuid, incarnation: randomHex(), address }), clusterUuid };
}

export interface RestoreOptions {
  /** `host:port` where the node is reached. */
  readonly address: string;
  /** Whether it may be the backup of a cluster of another name. */
  readonly anyName: boolean;
}

export interface Restored {
  readonly backup: Backup;
  readonly clusterUuid: string;
}

/**
 * Makes the data directory of a new cluster's first node from a backup, all of it or nothing. The state machine has taken the
 * state in before. Throws `GraftError`: `storage`, `plugin`, `state-machine`, or `rejected` for a backup of something else.
 */
export async function restoreFrom(
  file: string,
  settings: Pick<NodeSettings, "node" | "cluster" | "stateMachine">,
  { address, anyName }: RestoreOptions,
): Promise<Restored> {
  const backup = await readBackup(file);
  const { id: cluster } = settings.cluster;
  if (!anyName && backup.header.cluster !== cluster) throw otherCluster(backup, cluster);
  const folder = await RestoringFolder.prepare(settings.node.dataDir);
  try {
    await tryOut(backup, settings.stateMachine, folder);
    const store = openSqliteLogStore({ dataDir: folder.path, randomBytes });
    const snapshots = openFileSnapshotStore(folder.path);
    const clusterUuid = randomHex();
    try {
      await restoreBackup({ store, snapshots }, backup, { id: settings.node.id, address, cluster, clusterUuid });
    } finally {
      await snapshots.close();
      store.close();
    }
    await folder.settle();
    return { backup, clusterUuid };
  } catch (error) {
    await folder.abandon();
    throw error;
  }
}

/**
 * A state machine that does not take the state in is found out before anything is made of it. A state on disk goes where the node will have it:
 * the temporary folder may be small, or in memory.
 */
async function tryOut(
  backup: Backup,
  settings: NodeSettings["stateMachine"],
  { path }: RestoringFolder,
): Promise<void> {
  const stateFolder = statesIn(path);
  const stateMachine = await composeStateMachine(settings, null, stateFolder);
  try {
    const { name, snapshots } = stateMachine.description;
    if (name !== backup.header.plugin.name) throw otherPlugin(backup, name);
    if (!snapshots) throw new GraftError("plugin", `the state machine ${name} can restore no snapshots`);
    const active = versionFor(backup, stateMachine.versions);
    await stateMachine.restore(backup.chunks(), active);
  } finally {
    await stateMachine.close();
    // The node restores its own from the snapshot, at its first start.
    await rm(stateFolder, { recursive: true, force: true });
  }
}

/** Null: the backup names none. Other code of its number will have to stand for it, by a roll-out of the administrator's. */
function versionFor(
  { path, header: { activation } }: Backup,
  versions: readonly PluginVersion[],
): PluginVersion | null {
  if (activation === null) return null;
  const { plugin } = activation;
  const found =
    versions.find((each) => isSamePlugin(each, plugin)) ?? versions.find(({ version }) => version === plugin.version);
  if (found !== undefined) return found;
  throw new GraftError(
    "plugin",
    `${path} holds the state of ${versionWords(plugin)}, and [state_machine] names only ${versions.map(versionWords).join(" and ")}. ` +
      `Nothing was changed. Name that version too, and roll the new one out when the cluster runs`,
  );
}

const otherCluster = ({ path, header }: Backup, cluster: string): GraftError =>
  new GraftError(
    "rejected",
    `${path} is a backup of the cluster "${header.cluster}", and [cluster] id is "${cluster}". Nothing was changed. If that ` +
      `is meant: --force`,
  );

const otherPlugin = ({ path, header }: Backup, name: string): GraftError =>
  new GraftError(
    "rejected",
    `${path} holds the state of the state machine "${header.plugin.name}", and that of [state_machine] is "${name}". Nothing ` +
      `was changed. Name the one that it was taken from`,
  );
