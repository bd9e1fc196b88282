// Which members are unfit to lead? Each node judges itself, tells its peers its condition when they connect and whenever it
// changes, and hears theirs. What follows from all of it is an event for the core.
import type { PluginVersion } from "../core/activation.ts";
import { type Configuration, isMember, type MemberKey, nodeIdOf, toMemberKey } from "../core/configuration.ts";
import { describeFault } from "../core/describe.ts";
import type { FollowerFault } from "../core/effects.ts";
import type { Unfit } from "../core/impediment.ts";
import type { LogIndex, Millis } from "../core/log-position.ts";
import { latestConfiguration } from "../core/log-terms.ts";
import { isQuorum } from "../core/quorum.ts";
import type { State } from "../core/state.ts";
import type { Clock } from "../ports/clock.ts";
import type { DiskSpace } from "../ports/disk-space.ts";
import type { Logger } from "../ports/logger.ts";
import type { Condition } from "../ports/node-messages.ts";
import type { PeerIdentity, Transport } from "../ports/transport.ts";
import type { Applier } from "./applier.ts";
import { DiskWatch, type SpacePolicy } from "./disk-watch.ts";
import { Dialling } from "./dialling.ts";
import { howToMove } from "./how-to-move.ts";
import { type Known, stopsThrough, unfitMembers } from "./judge-fitness.ts";
import type { ArrivedEvent } from "./mailbox.ts";
import { type CertificateEnds, inOne, withProblems, type OwnCondition } from "./own-problems.ts";

/** A look costs as much as several commands, ms. */
const lookIntervalMs = 1_000;

/** Where a state machine hangs that hangs at a query or a snapshot: the others have no such thing to get past. */
const noEntry: LogIndex = 0;

export interface FitnessModules {
  readonly transport: Pick<Transport, "send" | "discover" | "peers">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly disk: DiskSpace;
}

export interface FitnessOptions {
  /** Of the state machine: those that this node has. */
  readonly versions: readonly PluginVersion[];
  /** Where others reach this node now. */
  readonly address: string;
  readonly state: () => State;
  readonly stateMachine: () => Pick<
    Applier,
    "standstill" | "renewal" | "endlessWork" | "appliedIndex" | "stoppedThrough"
  >;
  /** Why this node's copy of the state is not to be trusted; null: it is, as far as is known. */
  readonly distrust: () => Error | null;
  /** For people: what is wrong with each copy of its state; null: nothing. */
  readonly copyFault: () => string | null;
  /** Why the last snapshot of the state machine failed; null: it did not. */
  readonly snapshotFailure: () => string | null;
  /** What is wrong with the latest snapshot of this node; null: nothing, as far as is known. */
  readonly snapshotDamage: () => string | null;
  /** Why the leader's snapshot cannot be received; null: it can, or none is offered. */
  readonly fetchFailure: () => string | null;
  /** The disk is full, and this node takes no part. */
  readonly waitsForRoom: () => boolean;
  readonly space: SpacePolicy;
  /** Null: there is no certificate. */
  readonly certificateEnds: CertificateEnds | null;
  readonly arrive: (event: ArrivedEvent) => void;
  /** The disk does not answer. */
  readonly failed: (error: unknown) => void;
}

export class Fitness {
  readonly disk: DiskWatch;
  readonly #modules: FitnessModules;
  readonly #options: FitnessOptions;
  readonly #dialling: Dialling;
  /** Of everyone connected; null: it has not said yet. */
  readonly #heard = new Map<MemberKey, Condition | null>();
  /** What each of them was told last, as text. */
  readonly #told = new Map<MemberKey, string>();
  #problem: string | null = null;
  #unfit: Unfit = new Map();
  #lookDueMs: Millis = Number.NEGATIVE_INFINITY;
  /** The members that were judged last. */
  #judged: Configuration | null = null;

  constructor(modules: FitnessModules, options: FitnessOptions) {
    this.#modules = modules;
    this.#options = options;
    this.disk = new DiskWatch({ ...modules, failed: options.failed }, options.space);
    this.#dialling = new Dialling({ ...modules, state: options.state });
  }

  start(): void {
    this.#dialling.start();
  }

  stop(): void {
    this.#dialling.stop();
  }

