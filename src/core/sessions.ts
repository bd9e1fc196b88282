// Has this command taken effect before? The table of the clients' sessions (§6.3): a state machine over the log, fed the
// entries in their order, and the same on every node at the same index. Who runs the commands is the executor's business.
// Its state is mutable and private, unlike that of the core's steps: it may hold many thousand outcomes, and every command
// of every client changes it.
import type { ClientName, OwnedStamp } from "./entry.ts";
import type { LogIndex } from "./log-position.ts";
import { type SessionLimits, sessionLimits } from "./session-limits.ts";

/** What a command of a session came to: kept until the client has said that it knows it. */
export type SessionOutcome =
  | { readonly kind: "ok"; readonly payload: Uint8Array }
  | { readonly kind: "rejected"; readonly message: string }
  /** The command took effect, and its result cannot be sent. */
  | { readonly kind: "unsendable"; readonly message: string };

/** A command of a session as the table sees it. */
export interface StampedCommand {
  readonly stamp: OwnedStamp;
  /** Of the payload, a safe integer: tells a copy of a command from another command with the same number. */
  readonly digest: number;
}

/** Why a command is not applied. */
export type SessionAnswer =
  /** It was before, with this outcome; or it was turned away, and stays so. */
  | SessionOutcome
  /** The session is gone, or never was. */
  | { readonly kind: "expired" }
  /** The client has said that it waits for it no longer. */
  | { readonly kind: "forgotten" };

/** What is kept of a command. */
export interface KeptOutcome {
  readonly sequence: number;
  readonly digest: number;
  readonly outcome: SessionOutcome;
}

/** A session as it stands in a snapshot. */
export interface SessionImage {
  readonly id: LogIndex;
  readonly client: ClientName;
  readonly isAdmin: boolean;
  readonly timeoutMs: number;
  readonly activeMs: number;
  readonly answeredBelow: number;
  /** No command up to this one is applied any more: one of them found no room for its outcome; 0: none. */
  readonly refusedThrough: number;
  /** By sequence, ascending. */
  readonly outcomes: readonly KeptOutcome[];
}

/** The whole table at one index: equal on every node. */
export interface SessionsImage {
  /** Replicated time, as of the last entry of a session. */
  readonly stampMs: number;
  /** By id, ascending. */
  readonly sessions: readonly SessionImage[];
}

/** Whose session is opened, and for how long it lives without a command. */
export interface SessionOpening {
  readonly client: ClientName;
  readonly isAdmin: boolean;
  readonly timeoutMs: number;
}

interface Session {
  readonly owner: Owner;
  /** Which the bytes count in. */
  readonly pool: Pool;
  readonly timeoutMs: number;
  /** The stamp of its latest entry. */
  activeMs: number;
  answeredBelow: number;
  refusedThrough: number;
  readonly outcomes: Map<number, KeptOutcome>;
  bytes: number;
}

/** What several clients share. */
interface Pool {
  readonly isAdmins: boolean;
  readonly bytesMax: number;
  bytes: number;
}

/** A client with at least one session. */
interface Owner {
  readonly client: ClientName;
  readonly sessions: Map<LogIndex, Session>;
  /** None of them expires before: a client at its limit that goes on opening sessions must not cost a look at all of them each time. */
  safeUntilMs: number;
  bytes: number;
}

/** What an outcome weighs beside its payload, and how much of a refusal's text is kept: as much as a reply can carry. */
const outcomeOverheadBytes = 64;
const messageLengthMax = 2048;

const expired: SessionAnswer = { kind: "expired" };
const forgotten: SessionAnswer = { kind: "forgotten" };
const foreign = (id: LogIndex): SessionAnswer => ({
  kind: "rejected",
  message: `session ${id} belongs to another client`,
});
const otherPayload = ({ id, sequence }: OwnedStamp): SessionAnswer => ({
  kind: "rejected",
  message: `command ${sequence} of session ${id} was sent before with another payload`,
});
const hadNoRoom = ({ id, sequence }: OwnedStamp): SessionAnswer => ({
  kind: "rejected",
  message: `command ${sequence} of session ${id} stays refused: there was no room to keep its result; a new command may succeed`,
});

