// What goes wrong in a simulation, and when: drawn from its seed, until it is told to end.
import type { Chance, Range } from "./chance.ts";
import type { Schedule } from "./schedule.ts";
import { Forgery } from "./forgery.ts";
import { damages } from "./machine-disk.ts";
import type { Member } from "./member.ts";
import type { SimNetwork } from "./network.ts";
import { spoilKinds } from "./spoil.ts";
import type { Spoils } from "./spoils.ts";
import { sentenceOfCut } from "./transcript.ts";

export interface FaultPace {
  readonly everyMs: number;
  readonly downMs: Range;
  readonly pauseMs: Range;
  /** How long a leader sleeps that is to be replaced meanwhile. */
  readonly sleepMs: Range;
  readonly cutMs: Range;
  /** How much longer messages of a slow direction take. */
  readonly lagMs: Range;
  /** How long a disk is full, or does not answer. */
  readonly diskMs: Range;
  /** How long a disk is nearly full: a node looks now and then only. */
  readonly lowMs: Range;
  /** How long a state machine hangs or is slow, and how many times as slow it is. */
  readonly machineMs: Range;
  readonly slowness: Range;
  /** How often the disk of a node that is down is damaged. */
  readonly damage: number;
  /** How often a crash tears the mark beside its data, and how often the mark is lost while the node is down. */
  readonly tornMark: number;
  readonly lostMark: number;
  /** How often an entry on it is changed, with checksums that fit. */
  readonly forgery: number;
  readonly weights: Readonly<Record<FaultName, number>>;
}

/** What faults happen to, and what decides which. */
export interface FaultVictims {
  readonly schedule: Schedule;
  readonly chance: Chance;
  /** Draws what was added later. */
  readonly later: Chance;
  /** Draws what was added last. */
  readonly last: Chance;
  readonly members: readonly Member[];
  readonly network: SimNetwork;
  readonly trace: (line: string) => void;
  /** Whether the cluster gets over the loss of what is on the disk of this machine. */
  readonly mayLose: (member: Member) => boolean;
  readonly spoils: Spoils;
  /** A fault has come to this machine, or to the network. */
  readonly happened: (name: FaultName, member: Member) => void;
}

export type FaultName =
  | "crash"
  | "crashLeader"
  | "powerCut"
  | "wipe"
  | "move"
  | "stop"
  | "pause"
  | "sleepLeader"
  | "split"
  | "oneWay"
  | "isolate"
  | "bridge"
  | "ring"
  | "lag"
  | "reset"
  | "resetClients"
  | "lowDisk"
  | "fullDisk"
  | "stuckDisk"
  | "brokenDisk"
  | "stopMachine"
  | "killMachine"
  | "hangMachine"
  | "slowMachine"
  | "clockJump"
  | "spoilCopy"
  | "nothing";

type MachineFault = Extract<FaultName, "stopMachine" | "killMachine" | "hangMachine" | "slowMachine" | "spoilCopy">;

/** How often a state machine that hangs does so for ever. */
const foreverOften = 0.5;
/** How often what is on a disk is remembered at a crash: it may come back at a later one. */
const rememberOften = 0.3;
/** How often a disk that has torn the mark has lost the vote too. */
const forgetOften = 0.5;

export class Faults {
  readonly #schedule: Schedule;
  readonly #chance: Chance;
  readonly #later: Chance;
  readonly #last: Chance;
  readonly #pace: FaultPace;
  readonly #members: readonly Member[];
  readonly #network: SimNetwork;
  readonly #trace: (line: string) => void;
  readonly #mayLose: (member: Member) => boolean;
  readonly #happened: FaultVictims["happened"];
  readonly #spoils: Spoils;
  readonly forgery: Forgery;
  isOver = false;
  count = 0;
  #resting: readonly Member[] = [];

