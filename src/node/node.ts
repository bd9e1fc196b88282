// One node and its life: what it is made of, how it starts, what it hears from its transport, how it ends. Its turns are
// turn-loop.ts, its clients' requests requests.ts, its graceful end graceful-stop.ts.
import { type MemberKey, toMemberKey, type PlacedConfiguration } from "../core/configuration.ts";
import { describeState } from "../core/describe.ts";
import { isVoteDurable } from "../core/durability.ts";
import type { ChangeSettled, FollowerFault, HaltReason, TransferSettled } from "../core/effects.ts";
import { freshest } from "../core/freshness.ts";
import type { Genesis } from "../core/genesis.ts";
import type { Message } from "../core/messages.ts";
import { restore } from "../core/restore.ts";
import type { State } from "../core/state.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { SavedState } from "../ports/log-store.ts";
import { isNodeMessage, type NodeMessage } from "../ports/node-messages.ts";
import type { ClientRequest } from "../ports/requests.ts";
import type { StateMachineDescription } from "../ports/state-machine.ts";
import type { BulkLink, ClientConnection, PeerIdentity, PeerStatus, TransportHandler } from "../ports/transport.ts";
import { Applier } from "./applier.ts";
import { answeredUntil, type Endless } from "./endless-work.ts";
import { knownLeader } from "./execute-effects.ts";
import { Fitness } from "./fitness.ts";
import { type HandOver, HandOvers } from "./hand-overs.ts";
import { stopGracefully } from "./graceful-stop.ts";
import { LogTail } from "./log-tail.ts";
import { type ArrivedEvent, Mailbox } from "./mailbox.ts";
import { NodeMembership } from "./membership.ts";
import { closeModules, isForeseen, keepCause, type NodeEnd, removedError, toError } from "./node-end.ts";
import { isElecting, ParkedRequests } from "./parked-requests.ts";
import { OpenRequests } from "./open-requests.ts";
import { refusalOf } from "./refusals.ts";
import { startOf } from "./start-of.ts";
import { onClientRequest, type RequestTarget } from "./requests.ts";
import type { NodeModules, NodeOptions } from "./node-options.ts";
import { NodeSnapshots } from "./snapshots.ts";
import type { Applied } from "./snapshot-taker.ts";
import { TurnLoop } from "./turn-loop.ts";
import { notAnswered, type QueryWaiter, type ReplyError, type Waiter, WaitingClients } from "./waiting-clients.ts";
import { WaitingReads } from "./waiting-reads.ts";

const tailBytesMax = 32 * 1024 * 1024;
/** How often requests are looked at whose time is up, in ms. */
const expiryIntervalMs = 100;

export class Node implements TransportHandler, RequestTarget {
  readonly options: NodeOptions;
  readonly #modules: NodeModules;
  readonly #waiting = new WaitingClients();
  readonly #reads = new WaitingReads(() => this.#applier.serve());
  readonly #mailbox = new Mailbox(this.#waiting, this.#reads, () => this.#holdsCommandsBack);
  readonly #parked = new ParkedRequests();
  readonly open = new OpenRequests();
  readonly #applier: Applier;
  readonly snapshots: NodeSnapshots;
  readonly #loop: TurnLoop;
  readonly #ended = Promise.withResolvers<NodeEnd>();
  readonly #handOvers: HandOvers;
  readonly membership: NodeMembership;
  readonly #fitness: Fitness;
  #expiry: Timer | null = null;
  #life: "running" | "stopping" | "ended" = "running";
  #isRefusing = false;
  #quiet: PromiseWithResolvers<void> | null = null;

