// Which clients have as many sessions as they may, as far as a leader can know? The session table decides at an opening's entry
// (core/sessions.ts). Once it has refused one, the leader need not fill its log with more: until a session of the client may have ended.
import type { ClientName } from "../core/entry.ts";
import type { Term } from "../core/log-position.ts";
import type { AppliedOpenSession, ClientIsFull } from "../ports/state-machine.ts";

/** The term in which this node leads, and the stamp of an entry that it would append now. */
interface Leading {
  readonly term: Term;
  readonly stampMs: number;
}

interface Full {
  readonly term: Term;
  readonly untilMs: number;
  readonly why: string;
}

export class FullClients {
  readonly #leading: () => Leading | null;
  readonly #full = new Map<ClientName, Full>();
  /** How many requests to close a session of the client are under way. */
  readonly #closings = new Map<ClientName, number>();
  /** The term in which the leader lost sight of such a request: it may be in the log, and not applied yet. */
  readonly #doubtful = new Map<ClientName, Term>();

  /** @param leading null: this node does not lead */
  constructor(leading: () => Leading | null) {
    this.#leading = leading;
  }

  /**
   * Why an opening of this client would be refused; null: it may be accepted. That another node has not become the leader meanwhile,
   * and has let the client close a session, is for the caller to confirm.
   */
  whyFull(client: ClientName): string | null {
    const full = this.#full.get(client);
    if (full === undefined) return null;
    if (this.#stands(full)) return full.why;
    this.#full.delete(client);
    return null;
  }

  /** The session table has refused an opening. If it was proposed in this term, all entries behind it are this leader's own. */
  onFull({ client, term }: AppliedOpenSession, { message, untilMs }: ClientIsFull): void {
    if (this.#closings.has(client) || this.#doubtful.get(client) === term) return;
    for (const [name, full] of this.#full) if (!this.#stands(full)) this.#full.delete(name);
    const full = { term, untilMs, why: message };
    if (this.#stands(full)) this.#full.set(client, full);
  }

  /** A client asks to close a session. To be called when that is answered: `isKnown`: with what became of it. */
  closing(client: ClientName): (isKnown: boolean) => void {
    this.#full.delete(client);
    this.#closings.set(client, (this.#closings.get(client) ?? 0) + 1);
    let isOpen = true;
    return (isKnown) => {
      if (!isOpen) return;
      isOpen = false;
      const others = this.#closings.get(client)! - 1;
      if (others > 0) this.#closings.set(client, others);
      else this.#closings.delete(client);
      if (!isKnown) this.#doubt(client);
    };
  }

  #doubt(client: ClientName): void {
    const leading = this.#leading();
    if (leading === null) return;
    for (const [name, term] of this.#doubtful) if (term !== leading.term) this.#doubtful.delete(name);
    this.#doubtful.set(client, leading.term);
  }

  #stands({ term, untilMs }: Full): boolean {
    const leading = this.#leading();
    return leading !== null && leading.term === term && leading.stampMs <= untilMs;
  }
}
