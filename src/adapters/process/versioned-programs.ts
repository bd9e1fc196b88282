// Several versions of a program: which one runs, and how does its state go over to another one? One of them runs at a time. At an activation
// the next one is started and restores a snapshot of the one before, as a plugin's does.
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
import { createProcessStateMachine } from "./process-host.ts";
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
  #current: StateMachine;
  /** Whether the one that runs has a state that another one has to take over. */
  #hasBegun = false;
  /** Settles when no other version is to run first. Calls wait for it, in order. */
  #ready: Promise<unknown> = Promise.resolve();
  #handingOver: BusyWith | null = null;
  /** It is being started, or takes the state over. */
  #coming: StateMachine | null = null;
  #changes = 0;
  #failure: Error | null = null;
  /** The one that is being read. */
  #snapshot = { over: Promise.resolve(), end: (): void => {} };

  constructor(located: readonly LocatedVersion[], first: StateMachine, say: SayOf) {
    this.#located = located;
    this.#current = first;
    this.#say = say;
    this.versions = located.map(({ atHand }) => atHand);
  }

  get description(): StateMachineDescription {
    return this.#current.description;
  }

  get failure(): Error | null {
    return this.#failure ?? this.#current.failure;
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
    return this.#inTurn(async (machine) => this.#watched(await machine.snapshot()));
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
    this.#snapshot.end();
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

  async #activate({ plugin, index, term }: AppliedActivation): Promise<void> {
    if (this.#runs(plugin)) return;
    this.#handingOver = { kind: "entry", count: this.#countsBefore + countsOfOne, index, term };
    try {
      await this.#becomes(this.#hasBegun ? await this.#takenOver(plugin) : await this.#begun(plugin));
    } catch (cause) {
      const { name, version } = this.description;
      const where = `entry ${index} (term ${term}), which activates ${plugin.version}`;
      const message = `The state machine ${name} ${version} failed at ${where}: ${cause instanceof GraftError ? cause.message : reasonOf(cause)}`;
      throw new StateMachineStopped(message, index, { cause });
    } finally {
      this.#handingOver = null;
    }
  }

  async #becomes(next: StateMachine): Promise<void> {
    const before = this.#current;
    this.#current = next;
    this.#coming = null;
    this.#changes++;
    await before.close();
  }

  async #begun(plugin: PluginVersion): Promise<StateMachine> {
    // What was asked of the one before is answered first.
    await this.#current.query([]);
    return this.#begin(plugin);
  }

  /** A program with the state of the one that runs. */
  async #takenOver(plugin: PluginVersion): Promise<StateMachine> {
    await this.#snapshot.over;
    const snapshot = await this.#current.snapshot();
    try {
      const next = await this.#begin(plugin);
      await next.restore(chunksOf(snapshot), plugin);
      return next;
    } finally {
      snapshot.close();
    }
  }

  async #begin(plugin: PluginVersion): Promise<StateMachine> {
    const found = this.#located.find(({ atHand }) => isSamePlugin(atHand, plugin));
    if (found === undefined) throw new RangeError(`${plugin.name} ${plugin.version} is not at hand`);
    const { location } = found;
    this.#coming = await createProcessStateMachine(location, (level, text) => this.#say(level, text, location));
    const problem = this.#failure ?? changeOf(found, this.#coming.versions[0]!);
    if (problem !== null) throw problem;
    return this.#coming;
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

  #watched(snapshot: StateSnapshot): StateSnapshot {
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    this.#snapshot = { over, end };
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
