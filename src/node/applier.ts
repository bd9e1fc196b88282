// What goes to the state machine next? A snapshot to restore first, then committed entries (entry-runs.ts), then queries (query-slices.ts). So a
// query sees every entry that it has to see, and commands wait for one slice of queries at most. A state machine that has failed gets nothing more,
// and the clients that wait for it hear why, until another one has begun (renewals.ts) and has got past the place where it failed.
import type { LogIndex, Millis } from "../core/log-position.ts";
import type { SnapshotRecord } from "../core/snapshot-record.ts";
import { GraftError } from "../errors.ts";
import type { HeldState, StateMachine } from "../ports/state-machine.ts";
import type { ApplierHandlers, ApplierModules } from "./applier-options.ts";
import { standstillWords } from "./active-version.ts";
import { type Endless, EndlessWork } from "./endless-work.ts";
import { EntryRuns, type Lack } from "./entry-runs.ts";
import { Renewals } from "./renewals.ts";
import { Resumption } from "./resumption.ts";
import type { CopyDistrusted } from "./own-copy.ts";
import { anyIndex, QuerySlices } from "./query-slices.ts";
import { noEntry, Standstill } from "./standstill.ts";
import { byDecision, hung, hungAtOne, inQuestion } from "./thrown-away.ts";
import { ToldWake } from "./told-wake.ts";
import { UnderWay, type Work } from "./under-way.ts";
import { notApplied } from "./waiting-clients.ts";

export class Applier {
  readonly #stateMachine: Pick<StateMachine, "failure" | "operationOf" | "isDurable">;
  readonly #handlers: ApplierHandlers;
  readonly #underWay: UnderWay;
  readonly #runs: EntryRuns;
  readonly #queries: QuerySlices;
  readonly #endless: EndlessWork;
  readonly #renewals: Renewals;
  readonly #resumption: Resumption;
  readonly #standstill: Standstill;
  readonly #wake: ToldWake;
  /** `begun`: it has no state yet, which comes next. */
  #life: "begun" | "runs" | "stopped" | "renewing" = "runs";
  /** What it has kept on disk is not to be trusted. */
  #mistrusts = false;
  /** The snapshot whose state is to come next, and whether it is on its way. */
  #toRestore: SnapshotRecord | null = null;
  #isRestoring = false;
  /** The log has begun anew, and the snapshot that replaces what is gone is on its way to the disk. */
  #isHeld = false;
  #isAbandoned = false;

