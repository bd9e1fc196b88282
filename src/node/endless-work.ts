// What has the state machine been busy with for too long? Nobody can tell a slow command, query or snapshot from one that never ends:
// so it is named, and the operator decides.
import type { LogIndex, Millis } from "../core/log-position.ts";
import type { Clock } from "../ports/clock.ts";
import type { BusyWith } from "../ports/state-machine.ts";

/** How long a single command, query or part of a snapshot may take without a word, ms. */
const worthAWordMs = 5_000;

/** How long before its deadline a request is answered that waits for a state machine which hangs, ms. */
const reasonAheadMs = 500;

/** What a state machine hangs at, as far as can be told. */
export interface Endless {
  /** For people: what it is, since when, and what to do. */
  readonly problem: string;
  /** The entry, or the last of those that it may be; null: a query, which hangs on this node alone, or a snapshot. */
  readonly entry: LogIndex | null;
  readonly isQuery: boolean;
}

export interface EndlessWorkOptions {
  readonly busyWith: () => BusyWith | null;
  /** For people: the operation of the command at this index; null: it has none. */
  readonly operationAt: (index: LogIndex) => string | null;
  /** The name of the client that asked the query at this place of the slice; null: not known. */
  readonly askerOf: (nth: number) => string | null;
  readonly clock: Pick<Clock, "nowMs" | "wallMs">;
}

/** Requests with a deadline up to this moment are answered now: where the reason is known, clients hear it before they stop waiting. */
export const answeredUntil = (nowMs: Millis, hangs: Endless | null): Millis =>
  hangs === null ? nowMs : nowMs + reasonAheadMs;

interface Seen {
  readonly work: BusyWith;
  readonly sinceMs: Millis;
  /** ms since 1970. */
  readonly sinceWallMs: Millis;
}

export class EndlessWork {
  readonly #options: EndlessWorkOptions;
  #seen: Seen | null = null;
  #found: Endless | null = null;

  constructor(options: EndlessWorkOptions) {
    this.#options = options;
  }

  /** By the last look. Null: nothing takes too long. */
  get found(): Endless | null {
    return this.#found;
  }

  /** The very entry, by the last look; null: nothing takes too long, or it may be one of several. */
  get entry(): LogIndex | null {
    const at = this.#found === null ? undefined : this.#seen?.work;
    return at?.kind === "entry" && (at.through ?? at.index) === at.index ? at.index : null;
  }

  /** It is one of several entries, by the last look. */
  get isOneOfSeveral(): boolean {
    return this.#found !== null && this.#seen?.work.kind === "entry" && this.entry === null;
  }

  /** To be called often. */
  look(): void {
    this.#found = this.#find();
  }

  #find(): Endless | null {
    const { busyWith, clock } = this.#options;
    const work = busyWith();
    if (work === null) this.#seen = null;
    else if (work.count !== this.#seen?.work.count) {
      this.#seen = { work, sinceMs: clock.nowMs(), sinceWallMs: clock.wallMs() };
    }
    const seen = this.#seen;
    if (seen === null || clock.nowMs() - seen.sinceMs < worthAWordMs) return null;
    const at = seen.work;
    const entry = at.kind === "entry" ? (at.through ?? at.index) : null;
    return { problem: this.#words(seen), entry, isQuery: at.kind === "query" };
  }

  #words({ work, sinceWallMs }: Seen): string {
    // oxlint-disable-next-line no-restricted-globals -- it writes a given time down and reads no clock
    const since = new Date(sinceWallMs).toISOString();
    if (work.kind === "entry") {
      const { index, term, through = index } = work;
      const operation = through === index ? this.#options.operationAt(index) : null;
      const only = `entry ${index} (term ${term})${operation === null ? "" : `, the command ${operation},`}`;
      const entries = through === index ? only : `one of the entries ${index} to ${through}`;
      return `its state machine has been busy with ${entries} since ${since}, and commands wait for it; if it never ends, correct its code and restart the nodes`;
    }
    if (work.kind === "snapshot") {
      return `its state machine has been busy with a snapshot since ${since}, and commands wait for it; if it never ends, correct its code and restart the nodes`;
    }
    const asker = work.nth === null ? null : this.#options.askerOf(work.nth);
    const query = asker === null ? "a query" : `a query of the client "${asker}"`;
    return `its state machine has been busy with ${query} since ${since}, and commands wait for it; if it never ends, restart this node and correct its code`;
  }
}
