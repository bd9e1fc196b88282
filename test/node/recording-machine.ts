// A state machine that remembers what it was given. What it does with a command or a query is in the text of it: "reject …"
// and "throw …" are done as they say, anything else is answered with itself. It can be made to keep its answers back.
import type { VersionAtHand } from "../../src/core/activation.ts";
import { type SessionOutcome, SessionTable } from "../../src/core/sessions.ts";
import type { WakeTime } from "../../src/core/wake-time.ts";
import { ContentHash } from "../../src/adapters/plugin/content-hash.ts";
import { Milestones } from "../../src/adapters/plugin/outcome-chain.ts";
import { notOpened } from "../../src/adapters/plugin/command-outcomes.ts";
import { GraftError, StateMachineStopped } from "../../src/errors.ts";
import {
  type Answer,
  type AppliedCommand,
  type AppliedEntry,
  type BusyWith,
  type Deliver,
  type HeldState,
  type Milestone,
  type Outcome,
  type Recollection,
  type RenewableStateMachine,
  skippedMessage,
  type StateSnapshot,
} from "../../src/ports/state-machine.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const bytes = (text: string): Uint8Array => encoder.encode(text);
export const text = (payload: Uint8Array): string => decoder.decode(payload);

const refusedSnapshot = "a snapshot is being read";

/** What fails alone. */
const harmless: ReadonlySet<string> = new Set([refusedSnapshot]);

export class RecordingMachine implements RenewableStateMachine {
  readonly description = {
    name: "recording",
    version: "1",
    code: null,
    style: "raw",
    commands: [],
    queries: [],
    snapshots: true,
  } as const;
  /** By default none is announced: the logs of most tests name no version. */
  readonly versions: readonly VersionAtHand[];
  /** What was applied, in order, as `index:text`. */
  readonly applied: string[] = [];
  /** The commands of each call of `apply`. */
  readonly runs: (readonly AppliedEntry[])[] = [];
  sessions = new SessionTable();
  /** Each query, with how much had been handed over before it. */
  readonly queries: string[] = [];
  busyWith: BusyWith | null = null;
  /** How many queries of a slice it answers, and how long it says that each took. */
  sliceMax = Number.POSITIVE_INFINITY;
  elapsedMs = 0;
  /** Answers wait for `release`. */
  isSlow = false;
  /** Breaks the port's contract: one outcome is missing. */
  losesOutcomes = false;
  /** A command at which it ends. Only where that is alone in a run can it tell which one it was. */
  fatal: string | null = null;
  /** A command that this copy of the state machine fails at, and no other one. */
  poison: string | null = null;
  closeFailure: Error | null = null;
  readonly #onClose: () => void;
  #snapshot: StateSnapshot | null = null;
  #held: { readonly settle: () => void; readonly reject: (error: Error) => void }[] = [];
  #stopped: Error | null = null;

  constructor(onClose: () => void = () => {}, versions: readonly VersionAtHand[] = []) {
    this.#onClose = onClose;
    this.versions = versions;
  }

  get failure(): Error | null {
    return this.#stopped;
  }

  /** The first word of a command. */
  operationOf(command: Uint8Array): string | null {
    return text(command).split(" ")[0] ?? null;
  }

  /** Whether it keeps its state on disk, what is there, and who asked for that. */
  isDurable = false;
  held: HeldState | null = null;
  damage: readonly string[] = [];
  readonly recalls: string[] = [];
  forgotten = 0;

