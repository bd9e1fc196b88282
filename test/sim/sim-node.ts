// One simulated node and its lives: it starts from its disk, takes turns, keeps one timer, sleeps and crashes. What it
// does with an effect is execute.ts.
import { incarnationOf, type MemberKey, type NodeId, nodeIdOf } from "../../src/core/configuration.ts";
import { describeEvent, describeState } from "../../src/core/describe.ts";
import type { DurableEffect, HaltReason } from "../../src/core/effects.ts";
import type { Entry } from "../../src/core/entry.ts";
import type { Event, PeerConnectedEvent, Proposal, ReadRef, Ticket } from "../../src/core/events.ts";
import type { Genesis } from "../../src/core/genesis.ts";
import type { Chains } from "../../src/core/histories.ts";
import type { LogIndex, LogPosition, Term } from "../../src/core/log-position.ts";
import type { State } from "../../src/core/state.ts";
import { nextChain } from "../core/chain.ts";
import { NodeClock } from "../../src/sim/process-clock.ts";
import { Disk, type DiskImage } from "./disk.ts";
import { observe } from "./observe.ts";
import { executeEffect } from "./execute.ts";
import { SessionMachine } from "./session-machine.ts";
import type { Network } from "./network.ts";
import type { Promiser } from "./promises.ts";
import { completeLog } from "./snapshots.ts";
import { Violation } from "../../src/sim/violation.ts";
import type { World } from "./world.ts";

type Untimed<E> = E extends unknown ? Omit<E, "nowMs"> : never;
export type ArrivedEvent = Untimed<Event>;

export class SimNode implements Promiser, Chains {
  readonly id: NodeId;
  readonly world: World;
  readonly network: Network;
  readonly disk: Disk;
  /** Null while it is down. */
  state: State | null = null;
  log: Entry[] = [];
  /** The chained checksum after each entry of the log, as far as it has been asked for. */
  #chains: number[] = [];
  appliedIndex = 0;
  machine: SessionMachine;
  /** Proposals of clients connected to this node that have a place in the log and no answer. */
  readonly waiting = new Map<number, { readonly position: LogPosition; readonly ref: number }>();
  /** Reads of clients connected to this node, until they are answered or refused. */
  readonly askedReads = new Set<ReadRef>();
  /** Those among them that a state may answer which has applied this much. */
  readonly readyReads = new Map<ReadRef, LogIndex>();
  /** What the hello of this node carries. */
  genesis: Genesis | null = null;
  halted: HaltReason | null = null;
  isPaused = false;
  /** The file of the snapshot that it reads. */
  fetching: string | null = null;
  /** It has no table of founders: it waits to be added. */
  joins = false;
  /** This turn's durable effects. */
  writes: DurableEffect[] = [];
  /** Rises with each start and each crash: what was planned for another life does not happen. */
  life = 0;
  #clock: NodeClock;
  #inbox: ArrivedEvent[] = [];
  #reads: ReadRef[] = [];
  #proposals: Proposal[] = [];
  #hasTurn = false;
  #timerMs = Number.POSITIVE_INFINITY;

  constructor(id: NodeId, world: World, network: Network) {
    this.id = id;
    this.world = world;
    this.network = network;
    this.disk = new Disk(id, world);
    this.machine = new SessionMachine(new world.core.SessionTable(), world.clients);
    this.#clock = new NodeClock(world.chance, 0);
  }

  get key(): MemberKey {
    return this.disk.durable.key;
  }

  get peer(): PeerConnectedEvent["peer"] {
    return { id: this.id, incarnation: incarnationOf(this.key) };
  }

  get durable(): DiskImage {
    return this.disk.durable;
  }

  get isUp(): boolean {
    return this.state !== null;
  }

  /** The term that it leads. */
  get leadsTerm(): Term | null {
    return this.state?.role.kind === "leader" ? this.state.currentTerm : null;
  }

  nowMs(): number {
    return this.#clock.localMs(this.world.schedule.nowMs);
  }

  start(): void {
    const { world } = this;
    world.onStarting(this);
    // A node that has been removed does not start from that data again.
    if (this.durable.removed !== null) return;
    const { chance, schedule, core } = world;
    this.life++;
    this.#clock = new NodeClock(chance, schedule.nowMs);
    this.disk.open();
    this.replaceLog(completeLog(world, this));
    this.appliedIndex = this.durable.snapshot?.position.index ?? 0;
    this.fetching = null;
    this.machine = this.#restoredMachine();
    this.genesis = this.durable.genesis;
    this.halted = null;
    this.state = core.restore(this.durable.saved(), {
      self: this.key,
      settings: world.profile.settings,
      seed: chance.bits(),
      nowMs: this.nowMs(),
      wallMs: 1.7e12 + schedule.nowMs + chance.between(-1e6, 1e6),
      bootstrap: this.joins ? null : world.bootstrap,
    });
    world.coverage.restarts++;
    world.trace?.(`${this.#stamp()} starts: ${describeState(this.state)}`);
    if (world.checks.invariants) this.#guarded("invariants", () => core.checkState(this.state!));
    this.#keepTime();
    this.network.onStarted(this);
  }

