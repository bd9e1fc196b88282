// Which is the smallest story of the same violation? Leaves out kinds of faults, nodes and clients, and takes the seed that needs the fewest
// events. A smaller story draws other numbers, so each is tried with some seeds.
import type { Story } from "./story.ts";
import type { Violation } from "./violation.ts";

/** What a simulation is told from. */
export interface Telling {
  readonly seed: number;
  /** Of faults and load. */
  readonly events: number;
  readonly story: Story;
}

export interface Found extends Telling {
  readonly violation: Violation;
}

export interface ShrinkOptions {
  /** The kinds of faults that come in what is told. */
  readonly kindsIn: (telling: Telling) => readonly string[];
  /** Simulates; null: nothing is violated. */
  readonly attempt: (telling: Telling) => Promise<Violation | null>;
  /** Whether the best that was found has to do. */
  readonly isOver: () => boolean;
  /** Told of each smaller story. */
  readonly found: (found: Found) => void;
}

/** How many seeds are tried with each smaller story, and in search of fewer events. */
const seedsTried = 6;
const seedsSearched = 30;
/** With fewer faults the same may take longer to come about: this many events, or as many as it took at first. */
const eventsTried = 2000;

/** The smallest found within the time there is; null: told again, `first` violates nothing. */
export async function shrink(first: Found, options: ShrinkOptions): Promise<Found | null> {
  const search = new Search(first, options);
  if (!(await search.tells(first)) && !options.isOver()) return null;
  await search.withFewerEvents();
  await search.withFewer("nodes");
  await search.withFewer("clients");
  await search.withFewerFaults();
  await search.withAnotherSeed();
  return search.best;
}

class Search {
  best: Found;
  readonly #options: ShrinkOptions;
  readonly #rule: string;
  readonly #eventsMax: number;

  constructor(first: Found, options: ShrinkOptions) {
    this.#eventsMax = Math.max(first.events, eventsTried);
    this.best = first;
    this.#options = options;
    this.#rule = ruleOf(first.violation);
  }

  /** Whether this tells of the same. Then it is the best story so far. */
  async tells(telling: Telling): Promise<boolean> {
    if (this.#options.isOver()) return false;
    const violation = await this.#options.attempt(telling);
    if (violation === null || ruleOf(violation) !== this.#rule) return false;
    const { events } = violation;
    this.best = { ...telling, events: Math.min(events, telling.events), violation };
    this.#options.found(this.best);
    return true;
  }

  /** What is violated when all faults are over may need no more than a few. */
  async withFewerEvents(): Promise<void> {
    for (let events = Math.floor(this.best.events / 2); this.#isAfterFaults; events = Math.floor(events / 2)) {
      if (!(await this.tells({ ...this.best, events })) || events === 0) return;
    }
  }

  get #isAfterFaults(): boolean {
    return this.best.violation.events > this.best.events;
  }

  async withFewerFaults(): Promise<void> {
    if (await this.#tellsWith({ faults: [] })) return;
    const kinds = this.best.story.faults ?? this.#options.kindsIn(this.best);
    for (const kind of kinds) {
      await this.#tellsWith({ faults: (this.best.story.faults ?? kinds).filter((each) => each !== kind) });
    }
  }

  async withFewer(what: "nodes" | "clients"): Promise<void> {
    for (const count of [1, 2, 3]) {
      if (count >= (this.best.story[what] ?? Number.POSITIVE_INFINITY)) return;
      if (await this.#tellsWith({ [what]: count })) return;
    }
  }

  async withAnotherSeed(): Promise<void> {
    for (let seed = 1; seed <= seedsSearched && this.best.events > 0; seed++) {
      await this.tells({ ...this.best, seed, events: this.best.events - 1 });
    }
  }

  async #tellsWith(part: Story): Promise<boolean> {
    const { seed: first, events } = this.best;
    const story = { ...this.best.story, ...part };
    const enough = this.#isAfterFaults ? events : this.#eventsMax;
    for (let seed = first; seed < first + seedsTried; seed++) {
      if (await this.tells({ seed, events: enough, story })) return true;
    }
    return false;
  }
}

/** The kind of a violation: its first line without names and numbers. */
const ruleOf = ({ details }: Violation): string => (details.split("\n", 1)[0] ?? "").replace(/\d+/g, "#");
