// A client of a cluster: any live node will do to begin with. It finds the leader, keeps to it, and says so when it does not know
// what became of a command. Commands go in a session and take effect once (session.ts); which node is asked is asker.ts.
import { payloadBytesMax, sessionTimeoutMsMax, timeoutMsMax } from "../adapters/cbor/limits.ts";
import { GraftError, type Subject } from "../errors.ts";
import type { Clock } from "../ports/clock.ts";
import type {
  BackupPieceReply,
  BackupReadyReply,
  ConfigurationReply,
  Consistency,
  DescribeReply,
  DoneReply,
  ResultReply,
  StatusReply,
} from "../ports/requests.ts";
import type { MembershipChangedReply, MembershipPlanReply, RequestedChange } from "../ports/membership-requests.ts";
import { type Answer, Asker, type ReadFrom } from "./asker.ts";
import { subjectOf } from "./attempt.ts";
import type { Dial, RequestBody } from "./connection.ts";
import { faultOfAddress, faultOfChange } from "./faulty-names.ts";
import type { RolledOutReply, SkippedReply } from "../ports/version-requests.ts";
import { ClientSession } from "./session.ts";
import { Sweep } from "./sweep.ts";
import { type OtherCluster, WhichCluster } from "./which-cluster.ts";

export interface ClientOptions {
  /** `host:port` of at least one node; the others are learned from redirects. */
  readonly addresses: readonly string[];
  readonly dial: Dial;
  readonly clock: Clock;
  /**
   * The uuid of the only cluster to speak to. Default: that of the first node that is reached. Nodes of another cluster with the
   * same name are refused.
   */
  readonly clusterUuid?: string;
  /** How long a request may take, attempts and pauses included, unless it says otherwise. A whole number, default 10,000. */
  readonly timeoutMs?: number;
  /**
   * Commands take effect once, however often they have to be sent: the cluster remembers them in a session, opened with the
   * first one. It ends when there has been none for `timeoutMs` (at least 1000, at most a day, default ten minutes); the next command opens
   * another. "none": a command whose answer is lost is not sent again, and its outcome is unknown.
   */
  readonly session?: { readonly timeoutMs: number } | "none";
  /**
   * Who is asked linearizable queries. `any`: the known nodes in turn, which spreads the work; each asks the leader, but only how
   * far its state must reach. Default: `leader`.
   */
  readonly readFrom?: ReadFrom;
}

export interface RequestOptions {
  /** In ms, a whole number; anything else is `GraftError("usage")`, before anything is sent. */
  readonly timeoutMs?: number;
}

export interface QueryOptions extends RequestOptions {
  /** Default: `linearizable`. A `stale` query is answered at once by any node, from whatever it knows. */
  readonly consistency?: Consistency;
  /** How old the state may be that answers a stale query, in ms, a whole number; default: as old as it is. */
  readonly maxStalenessMs?: number;
}

export interface ChangeOptions extends RequestOptions {
  /** Only while the configuration stands at this index. */
  readonly expectedIndex?: number;
}

export interface RollOutOptions extends RequestOptions {
  /** As the plugin calls it. Default: the last one of those that the leader has. */
  readonly version?: string | null;
  /** It also stands for the version that is active now, on nodes that do not have that one: both do the same. */
  readonly replaces?: boolean;
  readonly dryRun?: boolean;
}

export interface SkipOptions extends RequestOptions {
  readonly dryRun?: boolean;
}

/** Which piece of a backup: `bytesMax` is at most 256 KiB. */
export interface BackupPiece {
  readonly file: string;
  readonly offset: number;
  readonly bytesMax: number;
}

/** What the state machine answered. */
export interface Result {
  readonly payload: Uint8Array;
  /**
   * Where the command stands in the log; of one that had to be sent more than once, the copy that was answered. Of a query, how
   * far the state reached that answered, at the least.
   */
  readonly index: number;
  readonly term: number;
  /** How old the state was at the most that answered a stale query; null of anything else, and when it is not known. */
  readonly stalenessMs: number | null;
}

const defaultTimeoutMs = 10_000;
const defaultSessionTimeoutMs = 600_000;
const sessionTimeoutMsMin = 1000;
/** How long closing waits for the end of the session: it ends by itself as well. */
const closeTimeoutMs = 250;

export class GraftClient {
  readonly #timeoutMs: number;
  readonly #asker: Asker;
  readonly #session: ClientSession | null;
  readonly #sweep: Sweep;
  readonly #which: WhichCluster;
  /** By which it waits, and by which everything waits that is done with it. */
  readonly clock: Clock;
  /** Null: it is in use. */
  #closing: Promise<void> | null = null;