  constructor(pace: FaultPace, victims: FaultVictims) {
    this.#pace = pace;
    this.#schedule = victims.schedule;
    this.#chance = victims.chance;
    this.#later = victims.later;
    this.#last = victims.last;
    this.#members = victims.members;
    this.#network = victims.network;
    this.#trace = victims.trace;
    this.#mayLose = victims.mayLose;
    this.#happened = victims.happened;
    this.#spoils = victims.spoils;
    this.forgery = new Forgery({ ...victims, startLater: (member) => this.#startLater(member) });
    this.#next();
  }

  /** Heals everything: who is down starts, who sleeps wakes. These stay down until `startAll`. */
  end(resting: readonly Member[]): void {
    this.isOver = true;
    this.forgery.settle();
    this.#resting = resting;
    for (const member of resting) member.crash();
    this.#network.heal();
    this.#network.hurry();
    this.#network.hurryBulk();
    for (const member of this.#members) {
      member.disk.recover();
      member.calm();
      member.setClock(0);
      // Its node would find out at the next write, and end then.
      if (member.disk.isBroken) member.crash();
      member.wake();
      this.#start(member);
    }
  }

  /** The leader, or any node when there is none. */
  cutOffLeader(): void {
    if (this.isOver) return;
    this.cutOff(this.#leaderOr(this.#chance.pick(this.#members)));
  }

  /** From all others. */
  cutOff(member: Member): void {
    if (this.isOver) return;
    this.#isolate(member);
    this.#happened("isolate", member);
  }

  startAll(): void {
    const resting = this.#resting;
    this.#resting = [];
    for (const member of resting) this.#start(member);
  }

  #next(): void {
    this.#schedule.after(this.#chance.wait(this.#pace.everyMs), () => {
      if (this.isOver) return;
      const name = this.#chance.weighted(this.#pace.weights);
      if (name !== "nothing") this.count++;
      const member = this.#chance.pick(this.#members);
      this.#happen(name, member);
      this.#happened(name, member);
      this.#next();
    });
  }

  #happen(name: FaultName, member: Member): void {
    switch (name) {
      case "crash":
        return this.crash(member);
      case "crashLeader":
        return this.crash(this.#leaderOr(member));
      case "powerCut":
        for (const each of this.#members) this.crash(each);
        return;
      case "wipe":
        return this.#wipe(member);
      case "move":
        member.crash();
        member.move();
        return this.#startLater(member);
      case "stop":
        member.stop();
        return this.#startLater(member);
      case "pause":
        return this.#putToSleep(this.#chance.happens(0.5) ? this.#leaderOr(member) : member);
      case "sleepLeader":
        return this.#sleepAlone(this.#leaderOr(member));
      case "split":
        return this.#split();
      case "oneWay":
        return this.#cut([[member.id, this.#chance.pick(this.#members).id]]);
      case "isolate":
        return this.#isolate(this.#chance.happens(0.7) ? this.#leaderOr(member) : member);
      case "bridge":
        return this.#bridge(member);
      case "ring":
        return this.#ring();
      case "lag":
        return this.#lag(member);
      case "reset":
        return this.#network.reset(member.id, this.#chance.pick(this.#members).id);
      case "resetClients":
        return member.resetClients();
      case "lowDisk":
        return this.#disturb(member, "is nearly full", () => member.disk.runLow(), this.#pace.lowMs);
      case "fullDisk":
        return this.fill(member);
      case "stuckDisk":
        return this.#stick(this.#chance.happens(0.5) ? this.#leaderOr(member) : member);
      case "brokenDisk":
        member.disk.break();
        return this.#startLater(member);
      case "clockJump":
        return this.#jump(member);
      case "nothing":
        return;
      default:
        return this.#disturbMachine(name, member);
    }
  }

  #disturbMachine(name: MachineFault, member: Member): void {
    switch (name) {
      case "stopMachine":
        return member.plan({ kind: "throws" });
      case "killMachine":
        return member.plan({ kind: "dies", at: this.#chance.pick(["entry", "query"]) });
      case "hangMachine":
        return this.#hang(member);
      case "slowMachine":
        return this.#slow(member);
      case "spoilCopy":
        return this.#spoils.plan(member, this.#last.pick(spoilKinds));
    }
  }

  /** Up to three years forwards or backwards, or it is set right. */
  #jump(member: Member): void {
    const errorMs = this.#chance.pick([-1, 0, 1]) * this.#chance.pick([1e3, 1e5, 1e9, 1e11]);
    member.setClock(errorMs);
    this.#trace(`the wall clock of ${member.id} is wrong by ${errorMs / 1000} s`);
  }

  #hang(member: Member): void {
    const forMs = this.#chance.happens(foreverOften) ? null : this.#chance.from(this.#pace.machineMs);
    member.plan({ kind: "hangs", at: this.#chance.pick(["entry", "query"]), forMs });
  }

  #slow(member: Member): void {
    const times = this.#chance.from(this.#pace.slowness);
    member.slow(times);
    this.#trace(`the state machine of ${member.id} is ${times.toFixed(0)} times as slow`);
    this.#schedule.after(this.#chance.from(this.#pace.machineMs), () => member.slow(1));
  }

  /** And has it start again later. */
  crash(member: Member): void {
    if (this.#chance.happens(rememberOften)) member.disk.remember();
    member.crash(this.#later.happens(this.#pace.tornMark));
    if (this.#chance.happens(this.#pace.damage) && this.#mayLose(member)) member.damage(this.#chance.pick(damages));
    else if (this.#chance.happens(this.#pace.forgery)) this.forgery.forge(member);
    if (this.#later.happens(this.#pace.lostMark) && this.#mayLose(member)) member.loseMark();
    const isTorn = this.#pace.damage > 0 && member.disk.hasOlderMark;
    if (isTorn && this.#last.happens(forgetOften) && this.#mayLose(member)) member.damage("forgetVote");
    this.#startLater(member);
  }

  #wipe(member: Member): void {
    if (!this.#mayLose(member)) return;
    member.crash();
    member.wipe();
    this.#startLater(member);
  }

  /** Whatever it ends by: it may be stopping still. */
  #startLater(member: Member): void {
    this.#schedule.after(this.#chance.from(this.#pace.downMs), () => {
      if (member.isUp && !this.isOver) member.crash();
      // When all faults are over, one that is stopping is left to end by itself.
      if (member.isUp) this.#startLater(member);
      else this.#start(member);
    });
  }

  /** One that waits for an administrator does not start by itself, though a supervisor may try. */
  #start(member: Member): void {
    if (this.#resting.includes(member)) return;
    // Founders that have all lost their disks have nobody to ask, and would found another cluster.
    const mayTry = this.#members.some((each) => each !== member && each.isFounder && !each.wasWiped);
    if (!member.isOut || (mayTry && this.#chance.happens(0.5))) member.start();
  }

  /** Its disk is full for a while. */
  fill(member: Member): void {
    this.#disturb(member, "is full", () => member.disk.fill());
  }

  #putToSleep(member: Member, forMs = this.#chance.from(this.#pace.pauseMs)): void {
    member.sleep();
    this.#schedule.after(forMs, () => member.wake());
  }

  #stick(member: Member): void {
    this.#disturb(member, "does not answer", () => member.disk.stick());
  }

  #disturb(member: Member, what: string, begin: () => void, forMs = this.#pace.diskMs): void {
    begin();
    this.#trace(`the disk of ${member.id} ${what}`);
    this.#schedule.after(this.#chance.from(forMs), () => member.disk.recover());
  }

  #leaderOr(member: Member): Member {
    return this.#members.find(({ isLeader }) => isLeader) ?? member;
  }

  #split(): void {
    const side = this.#members.filter(() => this.#chance.happens(0.5));
    this.cutBetween((one, other) => side.includes(one) !== side.includes(other));
  }

  #isolate(member: Member): void {
    this.cutBetween((one, other) => one === member || other === member);
  }

