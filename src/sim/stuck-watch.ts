// Does a thread still get on? One that runs code of a plugin may never return. Elapsed time would take a slow machine for an endless loop, so
// the processor time of this process is measured.
import type { Whereabout } from "./whereabouts.ts";

export interface StuckBounds {
  /** So much processor time without a step is an endless loop, however slow the machine is. */
  readonly loopSeconds: number;
  /** Between two looks. */
  readonly turnMs?: number;
}

const usualTurnMs = 250;
/** After so long with hardly any processor time used, the thread waits for something that never comes. */
const waitMs = 60_000;
const waitBusySecondsMax = 0.5;

export class StuckWatch {
  readonly #look: () => Pick<Whereabout, "steps" | "isWorking">;
  readonly #bounds: Required<StuckBounds>;
  #timer: ReturnType<typeof setInterval> | null = null;
  /** For so many looks the thread has not got on. */
  turns = 0;

  constructor(look: () => Pick<Whereabout, "steps" | "isWorking">, bounds: StuckBounds) {
    this.#look = look;
    this.#bounds = { turnMs: usualTurnMs, ...bounds };
  }

  /** @param stuck `isLoop`: the processor is busy; otherwise it is idle. May be called at every look from then on. */
  begin(stuck: (isLoop: boolean) => void): void {
    const { loopSeconds, turnMs } = this.#bounds;
    let last = -1;
    let since = processorSeconds();
    this.#timer = setInterval(() => {
      const { steps, isWorking } = this.#look();
      if (!isWorking || steps !== last) {
        last = steps;
        since = processorSeconds();
        this.turns = 0;
        return;
      }
      this.turns++;
      const used = processorSeconds() - since;
      if (used >= loopSeconds) stuck(true);
      else if (this.turns * turnMs >= waitMs && used < waitBusySecondsMax) stuck(false);
    }, turnMs);
  }

  end(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}

/** Of this process, all its threads. */
function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