  /** Throws `GraftError("usage")` for options that cannot be meant. */
  constructor(options: ClientOptions) {
    if (options.addresses.length === 0)
      throw new GraftError("usage", "a client needs the address of at least one node");
    const fault = options.addresses.map(faultOfAddress).find((each) => each !== null);
    if (fault !== undefined) throw new GraftError("usage", fault);
    this.#timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
    if (!isTimeout(this.#timeoutMs)) throw notATimeout(this.#timeoutMs);
    const { addresses, dial, clock, readFrom = "leader" } = options;
    this.clock = clock;
    this.#sweep = new Sweep(clock);
    this.#which = new WhichCluster(options.clusterUuid ?? null);
    this.#asker = new Asker({ addresses, dial, readFrom, clock, sweep: this.#sweep, which: this.#which });
    this.#session = options.session === "none" ? null : this.#sessionOf(options.session?.timeoutMs);
  }

  /** The uuid of the cluster that it speaks to; null before it has reached one, unless it was given. */
  get clusterUuid(): string | null {
    return this.#which.uuid;
  }

  /** Nodes that were reached and refused: they belong to other clusters of the same name. */
  get otherClusters(): readonly OtherCluster[] {
    return this.#which.others;
  }

  /** A node may be at this address as well, which leads perhaps. */
  alsoTry(address: string): void {
    this.#asker.know(address);
  }

  /** The addresses given, and those learned since. */
  get addresses(): readonly string[] {
    return this.#asker.addresses;
  }

  /**
   * Has the state machine apply `payload`, once it is committed: once in all, whatever fails on the way. Rejects with a
   * `GraftError` whose `effect` says whether the command took effect: `none`, `done` (only the result is missing) or `unknown`.
   */
  async command(payload: Uint8Array, options: RequestOptions = {}): Promise<Result> {
    const timeoutMs = this.#time(options);
    const session = this.#session;
    if (session === null) {
      return this.#expect<ResultReply>("result", { kind: "command", payload, timeoutMs, session: null }, options);
    }
    const reply = await this.#pursue(timeoutMs, payload, (dueMs, resolve, reject) =>
      session.command({ payload, dueMs, resolve, reject }),
    );
    return expected<ResultReply>(reply, "result", "command", "command");
  }

  /**
   * Asks the state machine. Unless it is asked for a stale one the answer reflects every command that was acknowledged before
   * the call. A stale query that no node may answer, since all know too little, is rejected as `unavailable` when its time is up.
   */
  async query(payload: Uint8Array, options: QueryOptions = {}): Promise<Result> {
    const { consistency = "linearizable", maxStalenessMs = null } = options;
    if (maxStalenessMs !== null && consistency !== "stale") throw onlyOfStale();
    if (maxStalenessMs !== null && !isTimeout(maxStalenessMs)) throw notATimeout(maxStalenessMs);
    const timeoutMs = this.#time(options);
    const body = { kind: "query", payload, timeoutMs, consistency, maxStalenessMs } as const;
    return this.#expect<ResultReply>("result", body, options);
  }

  /** The cluster as one node sees it: the one at `address`, or any. */
  status(address: string | null = null, options: RequestOptions = {}): Promise<StatusReply> {
    return this.#expect<StatusReply>("status", { kind: "status" }, options, address);
  }

  /** The members as one node knows them: the one at `address`, or any. */
  configuration(options: RequestOptions = {}, address: string | null = null): Promise<ConfigurationReply> {
    return this.#expect<ConfigurationReply>("configuration", { kind: "configuration" }, options, address);
  }

  /** The state machine's name and operations. */
  describe(options: RequestOptions = {}): Promise<DescribeReply> {
    return this.#expect<DescribeReply>("describe", { kind: "describe" }, options);
  }

  /** Hands leadership to the node `to`, or to the best prepared one. Administrators only. */
  transferLeadership(to: string | null, options: RequestOptions = {}): Promise<DoneReply> {
    return this.#expect<DoneReply>("done", { kind: "transferLeadership", to }, options);
  }

  /**
   * Changes who belongs to the cluster; resolves when the change is complete. Rejects with `outcome-unknown` when the time is
   * up or the leader is lost meanwhile: membership.ts sees it through. Administrators only.
   */
  changeMembership(change: RequestedChange, options: ChangeOptions = {}): Promise<MembershipChangedReply> {
    return this.#change<MembershipChangedReply>("membershipChanged", change, options, false);
  }

  /** What the change would come to. Changes nothing. Administrators only. */
  planMembership(change: RequestedChange, options: ChangeOptions = {}): Promise<MembershipPlanReply> {
    return this.#change<MembershipPlanReply>("membershipPlan", change, options, true);
  }

  /**
   * Makes another version of the state machine active on every node; or, as a dry run, says what that would come to. Resolves when it is
   * active on the leader. Administrators only.
   */
  rollOut(options: RollOutOptions = {}): Promise<RolledOutReply> {
    const { version = null, replaces = false, dryRun = false } = options;
    const body = { kind: "rollOut", version, replaces, dryRun, timeoutMs: this.#time(options) } as const;
    return this.#expect<RolledOutReply>("rolledOut", body, options);
  }

  /**
   * Skips the entry of the log that the state machine cannot get past, on every node; or, as a dry run, says what that would come to. Resolves
   * when the decision is committed. Administrators only.
   */
  skip(entry: number, options: SkipOptions = {}): Promise<SkippedReply> {
    const body = { kind: "skip", entry, dryRun: options.dryRun === true, timeoutMs: this.#time(options) } as const;
    return this.#expect<SkippedReply>("skipped", body, options);
  }

  /**
   * Has the node at `address` make a backup ready whose state includes everything acknowledged before the call. `timeoutMs` is
   * for the making of it as well. Administrators only; backup.ts reads the file.
   */
  backup(address: string, options: RequestOptions = {}): Promise<BackupReadyReply> {
    const body = { kind: "backup", timeoutMs: this.#time(options) } as const;
    return this.#expect<BackupReadyReply>("backupReady", body, options, address);
  }

  /** What stands at `offset` of a backup that the node at `address` has made ready. Administrators only. */
  readBackup(address: string, piece: BackupPiece, options: RequestOptions = {}): Promise<BackupPieceReply> {
    return this.#expect<BackupPieceReply>("backupPiece", { kind: "readBackup", ...piece }, options, address);
  }

  /** Stops the node at `address` gracefully. Administrators only. */
  stopNode(address: string, options: RequestOptions = {}): Promise<DoneReply> {
    return this.#expect<DoneReply>("done", { kind: "stop" }, options, address);
  }

  /**
   * Requests under way are rejected at once. Resolves when the connections are closed, having told the cluster that the
   * session has ended; it does not wait long for that, and never rejects.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const reason = "this client was closed";
    this.#session?.abandon(reason);
    this.#asker.abandon(reason);
    if (this.#session?.isOpen === true) await this.#session.close(this.clock.nowMs() + closeTimeoutMs);
    this.#asker.close();
    this.#sweep.stop();
  }

  #change<R extends MembershipChangedReply | MembershipPlanReply>(
    kind: R["kind"],
    change: RequestedChange,
    options: ChangeOptions,
    dryRun: boolean,
  ): Promise<R> {
    const { expectedIndex = null } = options;
    const fault = faultOfChange(change);
    if (fault !== null) return Promise.reject(new GraftError("rejected", fault, { subject: "change" }));
    const timeoutMs = this.#time(options);
    return this.#expect<R>(kind, { kind: "changeMembership", timeoutMs, change, expectedIndex, dryRun }, options);
  }

  #sessionOf(timeoutMs = defaultSessionTimeoutMs): ClientSession {
    const isInRange = timeoutMs >= sessionTimeoutMsMin && timeoutMs <= sessionTimeoutMsMax;
    if (isTimeout(timeoutMs) && isInRange) {
      return new ClientSession({ asker: this.#asker, clock: this.clock, sweep: this.#sweep, timeoutMs });
    }
    const range = `a whole number of ms, ${sessionTimeoutMsMin} to ${sessionTimeoutMsMax}`;
    throw new GraftError("usage", `${timeoutMs} is no timeout of a session: it is ${range}`);
  }

  #time(options: RequestOptions): number {
    return options.timeoutMs ?? this.#timeoutMs;
  }

  async #expect<R extends Answer>(
    kind: R["kind"],
    body: RequestBody,
    options: RequestOptions,
    pinned: string | null = null,
  ): Promise<R> {
    const payload = "payload" in body ? body.payload : null;
    const reply = await this.#pursue(this.#time(options), payload, (dueMs, resolve, reject) =>
      this.#asker.ask({ body, dueMs, pinned, resolve, reject }),
    );
    return expected<R>(reply, kind, body.kind, subjectOf(body));
  }

  #pursue(timeoutMs: number, payload: Uint8Array | null, begin: Begin): Promise<Answer> {
    if (this.#closing !== null) return Promise.reject(new GraftError("unavailable", "this client is closed"));
    if (!isTimeout(timeoutMs)) return Promise.reject(notATimeout(timeoutMs));
    if (payload !== null && payload.byteLength > payloadBytesMax) return Promise.reject(tooLarge(payload));
    return new Promise((resolve, reject) => void begin(this.clock.nowMs() + timeoutMs, resolve, reject));
  }
}

type Begin = (dueMs: number, resolve: (reply: Answer) => void, reject: (error: GraftError) => void) => unknown;

function expected<R extends Answer>(reply: Answer, kind: R["kind"], asked: RequestBody["kind"], subject: Subject): R {
  // It answered, so it may have done what was asked.
  if (reply.kind !== kind) {
    throw new GraftError("outcome-unknown", `the node answered "${reply.kind}" to "${asked}"`, { subject });
  }
  return reply as R;
}

const isTimeout = (timeoutMs: number): boolean =>
  Number.isSafeInteger(timeoutMs) && timeoutMs >= 0 && timeoutMs <= timeoutMsMax;

const notATimeout = (timeoutMs: number): GraftError =>
  new GraftError("usage", `${timeoutMs} is no timeout: it is a whole number of ms, at most ${timeoutMsMax}`);

const onlyOfStale = (): GraftError =>
  new GraftError("usage", "maxStalenessMs applies only to stale queries; a linearizable query is never out of date");

/** The nodes would hang up on it. */
const tooLarge = ({ byteLength }: Uint8Array): GraftError =>
  new GraftError("rejected", `${byteLength} bytes are too large: a command or a query has at most ${payloadBytesMax}`);
