// How does a node whose cluster is lost go on alone? Its data becomes that of a new cluster of one: another cluster uuid and
// another incarnation, so that the old nodes are strangers to it and it to them, and a configuration of itself alone in a
// new term. Everything it has in its log is kept, committed or not: nobody is left who could tell.
//
// Deviation: the thesis knows no such thing. It is not safe in its sense, which is why an administrator has to ask for it.
import type { Database } from "bun:sqlite";
import { dirname } from "node:path";
import { type Configuration, incarnationOf, type Member, nodeIdOf, toMemberKey } from "../../core/configuration.ts";
import { foundedAtMsMax, type Genesis, genesisConfiguration } from "../../core/genesis.ts";
import type { LogPosition } from "../../core/log-position.ts";
import { GraftError } from "../../errors.ts";
import type { SavedState } from "../../ports/log-store.ts";
import { recordChecksum } from "./chain.ts";
import { promisesOf } from "./compare-with-mark.ts";
import { markOfOtherFormat, withoutStop } from "./damage-words.ts";
import { lockDirectory } from "./directory-lock.ts";
import { EntryWriter } from "./entry-writer.ts";
import { clearFinding } from "./finding-file.ts";
import { giveUp } from "./give-up.ts";
import { verifyEntries } from "./inspect-log.ts";
import { firstPromises } from "./mark.ts";
import { MarkFile, markFile, readMark } from "./mark-file.ts";
import { openDatabase } from "./open-database.ts";
import { lookAtStopped } from "./open-stopped.ts";
import { type Found, readSavedState } from "./saved-state.ts";
import { formatVersion } from "./schema.ts";
import { copyAside, freeFolderName } from "./set-aside.ts";
import { encodePlaced, encodeSnapshot } from "./snapshot-row.ts";
import { damageOf, type StoppedDamage } from "./stopped-damage.ts";
import { failedOperation } from "./storage-errors.ts";

/** What becomes of a data directory, or would. */
export interface Recovery {
  readonly file: string;
  readonly databaseId: string;
  readonly saved: SavedState;
  readonly genesis: Genesis;
  /** This node as the cluster knew it. */
  readonly self: Member;
  /** The latest configuration in the log, committed or not. */
  readonly configuration: Configuration;
  /** What is known to be lost here, in words; empty: nothing. */
  readonly damage: readonly string[];
}

/** What is new about the cluster that is made of it. */
export interface Founding {
  /** 32 hexadecimal digits, random. */
  readonly clusterUuid: string;
  /** Random. */
  readonly incarnation: string;
  /** Where the node is reached from now on: `host:port`. */
  readonly address: string;
}

/** The configuration of the new cluster, and where its entry stands. */
export interface Recovered {
  readonly member: Member;
  readonly position: LogPosition;
}

/**
 * Looks, changes nothing. Throws `GraftError("storage")` where a recovery would do harm and for a running node,
 * `GraftError("damaged")` where something that it would keep cannot be read.
 */
export function planRecovery(dataDir: string): Recovery {
  try {
    return lookAtStopped(dataDir, ({ file, db }) => {
      const found = readSavedState(db, file);
      // First: the only voter is told to start as it is when nothing is damaged.
      verifyEntries(db, file, found);
      return recoveryOf(file, found, damageWords(damageOf(db, file, found)));
    });
  } catch (error) {
    throw whyNotRecovered(error);
  }
}

/** Adds the remaining ways to get the data back to an error about damage. Other errors stay as they are. */
export function whyNotRecovered(error: unknown): unknown {
  if (!(error instanceof GraftError && error.code === "damaged")) return error;
  return new GraftError(
    "damaged",
    `${withoutStop(error.message)}. A recovery needs the whole log and its snapshot, so it is not possible here. Recover from the ` +
      `data directory of another node, or restore the latest backup into an empty data_dir (graft restore).`,
    { cause: error },
  );
}

function damageWords({ damage, finding }: StoppedDamage): readonly string[] {
  return finding === null ? damage : [finding.text, ...damage];
}

/**
 * Does what `planRecovery` has looked at, in one transaction: a crash leaves the old data or the new. Damaged files are copied
 * first. Throws `GraftError` of code `storage` or `damaged`.
 */
export function recover(plan: Recovery, founding: Founding): Recovered {
  const { file, damage } = plan;
  const dataDir = dirname(file);
  const lock = lockDirectory(dataDir);
  try {
    const mark = markForRecovery(plan, founding.incarnation);
    if (damage.length > 0) copyAside(file, freeFolderName(dataDir));
    try {
      return recoverMarked(plan, founding, mark);
    } finally {
      mark.close();
    }
  } finally {
    lock.release();
  }
}

/** From here on a start decides by the incarnation in the database whether the recovery has happened. */
function markForRecovery({ file, databaseId, saved }: Recovery, to: string): MarkFile {
  const path = markFile(dirname(file));
  const found = readMark(path);
  if (found.kind === "mark") {
    const mark = MarkFile.open(path, found);
    const before = found.mark.state.kind === "recovering" ? found.mark.state.before : found.mark.state;
    mark.writeSynced({ ...found.mark, state: { kind: "recovering", to, before } });
    return mark;
  }
  if (found.kind === "otherFormat") throw markOfOtherFormat(path, found.format, formatVersion);
  // A node whose mark was lost may not be refilled either: it does not know what it has voted for.
  const finding = "The mark was lost, and a recovery has not come to its end";
  const before = { kind: "damaged", finding, folder: freeFolderName(dirname(file)) } as const;
  const promises = { ...firstPromises(saved.incarnation, databaseId), hasOtherVoters: false };
  return MarkFile.create(path, { ...promises, state: { kind: "recovering", to, before } });
}

