// Does replicated time go by monotonic clocks? It begins at genesis, by the founder's wall clock. From then on it never goes back, and is no
// faster than the fastest clock, however wall clocks jump.
import type { NodeId } from "../core/configuration.ts";
import type { AppliedEntry } from "../ports/state-machine.ts";
import type { Member } from "./member.ts";
import { driftMax } from "./process-clock.ts";
import type { Schedule } from "./schedule.ts";

export class ReplicatedTime {
  readonly #schedule: Schedule;
  readonly #members: readonly Member[];
  readonly #violated: (what: string) => void;
  /** Of the last entry that any node has applied. */
  #last = { index: 0, timeMs: 0 };

  constructor(schedule: Schedule, members: readonly Member[], violated: (what: string) => void) {
    this.#schedule = schedule;
    this.#members = members;
    this.#violated = violated;
  }

  onApplied(by: NodeId, { index, timeMs }: AppliedEntry): void {
    const foundedAtMs = this.#members.find(({ id }) => id === by)!.node!.state.genesis!.foundedAtMs;
    const maxMs = foundedAtMs + this.#schedule.nowMs * (1 + driftMax) + 1;
    if (timeMs < foundedAtMs || timeMs > maxMs) {
      this.#violated(`${by} applies entry ${index} at ${timeMs} ms, and it can be ${foundedAtMs} to ${maxMs} ms`);
    }
    if (index <= this.#last.index) return;
    if (timeMs < this.#last.timeMs) {
      this.#violated(`entry ${index} is of ${timeMs} ms, and entry ${this.#last.index} of ${this.#last.timeMs} ms`);
    }
    this.#last = { index, timeMs };
  }
}
