// Several versions of a program: which one runs, and how does its state go over to another one? At an activation the next one is started and
// restores a snapshot of the one before, as a plugin's does. Then the one before is ended.
import {
  isSamePlugin,
  type PluginVersion,
  versionsMax,
  versionWords,
  type VersionAtHand,
} from "../../core/activation.ts";
import type { WakeTime } from "../../core/wake-time.ts";
import { GraftError, StateMachineStopped } from "../../errors.ts";
import type {
  Answer,
  AppliedActivation,
  AppliedEntry,
  BusyWith,
  Deliver,
  Reached,
  Recollection,
  StateMachine,
  StateMachineDescription,
  StateSnapshot,
} from "../../ports/state-machine.ts";
import { reasonOf } from "../plugin/command-outcomes.ts";
import { restoreFailure } from "../plugin/host-failures.ts";
import { whyNotBeside } from "../plugin/loader.ts";
import type { Say } from "../plugin/plugin-console.ts";
import { cannotBeUsed, type ProgramLocation } from "./child.ts";
import { programHash } from "./code-hash.ts";
import { createProcessStateMachine, type ProgramMachine } from "./process-host.ts";
import { readHello } from "./program.ts";

/** What the program at this place writes to its standard error. */
type SayOf = (...said: [...Parameters<Say>, ProgramLocation]) => void;

interface LocatedVersion {
  readonly location: ProgramLocation;
  readonly atHand: VersionAtHand;
}

/**
 * `locations`: the versions of one program, at least one. The last one runs first. Throws `GraftError("plugin")` when one of them cannot be
 * started, or is no version of the others.
 */
export async function createVersionedPrograms(
  locations: readonly ProgramLocation[],
  say: SayOf = () => {},
): Promise<StateMachine> {
  if (locations.length > versionsMax) {
    const what = `it is one of ${locations.length} versions, and a node takes at most ${versionsMax}: remove old ones that no log and no snapshot needs any more`;
    throw cannotBeUsed(locations[versionsMax]!, what);
  }
  const versions: LocatedVersion[] = [];
  for (const location of locations.slice(0, -1)) {
    const { name, version, snapshots } = await readHello(location);
    add(versions, { location, atHand: { name, version, snapshots, hash: programHash(location) } });
  }
  const location = locations.at(-1)!;
  const first = await createProcessStateMachine(location, (level, text) => say(level, text, location));
  try {
    add(versions, { location, atHand: first.versions[0]! });
  } catch (error) {
    await first.close();
    throw error;
  }
  return new VersionedPrograms(versions, first, say);
}

function add(versions: LocatedVersion[], one: LocatedVersion): void {
  const problem = whyNotBeside(
    versions.map(({ atHand }) => atHand),
    one.atHand,
  );
  if (problem !== null) throw cannotBeUsed(one.location, problem);
  versions.push(one);
}

/** So that no two programs count alike. */
const countsOfOne = 2 ** 32;

class VersionedPrograms implements StateMachine {
  readonly versions: readonly VersionAtHand[];
  readonly isDurable = false;
  readonly #located: readonly LocatedVersion[];
  readonly #say: SayOf;
  #current: ProgramMachine;
  /** Whether the one that runs has a state that another one has to take over. */
  #hasBegun = false;
  /** Settles when no other version is to run first. Calls wait for it, in order. */
  #ready: Promise<unknown> = Promise.resolve();
  #handingOver: BusyWith | null = null;
  readonly #closing = new AbortController();
  /** It is being started, or takes the state over. */
  #coming: ProgramMachine | null = null;
  #changes = 0;
  #failure: Error | null = null;
  /** Those that are asked for or being read: the next version waits until they are over. */
  readonly #snapshots = new Set<PromiseWithResolvers<void>>();

  constructor(located: readonly LocatedVersion[], first: ProgramMachine, say: SayOf) {
    this.#located = located;
    this.#current = first;
    this.#say = say;
    this.versions = located.map(({ atHand }) => atHand);
  }

