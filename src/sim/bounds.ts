// How much waits in a node, and for how long? Each client has few operations under way, so a node never holds many requests. What arrives
// is looked at in the next turn. When the faults are over each entry is soon applied, and in the end nothing waits.
import type { LogIndex } from "../core/log-position.ts";
import { turnMsMax } from "../node/turn-loop.ts";
import type { Member } from "./member.ts";
import type { SimNetwork } from "./network.ts";
import type { Schedule } from "./schedule.ts";

export interface BoundOptions {
  readonly schedule: Schedule;
  readonly network: Pick<SimNetwork, "fullest">;
  /** Operations that may be under way at once. */
  readonly operations: number;
  readonly electionTimeoutMs: number;
  readonly violated: (what: string) => void;
}

/** An operation is at a node once, and again after each connection that broke, until its time is up. */
const requestsOfOneMax = 12;
/** Of the administrator, and of clients whose sessions begin. */
const otherRequestsMax = 12;
/**
 * Of one direction of a connection. The network holds what is sent for up to eight election timeouts, until the connection breaks. By
 * then the leader has sent a window of entries, its heartbeats, and one round for each read: 151 frames in seed 61001534.
 */
const framesMax = { peer: 300, client: 30 };
/** What a leader has sent while a node sleeps is in its mailbox at once when it wakes up, with what others have. */
const eventsMax = framesMax.peer + 100;
/** One is closed as soon as its snapshot is read. The one after it may have been opened by then. */
const bulkLinksMax = 4;
/** From the commit of an entry until it is applied, in election timeouts. */
const lateMax = 10;

/** Entries that are committed on a node since some time, and not applied. */
interface Due {
  readonly through: LogIndex;
  readonly sinceMs: number;
}

export class Bounds {
  readonly #options: BoundOptions;
  readonly #requestsMax: number;
  readonly #due = new Map<Member, Due[]>();
  /** Since when something waits in the mailbox of a node. */
  readonly #unreadSinceMs = new Map<Member, number>();
  #isCalm = false;
  /** As far as any node knows. */
  #committed: LogIndex = 0;

  constructor(options: BoundOptions) {
    this.#options = options;
    this.#requestsMax = requestsOfOneMax * options.operations + otherRequestsMax;
  }

  /** From now on a node that has once applied everything keeps up. */
  calm(): void {
    this.#isCalm = true;
  }

  /** After each event. */
  look(member: Member): void {
    const { node } = member;
    this.#lookAtMailbox(member);
    if (node === null) return void this.#due.delete(member);
    this.#committed = Math.max(this.#committed, node.state.commitIndex);
    const { waitingCount, open } = node.requests;
    const count = Math.max(waitingCount, open.count);
    if (count > this.#requestsMax) this.#options.violated(`${member.id} holds ${count} requests`);
    if (this.#isCalm && member.standstill === null) this.#lookAtLateness(member);
  }

  /** After each event. */
  lookAtNetwork(): void {
    const { network, violated } = this.#options;
    const { peer, client, bulk } = network.fullest;
    if (peer.count > framesMax.peer) violated(`${peer.count} frames are under way from ${peer.way}`);
    if (client.count > framesMax.client) violated(`${client.count} frames are under way from ${client.way}`);
    if (bulk.count > bulkLinksMax) violated(`${bulk.count} connections for bulk are open from ${bulk.way}`);
  }

  /** A turn comes at once, and the one before it is over in `turnMsMax`. One that sleeps takes none. */
  #lookAtMailbox(member: Member): void {
    const { schedule, violated } = this.#options;
    const count = member.isAsleep ? 0 : (member.node?.dueCount ?? 0);
    if (count > eventsMax) violated(`${count} events wait in the mailbox of ${member.id}`);
    if (count === 0) return void this.#unreadSinceMs.delete(member);
    const sinceMs = this.#unreadSinceMs.get(member);
    if (sinceMs === undefined) return void this.#unreadSinceMs.set(member, schedule.nowMs);
    const lateMs = schedule.nowMs - sinceMs;
    if (lateMs > turnMsMax) violated(`${member.id} has let ${count} events wait for ${lateMs} ms, and takes no turn`);
  }

  #lookAtLateness(member: Member): void {
    const { schedule, electionTimeoutMs, violated } = this.#options;
    const { appliedIndex, state } = member.node!;
    const due = this.#due.get(member);
    if (due === undefined) {
      // One that starts again in the meantime has to apply its log first.
      if (appliedIndex >= this.#committed) this.#due.set(member, []);
      return;
    }
    while (due.length > 0 && due[0]!.through <= appliedIndex) due.shift();
    const last = due.at(-1)?.through ?? appliedIndex;
    if (state.commitIndex > last) due.push({ through: state.commitIndex, sinceMs: schedule.nowMs });
    const late = (schedule.nowMs - (due[0]?.sinceMs ?? schedule.nowMs)) / electionTimeoutMs;
    if (late > lateMax)
      violated(`${member.id} has not applied entry ${appliedIndex + 1}, committed ${late} election timeouts ago`);
  }
}

/** Whether nothing waits in this node. */
export function isEmpty({ node }: Member): boolean {
  if (node === null) return true;
  const { waitingCount, open } = node.requests;
  return waitingCount + open.count + open.bytes === 0;
}
