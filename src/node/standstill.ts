// Why does the state machine stand still, and at which entry? It has stopped, its copy is not to be trusted, or this node lacks the version
// that is active. What is done about each of these is applier.ts.
import type { LogIndex } from "../core/log-position.ts";
import { StateMachineStopped } from "../errors.ts";
import type { Lack } from "./entry-runs.ts";
import type { CopyDistrusted } from "./own-copy.ts";

/** Where a state machine stands still that does so at no entry. */
export const noEntry: LogIndex = 0;

export class Standstill {
  readonly #lacking: () => void;
  /** Why it has stopped, until another one has got past that place. */
  #failure: Error | null = null;
  #stoppedThrough: LogIndex | null = null;
  /** Where the version is activated that this node does not have, and needs next. */
  #lack: Lack | null = null;
  /** Why nothing of the state is to be shown; null: it may be. */
  distrust: CopyDistrusted | null = null;

  /** @param lacking told that the state machine waits for a version, or does so no longer */
  constructor(lacking: () => void) {
    this.#lacking = lacking;
  }

  get failure(): Error | null {
    return this.#failure;
  }

  /** Null while it runs. */
  get why(): Error | null {
    return this.#failure ?? this.distrust ?? this.#lack?.why ?? null;
  }

  /** The entry that it failed at; null: it has not failed, or nobody can tell which one it was. */
  get failedAt(): LogIndex | null {
    return this.#failure instanceof StateMachineStopped ? this.#failure.entry : null;
  }

  /** It stands still at an entry at or before this index, or at none with 0; null while it runs. */
  get through(): LogIndex | null {
    // Where a copy has gone wrong the others have not: they need not get past it.
    const distrusted = this.distrust === null ? null : noEntry;
    return this.failedAt ?? this.#stoppedThrough ?? distrusted ?? this.#lack?.index ?? null;
  }

  stop(error: Error, through: LogIndex): void {
    this.#failure = error;
    this.#stoppedThrough = Math.max(this.#stoppedThrough ?? 0, through);
  }

  /** Whether it gets past the place where it had stopped with this entry. Then it runs again. */
  passes(appliedIndex: LogIndex): boolean {
    if (this.#failure === null || appliedIndex < this.#stoppedThrough!) return false;
    this.#failure = null;
    this.#stoppedThrough = null;
    return true;
  }

  noteLack(lack: Lack | null): void {
    const isSame = lack?.index === this.#lack?.index && lack?.why.message === this.#lack?.why.message;
    this.#lack = lack;
    if (!isSame) this.#lacking();
  }
}
