// Who waits for which entry? Every request that was taken gets exactly one answer: the result of its own entry, or the
// truth about what is known of it. An entry that was truncated here may still be revived by another node, so only a
// commit at its index, by itself or by another entry, settles what became of it (P26 of the tests).
import type { Activation } from "../core/activation.ts";
import type { ClientName, OwnedStamp } from "../core/entry.ts";
import type { ProposalRef } from "../core/events.ts";
import type { LogIndex, LogPosition, Millis, Term } from "../core/log-position.ts";
import type { LeaderHint, ReplyErrorCode } from "../ports/requests.ts";
import type { ClientConnection } from "../ports/transport.ts";
import type { Endless } from "./endless-work.ts";
import type { OpenRequest } from "./open-requests.ts";

/** However long a client is willing to wait, ms: what it left behind does not wait for ever. */
export const timeoutMsMax = 10 * 60 * 1000;

export interface ReplyError {
  readonly code: ReplyErrorCode;
  readonly message: string;
  readonly leader: LeaderHint | null;
}

/** Whose request it is. */
export type Asker = Pick<ClientConnection, "name" | "isOpen" | "hasCredit" | "whenCredit">;

interface Asked {
  readonly from: Asker;
  readonly open: OpenRequest;
  /** A command's is let go of once it has its place: from then on the log holds it. */
  payload: Uint8Array;
  readonly dueMs: Millis;
  /** The first call of either is the answer; later ones are not heard. */
  succeed(payload: Uint8Array, position: LogPosition, stalenessMs: number | null): void;
  fail(error: ReplyError): void;
}

/** One client request that waits for a place in the log to be committed and applied. */
export type ProposalWaiter =
  | (Asked & { readonly kind: "command"; readonly session: OwnedStamp | null })
  | (Asked & {
      readonly kind: "openSession";
      readonly client: ClientName;
      readonly isAdmin: boolean;
      readonly sessionTimeoutMs: number;
    })
  | (Asked & { readonly kind: "closeSession"; readonly client: ClientName; readonly session: LogIndex })
  | (Asked & Activation & { readonly kind: "activate" });

/** One that waits to be put to the state machine: waiting-reads.ts. */
export interface QueryWaiter extends Asked {
  readonly kind: "query";
}

/** One that waits, as a query does, until the state machine has been given everything acknowledged before; and no more. */
export interface ReachWaiter extends Asked {
  readonly kind: "reach";
  /** For people: what has not been done when its time is up. */
  readonly notDone: string;
}

export type ReadWaiter = QueryWaiter | ReachWaiter;

export type Waiter = ProposalWaiter | ReadWaiter;

/** Commands on their way through the log, and the bytes of their payload. */
interface UnderWay {
  count: number;
  bytes: number;
}

interface Proposed {
  /** In which its place is; null: it has none. */
  readonly term: Term | null;
  /** Open until it is known here what became of the proposal, whether its client still waits for that or not. */
  readonly request: OpenRequest;
  /** Null: its time was up, and it has been answered. */
  waiter: ProposalWaiter | null;
}

interface Placed extends Proposed {
  readonly term: Term;
  /** What had this index in an earlier term of this leader: truncated here since, its outcome still open. */
  readonly earlier: Placed | null;
}

/** What has had one index, the latest first. */
function* chainOf(latest: Placed): Iterable<Placed> {
  for (let placed: Placed | null = latest; placed !== null; placed = placed.earlier) yield placed;
}

interface ExpiryTime {
  readonly nowMs: Millis;
  readonly hangs: Endless | null;
  readonly committed: LogPosition | null;
}

const nothing = new Uint8Array();
const none: Readonly<UnderWay> = { count: 0, bytes: 0 };

const outcomeUnknown = (message: string): ReplyError => ({ code: "outcome-unknown", message, leader: null });

/** For queries, which change nothing, and for commands that the node never handed on. */
export const notAnswered = (message: string): ReplyError => ({ code: "unavailable", message, leader: null });

export const isRead = (waiter: Waiter): waiter is ReadWaiter => waiter.kind === "query" || waiter.kind === "reach";

/** The command is committed: other nodes may have applied it, and this one may later. */
export const notApplied = (message: string): ReplyError => ({ code: "apply-failed", message, leader: null });

/** The cause alone: of the same command another copy may have been taken. */
export const cannotGoOn = ({ problem }: Endless): string => `this node cannot go on: ${problem}`;