  /** It may be another connection of the same process: what was told on the one before may be lost. */
  onPeerConnected({ id, incarnation }: PeerIdentity): void {
    const key = toMemberKey(id, incarnation);
    this.#heard.set(key, null);
    this.#told.delete(key);
    this.look();
  }

  onPeerDisconnected({ id, incarnation }: PeerIdentity): void {
    this.#heard.delete(toMemberKey(id, incarnation));
    this.look();
  }

  onCondition(from: MemberKey, condition: Condition): void {
    this.#heard.set(from, condition);
    this.look();
  }

  /** A turn may have brought new members: they count as fit until they are judged. */
  onTurned(): void {
    if (latestConfiguration(this.#options.state().log) !== this.#judged) this.look();
  }

  /** To be called often: time alone changes something as well. While a member's stop is known, each entry that is applied may. */
  sweep(): void {
    if (this.#modules.clock.nowMs() >= this.#lookDueMs || this.#someoneStopped()) this.look();
  }

  #someoneStopped(): boolean {
    for (const condition of this.#heard.values()) if (condition?.stateMachine.kind === "stopped") return true;
    return false;
  }

  /** Something about this node or the members may have changed. */
  look(): void {
    this.#lookDueMs = this.#modules.clock.nowMs() + lookIntervalMs;
    const configuration = latestConfiguration(this.#options.state().log);
    this.#judged = configuration;
    if (configuration === null) return;
    const own = this.#own();
    this.#say(own.problem);
    this.#tell(configuration, own);
    const unfit = this.#judge(configuration, own);
    if (isSame(unfit, this.#unfit)) return;
    this.#unfit = unfit;
    this.#options.arrive({ kind: "fitness", unfit });
  }

  /** For people: what ails the member; null: nothing that is known of. */
  problemOf(key: MemberKey): string | null {
    const { self } = this.#options.state();
    const said = key === self ? this.#own().problem : (this.#heard.get(key)?.problem ?? null);
    const hidden = this.#isHidden(key) ? "the other voters cannot dial it, and so clients cannot" : null;
    return inOne([said ?? this.#faultOf(key), hidden, this.#moveOf(key)].filter((each) => each !== null));
  }

  #isHidden(key: MemberKey): boolean {
    return this.#unfit.get(key) === "hidden";
  }

  /** Of a member that cannot be dialled where the log has it: that it announces another address, and what to do. */
  #moveOf(key: MemberKey): string | null {
    const { state, address } = this.#options;
    const { log, self } = state();
    const id = nodeIdOf(key);
    const configuration = latestConfiguration(log);
    const listed = configuration?.members.find((member) => member.key === key)?.address;
    const peer = this.#modules.transport.peers().find((each) => each.id === id);
    const announced = key === self ? address : (peer?.announced ?? null);
    const isLost = this.#isHidden(key) || (key !== self && this.#dialling.undialled.includes(id));
    if (!isLost || announced === null || listed === undefined || announced === listed) return null;
    const next = howToMove(configuration, key, announced);
    return `it announces the address ${announced}, and the members have ${listed}; if ${id} has moved: ${next}`;
  }

  /** Whether the state machine of this member has said that it has not got past this entry: it stands still there, or before it. */
  standsStillAt(key: MemberKey, entry: LogIndex): boolean {
    const machine = this.#heard.get(key)?.stateMachine;
    return machine?.kind === "stopped" && machine.through === entry;
  }

  /** Those of the state machine that a member has said to have; null: it has not been heard. */
  versionsOf(key: MemberKey): readonly PluginVersion[] | null {
    return this.#heard.get(key)?.versions ?? null;
  }

  /** Whether the member has lost data and does not vote until it has copied the log, as far as is known. */
  isRefilling(key: MemberKey): boolean {
    const { self, refill } = this.#options.state();
    return key === self ? refill !== null : this.#heard.get(key)?.isRefilling === true;
  }

  /** What this node as the leader has found out of a follower that does not say it itself. */
  #faultOf(key: MemberKey): string | null {
    const { role } = this.#options.state();
    const fault = role.kind === "leader" ? role.progress.get(key)?.fault : null;
    return fault ? describeFault(fault) : null;
  }

  /** A follower counts for nothing any more, or counts again. */
  onFollowerFault({ of, fault }: FollowerFault): void {
    const id = nodeIdOf(of);
    const level = fault === null ? "info" : "error";
    this.#modules.logger.log(level, `${id} ${describeFault(fault)}`, {}, `fault ${id} ${fault?.kind ?? "over"}`);
  }

  /** Why a leader takes no commands just now, in words; null: it does. */
  get whyNoCommands(): string | null {
    const { log, self } = this.#options.state();
    const configuration = latestConfiguration(log);
    if (this.disk.isLow) return "the disk of the leader is nearly full";
    if (configuration === null || !this.#someDiskIsLow()) return null;
    // One that has not said otherwise counts as one that has room.
    const hasRoom = (key: MemberKey): boolean => key === self || this.#heard.get(key)?.space !== "low";
    const members = configuration.members.map(({ key }) => key);
    return isQuorum(configuration, members.filter(hasRoom)) ? null : "the disks of too many nodes are nearly full";
  }

  /** Asked for each command: so it costs little. */
  #someDiskIsLow(): boolean {
    for (const condition of this.#heard.values()) if (condition?.space === "low") return true;
    return false;
  }

  #say(problem: string | null): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    const { logger } = this.#modules;
    if (problem === null) logger.log("info", "all is well with this node again");
    else logger.log("warn", "something is wrong with this node", { problem });
  }

  /** The members that are connected, unless they know it. */
  #tell(configuration: Configuration, condition: Condition): void {
    const text = JSON.stringify(condition);
    for (const key of this.#heard.keys()) {
      if (this.#told.get(key) === text || !isMember(configuration, key)) continue;
      this.#told.set(key, text);
      this.#modules.transport.send(key, { kind: "condition", condition });
    }
  }

  #own(): Condition {
    const { appliedIndex, stoppedThrough, problems, ...facts } = this.#facts();
    const problem = inOne(problems);
    // A state machine that hangs is no better than one that has stopped.
    if (stoppedThrough !== null) {
      return { ...facts, problem, stateMachine: { kind: "stopped", through: stoppedThrough } };
    }
    const passed = stopsThrough(appliedIndex, this.#heardMembers());
    return { ...facts, problem, stateMachine: { kind: "runs", passed } };
  }

  #facts(): OwnCondition {
    const { stateMachine, waitsForRoom, certificateEnds } = this.#options;
    const { standstill: failure, renewal, endlessWork, appliedIndex, stoppedThrough } = stateMachine();
    const { undialled } = this.#dialling;
    const wallMs = this.#modules.clock.wallMs();
    const space = this.disk.isLow ? "low" : "enough";
    const hangsAt = endlessWork === null ? null : (endlessWork.entry ?? noEntry);
    const { versions } = this.#options;
    const facts = { undialled, versions, space, appliedIndex, stoppedThrough: stoppedThrough ?? hangsAt } as const;
    const { refill } = this.#options.state();
    const ofCopies = { distrust: this.#options.distrust(), copyFault: this.#options.copyFault() };
    const limits = { certificateEnds, wallMs, isFull: waitsForRoom(), bytesKeptFree: this.disk.threshold };
    const ofSnapshots = {
      snapshotFailure: this.#options.snapshotFailure(),
      snapshotDamage: this.#options.snapshotDamage(),
      fetchFailure: this.#options.fetchFailure(),
    };
    return withProblems(facts, { refill, endlessWork, failure, renewal, ...ofCopies, ...ofSnapshots, ...limits });
  }

  #judge(configuration: Configuration, own: Condition): Unfit {
    const { self, commitIndex } = this.#options.state();
    const known = isMember(configuration, self) ? [[self, own] as const] : [];
    return unfitMembers(configuration, new Map([...this.#heardMembers(), ...known]), commitIndex);
  }

  /** What the other members have said: who is no member has no say. */
  #heardMembers(): Known {
    const configuration = latestConfiguration(this.#options.state().log);
    const said = [...this.#heard].flatMap(([key, condition]) =>
      condition !== null && configuration !== null && isMember(configuration, key) ? [[key, condition] as const] : [],
    );
    return new Map(said);
  }
}

const isSame = (one: Unfit, other: Unfit): boolean =>
  one.size === other.size && [...one].every(([key, impediment]) => other.get(key) === impediment);