  constructor(options: NodeOptions, modules: NodeModules) {
    const { store, clock, stateMachine } = modules;
    this.options = options;
    this.#modules = modules;
    const arrive = (event: ArrivedEvent): void => this.#loop.arrive(event);
    this.snapshots = new NodeSnapshots(modules, {
      cluster: options.cluster,
      policy: options.snapshotPolicy,
      scrubIntervalMs: options.scrubIntervalMs,
      state: () => this.state,
      disk: () => this.#fitness.disk,
      arrive,
      failed: (error) => this.#die(toError(error)),
    });
    this.membership = new NodeMembership(modules, { ...options, state: () => this.state, arrive });
    this.#handOvers = new HandOvers(() => this.state, arrive);
    this.#fitness = this.#makeFitness();
    const tail = new LogTail(store, tailBytesMax);
    this.#applier = new Applier(
      store.saved.snapshot,
      { stateMachine, clock, tail, reads: this.#reads, waiting: this.#waiting },
      {
        leader: () => knownLeader(this.state),
        isAsked: () => this.waitingCount > 0,
        handed: (last, bytes) => this.#onHanded(last, bytes),
        restore: (snapshot) => this.snapshots.restore(snapshot),
        answered: () => this.#onAnswered(),
        stateMachineFailed: (error) => this.#onStateMachineFailed(error),
        failed: (error) => this.#die(toError(error)),
      },
    );
    this.#loop = this.#makeLoop(tail);
  }

  #makeLoop(tail: LogTail): TurnLoop {
    const { store, clock, transport, logger } = this.#modules;
    const begin = (saved: SavedState): State => restore(saved, startOf(saved, this.options, clock));
    const targets = {
      transport,
      tail,
      applier: this.#applier,
      waiting: this.#waiting,
      reads: this.#reads,
      snapshots: this.snapshots,
      transferSettled: (settled: TransferSettled) => this.#handOvers.settle(settled),
      changeSettled: (settled: ChangeSettled) => this.membership.settle(settled),
      removed: (by: PlacedConfiguration) => this.#onRemoved(by),
      followerFault: (effect: FollowerFault) => this.#fitness.onFollowerFault(effect),
      halt: (reason: HaltReason) => this.#die(reason),
    };
    return new TurnLoop(
      begin(store.saved),
      { store, transport, clock, logger, mailbox: this.#mailbox, disk: this.#fitness.disk },
      {
        targets,
        turned: () => this.#onTurned(),
        begin,
        noRoom: () => this.#onNoRoom(tail),
        failed: (error) => this.#die(toError(error)),
      },
    );
  }

