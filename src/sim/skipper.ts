// Who skips the entries that stop every state machine? An operator with a client, who looks at what the node says that leads, and asks for nothing
// else to be skipped: no copy has ever got past such an entry, so nobody was told that it had an effect.
import { GraftClient } from "../client/client.ts";
import type { LogIndex } from "../core/log-position.ts";
import { GraftError } from "../errors.ts";
import type { AppliedEntry } from "../ports/state-machine.ts";
import type { Chance, Range } from "./chance.ts";
import type { ClientLinks } from "./client-links.ts";
import { Life } from "./life.ts";
import type { Member } from "./member.ts";
import type { PluginTrouble } from "./plugin-trouble.ts";
import type { Schedule } from "./schedule.ts";

export interface SkipPace {
  /** Otherwise the plugin is corrected. */
  readonly isChosen: boolean;
  /** Between two looks, on average. */
  readonly everyMs: number;
  readonly timeoutMs: Range;
}

export interface SkipperWorld {
  readonly schedule: Schedule;
  readonly chance: Chance;
  readonly links: ClientLinks;
  readonly members: readonly Member[];
  readonly trouble: Pick<PluginTrouble, "isPoison">;
  readonly skipped: () => void;
  readonly trace: (line: string) => void;
  readonly violated: (what: string) => void;
}

export class Skipper {
  readonly #pace: SkipPace;
  readonly #world: SkipperWorld;
  readonly #life: Life;
  readonly #client: GraftClient;
  /** That may have been skipped, by what the operator was told. */
  readonly #asked = new Set<LogIndex>();
  #everyMs: number;
  isAsking = false;
  /** Of which it was told that they are skipped. */
  readonly #skipped = new Set<LogIndex>();

  constructor(pace: SkipPace, world: SkipperWorld) {
    this.#pace = pace;
    this.#world = world;
    this.#everyMs = pace.everyMs;
    const { schedule, chance, links, members } = world;
    this.#life = new Life(schedule, chance);
    const addresses = members.map(({ address }) => address);
    const dial = links.dialOf("skipper", this.#life);
    this.#client = new GraftClient({ addresses, dial, clock: this.#life, session: "none" });
    if (pace.isChosen) this.#next();
  }

  /** From now on it looks so often. */
  hurry(everyMs: number): void {
    this.#everyMs = everyMs;
  }

  /** How many are skipped. */
  get count(): number {
    return this.#skipped.size;
  }

  /** Whether none of these stands still at such an entry, nor has one to come. */
  haveAllPassed(members: readonly Member[]): boolean {
    const leader = members.find(({ isLeader }) => isLeader)?.node;
    if (this.isAsking || leader === undefined || leader === null) return false;
    return members.every(({ node, standstill }) => {
      return standstill === null && node !== null && node.appliedIndex >= leader.state.commitIndex;
    });
  }

  /** Whether its state machine stands still somewhere else. */
  isApart({ standstill }: Member): boolean {
    return standstill !== null && (standstill.index === null || !this.#world.trouble.isPoison(standstill.index));
  }

  /** An entry goes to a state machine. */
  onApplied({ index, isSkipped }: AppliedEntry): void {
    if (isSkipped === true && !this.#asked.has(index))
      this.#world.violated(`entry ${index} is skipped, and nobody has decided so`);
  }

  #next(): void {
    this.#life.after(this.#world.chance.wait(this.#everyMs), () => void this.#act().then(() => this.#next()));
  }

  async #act(): Promise<void> {
    const { chance, members, trouble, trace } = this.#world;
    const leader = chance.shuffled(members).find(({ isLeader }) => isLeader);
    const entry = leader?.node?.requests.stuckAt ?? null;
    if (entry === null || !trouble.isPoison(entry)) return;
    for (const { address } of members) this.#client.alsoTry(address);
    trace(`the operator asks to skip entry ${entry}`);
    const wasAsked = this.#asked.has(entry);
    this.#asked.add(entry);
    this.isAsking = true;
    const outcome = await this.#ask(entry);
    this.isAsking = false;
    if (outcome !== null && outcome.effect === "none" && !wasAsked) this.#asked.delete(entry);
    trace(`the operator is told: ${outcome === null ? "skipped" : outcome.message}`);
  }

  async #ask(entry: LogIndex): Promise<GraftError | null> {
    const timeoutMs = Math.ceil(this.#world.chance.from(this.#pace.timeoutMs));
    try {
      const { index } = await this.#client.skip(entry, { timeoutMs });
      if (index === null || index <= entry) this.#world.violated(`entry ${index} is said to skip entry ${entry}`);
      this.#skipped.add(entry);
      this.#world.skipped();
      return null;
    } catch (error) {
      if (error instanceof GraftError) return error;
      throw error;
    }
  }
}
