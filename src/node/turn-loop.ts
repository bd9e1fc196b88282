// One turn of a node: everything that has arrived is stepped through the core, then written once, then sent once. What the
// effects mean is execute-effects.ts. How the node starts and ends is node.ts.
import { nextDeadlineMs } from "../core/deadline.ts";
import { describeEvent, describeState } from "../core/describe.ts";
import type { ApplyEntries, DurableEffect } from "../core/effects.ts";
import type { Event } from "../core/events.ts";
import { sharedPosition } from "../core/histories.ts";
import type { Millis } from "../core/log-position.ts";
import { startOver } from "../core/start-over.ts";
import type { State } from "../core/state.ts";
import { step } from "../core/step.ts";
import type { Clock, Timer } from "../ports/clock.ts";
import type { Logger } from "../ports/logger.ts";
import type { LogStore, SavedState } from "../ports/log-store.ts";
import type { Transport } from "../ports/transport.ts";
import type { DiskWatch } from "./disk-watch.ts";
import { type EffectTargets, executeEffect } from "./execute-effects.ts";
import { Lateness } from "./lateness.ts";
import { BrokenRule } from "./node-end.ts";
import type { ArrivedEvent, Mailbox } from "./mailbox.ts";
import { bytesOf, StandingEvents, turnedAway } from "./wait-for-room.ts";

/** How often, and for how long in ms, one turn goes back to its mailbox before the sockets get theirs. */
const roundsMax = 16;
export const turnMsMax = 20;

export interface TurnLoopModules {
  readonly store: LogStore;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly mailbox: Mailbox;
  readonly disk: Pick<DiskWatch, "hasRoomFor">;
}

export interface TurnLoopHandlers {
  readonly targets: Omit<EffectTargets, "writes">;
  /** After each turn, when everything in it has been done. */
  readonly turned: () => void;
  /** The state that the core begins with. */
  readonly begin: (saved: SavedState) => State;
  /** The disk is full, and the state is that of the store: whatever was built on more than that is to go. */
  readonly noRoom: () => void;
  /** A broken invariant or a failed disk: called at most once, and the loop has stopped. */
  readonly failed: (error: unknown) => void;
}

export class TurnLoop {
  readonly #modules: TurnLoopModules;
  readonly #handlers: TurnLoopHandlers;
  readonly #targets: EffectTargets;
  readonly #writes: DurableEffect[] = [];
  readonly #lateness: Lateness;
  #state: State;
  /** How often the state has been restored from the store: confirmations of before count for nothing. */
  #beginnings = 0;
  #isScheduled = false;
  #isTurning = false;
  #isStopped = false;
  /** Of the state that it was worked out for. */
  #deadline: { readonly of: State; readonly atMs: Millis };
  readonly #standing = new StandingEvents();
  /** The disk is full: this node takes no part until there is room. */
  #waitsForRoom = false;
  /**
   * The latest of this turn. A follower acknowledges before it hands anything to its state machine: the leader waits for the
   * acknowledgement, and nobody for what the follower applies.
   */
  #toApply: ApplyEntries | null = null;
  #timer: { readonly atMs: number; readonly timer: Timer } | null = null;

  constructor(state: State, modules: TurnLoopModules, handlers: TurnLoopHandlers) {
    this.#state = state;
    this.#modules = modules;
    this.#handlers = handlers;
    this.#lateness = new Lateness(modules.logger);
    this.#deadline = { of: state, atMs: nextDeadlineMs(state) };
    this.#targets = { ...handlers.targets, writes: this.#writes };
  }

  /** The disk is full: this node takes no part. */
  get waitsForRoom(): boolean {
    return this.#waitsForRoom;
  }

  get state(): State {
    return this.#state;
  }

  /** How much has arrived that no turn has looked at, and one will. */
  get dueCount(): number {
    return this.#isStopped ? 0 : this.#modules.mailbox.dueCount;
  }

  arrive(event: ArrivedEvent): void {
    this.#modules.mailbox.addEvent(event);
    this.schedule();
  }

