// One process of a program that plays steps for a check, through the port that a node uses. There is no more to see than what a node sees:
// outcomes and snapshots.
import type { ProgramLocation } from "../../adapters/process/child.ts";
import { createProcessStateMachine } from "../../adapters/process/process-host.ts";
import type { AppliedCommand, Outcome, StateMachine, StateMachineDescription } from "../../ports/state-machine.ts";
import { differenceOf } from "../../sim/agreement.ts";
import { describeOutcome } from "../../sim/describe-payload.ts";
import { firstDifference } from "../../sim/state-text.ts";
import { entryOf } from "../machine.ts";
import type { Fault, Moment, Step } from "../transcript.ts";
import { remedies } from "./remedies.ts";
import { itemsOf } from "../snapshot-text.ts";

/** Ends a play. */
export class ProgramBroken extends Error {
  readonly fault: Fault;

  constructor(fault: Pick<Fault, "rule" | "step" | "lines" | "remedy"> & Partial<Fault>) {
    super(fault.rule);
    this.fault = { field: null, stack: null, ...fault };
  }
}

export interface PlayOptions {
  readonly location: ProgramLocation;
  /** What differs there from the environment of this process. */
  readonly environment: Readonly<Record<string, string>>;
  /** How long it may take for one request. */
  readonly patienceMs: number;
}

const silent = (): void => {};

export class ProgramPlay {
  readonly #machine: StateMachine;
  readonly #patienceMs: number;

  /** Throws `GraftError("plugin")`. */
  static async begin({ location, environment, patienceMs }: PlayOptions): Promise<ProgramPlay> {
    return new ProgramPlay(await createProcessStateMachine(location, silent, environment), patienceMs);
  }

  private constructor(machine: StateMachine, patienceMs: number) {
    this.#machine = machine;
    this.#patienceMs = patienceMs;
  }

  get description(): StateMachineDescription {
    return this.#machine.description;
  }

  close(): Promise<void> {
    return this.#machine.close();
  }

  /** Throws `ProgramBroken`, as all that follows. */
  async run(step: Step, nth: number): Promise<Outcome> {
    if (step.kind === "command") return (await this.apply([entryOf(step, nth)], nth))[0]!;
    const [answer] = await this.#attempt(nth, "a query fails", () => this.#machine.query([step.payload]));
    const { outcome } = answer!;
    if (outcome.kind !== "failed") return outcome;
    const lines = [outcome.error.message];
    throw new ProgramBroken({ rule: "a query fails", step: nth, lines, remedy: remedies.query });
  }

  /** All at once. `nth`: the step of the first one. */
  async apply(entries: readonly AppliedCommand[], nth: number): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = [];
    const copy = (each: Outcome): Outcome => (each.kind === "ok" ? { ...each, payload: each.payload.slice() } : each);
    await this.#attempt(nth, "a command fails", () =>
      this.#machine.apply(entries, (delivered) => void outcomes.push(...delivered.map(copy))),
    );
    const unsendable = outcomes.find((outcome) => outcome.kind === "unsendable");
    if (unsendable === undefined) return outcomes;
    const lines = [unsendable.message];
    throw new ProgramBroken({ rule: "a result cannot be sent", step: nth, lines, remedy: remedies.unsendable });
  }

  /** What a step came to. `isLast`: what the state is, too. */
  async moment(outcome: Outcome | null, nth: number | null, isLast: boolean): Promise<Moment> {
    const told = outcome === null ? null : describeOutcome(this.description.style, outcome);
    return { outcome: told, state: null, items: isLast && this.description.snapshots ? await this.items(nth) : null };
  }

  /** Of a snapshot of the state as it is, as text. */
  async items(nth: number | null): Promise<string> {
    return this.textOf(await this.snapshot(nth));
  }

  textOf(chunks: readonly Uint8Array[]): string {
    return itemsOf(this.description.style, chunks);
  }

  async snapshot(nth: number | null): Promise<readonly Uint8Array[]> {
    return (await this.freeze(nth))();
  }

  /** What it returns reads the snapshot. */
  async freeze(nth: number | null): Promise<() => Promise<readonly Uint8Array[]>> {
    const rule = "a snapshot fails";
    const taken = await this.#attempt(nth, rule, () => this.#machine.snapshot());
    return async () => {
      const chunks: Uint8Array[] = [];
      for (;;) {
        const chunk = await this.#attempt(nth, rule, () => taken.read());
        if (chunk === null) return chunks;
        chunks.push(chunk);
      }
    };
  }

  async restore(chunks: readonly Uint8Array[], nth: number | null): Promise<void> {
    async function* asGiven(): AsyncGenerator<Uint8Array> {
      yield* chunks;
    }
    await this.#attempt(nth, "a snapshot cannot be restored", () => this.#machine.restore(asGiven(), null));
  }

  async #attempt<Result>(nth: number | null, rule: string, work: () => Promise<Result>): Promise<Result> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      void this.#machine.close();
    }, this.#patienceMs);
    try {
      return await work();
    } catch (error) {
      const isHang = isLate;
      const lines = isHang ? [`for ${this.#patienceMs / 1_000} seconds`] : [messageOf(error)];
      const remedy = isHang ? remedies.hang : remedies.failed;
      throw new ProgramBroken({
        rule: isHang ? "the program does not answer" : rule,
        step: nth,
        lines,
        remedy,
        isSlow: isHang,
      });
    } finally {
      clearTimeout(timer);
    }
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Throws `ProgramBroken` if both texts are not the same state. */
export function mustBeEqual(
  [one, before]: readonly [string, string],
  [other, after]: readonly [string, string],
  { step, rule, remedy }: { readonly step: number; readonly rule: string; readonly remedy: string },
): void {
  if (before === after) return;
  const lines = differenceOf([one, before], [other, after]);
  const field = firstDifference(before, after)?.path ?? null;
  throw new ProgramBroken({ rule, step, lines, field: field === "" ? null : field, remedy });
}
