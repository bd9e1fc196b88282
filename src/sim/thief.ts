// What does a client do to the sessions of others? It sends commands of its own under their numbers, which a node must refuse: the name
// in a session is that of the certificate that opened it (§6.3).
import { encodeOperation } from "../client/typed-payload.ts";
import type { Link } from "../client/connection.ts";
import type { LogIndex } from "../core/log-position.ts";
import type { AppliedEntry } from "../ports/state-machine.ts";
import type { Chance } from "./chance.ts";
import type { ClientLinks } from "./client-links.ts";
import { Life } from "./life.ts";
import type { Member } from "./member.ts";
import type { Schedule } from "./schedule.ts";

export interface ThiefWorld {
  readonly schedule: Schedule;
  readonly chance: Chance;
  readonly members: readonly Member[];
  readonly links: ClientLinks;
  /** Between two thefts, on average. */
  readonly everyMs: number;
  readonly keys: number;
}

const name = "thief";
const timeoutMs = 1000;

export class Thief {
  readonly #world: ThiefWorld;
  readonly #life: Life;
  /** The last number that was seen of each session. */
  readonly #numbers = new Map<LogIndex, number>();
  #requests = 0;
  #isOver = false;

  constructor(world: ThiefWorld) {
    this.#world = world;
    this.#life = new Life(world.schedule, world.chance);
    this.#next();
  }

  end(): void {
    this.#isOver = true;
  }

  onApplied(entry: AppliedEntry): void {
    if (entry.kind === "openSession") this.#numbers.set(entry.index, 0);
    if (entry.kind !== "command" || entry.session === null || entry.session.client === name) return;
    this.#numbers.set(entry.session.id, entry.session.sequence);
  }

  #next(): void {
    this.#life.after(this.#world.chance.wait(this.#world.everyMs), () => {
      if (this.#isOver) return;
      void this.#steal().then(() => this.#next());
    });
  }

  async #steal(): Promise<void> {
    const { chance, links, members, keys } = this.#world;
    const [session] = chance.shuffled([...this.#numbers]);
    if (session === undefined) return;
    const [id, last] = session;
    const { address } = chance.pick(members);
    const link = await links
      .dialOf(name, this.#life)(address, { onReply: () => {}, onClosed: () => {} })
      .catch(() => null);
    if (link !== null) this.#ask(link, { id, sequence: last + 1 + chance.below(3) }, `k${chance.below(keys)}`);
  }

  #ask(link: Link, { id, sequence }: { readonly id: LogIndex; readonly sequence: number }, key: string): void {
    const payload = encodeOperation("put", { key, value: new TextEncoder().encode(`stolen${++this.#requests}`) });
    link.send({
      kind: "command",
      id: this.#requests,
      payload,
      timeoutMs,
      session: { id, sequence, answeredBelow: 1 },
    });
    this.#life.after(timeoutMs, () => link.close());
  }
}