  async recall(owner: string): Promise<Recollection> {
    this.recalls.push(owner);
    return this.#later(() => {
      this.#reached = this.held?.reached.index ?? 0;
      return { held: this.held, damage: this.damage };
    });
  }

  /** Whose its state was said to be. */
  readonly origins: string[] = [];

  async setOrigin(origin: string): Promise<void> {
    this.origins.push(origin);
  }

  async forget(): Promise<void> {
    this.forgotten++;
    this.held = null;
    this.#clear();
  }

  /** How often it has begun anew. */
  renewals = 0;
  /** It cannot begin anew. */
  renewalFailure: Error | null = null;

  async renew(): Promise<void> {
    this.#stop(new GraftError("state-machine", "The state machine is closed"));
    if (this.renewalFailure !== null) throw this.renewalFailure;
    this.renewals++;
    this.#clear();
    this.#reached = 0;
    this.#milestones?.restart();
    this.sessions = new SessionTable();
    this.#snapshot = null;
    this.#stopped = null;
  }

  /** As if its thread had ended. */
  die(reason: string): void {
    this.#stop(new GraftError("state-machine", reason));
  }

  /** What it asks for from now on. */
  wakeAtMs: WakeTime = null;

  /** A restore reads nothing before. */
  restoresAfter: Promise<void> | null = null;

  /** How many calls wait for `release`. */
  get heldCount(): number {
    return this.#held.length;
  }

  #milestones: Milestones | null = null;
  /** Null: as far as the snapshot reaches, which does not say it. */
  #reached: number | null = 0;
  /** The state is right, and what is read of it is not. */
  readsWrong = false;

  watchMilestones(every: number, tell: (milestone: Milestone) => void): void {
    this.#milestones = new Milestones(every, tell);
  }

  /** As if a bit of its memory had flipped: its state and every hash from here on are others. */
  spoil(): void {
    this.applied.push("spoiled");
  }

  /** Of the first `count` entries of `applied`. */
  #hashed = { count: 0, value: 0n };

  /** Here a hash of the state stands for that of the outcomes. */
  get told(): number {
    let { count, value } = this.#hashed;
    for (; count < this.applied.length; count++) value = Bun.hash.xxHash3(`${value} ${this.applied[count]}`);
    this.#hashed = { count, value };
    return Number(value >> 11n);
  }

  #clear(): void {
    this.applied.length = 0;
    this.#hashed = { count: 0, value: 0n };
  }

  get low(): number {
    return this.told % 2 ** 32;
  }

  async apply(run: readonly AppliedEntry[], deliver: Deliver): Promise<WakeTime> {
    this.runs.push(run);
    const index = run.find((entry) => entry.kind === "command" && text(entry.payload) === this.fatal)?.index;
    if (index !== undefined) this.#stop(endOf(index, run));
    const outcomes = await this.#later(() => run.map((command) => this.#applyAndTell(command)));
    const delivered = this.losesOutcomes ? outcomes.slice(1) : outcomes;
    if (delivered.length > 0) deliver(delivered);
    return this.wakeAtMs;
  }

  query(slice: readonly Uint8Array[]): Promise<readonly Answer[]> {
    const handed = this.runs.reduce((sum, run) => sum + run.length, 0);
    const begun = slice.slice(0, this.sliceMax);
    const questions = begun.map(text);
    for (const question of questions) this.queries.push(`${question} after ${handed}`);
    return this.#later(() =>
      questions.map((question) => ({ outcome: this.#answer(question), elapsedMs: this.elapsedMs })),
    );
  }

  #answer(question: string): Answer["outcome"] {
    if (question.startsWith("throw")) {
      return { kind: "failed", error: new GraftError("query-failed", "the query failed") };
    }
    return { kind: "ok", payload: bytes(`${question} of ${this.applied.length}`) };
  }

  snapshot(): Promise<StateSnapshot> {
    return this.#later(() => {
      if (this.#snapshot !== null) throw new GraftError("state-machine", refusedSnapshot);
      this.#snapshot = this.#frozen([...this.applied]);
      return this.#snapshot;
    });
  }

  async restore(chunks: AsyncIterable<Uint8Array>): Promise<WakeTime> {
    await this.restoresAfter;
    this.#clear();
    for await (const chunk of chunks) this.applied.push(text(chunk));
    this.#reached = null;
    this.#milestones?.restart();
    if (this.#stopped !== null) throw this.#stopped;
    return this.wakeAtMs;
  }

  #frozen(applied: string[]): StateSnapshot {
    const close = (): void => {
      applied.length = 0;
      if (this.#snapshot === snapshot) this.#snapshot = null;
    };
    const hash = new ContentHash();
    if (this.readsWrong) hash.note(bytes("wrong"));
    const read = (): Promise<Uint8Array | null> =>
      this.#later(() => {
        const next = applied.shift();
        if (next === undefined) close();
        return hash.note(next === undefined ? null : bytes(next));
      });
    const snapshot: StateSnapshot = {
      read,
      close,
      get contentHash() {
        return hash.value;
      },
    };
    return snapshot;
  }

  async close(): Promise<void> {
    this.#onClose();
    this.#stop(new GraftError("state-machine", "The state machine is closed"));
    if (this.closeFailure !== null) throw this.closeFailure;
  }

  /** Lets the oldest `count` answers go. */
  release(count = this.#held.length): void {
    for (const { settle } of this.#held.splice(0, count)) settle();
  }

  #applyAndTell(entry: AppliedEntry): Outcome {
    this.#milestones?.before(entry.index, this.#reached ?? entry.index - 1, this);
    const outcome = this.#apply(entry);
    this.#reached = entry.index;
    this.#milestones?.after(entry.index, this);
    return outcome;
  }

  #apply(entry: AppliedEntry): Outcome {
    switch (entry.kind) {
      case "openSession": {
        const refusal = this.sessions.open(entry.index, entry, entry.timeMs);
        if (refusal !== null) return notOpened(refusal, this.sessions.fullUntilMs(entry.client));
        return { kind: "ok", payload: bytes("") };
      }
      case "closeSession":
        return this.sessions.close(entry.session, entry.client, entry.timeMs) ?? { kind: "ok", payload: bytes("") };
      case "command":
        return this.#command(entry);
      case "activate":
      case "tick":
        return { kind: "ok", payload: bytes("") };
    }
  }

  #command(command: AppliedCommand): Outcome {
    const { session: stamp, payload, timeMs } = command;
    if (stamp === null) return this.#run(command);
    const stamped = { stamp, digest: Bun.hash.crc32(payload) };
    const answer = this.sessions.answerTo(stamped, timeMs);
    if (answer !== null) return answer;
    const outcome = this.#run(command);
    this.sessions.keep(stamped, outcome);
    return outcome;
  }

  #run(command: AppliedCommand): SessionOutcome {
    const said = text(command.payload);
    if (command.isSkipped === true) {
      this.applied.push(`${command.index}:skipped`);
      return { kind: "rejected", message: skippedMessage };
    }
    if (said.startsWith("throw") || said === this.poison) {
      throw new StateMachineStopped(`entry ${command.index} failed`, command.index);
    }
    this.applied.push(`${command.index}:${said}`);
    return said.startsWith("reject")
      ? { kind: "rejected", message: `${said} is refused` }
      : { kind: "ok", payload: command.payload };
  }

  #later<T>(work: () => T): Promise<T> {
    if (this.#stopped !== null) return Promise.reject(this.#stopped);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const settle = (): void => {
      if (this.#stopped !== null) return reject(this.#stopped);
      try {
        resolve(work());
      } catch (error) {
        const failure = error as Error;
        if (!harmless.has(failure.message)) this.#stop(failure);
        reject(failure);
      }
    };
    if (this.isSlow) this.#held.push({ settle, reject });
    else settle();
    return promise;
  }

  #stop(reason: Error): void {
    this.#stopped ??= reason;
    for (const { reject } of this.#held.splice(0)) reject(this.#stopped);
  }
}

const endOf = (index: number, run: readonly AppliedEntry[]): GraftError =>
  run.length === 1
    ? new StateMachineStopped(`it ended at entry ${index}`, index)
    : new GraftError("state-machine", "it ended at one of its entries");
