// The process is killed before and after each commit, and while it restores a snapshot. What the folder holds at that moment is all that is left: a
// copy of it is what the next one finds, and the steps go on there. Each command is one of a session, so that each commit brings a record of a new
// session, leaves one as it is, and removes one.
import { cpSync, rmSync } from "node:fs";
import { makeTemporaryFolder } from "../../adapters/plugin/temporary-state.ts";
import { differenceOf } from "../../sim/agreement.ts";
import type { Outcome } from "../../ports/state-machine.ts";
import { Broken, type Machine, timeOf } from "../machine.ts";
import { remedies } from "../remedies.ts";
import type { Moment, Step } from "../transcript.ts";
import type { Machines, Way } from "./way.ts";

const client = "check";
/** How many are open at once. */
const sessionsOpen = 2;

/** What the last commit was made of. */
interface Committed {
  /** The place of its step; null: there was none. */
  readonly nth: number | null;
  /** The open sessions, oldest first. */
  readonly open: readonly number[];
  /** Their table; null: nobody has looked. */
  readonly table: string | null;
}

interface Living {
  readonly machine: Machine;
  readonly folder: string;
}

export const crash: Way = (machines, steps) => new Crashes(machines, steps).play();

class Crashes {
  readonly #machines: Machines;
  readonly #steps: readonly Step[];
  #committed: Committed = { nth: null, open: [], table: null };
  #living: Living;

  constructor(machines: Machines, steps: readonly Step[]) {
    this.#machines = machines;
    this.#steps = steps;
    this.#living = this.#begun(makeTemporaryFolder(), null);
  }

  play(): readonly Moment[] {
    const moments = [this.#machine.beginning];
    for (const [nth, step] of this.#steps.entries()) {
      const outcome = step.kind === "command" ? this.#commandOf(step, nth) : this.#machine.run(step, nth);
      moments.push(this.#machine.moment(step, outcome, { nth, of: this.#steps.length }));
    }
    end(this.#living);
    return moments;
  }

  get #machine(): Machine {
    return this.#living.machine;
  }

  #commandOf(step: Step, nth: number): Outcome {
    this.#run(step, nth);
    this.#kill(nth);
    const { outcome, open } = this.#run(step, nth);
    this.#machine.commit(nth);
    this.#committed = { nth, open, table: null };
    this.#kill(nth);
    this.#killInRestore(nth);
    return outcome;
  }

  #run(step: Step, nth: number): Pick<Committed, "open"> & { readonly outcome: Outcome } {
    const { nth: before, open } = this.#committed;
    const timeMs = timeOf(before);
    const id = this.#machine.beginSession(client, nth, timeMs);
    const [oldest] = open;
    const isEnding = oldest !== undefined && open.length === sessionsOpen;
    if (isEnding) this.#machine.endSession(oldest, client, nth, timeMs);
    const outcome = this.#machine.run(step, nth, { id, sequence: 1, answeredBelow: 1, client });
    return { outcome, open: [...open.slice(isEnding ? 1 : 0), id] };
  }

  /** The next one begins with what is in the folder. */
  #kill(nth: number): void {
    const before = this.#living;
    const folder = makeTemporaryFolder();
    cpSync(before.folder, folder, { recursive: true });
    // A snapshot may commit something. So the one that is dead says what the table was, and behind its end.
    const { table } = this.#committed;
    if (this.#committed.nth === nth && table === null)
      this.#committed = { ...this.#committed, table: before.machine.sessions(nth) };
    end(before);
    this.#living = this.#begun(folder, nth);
    if (this.#committed.table !== null) mustBeSame(this.#committed.table, this.#machine.sessions(nth), nth);
  }

  #killInRestore(nth: number): void {
    const before = this.#machine.look(nth);
    this.#machine.restorePart(this.#machine.snapshot(nth), nth);
    this.#kill(nth);
    const rule = "a state on disk is not the one before the restore in which the process was killed";
    this.#machine.mustBe(before, nth, rule, remedies.clear);
  }

  #begun(folder: string, nth: number | null): Living {
    const machine = this.#machines.onDisk(folder);
    machine.recall(nth, this.#committed.nth);
    return { machine, folder };
  }
}

/** Throws `Broken`. */
function mustBeSame(before: string, after: string, nth: number): void {
  if (before === after) return;
  const lines = differenceOf(["committed", before], ["found", after]);
  const rule = "the clients' sessions are other ones after a crash";
  throw new Broken({ rule, step: nth, lines, field: null, remedy: remedies.records, stack: null });
}

function end({ machine, folder }: Living): void {
  machine.close();
  rmSync(folder, { recursive: true, force: true });
}
