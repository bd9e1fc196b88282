// In which session does a command go, and as which of its commands (§6.3)? The first one opens it, those that come meanwhile wait
// for it, and another takes its place when it has expired. How often and where a command is sent is asker.ts.
import { type ErrorCode, GraftError } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Answer, Asker, Pursued } from "./asker.ts";
import type { RequestBody } from "./connection.ts";
import type { Sweep } from "./sweep.ts";

/** A command that has no place in a session yet. */
export interface SessionCommand {
  readonly payload: Uint8Array;
  /** Of the monotonic clock. */
  readonly dueMs: number;
  readonly resolve: (reply: Answer) => void;
  readonly reject: (error: GraftError) => void;
}

/** Names a command within its session. */
type CommandStamp = NonNullable<Extract<RequestBody, { readonly kind: "command" }>["session"]>;

/** As many commands of a session may be under way: from the lowest one without an answer on. The nodes count the same. */
export const windowMax = 1024;
/** How often a command goes into another session before it is given up: sessions that end at once are of no use. */
const renewalsMax = 3;

export interface SessionOptions {
  readonly asker: Asker;
  readonly clock: Clock;
  readonly sweep: Sweep;
  /** How long the session lives without a command. */
  readonly timeoutMs: number;
}

export class ClientSession {
  readonly #asker: Asker;
  readonly #clock: Clock;
  readonly #sweep: Sweep;
  readonly #timeoutMs: number;
  /** With how often each has met a session that had expired. */
  readonly #waiting = new Map<SessionCommand, number>();
  #numbers: SessionNumbers | null = null;
  #isOpening = false;
  /** Null: none is under way, or it has ended while it was begun. */
  #opening: Pursued | null = null;

  constructor({ asker, clock, sweep, timeoutMs }: SessionOptions) {
    this.#asker = asker;
    this.#clock = clock;
    this.#sweep = sweep;
    this.#timeoutMs = timeoutMs;
    sweep.add((nowMs) => {
      this.#rejectLate(nowMs, this.#opening?.lastError ?? null);
      return this.#waiting.size > 0;
    });
  }

  get isOpen(): boolean {
    return this.#numbers !== null;
  }

  command(command: SessionCommand): void {
    this.#take(command, 0);
  }

  /** Rejects what has not been sent. */
  abandon(reason: string): void {
    this.#rejectWaiting(unsent("unavailable", reason));
  }

