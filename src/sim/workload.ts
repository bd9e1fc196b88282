// The clients of a simulation: each has one operation under way at a time, or a few. What they ask, and what has to hold of the answers, is
// their load's business.
import { GraftClient } from "../client/client.ts";
import { GraftError } from "../errors.ts";
import type { Chance, Range } from "./chance.ts";
import type { Schedule } from "./schedule.ts";
import type { ClientLinks } from "./client-links.ts";
import { Life } from "./life.ts";
import { driftMax } from "./process-clock.ts";

export interface WorkloadOptions {
  readonly clients: number;
  /** How many operations of a client may be under way at once, where there are few clients. */
  readonly atOnce: number;
  /** Of a store that has keys. */
  readonly keys: number;
  readonly thinkMs: Range;
  readonly timeoutMs: Range;
  /** How long a session lives without a command, and how often a client is silent for longer. */
  readonly sessionMs: number;
  readonly silence: number;
  /** How long an operation may take when nothing is wrong any more. */
  readonly patienceMs: number;
  readonly addresses: readonly string[];
  /** The members as they are committed: another object once they have changed. */
  readonly members: () => unknown;
}

/** What clients ask. */
export interface Load {
  /** How many of the operations were commands of the state machine, and no queries. */
  readonly commands: number;
  /** One operation of a client. Resolves with null when it was answered, whatever the answer, else with why not. */
  operate(client: GraftClient, asker: Asker): Promise<GraftError | null>;
  /** In parts, between which others may have the thread. Throws when the answers contradict each other. */
  check(violated: (what: string) => never): Generator<undefined, void>;
}

export interface Asker {
  readonly name: string;
  /** Nothing is wrong with the cluster any more. */
  readonly mustSucceed: boolean;
  /** Draws how long the next request may take. */
  readonly timeoutMs: () => number;
  /** To be called when the operation was a command and has its answer. */
  readonly commanded: () => void;
}

interface Client {
  readonly client: GraftClient;
  readonly name: string;
  readonly life: Life;
  readonly hasSession: boolean;
  /** When it asked for the last command that was answered. */
  commandedMs: number;
  /** How many of its operations are under way that began when something was wrong, and may end soon. */
  hurried: number;
}

/** By how much a client may give an operation up late, ms: it looks at its deadlines every 50 ms (client/sweep.ts). */
const lateMaxMs = 200;
/** How many clients there are at the most at once that know one node only. */
export const hurriedMax = 4;

/** Of all clients. The search for an order of that many operations is still short. */
const underWayMax = 8;

export function atOnceOf({ clients, atOnce }: Pick<WorkloadOptions, "clients" | "atOnce">): number {
  return Math.max(1, Math.min(atOnce, Math.floor(underWayMax / clients)));
}

export class Workload {
  readonly #schedule: Schedule;
  readonly #links: ClientLinks;
  readonly #chance: Chance;
  readonly #options: WorkloadOptions;
  readonly #clients: GraftClient[] = [];
  readonly #load: Load;
  #isOver = false;
  #hurried = 0;
  #hurriedNow = 0;
  /** Nothing is wrong with the cluster any more: what begins from now on succeeds. */
  #mustSucceed = false;
  readonly #violated: (what: string) => void;
  /** Operations that began when they had to succeed, and did. */
  successes = 0;
  commands = 0;
  answers = 0;
  underWay = 0;

  constructor(
    schedule: Schedule,
    chance: Chance,
    {
      links,
      load,
      violated,
      ...options
    }: WorkloadOptions & {
      readonly links: ClientLinks;
      readonly load: Load;
      /** Told of an operation that took longer than it may, and of one that failed when it had to succeed. */
      readonly violated: (what: string) => void;
    },
  ) {
    this.#schedule = schedule;
    this.#chance = chance;
    this.#links = links;
    this.#options = options;
    this.#load = load;
    this.#violated = violated;
    for (let nth = 0; nth < options.clients; nth++) {
      const life = new Life(schedule, chance);
      const name = `client${nth}`;
      const hasSession = !chance.happens(0.3);
      const client = new GraftClient({
        addresses: chance.shuffled(options.addresses),
        dial: links.dialOf(name, life),
        clock: life,
        readFrom: chance.pick(["leader", "any"]),
        session: hasSession ? { timeoutMs: options.sessionMs } : "none",
      });
      this.#clients.push(client);
      const one = { client, name, life, hasSession, commandedMs: Number.NEGATIVE_INFINITY, hurried: 0 };
      for (let lane = 0; lane < atOnceOf(options); lane++) this.#next(one);
    }
  }

