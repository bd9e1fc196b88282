// One node and its life: how it starts, keeps time, and ends. What it is made of is node-parts.ts.
import { describeState } from "../core/describe.ts";
import { isVoteDurable } from "../core/durability.ts";
import type { HaltReason } from "../core/effects.ts";
import type { PlacedConfiguration } from "../core/configuration.ts";
import { affiliationOf } from "../core/founding.ts";
import type { State } from "../core/state.ts";
import type { Timer } from "../ports/clock.ts";
import { answeredUntil } from "./endless-work.ts";
import { stopGracefully } from "./graceful-stop.ts";
import type { HandOver } from "./hand-overs.ts";
import { Incoming } from "./incoming.ts";
import { closeModules, isForeseen, keepCause, type NodeEnd, removedError, toError } from "./node-end.ts";
import type { NodeModules, NodeOptions } from "./node-options.ts";
import { makeParts, type NodeParts } from "./node-parts.ts";
import { RequestDesk } from "./request-desk.ts";
import { notAnswered } from "./waiting-clients.ts";

/** How often requests are looked at whose time is up, in ms. */
const expiryIntervalMs = 100;

const endWords: Readonly<Record<NodeEnd["kind"], string>> = {
  stopped: "the node stops",
  failed: "the node stops",
  damaged: "this node's data is damaged",
  outdated: "an outdated snapshot is damaged",
};

export class Node {
  readonly #options: NodeOptions;
  readonly #modules: NodeModules;
  /** For those that watch how the node's parts work together. */
  readonly parts: NodeParts;
  readonly requests: RequestDesk;
  readonly incoming: Incoming;
  readonly #ended = Promise.withResolvers<NodeEnd>();
  #expiry: Timer | null = null;
  #life: "running" | "stopping" | "ended" = "running";
  #quiet: PromiseWithResolvers<void> | null = null;

  constructor(options: NodeOptions, modules: NodeModules) {
    this.#options = options;
    this.#modules = modules;
    this.parts = makeParts(options, modules, {
      isEnded: () => this.#life === "ended",
      isAsked: () => this.requests.waitingCount > 0,
      answered: () => this.#onAnswered(),
      turned: () => this.#onTurned(),
      noRoom: () => this.#onNoRoom(),
      removed: (by) => this.#onRemoved(by),
      failed: (cause) => this.#die(toError(cause)),
      halt: (reason) => this.#die(reason),
    });
    this.requests = new RequestDesk(options, modules, this.parts, () => this.stop());
    this.incoming = new Incoming(this.parts, this.requests, modules.logger);
  }

  /** Resolves once the node no longer runs, by its own will or not. Never rejects. */
  get ended(): Promise<NodeEnd> {
    return this.#ended.promise;
  }

  get state(): State {
    return this.parts.loop.state;
  }

  get appliedIndex(): number {
    return this.parts.applier.appliedIndex;
  }

  /** How much has arrived that no turn has looked at, and one will. */
  get dueCount(): number {
    return this.parts.loop.dueCount;
  }