export class SessionTable {
  readonly #limits: SessionLimits;
  /** In the order of their ids, since each is opened by a later entry. */
  readonly #sessions = new Map<LogIndex, Session>();
  readonly #owners = new Map<ClientName, Owner>();
  readonly #admins: Pool;
  readonly #others: Pool;
  #stampMs = 0;
  /** No session expires before: looking for one is useless until then. */
  #safeUntilMs = Number.POSITIVE_INFINITY;
  #openedSinceLook = 0;
  /** Sessions that differ from what `takeChanges` told; null: nobody asks. */
  #changed: Set<LogIndex> | null = null;

  constructor(limits: SessionLimits = sessionLimits) {
    this.#limits = limits;
    this.#admins = { isAdmins: true, bytesMax: limits.adminBytesMax, bytes: 0 };
    this.#others = { isAdmins: false, bytesMax: limits.bytesMax, bytes: 0 };
  }

  /** How many sessions are held, those included that have expired unnoticed. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Bytes of all outcomes held, roughly. */
  get bytes(): number {
    return this.#admins.bytes + this.#others.bytes;
  }

  /** From here on `takeChanges` tells what changes. */
  trackChanges(): void {
    this.#changed ??= new Set();
  }

  /** Replicated time, as of the last entry of a session. */
  get stampMs(): number {
    return this.#stampMs;
  }