  /** Others may replace it meanwhile. It hears its clients first when it wakes up. */
  #sleepAlone(member: Member): void {
    const awayMs = this.#chance.from(this.#pace.sleepMs);
    this.cutBetween((one, other) => one === member || other === member, awayMs + this.#chance.from(this.#pace.lagMs));
    this.#putToSleep(member, awayMs);
  }

  /** Two sides that only this one reaches. */
  #bridge(member: Member): void {
    const side = this.#members.filter(() => this.#chance.happens(0.5));
    this.cutBetween((one, other) => one !== member && other !== member && side.includes(one) !== side.includes(other));
  }

  /** Each reaches only the one before and the one after. */
  #ring(): void {
    const ring = this.#chance.shuffled(this.#members);
    const distance = (one: Member, other: Member): number => Math.abs(ring.indexOf(one) - ring.indexOf(other));
    this.cutBetween((one, other) => distance(one, other) > 1 && distance(one, other) < ring.length - 1);
  }

  /** What it says, or what is said to it, is slow to arrive. */
  #lag({ id }: Member): void {
    const isOut = this.#chance.happens(0.5);
    const lagMs = this.#chance.from(this.#pace.lagMs);
    this.#trace(`what is said ${isOut ? "by" : "to"} ${id} takes ${lagMs.toFixed(0)} ms longer`);
    for (const other of this.#members) {
      if (other.id !== id) this.#network.slow(isOut ? id : other.id, isOut ? other.id : id, lagMs);
    }
    this.#schedule.after(this.#chance.from(this.#pace.cutMs), () => this.#network.hurry());
  }

  /** Nothing passes between them, in either direction, for so long. */
  cutBetween(
    isCut: (one: Member, other: Member) => boolean,
    forMs: number = this.#chance.from(this.#pace.cutMs),
  ): void {
    const directions = this.#members.flatMap((one) =>
      this.#members.flatMap((other) => (one !== other && isCut(one, other) ? [[one.id, other.id] as const] : [])),
    );
    this.#cut(directions, forMs);
  }

  #cut(directions: readonly (readonly [string, string])[], forMs = this.#chance.from(this.#pace.cutMs)): void {
    for (const [from, to] of directions) this.#network.block(from, to);
    this.#trace(sentenceOfCut(directions));
    this.#schedule.after(forMs, () => this.heal());
  }

  /** Everything passes again. */
  heal(): void {
    if (this.isOver) return;
    this.#network.heal();
    this.#trace("the network is whole again");
  }
}
