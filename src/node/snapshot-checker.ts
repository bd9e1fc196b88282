// What does a leader do about a snapshot that a follower finds damaged? It reads its own file: where that is damaged another one
// is taken, which the core then offers instead; where it is sound the fault is the follower's or of what lies between.
import { type MemberKey, nodeIdOf } from "../core/configuration.ts";
import type { SnapshotRecord } from "../core/snapshot-record.ts";
import { GraftError } from "../errors.ts";
import type { Logger } from "../ports/logger.ts";
import type { SnapshotStore } from "../ports/snapshot-store.ts";
import type { SnapshotTaker } from "./snapshot-taker.ts";

export interface SnapshotCheckerOptions {
  readonly snapshots: Pick<SnapshotStore, "contents">;
  readonly taker: Pick<SnapshotTaker, "handed" | "take">;
  readonly logger: Logger;
  /** The log cannot be read, or an invariant is broken. */
  readonly failed: (error: unknown) => void;
}

export class SnapshotChecker {
  readonly #options: SnapshotCheckerOptions;
  #isUnderWay = false;
  /** The file that was said to be damaged last. */
  #told: string | null = null;

  constructor(options: SnapshotCheckerOptions) {
    this.#options = options;
  }

  /** One at a time; who asks meanwhile asks again. Never rejects. */
  async check(by: MemberKey, snapshot: SnapshotRecord): Promise<void> {
    if (this.#isUnderWay) return;
    this.#isUnderWay = true;
    try {
      const finding = await this.#findingIn(snapshot);
      this.#tell(by, snapshot, finding);
      const { taker } = this.#options;
      const { handed } = taker;
      // One at the same place would be the same file: there is another one once something has been applied since.
      if (finding !== null && handed !== null && handed.index > snapshot.position.index) await taker.take(handed);
    } catch (error) {
      this.#options.failed(error);
    } finally {
      this.#isUnderWay = false;
    }
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

  #tell(by: MemberKey, { file, position }: SnapshotRecord, finding: string | null): void {
    const about = { through: position.index, by: nodeIdOf(by), file };
    if (finding === null) {
      const message =
        "a follower finds this node's snapshot damaged, and here it is sound: look at the follower's disk";
      this.#options.logger.log("warn", message, about);
      return;
    }
    if (this.#told === file) return;
    this.#told = file;
    const message =
      "this node's snapshot is damaged: another one takes its place as soon as anything has been applied since; " +
      "do not stop this node before that, and look at its disk";
    this.#options.logger.log("warn", message, { ...about, reason: finding });
  }
}
