// What becomes of state machines that stand still? Each node has to name what its own stopped at. An operator starts some of these
// nodes again. Others are left so when all faults are over: their nodes vote and keep the log, and another node has to lead.
import { type MemberKey, nodeIdOf } from "../core/configuration.ts";
import type { LogIndex } from "../core/log-position.ts";
import type { Chance, Range } from "./chance.ts";
import type { Life } from "./life.ts";
import type { Member } from "./member.ts";
import type { Sent } from "./promises.ts";
import type { Schedule } from "./schedule.ts";
import type { Standing } from "./standing.ts";
import type { Standstill } from "./state-machine.ts";

export interface StandstillWorld {
  readonly schedule: Schedule;
  readonly chance: Chance;
  readonly members: readonly Member[];
  readonly standing: Standing;
  /** Whether this node may come to lead, as far as its state machine does not matter. */
  readonly mayLead: (member: Member) => boolean;
  /** When an operator starts such a node again. */
  readonly noticeMs: Range;
  readonly trace: (line: string) => void;
  readonly violated: (what: string) => void;
}

interface Seen {
  readonly member: Member;
  readonly life: Life;
  readonly standstill: Standstill;
}

/** A node names a hang after five seconds, and looks ten times a second. */
const namesAfterMs = 5_000;
const lookMs = 200;
/** The longest pause before a node begins another state machine, and a look. */
const beginsAfterMs = 10_200;
/** How often an operator starts the node again while there are faults, and how often it is left when they are over. */
const startsOften = 0.5;
const leavesOften = 0.7;

export class Standstills {
  readonly #world: StandstillWorld;
  readonly #left = new Set<Member>();
  /** Of this event: the node hears of it before the event is over. */
  #fresh: Seen[] = [];
  /** How far each member has applied the log, in any of its lives. */
  readonly #applied = new Map<MemberKey, LogIndex>();
  #isOver = false;
  count = 0;

  constructor(world: StandstillWorld) {
    this.#world = world;
  }

