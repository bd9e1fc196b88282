// What goes wrong at the moment that hurts most? A leader ends as soon as it leads, with entries that few nodes have: one after the
// other makes the logs of figures 7 and 8. A leader ends as soon as it takes something for committed or changes the members, and a voter as
// soon as it has voted.
import type { Chance, Range } from "./chance.ts";
import type { Faults } from "./faults.ts";
import type { Member } from "./member.ts";
import type { Schedule } from "./schedule.ts";

/**
 * `freshLeader`: a leader is cut off with fewer than a majority as soon as it leads, and crashes when it has been heard.
 * `fullFollower`: a disk is full while a leader begins, so that the first messages of the leader come to nothing. `committed`: a leader
 * crashes when it has committed something. `changed`: a leader crashes when it has appended a configuration. `voted`: a node crashes when
 * it has voted for another one. `named`: a node crashes soon after it has named its copy of the state machine as wrong.
 */
export type WorstMomentName = "freshLeader" | "fullFollower" | "committed" | "changed" | "voted" | "named";

export const neverAtMoments: Readonly<Record<WorstMomentName, number>> = {
  freshLeader: 0,
  fullFollower: 0,
  committed: 0,
  changed: 0,
  voted: 0,
  named: 0,
};

export interface WorstMomentPace {
  /** How often each of them is taken, of its chances. */
  readonly often: Readonly<Record<WorstMomentName, number>>;
  /** How long a fresh leader has, or a node whose copy is wrong. */
  readonly freshMs: Range;
}

export interface WorstMomentWorld {
  readonly schedule: Schedule;
  readonly chance: Chance;
  readonly members: readonly Member[];
  readonly faults: Faults;
  /** Clients ask this node, and no other one. */
  readonly hurry: (member: Member) => void;
}

export class WorstMoments {
  readonly #pace: WorstMomentPace;
  readonly #world: WorstMomentWorld;

  constructor(pace: WorstMomentPace, world: WorstMomentWorld) {
    this.#pace = pace;
    this.#world = world;
  }

  onElected(leader: Member): void {
    const { chance, faults, hurry, members } = this.#world;
    if (faults.isOver) return;
    if (chance.happens(0.3)) hurry(chance.pick(members));
    if (chance.happens(this.#pace.often.freshLeader)) this.#cutOff(leader);
    else if (chance.happens(this.#pace.often.fullFollower)) faults.fill(chance.pick(members));
  }

  #cutOff(leader: Member): void {
    const { chance, faults, hurry, members, schedule } = this.#world;
    const others = chance.shuffled(members.filter((member) => member !== leader));
    const side = [leader, ...others.slice(0, chance.below(Math.ceil(members.length / 2)))];
    const forMs = chance.from(this.#pace.freshMs);
    const { lives } = leader;
    // It ends before the network is whole again.
    schedule.after(forMs, () => {
      if (leader.lives === lives && !faults.isOver) faults.crash(leader);
    });
    faults.heal();
    faults.cutBetween((one, other) => side.includes(one) !== side.includes(other), forMs);
    hurry(leader);
  }

  /** Others that take themselves for the leader are asked now, if ever. */
  onCommitted(leader: Member): void {
    const { chance, faults, hurry, members } = this.#world;
    if (faults.isOver) return;
    for (const member of members) if (member !== leader && member.isLeader && chance.happens(0.5)) hurry(member);
    if (chance.happens(this.#pace.often.committed)) this.#crashSoon(leader);
  }

  /** Others may have the configuration or not, and the leader finds it in its log when it is back. */
  onChanged(leader: Member): void {
    const { chance, faults } = this.#world;
    const often = this.#pace.often.changed;
    if (!faults.isOver && often > 0 && chance.happens(often)) this.#crashSoon(leader);
  }

  onVoted(voter: Member): void {
    const { chance, faults } = this.#world;
    if (!faults.isOver && chance.happens(this.#pace.often.voted)) this.#crashSoon(voter);
  }

  /** Its disk knows by then what it has named. Another state may not have come yet. */
  onNamed(member: Member): void {
    const { chance, faults } = this.#world;
    const often = this.#pace.often.named;
    if (!faults.isOver && often > 0 && chance.happens(often)) this.#crashSoon(member, chance.from(this.#pace.freshMs));
  }

  /** Not within the turn that it is taking. */
  #crashSoon(member: Member, afterMs = 0): void {
    const { faults, schedule } = this.#world;
    const { lives } = member;
    schedule.after(afterMs, () => {
      if (member.lives === lives && !faults.isOver) faults.crash(member);
    });
  }
}