  /** @param snapshot where to begin; null: with the first entry */
  constructor(snapshot: SnapshotRecord | null, modules: ApplierModules, handlers: ApplierHandlers) {
    const { stateMachine, clock, reads } = modules;
    this.#stateMachine = stateMachine;
    this.#handlers = handlers;
    this.#standstill = new Standstill(handlers.lacking);
    this.#wake = new ToldWake(handlers.wake);
    this.#underWay = new UnderWay({
      done: () => this.#pump(),
      answered: handlers.answered,
      failed: handlers.failed,
    });
    this.#runs = new EntryRuns(snapshot?.position.index ?? 0, this.#underWay, modules, {
      ...handlers,
      inQuestion: (entry) => this.renew(inQuestion(entry)),
      asked: (wakeAtMs, through) => {
        if (this.#life !== "runs") return;
        this.#wake.set(wakeAtMs, through);
        this.#lookWhetherPast();
      },
      due: () => this.#pumpOrFail(),
      failed: (error, through, waiters) => this.#fail(error, through, waiters),
    });
    this.#queries = new QuerySlices({ stateMachine, clock, reads, underWay: this.#underWay });
    this.#endless = new EndlessWork({
      clock,
      operationAt: (index) => this.operationAt(index),
      busyWith: () => stateMachine.busyWith,
      askerOf: (nth) => this.#queries.askerOf(nth),
    });
    this.#renewals = new Renewals(clock, () => this.#renew());
    this.#toRestore = snapshot;
    this.#resumption = new Resumption(snapshot?.position.index ?? 0, handlers.resumed);
    if (stateMachine.isDurable) this.#life = "begun";
    if (snapshot !== null) this.#runs.skipTo(snapshot.position.index);
  }

  /** The snapshot to begin with is restored. */
  start(): void {
    this.#pump();
  }

  /** The last entry whose effect the state machine has confirmed. */
  get appliedIndex(): LogIndex {
    return this.#runs.appliedThrough;
  }

  /** Whether the state machine has nothing under way. */
  get isIdle(): boolean {
    return this.#underWay.isEmpty && !this.#isRestoring;
  }

  /** Why the state machine stands still: it has stopped, or lacks the version that is active. Null while it runs. */
  get standstill(): Error | null {
    return this.#standstill.why;
  }

  /** What the state machine has been busy with for too long, by the last look; null: nothing. */
  get endlessWork(): Endless | null {
    return this.#endless.found;
  }

  /** To be called often. Also finds a state machine that has stopped while it had nothing to apply. */
  lookForEndlessWork(): Endless | null {
    const { failure } = this.#stateMachine;
    if (failure !== null && this.#life === "runs" && !this.#isAbandoned && !this.#isRestoring) {
      this.#fail(failure, this.#runs.handedThrough, []);
      this.#pumpOrFail();
    }
    this.#endless.look();
    if (this.#life === "runs" && this.#endless.isOneOfSeveral) {
      this.#runs.suspectFirst();
      this.renew(hungAtOne, false);
    }
    return this.#endless.found;
  }

  /** The entry that the state machine cannot get past; null: there is none, or nobody can tell which one it is. */
  get stuckAt(): LogIndex | null {
    // One that has begun anew may hang at another entry than the one before it failed at.
    const hangsAt = this.#life === "runs" ? this.#endless.entry : null;
    return hangsAt ?? this.#standstill.failedAt;
  }

  /** For people: the operation of the command at this index, which the state machine cannot get past; null: it names none. */
  operationAt(index: LogIndex): string | null {
    const command = this.#runs.commandAt(index);
    return command === null ? null : this.#stateMachine.operationOf(command);
  }

  /** The state machine stands still at an entry at or before this index, or at none with 0; null while it runs. */
  get stoppedThrough(): LogIndex | null {
    return this.stuckAt ?? this.#standstill.through;
  }

  /** For people: what is done about a state machine that has stopped; null: it has not. */
  get renewal(): string | null {
    return this.#standstill.failure === null ? null : this.#renewals.words;
  }

  /** Throws the state away: the state machine begins anew, and counts as stopped until it has got as far again. `isWrong` false: what was committed of it may be kept. */
  renew(why: Error, isWrong = true): void {
    if (this.#isAbandoned || this.#life !== "runs") return;
    this.#mistrusts = isWrong;
    this.#discard(why);
    this.#pumpOrFail();
  }

  /** As `renew`, where another state is at hand: a state machine that has stopped for good begins with that one. */
  replace(why: Error): void {
    if (this.#isAbandoned) return;
    this.#mistrusts = true;
    if (this.#life === "runs") this.#discard(why);
    if (this.#life === "stopped") this.#renewals.again();
    this.#pumpOrFail();
  }

  /** What is under way is answered by a state that is thrown away: nobody is told of it. */
  #discard(why: Error): void {
    this.#underWay.refuse(`the state machine of this node ${standstillWords(why)}`);
    this.#fail(why, this.#runs.handedThrough, []);
  }

  /** Everything through this index is committed and durable here. */
  advance(through: LogIndex): void {
    this.#runs.commit(through);
    if (this.#life !== "begun") this.#obey();
    this.#resumption.know(through);
    this.#pump();
  }

  /** A state machine that has been given a skipped entry begins anew, and is not given it again. What its snapshot has of it stays there. */
  #obey(): void {
    const { handedThrough } = this.#runs;
    const { at, skipped } = this.#handlers.freshlyDecided(this.#handlers.latest()?.position.index ?? 0, handedThrough);
    for (const position of at) this.#runs.onDecided(position);
    if (skipped !== null) this.replace(byDecision(skipped));
  }

  /** The log begins anew after this snapshot: its state comes next, then what follows it. */
  restore(snapshot: SnapshotRecord): void {
    this.#isHeld = false;
    this.#toRestore = snapshot;
    if (this.#life === "runs" && this.#endless.found !== null) this.#discard(hung);
    // It may hold what the state machine could not get past.
    if (this.#life === "stopped" && !this.#isAbandoned) this.#renewals.again();
    this.#pump();
  }

  /** The state is not to be trusted: what it answers is for nobody. Null: it is again, or another one takes its place. */
  distrust(why: CopyDistrusted | null): void {
    this.#standstill.distrust = why;
    if (why?.applies === false && this.#life !== "runs") this.#mistrusts = true;
    if (why !== null) this.#underWay.refuse(`the state machine of this node ${standstillWords(why)}`);
    this.#pumpOrFail();
  }

  /** Committed entries that were not handed over yet are about to leave the log. Nothing is read until `restore` or `letGo`. */
  hold(): void {
    this.#isHeld = true;
  }

  /** These entries stay in the log: the store had no room for the snapshot that was to replace them. */
  letGo(): void {
    this.#isHeld = false;
    this.#pump();
  }

  /** The node ends: nothing more is handed over, and the clients that wait for the state machine get their answer. */
  abandon(reason: string): void {
    this.#isAbandoned = true;
    this.#renewals.cancel();
    this.#runs.stop();
    this.#underWay.abandon(reason);
  }

  /** Fails waiters whose deadline has passed. The state machine may hang. */
  expire(nowMs: Millis, hangs: Endless | null = null): void {
    this.#underWay.expire(nowMs, hangs);
  }

  /** Queries may have become due, also of a client that has just asked. */
  serve(): void {
    this.#pumpOrFail();
  }

  #pump(): void {
    if (this.#isAbandoned || this.#isRestoring || this.#isHeld) return;
    if (this.#life === "stopped" || this.#life === "renewing") return this.#refuse();
    if (this.#life === "begun" && !this.#begin()) return;
    if (this.#toRestore !== null) {
      // What was handed over before is answered first. Nothing else goes to the state machine in between.
      if (this.#underWay.isEmpty) this.#restore(this.#toRestore);
      return;
    }
    const { distrust, failure } = this.#standstill;
    if (distrust !== null) return this.#pumpUnseen(distrust);
    // Commands first: they wait for the slice that is under way, and not for the next one.
    this.#runs.handOver();
    const { lack } = this.#runs;
    if (lack !== null) return this.#wait(lack);
    this.#standstill.noteLack(null);
    // No query sees a state that is older than the one before.
    if (failure === null) this.#queries.ask(this.#runs.handedThrough);
    else this.#queries.refuse(anyIndex, failure);
  }

  /** A state machine that has stopped is not restored. But nothing is read that is gone from the log. */
  #refuse(): void {
    if (this.#toRestore !== null) this.#runs.skipTo(this.#toRestore.position.index);
    this.#toRestore = null;
    const failure = this.#standstill.failure!;
    this.#runs.refuse(failure);
    this.#queries.refuse(this.#runs.handedThrough, failure);
  }

  /** What the one before had under way is answered first. Whether its state is there. */
  #begin(): boolean {
    if (!this.#underWay.isEmpty) return false;
    if (!this.#stateMachine.isDurable) {
      this.#beginWith(null);
      return true;
    }
    this.#isRestoring = true;
    this.#handlers
      .recall(() => !this.#mistrusts)
      .then(
        (held) => this.#conclude(() => this.#beginWith(held)),
        (error: Error) => this.#conclude(() => this.#stop(error, this.#runs.handedThrough)),
      );
    return false;
  }

  /** What it has kept on disk, or with the latest snapshot, or with nothing. */
  #beginWith(held: HeldState | null): void {
    // The log begins anew meanwhile: the snapshot before it is newer than anything that was kept.
    if (this.#isHeld) return;
    this.#life = "runs";
    this.#mistrusts = false;
    this.#toRestore = held === null ? this.#handlers.latest() : null;
    const index = this.#toRestore?.position.index ?? held?.reached.index ?? 0;
    this.#runs.skipTo(index);
    // To decisions that were committed while it had no state. What the clients ask for that hear of them waits for the state.
    this.#isRestoring = true;
    this.#obey();
    this.#isRestoring = false;
    if (this.#toRestore !== null || this.#life !== "runs") return;
    this.#runs.onRestored(index);
    if (held !== null) this.#wake.set(held.wakeAtMs, index);
    this.#resumption.begin(held?.reached ?? null);
    this.#lookWhetherPast();
  }

  #renew(): void {
    // What it had kept may be what stops it, or is known to be wrong.
    if (this.#renewals.isRepeated || this.#standstill.distrust?.applies === false) this.#mistrusts = true;
    this.#life = "renewing";
    this.#handlers.renew().then(
      () => this.#onRenewed(),
      (error: Error) => {
        if (!this.#isAbandoned) this.#stop(error, noEntry);
      },
    );
  }

  #onRenewed(): void {
    this.#life = "begun";
    this.#endless.begin();
    this.#pumpOrFail();
  }

  /** Whether it has got past the place where it had stopped. */
  #lookWhetherPast(): void {
    if (this.#life !== "runs" || !this.#standstill.passes(this.appliedIndex)) return;
    this.#renewals.passed();
    this.#handlers.stateMachineRuns();
  }

  /** A copy that may be right goes on, so that it can be compared with others. Nobody sees what it answers. */
  #pumpUnseen(why: CopyDistrusted): void {
    this.#runs.refuseUnseen(why);
    this.#queries.refuse(anyIndex, why);
    if (why.applies) this.#runs.handOver();
  }

  /** Has no caller that would hear of an error, so an error ends the node. */
  #pumpOrFail(): void {
    if (this.#isAbandoned) return;
    try {
      this.#pump();
    } catch (error) {
      this.#handlers.failed(error);
    }
  }

  #restore(snapshot: SnapshotRecord): void {
    const running = snapshot.activation && this.#handlers.runningFrom(snapshot.activation.position.index);
    const { index } = snapshot.position;
    this.#runs.skipTo(index);
    if (running?.kind === "lacks") return this.#wait({ index, why: running.why });
    this.#standstill.noteLack(null);
    this.#toRestore = null;
    this.#resumption.begin(null);
    this.#isRestoring = true;
    this.#handlers.restore(snapshot, running?.plugin ?? null).then(
      (wakeAtMs) =>
        this.#conclude(() => {
          this.#runs.onRestored(index);
          this.#wake.set(wakeAtMs, index);
          this.#lookWhetherPast();
        }),
      (error: Error) =>
        this.#conclude(() => {
          // Damage of this node, which ends and is refilled. Any other failure is the state machine's.
          if (error instanceof GraftError && error.code === "damaged") throw error;
          this.#fail(error, index, []);
        }),
    );
  }

  /** The state has come, or has not. */
  #conclude(conclude: () => void): void {
    this.#isRestoring = false;
    // A state machine that is closed cannot restore. This is no failure of it.
    if (this.#isAbandoned) return;
    try {
      conclude();
      this.#pump();
      this.#handlers.answered();
    } catch (error) {
      this.#handlers.failed(error);
    }
  }

  /** For a version. Nobody waits with it. */
  #wait(lack: Lack): void {
    this.#standstill.noteLack(lack);
    this.#wake.set(null, lack.index);
    this.#runs.refuseLacking(lack.why);
    this.#queries.refuse(anyIndex, lack.why);
  }

  #fail(error: Error, through: LogIndex, waiters: Work["waiters"]): void {
    for (const waiter of waiters) waiter?.fail(notApplied(error.message));
    // What else it had under way fails for the same reason.
    if (this.#life === "runs") this.#stop(error, through);
  }

  #stop(error: Error, through: LogIndex): void {
    this.#life = "stopped";
    this.#standstill.stop(error, through);
    this.#resumption.begin(null);
    this.#wake.set(null, through);
    this.#renewals.stopped(!this.#handlers.isDiskLow());
    this.#handlers.stateMachineFailed(error);
  }
}