  /** Tells the cluster that the session is needed no more. Resolves at `dueMs` at the latest; never rejects. */
  close(dueMs: number): Promise<void> {
    const numbers = this.#numbers;
    this.#numbers = null;
    if (numbers === null) return Promise.resolve();
    const body = { kind: "closeSession", timeoutMs: this.#remainingMs(dueMs), session: numbers.id } as const;
    // Whether it has been heard makes no difference: the session ends by itself too.
    return new Promise((resolve) => {
      const done = (): void => resolve();
      this.#asker.ask({ body, dueMs, pinned: null, resolve: done, reject: done });
    });
  }

  /** A command waits for its turn: in the session that is open, or until one is. */
  #take(command: SessionCommand, renewals: number): void {
    this.#waiting.set(command, renewals);
    if (this.#numbers === null) this.#open();
    else this.#sendWaiting();
    if (this.#waiting.size > 0) this.#sweep.begin();
  }

  #open(): void {
    if (this.#isOpening) return;
    this.#isOpening = true;
    let dueMs = 0;
    for (const command of this.#waiting.keys()) dueMs = Math.max(dueMs, command.dueMs);
    const pursued = this.#asker.ask({
      body: { kind: "openSession", timeoutMs: this.#remainingMs(dueMs), sessionTimeoutMs: this.#timeoutMs },
      dueMs,
      pinned: null,
      resolve: (reply) => this.#opened(reply),
      reject: (error) => this.#notOpened(error),
    });
    if (this.#isOpening) this.#opening = pursued;
  }

  #opened(reply: Answer): void {
    this.#isOpening = false;
    this.#opening = null;
    if (reply.kind !== "sessionOpened") {
      return this.#rejectWaiting(unsent("unavailable", `the node answered "${reply.kind}" to "openSession"`));
    }
    this.#numbers = new SessionNumbers(reply.session);
    this.#sendWaiting();
  }

  #notOpened(error: GraftError): void {
    const cause = this.#opening === null ? error : this.#opening.lastError;
    this.#isOpening = false;
    this.#opening = null;
    // Its time was that of the commands that waited then; those that came later may have more.
    if (error.code !== "unavailable") return this.#rejectWaiting(notOpened(error));
    this.#rejectLate(this.#clock.nowMs(), cause);
    if (this.#waiting.size > 0) this.#open();
  }

  #sendWaiting(): void {
    const nowMs = this.#clock.nowMs();
    for (const [command, renewals] of this.#waiting) {
      const numbers = this.#numbers;
      if (numbers === null || !numbers.hasRoom) return;
      // Sent now, it would only leave a doubt. The sweep rejects it as never sent.
      if (command.dueMs < nowMs) continue;
      this.#waiting.delete(command);
      this.#send(numbers, command, renewals);
    }
  }

  #send(numbers: SessionNumbers, command: SessionCommand, renewals: number): void {
    const { payload, dueMs } = command;
    const session = numbers.next();
    this.#asker.ask({
      body: { kind: "command", payload, timeoutMs: this.#remainingMs(dueMs), session },
      dueMs,
      pinned: null,
      resolve: (reply) => {
        this.#settled(numbers, session);
        command.resolve(reply);
      },
      reject: (error) => {
        if (error.code === "session-expired") return this.#expired(numbers, command, renewals);
        this.#settled(numbers, session);
        command.reject(error);
      },
    });
  }

  #settled(numbers: SessionNumbers, stamp: CommandStamp): void {
    numbers.settle(stamp.sequence);
    if (this.#waiting.size > 0) this.#sendWaiting();
  }

  /** The asker lets this error through only when no copy of the command can have had an effect. */
  #expired(numbers: SessionNumbers, command: SessionCommand, renewals: number): void {
    if (this.#numbers === numbers) this.#numbers = null;
    if (renewals < renewalsMax) return this.#take(command, renewals + 1);
    command.reject(unsent("unavailable", "the sessions of this client end before a command gets through"));
    if (this.#waiting.size > 0 && this.#numbers === null) this.#open();
  }

  /** Those whose time is up were never sent. */
  #rejectLate(nowMs: number, cause: GraftError | null): void {
    for (const command of this.#waiting.keys()) {
      if (command.dueMs > nowMs) continue;
      this.#waiting.delete(command);
      command.reject(notSent(this.#numbers === null, cause));
    }
  }

  #rejectWaiting(error: GraftError): void {
    const waiting = [...this.#waiting.keys()];
    this.#waiting.clear();
    for (const command of waiting) command.reject(error);
  }

  #remainingMs(dueMs: number): number {
    return Math.max(0, Math.ceil(dueMs - this.#clock.nowMs()));
  }
}

/** Counts the commands of one session, and knows below which number all have been answered. */
class SessionNumbers {
  readonly id: number;
  /** By sequence modulo the window: settled, but one below it is not. */
  readonly #isSettled = new Uint8Array(windowMax);
  #last = 0;
  #answeredBelow = 1;

  constructor(id: number) {
    this.id = id;
  }

  get hasRoom(): boolean {
    return this.#last + 1 < this.#answeredBelow + windowMax;
  }

  next(): CommandStamp {
    return { id: this.id, sequence: ++this.#last, answeredBelow: this.#answeredBelow };
  }

  /** Nobody waits for the answer any more, having had it or given up. */
  settle(sequence: number): void {
    const isSettled = this.#isSettled;
    isSettled[sequence % windowMax] = 1;
    while (isSettled[this.#answeredBelow % windowMax] === 1) {
      isSettled[this.#answeredBelow % windowMax] = 0;
      this.#answeredBelow++;
    }
  }
}

/** What became of the opening is no doubt of the commands that waited for it. */
const notOpened = (error: GraftError): GraftError =>
  error.about("command").effect === "none"
    ? error
    : unsent("unavailable", `no session was opened: ${error.message}`, error);

/** The command itself did not leave, or only into a session that had ended. */
const unsent = (code: ErrorCode, message: string, cause: GraftError | null = null): GraftError =>
  new GraftError(code, message, { subject: "command", ...(cause === null ? {} : { cause }) });

function notSent(isOpening: boolean, cause: GraftError | null): GraftError {
  const because = cause === null ? "no node answered" : cause.message;
  const why = isOpening ? `no session was opened: ${because}` : `${windowMax} commands of this client were under way`;
  return unsent("unavailable", `not answered in time: ${why}`, cause);
}