  /** What its file of the latest snapshot holds; empty without one. */
  #restoredMachine(): SessionMachine {
    const { core, clients, snapshots } = this.world;
    const machine = new SessionMachine(new core.SessionTable(), clients);
    const { snapshot } = this.durable;
    if (snapshot !== null) machine.table.restore(snapshots.sessionsOf(snapshot));
    return machine;
  }

  crash(): void {
    if (this.state === null) return;
    const { coverage, trace } = this.world;
    const lost = this.disk.crash();
    coverage.crashes++;
    if (lost > 0) coverage.crashesWithLostWrites++;
    if (this.state.genesis === null) coverage.crashesBeforeGenesis++;
    trace?.(`${this.#stamp()} crashes, ${lost} writes are lost, its log ends at ${this.durable.log.length}`);
    this.#end();
    this.world.onCrashed(this);
  }

  halt(reason: HaltReason): void {
    this.disk.crash();
    this.halted = reason;
    this.#end();
  }

  /** It has been removed from the cluster, and its process ends. */
  leave(): void {
    this.disk.crash();
    this.#end();
  }

  #end(): void {
    this.life++;
    this.state = null;
    this.isPaused = false;
    this.#inbox = [];
    this.#reads = [];
    this.#proposals = [];
    this.#hasTurn = false;
    this.#timerMs = Number.POSITIVE_INFINITY;
    this.writes = [];
    this.waiting.clear();
    this.world.reads.forget(this.askedReads);
    this.askedReads.clear();
    this.readyReads.clear();
    this.network.onStopped(this);
  }

  pause(): void {
    if (this.state === null) return;
    this.isPaused = true;
    this.world.coverage.pauses++;
    this.world.trace?.(`${this.#stamp()} falls asleep`);
  }

  /** Its messages have been waiting, its timer and its clients' reads: which of them it sees first is chance (P52). */
  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    this.world.trace?.(`${this.#stamp()} wakes, ${this.#inbox.length} events wait`);
    if (this.#isTickDue() && this.world.chance.happens(0.5)) this.#inbox.unshift({ kind: "tick" });
    if (this.world.chance.happens(0.5)) this.#inbox.unshift({ kind: "read", ref: this.#beginRead() });
    this.network.onResumed(this);
    this.#wake();
    this.#keepTime();
  }

  replaceLog(log: Entry[]): void {
    this.log = log;
    this.#chains = [];
  }

  truncateLog(through: LogIndex): void {
    this.log.length = through;
    this.#chains.length = Math.min(this.#chains.length, through);
  }

  chainAt(index: LogIndex): number {
    for (let at = this.#chains.length; at < index; at++) {
      this.#chains.push(nextChain(this.#chains.at(-1) ?? 0, this.log[at]!));
    }
    return index === 0 ? 0 : this.#chains[index - 1]!;
  }

  chainAfter(before: number, entry: Entry): number {
    return nextChain(before, entry);
  }

  /** Adds what this log shares with a leader's message. */
  #withShared(event: ArrivedEvent): ArrivedEvent {
    if (event.kind !== "message") return event;
    const shared = this.world.core.sharedPosition(this.state!.log, event.message, this);
    return shared === null ? event : { ...event, shared };
  }

  deliver(event: ArrivedEvent): void {
    if (this.state === null) return;
    this.#inbox.push(event);
    this.#wake();
  }

  propose(proposals: readonly Proposal[]): void {
    if (this.state === null) return;
    this.#proposals.push(...proposals);
    this.#wake();
  }

  /** Does `action` after so long, if this life goes on until then. */
  later(delayMs: number, action: () => void): void {
    this.#later(this.world.schedule.nowMs + delayMs, action);
  }

  /** A client asks what is to be up to date. */
  read(): void {
    if (this.state === null) return;
    this.#reads.push(this.#beginRead());
    this.#wake();
  }

  #beginRead(): ReadRef {
    const ref = this.world.reads.begin();
    this.askedReads.add(ref);
    return ref;
  }

  /** What the node has learned of its state's age: is it true? */
  #checkFresh({ freshness: before }: State, { freshness: after }: State): void {
    for (const fresh of [after.reached, after.next]) {
      if (fresh === null || fresh === before.reached || fresh === before.next) continue;
      this.world.reads.checkFresh(this.#clock.worldMs(fresh.asOfMs), fresh.index);
    }
  }

  /** Plans `action` for this life only. */
  #later(dueMs: number, action: () => void): void {
    const { life } = this;
    this.world.schedule.at(dueMs, () => {
      if (life === this.life) action();
    });
  }

  #wake(): void {
    if (this.#hasTurn || this.isPaused) return;
    this.#hasTurn = true;
    const { schedule, chance, profile } = this.world;
    this.#later(schedule.nowMs + chance.between(0, profile.settings.electionTimeoutMs / 1000), () => {
      this.#hasTurn = false;
      if (!this.isPaused) this.#turn();
    });
  }

  /** Everything that has arrived is handled, then the timer, then all of it is written; or each thing by itself. */
  #turn(): void {
    const isOneWrite = this.world.chance.happens(0.7);
    const { life } = this;
    const events = this.#inbox;
    this.#inbox = [];
    for (const ref of this.#reads) events.push({ kind: "read", ref });
    this.#reads = [];
    if (this.#proposals.length > 0) events.push({ kind: "propose", proposals: this.#proposals });
    this.#proposals = [];
    if (this.#isTickDue()) events.push({ kind: "tick" });
    for (const event of events) {
      this.#step(event);
      if (life !== this.life) return;
      if (!isOneWrite) this.#write();
    }
    this.#write();
    this.#keepTime();
  }

  #step(untimed: ArrivedEvent): void {
    const { world, state: before } = this;
    const { core, coverage, trace, checks } = world;
    if (before === null) return;
    const event = { ...this.#withShared(untimed), nowMs: this.nowMs() } as Event;
    coverage.steps++;
    const [after, effects] = this.#guarded("the core's own assertions", () => core.step(before, event));
    trace?.(`${this.#stamp()} ${describeEvent(event)} ⇒ ${describeState(after)}`);
    this.state = after;
    if (checks.invariants) {
      this.#guarded("invariants", () => {
        core.checkTransition(before, after);
        core.checkState(after);
      });
    }
    if (event.kind === "tick") this.#checkProgress(after);
    if (before.freshness !== after.freshness) this.#checkFresh(before, after);
    observe(this, before, after, () => {
      for (const effect of effects) executeEffect(this, effect);
    });
  }

  /** A timer that is due again at once would never let go of the node. */
  #checkProgress(after: State): void {
    if (this.world.core.nextDeadlineMs(after) > after.nowMs) return;
    throw new Violation("a tick moves the deadline", describeState(after));
  }

  #guarded<T>(rule: string, action: () => T): T {
    try {
      return action();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new Violation(rule, `${nodeIdOf(this.key)}: ${message}`, error);
    }
  }

  #write(): void {
    while (this.writes.length > 0) {
      const { writes } = this;
      this.writes = [];
      let isInline = true;
      this.disk.write(writes, (ticket) => {
        if (isInline) this.#step({ kind: "persisted", ticket });
        else this.#confirm(ticket);
      });
      isInline = false;
    }
  }

  /** One confirmation speaks for all before it: one that still waits to be read need not be. */
  #confirm(ticket: Ticket): void {
    const isSuperseded = this.world.chance.happens(0.5);
    if (isSuperseded) this.#inbox = this.#inbox.filter((event) => event.kind !== "persisted");
    this.deliver({ kind: "persisted", ticket });
  }

  #isTickDue(): boolean {
    return this.state !== null && this.world.core.nextDeadlineMs(this.state) <= this.nowMs();
  }

  /** One timer for the deadline; one that fires too early costs a look at the clock. */
  #keepTime(): void {
    if (this.state === null || this.isPaused) return;
    const deadlineMs = this.world.core.nextDeadlineMs(this.state);
    if (!Number.isFinite(deadlineMs)) return;
    // A hair later, so that rounding never makes it early.
    const dueMs = Math.max(this.#clock.worldMs(deadlineMs) + 1e-6, this.world.schedule.nowMs);
    if (this.#timerMs <= dueMs) return;
    this.#timerMs = dueMs;
    this.#later(dueMs, () => {
      if (this.#timerMs !== dueMs) return;
      this.#timerMs = Number.POSITIVE_INFINITY;
      if (this.#isTickDue()) this.#wake();
      else this.#keepTime();
    });
  }

  #stamp(): string {
    return `${this.world.schedule.nowMs.toFixed(2).padStart(10)} ${this.id}`;
  }
}