  /** From now on an operation that fails is a violation. `addresses`: where the nodes are now. */
  expectSuccess(addresses: readonly string[]): void {
    for (const client of this.#clients) for (const address of addresses) client.alsoTry(address);
    this.#mustSucceed = true;
  }

  /** Some clients come that know this node only, ask it one thing each, and go. */
  hurry(address: string): void {
    for (let nth = 1 + this.#chance.below(hurriedMax); nth > 0 && this.#hurriedNow < hurriedMax; nth--) {
      const life = new Life(this.#schedule, this.#chance);
      const name = `hurried${++this.#hurried}`;
      const dial = this.#links.dialOf(name, life);
      const client = new GraftClient({ addresses: [address], dial, clock: life, session: "none" });
      this.commands++;
      this.underWay++;
      this.#hurriedNow++;
      void this.#inTime(client, { name, life, commanded: () => {} }, false).then((error) => {
        this.#concluded(error, false);
        this.#hurriedNow--;
        return client.close();
      });
    }
  }

  /** What is under way goes on to its end, and nothing new begins. */
  end(): void {
    this.#isOver = true;
  }

  /** In parts, between which others may have the thread. Throws when the answers contradict each other. */
  check(violated: (what: string) => never): Generator<undefined, void> {
    return this.#load.check(violated);
  }

  #next(one: Client): void {
    const { client, life, hasSession } = one;
    life.after(this.#thinkMs(), () => {
      if (this.#isOver) return;
      const mustSucceed = this.#mustSucceed;
      const members = this.#options.members();
      const beganMs = this.#schedule.nowMs;
      if (!mustSucceed) one.hurried++;
      const isAmongHurried = one.hurried > 0;
      const commanded = (): void => void (one.commandedMs = Math.max(one.commandedMs, beganMs));
      this.commands++;
      this.underWay++;
      void this.#inTime(client, { ...one, commanded }, mustSucceed)
        .then((error) => {
          if (!mustSucceed) one.hurried--;
          // A client without a session may not repeat a command. A leader that is removed does not learn what becomes of its last entries,
          // and an operation whose time is up gives up the connection to a node that is silent, with all that waits on it.
          const isCutOff = !hasSession && (isAmongHurried || members !== this.#options.members());
          const isExcused = error?.effect === "unknown" && (isCutOff || this.#hasLostSession(one, error));
          return this.#concluded(error, mustSucceed && !isExcused);
        })
        .then(() => this.#next(one));
    });
  }

  /** One operation, which ends in its time by the client's clock, whatever becomes of its connections. */
  async #inTime(
    client: GraftClient,
    { name, life, commanded }: Pick<Client, "name" | "life"> & { readonly commanded: () => void },
    mustSucceed: boolean,
  ): Promise<GraftError | null> {
    let dueMs = Number.POSITIVE_INFINITY;
    const timeoutMs = (): number => {
      const drawn = this.#timeoutMs();
      dueMs = life.nowMs() + drawn;
      return drawn;
    };
    const error = await this.#load.operate(client, { name, mustSucceed, timeoutMs, commanded });
    const lateMs = life.nowMs() - dueMs;
    if (lateMs > lateMaxMs) this.#violated(`${name} has waited ${lateMs.toFixed(0)} ms longer than it would`);
    return error;
  }

  /** A session that was not used for its time has ended, and then nothing tells what became of a copy whose answer is lost. */
  #hasLostSession({ commandedMs }: Client, { cause }: GraftError): boolean {
    const isExpired = cause instanceof GraftError && cause.code === "session-expired";
    const unusedMs = this.#schedule.nowMs - commandedMs;
    return isExpired && unusedMs >= (1 - 2 * driftMax) * this.#options.sessionMs;
  }

  #thinkMs(): number {
    const { thinkMs, sessionMs, silence } = this.#options;
    if (!this.#mustSucceed && this.#chance.happens(silence)) return this.#chance.between(1, 2) * sessionMs;
    return this.#chance.wait(this.#chance.from(thinkMs));
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
