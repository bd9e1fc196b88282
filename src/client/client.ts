// A client of a cluster: any live node will do to begin with. It finds the leader, keeps to it, tries again what cannot
// have taken effect, and says so when it does not know. Many requests share one connection.
import { payloadBytesMax, timeoutMsMax } from "../adapters/cbor/limits.ts";
import { GraftError } from "../errors.ts";
import type {
  ClientReply,
  ConfigurationReply,
  DescribeReply,
  DoneReply,
  ErrorReply,
  RequestId,
  ResultReply,
  StatusReply,
} from "../ports/requests.ts";
import { isRepeatable, judge, judgeUnanswered, type Verdict } from "./attempt.ts";
import type { Connection, Dial, Ending, RequestBody } from "./connection.ts";
import { Connections } from "./connections.ts";
import { Route } from "./route.ts";

export interface ClientOptions {
  /** `host:port` of at least one node; the others are learned from redirects. */
  readonly addresses: readonly string[];
  readonly dial: Dial;
  /** How long a request may take, attempts and pauses included, unless it says otherwise. A whole number, default 10,000. */
  readonly timeoutMs?: number;
}

export interface RequestOptions {
  /** In ms, a whole number; anything else is `GraftError("usage")`, before anything is sent. */
  readonly timeoutMs?: number;
}

/** What the state machine answered, and where the command (or the query's barrier) stands in the log. */
export interface Result {
  readonly payload: Uint8Array;
  readonly index: number;
  readonly term: number;
}

interface Asked {
  readonly connection: Connection;
  readonly id: RequestId;
}

interface Attempt {
  readonly body: RequestBody;
  readonly dueMs: number;
  /** When the latest node was asked. */
  askedMs: number;
  /** When it is asked of another node as well, if this one has not answered. */
  elsewhereMs: number;
  /** Only this node can answer. */
  readonly pinned: string | null;
  readonly resolve: (reply: Exclude<ClientReply, ErrorReply>) => void;
  readonly reject: (error: GraftError) => void;
  connection: Connection | null;
  id: RequestId;
  /** By address, the nodes that let it wait; what they answer still counts. */
  earlier: Map<string, Asked> | null;
  /** The addresses of nodes that do not accept this program. */
  refusedBy: Set<string> | null;
  tries: number;
  lastError: GraftError | null;
}

const defaultTimeoutMs = 10_000;
/** Redirects that are followed at once; after these a pause, so that two nodes that name each other make no loop. */
const redirectsMax = 3;
const pauseMinMs = 10;
const pauseMaxMs = 200;
const sweepIntervalMs = 50;
/** How long one node may leave unanswered what another can be asked too, and never more than this share of the time. */
const patienceMaxMs = 1000;
const patienceShare = 1 / 3;
/** A node that says nothing for less may have been busy: then requests in a hurry cost the others no connection. */
const silenceMinMs = 500;

export class GraftClient {
  readonly #timeoutMs: number;
  readonly #route: Route;
  readonly #connections: Connections;
  readonly #attempts = new Set<Attempt>();
  readonly #pauseMs = (address: string): number => this.#connections.pauseMs(address);
  #sweep: ReturnType<typeof setInterval> | null = null;
  #isClosed = false;