/** What happened, with what the state machine hangs at, if it does: that is why. */
export const because = (what: string, hangs: Endless | null): string =>
  hangs === null ? what : `${what}, and ${cannotGoOn(hangs)}`;

/** The time is up. An entry at which one state machine hangs is one at which each of them does: a copy in the log would hang as well. */
export function late({ kind }: ProposalWaiter, isCommitted: boolean, hangs: Endless | null): ReplyError {
  const reason = because(
    isCommitted ? "not answered in time" : "the entry was not committed and applied in time",
    hangs,
  );
  const waitsForEntry = isCommitted && kind === "command" && hangs !== null && hangs.entry !== null;
  return waitsForEntry ? notApplied(reason) : outcomeUnknown(reason);
}

/** The node cannot learn any more what becomes of the request. */
export function giveUp(waiter: Waiter, reason: string): void {
  waiter.fail(isRead(waiter) ? notAnswered(reason) : outcomeUnknown(reason));
}

export class WaitingClients {
  readonly #unplaced = new Map<ProposalRef, Proposed>();
  readonly #placed = new Map<LogIndex, Placed>();
  /** By the term of their places. */
  readonly #underWay = new Map<Term | null, UnderWay>();
  #lastRef = 0;
  #count = 0;
  #openCount = 0;
  #openBytes = 0;

  /** How many requests wait. */
  get count(): number {
    return this.#count;
  }

  /** How many requests have not been seen through to the state machine, also those that nobody waits for any more. */
  get openCount(): number {
    return this.#openCount;
  }

  /** How many bytes of payload they brought: held here, or in a log that is not committed and applied as far as them. */
  get openBytes(): number {
    return this.#openBytes;
  }

  /**
   * What a leader of this term has on its way through its log. What an earlier term left behind may stay open until as many entries
   * are committed in its place: it takes no room.
   */
  underWay(term: Term): Readonly<UnderWay> {
    const [held, placed] = [this.#underWay.get(null) ?? none, this.#underWay.get(term) ?? none];
    return { count: held.count + placed.count, bytes: held.bytes + placed.bytes };
  }

  /** Registers a request. Returns the reference of its proposal. */
  add(waiter: ProposalWaiter): ProposalRef {
    const request = waiter.open;
    this.#lastRef++;
    this.#unplaced.set(this.#lastRef, { term: null, request, waiter });
    this.#weigh(null, 1, request.bytes);
    this.#count++;
    this.#openCount++;
    this.#openBytes += request.bytes;
    return this.#lastRef;
  }

  /** The proposals have consecutive places from `first` on. */
  place(refs: readonly ProposalRef[], first: LogPosition): void {
    for (const [at, ref] of refs.entries()) {
      const proposed = this.#unplaced.get(ref);
      this.#unplaced.delete(ref);
      if (proposed === undefined) continue;
      const { request, waiter } = proposed;
      this.#weigh(null, -1, -request.bytes);
      this.#weigh(first.term, 1, request.bytes);
      if (waiter !== null) waiter.payload = nothing;
      const index = first.index + at;
      this.#placed.set(index, { request, waiter, term: first.term, earlier: this.#placed.get(index) ?? null });
    }
  }

  /** The proposals have no place and never will have. */
  refuse(refs: readonly ProposalRef[], error: ReplyError): void {
    for (const ref of refs) {
      const proposed = this.#unplaced.get(ref);
      this.#unplaced.delete(ref);
      if (proposed === undefined) continue;
      this.#seenThrough(proposed);
      this.#fail(proposed.waiter, error);
    }
  }

  /**
   * The entry at this position is committed. Returns the client that waits for it, or null. A client that waited for another
   * entry at this index learns that its own is gone for good, and may be sent again.
   */
  take(position: LogPosition, leader: LeaderHint | null): ProposalWaiter | null {
    let placed = this.#placed.get(position.index) ?? null;
    this.#placed.delete(position.index);
    let waiter: ProposalWaiter | null = null;
    for (; placed !== null; placed = placed.earlier) {
      this.#seenThrough(placed);
      if (placed.term === position.term) {
        waiter = placed.waiter;
        if (waiter !== null) this.#count--;
      } else {
        const message = `another leader's entry was committed at index ${position.index}, in the place of this one`;
        this.#fail(placed.waiter, { code: "not-leader", message, leader });
      }
    }
    return waiter;
  }

  /**
   * A snapshot covers everything through `index`: what became of an entry there, and of who waits for it, cannot be seen
   * here any more (P26 of the tests).
   */
  coverThrough(index: LogIndex): void {
    const reason = "the node installed a snapshot that covers the entry before it was applied here";
    this.#giveUpPlaced((at) => at <= index, reason);
  }

  /** The node learns of no commit after `index`: what becomes of later entries cannot be seen here. */
  leaveAfter(index: LogIndex, reason: string): void {
    this.#giveUpPlaced((at) => at > index, reason);
  }

  #giveUpPlaced(isGivenUp: (index: LogIndex) => boolean, reason: string): void {
    for (const [at, latest] of this.#placed) {
      if (!isGivenUp(at)) continue;
      this.#placed.delete(at);
      for (const placed of chainOf(latest)) {
        this.#seenThrough(placed);
        this.#fail(placed.waiter, outcomeUnknown(reason));
      }
    }
  }

