// Which node is asked, and when another one? Every request under way is pursued here, over one connection to each node, until it
// has its answer or its time is up. What an ending means is attempt.ts; what a request is for, client.ts and session.ts.
import type { Millis } from "../core/log-position.ts";
import type { GraftError } from "../errors.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { ClientReply, ErrorReply, RequestId } from "../ports/requests.ts";
import {
  type Doubt,
  graverDoubt,
  inDoubt,
  isRepeatable,
  judge,
  judgeFailure,
  judgeUnanswered,
  subjectOf,
  type Verdict,
} from "./attempt.ts";
import type { Connection, Dial, Ending, RequestBody } from "./connection.ts";
import { Connections } from "./connections.ts";
import { isMember } from "./members.ts";
import { backoffMs } from "./pause.ts";
import { Route } from "./route.ts";
import type { Sweep } from "./sweep.ts";
import type { WhichCluster } from "./which-cluster.ts";

export type Answer = Exclude<ClientReply, ErrorReply>;

/** A request before it is pursued. Exactly one of `resolve` and `reject` is called, once. */
export interface Question {
  readonly body: RequestBody;
  /** Of the monotonic clock: then it is given up. */
  readonly dueMs: number;
  /** Only this node can answer. */
  readonly pinned: string | null;
  readonly resolve: (reply: Answer) => void;
  readonly reject: (error: GraftError) => void;
}

/** A request that is being pursued. */
export interface Pursued {
  /** What its last try met with. */
  readonly lastError: GraftError | null;
}

export type ReadFrom = "leader" | "any";

export interface AskerOptions {
  readonly addresses: readonly string[];
  readonly dial: Dial;
  readonly readFrom: ReadFrom;
  readonly clock: Clock;
  readonly sweep: Sweep;
  readonly which: WhichCluster;
}

interface Asked {
  readonly connection: Connection;
  readonly id: RequestId;
}

interface Attempt extends Question, Pursued {
  /** When the latest node was asked. */
  askedMs: number;
  /** When it is asked of another node as well, if this one has not answered. */
  elsewhereMs: number;
  /** Any node will do, and the next one is as good as the leader. */
  isForAny: boolean;
  connection: Connection | null;
  id: RequestId;
  /** By address, the nodes that let it wait; what they answer still counts. */
  earlier: Map<string, Asked> | null;
  /** The addresses of nodes that do not accept this program. */
  refusedBy: Set<string> | null;
  /** A node may have taken it whose answer is lost. */
  doubt: Doubt | null;
  /** Until it is tried again. */
  pause: Timer | null;
  /** Followed since the last pause. */
  redirects: number;
  pauses: number;
  lastError: GraftError | null;
}

/** After so many redirects in a row the client pauses and asks another node: two nodes may name each other. */
const redirectsMax = 3;
const pauseMinMs = 5;
const pauseMaxMs = 200;
const slowLeaderPauseMs = 1000;
/** How often a client that is at work asks who the members are: those it was given may all leave in time. */
const membersEveryMs = 1000;
const membersTimeoutMs = 2000;
/** How long one node may leave unanswered what another can be asked too, and never more than this share of the time. */
const patienceMaxMs = 1000;
const patienceShare = 1 / 3;
/** A node that says nothing for less may have been busy: then requests in a hurry cost the others no connection. */
const silenceMinMs = 500;

/** A change of the members is not sent again with less time than this: the node could hardly answer, and would leave a doubt. */
const changeLeastMs = 200;
/** How much of the time for a change of the members a node has for it: it is to answer before this client gives up. */
const nodesShare = 0.9;

export class Asker {
  readonly #readFrom: ReadFrom;
  readonly #clock: Clock;
  readonly #sweep: Sweep;
  readonly #which: WhichCluster;
  readonly #route: Route;
  readonly #connections: Connections;
  readonly #attempts = new Set<Attempt>();
  readonly #pauseMs = (address: string): number => this.#connections.pauseMs(address);
  #membersDueMs: number;
  #isLearning = false;

