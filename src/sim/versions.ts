// Which versions of the state machine are at hand on which machine, and which is rolled out? An operator makes versions, puts them on the
// machines one after the other, and asks for roll-outs. Sometimes it leaves the older ones out, so that a node waits for what it has
// lost. When the faults are over it puts all of them everywhere.
import { GraftClient } from "../client/client.ts";
import type { PluginVersion } from "../core/activation.ts";
import type { NodeId } from "../core/configuration.ts";
import type { LogIndex } from "../core/log-position.ts";
import { GraftError } from "../errors.ts";
import type { AppliedEntry } from "../ports/state-machine.ts";
import type { Chance, Range } from "./chance.ts";
import type { ClientLinks } from "./client-links.ts";
import { Life } from "./life.ts";
import type { Member } from "./member.ts";
import type { Schedule } from "./schedule.ts";
import { stepOf, type StoreVersion, wordsOf } from "./versioned-store.ts";

export interface VersionPace {
  /** Between two deeds of the operator, on average, ms. 0: there is one version. */
  readonly everyMs: number;
  /** How often a machine is given the newest version alone. */
  readonly forgets: number;
  /** Between two machines of an upgrade. */
  readonly pauseMs: Range;
  readonly timeoutMs: Range;
}

export interface VersionsWorld {
  readonly schedule: Schedule;
  readonly chance: Chance;
  readonly links: ClientLinks;
  readonly members: readonly Member[];
  readonly trace: (line: string) => void;
  readonly violated: (what: string) => void;
}

const weights = { release: 1, rebuild: 0.2, install: 3, upgrade: 2, rollOut: 5 };
const versionsMax = 12;
const first: StoreVersion = { step: 1, build: 1 };

export class Versions {
  readonly #pace: VersionPace;
  readonly #world: VersionsWorld;
  readonly #client: GraftClient;
  readonly #life: Life;
  #released: readonly StoreVersion[] = [first];
  readonly #atHand = new Map<NodeId, readonly StoreVersion[]>();
  /** By the entries that made them active. */
  readonly #active = new Map<LogIndex, string>();
  #isAsking = false;
  #isOver = false;
  rollOuts = 0;
  refusals = 0;

