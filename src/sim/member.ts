// One machine of a simulated cluster: its disk, its snapshots, and the lives of the node that runs on it. The node is the one that
// people run.
import type { MemoryDisk } from "./memory/memory-disk.ts";
import { type MemberKey, type NodeId, type PlacedConfiguration, toMemberKey } from "../core/configuration.ts";
import type { Message } from "../core/messages.ts";
import type { WakeTime } from "../core/wake-time.ts";
import { GraftError } from "../errors.ts";
import { Node } from "../node/node.ts";
import type { NodeEnd } from "../node/node-end.ts";
import type { NodeOptions } from "../node/node-options.ts";
import type { Logger } from "../ports/logger.ts";
import type { NodeMessage } from "../ports/node-messages.ts";
import type { AppliedEntry } from "../ports/state-machine.ts";
import type { Chance } from "./chance.ts";
import type { ClientLinks } from "./client-links.ts";
import { Life } from "./life.ts";
import { loggerOf } from "./log-lines.ts";
import { type DamageName, damageSentences, MachineDisk } from "./machine-disk.ts";
import { type MemberPace, settingsOf } from "./member-pace.ts";
import type { SimNetwork } from "./network.ts";
import { type Process, processOf } from "./process.ts";
import type { Sent } from "./promises.ts";
import type { Replica } from "./replica.ts";
import { SimMachines } from "./machines.ts";
import type { Standstill, Wrong } from "./state-machine.ts";
import { sentenceOfLog } from "./transcript.ts";
import { SimTransport } from "./transport.ts";

export interface MemberWorld {
  readonly network: SimNetwork;
  readonly links: ClientLinks;
  readonly chance: Chance;
  /** Watches the state machines of a life of a member, each by its number. */
  readonly replicas: (id: NodeId) => (machine: number) => Replica;
  readonly pace: MemberPace;
  /** All machines, this one among them. */
  readonly machines: readonly Member[];
  readonly trace: (line: string) => void;
  /** The role or the term of a member is another one, perhaps not until the end of the event. */
  readonly changedRole: (by: Member) => void;
  /** A node writes one message again and again. */
  readonly flooded: (by: NodeId, message: string) => void;
  /** A node sends a message, and this is what it has on its disk. */
  readonly sent: (by: Member, what: Sent, disk: MemoryDisk) => void;
  /** A message has come to a member that is awake. */
  readonly heard: (by: Member, from: MemberKey, message: Message | NodeMessage) => void;
  /** An entry goes to the state machine of a member. */
  readonly applied: (by: NodeId, machine: number, entry: AppliedEntry) => void;
  /** The state of a member is that of a snapshot. */
  readonly restored: (by: NodeId) => void;
  /** Its disk has lost or changed something. */
  readonly damaged: (by: NodeId) => void;
  /** A life of a member is over in a moment: what its node knows can be seen for the last time. */
  readonly ending: (by: Member, isCrash: boolean) => void;
  /** A node does not start with the data on its disk. */
  readonly refused: (by: Member) => void;
  /** A member falls asleep in a moment. */
  readonly sleeps: (by: Member) => void;
  /** What every copy of the plugin does wrong at this entry. */
  readonly wrongAt: (entry: AppliedEntry) => Wrong | null;
  /** The state machine of a member stands still from now on. */
  readonly stoodStill: (by: Member, standstill: Standstill) => void;
  /** When the certificate with which it starts ends, ms since 1970; null: never. */
  readonly certificateEndOf: (member: Member) => number | null;
  /** A node has found another history than its own. Whether that is to be expected; then what is wrong has been made good. */
  readonly diverged: () => boolean;
  /** A node has failed for a reason that nobody foresees. */
  readonly broken: (by: NodeId, cause: unknown) => void;
}

/** How a machine comes to its cluster: as one of those that found it, or to be added to it. */
type Way = "founds" | "joins";