  get description(): StateMachineDescription {
    return this.#current.description;
  }

  get failure(): Error | null {
    // While another program takes the state over, the end of the one before matters only if there is more to read, and then that fails.
    return this.#failure ?? (this.#handingOver === null ? this.#current.failure : null);
  }

  get busyWith(): BusyWith | null {
    if (this.failure !== null) return null;
    if (this.#handingOver !== null) return this.#handingOver;
    const { busyWith } = this.#current;
    return busyWith === null ? null : { ...busyWith, count: this.#countsBefore + busyWith.count };
  }

  operationOf(command: Uint8Array): string | null {
    return this.#current.operationOf(command);
  }

  apply(run: readonly AppliedEntry[], deliver: Deliver): Promise<WakeTime> {
    if (!run.some((entry) => entry.kind === "activate")) {
      return this.#inTurn((machine) => {
        this.#hasBegun ||= run.length > 0;
        return machine.apply(run, deliver);
      });
    }
    return this.#switch(() => this.#applyParts(run, deliver));
  }

  query(slice: readonly Uint8Array[]): Promise<readonly Answer[]> {
    return this.#inTurn((machine) => machine.query(slice));
  }

  snapshot(): Promise<StateSnapshot> {
    return this.#inTurn((machine) => this.#watched(() => machine.snapshot()));
  }

