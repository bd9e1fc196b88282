// Feeds committed entries to the state machine, in order and each once, and answers those who wait for them. Queries take their
// turn here too, behind everything that they have to see and behind all commands that are there (query-slices.ts).
import { type Entry, entryBytes } from "../core/entry.ts";
import type { LogIndex, Millis } from "../core/log-position.ts";
import type { SnapshotRecord } from "../core/snapshot-record.ts";
import { GraftError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { AppliedEntry, Outcome, StateMachine } from "../ports/state-machine.ts";
import { answer, notApplied } from "./answers.ts";
import { appliedEntry } from "./applied-entry.ts";
import { type Endless, EndlessWork } from "./endless-work.ts";
import { Gathering } from "./gathering.ts";
import { QuerySlices, type QuerySlicesOptions } from "./query-slices.ts";
import type { Applied } from "./snapshot-taker.ts";
import { because, giveUp, isRead, type Waiter } from "./waiting-clients.ts";

/** How many runs may be with the state machine at once, and how big one is. */
const runsMax = 16;
const runBytesMax = 256 * 1024;
/** How long entries are read and handed over in one go, ms: a node that replays a long log has heartbeats to answer (P49). */
const turnMsMax = 10;

export interface ApplierOptions {
  readonly stateMachine: StateMachine;
  readonly clock: Pick<Clock, "nowMs" | "wallMs" | "soon" | "at">;
  /** Entries from `first` on: at least one, in order, about `bytesMax` bytes at the most. */
  readonly read: (first: LogIndex, last: LogIndex, bytesMax: number) => readonly Entry[];
  /** The queries that wait. */
  readonly reads: QuerySlicesOptions["reads"];
  /** The client that waits for this committed entry; null: none does. */
  readonly waiterOf: (entry: Entry) => Waiter | null;
  /** Whether anyone waits for an entry at all. */
  readonly someoneWaits: () => boolean;
  /** Whether any request waits on this node, also one that has not reached the log. */
  readonly isAsked: () => boolean;
  /** The last of these entries has been handed over, and nothing after it; `bytes`: what they weigh. */
  readonly handed: (last: Applied, bytes: number) => void;
  /** Puts the snapshot's state in the place of the state machine's. Nothing else is under way meanwhile. */
  readonly restore: (snapshot: SnapshotRecord) => Promise<void>;
  /** Answers have been given: let them leave. */
  readonly answered: () => void;
  /** The state machine cannot go on. Called once. */
  readonly stateMachineFailed: (error: Error) => void;
  /** Reading the log failed, or an answer broke the contract: the node cannot go on. */
  readonly failed: (error: unknown) => void;
}

/** A run or a slice of queries that is with the state machine. */
interface UnderWay {
  /** The client that waits for each outcome; null: none does, or it has been answered. */
  readonly waiters: readonly (Waiter | null)[];
}

interface Run extends UnderWay {
  readonly entries: readonly AppliedEntry[];
  readonly waiters: (Waiter | null)[];
  /** How many of them have been answered: the first ones. */
  answeredCount: number;
  /** The last entry of the log that it stands for. */
  readonly through: LogIndex;
}

export class Applier {
  readonly #options: ApplierOptions;
  /** Handed over to the state machine through here; answers may still be out. */
  #handedThrough: LogIndex;
  /** Committed through here. */
  #committedThrough: LogIndex;
  #appliedThrough: LogIndex;
  readonly #underWay = new Set<UnderWay>();
  readonly #queries: QuerySlices;
  readonly #endless: EndlessWork;
  readonly #gathering: Gathering;
  #failure: Error | null = null;
  #stoppedThrough: LogIndex | null = null;
  /** The snapshot whose state is to come next, and whether it is on its way. */
  #toRestore: SnapshotRecord | null = null;
  #isRestoring = false;
  /** The log has begun anew, and the snapshot that stands in for what is gone is on its way to the disk. */
  #isHeld = false;
  /** More is to be handed over as soon as others have had their turn. */
  #goesOn = false;
  #isAbandoned = false;

  /** @param snapshot where to begin; null: with the first entry */
  constructor(snapshot: SnapshotRecord | null, options: ApplierOptions) {
    this.#options = options;
    this.#queries = new QuerySlices({
      ...options,
      nowMs: () => options.clock.nowMs(),
      settle: (slice, conclude) => this.#settle(slice, conclude),
    });
    this.#endless = new EndlessWork({
      clock: options.clock,
      busyWith: () => options.stateMachine.busyWith,
      askerOf: (nth) => this.#queries.askerOf(nth),
    });
    this.#gathering = new Gathering({
      clock: options.clock,
      isAsked: options.isAsked,
      over: () => this.#unlessAbandoned(() => this.#pump()),
    });
    const after = snapshot?.position.index ?? 0;
    this.#handedThrough = after;
    this.#committedThrough = after;
    this.#appliedThrough = 0;
    if (snapshot !== null) this.restore(snapshot);
  }

  /** The last entry whose effect the state machine has confirmed. */
  get appliedIndex(): LogIndex {
    return this.#appliedThrough;
  }

  /** Whether the state machine has nothing under way. */
  get isIdle(): boolean {
    return this.#underWay.size === 0 && !this.#isRestoring;
  }

  /** Why the state machine stands still; null while it runs. */
  get failure(): Error | null {
    return this.#failure;
  }

  /** What the state machine has been busy with for too long, by the last look; null: nothing. */
  get endlessWork(): Endless | null {
    return this.#endless.found;
  }

  /** To be called often. */
  lookForEndlessWork(): Endless | null {
    this.#endless.look();
    return this.#endless.found;
  }

  /** The state machine stands still at an entry at or before this index; null while it runs. */
  get stoppedThrough(): LogIndex | null {
    return this.#stoppedThrough;
  }

  /** Everything through this index is committed and durable here. */
  advance(through: LogIndex): void {
    this.#committedThrough = Math.max(this.#committedThrough, through);
    this.#pump();
  }

  /** The log begins anew after this snapshot: its state comes next, then what follows it. */
  restore(snapshot: SnapshotRecord): void {
    this.#isHeld = false;
    this.#toRestore = snapshot;
    this.#pump();
  }

  /** What is committed and not handed over yet is about to go from the log: nothing is read until `restore` says how to go on. */
  hold(): void {
    this.#isHeld = true;
  }

  /** What was to go from the log stays: the store had no room for the snapshot in its place. */
  letGo(): void {
    this.#isHeld = false;
    this.#pump();
  }

  /**
   * The node ends: nothing more is handed over, and who waits for the state machine is not left to believe that the node
   * never took the request.
   */
  abandon(reason: string): void {
    const unanswered = [...this.#underWay].flatMap(({ waiters }) => waiters);
    this.#underWay.clear();
    this.#isAbandoned = true;
    this.#gathering.stop();
    for (const waiter of unanswered) if (waiter !== null) giveUp(waiter, reason);
  }

  /** Fails waiters whose deadline has passed: the state machine may hang. */
  expire(nowMs: Millis, hangs: Endless | null = null): void {
    const message = because("not answered in time", hangs);
    for (const { waiters } of this.#underWay) {
      for (const waiter of waiters) {
        if (waiter === null || waiter.dueMs > nowMs) continue;
        // The query that hangs is among these: its client must not ask the next node.
        if (isRead(waiter) && hangs?.entry === null) waiter.fail({ code: "query-failed", message, leader: null });
        else giveUp(waiter, message);
      }
    }
  }

  /** Queries may have become due. */
  serve(): void {
    this.#pump();
  }

  #pump(): void {
    if (this.#isAbandoned || this.#isRestoring || this.#isHeld) return;
    if (this.#toRestore !== null && this.#failure === null) {
      // What was handed over before is answered first; nothing else goes to the state machine in between.
      if (this.#underWay.size === 0) this.#restore(this.#toRestore);
      return;
    }
    // A state machine that stands still is not restored; but nothing is read that is gone.
    if (this.#toRestore !== null) this.#goOnAfter(this.#toRestore.position.index);
    this.#toRestore = null;
    // Commands first: they wait for the slice that is under way, and not for the next one.
    if (!this.#goesOn) this.#handCommitted();
    // Nobody is left waiting for a state machine that stands still.
    if (this.#failure !== null) {
      this.#refuseCommitted(this.#failure);
      return this.#queries.refuse(this.#handedThrough, this.#failure);
    }
    const slice = this.#queries.ask(this.#handedThrough);
    if (slice !== null) this.#underWay.add(slice);
  }

  #handCommitted(): void {
    const { clock, read } = this.#options;
    if (this.#failure !== null || this.#handedThrough === this.#committedThrough) return;
    const through = this.#gathering.dueThrough(this.#committedThrough);
    const endMs = clock.nowMs() + turnMsMax;
    while (this.#runsUnderWay < runsMax && this.#handedThrough < through && this.#failure === null) {
      if (clock.nowMs() >= endMs) return this.#goOnLater();
      const entries = read(this.#handedThrough + 1, through, runBytesMax);
      this.#handedThrough = entries.at(-1)!.index;
      this.#hand(entries);
    }
  }

  #goOnLater(): void {
    if (this.#goesOn) return;
    this.#goesOn = true;
    this.#options.clock.soon(() => {
      this.#goesOn = false;
      this.#unlessAbandoned(() => this.#pump());
    });
  }

  /** For what nobody has called: what goes wrong ends the node. */
  #unlessAbandoned(act: () => void): void {
    if (this.#isAbandoned) return;
    try {
      act();
    } catch (error) {
      this.#options.failed(error);
    }
  }

  get #runsUnderWay(): number {
    return this.#underWay.size - (this.#queries.isUnderWay ? 1 : 0);
  }

  #restore(snapshot: SnapshotRecord): void {
    this.#toRestore = null;
    this.#isRestoring = true;
    const over = (conclude: () => void): void => {
      this.#isRestoring = false;
      try {
        conclude();
        this.#pump();
        this.#options.answered();
      } catch (error) {
        this.#options.failed(error);
      }
    };
    const { index } = snapshot.position;
    this.#goOnAfter(index);
    this.#options.restore(snapshot).then(
      () => over(() => void (this.#appliedThrough = index)),
      (error: Error) => over(() => this.#onNotRestored(error, index)),
    );
  }

  /** A damaged file is damage of this node, which ends and is refilled; any other failure is the state machine's. */
  #onNotRestored(error: Error, index: LogIndex): void {
    if (error instanceof GraftError && error.code === "damaged") throw error;
    this.#fail(error, index, []);
  }

  #goOnAfter(index: LogIndex): void {
    this.#handedThrough = index;
    this.#committedThrough = Math.max(this.#committedThrough, index);
  }

  #hand(entries: readonly Entry[]): void {
    const applied: AppliedEntry[] = [];
    const waiters: (Waiter | null)[] = [];
    for (const entry of entries) {
      const waiter = this.#options.waiterOf(entry);
      const effective = appliedEntry(entry, waiter !== null);
      if (effective === null) continue;
      applied.push(effective);
      waiters.push(waiter);
    }
    const last = entries.at(-1)!;
    this.#run({ entries: applied, waiters, answeredCount: 0, through: last.index });
    this.#options.handed(
      last,
      entries.reduce((sum, entry) => sum + entryBytes(entry), 0),
    );
  }

  #run(run: Run): void {
    this.#underWay.add(run);
    this.#options.stateMachine
      .apply(run.entries, (outcomes) => this.#whileUnderWay(run, () => this.#answer(run, outcomes)))
      .then(
        () => this.#settle(run, () => this.#complete(run)),
        (error: Error) => this.#settle(run, () => this.#fail(error, run.through, run.waiters)),
      );
  }

  /** A run or a slice of queries is over: `conclude` says what came of it, and there is room for another. */
  #settle(asked: UnderWay, conclude: () => void): void {
    this.#whileUnderWay(asked, () => {
      conclude();
      this.#underWay.delete(asked);
      this.#pump();
    });
  }

  /** Nothing is heard of what has been abandoned. */
  #whileUnderWay(asked: UnderWay, conclude: () => void): void {
    if (!this.#underWay.has(asked)) return;
    try {
      conclude();
      this.#options.answered();
    } catch (error) {
      this.#options.failed(error);
    }
  }

  /** The next outcomes of a run have come. Nothing is kept of them. */
  #answer(run: Run, outcomes: readonly Outcome[]): void {
    for (const outcome of outcomes) {
      const nth = run.answeredCount++;
      const entry = run.entries[nth];
      if (entry === undefined) throw new Error(`${run.entries.length} commands applied, but more outcomes`);
      const waiter = run.waiters[nth]!;
      if (waiter !== null) answer(waiter, outcome, entry);
      run.waiters[nth] = null;
    }
  }

  #complete({ entries, answeredCount, through }: Run): void {
    if (answeredCount !== entries.length) {
      throw new Error(`${entries.length} commands applied, but ${answeredCount} outcomes`);
    }
    this.#appliedThrough = through;
  }

  #fail(error: Error, through: LogIndex, waiters: readonly (Waiter | null)[]): void {
    const isFirst = this.#failure === null;
    this.#failure ??= error;
    this.#stoppedThrough ??= through;
    for (const waiter of waiters) waiter?.fail(notApplied(error));
    if (isFirst) this.#options.stateMachineFailed(error);
  }

  #refuseCommitted(error: Error): void {
    while (this.#handedThrough < this.#committedThrough) {
      // The log may be long, and is only looked through for those who wait.
      if (!this.#options.someoneWaits()) this.#handedThrough = this.#committedThrough;
      if (this.#handedThrough === this.#committedThrough) return;
      const entries = this.#options.read(this.#handedThrough + 1, this.#committedThrough, runBytesMax);
      for (const entry of entries) this.#options.waiterOf(entry)?.fail(notApplied(error));
      this.#handedThrough = entries.at(-1)!.index;
    }
  }
}
