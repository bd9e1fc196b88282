// The state machine as a program of its own, in any language: docs/process.md. The program holds the state and nothing else. Which command of a
// session takes effect, where the state is and what a snapshot looks like, is decided here, as for a plugin.
import { isSamePlugin, type PluginVersion, type VersionAtHand } from "../../core/activation.ts";
import { sessionLimits } from "../../core/session-limits.ts";
import type { StampedCommand } from "../../core/sessions.ts";
import type { WakeTime } from "../../core/wake-time.ts";
import { GraftError, StateMachineStopped } from "../../errors.ts";
import {
  type Answer,
  type AppliedCommand,
  type AppliedEntry,
  type BusyWith,
  type Deliver,
  type Milestone,
  type Outcome,
  type Recollection,
  skippedMessage,
  type StateMachine,
  type StateMachineDescription,
  type StateSnapshot,
} from "../../ports/state-machine.ts";
import type { CborValue } from "../cbor/value.ts";
import { digestOf, done, operationWords } from "../plugin/command-outcomes.ts";
import { restoreFailure, whileRestoring } from "../plugin/host-failures.ts";
import type { Say } from "../plugin/plugin-console.ts";
import { Milestones } from "../plugin/outcome-chain.ts";
import { applyToSessions } from "../plugin/session-entries.ts";
import { type State, stateWithout } from "../plugin/state-sections.ts";
import { operationIn } from "../plugin/typed-handlers.ts";
import { answeredOf, appliedOf, doneOf, type ProgramOutcome, refusalIn } from "./answers.ts";
import { Batch, type Pending } from "./batches.ts";
import { programHash } from "./code-hash.ts";
import { BadMessage } from "./framing.ts";
import type { ProgramLocation } from "./child.ts";
import { OrderedOutcomes } from "./ordered-outcomes.ts";
import { Program } from "./program.ts";
import { nextCount } from "./query-counts.ts";
import {
  answerOf,
  applyRequest,
  askedOf,
  commandFields,
  outcomeOf,
  queryRequest,
  resultBytesTolerated,
} from "./requests.ts";
import { ProgramSnapshot, restoreProgram } from "./snapshots.ts";

/** Throws `GraftError("plugin")` when the program cannot be started, or does not say what it is. */
export async function createProcessStateMachine(
  location: ProgramLocation,
  say: Say = () => {},
  environment: Readonly<Record<string, string>> = {},
): Promise<StateMachine> {
  const hash = programHash(location);
  return new ProcessStateMachine(await Program.start(location, say, environment), hash);
}

type Rejection = Extract<Outcome, { readonly kind: "rejected" }>;
const skipped: Rejection = { kind: "rejected", message: skippedMessage };

class ProcessStateMachine implements StateMachine {
  readonly description: StateMachineDescription;
  readonly versions: readonly VersionAtHand[];
  /** A program begins empty each time. */
  readonly isDurable = false;
  readonly #program: Program;
  #state: State = stateWithout(sessionLimits);
  #milestones: Milestones | null = null;
  #busyWith: BusyWith | null = null;
  #workCount = 0;
  #isRestoring = false;
  #isSnapshotOpen = false;
  /** Settles with the call before, whatever came of that. */
  #before: Promise<unknown> = Promise.resolve();

  constructor(program: Program, hash: string) {
    this.#program = program;
    const { name, version, style, commands, queries, snapshots } = program.hello;
    this.description = { name, version, style, commands, queries, snapshots };
    this.versions = [{ name, version, hash, snapshots }];
  }

  get busyWith(): BusyWith | null {
    return this.failure === null ? this.#busyWith : null;
  }

  get failure(): Error | null {
    return this.#program.failure;
  }

  operationOf(command: Uint8Array): string | null {
    return operationIn(command, this.description);
  }

