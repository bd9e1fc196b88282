// Is the state machine woken when it has asked for that? By the rule alone, beside the executor that keeps the time: `due` runs before the first
// entry that has reached the earliest time asked for, once, and nowhere else.
import type { ApplyContext } from "../adapters/plugin/api.ts";
import type { WakeTime } from "../core/wake-time.ts";
import type { AppliedEntry } from "../ports/state-machine.ts";

export interface WakePace {
  /** How many of the puts ask to be woken. */
  readonly often: number;
  /** How long after the put at the latest, ms. */
  readonly withinMs: number;
}

const putOffMs = 60_000;

/** What a plugin does while it applies an entry. */
type Deed = { readonly kind: "due" } | { readonly kind: "asks"; readonly atMs: number };

/** What one state machine does. */
export class WakeWatch {
  readonly #violated: (what: string) => void;
  #wakeAtMs: WakeTime = null;
  #deeds: Deed[] = [];

  constructor(violated: (what: string) => void) {
    this.#violated = violated;
  }

  /** The same context, and what is asked of it is heard. */
  heard(context: ApplyContext): ApplyContext {
    const { index, term, timeMs } = context;
    return {
      index,
      term,
      timeMs,
      random: () => context.random(),
      wakeAt: (atMs) => {
        this.#deeds.push({ kind: "asks", atMs });
        context.wakeAt(atMs);
      },
    };
  }

  due(): void {
    this.#deeds.push({ kind: "due" });
  }

  /** The state is that of a snapshot, which every node finds the same. */
  restored(wakeAtMs: WakeTime): void {
    this.#wakeAtMs = wakeAtMs;
    this.#deeds = [];
  }

  /** @param wakeAtMs what the state machine has come to */
  applied({ index, timeMs, isSkipped }: AppliedEntry, wakeAtMs: WakeTime): void {
    // What is due may be what fails: at a skipped entry it is put off.
    if (isSkipped === true && this.#wakeAtMs !== null && this.#wakeAtMs <= timeMs) this.#wakeAtMs = timeMs + putOffMs;
    const isDue = this.#wakeAtMs !== null && this.#wakeAtMs <= timeMs;
    const deeds = this.#deeds.splice(0);
    const times = deeds.filter(({ kind }) => kind === "due").length;
    const told = `entry ${index} of ${timeMs} ms, to be woken at ${this.#wakeAtMs ?? "no time"}`;
    if (times !== (isDue ? 1 : 0)) this.#violated(`due runs ${times} times before ${told}`);
    if (isDue && deeds[0]?.kind !== "due") this.#violated(`due does not run first: ${told}`);
    if (isDue) this.#wakeAtMs = null;
    for (const deed of deeds) {
      if (deed.kind !== "asks") continue;
      const atMs = deed.atMs > timeMs ? Math.ceil(deed.atMs) : timeMs + 1;
      if (this.#wakeAtMs === null || atMs < this.#wakeAtMs) this.#wakeAtMs = atMs;
    }
    if (this.#wakeAtMs === wakeAtMs) return;
    this.#violated(
      `after ${told}: it is to be woken at ${this.#wakeAtMs ?? "no time"}, and would be at ${wakeAtMs ?? "no time"}`,
    );
  }
}
