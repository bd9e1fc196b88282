// What do snapshots do to a cluster? A simulated snapshot's content is the very entries that it covers, so that a wrong one
// is noticed wherever it ends up. Taken at any time by any node, fetched slowly or not at all, lost in crashes.
import type { MemberKey } from "../../src/core/configuration.ts";
import type { Entry } from "../../src/core/entry.ts";
import { configurationAt } from "../../src/core/log-terms.ts";
import type { SessionsImage } from "../../src/core/sessions.ts";
import type { SnapshotRecord } from "../../src/core/snapshot-record.ts";
import type { SimNode } from "./sim-node.ts";
import { Violation } from "../../src/sim/violation.ts";
import type { World } from "./world.ts";

/** The files of all nodes by name, each as the entries that its state was made of. */
export class Snapshots {
  readonly #contents = new Map<string, readonly Entry[]>();
  readonly #sessions = new Map<string, SessionsImage>();
  /** By index, what the table of sessions was there on the first node that took a snapshot. */
  readonly #sessionsAt = new Map<number, string>();
  #count = 0;
  #isWell = false;

  /** From now on no fetch is cut short. */
  getWell(): void {
    this.#isWell = true;
  }

  sessionsOf({ file }: SnapshotRecord): SessionsImage {
    const sessions = this.#sessions.get(file);
    if (sessions === undefined) throw new Violation("a snapshot that is named is there", file);
    return sessions;
  }

  contentsOf(snapshot: SnapshotRecord): readonly Entry[] {
    const contents = this.#contents.get(snapshot.file);
    if (contents === undefined) throw new Violation("a snapshot that is named is there", snapshot.file);
    return contents;
  }

  /** A snapshot of what the node has applied; its file is complete some time later, if the node lives to see it. */
  maybeTake(node: SimNode): void {
    const { chance, profile, coverage } = node.world;
    const { state, appliedIndex } = node;
    if (state === null || !chance.happens(profile.snapshot) || appliedIndex <= state.log.base.index) return;
    const last = node.log[appliedIndex - 1]!;
    const record: SnapshotRecord = {
      position: { index: last.index, term: last.term },
      stampMs: last.stampMs,
      chain: node.chainAt(last.index),
      configuration: configurationAt(state.log, appliedIndex),
      file: `${node.key}-${last.index}-${++this.#count}`,
      bytes: last.index,
      checksum: last.index,
    };
    this.#contents.set(record.file, node.log.slice(0, appliedIndex));
    this.#keepSessions(record, node.machine.table.image());
    coverage.snapshotsTaken++;
    node.later(chance.from(profile.snapshotMs), () => node.deliver({ kind: "snapshotTaken", snapshot: record }));
  }

  /** A node that was restored, or took snapshots before, has the same table as one that applied everything (P27). */
  #keepSessions({ file, position: { index } }: SnapshotRecord, sessions: SessionsImage): void {
    this.#sessions.set(file, sessions);
    const told = JSON.stringify(sessions);
    const earlier = this.#sessionsAt.get(index) ?? told;
    this.#sessionsAt.set(index, earlier);
    if (earlier !== told) throw new Violation("every node has the same sessions", `${file}: ${told}, and ${earlier}`);
  }

  /** The node reads the leader's file. It may take long, or be cut short; the next offer begins it again. */
  fetch(node: SimNode, from: MemberKey, snapshot: SnapshotRecord): void {
    const { chance, profile, coverage } = node.world;
    const isCut = (): boolean => !this.#isWell && chance.happens(profile.cutFetch);
    if (node.fetching === snapshot.file) return;
    node.fetching = snapshot.file;
    node.later(chance.from(profile.snapshotMs), () => {
      if (node.fetching !== snapshot.file) return;
      node.fetching = null;
      if (!node.network.isReachable(node, from) || isCut()) {
        coverage.fetchesCut++;
        return;
      }
      coverage.snapshotsFetched++;
      node.deliver({ kind: "snapshotFetched", snapshot });
      // A file that is there already is there again as soon as it is offered again.
      if (!isCut()) return;
      node.later(chance.from(profile.snapshotMs), () => node.deliver({ kind: "snapshotFetched", snapshot }));
    });
  }
}

/** A log whose beginning is gone, with what a snapshot says of it: for those who watch, not for the node. */
export function completeLog(world: World, node: SimNode): Entry[] {
  const { snapshot, base, log } = node.durable;
  if (snapshot === null) return [...log];
  return [...world.snapshots.contentsOf(snapshot).slice(0, base.index), ...log.slice(base.index)];
}
