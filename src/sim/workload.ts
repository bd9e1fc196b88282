// The clients of a simulation: each has one operation under way at a time. What they ask, and what has to hold of the answers, is their
// load's business.
import { GraftClient } from "../client/client.ts";
import type { GraftError } from "../errors.ts";
import type { Chance, Range } from "./chance.ts";
import type { Schedule } from "./schedule.ts";
import type { ClientLinks } from "./client-links.ts";
import { Life } from "./life.ts";

export interface WorkloadOptions {
  readonly clients: number;
  /** Of a store that has keys. */
  readonly keys: number;
  readonly thinkMs: Range;
  readonly timeoutMs: Range;
  /** How long an operation may take when nothing is wrong any more. */
  readonly patienceMs: number;
  readonly addresses: readonly string[];
}

/** What clients ask. */
export interface Load {
  /** One operation of a client. Resolves with null when it was answered, whatever the answer, else with why not. */
  operate(client: GraftClient, asker: Asker): Promise<GraftError | null>;
  /** Throws when the answers contradict each other. */
  check(violated: (what: string) => never): void;
}

export interface Asker {
  readonly name: string;
  /** Draws how long the next request may take. */
  readonly timeoutMs: () => number;
}

export class Workload {
  readonly #chance: Chance;
  readonly #options: WorkloadOptions;
  readonly #clients: GraftClient[] = [];
  readonly #load: Load;
  #isOver = false;
  /** Nothing is wrong with the cluster any more: what begins from now on succeeds. */
  #mustSucceed = false;
  #violated: (what: string) => void = () => {};
  /** Operations that began when they had to succeed, and did. */
  successes = 0;
  commands = 0;
  answers = 0;
  underWay = 0;

  constructor(
    schedule: Schedule,
    chance: Chance,
    { links, load, ...options }: WorkloadOptions & { readonly links: ClientLinks; readonly load: Load },
  ) {
    this.#chance = chance;
    this.#options = options;
    this.#load = load;
    for (let nth = 0; nth < options.clients; nth++) {
      const life = new Life(schedule, chance);
      const name = `client${nth}`;
      const client = new GraftClient({
        addresses: chance.shuffled(options.addresses),
        dial: links.dialOf(name, life),
        clock: life,
        readFrom: chance.pick(["leader", "any"]),
        session: chance.happens(0.3) ? "none" : { timeoutMs: 600_000 },
      });
      this.#clients.push(client);
      this.#next(client, name, life);
    }
  }

  /** From now on an operation that fails is a violation: `violated` is told what it was. `addresses`: where the nodes are now. */
  expectSuccess(addresses: readonly string[], violated: (what: string) => void): void {
    for (const client of this.#clients) for (const address of addresses) client.alsoTry(address);
    this.#mustSucceed = true;
    this.#violated = violated;
  }

  /** What is under way goes on to its end, and nothing new begins. */
  end(): void {
    this.#isOver = true;
  }

  /** Throws when the answers contradict each other. */
  check(violated: (what: string) => never): void {
    this.#load.check(violated);
  }

  #next(client: GraftClient, name: string, life: Life): void {
    life.after(this.#chance.wait(this.#chance.from(this.#options.thinkMs)), () => {
      if (this.#isOver) return;
      const mustSucceed = this.#mustSucceed;
      this.commands++;
      this.underWay++;
      void this.#load
        .operate(client, { name, timeoutMs: () => this.#timeoutMs() })
        .then((error) => this.#concluded(error, mustSucceed))
        .then(() => this.#next(client, name, life));
    });
  }

  #concluded(error: GraftError | null, mustSucceed: boolean): void {
    this.underWay--;
    if (error === null) this.answers++;
    if (!mustSucceed) return;
    if (error === null) this.successes++;
    else this.#violated(`with all faults over, an operation failed: ${error.message}`);
  }

  #timeoutMs(): number {
    return Math.ceil(this.#mustSucceed ? this.#options.patienceMs : this.#chance.from(this.#options.timeoutMs));
  }
}
