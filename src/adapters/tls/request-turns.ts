// How many requests does one turn of the loop take, and whose? Clients may send any number at once, of any size, and a node that
// took them all before it does anything else would miss its own heartbeats. What comes beyond waits for a later turn, and its
// connection is not read from until then: so no more can wait than what had arrived. Each client name has the same share of the
// turns, by bytes; the requests of one name are taken in their order.
import type { Clock } from "../../ports/clock.ts";
import type { Link } from "./link.ts";

/** The part of a link that is used here. */
type Source = Pick<Link, "isOpen" | "pause" | "resume">;

interface Waiting {
  readonly link: Source;
  readonly body: Uint8Array;
  readonly take: (body: Uint8Array) => void;
  /** The next one of its line. */
  after: Waiting | null;
}

/** What one turn takes at the most. */
export interface TurnBounds {
  readonly count: number;
  readonly bytes: number;
  /** How long they may take, ms: the answer to a small request may be large. */
  readonly ms: number;
}

/**
 * The requests of one client name, in the order of arrival. Each leads to the next: under a flood a line is never empty, and a
 * request that has been taken must be free to go all the same.
 */
interface Line {
  first: Waiting | null;
  last: Waiting | null;
  /** What has been taken of it, on the scale of all lines, bytes. */
  usedBytes: number;
}

/** What a request counts for beside its bytes: to decode and to answer a small one is work as well. */
const requestBytes = 1024;

export class RequestTurns {
  readonly #perTurn: TurnBounds;
  readonly #clock: Pick<Clock, "nowMs" | "soon">;
  readonly #lines = new Map<string, Line>();
  /** How many requests of each link wait. It is not read from until then. */
  readonly #paused = new Map<Source, number>();
  /** What had been taken of the line that was last: a line that begins starts from there. */
  #usedBytes = 0;
  /** In this turn. */
  #taken = 0;
  #takenBytes = 0;
  #takenMs = 0;
  #isTurnAwaited = false;

  constructor(perTurn: TurnBounds, clock: Pick<Clock, "nowMs" | "soon">) {
    this.#perTurn = perTurn;
    this.#clock = clock;
  }

  /**
   * Has the request of the client `name` taken now or in a later turn, unless its link is closed by then. `body` may be used
   * again afterwards.
   */
  arrived(link: Source, name: string, body: Uint8Array, take: (body: Uint8Array) => void): void {
    this.#awaitTurn();
    if (this.#lines.size === 0 && this.#hasRoomFor(body)) return this.#take(body, take);
    const waiting: Waiting = { link, body: new Uint8Array(body), take, after: null };
    const line = this.#lineOf(name);
    if (line.last === null) line.first = waiting;
    else line.last.after = waiting;
    line.last = waiting;
    const before = this.#paused.get(link) ?? 0;
    this.#paused.set(link, before + 1);
    if (before === 0) link.pause();
  }

  #lineOf(name: string): Line {
    const known = this.#lines.get(name);
    if (known !== undefined) return known;
    const line: Line = { first: null, last: null, usedBytes: this.#usedBytes };
    this.#lines.set(name, line);
    return line;
  }

  #awaitTurn(): void {
    if (this.#isTurnAwaited) return;
    this.#isTurnAwaited = true;
    this.#clock.soon(() => this.#onTurn());
  }

  /** A turn takes at least one, however large it is. */
  #hasRoomFor(body: Uint8Array): boolean {
    if (this.#taken === 0) return true;
    const { count, bytes, ms } = this.#perTurn;
    return this.#taken < count && this.#takenMs < ms && this.#takenBytes + body.byteLength <= bytes;
  }

  #take(body: Uint8Array, take: Waiting["take"]): void {
    this.#taken++;
    this.#takenBytes += body.byteLength;
    const beganMs = this.#clock.nowMs();
    take(body);
    this.#takenMs += this.#clock.nowMs() - beganMs;
  }

  #onTurn(): void {
    this.#isTurnAwaited = false;
    this.#taken = 0;
    this.#takenBytes = 0;
    this.#takenMs = 0;
    for (let line = this.#nextLine(); line !== null; line = this.#nextLine()) {
      const first = line.first!;
      const { body, take } = first;
      if (!this.#hasRoomFor(body)) break;
      this.#leave(line, first);
      this.#usedBytes = line.usedBytes;
      line.usedBytes += body.byteLength + requestBytes;
      this.#take(body, take);
    }
    // What has been taken counts as this turn's: also where nothing waits any more, there is a next one.
    if (this.#taken > 0) this.#awaitTurn();
  }

  /** The first request of the line does not wait any more. With the last one of its link, that is read from again. */
  #leave(line: Line, { link, after }: Waiting): void {
    line.first = after;
    if (after === null) line.last = null;
    const left = this.#paused.get(link)! - 1;
    if (left > 0) return void this.#paused.set(link, left);
    this.#paused.delete(link);
    link.resume();
  }

  /** The one of which least has been taken. Null: none has a request whose link is open. */
  #nextLine(): Line | null {
    let next: Line | null = null;
    for (const [name, line] of this.#lines) {
      for (let { first } = line; first?.link.isOpen === false; { first } = line) this.#leave(line, first);
      if (line.first === null) this.#lines.delete(name);
      else if (next === null || line.usedBytes < next.usedBytes) next = line;
    }
    return next;
  }
}
