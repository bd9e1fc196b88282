// How do committed entries reach the state machine? In order, each once, in runs of bounded size. A few runs may be with the state
// machine at once. The outcomes of a run may come piece by piece, and each is the answer to the client that waits for its entry.
import type { PluginVersion } from "../core/activation.ts";
import { type Entry, entryBytes } from "../core/entry.ts";
import type { LogIndex, LogPosition } from "../core/log-position.ts";
import type { WakeTime } from "../core/wake-time.ts";
import { StateMachineStopped } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { LeaderHint } from "../ports/requests.ts";
import type { AppliedEntry, AppliedOpenSession, ClientIsFull, Outcome, StateMachine } from "../ports/state-machine.ts";
import { type Running, standstillWords } from "./active-version.ts";
import { answer } from "./answers.ts";
import { appliedEntry } from "./applied-entry.ts";
import { Gathering } from "./gathering.ts";
import type { Decision } from "./skipped-entries.ts";
import type { LogTail } from "./log-tail.ts";
import type { Applied } from "./snapshot-taker.ts";
import type { UnderWay, Work } from "./under-way.ts";
import { giveUp, notApplied, type Waiter, type WaitingClients } from "./waiting-clients.ts";

const nothing = new Uint8Array();

/** How many runs may be with the state machine at once, and how big one is. */
const runsMax = 16;
const runBytesMax = 256 * 1024;
/** How long entries are read and handed over in one go, ms: a node that replays a long log has heartbeats to answer (P49). */
const turnMsMax = 10;

const anyIndex = Number.MAX_SAFE_INTEGER;

/** Whether it says which entry it was. */
const isNamed = (error: Error): boolean => error instanceof StateMachineStopped && error.entry !== null;

export interface EntryRunsModules {
  readonly stateMachine: Pick<StateMachine, "apply">;
  readonly clock: Pick<Clock, "nowMs" | "soon" | "at">;
  /** Where the entries are read. */
  readonly tail: Pick<LogTail, "read">;
  /** The clients that wait for entries. */
  readonly waiting: Pick<WaitingClients, "take" | "count">;
}

export interface EntryRunsHandlers {
  /** The leader, for a client whose entry was overwritten. */
  readonly leader: () => LeaderHint | null;
  /** Whether any request waits on this node, also one that has not reached the log. */
  readonly isAsked: () => boolean;
  /** At which index after this one a run has to end: something is to be done there. */
  readonly placeAfter: (index: LogIndex) => LogIndex;
  /** The last of these entries has been handed over, and nothing after it; `bytes`: what they weigh. */
  readonly handed: (last: Applied, bytes: number) => void;
  /** Fewer commands are under way: there may be room for those that wait for it. */
  readonly freed: () => void;
  /** More entries may be handed over than at the last call of `handOver`. */
  readonly due: () => void;
  /** Which version this node runs from the activation at this index on. */
  readonly runningFrom: (index: LogIndex) => Running;
  /** What an administrator has decided on the entry at this index; null: nothing. */
  readonly decisionOn: (index: LogIndex) => Decision | null;
  /** The state machine has applied an entry that it may have to do without: nothing of its state is to be shown. */
  readonly inQuestion: (entry: LogIndex) => void;
  /** The state machine has applied what it was handed through this index, and asks to be woken at this time. */
  readonly asked: (wakeAtMs: WakeTime, through: LogIndex) => void;
  /** A client has no room for the session that this entry was to open. */
  readonly clientFull: (entry: AppliedOpenSession, outcome: ClientIsFull) => void;
  /** The state machine failed at an entry at or before `through`, and these clients wait for it. */
  readonly failed: (error: Error, through: LogIndex, waiters: Work["waiters"]) => void;
}

/** The version that is activated at this index is not at hand. */
export interface Lack {
  readonly index: LogIndex;
  readonly why: Error;
}

interface Run extends Work {
  readonly entries: readonly AppliedEntry[];
  readonly waiters: (Waiter | null)[];
  /** How many of them have been answered: the first ones. */
  answeredCount: number;
  /** The last entry of the log that it stands for. */
  readonly through: LogIndex;
}

export class EntryRuns {
  readonly #modules: EntryRunsModules;
  readonly #handlers: EntryRunsHandlers;
  readonly #underWay: UnderWay;
  readonly #gathering: Gathering;
  /** Handed over to the state machine through here; answers may still be out. */
  #handedThrough: LogIndex;
  #committedThrough: LogIndex;
  /** No client waits for an entry at or before this index. */
  #refusedThrough: LogIndex = 0;
  #appliedThrough: LogIndex = 0;
  /** With the state machine. */
  readonly #runs = new Set<Run>();
  /** At which it failed last. */
  #failedRun: Run | null = null;
  /** Since it has begun. */
  #hasFailed = false;
  /** One of these entries stops the state machine, and nobody can tell which. */
  #suspects: { readonly from: LogIndex; readonly through: LogIndex } | null = null;
  /** The next entry to hand over activates a version that this node does not have. */
  #lack: Lack | null = null;
  /** More is to be handed over as soon as others have had their turn. */
  #isPaused = false;