  /** Throws `GraftError("usage")` for options that cannot be meant. */
  constructor(options: ClientOptions) {
    if (options.addresses.length === 0)
      throw new GraftError("usage", "a client needs the address of at least one node");
    this.#timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
    if (!isTimeout(this.#timeoutMs)) throw notATimeout(this.#timeoutMs);
    this.#route = new Route(options.addresses);
    this.#connections = new Connections(options.dial);
  }

  /** The addresses given, and those learned since. */
  get addresses(): readonly string[] {
    return this.#route.addresses;
  }

  /**
   * Has the state machine apply `payload`, once it is committed. Rejects with a `GraftError`; with any code but
   * `outcome-unknown` the command has not taken effect and never will (`state-machine` excepted: it is in the log).
   */
  async command(payload: Uint8Array, options: RequestOptions = {}): Promise<Result> {
    return this.#expect<ResultReply>(
      "result",
      { kind: "command", payload, timeoutMs: this.#time(options), session: null },
      options,
    );
  }

  /** Asks the state machine; the answer reflects every command that was acknowledged before the call. */
  async query(payload: Uint8Array, options: RequestOptions = {}): Promise<Result> {
    return this.#expect<ResultReply>("result", { kind: "query", payload, timeoutMs: this.#time(options) }, options);
  }

  /** The cluster as one node sees it: the one at `address`, or any. */
  status(address: string | null = null, options: RequestOptions = {}): Promise<StatusReply> {
    return this.#expect<StatusReply>("status", { kind: "status" }, options, address);
  }

  configuration(options: RequestOptions = {}): Promise<ConfigurationReply> {
    return this.#expect<ConfigurationReply>("configuration", { kind: "configuration" }, options);
  }

  /** The state machine's name and operations. */
  describe(options: RequestOptions = {}): Promise<DescribeReply> {
    return this.#expect<DescribeReply>("describe", { kind: "describe" }, options);
  }

  /** Hands leadership to the node `to`, or to the best prepared one. Administrators only. */
  transferLeadership(to: string | null, options: RequestOptions = {}): Promise<DoneReply> {
    return this.#expect<DoneReply>("done", { kind: "transferLeadership", to }, options);
  }

  /** Stops the node at `address` gracefully. Administrators only. */
  stopNode(address: string, options: RequestOptions = {}): Promise<DoneReply> {
    return this.#expect<DoneReply>("done", { kind: "stop" }, options, address);
  }

  /** Closes every connection; requests under way are rejected. */
  close(): void {
    this.#isClosed = true;
    for (const attempt of this.#attempts) this.#giveUp(attempt, "this client was closed");
    this.#connections.close();
    if (this.#sweep !== null) clearInterval(this.#sweep);
    this.#sweep = null;
  }

  #time(options: RequestOptions): number {
    return options.timeoutMs ?? this.#timeoutMs;
  }

  async #expect<R extends Exclude<ClientReply, ErrorReply>>(
    kind: R["kind"],
    body: RequestBody,
    options: RequestOptions,
    pinned: string | null = null,
  ): Promise<R> {
    const reply = await this.#request(body, this.#time(options), pinned);
    if (reply.kind !== kind) throw new GraftError("unavailable", `the node answered "${reply.kind}" to "${body.kind}"`);
    return reply as R;
  }

  #request(body: RequestBody, timeoutMs: number, pinned: string | null): Promise<Exclude<ClientReply, ErrorReply>> {
    if (this.#isClosed) return Promise.reject(new GraftError("unavailable", "this client is closed"));
    if (!isTimeout(timeoutMs)) return Promise.reject(notATimeout(timeoutMs));
    if ("payload" in body && body.payload.byteLength > payloadBytesMax) return Promise.reject(tooLarge(body.payload));
    return new Promise((resolve, reject) => {
      const attempt: Attempt = {
        body,
        dueMs: performance.now() + timeoutMs,
        askedMs: 0,
        elsewhereMs: Number.POSITIVE_INFINITY,
        pinned,
        resolve,
        reject,
        connection: null,
        id: 0,
        earlier: null,
        refusedBy: null,
        tries: 0,
        lastError: null,
      };
      this.#attempts.add(attempt);
      this.#sweep ??= setInterval(() => this.#look(), sweepIntervalMs);
      this.#try(attempt);
    });
  }

  #try(attempt: Attempt): void {
    if (!this.#attempts.has(attempt)) return;
    const address = this.#pick(attempt);
    // Every node has it or refused it: what is under way is waited for.
    if (address === null) return void setTimeout(() => this.#try(attempt), pauseMaxMs);
    this.#ask(attempt, address);
  }

  #pick(attempt: Attempt): string | null {
    return attempt.pinned ?? this.#route.pick((address) => isSpent(attempt, address), this.#pauseMs);
  }

  #ask(attempt: Attempt, address: string): void {
    const connection = this.#connections.to(address);
    attempt.tries++;
    attempt.connection = connection;
    const nowMs = performance.now();
    attempt.askedMs = nowMs;
    if (attempt.pinned === null && isRepeatable(attempt.body)) {
      attempt.elsewhereMs = nowMs + Math.min(patienceMaxMs, (attempt.dueMs - nowMs) * patienceShare);
    }
    const id = connection.request(attempt.body, (ending) => this.#onEnding(attempt, connection, ending));
    // A link that answers from inside `send` may have led to another node already.
    if (attempt.connection === connection) attempt.id = id;
  }

  #onEnding(attempt: Attempt, connection: Connection, ending: Ending): void {
    if (!this.#attempts.has(attempt)) return;
    const { address } = connection;
    const isLatest = attempt.connection === connection;
    if (isLatest) attempt.connection = null;
    else attempt.earlier?.delete(address);
    const verdict = judge(attempt.body, ending);
    switch (verdict.kind) {
      case "answered":
        // Only a leader answers commands and queries: stay with it.
        if (verdict.reply.kind === "result") this.#route.follow(address);
        this.#settle(attempt);
        attempt.resolve(verdict.reply);
        return;
      case "failed":
        if (ending.kind === "lost") this.#route.turnAwayFrom(address);
        this.#fail(attempt, verdict.error);
        return;
      case "refused":
        this.#refused(attempt, address, verdict.error, isLatest);
        return;
      case "again":
        if (isLatest) this.#again(attempt, address, verdict);
        return;
    }
  }

  #refused(attempt: Attempt, address: string, error: GraftError, isLatest: boolean): void {
    attempt.lastError = error;
    attempt.refusedBy ??= new Set();
    attempt.refusedBy.add(address);
    this.#route.turnAwayFrom(address);
    const isHopeless = attempt.pinned !== null || this.addresses.every((each) => attempt.refusedBy?.has(each));
    if (isHopeless) this.#fail(attempt, error);
    else if (isLatest) this.#try(attempt);
  }

  #again(attempt: Attempt, address: string, verdict: Extract<Verdict, { kind: "again" }>): void {
    attempt.lastError = verdict.error;
    const { leader } = verdict;
    // A node that is said to lead, but did not answer or cannot be dialled just now, is no place to go.
    if (leader !== null && leader !== address && !isSpent(attempt, leader) && this.#pauseMs(leader) === 0) {
      this.#route.follow(leader);
      if (attempt.tries <= redirectsMax) return this.#try(attempt);
    } else {
      this.#route.turnAwayFrom(address);
    }
    const pauseMs = Math.min(pauseMaxMs, pauseMinMs * 2 ** Math.min(attempt.tries, 10)) * (0.5 + Math.random() / 2);
    setTimeout(() => this.#try(attempt), pauseMs);
  }

  /** Looks after those that have waited too long, for their answer or for this node's. */
  #look(): void {
    const nowMs = performance.now();
    const silent = new Set<Connection>();
    for (const attempt of this.#attempts) {
      const { connection, id } = attempt;
      if (attempt.dueMs <= nowMs) {
        if (connection !== null) this.#route.turnAwayFrom(connection.address);
        if (nowMs - attempt.askedMs >= silenceMinMs && connection?.isSilentSince(id) === true) silent.add(connection);
        this.#giveUp(attempt, "not answered in time");
      } else if (attempt.elsewhereMs <= nowMs && connection !== null) {
        this.#askElsewhere(attempt, connection);
      }
    }
    // A node may be frozen, or gone without a word, while its connection stands; nobody else shall wait for it.
    for (const connection of silent) connection.close(`the node at ${connection.address} has stopped answering`);
    if (this.#attempts.size === 0 && this.#sweep !== null) {
      clearInterval(this.#sweep);
      this.#sweep = null;
    }
  }

  #askElsewhere(attempt: Attempt, connection: Connection): void {
    attempt.elsewhereMs = Number.POSITIVE_INFINITY;
    this.#route.turnAwayFrom(connection.address);
    attempt.earlier ??= new Map();
    attempt.earlier.set(connection.address, { connection, id: attempt.id });
    const address = this.#pick(attempt);
    if (address !== null) this.#ask(attempt, address);
    else attempt.earlier.delete(connection.address);
  }