  /** What has changed since the last call, each session as it is now; null: it is gone. */
  takeChanges(): readonly (readonly [LogIndex, SessionImage | null])[] {
    const changed = [...(this.#changed ?? [])];
    this.#changed?.clear();
    return changed.map((id) => {
      const session = this.#sessions.get(id);
      return [id, session === undefined ? null : imageOf(id, session)] as const;
    });
  }

  /** The entry at `id` opens a session. Null: it is open; else why there is no room for it. */
  open(id: LogIndex, opening: SessionOpening, stampMs: number): string | null {
    this.#stampMs = stampMs;
    const refusal = this.#refusalToOpen(opening);
    if (refusal !== null) return refusal;
    this.#begin(id, { ...opening, activeMs: stampMs, answeredBelow: 1, refusedThrough: 0 });
    this.#safeUntilMs = Math.min(this.#safeUntilMs, stampMs + opening.timeoutMs);
    // Looking through all of them costs as much as there are: not at every opening.
    if (++this.#openedSinceLook * 8 > this.#sessions.size) this.#prune();
    return null;
  }

  /** A client with as many sessions as it may have: the stamp through which none of them expires. Null: it has fewer. */
  fullUntilMs(client: ClientName): number | null {
    const owner = this.#owners.get(client);
    return owner === undefined || owner.sessions.size < this.#limits.clientSessionsMax ? null : owner.safeUntilMs;
  }

  /** Null: there was such a session of this client, and there is none from here on. Else why not. */
  close(id: LogIndex, client: ClientName, stampMs: number): SessionAnswer | null {
    this.#stampMs = stampMs;
    const session = this.#find(id);
    if (session === null) return expired;
    if (session.owner.client !== client) return foreign(id);
    this.#remove(id, session);
    return null;
  }

  /** Null: the command is to be applied now, and its outcome handed to `keep` before the next entry. */
  answerTo(command: StampedCommand, stampMs: number): SessionAnswer | null {
    this.#stampMs = stampMs;
    const { stamp } = command;
    const session = this.#find(stamp.id);
    if (session === null) return expired;
    // Another client must not even keep the session alive.
    if (session.owner.client !== stamp.client) return foreign(stamp.id);
    session.activeMs = stampMs;
    this.#changed?.add(stamp.id);
    if (stamp.answeredBelow > session.answeredBelow) this.#letGo(session, stamp.answeredBelow);
    const { sequence } = stamp;
    if (sequence < session.answeredBelow) return forgotten;
    const kept = session.outcomes.get(sequence);
    if (kept === undefined) return this.#refusalOf(stamp, session);
    return kept.digest === command.digest ? kept.outcome : otherPayload(stamp);
  }

  /** The outcome of the command that `answerTo` let through. The payload is kept as it is: it must never change. */
  keep({ stamp, digest }: StampedCommand, outcome: SessionOutcome): void {
    const session = this.#sessions.get(stamp.id);
    if (session === undefined) return;
    this.#changed?.add(stamp.id);
    this.#add(session, { sequence: stamp.sequence, digest, outcome });
  }

  /** A copy for a snapshot: what happens later does not show in it. */
  image(): SessionsImage {
    this.#prune();
    const sessions = [...this.#sessions].map(([id, session]) => imageOf(id, session));
    return { stampMs: this.#stampMs, sessions };
  }

  /** Becomes what `image` gave on this node or another one. */
  restore({ stampMs, sessions }: SessionsImage): void {
    this.#sessions.clear();
    this.#owners.clear();
    this.#admins.bytes = 0;
    this.#others.bytes = 0;
    this.#stampMs = stampMs;
    this.#openedSinceLook = 0;
    this.#safeUntilMs = Number.NEGATIVE_INFINITY;
    for (const { id, outcomes, ...image } of sessions) {
      const session = this.#begin(id, image);
      for (const kept of outcomes) this.#add(session, kept);
    }
  }

  #refusalToOpen({ client, isAdmin }: SessionOpening): string | null {
    const { sessionsMax, adminSessions, clientSessionsMax } = this.#limits;
    // Which of the expired ones are still held must never show: nodes that have taken a snapshot hold fewer.
    if ((this.#owners.get(client)?.sessions.size ?? 0) >= clientSessionsMax) this.#pruneClient(client);
    if ((this.#owners.get(client)?.sessions.size ?? 0) >= clientSessionsMax) {
      return `this client has ${clientSessionsMax} sessions already`;
    }
    const openMax = isAdmin ? sessionsMax : sessionsMax - adminSessions;
    if (this.#sessions.size >= openMax) this.#prune();
    return this.#sessions.size >= openMax ? `there are ${openMax} sessions already` : null;
  }

  #begin(id: LogIndex, image: Omit<SessionImage, "id" | "outcomes">): Session {
    const { client, isAdmin, timeoutMs, activeMs, answeredBelow, refusedThrough } = image;
    const owner = this.#owners.get(client) ?? {
      client,
      sessions: new Map(),
      safeUntilMs: Number.POSITIVE_INFINITY,
      bytes: 0,
    };
    owner.safeUntilMs = Math.min(owner.safeUntilMs, activeMs + timeoutMs);
    const pool = isAdmin ? this.#admins : this.#others;
    const state = { timeoutMs, activeMs, answeredBelow, refusedThrough };
    const session: Session = { owner, pool, ...state, outcomes: new Map(), bytes: 0 };
    this.#owners.set(client, owner);
    owner.sessions.set(id, session);
    this.#sessions.set(id, session);
    this.#changed?.add(id);
    return session;
  }

  /** Whether a session lives is decided by stamps alone: it does not matter when one that has expired is found out. */
  #find(id: LogIndex): Session | null {
    const session = this.#sessions.get(id);
    if (session === undefined) return null;
    if (!this.#isExpired(session)) return session;
    this.#remove(id, session);
    return null;
  }

  #isExpired({ activeMs, timeoutMs }: Session): boolean {
    return activeMs + timeoutMs < this.#stampMs;
  }

  #remove(id: LogIndex, session: Session): void {
    const { owner } = session;
    this.#sessions.delete(id);
    this.#changed?.add(id);
    owner.sessions.delete(id);
    if (owner.sessions.size === 0) this.#owners.delete(owner.client);
    this.#weigh(session, -session.bytes);
  }

  #pruneClient(client: ClientName): void {
    const owner = this.#owners.get(client);
    if (owner === undefined || this.#stampMs <= owner.safeUntilMs) return;
    owner.safeUntilMs = Number.POSITIVE_INFINITY;
    for (const [id, session] of owner.sessions) {
      if (this.#isExpired(session)) this.#remove(id, session);
      else owner.safeUntilMs = Math.min(owner.safeUntilMs, session.activeMs + session.timeoutMs);
    }
  }

  #prune(): void {
    this.#openedSinceLook = 0;
    if (this.#stampMs <= this.#safeUntilMs) return;
    this.#safeUntilMs = Number.POSITIVE_INFINITY;
    for (const [id, session] of this.#sessions) {
      if (this.#isExpired(session)) this.#remove(id, session);
      else this.#safeUntilMs = Math.min(this.#safeUntilMs, session.activeMs + session.timeoutMs);
    }
  }

  /**
   * A command for which there is no room is refused before it is applied. By its stamp alone where it is too far ahead, so
   * that every copy of it meets the same; for the bytes of earlier outcomes once and for all, as room may come back. To remember
   * which ones were refused takes no room: those that come later than one with a higher number are refused with it.
   */
  #refusalOf(stamp: OwnedStamp, session: Session): SessionAnswer | null {
    const { sequence, answeredBelow } = stamp;
    const { windowMax } = this.#limits;
    if (sequence - answeredBelow >= windowMax) {
      return { kind: "rejected", message: `more than ${windowMax} commands of this session wait for their answers` };
    }
    if (sequence <= session.refusedThrough) return hadNoRoom(stamp);
    const full = this.#fullFor(session);
    if (full === null) return null;
    session.refusedThrough = sequence;
    return {
      kind: "rejected",
      message: `the results kept for ${full}; a new command may succeed when some have arrived`,
    };
  }

  /** Whose bound of bytes leaves no room for one more outcome; null: there is room. */
  #fullFor({ owner, pool, bytes }: Session): string | null {
    const { sessionBytesMax, clientBytesMax } = this.#limits;
    if (owner.bytes >= clientBytesMax) this.#pruneClient(owner.client);
    if (owner.bytes >= pool.bytesMax - pool.bytes) this.#prune();
    if (bytes >= sessionBytesMax) return `this session have reached ${sessionBytesMax} bytes`;
    if (owner.bytes >= clientBytesMax) return `the sessions of this client have reached ${clientBytesMax} bytes`;
    // So there is always room for one more client, though less and less: the first has a half, the next a half of the rest.
    const left = pool.bytesMax - pool.bytes;
    if (owner.bytes < left) return null;
    return `the sessions of this client have reached ${Math.max(0, left)} bytes, as many as are left to the others`;
  }

  #add(session: Session, { sequence, digest, outcome }: KeptOutcome): void {
    const kept = { sequence, digest, outcome: bounded(outcome) };
    session.outcomes.set(sequence, kept);
    this.#weigh(session, bytesOf(kept));
  }

  #weigh(session: Session, bytes: number): void {
    session.bytes += bytes;
    session.owner.bytes += bytes;
    session.pool.bytes += bytes;
  }

  #letGo(session: Session, answeredBelow: number): void {
    const { outcomes } = session;
    const step = (sequence: number): void => {
      const kept = outcomes.get(sequence);
      if (kept === undefined) return;
      outcomes.delete(sequence);
      this.#weigh(session, -bytesOf(kept));
    };
    // A client may leave out as many numbers as it likes.
    if (answeredBelow - session.answeredBelow <= outcomes.size) {
      for (let sequence = session.answeredBelow; sequence < answeredBelow; sequence++) step(sequence);
    } else {
      for (const sequence of outcomes.keys()) if (sequence < answeredBelow) step(sequence);
    }
    session.answeredBelow = answeredBelow;
  }
}

function imageOf(id: LogIndex, session: Session): SessionImage {
  const { owner, pool, timeoutMs, activeMs, answeredBelow, refusedThrough } = session;
  const outcomes = [...session.outcomes.values()].sort((one, other) => one.sequence - other.sequence);
  const whose = { client: owner.client, isAdmin: pool.isAdmins };
  return { id, ...whose, timeoutMs, activeMs, answeredBelow, refusedThrough, outcomes };
}

const bytesOf = ({ outcome }: KeptOutcome): number =>
  outcomeOverheadBytes + (outcome.kind === "ok" ? outcome.payload.byteLength : 2 * outcome.message.length);

/** Nothing but what a snapshot keeps of it. */
const bounded = (outcome: SessionOutcome): SessionOutcome =>
  outcome.kind === "ok" ? outcome : { kind: outcome.kind, message: outcome.message.slice(0, messageLengthMax) };