  /** A turn comes after the input that is ready now: what arrives together is handled together. */
  schedule(): void {
    // What arrives within a turn is found by that turn.
    if (this.#isScheduled || this.#isTurning || this.#isStopped) return;
    this.#isScheduled = true;
    this.#modules.clock.soon(() => this.#turn());
  }

  /** There may be room again: to be called now and then while it waits. */
  tryAgain(): void {
    const { disk, mailbox } = this.#modules;
    if (!this.#waitsForRoom || !disk.hasRoomFor(0)) return;
    mailbox.putBack(this.#standing.latest);
    this.#waitsForRoom = false;
    this.schedule();
  }

  /** No further step is taken, also not of the turn under way. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.timer.cancel();
  }

  #turn(): void {
    this.#isScheduled = false;
    if (this.#isStopped) return;
    this.#isTurning = true;
    const { mailbox, transport, clock } = this.#modules;
    try {
      const endMs = clock.nowMs() + turnMsMax;
      let round = 0;
      do this.#round();
      while (!mailbox.isEmpty && ++round < roundsMax && clock.nowMs() < endMs && !this.#isStopped);
      if (this.#isStopped) return;
      transport.flush();
      this.#apply();
      this.#targets.tail.trim(this.#state.durability.persistedIndex);
      this.#isTurning = false;
      if (!mailbox.isEmpty) this.schedule();
      this.#keepTime();
      this.#handlers.turned();
    } catch (error) {
      this.stop();
      this.#handlers.failed(error);
    }
  }

  #round(): void {
    const nowMs = this.#modules.clock.nowMs();
    for (const event of this.#modules.mailbox.take(nowMs)) {
      this.#standing.note(event);
      if (this.#waitsForRoom) this.#turnAway(event);
      else this.#step(event);
    }
    if (this.#waitsForRoom) return;
    // Time comes after what has arrived: a message that was waiting may be the one the timer was set against.
    if (nowMs >= this.#nextDeadlineMs) {
      this.#lateness.onDue(this.#state, nowMs);
      this.#step({ kind: "tick", nowMs });
    }
    if (this.#writes.length > 0 && !this.#isStopped) this.#write();
  }

  #step(event: Event): void {
    if (this.#isStopped) return;
    const { logger } = this.#modules;
    const before = this.#state;
    const [after, effects] = stepped(before, this.#withShared(event));
    this.#state = after;
    if (logger.enabled("trace")) logger.log("trace", describeEvent(event), { state: describeState(after) });
    if (before.role.kind !== after.role.kind || before.currentTerm !== after.currentTerm) {
      logger.log("info", "role", { state: describeState(after) });
    }
    for (const effect of effects) {
      // A halt is the last thing that is done.
      if (this.#isStopped) return;
      if (effect.kind === "apply" && after.role.kind !== "leader") this.#toApply = effect;
      else executeEffect(effect, after, this.#targets);
    }
  }

  #apply(): void {
    const effect = this.#toApply;
    this.#toApply = null;
    if (effect !== null) executeEffect(effect, this.#state, this.#targets);
  }

  /** Adds what this log shares with a leader's message, so that the core can compare histories. */
  #withShared(event: Event): Event {
    if (event.kind !== "message") return event;
    const shared = sharedPosition(this.#state.log, event.message, this.#targets.tail);
    if (shared === null) return event;
    const { nowMs, from, message } = event;
    return { kind: "message", nowMs, from, message, shared };
  }

  /** One transaction a turn. What was sent leaves first, so that the followers' disks work beside this one (§10.2.1). */
  #write(): void {
    const { transport, store, disk } = this.#modules;
    const writes = this.#writes.splice(0);
    const ticket = writes.at(-1)!.ticket;
    transport.flush();
    const beginnings = this.#beginnings;
    const onDurable = (): void => {
      if (beginnings === this.#beginnings) this.arrive({ kind: "persisted", ticket });
    };
    if (!disk.hasRoomFor(bytesOf(writes)) || store.write(writes, onDurable) === "noRoom") this.#startOver();
  }

  /** As after a crash: what is not saved is gone, and nobody was promised any of it. */
  #startOver(): void {
    const { store } = this.#modules;
    const [state, effects] = startOver(this.#state, this.#handlers.begin(store.reopen()));
    this.#beginnings++;
    this.#state = state;
    this.#waitsForRoom = true;
    for (const effect of effects) executeEffect(effect, state, this.#targets);
    this.#handlers.noRoom();
  }

  #turnAway(event: Event): void {
    for (const effect of turnedAway(event)) executeEffect(effect, this.#state, this.#targets);
  }

  get #nextDeadlineMs(): Millis {
    if (this.#deadline.of !== this.#state) this.#deadline = { of: this.#state, atMs: nextDeadlineMs(this.#state) };
    return this.#deadline.atMs;
  }

  #keepTime(): void {
    if (this.#isStopped || this.#waitsForRoom) return;
    const atMs = this.#nextDeadlineMs;
    // A timer that fires too early costs one look at the clock; setting it anew at every heartbeat would cost more.
    if (this.#timer !== null && this.#timer.atMs <= atMs) return;
    this.#timer?.timer.cancel();
    this.#timer = null;
    if (!Number.isFinite(atMs)) return;
    const timer = this.#modules.clock.at(atMs, () => {
      this.#timer = null;
      this.schedule();
    });
    this.#timer = { atMs, timer };
  }
}

function stepped(state: State, event: Event): ReturnType<typeof step> {
  try {
    return step(state, event);
  } catch (cause) {
    throw new BrokenRule(event, cause);
  }
}