  constructor({ addresses, dial, readFrom, clock, sweep, which }: AskerOptions) {
    this.#readFrom = readFrom;
    this.#clock = clock;
    this.#sweep = sweep;
    this.#which = which;
    this.#route = new Route(addresses);
    this.#connections = new Connections({ dial, clock, which });
    this.#membersDueMs = clock.nowMs() + membersEveryMs;
    sweep.add((nowMs) => this.#look(nowMs));
  }

  /** The addresses given, and those learned since. */
  get addresses(): readonly string[] {
    return this.#route.addresses;
  }

  /** Another address at which a node may be that can answer. */
  know(address: string): void {
    this.#route.alsoTry(address);
  }

  ask({ body, dueMs, pinned, resolve, reject }: Question): Pursued {
    const attempt: Attempt = {
      body,
      dueMs,
      askedMs: 0,
      elsewhereMs: Number.POSITIVE_INFINITY,
      pinned,
      isForAny: body.kind === "query" && (body.consistency === "stale" || this.#readFrom === "any"),
      resolve,
      reject,
      connection: null,
      id: 0,
      earlier: null,
      refusedBy: null,
      doubt: null,
      pause: null,
      redirects: 0,
      pauses: 0,
      lastError: null,
    };
    this.#attempts.add(attempt);
    this.#sweep.begin();
    this.#try(attempt);
    return attempt;
  }

  /** Rejects what is under way. */
  abandon(reason: string): void {
    for (const attempt of this.#attempts) this.#giveUp(attempt, reason);
  }

  /** Closes every connection. */
  close(): void {
    this.#connections.close();
  }

  #try(attempt: Attempt): void {
    const address = this.#pick(attempt);
    // Every node has it or refused it: what is under way is waited for.
    if (address === null) return this.#tryIn(attempt, pauseMaxMs);
    this.#ask(attempt, address);
  }

  #tryIn(attempt: Attempt, pauseMs: number): void {
    attempt.pause = this.#clock.at(this.#clock.nowMs() + pauseMs, () => this.#try(attempt));
  }

  #pick(attempt: Attempt): string | null {
    if (attempt.isForAny) {
      // Whoever cannot answer may know who can.
      attempt.isForAny = false;
      return this.#route.pickNext((address) => isSpent(attempt, address), this.#pauseMs);
    }
    return attempt.pinned ?? this.#route.pick((address) => isSpent(attempt, address), this.#pauseMs);
  }

  #ask(attempt: Attempt, address: string): void {
    const connection = this.#connections.to(address);
    attempt.connection = connection;
    const nowMs = this.#clock.nowMs();
    attempt.askedMs = nowMs;
    if (attempt.pinned === null && isRepeatable(attempt.body)) {
      attempt.elsewhereMs = nowMs + Math.min(patienceMaxMs, (attempt.dueMs - nowMs) * patienceShare);
    }
    const id = connection.request(bodyNow(attempt, nowMs), (ending) => this.#onEnding(attempt, connection, ending));
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
    if (inDoubt(ending) && verdict.kind !== "answered") attempt.doubt = graverDoubt(attempt.doubt, verdict);
    switch (verdict.kind) {
      case "answered": {
        const objection = this.#objectionTo(address, verdict.reply);
        if (objection !== null) return this.#refused(attempt, address, objection, isLatest);
        // Only a leader answers commands and opens sessions: stay with it. Queries are answered by others as well.
        this.#settle(attempt);
        if (isLeaders(attempt.body)) this.#route.follow(address, "answered");
        if (attempt.pinned === null) this.#learn(address);
        attempt.resolve(verdict.reply);
        return;
      }
      case "failed":
        if (ending.kind === "lost") this.#route.turnAwayFrom(address);
        this.#fail(attempt, judgeFailure(attempt.body, doubtOf(attempt), verdict.error));
        return;
      case "refused":
        this.#refused(attempt, address, verdict.error, isLatest);
        return;
      case "again":
        note(attempt, verdict.error);
        if (isLatest) this.#again(attempt, address, verdict);
        return;
    }
  }