  constructor(pace: VersionPace, world: VersionsWorld) {
    this.#pace = pace;
    this.#world = world;
    const { schedule, chance, links, members } = world;
    this.#life = new Life(schedule, chance);
    const addresses = members.map(({ address }) => address);
    const dial = links.dialOf("operator", this.#life);
    this.#client = new GraftClient({ addresses, dial, clock: this.#life, session: "none" });
    if (pace.everyMs > 0) this.#next();
  }

  /** What a node finds that starts on this machine. */
  atHand(id: NodeId): readonly StoreVersion[] {
    return this.#atHand.get(id) ?? [first];
  }

  get hasDone(): boolean {
    return !this.#isAsking;
  }

  /** The faults are over: each node has all that it may need. */
  end(): void {
    this.#isOver = true;
    if (this.#pace.everyMs === 0) return;
    for (const member of this.#world.members) this.#put(this.#released, member);
  }

  /** An entry goes to a state machine. */
  onApplied(entry: AppliedEntry): void {
    if (entry.kind !== "activate") return;
    const { version } = entry.plugin;
    const known = this.#active.get(entry.index) ?? version;
    if (known !== version)
      this.#world.violated(`entry ${entry.index} makes version ${version} active here, and version ${known} there`);
    this.#active.set(entry.index, known);
  }

  /** A put was run by this step. */
  onRun(step: number, index: LogIndex): void {
    const places = [...this.#active.keys()].filter((place) => place < index);
    const active = this.#active.get(Math.max(...places));
    if (active === String(step)) return;
    this.#world.violated(`entry ${index} is applied by step ${step}, and step ${active ?? "none"} is active there`);
  }

  #next(): void {
    this.#life.after(this.#world.chance.wait(this.#pace.everyMs), () => {
      if (this.#isOver) return;
      void this.#act().then(() => this.#next());
    });
  }

  async #act(): Promise<void> {
    const { chance } = this.#world;
    const newest = this.#released.at(-1)!;
    switch (chance.weighted(weights)) {
      case "release":
        return this.#release({ step: newest.step + 1, build: 1 });
      case "rebuild":
        return this.#release({ step: newest.step, build: newest.build + 1 });
      case "install": {
        const running = this.#running();
        return running.length === 0 ? undefined : this.#install(chance.pick(running));
      }
      case "upgrade":
        for (const member of chance.shuffled(this.#running())) {
          await this.#pause();
          if (!this.#isOver) this.#install(member);
        }
        return;
      case "rollOut":
        return this.#rollOut();
    }
  }

  #release(version: StoreVersion): void {
    if (this.#released.length >= versionsMax) return;
    this.#released = [...this.#released, version];
    this.#world.trace(`the operator has a new version: ${wordsOf(version)}`);
  }

  #running(): readonly Member[] {
    return this.#world.members.filter(({ isUp, isOut }) => isUp && !isOut);
  }

  /** A node that starts again has to find the others first. */
  #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#life.after(this.#world.chance.from(this.#pace.pauseMs), resolve);
    return promise;
  }

  #install(member: Member): void {
    const newest = this.#released.at(-1)!;
    const latestBuilds = this.#released.filter(
      ({ step, build }) => !this.#released.some((other) => other.step === step && other.build > build),
    );
    this.#put(this.#world.chance.happens(this.#pace.forgets) ? [newest] : latestBuilds, member);
  }

  /** Its node finds them when it starts again. */
  #put(versions: readonly StoreVersion[], member: Member): void {
    const before = this.atHand(member.id).map(wordsOf).join("; ");
    const now = versions.map(wordsOf).join("; ");
    this.#atHand.set(member.id, versions);
    if (before === now) return;
    this.#world.trace(`the operator puts on ${member.id}: ${now}`);
    if (member.isUp && !member.isOut) member.restart();
  }

  async #rollOut(): Promise<void> {
    const { chance, members, trace } = this.#world;
    for (const { address } of members) this.#client.alsoTry(address);
    const { step } = chance.happens(0.5) ? this.#released.at(-1)! : chance.pick(this.#released);
    // Builds of one step do the same.
    const replaces = chance.happens(0.5);
    const timeoutMs = Math.ceil(chance.from(this.#pace.timeoutMs));
    const dryRun = chance.happens(0.2);
    trace(
      `the operator rolls step ${step} out${replaces ? ", in the place of its other builds" : ""}${dryRun ? ", for show" : ""}`,
    );
    this.#isAsking = true;
    try {
      const { index, plugin } = await this.#client.rollOut({ version: String(step), replaces, dryRun, timeoutMs });
      trace(`the operator is told: ${index === null ? "nothing is changed" : `entry ${index} has done it`}`);
      this.#check(step, plugin, index, dryRun);
    } catch (error) {
      if (!(error instanceof GraftError)) throw error;
      trace(`the operator is told: ${error.code}: ${error.message}`);
      if (error.code === "rejected") this.refusals++;
    } finally {
      this.#isAsking = false;
    }
  }

  #check(step: number, plugin: PluginVersion, index: LogIndex | null, isDryRun: boolean): void {
    const { violated } = this.#world;
    if (stepOf(plugin) !== step)
      violated(`step ${step} was to be rolled out, and the answer is of step ${plugin.version}`);
    if ((index === null) !== isDryRun) violated(`a roll-out is answered as ${isDryRun ? "done" : "a dry run"}`);
    if (index === null) return;
    this.rollOuts++;
    if (this.#active.get(index) === String(step)) return;
    violated(`the roll-out of step ${step} was answered with entry ${index}, which has not made it active`);
  }
}