  restore(chunks: AsyncIterable<Uint8Array>, plugin: PluginVersion | null, reached?: Reached): Promise<WakeTime> {
    const isOther = plugin !== null && !this.#runs(plugin);
    if (!isOther) {
      return this.#inTurn((machine) => {
        this.#hasBegun = true;
        return machine.restore(chunks, plugin, reached);
      });
    }
    return this.#switch(async () => {
      this.#hasBegun = true;
      try {
        await this.#becomes(await this.#begin(plugin));
        return await this.#current.restore(chunks, plugin, reached);
      } catch (cause) {
        throw restoreFailure(this.description, cause);
      }
    });
  }

  recall(owner: string): Promise<Recollection> {
    return this.#inTurn((machine) => machine.recall(owner));
  }

  forget(): Promise<void> {
    return this.#inTurn((machine) => machine.forget());
  }

  async close(): Promise<void> {
    this.#failure ??= new GraftError("state-machine", "The state machine is closed");
    this.#closing.abort();
    for (const { resolve } of this.#snapshots) resolve();
    await Promise.all([this.#current.close(), this.#coming?.close()]);
  }

  /** Each part begins with an activation, but for the first one. */
  async #applyParts(run: readonly AppliedEntry[], deliver: Deliver): Promise<WakeTime> {
    let [wakeAtMs, done]: [WakeTime, number] = [null, 0];
    while (done < run.length) {
      const entry = run[done]!;
      if (entry.kind === "activate") await this.#activate(entry);
      const next = run.findIndex(({ kind }, place) => kind === "activate" && place > done);
      const end = next === -1 ? run.length : next;
      this.#hasBegun = true;
      wakeAtMs = await this.#current.apply(run.slice(done, end), deliver);
      done = end;
    }
    return wakeAtMs;
  }

  async #activate(entry: AppliedActivation): Promise<void> {
    const { plugin, index, term } = entry;
    if (this.#runs(plugin)) return;
    try {
      await this.#becomes(this.#hasBegun ? await this.#takenOver(entry) : await this.#begun(entry));
    } catch (cause) {
      const { name, version } = this.description;
      const where = `entry ${index} (term ${term}), which activates ${plugin.version}`;
      const message = `The state machine ${name} ${version} failed at ${where}: ${cause instanceof GraftError ? cause.message : reasonOf(cause)}`;
      throw new StateMachineStopped(message, index, { cause });
    } finally {
      this.#handingOver = null;
    }
  }

  async #becomes(next: ProgramMachine): Promise<void> {
    const before = this.#current;
    this.#current = next;
    this.#coming = null;
    this.#changes++;
    await before.close();
  }

  async #begun(entry: AppliedActivation): Promise<ProgramMachine> {
    // What was asked of the one before is answered first.
    await this.#current.query([]);
    this.#isBusyWith(entry);
    return this.#begin(entry.plugin);
  }

  /** A program with the state of the one that runs. */
  async #takenOver(entry: AppliedActivation): Promise<ProgramMachine> {
    const before = this.#current;
    await before.wakeBefore(entry);
    await Promise.all([...this.#snapshots].map(({ promise }) => promise));
    this.#isBusyWith(entry);
    const snapshot = await before.snapshot();
    try {
      const next = await this.#begin(entry.plugin);
      await next.restore(chunksOf(snapshot), entry.plugin);
      if (!before.wakes) next.wakeAfter(entry.timeMs);
      return next;
    } finally {
      snapshot.close();
    }
  }

  async #begin(plugin: PluginVersion): Promise<ProgramMachine> {
    const found = this.#located.find(({ atHand }) => isSamePlugin(atHand, plugin));
    if (found === undefined) throw new RangeError(`${plugin.name} ${plugin.version} is not at hand`);
    const { location } = found;
    const say: Say = (level, text) => this.#say(level, text, location);
    this.#coming = await createProcessStateMachine(location, say, {}, this.#closing.signal);
    const problem = this.#failure ?? changeOf(found, this.#coming.versions[0]!);
    if (problem !== null) throw problem;
    return this.#coming;
  }

  #isBusyWith({ index, term }: AppliedActivation): void {
    this.#handingOver = { kind: "entry", count: this.#countsBefore + countsOfOne, index, term };
  }

  get #countsBefore(): number {
    return this.#changes * countsOfOne;
  }

  #runs(plugin: PluginVersion): boolean {
    return this.#current.versions.some((each) => isSamePlugin(each, plugin));
  }

  #inTurn<Result>(call: (machine: StateMachine) => Promise<Result>): Promise<Result> {
    return this.#ready.then(() => this.#orFail(() => call(this.#current)));
  }

  /** What fails meanwhile stops the state machine. */
  #switch<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#ready
      .then(() => this.#orFail(work))
      .catch(async (error: unknown) => {
        this.#failure ??= error instanceof Error ? error : new Error(String(error));
        await Promise.all([this.#current.close(), this.#coming?.close()]);
        throw this.#failure;
      });
    this.#ready = result.catch(() => null);
    return result;
  }

  #orFail<Result>(call: () => Promise<Result>): Promise<Result> {
    return this.#failure === null ? call() : Promise.reject(this.#failure);
  }

  async #watched(take: () => Promise<StateSnapshot>): Promise<StateSnapshot> {
    const over = Promise.withResolvers<void>();
    this.#snapshots.add(over);
    const end = (): void => {
      this.#snapshots.delete(over);
      over.resolve();
    };
    try {
      const snapshot = await take();
      return {
        read: async () => {
          let chunk: Uint8Array | null = null;
          try {
            chunk = await snapshot.read();
            return chunk;
          } finally {
            if (chunk === null) end();
          }
        },
        close: () => {
          snapshot.close();
          end();
        },
      };
    } catch (error) {
      end();
      throw error;
    }
  }
}

/** Null: it is the program that was started with the node. */
function changeOf({ location, atHand }: LocatedVersion, now: VersionAtHand): GraftError | null {
  if (isSamePlugin(atHand, now)) return null;
  const what = `it was ${versionWords(atHand)} when the node started, and is ${versionWords(now)} now: put it back, or restart the node`;
  return cannotBeUsed(location, what);
}

async function* chunksOf(snapshot: StateSnapshot): AsyncGenerator<Uint8Array> {
  for (let chunk = await snapshot.read(); chunk !== null; chunk = await snapshot.read()) yield chunk;
}