  #giveUp(attempt: Attempt, reason: string): void {
    const hasLeft = attempt.connection?.hasLeft(attempt.id) === true;
    this.#fail(attempt, judgeUnanswered(attempt.body, hasLeft, reason, attempt.lastError));
  }

  #fail(attempt: Attempt, error: GraftError): void {
    this.#settle(attempt);
    attempt.reject(error);
  }

  #settle(attempt: Attempt): void {
    this.#attempts.delete(attempt);
    attempt.connection?.forget(attempt.id);
    if (attempt.earlier !== null) for (const { connection, id } of attempt.earlier.values()) connection.forget(id);
  }
}

/** Whether there is nothing to be had from the node at `address` by asking it (again). */
const isSpent = ({ earlier, refusedBy }: Attempt, address: string): boolean =>
  earlier?.has(address) === true || refusedBy?.has(address) === true;

const isTimeout = (timeoutMs: number): boolean =>
  Number.isSafeInteger(timeoutMs) && timeoutMs >= 0 && timeoutMs <= timeoutMsMax;

const notATimeout = (timeoutMs: number): GraftError =>
  new GraftError("usage", `${timeoutMs} is no timeout: it is a whole number of ms, at most ${timeoutMsMax}`);

/** The nodes would hang up on it. */
const tooLarge = ({ byteLength }: Uint8Array): GraftError =>
  new GraftError("rejected", `${byteLength} bytes are too large: a command or a query has at most ${payloadBytesMax}`);