function recoverMarked({ file, damage }: Recovery, founding: Founding, mark: MarkFile): Recovered {
  const db = openDatabase(file, null);
  try {
    db.run("BEGIN");
    const found = readSavedState(db, file);
    const recovered = refound(db, found, recoveryOf(file, found, damage), founding);
    db.run("COMMIT");
    mark.writeSynced({ ...promisesOf(readSavedState(db, file)), state: { kind: "inUse" } });
    clearFinding(dirname(file));
    db.close(true);
    return recovered;
  } catch (cause) {
    giveUp(db, file);
    throw cause instanceof GraftError ? cause : failedOperation(file, "Recovering", cause);
  }
}

function recoveryOf(file: string, { databaseId, saved }: Found, damage: readonly string[]): Recovery {
  const { genesis, removed, last, incarnation } = saved;
  if (genesis === null)
    throw refused(file, "its node has never been part of a cluster, so there is nothing to recover");
  if (last.index === 0) throw refused(file, "its log is empty, so there is nothing to recover");
  if (removed !== null) {
    throw refused(
      file,
      `its node was removed from the cluster by the configuration at ${removed.position.index}, and knows nothing of what ` +
        `came after. Recover from the data of a node that was not removed`,
    );
  }
  const known = [
    genesisConfiguration(genesis),
    ...(saved.baseConfiguration === null ? [] : [saved.baseConfiguration.configuration]),
    ...saved.configurations.map(({ configuration }) => configuration),
  ];
  const configuration = known.at(-1)!;
  const self = known.flatMap(({ members }) => members).findLast(({ key }) => incarnationOf(key) === incarnation);
  if (self === undefined) {
    throw refused(file, "its node is no member in any configuration that it knows: it was still waiting to be added");
  }
  const { voters, outgoing } = configuration;
  const isAlone = outgoing.length === 0 && voters.length === 1 && voters[0] === self.key;
  if (isAlone && damage.length === 0) {
    throw refused(file, `${nodeIdOf(self.key)} is the only voter, and needs nobody: start it as it is`);
  }
  return { file, databaseId, saved, genesis, self, configuration, damage };
}

const refused = (file: string, why: string): GraftError =>
  new GraftError("storage", `${file} is not recovered: ${why}. Nothing was changed.`);

function refound(db: Database, found: Found, { file, saved, genesis, self }: Recovery, founding: Founding): Recovered {
  const { databaseId, base, tail } = found;
  const member: Member = {
    key: toMemberKey(nodeIdOf(self.key), founding.incarnation),
    address: founding.address,
    priority: self.priority,
  };
  const { incarnation, clusterUuid } = founding;
  const renewed: Genesis = {
    clusterUuid,
    members: [member],
    foundedAtMs: Math.min(genesis.foundedAtMs, foundedAtMsMax),
  };
  const alone = genesisConfiguration(renewed);
  const position = { index: tail.index + 1, term: Math.max(saved.currentTerm, tail.term) + 1 };

  db.run("UPDATE identity SET incarnation = ?, checksum = ? WHERE only = 1", [
    incarnation,
    recordChecksum("identity", incarnation, databaseId),
  ]);
  writeConfigurations(db, saved, alone);
  const writer = new EntryWriter(db, { file, base, tail });
  const stampMs = Math.max(tail.stampMs, genesis.foundedAtMs);
  writer.apply({ kind: "writeGenesis", ticket: 0, genesis: renewed });
  writer.apply({ kind: "writeRefilled", ticket: 0 });
  writer.apply({ kind: "writeVote", ticket: 0, currentTerm: position.term, votedFor: null });
  writer.apply({
    kind: "appendLog",
    ticket: 0,
    entries: [{ kind: "configuration", ...position, stampMs, configuration: alone }],
  });
  return { member, position };
}

/**
 * The old configurations name nodes that do not exist any more. Their entries stay in the log, whose checksums go over them,
 * but they are not listed, so that none of them comes into force again.
 */
function writeConfigurations(
  db: Database,
  { base, baseConfiguration, snapshot }: SavedState,
  alone: Configuration,
): void {
  db.run("DELETE FROM configurations");
  if (snapshot !== null) {
    const record = encodeSnapshot({
      ...snapshot,
      configuration: { position: snapshot.position, configuration: alone },
    });
    db.run("UPDATE snapshot SET record = ?, checksum = ? WHERE only = 1", [record, recordChecksum("snapshot", record)]);
  }
  if (baseConfiguration === null) return;
  const placed = encodePlaced({ position: base, configuration: alone });
  const { stamp_ms, chain, activation } = db.query("SELECT stamp_ms, chain, activation FROM base").get() as {
    readonly stamp_ms: number;
    readonly chain: number;
    readonly activation: string | null;
  };
  const checksum = recordChecksum("base", base.index, base.term, stamp_ms, chain, placed, activation);
  db.run("UPDATE base SET configuration = ?, checksum = ? WHERE only = 1", [placed, checksum]);
}