  /** A node may have joined another cluster since it was dialled: what it says of itself counts. */
  #objectionTo(address: string, reply: Answer): GraftError | null {
    return "clusterUuid" in reply ? this.#which.objectionTo(address, reply.clusterUuid) : null;
  }

  #refused(attempt: Attempt, address: string, error: GraftError, isLatest: boolean): void {
    attempt.lastError = error;
    attempt.refusedBy ??= new Set();
    attempt.refusedBy.add(address);
    this.#route.turnAwayFrom(address);
    const isHopeless = attempt.pinned !== null || this.addresses.every((each) => attempt.refusedBy?.has(each));
    if (isHopeless) this.#fail(attempt, judgeFailure(attempt.body, doubtOf(attempt), error));
    else if (isLatest) this.#try(attempt);
  }

  #again(attempt: Attempt, address: string, verdict: Extract<Verdict, { kind: "again" }>): void {
    const { leaders } = verdict;
    // A node that is said to lead, but did not answer or cannot be dialled just now, is no place to go.
    const next = leaders.find((each) => each !== address && !isSpent(attempt, each) && this.#pauseMs(each) === 0);
    if (next !== undefined && attempt.pinned === null && attempt.redirects < redirectsMax) {
      attempt.redirects++;
      this.#route.follow(next, "named");
      return this.#try(attempt);
    }
    attempt.redirects = 0;
    this.#route.turnAwayFrom(address);
    // A leader that has it already and is only slow is not helped by asking the others over and over.
    const isSlow = leaders.some((each) => attempt.earlier?.has(each) === true);
    const mostMs = isSlow ? slowLeaderPauseMs : pauseMaxMs;
    const pauseMs = backoffMs({ minMs: pauseMinMs, maxMs: mostMs }, attempt.pauses++, this.#clock);
    const leftMs = attempt.dueMs - this.#clock.nowMs() - pauseMs;
    if (isChange(attempt.body) && leftMs < changeLeastMs) this.#giveUp(attempt, "too little time is left to ask again");
    else this.#tryIn(attempt, pauseMs);
  }

  /** Looks after those that have waited too long, for their answer or for this node's. */
  #look(nowMs: number): boolean {
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
    return this.#attempts.size > 0;
  }

  /** Now and then: who the members are, from a node that has just answered, for the time when it does not. */
  #learn(pinned: string): void {
    const nowMs = this.#clock.nowMs();
    if (nowMs < this.#membersDueMs || this.#isLearning) return;
    this.#membersDueMs = nowMs + membersEveryMs;
    this.#isLearning = true;
    const resolve = (reply: Answer): void => {
      this.#isLearning = false;
      if (reply.kind === "configuration" && isMember(reply))
        this.#route.know(reply.members.map(({ address }) => address));
    };
    // Who does not say it now is asked again.
    const reject = (): void => void (this.#isLearning = false);
    const dueMs = nowMs + membersTimeoutMs;
    this.ask({ body: { kind: "configuration" }, dueMs, pinned, resolve, reject });
  }

  #askElsewhere(attempt: Attempt, connection: Connection): void {
    attempt.elsewhereMs = Number.POSITIVE_INFINITY;
    if (attempt.body.kind === "query" && isWithTwo(attempt)) return;
    this.#route.turnAwayFrom(connection.address);
    attempt.earlier ??= new Map();
    attempt.earlier.set(connection.address, { connection, id: attempt.id });
    const address = this.#pick(attempt);
    if (address !== null) this.#ask(attempt, address);
    else attempt.earlier.delete(connection.address);
  }

  #giveUp(attempt: Attempt, reason: string): void {
    this.#fail(attempt, judgeUnanswered(attempt.body, doubtOf(attempt), reason, attempt.lastError));
  }

  #fail(attempt: Attempt, error: GraftError): void {
    this.#settle(attempt);
    attempt.reject(error.about(subjectOf(attempt.body)));
  }

  #settle(attempt: Attempt): void {
    this.#attempts.delete(attempt);
    attempt.pause?.cancel();
    attempt.connection?.forget(attempt.id);
    if (attempt.earlier !== null) for (const { connection, id } of attempt.earlier.values()) connection.forget(id);
  }
}

/** Whether a node may have taken the request whose answer has not been heard, and what is known of that. */
function doubtOf({ doubt, connection, id, earlier }: Attempt): Doubt | null {
  if (doubt !== null) return doubt;
  if (connection?.hasLeft(id) === true) return unheard;
  if (earlier !== null) for (const asked of earlier.values()) if (asked.connection.hasLeft(asked.id)) return unheard;
  return null;
}

const unheard: Doubt = { error: null };

/** Keeps what explains most: that another cluster runs somewhere before all, and that a node does not lead after all. */
function note(attempt: Attempt, error: GraftError): void {
  const { lastError } = attempt;
  if (lastError?.code === "wrong-cluster" || (lastError !== null && error.code === "not-leader")) return;
  attempt.lastError = error;
}

/**
 * Whether two nodes have it and are silent. A query may be one that never ends, and stops the state machine of each node that takes
 * it: so no third one is asked.
 */
function isWithTwo({ connection, id, earlier }: Attempt): boolean {
  if (connection?.hasLeft(id) !== true || earlier === null) return false;
  return [...earlier.values()].some((asked) => asked.connection.hasLeft(asked.id));
}

/** The request as the client sends it now. A change of the members carries the time that is left for it. */
function bodyNow({ body, dueMs }: Attempt, nowMs: Millis): RequestBody {
  if (body.kind !== "changeMembership") return body;
  return { ...body, timeoutMs: Math.max(1, Math.ceil((dueMs - nowMs) * nodesShare)) };
}

const isChange = (body: RequestBody): boolean => body.kind === "changeMembership" && !body.dryRun;

/** Whether only a leader answers it. */
const isLeaders = ({ kind }: RequestBody): boolean =>
  kind === "command" ||
  kind === "openSession" ||
  kind === "closeSession" ||
  kind === "changeMembership" ||
  kind === "rollOut" ||
  kind === "skip";

/** Whether there is nothing to be had from the node at `address` by asking it (again). */
const isSpent = ({ earlier, refusedBy }: Attempt, address: string): boolean =>
  earlier?.has(address) === true || refusedBy?.has(address) === true;