  /** Starts listening, dialling and keeping time. Throws when the address cannot be listened on; the node has ended then. */
  async start(): Promise<void> {
    const { transport, logger } = this.#modules;
    const { membership, copies, snapshots, fitness, applier, loop } = this.parts;
    transport.setAffiliation(affiliationOf(this.state));
    try {
      if (this.state.removed !== null) throw removedError(this.#options.id, this.state.removed);
      await transport.start(this.incoming);
    } catch (error) {
      await this.#close({ kind: "failed", error: toError(error) }, "the node could not start");
      throw error;
    }
    // What it has heard meanwhile may have ended it.
    if (this.#life === "ended") return;
    membership.start();
    logger.log("info", "node started", { state: describeState(this.state) });
    snapshots.start();
    fitness.start();
    copies.start();
    applier.start();
    this.#expire();
    loop.schedule();
  }

  /** Stops gracefully: hands leadership over, answers waiting clients, closes. Resolves when everything is closed. */
  async stop(): Promise<void> {
    if (this.#life === "running") {
      this.#life = "stopping";
      const { clock, logger } = this.#modules;
      await stopGracefully({ node: this, clock, logger, refuseRequests: () => this.requests.close() });
      await this.#close({ kind: "stopped" }, "the node stops");
    }
    await this.ended;
  }

  /** Hands leadership over; null: to any node. */
  transfer(to: string | null): Promise<HandOver> {
    return this.requests.transfer(to);
  }

  /** Resolves once every request that was taken has its answer and the vote is durable, or the node has ended. */
  quiet(): Promise<void> {
    this.#quiet ??= Promise.withResolvers();
    this.#noteQuiet();
    return this.#quiet.promise;
  }

  #noteQuiet(): void {
    // A vote that waits for the disk may be the one that the next leader needs.
    const isQuiet = this.requests.waitingCount === 0 && this.parts.applier.isIdle && isVoteDurable(this.state);
    if (isQuiet || this.#life === "ended") this.#quiet?.resolve();
  }

  #expire(): void {
    const { clock, transport } = this.#modules;
    const { waiting, reads, mailbox, applier, snapshots, fitness, copies, loop } = this.parts;
    const nowMs = clock.nowMs();
    const hangs = applier.lookForEndlessWork();
    const untilMs = answeredUntil(nowMs, hangs);
    const { commitIndex: index, currentTerm: term } = this.state;
    waiting.expire(untilMs, hangs, { index, term });
    for (const each of [reads, mailbox, applier]) each.expire(untilMs, hangs);
    this.requests.expire(nowMs);
    transport.flush();
    fitness.sweep();
    copies.sweep();
    loop.tryAgain();
    snapshots.relieve(fitness.disk.isLow);
    // The node may have ended in one of these calls.
    if (this.#life !== "ended") this.#expiry = clock.at(nowMs + expiryIntervalMs, () => this.#expire());
  }

  #onAnswered(): void {
    this.#modules.transport.flush();
    this.#noteQuiet();
  }

  #onTurned(): void {
    this.parts.snapshots.onTurned();
    this.parts.membership.onTurned();
    this.parts.fitness.onTurned();
    this.parts.copies.onTurned();
    this.requests.onTurned();
    this.#noteQuiet();
  }

  #onNoRoom(): void {
    const { tail, applier, snapshots, waiting, fitness } = this.parts;
    this.#modules.logger.log("error", "the disk is full: this node takes no part until there is space on it");
    tail.restart(this.state.log.last);
    applier.letGo();
    snapshots.onNoRoom();
    waiting.abandon("the disk of this node is full");
    fitness.look();
  }

  /** A removed node keeps telling its clients where to go. It refuses to start again from the same data. */
  #onRemoved(by: PlacedConfiguration): void {
    this.#modules.logger.log("warn", removedError(this.#options.id, by).message);
    this.parts.waiting.leaveAfter(this.state.commitIndex, "this node was removed before the entry was committed");
  }

  /**
   * The node cannot continue. A failed disk and a halt that the core asked for are foreseen, so clients still get their answers. After
   * anything else, such as a broken rule of Raft, the node's own state may be wrong: nothing more leaves it.
   */
  #die(cause: HaltReason | Error): void {
    const { store, clock, logger, failStop } = this.#modules;
    if (this.#life === "ended" && !isForeseen(cause)) failStop(cause);
    if (this.#life === "ended") return;
    const end = keepCause(cause, { store, wallMs: clock.wallMs() });
    if (!isForeseen(cause)) failStop(end.error);
    const { message } = end.error;
    logger.log("error", endWords[end.kind], { reason: message });
    void this.#close(end, message);
  }

  async #close(end: NodeEnd, reason: string): Promise<void> {
    if (this.#life === "ended") return;
    this.#life = "ended";
    this.parts.loop.stop();
    this.parts.snapshots.stop();
    this.#expiry?.cancel();
    await this.#answerEveryone(reason);
    const error = await closeModules(this.#modules);
    this.#ended.resolve(error !== null && end.kind === "stopped" ? { kind: "failed", error } : end);
  }

  /** After the farewell clients assume that a request without an answer was never taken, and send it to another node. */
  async #answerEveryone(reason: string): Promise<void> {
    const { waiting, reads, mailbox, applier, handOvers, fitness, membership } = this.parts;
    this.requests.unpark();
    while (!mailbox.isEmpty) mailbox.take(this.#modules.clock.nowMs());
    waiting.abandon(reason);
    reads.failAll(notAnswered(reason));
    applier.abandon(reason);
    handOvers.end();
    fitness.stop();
    this.#noteQuiet();
    // Hand-overs and changes of the membership are answered from promises.
    await membership.stop();
  }
}