interface Running {
  readonly node: Node;
  readonly life: Life;
  readonly process: Process;
  readonly machines: SimMachines;
}

export class Member {
  readonly id: NodeId;
  readonly isFounder: boolean;
  readonly #world: MemberWorld;
  readonly disk: MachineDisk;
  #way: Way;
  #running: Running | null = null;
  /** Its disk was emptied, and since then nobody has told it to join. */
  wasWiped = false;
  /** Why its node does not start with the data on its disk, and what to do; null: it does. */
  refusal: string | null = null;
  #moves = 0;
  #wallErrorMs = 0;
  /** How many times as long the work of its state machine takes. */
  #slowness = 1;
  lives = 0;
  /** In all of them. */
  stateMachines = 0;

  constructor(id: NodeId, way: Way, world: MemberWorld) {
    this.id = id;
    this.isFounder = way === "founds";
    this.#way = way;
    this.#world = world;
    this.disk = new MachineDisk(world.chance, world.pace.disk);
  }

  /** Where others reach it. */
  get address(): string {
    return this.#moves === 0 ? `${this.id}.sim:7400` : `${this.id}-${this.#moves}.sim:7400`;
  }

  /** With the data that it has; null before its first start, and once it has lost them. */
  get key(): MemberKey | null {
    const { incarnation } = this.disk;
    return incarnation === null ? null : toMemberKey(this.id, incarnation);
  }

  /** Whether it takes part with all that it has promised, now or when it is up again. */
  get isWhole(): boolean {
    return this.disk.isWhole && !this.disk.isRemoved;
  }

  /** It waits for an administrator: it has been removed, its empty disk is that of a founder, or its data cannot be relied on. */
  get isOut(): boolean {
    return this.disk.isRemoved || (this.wasWiped && !this.isUp) || this.refusal !== null;
  }

  /** Those in its log, and those that are on its disk. */
  configurations(): readonly PlacedConfiguration[] {
    return [...(this.node?.state.log.configurations ?? []), ...this.disk.configurations];
  }

  /** Null while it is down. */
  get node(): Node | null {
    return this.#running?.node ?? null;
  }

  get isUp(): boolean {
    return this.#running !== null;
  }

  get isAsleep(): boolean {
    return this.#running?.life.isAsleep ?? false;
  }

  get isLeader(): boolean {
    return this.#running?.node.state.role.kind === "leader";
  }

  /** The life of its process; null while it is down. */
  get life(): Life | null {
    return this.#running?.life ?? null;
  }

  /** Whether its state machine stands still, and at what; null: it runs, or the node is down. */
  get standstill(): Standstill | null {
    return this.#running?.machines.standstill ?? null;
  }

  /** When its state machine is to be woken; null: it asks for no time, or the node is down. */
  get wakeAtMs(): WakeTime {
    return this.#running?.machines.wakeAtMs ?? null;
  }

