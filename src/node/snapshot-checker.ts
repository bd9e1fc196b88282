// What does a node do about a snapshot that is damaged, as a follower or its own scrub finds? A leader that is told by a follower
// reads its own file: where it is sound the fault is the follower's or of what lies between. Where it is damaged another one
// takes its place.
import { type MemberKey, nodeIdOf } from "../core/configuration.ts";
import type { SnapshotRecord } from "../core/snapshot-record.ts";
import { GraftError } from "../errors.ts";
import type { Logger } from "../ports/logger.ts";
import type { SnapshotStore } from "../ports/snapshot-store.ts";

export interface SnapshotCheckerOptions {
  readonly snapshots: Pick<SnapshotStore, "contents">;
  /** Takes a snapshot of what has been applied, if that is as much as the latest one holds. */
  readonly takeAnother: () => Promise<unknown>;
  readonly logger: Logger;
  /** The log cannot be read, or an invariant is broken. */
  readonly failed: (error: unknown) => void;
}

export class SnapshotChecker {
  readonly #options: SnapshotCheckerOptions;
  #isUnderWay = false;
  /** The file that was found damaged last, until another one takes its place. */
  #damaged: { readonly file: string; readonly finding: string } | null = null;

  constructor(options: SnapshotCheckerOptions) {
    this.#options = options;
  }

  /** For people: what is wrong with this file; null: nothing, as far as is known. */
  damageIn(file: string | undefined): string | null {
    return this.#damaged !== null && this.#damaged.file === file ? this.#damaged.finding : null;
  }

  /** The file has been written: one of the same name has taken the place of a damaged one. */
  onTaken({ file }: SnapshotRecord): void {
    this.#forget(file);
  }

  #forget(file: string): void {
    if (this.#damaged?.file === file) this.#damaged = null;
  }

  /** One at a time; who asks meanwhile asks again. Never rejects. */
  async check(by: MemberKey, snapshot: SnapshotRecord): Promise<void> {
    if (this.#isUnderWay) return;
    this.#isUnderWay = true;
    try {
      const finding = await this.#findingIn(snapshot);
      if (finding === null) this.#tellOfSound(by, snapshot);
      else await this.#replace(snapshot, finding);
    } catch (error) {
      this.#options.failed(error);
    } finally {
      this.#isUnderWay = false;
    }
  }

  /** This node has found it damaged itself. Never rejects. */
  async replace(snapshot: SnapshotRecord, finding: string): Promise<void> {
    try {
      await this.#replace(snapshot, finding);
    } catch (error) {
      this.#options.failed(error);
    }
  }

  async #replace(snapshot: SnapshotRecord, finding: string): Promise<void> {
    this.#tellOfDamage(snapshot, finding);
    await this.#options.takeAnother();
  }

  async #findingIn(snapshot: SnapshotRecord): Promise<string | null> {
    try {
      for await (const chunk of this.#options.snapshots.contents(snapshot)) void chunk;
      return null;
    } catch (error) {
      if (error instanceof GraftError) return error.message;
      throw error;
    }
  }

  #tellOfSound(by: MemberKey, { file, position }: SnapshotRecord): void {
    this.#forget(file);
    const about = { through: position.index, by: nodeIdOf(by), file };
    const message = "a follower finds this node's snapshot damaged, and here it is sound: look at the follower's disk";
    this.#options.logger.log("warn", message, about, `sound ${nodeIdOf(by)}`);
  }

  #tellOfDamage({ file, position }: SnapshotRecord, finding: string): void {
    if (this.#damaged?.file === file) return;
    this.#damaged = { file, finding };
    const message =
      "this node's snapshot is damaged: another one takes its place; do not stop this node before its log says " +
      '"snapshot taken", and look at its disk';
    this.#options.logger.log("warn", message, { through: position.index, file, reason: finding });
  }
}
