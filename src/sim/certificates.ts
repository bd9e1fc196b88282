// When do the certificates of simulated machines expire, and who issues new ones? A machine has one for some time, and an operator starts
// its node with another one, late. When the faults are over some are left expired, as few as the cluster does without: another node has to lead.
import type { Chance, Range } from "./chance.ts";
import { wallAt } from "./life.ts";
import type { Member } from "./member.ts";
import type { Schedule } from "./schedule.ts";

export interface CertificatePace {
  /** Null: they never expire. */
  readonly lifeMs: Range | null;
  /** How late an operator issues the next one. */
  readonly noticeMs: Range;
}

export interface CertificateWorld {
  readonly schedule: Schedule;
  readonly chance: Chance;
  readonly trace: (line: string) => void;
}

/** How often one lasts, an operator notices that it does not, and a node is left without a new one when the faults are over. */
const endlessOften = 0.3;
const noticedOften = 0.8;
const leavesOften = 0.7;

export class Certificates {
  readonly #pace: CertificatePace;
  readonly #world: CertificateWorld;
  /** When each ends, ms since 1970. */
  readonly #ends = new Map<string, number>();
  readonly #left = new Set<Member>();
  #isOver = false;
  expired = 0;

  constructor(pace: CertificatePace, world: CertificateWorld) {
    this.#pace = pace;
    this.#world = world;
  }

  /** For a node that starts: when the certificate of its machine ends, ms since 1970; null: never. */
  endOf(member: Member): number | null {
    const { lifeMs } = this.#pace;
    if (lifeMs === null) return null;
    if (!this.#ends.has(member.id)) this.#issue(member, lifeMs);
    return this.#ends.get(member.id)!;
  }

  #issue(member: Member, lifeMs: Range): void {
    const { schedule, chance, trace } = this.#world;
    const isEndless = this.#isOver || chance.happens(endlessOften);
    const endsInMs = isEndless ? Number.POSITIVE_INFINITY : chance.from(lifeMs);
    this.#ends.set(member.id, wallAt(schedule.nowMs + endsInMs));
    if (isEndless) return;
    schedule.after(endsInMs, () => {
      if (this.#isOver) return;
      this.expired++;
      trace(`the certificate of ${member.id} has expired`);
      schedule.after(chance.from(this.#pace.noticeMs), () => {
        if (!this.#isOver && chance.happens(noticedOften)) this.#renew(member);
      });
    });
  }

  #renew(member: Member): void {
    this.#world.trace(`${member.id} gets a new certificate`);
    this.#ends.delete(member.id);
    if (member.isUp) member.restart();
  }

  /** The faults are over. From now on no certificate expires but that of a node that is left, which may lead until then. */
  end(members: readonly Member[], mayLeave: (member: Member) => boolean): void {
    const { chance, trace } = this.#world;
    this.#isOver = true;
    const ending = members.filter(({ id }) => Number.isFinite(this.#ends.get(id) ?? Number.POSITIVE_INFINITY));
    for (const member of ending.sort((one, other) => Number(other.isLeader) - Number(one.isLeader))) {
      if (this.#left.size === 0 && mayLeave(member) && chance.happens(leavesOften)) {
        this.#left.add(member);
        trace(`the certificate of ${member.id} is left to expire`);
      } else this.#renew(member);
    }
  }

  /** Nobody counts on it: its connections stay as long as they last. */
  isLeft(member: Member): boolean {
    return this.#left.has(member);
  }
}