  apply(run: readonly AppliedEntry[], deliver: Deliver): Promise<WakeTime> {
    return this.#inTurn(async () => {
      const outcomes = new OrderedOutcomes(run, this.#state, { milestones: this.#milestones, deliver });
      const take = (place: number, outcome: Outcome): void => outcomes.set(place, outcome);
      const batch = new Batch(this.#state.sessions);
      for (const [place, entry] of run.entries()) {
        if (entry.kind === "command") {
          if (batch.mustEndBefore(entry)) await this.#send(batch, outcomes, take);
          const outcome = this.#gather(batch, entry, place);
          if (outcome !== null) outcomes.set(place, outcome);
        } else {
          // It may change the table of the sessions.
          await this.#send(batch, outcomes, take);
          outcomes.set(place, this.#applyHere(entry));
        }
      }
      await this.#send(batch, outcomes, take);
      return null;
    });
  }

  watchMilestones(every: number, tell: (milestone: Milestone) => void): void {
    this.#milestones = new Milestones(every, tell);
  }

  query(slice: readonly Uint8Array[]): Promise<readonly Answer[]> {
    return this.#inTurn(async () => {
      const answers: Answer[] = [];
      const beganMs = performance.now();
      let bytes = 0;
      for (;;) {
        const rest = slice.slice(answers.length);
        const count = nextCount(rest, { answers: answers.length, ms: performance.now() - beganMs, bytes });
        if (count === 0) return answers;
        for (const answer of await this.#answer(rest.slice(0, count), answers.length)) {
          answers.push(answer);
          if (answer.outcome.kind === "ok") bytes += answer.outcome.payload.byteLength;
        }
      }
    });
  }

  snapshot(): Promise<StateSnapshot> {
    return this.#inTurn(async () => {
      this.#mustHaveSnapshots();
      this.#mustBeUnread();
      const ask = <Result>(request: CborValue, check: (message: CborValue) => Result): Promise<Result> =>
        this.#inTurn(() => this.#askOfSnapshot(request, check));
      await this.#askOfSnapshot({ type: "snapshot" }, doneOf);
      this.#isSnapshotOpen = true;
      const over = (): void => {
        this.#isSnapshotOpen = false;
      };
      const failed = (error: Error): void => void this.#program.stop(error);
      return new ProgramSnapshot(this.#program.hello, this.#state, { ask, over, failed });
    });
  }

  async restore(chunks: AsyncIterable<Uint8Array>, plugin: PluginVersion | null): Promise<WakeTime> {
    this.#mustRun();
    this.#mustHaveSnapshots();
    this.#mustBeUnread();
    this.#isRestoring = true;
    try {
      await this.#before;
      if (plugin !== null) this.#mustBeAtHand(plugin);
      this.#state = stateWithout(sessionLimits);
      this.#milestones?.restart();
      const ask = <Result>(request: CborValue, check: (message: CborValue) => Result): Promise<Result> =>
        this.#ask(request, check, (message) => this.#failedAt("restoring a snapshot", message));
      await restoreProgram(this.#program.hello, this.#state, { chunks, ask });
      return null;
    } catch (cause) {
      throw this.#program.stop(restoreFailure(this.description, cause));
    } finally {
      this.#isRestoring = false;
    }
  }

  async recall(): Promise<Recollection> {
    return { held: null, damage: [] };
  }

  async forget(): Promise<void> {
    this.#mustRun();
  }

  async setOrigin(): Promise<void> {
    this.#mustRun();
  }

  async close(): Promise<void> {
    this.#program.stop(new GraftError("state-machine", "The state machine is closed"));
  }

  #applyHere(entry: Exclude<AppliedEntry, AppliedCommand>): Outcome {
    if (entry.kind !== "activate") return applyToSessions(entry, this.#state.sessions);
    this.#mustBeAtHand(entry.plugin);
    return done;
  }

  /** Null: it is in the batch now. */
  #gather(batch: Batch, command: AppliedCommand, place: number): Outcome | null {
    const { sessions } = this.#state;
    const { session: stamp, payload } = command;
    const stamped = stamp === null ? null : { stamp, digest: digestOf(payload) };
    const answer = stamped === null ? null : sessions.answerTo(stamped, command.timeMs);
    if (answer !== null) return answer;
    if (command.isSkipped === true) return this.#refused(stamped, skipped);
    const asked = askedOf(payload, "command", this.#program.hello, this.#program.framing);
    if (asked.kind === "operation") {
      batch.pending.push({ command, stamped, place, fields: asked.fields });
      return null;
    }
    return this.#refused(stamped, asked);
  }

  /** The program never sees it. */
  #refused(stamped: StampedCommand | null, refusal: Rejection): Outcome {
    if (stamped !== null) this.#state.sessions.keep(stamped, refusal);
    return refusal;
  }

  /** Until each command of the batch has its outcome. */
  async #send(
    batch: Batch,
    delivered: OrderedOutcomes,
    take: (place: number, outcome: Outcome) => void,
  ): Promise<void> {
    while (batch.pending.length > 0) {
      const due = batch.due();
      const { index, term } = due[0]!.command;
      const through = due.at(-1)!.command.index;
      const told = await this.#busy({ kind: "entry", count: ++this.#workCount, index, term, through }, () =>
        this.#applyBatch(due),
      );
      const failed = told.findIndex(({ kind }) => kind === "failed");
      const outcomes = this.#outcomesOf(failed === -1 ? told : told.slice(0, failed));
      const failure = failed === -1 ? null : this.#failedEntry(due[failed]!, told[failed]!);
      batch.settle(outcomes, take);
      delivered.flush();
      if (failure !== null) throw this.#program.stop(failure);
    }
    delivered.flush();
  }

  #applyBatch(due: readonly Pending[]): Promise<readonly ProgramOutcome[]> {
    const indexes = due.map(({ command }) => command.index);
    const commands = due.map(({ command, fields }) => commandFields(command, fields));
    const [first] = due as readonly [Pending];
    const only = due.length === 1 ? { entry: first.command.index, where: this.#placeOf(first.command) } : null;
    return this.#program.ask(applyRequest(commands), (message) => appliedOf(message, indexes), only);
  }

  #outcomesOf(told: readonly ProgramOutcome[]): readonly Outcome[] {
    const outcomes = told.map((each) => outcomeOf(each, this.#program.hello.style));
    this.#mustBeInBudget(outcomes);
    return outcomes;
  }

  #failedEntry({ command }: Pending, told: ProgramOutcome): GraftError {
    const { message, cause } = this.#failedAt(this.#placeOf(command), told.kind === "failed" ? told.message : "");
    return new StateMachineStopped(message, command.index, { cause });
  }

  #placeOf({ index, term, payload }: AppliedCommand): string {
    return `entry ${index} (term ${term})${operationWords(this.operationOf(payload))}`;
  }

  /** Or the table of the sessions could have decided otherwise. */
  #mustBeInBudget(outcomes: readonly Outcome[]): void {
    const bytes = outcomes
      .slice(0, -1)
      .reduce((sum, each) => sum + (each.kind === "ok" ? each.payload.byteLength : 0), 0);
    if (bytes <= resultBytesTolerated) return;
    const what = `it went on with a batch after ${bytes} bytes of results: end the answer once they exceed the budget`;
    throw this.#program.stop(this.#failure(what));
  }

  /** Answers the first ones. */
  async #answer(queries: readonly Uint8Array[], nth: number): Promise<readonly Answer[]> {
    const { hello, framing } = this.#program;
    const asked = queries.map((payload) => askedOf(payload, "query", hello, framing));
    const fields = asked.flatMap((each) => (each.kind === "operation" ? [each.fields] : []));
    const beganMs = performance.now();
    const request = queryRequest(fields, this.#state.reached);
    const place = queries.length === 1 ? nth : null;
    const told =
      fields.length === 0
        ? []
        : await this.#busy({ kind: "query", count: ++this.#workCount, nth: place }, () =>
            this.#program.ask(request, (message) => answeredOf(message, fields.length)),
          );
    const elapsedMs = (performance.now() - beganMs) / queries.length;
    const outcomes: Answer["outcome"][] = [];
    const answers = told.values();
    for (const each of asked) {
      if (each.kind === "rejected") outcomes.push(each);
      else {
        const next = answers.next();
        if (next.done === true) break;
        outcomes.push(this.#answerOf(next.value));
      }
    }
    return outcomes.map((outcome) => ({ outcome, elapsedMs }));
  }

  #answerOf(told: ProgramOutcome): Answer["outcome"] {
    try {
      return answerOf(told, this.#program.hello.style);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { kind: "failed", error: this.#failedAt("a query", message, "query-failed") };
    }
  }

  #askOfSnapshot<Result>(request: CborValue, check: (message: CborValue) => Result): Promise<Result> {
    return this.#ask(request, check, (message) => this.#failedAt("a snapshot", message));
  }

  /** `refused`: the error for what the program says it cannot do. */
  async #ask<Result>(
    request: CborValue,
    check: (message: CborValue) => Result,
    refused: (message: string) => Error,
  ): Promise<Result> {
    const answer = await this.#busy({ kind: "snapshot", count: ++this.#workCount }, () =>
      this.#program.ask(request, (message): { readonly result: Result } | { readonly refusal: string } => {
        const refusal = refusalIn(message);
        return refusal === null ? { result: check(message) } : { refusal };
      }),
    );
    if ("refusal" in answer) throw refused(answer.refusal);
    return answer.result;
  }

  async #busy<Result>(work: BusyWith, run: () => Promise<Result>): Promise<Result> {
    this.#busyWith = work;
    try {
      return await run();
    } finally {
      this.#busyWith = null;
    }
  }

  /** Calls are carried out one after the other, and never from inside the call. */
  #inTurn<Result>(work: () => Result | Promise<Result>): Promise<Result> {
    if (this.failure !== null) return Promise.reject(this.failure);
    if (this.#isRestoring) return Promise.reject(whileRestoring(this.description));
    const result = this.#before.then(async () => {
      if (this.failure !== null) throw this.failure;
      try {
        return await work();
      } catch (error) {
        // What is no failure of its own is a message that is wrong.
        if (error instanceof BadMessage) throw this.#program.stop(this.#failure(error.message));
        throw error;
      }
    });
    this.#before = result.catch(() => null);
    return result;
  }

  #mustRun(): void {
    if (this.failure !== null) throw this.failure;
    if (this.#isRestoring) throw whileRestoring(this.description);
  }

  #mustBeUnread(): void {
    if (this.#isSnapshotOpen) throw new GraftError("state-machine", "A snapshot of the state machine is open");
  }

  #mustHaveSnapshots(): void {
    if (this.description.snapshots) return;
    throw new GraftError(
      "state-machine",
      `The state machine ${this.#named} has no snapshots: its program does not offer them`,
    );
  }

  #mustBeAtHand(plugin: PluginVersion): void {
    if (this.versions.some((version) => isSamePlugin(version, plugin))) return;
    throw this.#program.stop(this.#failure(`${plugin.name} ${plugin.version} is not at hand`));
  }

  #failedAt(where: string, message: string, code: "state-machine" | "query-failed" = "state-machine"): GraftError {
    const cause = new Error(message);
    return new GraftError(code, `The state machine ${this.#named} failed at ${where}: ${message}`, { cause });
  }

  #failure(what: string): GraftError {
    return new GraftError("state-machine", `The program of the state machine ${this.#named}: ${what}`);
  }

  get #named(): string {
    return `${this.description.name} ${this.description.version}`;
  }
}
