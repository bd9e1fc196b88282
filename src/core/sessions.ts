// Has this command taken effect before? The table of the clients' sessions (§6.3): a state machine over the log, fed the
// entries in their order, and the same on every node at the same index. Who runs the commands is the executor's business.
// Its state is mutable and private, unlike that of the core's steps: it may hold many thousand outcomes, and every command
// of every client changes it.
import type { CommandStamp } from "./entry.ts";
import type { LogIndex } from "./log-position.ts";

/** What a command of a session came to: kept until the client has said that it knows it. */
export type SessionOutcome =
  | { readonly kind: "ok"; readonly payload: Uint8Array }
  | { readonly kind: "rejected"; readonly message: string }
  /** The command took effect, and its result cannot be sent. */
  | { readonly kind: "unsendable"; readonly message: string };

/** Why a command is not applied. */
export type SessionAnswer =
  /** It was before, with this outcome; or it was turned away, and stays so. */
  | SessionOutcome
  /** The session is gone, or never was. */
  | { readonly kind: "expired" }
  /** The client has said that it waits for it no longer. */
  | { readonly kind: "forgotten" };

/** A session as it stands in a snapshot. */
export interface SessionImage {
  readonly id: LogIndex;
  readonly timeoutMs: number;
  readonly activeMs: number;
  readonly answeredBelow: number;
  /** By sequence, ascending. */
  readonly outcomes: readonly (readonly [sequence: number, outcome: SessionOutcome])[];
}

/** The whole table at one index: equal on every node. */
export interface SessionsImage {
  /** Replicated time, as of the last entry of a session. */
  readonly stampMs: number;
  /** By id, ascending. */
  readonly sessions: readonly SessionImage[];
}

/** What the table holds at most. The same on every node, or their states would part. */
export interface SessionLimits {
  readonly sessionsMax: number;
  /** Commands of a session under way at once: from the lowest one without an answer on. */
  readonly windowMax: number;
  /** Bytes of outcomes kept for one session, and for all; the outcome that exceeds it is still kept. */
  readonly sessionBytesMax: number;
  readonly bytesMax: number;
}

export const sessionLimits: SessionLimits = Object.freeze({
  sessionsMax: 65_536,
  windowMax: 1024,
  sessionBytesMax: 16 * 1024 * 1024,
  bytesMax: 256 * 1024 * 1024,
});

interface Session {
  readonly timeoutMs: number;
  /** The stamp of its latest entry. */
  activeMs: number;
  answeredBelow: number;
  readonly outcomes: Map<number, SessionOutcome>;
  bytes: number;
}

/** What an outcome weighs beside its payload, and how much of a refusal's text is kept: as much as a reply can carry. */
const outcomeOverheadBytes = 64;
const messageLengthMax = 2048;

const expired: SessionAnswer = { kind: "expired" };
const forgotten: SessionAnswer = { kind: "forgotten" };

export class SessionTable {
  readonly #limits: SessionLimits;
  /** In the order of their ids, since each is opened by a later entry. */
  readonly #sessions = new Map<LogIndex, Session>();
  #bytes = 0;
  #stampMs = 0;
  /** No session expires before: looking for one is useless until then. */
  #safeUntilMs = Number.POSITIVE_INFINITY;
  #openedSinceLook = 0;

  constructor(limits: SessionLimits = sessionLimits) {
    this.#limits = limits;
  }