  start(): void {
    if (this.#running !== null) return;
    const { network, chance, machines, pace, trace } = this.#world;
    const life = new Life(network.schedule, chance);
    const opened = this.#open(life);
    if (opened === null) return;
    const nth = ++this.lives;
    const { store, snapshots, data } = opened;
    const self = { id: this.id, incarnation: store.saved.incarnation, bootId: `${this.id}-${nth}` };
    const certificateEndsMs = this.#world.certificateEndOf(this);
    life.wallErrorMs = this.#wallErrorMs;
    const heard: Process["heard"] = (from, message) => this.#world.heard(this, from, message);
    const process = processOf(self, this.address, life, certificateEndsMs, heard);
    const work = { workMs: () => this.#slowness * chance.from(pace.workMs) };
    const stateMachines = new SimMachines(life, work, {
      sessionLimits: pace.sessionLimits,
      wrongAt: this.#world.wrongAt,
      stoodStill: (standstill: Standstill) => this.#world.stoodStill(this, standstill),
      begun: () => ++this.stateMachines,
      applied: (machine: number, entry: AppliedEntry) => this.#world.applied(this.id, machine, entry),
      restored: () => this.#world.restored(this.id),
      replica: this.#world.replicas(this.id),
    });
    const node = new Node(
      {
        id: this.id,
        cluster: "sim",
        settings: settingsOf(pace, machines.indexOf(this)),
        snapshotPolicy: pace.snapshotPolicy,
        compareEveryEntries: pace.compareEvery,
        scrubIntervalMs: pace.scrubIntervalMs,
        space: { minFreeBytes: 100 * 2 ** 20, minFreePercent: 5 },
        address: this.address,
        ...this.#meetingPoints(),
        certificateEnds: certificateEndsMs === null ? null : { atMs: certificateEndsMs, date: "its day" },
        version: "0",
      },
      {
        snapshots,
        disk: this.disk,
        store,
        transport: new SimTransport(network, process, (what) => this.#world.sent(this, what, data)),
        stateMachine: stateMachines.renewable,
        clock: life,
        logger: this.#logger(),
        failStop: (cause) => this.#world.broken(this.id, cause),
      },
    );
    this.#running = { node, life, process, machines: stateMachines };
    trace(nth === 1 ? `${this.id} starts for the first time` : `${this.id} starts again, in life ${nth}`);
    void node.ended.then((end) => this.#ended(node, end));
    node.start().catch((error: unknown) => {
      if (!this.#isRefused(error)) this.#world.broken(this.id, error);
    });
  }

  /** Null: its node refuses to start with these data. */
  #open(life: Life): ReturnType<MachineDisk["open"]> | null {
    const { trace, broken, refused } = this.#world;
    try {
      const opened = this.disk.open(this.id, life);
      if (this.disk.hasLostMark) broken(this.id, "it starts without its mark");
      // Damage may have taken away what it refused to start with.
      this.refusal = null;
      return opened;
    } catch (error) {
      if (!(error instanceof GraftError) || this.disk.isWhole || this.disk.hasDiverged) throw error;
      trace(`${this.id} does not start: ${error.message}`);
      this.refusal = error.message;
      refused(this);
      return null;
    }
  }

  /** What its configuration file says of the others, as they are to be reached now. Whoever has data needs only addresses. */
  #meetingPoints(): Pick<NodeOptions, "bootstrap" | "join"> {
    const { machines } = this.#world;
    const founders = machines.filter(({ isFounder }) => isFounder);
    const hasMoved = machines.some((machine) => machine.#moves > 0);
    if (this.#way === "founds" && !(this.disk.isFounded && hasMoved)) {
      return { bootstrap: founders.map(({ id, address }) => ({ id, address })), join: null };
    }
    return { bootstrap: null, join: machines.filter((each) => each !== this).map(({ address }) => address) };
  }

  /** A node that has been removed, and a founder whose disk is empty, do not run until somebody has looked at them. */
  #isRefused(error: unknown): boolean {
    return error instanceof GraftError && error.code === "config" && (this.disk.isRemoved || this.wasWiped);
  }

  /** As in the process: one that has found its data damaged begins again. One whose disk fails is started by a supervisor. */
  #ended(node: Node, end: NodeEnd): void {
    if (this.#running?.node !== node) return;
    const why = end.kind === "stopped" ? "has stopped" : `ends, since it has ${end.kind}: ${end.error.message}`;
    this.#world.trace(`${this.id} ${why}`);
    const isExpected =
      end.kind === "stopped" ||
      this.disk.isBroken ||
      (end.kind === "damaged" && !this.disk.isWhole) ||
      (end.kind === "outdated" && this.disk.isWhole) ||
      this.#isRefused(end.error);
    this.#over(false);
    const isSettled = this.disk.hasDiverged && this.#world.diverged();
    if (end.kind !== "stopped" && !isExpected && !isSettled) this.#world.broken(this.id, end.error);
    if (end.kind === "damaged" || end.kind === "outdated" || isSettled) this.start();
  }

  /** Its process is gone at once, and with it what was not durable. */
  crash(isMarkTorn = false): void {
    if (this.#running === null) return;
    this.#world.trace(`${this.id} crashes`);
    this.#over(true, isMarkTorn);
  }

  /** Its process ends, and another one begins at once. */
  restart(): void {
    this.crash();
    this.start();
  }

  /** Of a machine that is down. */
  damage(name: DamageName): void {
    if (this.isUp || !this.disk.damage(name)) return;
    this.#world.trace(`${this.id} has a damaged disk: ${damageSentences[name]}`);
    this.#world.damaged(this.id);
  }

  /** Of a machine that is down. */
  loseMark(): void {
    if (this.isUp || !this.disk.loseMark()) return;
    this.#world.trace(`${this.id} has lost the mark beside its data`);
    this.#world.damaged(this.id);
  }

  /** Of a machine that is down: its disk is a new one. */
  wipe(): void {
    if (this.isUp || this.disk.incarnation === null) return;
    this.disk.replace();
    this.refusal = null;
    this.wasWiped = this.#way === "founds";
    this.#world.trace(`${this.id} has an empty disk`);
  }

  /** Of a machine that is down: it starts with nothing, or with what it has, to be added. */
  join(): void {
    this.#way = "joins";
    this.wasWiped = false;
  }

  /** Of a machine that is down: the others find it at another address from now on. */
  move(): void {
    if (this.isUp || !this.disk.isFounded) return;
    this.#moves++;
    this.#world.trace(`${this.id} is at ${this.address} now`);
  }

  /** A message that came from outside the simulated cluster. */
  hear(from: MemberKey, message: Message): void {
    const process = this.#running?.process;
    process?.life.run(() => process.handler?.onMessage(from, message));
  }

  /** As after SIGTERM. */
  stop(): void {
    const running = this.#running;
    running?.life.run(() => {
      this.#world.trace(`${this.id} is told to stop`);
      void running.node.stop();
    });
  }

  sleep(): void {
    this.#world.trace(`${this.id} falls asleep`);
    if (this.#running === null) return;
    this.#world.sleeps(this);
    this.#running.life.sleep();
  }

  wake(): void {
    if (!this.isAsleep) return;
    this.#world.trace(`${this.id} wakes up`);
    this.#running?.life.wake();
    this.#world.network.dialAgain(this.id);
  }

  /** What goes wrong next with its state machine, in this life. */
  plan(wrong: Wrong): void {
    this.#running?.machines.plan(wrong);
  }

  /** Its state machine takes so many times as long for everything. */
  slow(times: number): void {
    this.#slowness = times;
  }

  /** Its wall clock is wrong by so much; its monotonic clock goes on. */
  setClock(errorMs: number): void {
    this.#wallErrorMs = errorMs;
    if (this.#running !== null) this.#running.life.wallErrorMs = errorMs;
  }

  /** Nothing goes wrong any more with a state machine that still runs. */
  calm(): void {
    this.#slowness = 1;
    this.#running?.machines.plan(null);
  }

  /** Breaks the connections with its clients. */
  resetClients(): void {
    if (this.#running !== null) this.#world.links.lose(this.#running.process, false);
  }

  #over(isCrash: boolean, isMarkTorn = false): void {
    this.#world.ending(this, isCrash);
    const running = this.#running!;
    this.#running = null;
    running.life.end();
    this.#world.links.lose(running.process, !isCrash);
    this.#world.network.leave(running.process, isCrash);
    if (isCrash) this.disk.crash(isMarkTorn);
    else this.disk.close();
  }

  #logger(): Logger {
    const { network, trace, changedRole, flooded } = this.#world;
    return loggerOf({
      nowMs: () => network.schedule.nowMs,
      flooded: (message) => flooded(this.id, message),
      written: (level, message, fields) => {
        trace(sentenceOfLog(this.id, level, message, fields));
        if (message === "role") changedRole(this);
      },
    });
  }
}
