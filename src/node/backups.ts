// How does a client come by a backup? It asks for one, which is a snapshot that covers everything acknowledged before the
// question: the latest one, if it does, or one that is taken now. Then it reads the file, piece by piece. As long as it does,
// the file stays.
import type { LogIndex, Millis } from "../core/log-position.ts";
import type { SnapshotRecord } from "../core/snapshot-record.ts";
import { GraftError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { SnapshotStore } from "../ports/snapshot-store.ts";
import type { StateMachineDescription } from "../ports/state-machine.ts";
import type { SnapshotTaker } from "./snapshot-taker.ts";
import type { ReplyError } from "./waiting-clients.ts";

/** How long a file is kept for a client that does not read on, ms. */
const keptMs = 60_000;
/** Pieces that are being read at once, for all clients; each may be as large as a frame allows. */
const readsMax = 64;

export interface BackupsOptions {
  readonly snapshots: Pick<SnapshotStore, "read">;
  readonly clock: Pick<Clock, "nowMs">;
  readonly taker: Pick<SnapshotTaker, "take" | "handed" | "failure">;
  readonly description: () => StateMachineDescription;
  /** The node cannot go on. */
  readonly stop: (error: unknown) => void;
  /** The latest snapshot, which the log names. */
  readonly latest: () => SnapshotRecord | null;
  /** Whether the state of this node, and what was made of it, may be shown. */
  readonly mayShow: () => boolean;
}

/** What there is, or why there is none. */
export type BackupAnswer<T> =
  { readonly kind: "ok"; readonly value: T } | { readonly kind: "failed"; readonly error: ReplyError };

const ok = <T>(value: T): BackupAnswer<T> => ({ kind: "ok", value });
const failed = (error: ReplyError): BackupAnswer<never> => ({ kind: "failed", error });
/** To ask again at once would only cost another try. */
const cannot = (what: string): BackupAnswer<never> => failed({ code: "backup-failed", message: what, leader: null });
const distrusted = "the state of this node is not to be trusted";
const rejected = (message: string): BackupAnswer<never> => failed({ code: "rejected", message, leader: null });

export class Backups {
  readonly #options: BackupsOptions;
  /** By file, until when it is kept. */
  readonly #keptUntilMs = new Map<string, Millis>();
  #reads = 0;
  /** How often everything has been dropped. */
  #drops = 0;

  constructor(options: BackupsOptions) {
    this.#options = options;
  }

  /** The files that somebody is reading, or is about to: not to be removed. */
  get filesInUse(): readonly string[] {
    const nowMs = this.#options.clock.nowMs();
    for (const [file, untilMs] of this.#keptUntilMs) if (untilMs <= nowMs) this.#keptUntilMs.delete(file);
    return [...this.#keptUntilMs.keys()];
  }

  /** What was made of the state is not to be trusted: nobody reads it to its end. */
  drop(): void {
    this.#drops++;
    this.#keptUntilMs.clear();
  }

  /** A snapshot that covers `through`, which the state machine has been given. Takes as long as making one takes. */
  async take(through: LogIndex): Promise<BackupAnswer<SnapshotRecord>> {
    const { taker, description, latest, mayShow } = this.#options;
    const { name, snapshots } = description();
    if (!snapshots)
      return rejected(`the state machine ${name} makes no snapshots, so there is nothing to back up from`);
    if (!mayShow()) return cannot(distrusted);
    let record = latest();
    while (record === null || record.position.index < through) {
      const applied = taker.handed;
      // One that is under way may have begun too early; then another one follows it.
      record = applied === null ? null : await this.#orStop(() => taker.take(applied));
      if (!mayShow()) return cannot(distrusted);
      if (record === null) return cannot(["no snapshot could be taken", taker.failure].filter(Boolean).join(": "));
    }
    this.#keep(record.file);
    return ok(record);
  }

  /** What stands at `offset` of the file of a backup, at most `bytesMax` bytes. */
  async read(file: string, offset: number, bytesMax: number): Promise<BackupAnswer<Uint8Array>> {
    if (!this.#options.mayShow()) return cannot(distrusted);
    if (!this.filesInUse.includes(file)) return rejected(`${file} is no backup that is being read`);
    if (this.#reads >= readsMax) {
      const message = `${this.#reads} pieces of backups are being read already`;
      return failed({ code: "overloaded", message, leader: null });
    }
    this.#reads++;
    const drops = this.#drops;
    this.#keep(file);
    try {
      const bytes = await this.#options.snapshots.read(file, offset, bytesMax);
      if (!this.#options.mayShow()) return cannot(distrusted);
      return bytes === null ? rejected(`${file} is not here any more`) : ok(bytes);
    } catch (error) {
      if (!(error instanceof GraftError)) throw error;
      return cannot(`the snapshot cannot be read: ${error.message}`);
    } finally {
      this.#reads--;
      if (drops === this.#drops) this.#keep(file);
    }
  }

  /** What throws here is the log, which cannot be read, or a broken invariant. */
  async #orStop(take: () => Promise<SnapshotRecord | null>): Promise<SnapshotRecord | null> {
    try {
      return await take();
    } catch (error) {
      this.#options.stop(error);
      return null;
    }
  }

  #keep(file: string): void {
    this.#keptUntilMs.set(file, this.#options.clock.nowMs() + keptMs);
  }
}
