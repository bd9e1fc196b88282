// What does a node do to the cluster that was never added, has a certificate, and lies? It claims to lead the next term, sends entries
// that no leader made, and asks for votes with the longest log of all. It hears nothing: no member sends it anything that matters.
import { type MemberKey, nodeIdOf, toMemberKey } from "../core/configuration.ts";
import type { Entry } from "../core/entry.ts";
import type { Message } from "../core/messages.ts";
import type { State } from "../core/state.ts";
import type { Chance } from "./chance.ts";
import type { Member } from "./member.ts";
import type { Schedule } from "./schedule.ts";

const stranger: MemberKey = toMemberKey("stranger", "disk1");

/** How long a node waits at the least without a quorum before it hears a stranger, in election timeouts: core/vouching.ts. */
const deafFor = 60;

const liesAtOnce = 3;

export interface StrangerWorld {
  readonly schedule: Schedule;
  readonly chance: Chance;
  readonly members: readonly Member[];
  /** Between two lies to all nodes, on average. */
  readonly everyMs: number;
}

export class Stranger {
  readonly #world: StrangerWorld;
  /** The last life of each member in which it was lied to before it had a leader. */
  readonly #greeted = new Map<Member, number>();

  constructor(world: StrangerWorld) {
    this.#world = world;
  }

  /** One lie after the other, until the end. */
  lieOn(): void {
    const { chance, everyMs, members, schedule } = this.#world;
    schedule.after(chance.wait(everyMs), () => {
      for (const member of members) if (chance.happens(0.7)) this.#lieTo(member);
      this.lieOn();
    });
  }

  /** A member that has lost its log knows its cluster and no leader yet: it is lied to before the leader finds it. */
  look(member: Member): void {
    const { lives, node } = member;
    const state = node?.state;
    if (state === undefined || state.refill === null || state.genesis === null || leaderOf(state) !== null) return;
    if (this.#greeted.get(member) === lives) return;
    this.#greeted.set(member, lives);
    for (let lies = 0; lies < liesAtOnce; lies++) this.#world.schedule.after(0, () => this.#lieTo(member));
  }

  #lieTo(member: Member): void {
    const state = member.node?.state;
    // A node that has never taken part follows any node that brings it the log, and so does one that is alone for very long.
    if (state === undefined || (!state.wasMember && state.refill === null) || isAlone(state)) return;
    member.hear(stranger, this.#lie(state));
  }

  #lie({ currentTerm, log, commitIndex, refill: refilling }: State): Message {
    const term = currentTerm + 1;
    const last = { index: log.last.index + 100, term: currentTerm };
    const entry: Entry = { kind: "noop", index: log.last.index + 1, term, stampMs: log.lastStampMs };
    const refill = refilling === null ? null : { id: refilling.id, through: log.last.index + 1 };
    const claim = {
      kind: "appendEntries",
      term,
      prev: log.last,
      leaderCommit: commitIndex,
      freshAsOf: null,
      prevChain: 0,
      confirmed: 0,
      refill,
    } as const;
    return this.#world.chance.pick<Message>([
      { ...claim, entries: [entry], round: 1 },
      { ...claim, entries: [], round: 2 },
      { ...claim, term: currentTerm, entries: [], round: 2 },
      { kind: "requestPreVote", term, last, transfer: true },
      { kind: "requestVote", term, last, transfer: true },
      { kind: "requestVoteReply", term: currentTerm, granted: true },
      { kind: "requestMembersReply", index: 2 ** 50, members: [stranger] },
    ]);
  }
}

const isAlone = ({ vouching, nowMs, settings }: State): boolean =>
  vouching !== null && nowMs - vouching.aloneSinceMs >= (deafFor / 2) * settings.electionTimeoutMs;

const leaderOf = ({ role }: State): MemberKey | null => (role.kind === "follower" ? role.leader : null);

/** Whether this node takes one for its leader that is no machine of the cluster. */
export function followsStranger(state: State): boolean {
  const leader = leaderOf(state);
  return leader !== null && nodeIdOf(leader) === nodeIdOf(stranger);
}