  onStoodStill(member: Member, standstill: Standstill): void {
    const { schedule, chance, trace, noticeMs } = this.#world;
    const seen = { member, life: member.life!, standstill };
    this.count++;
    trace(`the state machine of ${member.id} ${verbs[standstill.kind]} at ${standstill.at}`);
    this.#fresh.push(seen);
    if (!chance.happens(startsOften)) return;
    schedule.after(chance.from(noticeMs), () => {
      if (!this.#isOver && isStill(seen)) member.restart();
    });
  }

  /** After each event. */
  look(): void {
    for (const { node, key } of this.#world.members) {
      if (node !== null && key !== null)
        this.#applied.set(key, Math.max(node.appliedIndex, this.#applied.get(key) ?? 0));
    }
    for (const seen of this.#fresh.splice(0)) {
      const { kind } = seen.standstill;
      if (kind === "throws") this.#mustBeNamed(seen);
      else if (kind === "dies") this.#watchDead(seen);
      else this.#wait(seen.life, [lookMs, namesAfterMs, lookMs], () => this.#mustBeNamed(seen));
    }
  }

  #watchDead(seen: Seen): void {
    const { member, life } = seen;
    const { stateMachines } = member;
    this.#wait(life, [lookMs], () => this.#mustBeNamed(seen));
    this.#wait(life, [beginsAfterMs, lookMs], () => {
      if (!isStill(seen) || member.stateMachines > stateMachines) return;
      this.#world.violated(`the state machine of ${member.id} has died, and its node has begun no other one`);
    });
  }

  /** By the node's clock. A node that sleeps meanwhile looks when it wakes. */
  #wait(life: Life, [first, ...rest]: readonly number[], done: () => void): void {
    if (first === undefined) return done();
    life.at(life.nowMs() + first, () => this.#wait(life, rest, done));
  }

  #mustBeNamed(seen: Seen): void {
    if (!isStill(seen)) return;
    const { member, standstill } = seen;
    const problem = member.node!.requests.problemOf(member.key!);
    if (isNamed(problem, standstill) || isThrownAway(problem)) return;
    this.#world.violated(
      `the state machine of ${member.id} ${verbs[standstill.kind]} at ${standstill.at}, and its node says: ${problem ?? "nothing"}`,
    );
  }

  /** P72: of its own accord a leader that stands still hands over only to a node that has passed its entry. */
  onSent({ from, to, message }: Sent): void {
    if (message.kind !== "timeoutNow") return;
    const leader = this.#world.members.find(({ id }) => id === nodeIdOf(from))!;
    const { standstill } = leader;
    const index = standstill?.index ?? null;
    const { state, requests } = leader.node!;
    const isOwn = state.role.kind === "leader" && state.role.transfer?.ref === null;
    if (standstill === null || index === null || !isOwn) return;
    // A hang is named after a while. Until the core knows, it may hand over for another reason, such as an earlier hang that is over.
    const isKnown = state.unfit.get(state.self) === "stateMachine";
    if (!isKnown || !isNamed(requests.problemOf(state.self), standstill)) return;
    if ((this.#applied.get(to) ?? 0) >= index) return;
    this.#world.violated(`${from} stands still at entry ${index} and hands over to ${to}, which has not applied it`);
  }

  /** The faults are over, and the operator waits. */
  rest(): void {
    this.#isOver = true;
  }

  /** Nodes whose state machines stand still are started again. Some of them are left, unless the members may change: only this one might stay. */
  end(areMembersSettled: boolean): void {
    const { members, chance, trace } = this.#world;
    for (const member of chance.shuffled(members.filter(({ standstill }) => standstill !== null))) {
      if (!areMembersSettled || !this.#mayLeave(member) || !chance.happens(leavesOften)) {
        member.restart();
        continue;
      }
      this.#left.add(member);
      trace(`${member.id} is left with a state machine that stands still`);
    }
  }

  /** Its log is still to be whole, and its vote counts. A hang may end. */
  isLeft(member: Member): boolean {
    return this.#left.has(member) && member.standstill !== null;
  }

  /** Whether the leader knows of each that is left, by the node's own words. */
  areKnownTo(leader: Member): boolean {
    const { requests } = leader.node!;
    return [...this.#left].every(
      ({ key, standstill }) => standstill === null || isNamed(requests.problemOf(key!), standstill),
    );
  }

  /** As long as another voter can lead, no change of the members is under way, and the leader can hear of it. */
  #mayLeave(member: Member): boolean {
    const { standing, mayLead } = this.#world;
    const possible = standing.possible();
    if (standing.governing === null || !member.isWhole || !mayLead(member)) return false;
    return possible.every(({ voters, outgoing, pending }) => {
      const isSettled = outgoing.length + pending.length === 0;
      return (
        isSettled && voters.some((key) => this.#world.members.some((each) => each.key === key && this.#isFit(each)))
      );
    });
  }

  #isFit(member: Member): boolean {
    return member.isWhole && member.standstill === null && !member.isOut && this.#world.mayLead(member);
  }
}

const verbs: Readonly<Record<Standstill["kind"], string>> = { throws: "throws", hangs: "hangs", dies: "dies" };

const namedAs: Readonly<Record<Standstill["kind"], string>> = {
  throws: "failed at",
  hangs: "busy with",
  dies: "ended at",
};

const isStill = ({ member, life, standstill }: Seen): boolean =>
  member.life === life && member.standstill === standstill;

/** What it stands still at does not matter any more: it begins anew without the entry that is skipped. */
const isThrownAway = (problem: string | null): boolean => /(?:about to skip|has skipped) entry/.test(problem ?? "");

function isNamed(problem: string | null, { kind, at }: Standstill): boolean {
  return problem?.includes(`${namedAs[kind]} ${at} `) ?? false;
}
