// Has a simulated cluster settled, when all faults are over? First all that count follow one leader, and in the end all logs are equal and
// applied, and nobody waits. Some machines rest until then: the cluster has to serve without them.
import { isEmpty } from "./bounds.ts";
import type { Certificates } from "./certificates.ts";
import type { Chance } from "./chance.ts";
import type { Member } from "./member.ts";
import type { SimNetwork } from "./network.ts";
import type { Spoils } from "./spoils.ts";
import type { Standing } from "./standing.ts";
import type { Standstills } from "./standstills.ts";
import type { Workload } from "./workload.ts";

export interface SettledWorld {
  readonly standing: Standing;
  readonly standstills: Standstills;
  readonly spoils: Pick<Spoils, "areSound">;
  readonly certificates: Certificates;
  readonly network: SimNetwork;
  readonly workload: Workload;
  /** Whether this leader has woken its state machine as it has asked for. */
  readonly isAwake: (leader: Member) => boolean;
}

/** How often some machines rest. */
const restsOften = 0.5;

export class Settled {
  readonly #members: readonly Member[];
  readonly #world: () => SettledWorld;
  resting: readonly Member[] = [];

  /** @param world its parts, once there are all */
  constructor(members: readonly Member[], world: () => SettledWorld) {
    this.#members = members;
    this.#world = world;
  }

  /** Draws which machines stay down. */
  drawResting(chance: Chance): readonly Member[] {
    if (!chance.happens(restsOften)) return [];
    this.resting = this.#world().standing.spare(chance.shuffled(this.#members));
    return this.resting;
  }

  /** Members with the data that they have now. Others wait to be added, or have been removed. */
  get counting(): readonly Member[] {
    const { certificates, standing } = this.#world();
    const members = standing.governing?.members ?? [];
    const isAway = (each: Member): boolean => each.isOut || certificates.isLeft(each) || this.resting.includes(each);
    return this.#members.filter((each) => !isAway(each) && members.some(({ key }) => key === each.key));
  }

  /** Members that are to be reached at other addresses than the cluster has of them. */
  get moved(): readonly Member[] {
    const members = this.#world().standing.governing?.members ?? [];
    const isKnown = (each: Member): boolean =>
      members.some(({ key, address }) => key === each.key && address === each.address);
    return this.counting.filter((each) => !isKnown(each));
  }

  /** All that it reaches follow one leader, also one with which something is wrong. */
  get isLedByAny(): boolean {
    const { certificates, network } = this.#world();
    const counting = this.counting;
    // With an expired certificate it reaches those with which it is connected still.
    const reached = (leader: Member): readonly Member[] =>
      certificates.isLeft(leader) ? counting.filter(({ id }) => network.isConnected(leader.id, id)) : counting;
    return this.#members.some((each) => isFollowed(each, reached(each)));
  }

  /** All follow one leader, which has nothing to hand over for. */
  get isLed(): boolean {
    const { standstills, spoils } = this.#world();
    if (!spoils.areSound) return false;
    const counting = this.counting;
    const leading = counting.find((each) => isFollowed(each, counting));
    return leading !== undefined && !standstills.isLeft(leading) && standstills.areKnownTo(leading);
  }

  /** All logs are equal and applied, and nobody waits. */
  get isQuiet(): boolean {
    const { network, standstills, spoils, workload, isAwake } = this.#world();
    const counting = this.counting;
    if (!spoils.areSound || workload.underWay > 0 || !counting.every(({ isUp }) => isUp)) return false;
    const leader = counting.find(({ isLeader }) => isLeader);
    const appliedIndex = leader?.node?.appliedIndex;
    if (leader !== undefined && !standstills.isLeft(leader) && !isAwake(leader)) return false;
    if (network.heldCount + network.bulkCount > 0) return false;
    return counting.every((member) => {
      const node = member.node!;
      if (!standstills.isLeft(member) && !isEmpty(member)) return false;
      const isApplied = node.appliedIndex === appliedIndex || standstills.isLeft(member);
      return isApplied && node.state.log.last.index === appliedIndex;
    });
  }
}

/** Whether this one leads, and all of these follow it in its term. It may be one of them. */
function isFollowed({ isLeader, node }: Member, by: readonly Member[]): boolean {
  const leader = node?.state;
  if (leader === undefined || !isLeader) return false;
  return by.every((each) => {
    const state = each.node?.state;
    if (state === leader) return true;
    if (state?.currentTerm !== leader.currentTerm) return false;
    return state.role.kind === "follower" && state.role.leader === leader.self;
  });
}