  #makeFitness(): Fitness {
    return new Fitness(this.#modules, {
      state: () => this.state,
      stateMachine: () => this.#applier,
      ...this.options,
      arrive: (event) => this.#loop.arrive(event),
    });
  }

  /** Resolves once the node no longer runs, by its own will or not. Never rejects. */
  get ended(): Promise<NodeEnd> {
    return this.#ended.promise;
  }

  get state(): State {
    return this.#loop.state;
  }

  problemOf(key: MemberKey): string | null {
    return this.#fitness.problemOf(key);
  }

  get appliedIndex(): number {
    return this.#applier.appliedIndex;
  }

  get waitingCount(): number {
    return this.#waiting.count + this.#reads.count + this.#mailbox.requestCount + this.#parked.count;
  }

  /** Only a leader has a log to keep short; all others say at once that they do not lead. */
  get #holdsCommandsBack(): boolean {
    return this.state.role.kind === "leader" && this.#life !== "ended";
  }

  get description(): StateMachineDescription {
    return this.#modules.stateMachine.description;
  }

  get refusal(): ReplyError | null {
    const [{ waitsForRoom }, stateMachine] = [this.#loop, this.#applier.failure];
    return refusalOf(this.state, { isStopping: this.#isRefusing, waitsForRoom, stateMachine, nowMs: this.nowMs() });
  }

  get endlessWork(): Endless | null {
    return this.#applier.endlessWork;
  }

  get whyNoCommands(): string | null {
    return this.#fitness.whyNoCommands;
  }

  get clock(): Clock {
    return this.#modules.clock;
  }

  nowMs(): number {
    return this.#modules.clock.nowMs();
  }

  peers(): readonly PeerStatus[] {
    return this.#modules.transport.peers();
  }

  /** Starts listening, dialling and keeping time. Throws when the address cannot be listened on; the node has ended then. */
  async start(): Promise<void> {
    const { transport, logger } = this.#modules;
    transport.setGenesis(this.state.genesis);
    try {
      if (this.state.removed !== null) throw removedError(this.options.id, this.state.removed);
      await transport.start(this);
    } catch (error) {
      await this.#close({ kind: "failed", error: toError(error) }, "the node could not start");
      throw error;
    }
    // What it has heard meanwhile may have ended it.
    if (this.#life === "ended") return;
    this.membership.start();
    logger.log("info", "node started", { state: describeState(this.state) });
    this.snapshots.start();
    this.#fitness.start();
    this.#expire();
    this.#loop.schedule();
  }

  /** Stops gracefully: hands leadership over, answers who waits, closes. Resolves when all is closed. */
  async stop(): Promise<void> {
    if (this.#life === "running") {
      this.#life = "stopping";
      const { clock, logger } = this.#modules;
      await stopGracefully({ node: this, clock, logger, refuseRequests: () => this.#refuseRequests() });
      await this.#close({ kind: "stopped" }, "the node stops");
    }
    await this.ended;
  }

  /** Resolves once every request that was taken has its answer and the vote is durable, or the node has ended. */
  quiet(): Promise<void> {
    this.#quiet ??= Promise.withResolvers();
    this.#noteQuiet();
    return this.#quiet.promise;
  }

  onPeerConnected(peer: PeerIdentity, genesis: Genesis | null): void {
    this.#modules.logger.log("info", "peer connected", { peer: peer.id }, `connected ${peer.id}`);
    this.membership.onPeerConnected(peer);
    this.#fitness.onPeerConnected(peer);
    this.#loop.arrive({ kind: "peerConnected", peer, genesis });
  }

  onPeerDisconnected(peer: PeerIdentity, reason: string): void {
    this.#modules.logger.log("info", "peer disconnected", { peer: peer.id, reason }, `disconnected ${peer.id}`);
    this.membership.onPeerDisconnected(peer);
    this.#fitness.onPeerDisconnected(peer);
  }

  onPeerCrashed(peer: PeerIdentity): void {
    this.#modules.logger.log("info", "peer has crashed", { peer: peer.id }, `crashed ${peer.id}`);
    this.#loop.arrive({ kind: "peerCrashed", peer: toMemberKey(peer.id, peer.incarnation) });
  }

  onPartReceived(from: MemberKey): void {
    this.#loop.arrive({ kind: "partReceived", from });
  }

  onMessage(from: MemberKey, message: Message | NodeMessage): void {
    if (message.kind === "condition") return this.#fitness.onCondition(from, message.condition);
    if (isNodeMessage(message)) return this.membership.onMessage(from, message);
    this.#loop.arrive({ kind: "message", from, message });
  }

  onBulk(from: PeerIdentity, link: BulkLink): void {
    this.snapshots.onBulk(from, link);
  }

  onRequest(request: ClientRequest, client: ClientConnection): void {
    onClientRequest(this, request, client);
  }

  submit(waiter: Waiter): void {
    if (isElecting(this.state)) return this.#parked.add(waiter);
    this.#mailbox.addRequest(waiter);
    this.#loop.schedule();
  }

  submitStale(waiter: QueryWaiter, maxMs: number | null): void {
    const fresh = freshest(this.state, this.nowMs());
    const position = { index: fresh?.index ?? 0, term: this.state.currentTerm };
    this.#reads.addStale(waiter, position, { asOfMs: fresh?.asOfMs ?? null, maxMs });
    this.#applier.serve();
  }

  /** Hands leadership over; null: to any node, so that a hand-over which is under way will do. */
  transfer(to: string | null): Promise<HandOver> {
    return this.#handOvers.ask(to);
  }

  #expire(): void {
    const { clock, transport } = this.#modules;
    const nowMs = clock.nowMs();
    const hangs = this.#applier.lookForEndlessWork();
    const untilMs = answeredUntil(nowMs, hangs);
    const waiting = [this.#waiting, this.#reads, this.#mailbox, this.#applier];
    for (const each of waiting) each.expire(untilMs, hangs);
    this.#parked.expire(nowMs);
    transport.flush();
    this.#fitness.sweep();
    this.#loop.tryAgain();
    this.snapshots.relieve(this.#fitness.disk.isLow);
    this.#expiry = clock.at(nowMs + expiryIntervalMs, () => this.#expire());
  }

  #onHanded(last: Applied, bytes: number): void {
    this.snapshots.taker.onHanded(last, bytes);
    // There is room for commands that had to wait.
    if (!this.#mailbox.isEmpty) this.#loop.schedule();
  }

  #onAnswered(): void {
    this.#modules.transport.flush();
    this.#noteQuiet();
  }

  #refuseRequests(): void {
    this.#isRefusing = true;
    this.#unpark();
  }

  #onTurned(): void {
    this.snapshots.onTurned();
    this.membership.onTurned();
    if (this.#parked.count > 0 && (this.refusal !== null || !isElecting(this.state))) this.#unpark();
    this.#noteQuiet();
  }

  #unpark(): void {
    for (const waiter of this.#parked.release()) this.#mailbox.addRequest(waiter);
    this.#loop.schedule();
  }

  #noteQuiet(): void {
    // A vote that waits for the disk may be the one that the next leader needs.
    const isQuiet = this.waitingCount === 0 && this.#applier.isIdle && isVoteDurable(this.state);
    if (isQuiet || this.#life === "ended") this.#quiet?.resolve();
  }

  /** The log goes on, but this node can neither answer nor keep up: another one should lead. */
  #onStateMachineFailed(error: Error): void {
    const { logger } = this.#modules;
    logger.log("error", "the state machine has stopped", { reason: error.message });
    this.#fitness.look();
  }

  #onNoRoom(tail: LogTail): void {
    this.#modules.logger.log("error", "the disk is full: this node takes no part until there is space on it");
    tail.restart(this.state.log.last);
    this.#applier.letGo();
    this.snapshots.onNoRoom();
    this.#waiting.abandon("the disk of this node is full");
    this.#unpark();
    this.#fitness.look();
  }

  /** It goes on telling clients so; what it is started from again is refused. */
  #onRemoved(by: PlacedConfiguration): void {
    this.#modules.logger.log("warn", removedError(this.options.id, by).message);
    this.#unpark();
  }

  /**
   * The node cannot go on. A failed disk and a halt that the core asked for are foreseen, so clients still get their answers. After
   * anything else, such as a broken rule of Raft, the node's own state may be wrong: nothing more leaves it.
   */
  #die(cause: HaltReason | Error): void {
    const { store, clock, logger, failStop } = this.#modules;
    if (this.#life === "ended" && !isForeseen(cause)) failStop(cause);
    if (this.#life === "ended") return;
    const end = keepCause(cause, { store, wallMs: clock.wallMs() });
    if (!isForeseen(cause)) failStop(end.error);
    const { message } = end.error;
    logger.log("error", end.kind === "damaged" ? "this node's data is damaged" : "the node stops", { reason: message });
    void this.#close(end, message);
  }

  async #close(end: NodeEnd, reason: string): Promise<void> {
    if (this.#life === "ended") return;
    this.#life = "ended";
    this.#loop.stop();
    this.snapshots.stop();
    this.#expiry?.cancel();
    await this.#answerEveryone(reason);
    const error = await closeModules(this.#modules);
    this.#ended.resolve(error !== null && end.kind === "stopped" ? { kind: "failed", error } : end);
  }

  /** Clients take it that what was not answered before the farewell was never taken, and send it elsewhere. */
  async #answerEveryone(reason: string): Promise<void> {
    this.#unpark();
    while (!this.#mailbox.isEmpty) this.#mailbox.take(this.nowMs());
    this.#waiting.abandon(reason);
    this.#reads.failAll(notAnswered(reason));
    this.#applier.abandon(reason);
    this.#handOvers.end();
    this.#fitness.stop();
    this.#noteQuiet();
    // Hand-overs and changes of the membership are answered from promises.
    await this.membership.stop();
  }
}
