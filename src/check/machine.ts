// One state machine that plays steps for a check: what each step comes to, what the state is then, and which rule the plugin breaks by itself.
import type { Plugin } from "../adapters/plugin/definition-check.ts";
import { reasonOf } from "../adapters/plugin/command-outcomes.ts";
import { createExecutor, type Executor } from "../adapters/plugin/executor.ts";
import type { StateFolders } from "../adapters/plugin/state-folders.ts";
import { closeTemporaryStates } from "../adapters/plugin/temporary-state.ts";
import type { AppliedCommand, AppliedEntry, AppliedTick, Outcome } from "../ports/state-machine.ts";
import { differenceOf } from "../sim/agreement.ts";
import { describeOutcome } from "../sim/describe-payload.ts";
import { firstDifference } from "../sim/state-text.ts";
import { StateView } from "../sim/state-view.ts";
import { remedies, snapshotRule } from "./remedies.ts";
import { itemsOf, sessionsOf } from "./snapshot-text.ts";
import type { Fault, Moment, Step } from "./transcript.ts";

/** Ends a play. */
export class Broken extends Error {
  readonly fault: Fault;

  constructor(fault: Fault) {
    super(fault.rule);
    this.fault = fault;
  }
}

/** Of a query's context. Its answer is to depend on the state alone. */
const anyMoment = { index: 0, timeMs: 0 };
/** Replicated time begins here, ms since 1970, and a second passes with each command. */
const beganMs = 1_767_225_600_000;
/** The term rises now and then, as leaders change. */
const commandsOfTerm = 7;
/** More time passes before the next one leads: what lasts a minute, such as a lease, has ended then. */
const longMs = 60_000;

/** Longer than all of them take. */
const sessionTimeoutMs = 24 * 60 * longMs;

/** The state is looked at after so many steps, and after the last: shorter lists of steps show what happens between. */
const lookEvery = 6;

/** A step's place among all steps. */
export interface Place {
  readonly nth: number;
  readonly of: number;
}

/** A step has so many entries: two about sessions, a tick, and its own. */
const entriesOfStep = 4;
/** Of which a command is; null: of none. */
type Session = AppliedCommand["session"];

/** Of the step at this place of a script. */
const indexOf = (nth: number): number => entriesOfStep * (nth + 1);

const termOf = (nth: number): number => 1 + Math.floor(nth / commandsOfTerm);
/** When the step at this place is applied; null: before the first one. */
export const timeOf = (nth: number | null): number =>
  nth === null ? beganMs : beganMs + 1000 * nth + longMs * Math.floor(nth / commandsOfTerm);

const placeWords = (index: number | null): string => (index === null ? "nowhere" : `at entry ${index}`);

/** The entry of the step at this place of a script. */
export const entryOf = ({ payload }: Step, nth: number, session: Session = null): AppliedCommand => ({
  kind: "command",
  index: indexOf(nth),
  term: termOf(nth),
  timeMs: timeOf(nth),
  payload,
  session,
  isAwaited: true,
});

/** Time goes on before the step at this place, where the state machine has asked for that. */
const tickOf = (step: Step, nth: number): AppliedTick => {
  const { index, term, timeMs } = entryOf(step, nth);
  return { kind: "tick", index: index - 1, term, timeMs, isAwaited: false };
};

const placed = (index: number, nth: number, timeMs: number) => ({
  index,
  term: termOf(nth),
  timeMs,
  isAwaited: false,
});

export class Machine {
  readonly #view: StateView;
  readonly #executor: Executor;

  /**
   * @param plugin of its own, or one that other machines use as well
   * @param folders where its state is on disk; null: in a temporary folder, which nobody recalls
   */
  constructor(plugin: Plugin, folders: StateFolders | null = null) {
    this.#view = new StateView(plugin);
    this.#executor = attempted(null, "the state machine cannot begin", () =>
      createExecutor(this.#view.plugin, undefined, folders),
    );
  }

