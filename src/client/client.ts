// A client of a cluster: any live node will do to begin with. It finds the leader, keeps to it, tries again what cannot
// have taken effect, and says so when it does not know. Many requests share one connection.
import { payloadBytesMax } from "../adapters/cbor/limits.ts";
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
import { judge, judgeTimeout, type Verdict } from "./attempt.ts";
import { Connection, type Dial, type Ending, type RequestBody } from "./connection.ts";

export interface ClientOptions {
  /** `host:port` of at least one node; the others are learned from redirects. */
  readonly addresses: readonly string[];
  readonly dial: Dial;
  /** How long a request may take, attempts and pauses included, unless it says otherwise. Default 10,000 ms. */
  readonly timeoutMs?: number;
}

export interface RequestOptions {
  readonly timeoutMs?: number;
}

/** What the state machine answered, and where the command (or the query's barrier) stands in the log. */
export interface Result {
  readonly payload: Uint8Array;
  readonly index: number;
  readonly term: number;
}

interface Attempt {
  readonly body: RequestBody;
  readonly dueMs: number;
  /** Only this node can answer. */
  readonly pinned: string | null;
  readonly resolve: (reply: Exclude<ClientReply, ErrorReply>) => void;
  readonly reject: (error: GraftError) => void;
  connection: Connection | null;
  id: RequestId;
  tries: number;
  lastError: GraftError | null;
}

const defaultTimeoutMs = 10_000;
/** Redirects that are followed at once; after these a pause, so that two nodes that name each other make no loop. */
const redirectsMax = 3;
const pauseMinMs = 10;
const pauseMaxMs = 200;
const sweepIntervalMs = 50;

export class GraftClient {
  readonly #dial: Dial;
  readonly #timeoutMs: number;
  readonly #addresses: string[];
  readonly #connections = new Map<string, Connection>();
  readonly #attempts = new Set<Attempt>();
  #leader: string | null = null;
  #cursor = 0;
  #sweep: ReturnType<typeof setInterval> | null = null;
  #isClosed = false;

  constructor(options: ClientOptions) {
    if (options.addresses.length === 0)
      throw new GraftError("usage", "a client needs the address of at least one node");
    this.#dial = options.dial;
    this.#timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
    this.#addresses = [...options.addresses];
  }

  /** The addresses given, and those learned since. */
  get addresses(): readonly string[] {
    return this.#addresses;
  }

  /**
   * Has the state machine apply `payload`, once it is committed. Rejects with a `GraftError`; with any code but
   * `outcome-unknown` the command has not taken effect and never will (`state-machine` excepted: it is in the log).
   */
  async command(payload: Uint8Array, options: RequestOptions = {}): Promise<Result> {
    return this.#expect<ResultReply>("result", { kind: "command", payload, timeoutMs: this.#time(options) }, options);
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
    for (const connection of this.#connections.values()) connection.close();
    for (const attempt of this.#attempts) this.#fail(attempt, judgeTimeout(attempt.body, true, attempt.lastError));
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
    if ("payload" in body && body.payload.byteLength > payloadBytesMax) return Promise.reject(tooLarge(body.payload));
    return new Promise((resolve, reject) => {
      const dueMs = performance.now() + timeoutMs;
      const attempt: Attempt = {
        body,
        dueMs,
        pinned,
        resolve,
        reject,
        connection: null,
        id: 0,
        tries: 0,
        lastError: null,
      };
      this.#attempts.add(attempt);
      this.#sweep ??= setInterval(() => this.#expire(), sweepIntervalMs);
      this.#try(attempt);
    });
  }

  #try(attempt: Attempt): void {
    if (!this.#attempts.has(attempt)) return;
    const address = attempt.pinned ?? this.#leader ?? this.#addresses[this.#cursor % this.#addresses.length]!;
    const connection = this.#connect(address);
    attempt.tries++;
    attempt.connection = connection;
    attempt.id = connection.request(attempt.body, (ending) => this.#onEnding(attempt, address, ending));
  }

  #connect(address: string): Connection {
    const known = this.#connections.get(address);
    if (known !== undefined && !known.isOver) return known;
    const connection = new Connection(address, this.#dial, () => {
      if (this.#connections.get(address) === connection) this.#connections.delete(address);
    });
    this.#connections.set(address, connection);
    return connection;
  }

  #onEnding(attempt: Attempt, address: string, ending: Ending): void {
    attempt.connection = null;
    const verdict = judge(attempt.body, ending);
    switch (verdict.kind) {
      case "answered":
        // Only a leader answers commands and queries: stay with it.
        if (verdict.reply.kind === "result") this.#leader = address;
        this.#attempts.delete(attempt);
        attempt.resolve(verdict.reply);
        return;
      case "failed":
        if (ending.kind === "lost") this.#turnAwayFrom(address);
        this.#fail(attempt, verdict.error);
        return;
      case "again":
        this.#again(attempt, address, verdict);
        return;
    }
  }

  #again(attempt: Attempt, address: string, verdict: Extract<Verdict, { kind: "again" }>): void {
    attempt.lastError = verdict.error;
    const { leader } = verdict;
    if (leader !== null && leader !== address) {
      this.#leader = leader;
      if (!this.#addresses.includes(leader)) this.#addresses.push(leader);
      if (attempt.tries <= redirectsMax) return this.#try(attempt);
    } else {
      this.#turnAwayFrom(address);
    }
    const pauseMs = Math.min(pauseMaxMs, pauseMinMs * 2 ** Math.min(attempt.tries, 10)) * (0.5 + Math.random() / 2);
    setTimeout(() => this.#try(attempt), pauseMs);
  }

  /** The node at `address` did not help: the next attempt goes elsewhere. */
  #turnAwayFrom(address: string): void {
    if (this.#leader === address) this.#leader = null;
    if (this.#leader === null && this.#addresses[this.#cursor % this.#addresses.length] === address) this.#cursor++;
  }

  #fail(attempt: Attempt, error: GraftError): void {
    this.#attempts.delete(attempt);
    attempt.reject(error);
  }

  #expire(): void {
    const nowMs = performance.now();
    for (const attempt of this.#attempts) {
      if (attempt.dueMs > nowMs) continue;
      const wasSent = attempt.connection?.isOpen === true;
      attempt.connection?.forget(attempt.id);
      this.#fail(attempt, judgeTimeout(attempt.body, wasSent, attempt.lastError));
    }
    if (this.#attempts.size === 0 && this.#sweep !== null) {
      clearInterval(this.#sweep);
      this.#sweep = null;
    }
  }
}

/** The nodes would hang up on it. */
const tooLarge = ({ byteLength }: Uint8Array): GraftError =>
  new GraftError("rejected", `${byteLength} bytes are too large: a command or a query has at most ${payloadBytesMax}`);
