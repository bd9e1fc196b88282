// What if a log holds another history, with checksums that fit? One entry that all disks hold is changed on one of them, while its machine
// is down. Only another node can find it out, by the checksum of the leader's history. The one that does so halts, and the administrator
// decides which history is right: the changed one is refilled.
import type { Chance } from "./chance.ts";
import type { Member } from "./member.ts";

export interface ForgeryWorld {
  readonly chance: Chance;
  readonly members: readonly Member[];
  readonly trace: (line: string) => void;
  /** Whether the cluster gets over the loss of what is on the disk of this machine. */
  readonly mayLose: (member: Member) => boolean;
  /** Has a machine that is down start again. */
  readonly startLater: (member: Member) => void;
}

export class Forgery {
  readonly #world: ForgeryWorld;
  /** Its log holds another history, and nobody knows it yet. */
  #forged: Member | null = null;
  count = 0;

  constructor(world: ForgeryWorld) {
    this.#world = world;
  }

  /** One at a time, and only of a machine that is down. */
  forge(member: Member): void {
    const { chance, members, mayLose, trace } = this.#world;
    const holders = members.filter(({ key }) => key !== null);
    if (
      this.#forged?.disk.isForged === true ||
      member.isUp ||
      !holders.every(({ isWhole }) => isWhole) ||
      !mayLose(member)
    )
      return;
    const isEverywhere = (index: number, term: number): boolean =>
      holders.every(({ disk }) => disk.hasEntry(index, term));
    const index = member.disk.forge(isEverywhere, chance);
    if (index === null) return;
    this.#forged = member;
    this.count++;
    trace(`${member.id} has another entry ${index}, with checksums that fit`);
  }

  /** A node has found another history than its own. What the changed one has sent may still be on its way, and be found later. */
  isExplained(): boolean {
    if (this.count === 0) return false;
    this.settle();
    return true;
  }

  /** The administrator has decided, or the disk has been replaced. */
  settle(): void {
    const { members, startLater } = this.#world;
    for (const { disk } of members) disk.clearFinding();
    const forged = this.#forged;
    this.#forged = null;
    // It may have another disk by now, or have lost its data.
    if (forged?.disk.isForged !== true) return;
    forged.crash();
    forged.disk.condemn("an administrator has decided that its history is wrong");
    startLater(forged);
  }
}