  /** How many sessions are held, those included that have expired unnoticed. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Bytes of all outcomes held, roughly. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The entry at `id` opens a session. Null: it is open; else why there is no room for it. */
  open(id: LogIndex, timeoutMs: number, stampMs: number): string | null {
    this.#stampMs = stampMs;
    const { sessionsMax } = this.#limits;
    // Which of the expired ones are still held must never show: nodes that have taken a snapshot hold fewer.
    if (this.#sessions.size >= sessionsMax) this.#prune();
    if (this.#sessions.size >= sessionsMax) return `there are ${sessionsMax} sessions already`;
    this.#sessions.set(id, { timeoutMs, activeMs: stampMs, answeredBelow: 1, outcomes: new Map(), bytes: 0 });
    this.#safeUntilMs = Math.min(this.#safeUntilMs, stampMs + timeoutMs);
    // Looking through all of them costs as much as there are: not at every opening.
    if (++this.#openedSinceLook * 8 > this.#sessions.size) this.#prune();
    return null;
  }

  /** Whether there was such a session; there is none from here on. */
  close(id: LogIndex, stampMs: number): boolean {
    this.#stampMs = stampMs;
    const session = this.#find(id);
    if (session !== null) this.#remove(id, session);
    return session !== null;
  }

  /** Null: the command is to be applied now, and its outcome handed to `keep` before the next entry. */
  answerTo(stamp: CommandStamp, stampMs: number): SessionAnswer | null {
    this.#stampMs = stampMs;
    const session = this.#find(stamp.id);
    if (session === null) return expired;
    session.activeMs = stampMs;
    if (stamp.answeredBelow > session.answeredBelow) this.#letGo(session, stamp.answeredBelow);
    const { sequence } = stamp;
    if (sequence < session.answeredBelow) return forgotten;
    return session.outcomes.get(sequence) ?? this.#refusalOf(stamp, session);
  }

  /** The outcome of the command that `answerTo` let through. The payload is kept as it is: it must never change. */
  keep({ id, sequence }: CommandStamp, outcome: SessionOutcome): void {
    const session = this.#sessions.get(id);
    if (session !== undefined) this.#add(session, sequence, outcome);
  }

  /** A copy for a snapshot: what happens later does not show in it. */
  image(): SessionsImage {
    this.#prune();
    const sessions = [...this.#sessions].map(([id, { timeoutMs, activeMs, answeredBelow, outcomes }]) => {
      const ascending = [...outcomes].sort(([one], [other]) => one - other);
      return { id, timeoutMs, activeMs, answeredBelow, outcomes: ascending };
    });
    return { stampMs: this.#stampMs, sessions };
  }

  /** Becomes what `image` gave on this node or another one. */
  restore({ stampMs, sessions }: SessionsImage): void {
    this.#sessions.clear();
    this.#bytes = 0;
    this.#stampMs = stampMs;
    this.#openedSinceLook = 0;
    this.#safeUntilMs = Number.NEGATIVE_INFINITY;
    for (const { id, timeoutMs, activeMs, answeredBelow, outcomes } of sessions) {
      const session: Session = { timeoutMs, activeMs, answeredBelow, outcomes: new Map(), bytes: 0 };
      this.#sessions.set(id, session);
      for (const [sequence, outcome] of outcomes) this.#add(session, sequence, outcome);
    }
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
    this.#sessions.delete(id);
    this.#bytes -= session.bytes;
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
   * that every copy of it meets the same; for the bytes of earlier outcomes once and for all, as room may come back.
   */
  #refusalOf({ sequence, answeredBelow }: CommandStamp, session: Session): SessionOutcome | null {
    const { windowMax, sessionBytesMax, bytesMax } = this.#limits;
    if (sequence - answeredBelow >= windowMax) {
      return { kind: "rejected", message: `more than ${windowMax} commands of this session wait for their answers` };
    }
    if (this.#bytes >= bytesMax) this.#prune();
    const isFull = session.bytes >= sessionBytesMax;
    if (!isFull && this.#bytes < bytesMax) return null;
    const whose = isFull ? "this session" : "all sessions";
    const bytes = isFull ? sessionBytesMax : bytesMax;
    const message = `the results kept for ${whose} have reached ${bytes} bytes; send it again when some have arrived`;
    const refusal: SessionOutcome = { kind: "rejected", message };
    this.#add(session, sequence, refusal);
    return refusal;
  }

  #add(session: Session, sequence: number, outcome: SessionOutcome): void {
    const kept = bounded(outcome);
    session.outcomes.set(sequence, kept);
    session.bytes += bytesOf(kept);
    this.#bytes += bytesOf(kept);
  }

  #letGo(session: Session, answeredBelow: number): void {
    const { outcomes } = session;
    const step = (sequence: number): void => {
      const outcome = outcomes.get(sequence);
      if (outcome === undefined) return;
      outcomes.delete(sequence);
      session.bytes -= bytesOf(outcome);
      this.#bytes -= bytesOf(outcome);
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

const bytesOf = (outcome: SessionOutcome): number =>
  outcomeOverheadBytes + (outcome.kind === "ok" ? outcome.payload.byteLength : 2 * outcome.message.length);

const bounded = (outcome: SessionOutcome): SessionOutcome =>
  outcome.kind === "ok" || outcome.message.length <= messageLengthMax
    ? outcome
    : { kind: outcome.kind, message: outcome.message.slice(0, messageLengthMax) };