  /** @param after the entries up to this index are in the state already */
  constructor(after: LogIndex, underWay: UnderWay, modules: EntryRunsModules, handlers: EntryRunsHandlers) {
    this.#modules = modules;
    this.#handlers = handlers;
    this.#underWay = underWay;
    this.#gathering = new Gathering({ clock: modules.clock, isAsked: handlers.isAsked, over: handlers.due });
    this.#handedThrough = after;
    this.#committedThrough = after;
  }

  get handedThrough(): LogIndex {
    return this.#handedThrough;
  }

  /** The last entry whose effect the state machine has confirmed. */
  get appliedThrough(): LogIndex {
    return this.#appliedThrough;
  }

  /** What keeps the next entry from being handed over; null: nothing. */
  get lack(): Lack | null {
    return this.#lack;
  }

  /** The command at this index, if the state machine has it, or has failed at it or near it. Reads no disk: it may be gone. */
  commandAt(index: LogIndex): Uint8Array | null {
    const runs = this.#failedRun === null ? [...this.#runs] : [...this.#runs, this.#failedRun];
    const entry = runs.flatMap(({ entries }) => entries).find((each) => each.index === index);
    return entry?.kind === "command" ? entry.payload : null;
  }

  /** Everything through this index is committed and durable here. */
  commit(through: LogIndex): void {
    this.#committedThrough = Math.max(this.#committedThrough, through);
  }

  /** A decision of an administrator has been committed at this position. It takes effect before the state machine gets so far. */
  onDecided(position: LogPosition): void {
    this.#waiterOf(position)?.succeed(nothing, position, null);
  }

  /** The log begins anew after this index. */
  skipTo(index: LogIndex): void {
    this.#handedThrough = index;
    this.#lack = null;
    this.commit(index);
  }

  /** The state machine has the state as it was at this index. */
  onRestored(index: LogIndex): void {
    this.#appliedThrough = index;
    this.#hasFailed = false;
  }

  /** The state machine is thrown away because it hangs, and it may be at any entry of its first run. */
  suspectFirst(): void {
    const [run] = this.#runs;
    if (run !== undefined) this.#suspect(run);
  }

