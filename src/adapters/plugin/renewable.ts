// How is a state machine thrown away? It is closed, and the same adapter makes another one, which begins empty. So no adapter knows of it,
// and it does not matter what has become of the old one.
import { codeOf, isSamePlugin, type PluginVersion, versionWords, type VersionAtHand } from "../../core/activation.ts";
import type { WakeTime } from "../../core/wake-time.ts";
import { GraftError } from "../../errors.ts";
import type {
  Answer,
  AppliedEntry,
  BusyWith,
  Deliver,
  Milestone,
  Recollection,
  RenewableStateMachine,
  RestoredState,
  StateMachine,
  StateMachineDescription,
  StateSnapshot,
} from "../../ports/state-machine.ts";

type Begin = () => Promise<StateMachine>;

/** Throws what the adapter throws. */
export const renewable = async (begin: Begin): Promise<RenewableStateMachine> => new Renewable(await begin(), begin);

export class Renewable implements RenewableStateMachine {
  readonly versions: readonly VersionAtHand[];
  readonly #begin: Begin;
  #current: StateMachine;
  #renewing: Promise<void> | null = null;
  #isClosed = false;
  #watch: ((machine: StateMachine) => void) | null = null;

  /** @param first is running. @param begin makes another one of the same versions, which is empty. */
  constructor(first: StateMachine, begin: Begin) {
    this.#current = first;
    this.#begin = begin;
    this.versions = first.versions;
  }

  get description(): StateMachineDescription {
    return this.#current.description;
  }

  get isDurable(): boolean {
    return this.#current.isDurable;
  }

  get busyWith(): BusyWith | null {
    return this.#current.busyWith;
  }

  get failure(): Error | null {
    return this.#current.failure;
  }

  operationOf(command: Uint8Array): string | null {
    return this.#current.operationOf(command);
  }

  apply(run: readonly AppliedEntry[], deliver: Deliver): Promise<WakeTime> {
    return this.#current.apply(run, deliver);
  }

  query(slice: readonly Uint8Array[]): Promise<readonly Answer[]> {
    return this.#current.query(slice);
  }

  watchMilestones(every: number, tell: (milestone: Milestone) => void): void {
    this.#watch = (machine) => {
      machine.watchMilestones(every, (milestone) => {
        // What the one before still had to say is of no use any more.
        if (machine === this.#current) tell(milestone);
      });
    };
    this.#watch(this.#current);
  }

  snapshot(): Promise<StateSnapshot> {
    return this.#current.snapshot();
  }

  restore(chunks: AsyncIterable<Uint8Array>, plugin: PluginVersion | null, reached?: RestoredState): Promise<WakeTime> {
    return this.#current.restore(chunks, plugin, reached);
  }

  recall(owner: string): Promise<Recollection> {
    return this.#current.recall(owner);
  }

  forget(): Promise<void> {
    return this.#current.forget();
  }

  setOrigin(origin: string): Promise<void> {
    return this.#current.setOrigin(origin);
  }

  renew(): Promise<void> {
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = null;
    });
    return this.#renewing;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#current.close();
  }

  async #renew(): Promise<void> {
    if (this.#isClosed) throw closed();
    await this.#current.close();
    const next = await this.#begin();
    const problem = this.#isClosed ? closed() : changeOf(this.versions, next.versions);
    if (problem === null) {
      this.#current = next;
      this.#watch?.(next);
    } else {
      await next.close();
      throw problem;
    }
  }
}

const closed = (): GraftError => new GraftError("state-machine", "The state machine is closed");

/** Null: they are the same versions. */
function changeOf(before: readonly VersionAtHand[], after: readonly VersionAtHand[]): GraftError | null {
  const lost = before.find((version) => !after.some((each) => isSamePlugin(each, version)));
  if (lost === undefined && after.length === before.length) return null;
  const now = after.map((version) => versionWords(codeOf(version))).join(" and ");
  const what = lost === undefined ? "its versions" : `the code of ${versionWords(codeOf(lost))}`;
  const message = `${what} changed since this node started, and is now ${now}; put it back, or restart the node`;
  return new GraftError("state-machine", message);
}
