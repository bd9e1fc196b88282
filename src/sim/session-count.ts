// How many sessions does each client have? Counted over the log by the rule alone (§6.3), beside the table of the state machine: a session
// opens where there is room for it and nowhere else, and a client that hears of no room had none while it waited.
import type { ClientName } from "../core/entry.ts";
import type { LogIndex } from "../core/log-position.ts";
import type { SessionLimits } from "../core/session-limits.ts";
import type { AppliedCommand, AppliedEntry, AppliedOpenSession, Outcome } from "../ports/state-machine.ts";

interface Session {
  readonly client: ClientName;
  readonly timeoutMs: number;
  activeMs: number;
}

export class SessionCount {
  readonly #limits: SessionLimits;
  readonly #violated: (what: string) => void;
  readonly #sessions = new Map<LogIndex, Session>();
  /** All that have asked for a session. */
  readonly #clients = new Set<ClientName>();
  /** The last entry before or behind which there was no room for a session of this client. */
  readonly #fullAt = new Map<ClientName, LogIndex>();
  #through: LogIndex = 0;

  constructor(limits: SessionLimits, violated: (what: string) => void) {
    this.#limits = limits;
    this.#violated = violated;
  }

  /** How far the log has been applied anywhere. */
  get through(): LogIndex {
    return this.#through;
  }

  /** A node has applied an entry. The first that does has seen all before it, or another one has. */
  onOutcome(entry: AppliedEntry, outcome: Outcome): void {
    if (entry.index <= this.#through) return;
    this.#through = entry.index;
    this.#expire(entry.timeMs);
    // Full before this entry, or behind it.
    this.#noteFull();
    switch (entry.kind) {
      case "openSession":
        this.#open(entry, outcome);
        break;
      case "closeSession":
        if (this.#sessions.get(entry.session)?.client === entry.client) this.#sessions.delete(entry.session);
        break;
      case "command":
        this.#use(entry);
        break;
      case "activate":
      case "tick":
        // Sessions outlast the version that applied their commands.
        break;
    }
    this.#noteFull();
  }

  /** A client hears that there is no room for a session. `since`: how far the log was applied when its request came to the node. */
  onRefused(client: ClientName, since: LogIndex): void {
    if (this.#isFull(client) || (this.#fullAt.get(client) ?? -1) >= since) return;
    this.#violated(`${client} hears that no session was opened, and there was room for one since entry ${since}`);
  }

  #open({ index, client, timeoutMs, timeMs }: AppliedOpenSession, { kind }: Outcome): void {
    this.#clients.add(client);
    const isOpened = kind === "ok";
    if (isOpened === this.#isFull(client)) {
      const what = isOpened
        ? "opens a session for which there is no room"
        : "refuses a session for which there is room";
      this.#violated(`entry ${index} ${what}: ${client} has ${this.#countOf(client)} of ${this.#sessions.size}`);
    }
    if (isOpened) this.#sessions.set(index, { client, timeoutMs, activeMs: timeMs });
  }

  #use({ session: stamp, timeMs }: AppliedCommand): void {
    if (stamp === null) return;
    const session = this.#sessions.get(stamp.id);
    if (session?.client === stamp.client) session.activeMs = timeMs;
  }

  #expire(stampMs: number): void {
    for (const [id, { activeMs, timeoutMs }] of this.#sessions) {
      if (activeMs + timeoutMs < stampMs) this.#sessions.delete(id);
    }
  }

  /** All clients of a simulation are administrators, which find room as long as there is any. */
  #isFull(client: ClientName): boolean {
    const { sessionsMax, clientSessionsMax } = this.#limits;
    return this.#sessions.size >= sessionsMax || this.#countOf(client) >= clientSessionsMax;
  }

  #countOf(client: ClientName): number {
    let count = 0;
    for (const session of this.#sessions.values()) if (session.client === client) count++;
    return count;
  }

  #noteFull(): void {
    for (const client of this.#clients) if (this.#isFull(client)) this.#fullAt.set(client, this.#through);
  }
}