  /** From now on these entries are handed over one at a time: the next time the entry is known. */
  #suspect({ entries, answeredCount, through }: Run): void {
    const from = entries[answeredCount]?.index ?? through;
    this.#suspects = { from, through };
  }

  /** The node ends. */
  stop(): void {
    this.#gathering.stop();
  }

  /** Hands over what is due and what the state machine has room for. */
  handOver(): void {
    const { clock, tail } = this.#modules;
    if (this.#isPaused || this.#handedThrough === this.#committedThrough) return;
    if (this.#lack !== null && this.#lackAt(this.#lack.index) !== null) return;
    const through = this.#gathering.dueThrough(this.#committedThrough);
    const endMs = clock.nowMs() + turnMsMax;
    while (this.#runs.size < runsMax && this.#handedThrough < through) {
      if (clock.nowMs() >= endMs) return this.#pause();
      const next = this.#handedThrough + 1;
      const isSuspect = this.#isSuspect(next);
      if (isSuspect && this.#runs.size > 0) return;
      const place = this.#handlers.placeAfter(this.#handedThrough);
      const end = isSuspect ? next : Math.min(through, place, this.#nextSuspect(next) - 1);
      const entries = this.#runnable(tail.read(next, end, runBytesMax));
      if (entries.length === 0) return;
      this.#handedThrough = entries.at(-1)!.index;
      this.#hand(entries);
    }
  }

  #isSuspect(index: LogIndex): boolean {
    const suspects = this.#suspects;
    return suspects !== null && index >= suspects.from && index <= suspects.through;
  }

  #nextSuspect(index: LogIndex): LogIndex {
    const from = this.#suspects?.from ?? 0;
    return from > index ? from : anyIndex;
  }

  /** The first of these entries, up to one that this node lacks the version for, or that may be skipped. */
  #runnable(entries: readonly Entry[]): readonly Entry[] {
    this.#lack = null;
    const end = entries.findIndex(
      (entry) =>
        this.#handlers.decisionOn(entry.index) === "open" ||
        (entry.kind === "activate" && this.#lackAt(entry.index) !== null),
    );
    return end === -1 ? entries : entries.slice(0, end);
  }

  /** Remembers it. */
  #lackAt(index: LogIndex): Lack | null {
    const running = this.#handlers.runningFrom(index);
    this.#lack = running.kind === "lacks" ? { index, why: running.why } : null;
    return this.#lack;
  }

  #versionFrom(index: LogIndex): PluginVersion {
    const running = this.#handlers.runningFrom(index);
    if (running.kind === "lacks") throw running.why;
    return running.plugin;
  }

  #pause(): void {
    this.#isPaused = true;
    this.#modules.clock.soon(() => {
      this.#isPaused = false;
      this.#handlers.due();
    });
  }

  #hand(entries: readonly Entry[]): void {
    const applied: AppliedEntry[] = [];
    const waiters: (Waiter | null)[] = [];
    for (const entry of entries) {
      const waiter = this.#waiterOf(entry);
      const effective = appliedEntry(entry, {
        isAwaited: waiter !== null,
        isSkipped: this.#handlers.decisionOn(entry.index) === "skipped",
        versionFrom: (index) => this.#versionFrom(index),
      });
      if (effective === null) {
        waiter?.succeed(nothing, entry, null);
        continue;
      }
      applied.push(effective);
      waiters.push(waiter);
    }
    const last = entries.at(-1)!;
    this.#apply({ entries: applied, waiters, answeredCount: 0, through: last.index });
    this.#handlers.handed(
      last,
      entries.reduce((sum, entry) => sum + entryBytes(entry), 0),
    );
    this.#handlers.freed();
  }

  #waiterOf(position: LogPosition): Waiter | null {
    return this.#modules.waiting.take(position, this.#handlers.leader());
  }

  #apply(run: Run): void {
    this.#underWay.add(run);
    this.#runs.add(run);
    this.#modules.stateMachine
      .apply(run.entries, (outcomes) => this.#underWay.hear(run, () => this.#answer(run, outcomes)))
      .then(
        (wakeAtMs) => this.#underWay.settle(run, () => this.#complete(run, wakeAtMs)),
        (error: Error) => this.#underWay.settle(run, () => this.#fail(run, error)),
      );
  }

  /** The next outcomes of a run have come. Nothing is kept of them. */
  #answer(run: Run, outcomes: readonly Outcome[]): void {
    for (const outcome of outcomes) {
      const nth = run.answeredCount++;
      const entry = run.entries[nth];
      if (entry === undefined) throw new Error(`${run.entries.length} commands applied, but more outcomes`);
      if (entry.isSkipped !== true && this.#handlers.decisionOn(entry.index) !== null) {
        this.#handlers.inQuestion(entry.index);
      }
      if (outcome.kind === "full" && entry.kind === "openSession") this.#handlers.clientFull(entry, outcome);
      const waiter = run.waiters[nth]!;
      if (waiter !== null) answer(waiter, outcome, entry);
      run.waiters[nth] = null;
    }
  }

  #complete(run: Run, wakeAtMs: WakeTime): void {
    const { entries, answeredCount, through } = run;
    if (answeredCount !== entries.length) {
      throw new Error(`${entries.length} commands applied, but ${answeredCount} outcomes`);
    }
    this.#runs.delete(run);
    this.#appliedThrough = through;
    if (this.#suspects !== null && through >= this.#suspects.through) this.#suspects = null;
    this.#handlers.asked(wakeAtMs, through);
  }

  #fail(run: Run, error: Error): void {
    this.#runs.delete(run);
    // The runs behind it fail with it.
    if (!this.#hasFailed) {
      this.#hasFailed = true;
      this.#failedRun = run;
      if (!isNamed(error)) this.#suspect(run);
    }
    this.#handlers.failed(error, run.through, run.waiters);
  }

  /** The state machine has failed. No client is left waiting for what is committed, and nothing more is handed over. */
  refuse(error: Error): void {
    this.#failWaiters((waiter) => waiter.fail(notApplied(error.message)));
    this.#handedThrough = this.#committedThrough;
  }

  /** What is committed waits for a version. No client waits with it. */
  refuseLacking(why: Error): void {
    const message = `the state machine of this node ${standstillWords(why)}`;
    this.#failWaiters((waiter) => waiter.fail(notApplied(message)));
  }

  /** What this copy answers is for nobody. The other nodes apply what is committed: a session may ask one of them. */
  refuseUnseen(why: Error): void {
    const message = `the state machine of this node ${standstillWords(why)}`;
    this.#failWaiters((waiter) => giveUp(waiter, message));
  }

  #failWaiters(fail: (waiter: Waiter) => void): void {
    const { waiting, tail } = this.#modules;
    let through = Math.max(this.#handedThrough, this.#refusedThrough);
    // The log may be long, and is read only while clients wait.
    while (through < this.#committedThrough && waiting.count > 0) {
      const entries = tail.read(through + 1, this.#committedThrough, runBytesMax);
      for (const entry of entries) {
        const waiter = this.#waiterOf(entry);
        if (waiter !== null) fail(waiter);
      }
      through = entries.at(-1)!.index;
      this.#handlers.freed();
    }
    this.#refusedThrough = this.#committedThrough;
  }
}