  get hasSnapshots(): boolean {
    return this.#executor.description.snapshots;
  }

  get #style(): Plugin["style"] {
    return this.#view.plugin.style;
  }

  /** Throws `Broken` for a command that is neither applied nor rejected, for a result that cannot be sent, and for a query that fails. */
  run(step: Step, nth: number, session: Session = null): Outcome {
    if (step.kind === "query") {
      return attempted(nth, "a query fails", () => this.#executor.query(step.payload));
    }
    this.wake(step, nth);
    const outcome = attempted(nth, "a command fails", () => this.#executor.apply(entryOf(step, nth, session)));
    if (outcome.kind !== "unsendable") return outcome;
    const { message } = outcome;
    throw new Broken({
      rule: "a result cannot be sent",
      step: nth,
      lines: [message],
      field: null,
      remedy: remedies.unsendable,
      stack: null,
    });
  }

  /** A session begins before this step, at the time of the entry before. Its id is the result. */
  beginSession(client: string, nth: number, timeMs: number): number {
    const index = indexOf(nth) - 3;
    const about = { client, isAdmin: false, timeoutMs: sessionTimeoutMs };
    this.#apply({ kind: "openSession", ...placed(index, nth, timeMs), ...about }, nth);
    return index;
  }

  /** A session ends before this step, at the time of the entry before. */
  endSession(session: number, client: string, nth: number, timeMs: number): void {
    this.#apply({ kind: "closeSession", ...placed(indexOf(nth) - 2, nth, timeMs), client, session }, nth);
  }

  #apply(entry: AppliedEntry, nth: number): void {
    attempted(nth, "a session cannot begin or end", () => this.#executor.apply(entry));
  }

  /** Has `due` run that is due before this step, and says whether it was. Throws `Broken`. */
  wake(step: Step, nth: number): boolean {
    const tick = tickOf(step, nth);
    const isDue = step.kind === "command" && (this.#executor.wakeAtMs ?? Number.POSITIVE_INFINITY) <= tick.timeMs;
    if (isDue) attempted(nth, "due fails", () => this.#executor.apply(tick));
    return isDue;
  }

  /** After a step: what it came to, and at some moments what the state is. */
  moment(step: Step, outcome: Outcome, at: Place): Moment {
    return { ...this.#lookAt(at), outcome: this.outcomeOf(step, outcome) };
  }

  /** Before the first step. */
  get beginning(): Moment {
    return this.look(null);
  }

  /** As far as it depends on nothing but the state: a query may look at the clock, and a transcript may not. */
  outcomeOf(step: Step, outcome: Outcome): string | null {
    if (step.kind === "command") return describeOutcome(this.#style, outcome);
    const told = this.#view.answer(step.payload, anyMoment);
    return told === StateView.noAnswer ? null : told;
  }

  /** Throws `Broken`. */
  look(nth: number | null): Moment {
    const chunks = this.hasSnapshots ? this.snapshot(nth) : null;
    return { outcome: null, state: this.state, items: chunks && itemsOf(this.#style, chunks) };
  }

  /** As text. */
  get state(): string {
    return this.#view.look(false).state;
  }

  /** Throws `Broken`. */
  snapshot(nth: number | null): readonly Uint8Array[] {
    return this.beginSnapshot(nth)();
  }

  /** Freezes the state. What it returns reads the snapshot to its end. Both throw `Broken`. */
  beginSnapshot(nth: number | null): () => readonly Uint8Array[] {
    const running = attempted(nth, snapshotRule, () => this.#executor.snapshot());
    return () =>
      attempted(nth, snapshotRule, () => {
        const chunks: Uint8Array[] = [];
        for (let chunk = running.read(); chunk !== null; chunk = running.read()) chunks.push(chunk);
        return chunks;
      });
  }

  /** Throws `Broken` if a snapshot of the state before the step is another one when it is read after the step. */
  runWhileFrozen(step: Step, nth: number, rule: string, remedy: string): void {
    const before = itemsOf(this.#style, this.snapshot(nth));
    const read = this.beginSnapshot(nth);
    this.run(step, nth);
    // As a node does after each run. Another connection sees nothing of it before.
    this.commit(nth);
    const after = itemsOf(this.#style, read());
    if (before === after) return;
    const lines = differenceOf(["read before the command", before], ["read after the command", after]);
    const field = firstDifference(before, after)?.path ?? null;
    throw new Broken({ rule, step: nth, lines, field, remedy, stack: null });
  }

  /** Throws `Broken`. */
  restore(chunks: readonly Uint8Array[], nth: number | null): void {
    attempted(nth, "a snapshot cannot be restored", () => {
      const restoration = this.#executor.restore(null);
      for (const chunk of chunks) restoration.write(chunk);
      restoration.end();
    });
  }

  /** A restore that does not come to its end: all but the end of it is written. Throws `Broken`. */
  restorePart(chunks: readonly Uint8Array[], nth: number): void {
    attempted(nth, "a snapshot cannot be restored", () => {
      this.#executor.restore(null).write(Buffer.concat(chunks).subarray(0, -1));
    });
  }

  /** The table of the clients' sessions, as text. Throws `Broken`. */
  sessions(nth: number): string {
    return sessionsOf(this.snapshot(nth));
  }

  /** Throws `Broken`. */
  commit(nth: number): void {
    attempted(nth, "the state cannot be committed", () => this.#executor.commit());
  }

  /** Begins with what is on disk. Throws `Broken` if that is not what was committed after the step `committed`; null: nothing was. */
  recall(nth: number | null, committed: number | null): void {
    const rule = "a state on disk cannot be opened after a crash";
    const { held, damage } = attempted(nth, rule, () => this.#executor.recall("check"));
    const index = committed === null ? null : indexOf(committed);
    if (damage.length === 0 && (held?.reached.index ?? null) === index) return;
    const lines =
      damage.length === 0
        ? [`it was committed ${placeWords(index)}, and is ${placeWords(held?.reached.index ?? null)}`]
        : damage;
    throw new Broken({ rule, step: nth, lines, field: null, remedy: remedies.commitOf(null), stack: null });
  }

  /** Throws `Broken`. */
  close(): void {
    attempted(null, "a state on disk cannot be closed", () => this.#executor.close());
  }

  /** Throws `Broken` if the state is not `before` any more. */
  mustBe(before: Moment, nth: number, rule: string, remedy: string): void {
    const now = this.look(nth);
    for (const aspect of ["state", "items"] as const) {
      const [old, current] = [before[aspect], now[aspect]];
      if (old === null || current === null || old === current) continue;
      const lines = differenceOf(["before", old], ["after", current]);
      throw new Broken({
        rule,
        step: nth,
        lines,
        field: firstDifference(old, current)?.path ?? null,
        remedy,
        stack: null,
      });
    }
  }

  #lookAt({ nth, of }: Place): Moment {
    const isDue = nth === of - 1 || nth % lookEvery === lookEvery - 1;
    return isDue ? this.look(nth) : { outcome: null, state: null, items: null };
  }
}

/** Of all machines, which are not used any more. Throws `Broken`. */
export function closeStates(): void {
  attempted(null, "a state on disk cannot be closed", closeTemporaryStates);
}

/** Throws `Broken` for what the plugin throws. */
function attempted<Result>(nth: number | null, rule: string, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    if (error instanceof Broken) throw error;
    throw new Broken(faultOfError(error, nth, rule));
  }
}

/** An executor's error says where it happened, which here is told by the step. Its cause is the plugin's. */
export function faultOfError(error: unknown, step: number | null, rule: string): Fault {
  const origin = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const stack = origin instanceof Error ? (origin.stack ?? null) : null;
  const reason = reasonOf(origin);
  return { rule, step, lines: [reason], field: null, remedy: remedies.thrown(reason, rule), stack };
}
