// What can clients' requests get from this node? It takes commands and queries for the core, or keeps them while an election is
// under way, and shows what this node knows of itself. What each kind of request becomes is requests.ts.
import type { PluginVersion, VersionAtHand } from "../core/activation.ts";
import type { MemberKey } from "../core/configuration.ts";
import { freshest } from "../core/freshness.ts";
import type { LogIndex, Millis } from "../core/log-position.ts";
import type { State } from "../core/state.ts";
import type { Clock } from "../ports/clock.ts";
import type { StateMachineDescription } from "../ports/state-machine.ts";
import type { PeerStatus } from "../ports/transport.ts";
import type { Endless } from "./endless-work.ts";
import type { FullClients } from "./full-clients.ts";
import type { HandOver } from "./hand-overs.ts";
import type { NodeMembership } from "./membership.ts";
import type { NodeModules, NodeOptions } from "./node-options.ts";
import type { NodeParts } from "./node-parts.ts";
import { OpenRequests } from "./open-requests.ts";
import { isElecting, ParkedRequests } from "./parked-requests.ts";
import { refusalOf } from "./refusals.ts";
import type { RequestTarget } from "./requests.ts";
import type { NodeSnapshots } from "./snapshots.ts";
import type { QueryWaiter, ReplyError, Waiter } from "./waiting-clients.ts";

export class RequestDesk implements RequestTarget {
  readonly options: NodeOptions;
  readonly open = new OpenRequests();
  readonly #modules: Pick<NodeModules, "clock" | "transport" | "stateMachine">;
  readonly #parts: NodeParts;
  readonly #stop: () => Promise<void>;
  readonly #parked = new ParkedRequests();
  #isStopping = false;

  /** @param stop stops the node */
  constructor(options: NodeOptions, modules: NodeModules, parts: NodeParts, stop: () => Promise<void>) {
    this.options = options;
    this.#modules = modules;
    this.#parts = parts;
    this.#stop = stop;
  }

  get state(): State {
    return this.#parts.loop.state;
  }

  get membership(): NodeMembership {
    return this.#parts.membership;
  }

  get snapshots(): NodeSnapshots {
    return this.#parts.snapshots;
  }

  get appliedIndex(): number {
    return this.#parts.applier.appliedIndex;
  }

  get agreesThrough(): LogIndex | null {
    return this.#parts.copies.agreesThrough;
  }

  get description(): StateMachineDescription {
    return this.#modules.stateMachine.description;
  }

  get versions(): readonly VersionAtHand[] {
    return this.#modules.stateMachine.versions;
  }

  versionsOf(key: MemberKey): readonly PluginVersion[] | null {
    return this.#parts.fitness.versionsOf(key);
  }

  get stuckAt(): LogIndex | null {
    return this.#parts.applier.stuckAt;
  }

  standsStillAt(key: MemberKey, entry: LogIndex): boolean {
    return this.#parts.fitness.standsStillAt(key, entry);
  }

  operationAt(entry: LogIndex): string | null {
    return this.#parts.applier.operationAt(entry);
  }

  deciding(entry: LogIndex): () => void {
    const { skipped, applier } = this.#parts;
    const over = skipped.ask(entry);
    return () => {
      over();
      applier.serve();
    };
  }

  get clock(): Clock {
    return this.#modules.clock;
  }

  get endlessWork(): Endless | null {
    return this.#parts.applier.endlessWork;
  }

  get fullClients(): FullClients {
    return this.#parts.fullClients;
  }

  get whyNoCommands(): string | null {
    return this.#parts.fitness.whyNoCommands;
  }

  get standstill(): Error | null {
    return this.#parts.applier.standstill;
  }

  get refusal(): ReplyError | null {
    return this.#refusalFor(this.#parts.applier.standstill);
  }

  get refusalOfChanges(): ReplyError | null {
    return this.#refusalFor(null);
  }

  /** @param stateMachine why a state machine that the request needs has stopped; null: it runs, or is not needed */
  #refusalFor(stateMachine: Error | null): ReplyError | null {
    const { loop } = this.#parts;
    return refusalOf(loop.state, {
      isStopping: this.#isStopping,
      waitsForRoom: loop.waitsForRoom,
      stateMachine,
      nowMs: this.clock.nowMs(),
    });
  }

  /** How many requests wait for their answer. */
  get waitingCount(): number {
    const { waiting, reads, mailbox } = this.#parts;
    return waiting.count + reads.count + mailbox.requestCount + this.#parked.count;
  }

  problemOf(key: MemberKey): string | null {
    return this.#parts.fitness.problemOf(key);
  }

  isRefilling(key: MemberKey): boolean {
    return this.#parts.fitness.isRefilling(key);
  }

  peers(): readonly PeerStatus[] {
    return this.#modules.transport.peers();
  }

  submit(waiter: Waiter): void {
    if (isElecting(this.state)) return this.#parked.add(waiter);
    this.#parts.mailbox.addRequest(waiter);
    this.#parts.loop.schedule();
  }

  submitStale(waiter: QueryWaiter, maxMs: Millis | null): void {
    const { reads, applier } = this.#parts;
    const fresh = freshest(this.state, this.clock.nowMs());
    const position = { index: fresh?.index ?? 0, term: this.state.currentTerm };
    reads.addStale(waiter, position, { asOfMs: fresh?.asOfMs ?? null, maxMs });
    applier.serve();
  }

  /** Hands leadership over; null: to any node, so that a hand-over which is under way will do. */
  transfer(to: string | null): Promise<HandOver> {
    return this.#parts.handOvers.ask(to);
  }

  stop(): Promise<void> {
    return this.#stop();
  }

  /** The node stops: from now on new requests are refused. */
  close(): void {
    this.#isStopping = true;
    this.unpark();
  }

  /** After each turn: the election may be over. */
  onTurned(): void {
    if (this.#parked.count > 0 && (this.refusal !== null || !isElecting(this.state))) this.unpark();
  }

  /** Hands the core what waited for the election. */
  unpark(): void {
    for (const waiter of this.#parked.release()) this.#parts.mailbox.addRequest(waiter);
    this.#parts.loop.schedule();
  }

  /** Answers parked requests whose time is up. */
  expire(nowMs: Millis): void {
    this.#parked.expire(nowMs);
  }
}
