// Which state machines does one life of a node have? When one has stopped, its node begins another. Where the code of that node is what is
// wrong, the next one fails at the same entry. Where its thread ended, the next one gets past.
import { Renewable } from "../adapters/plugin/renewable.ts";
import type { LogIndex } from "../core/log-position.ts";
import type { WakeTime } from "../core/wake-time.ts";
import type { AppliedEntry } from "../ports/state-machine.ts";
import type { Life } from "./life.ts";
import type { Replica } from "./replica.ts";
import { type Pace, SimStateMachine, type Standstill, type StateMachineEvents, type Wrong } from "./state-machine.ts";

export interface MachineEvents extends Omit<StateMachineEvents, "replica" | "applied"> {
  /** Another state machine begins: its number. */
  begun(): number;
  /** The state machine of this number is about to apply an entry. */
  applied(machine: number, entry: AppliedEntry): void;
  replica(machine: number): Replica;
}

export class SimMachines {
  readonly renewable: Renewable;
  readonly #life: Life;
  readonly #pace: Pace;
  readonly #told: MachineEvents;
  #running: SimStateMachine;
  /** What goes wrong next, in this copy alone. */
  #planned: Wrong | null = null;
  /** Where this copy fails, each time. */
  #brokenAt: LogIndex | null = null;
  /** Of the one that was thrown away. */
  #before: Standstill | null = null;

  constructor(life: Life, pace: Pace, told: MachineEvents) {
    this.#life = life;
    this.#pace = pace;
    this.#told = told;
    this.#running = this.#next();
    this.renewable = new Renewable(this.#running, async () => {
      this.#before = this.standstill;
      this.#running = this.#next();
      return this.#running;
    });
  }

  /** Also while another one has yet to get past the place. Null: it runs. */
  get standstill(): Standstill | null {
    const { standstill, reached } = this.#running;
    const before = this.#before;
    if (standstill !== null) return before !== null && isSame(standstill, before) ? before : standstill;
    return before !== null && reached < (before.index ?? before.reached) ? before : null;
  }

  /** When it is to be woken, by its state as it is. */
  get wakeAtMs(): WakeTime {
    return this.#running.wakeAtMs;
  }

  /** What goes wrong next, in this copy alone; null: nothing. */
  plan(wrong: Wrong | null): void {
    this.#planned = wrong;
    this.#running.plan(wrong);
  }

  #next(): SimStateMachine {
    const number = this.#told.begun();
    return new SimStateMachine(this.#life, this.#pace, {
      sessionLimits: this.#told.sessionLimits,
      wrongAt: (entry) => (entry.index === this.#brokenAt ? { kind: "throws" } : this.#told.wrongAt(entry)),
      stoodStill: (standstill) => this.#onStoodStill(standstill),
      applied: (entry) => this.#told.applied(number, entry),
      restored: () => this.#told.restored(),
      replica: this.#told.replica(number),
    });
  }

  #onStoodStill(standstill: Standstill): void {
    if (this.#planned?.kind === "throws") this.#brokenAt = standstill.index;
    this.#planned = null;
    // Another attempt may have come to nothing.
    if (this.#before === null || !isSame(standstill, this.#before)) this.#told.stoodStill(standstill);
  }
}

const isSame = (one: Standstill, other: Standstill): boolean =>
  one.kind === other.kind && one.index !== null && one.index === other.index;