  /**
   * Answers those whose time is up. A proposal that is held may still get its place when a hand-over fails: its outcome is open
   * like that of a placed one, and so is its request. What nobody waits for any more and an earlier term has left behind is forgotten:
   * it may have been truncated, and would keep the room of its client until as many entries are committed in its place.
   *
   * @param committed the commit index of this node, in its current term. No other node leads in the term of an own entry
   */
  expire(nowMs: Millis, hangs: Endless | null = null, committed: LogPosition | null = null): void {
    for (const proposed of this.#unplaced.values()) this.#expire(proposed, nowMs, false, hangs);
    for (const [index, latest] of this.#placed) {
      const kept = this.#expirePlaced(index, latest, { nowMs, hangs, committed });
      if (kept === null) this.#placed.delete(index);
      else if (kept !== latest) this.#placed.set(index, kept);
    }
  }

  /** Returns what is left of what has had this index. */
  #expirePlaced(index: LogIndex, placed: Placed, at: ExpiryTime): Placed | null {
    const { nowMs, hangs, committed } = at;
    const earlier = placed.earlier === null ? null : this.#expirePlaced(index, placed.earlier, at);
    const isCommitted = placed.term === committed?.term && index <= committed.index;
    this.#expire(placed, nowMs, isCommitted, hangs);
    if (placed.waiter === null && committed !== null && placed.term < committed.term) {
      this.#seenThrough(placed);
      return earlier;
    }
    return earlier === placed.earlier ? placed : { ...placed, earlier };
  }

  #expire(proposed: Proposed, nowMs: Millis, isCommitted: boolean, hangs: Endless | null): void {
    const { waiter } = proposed;
    if (waiter === null || waiter.dueMs > nowMs) return;
    proposed.waiter = null;
    this.#fail(waiter, late(waiter, isCommitted, hangs));
  }

  /** The node ends: nobody is left without an answer. What has no place was neither written nor sent. */
  abandon(reason: string): void {
    const [unplaced, placed] = [[...this.#unplaced.values()], [...this.#eachPlaced()]];
    for (const proposed of this.#each()) this.#seenThrough(proposed);
    this.#unplaced.clear();
    this.#placed.clear();
    for (const { waiter } of unplaced) this.#fail(waiter, notAnswered(reason));
    for (const { waiter } of placed) this.#fail(waiter, outcomeUnknown(reason));
  }

  *#each(): Iterable<Proposed> {
    yield* this.#unplaced.values();
    yield* this.#eachPlaced();
  }

  *#eachPlaced(): Iterable<Placed> {
    for (const latest of this.#placed.values()) yield* chainOf(latest);
  }

  #seenThrough({ request, term }: Proposed): void {
    this.#weigh(term, -1, -request.bytes);
    this.#openCount--;
    this.#openBytes -= request.bytes;
    request.close();
  }

  #weigh(term: Term | null, count: number, bytes: number): void {
    const amount = this.#underWay.get(term) ?? { ...none };
    amount.count += count;
    amount.bytes += bytes;
    if (amount.count === 0) this.#underWay.delete(term);
    else this.#underWay.set(term, amount);
  }

  #fail(waiter: ProposalWaiter | null, error: ReplyError): void {
    if (waiter === null) return;
    this.#count--;
    waiter.fail(error);
  }
}
