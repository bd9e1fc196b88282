// What becomes of an administrator's request to skip the entry that the state machine cannot get past? A majority of the voters must stand
// still at it, the leader among them: where others have got past it, it is not the entry that is wrong.
import { codeOf, type PlacedActivation } from "../core/activation.ts";
import { type Configuration, type MemberKey, nodeIdOf } from "../core/configuration.ts";
import type { LogIndex } from "../core/log-position.ts";
import { latestConfiguration } from "../core/log-terms.ts";
import { isQuorum } from "../core/quorum.ts";
import type { State } from "../core/state.ts";
import type { Clock } from "../ports/clock.ts";
import type { ClientReply } from "../ports/requests.ts";
import type { ClientConnection, PeerStatus } from "../ports/transport.ts";
import type { SkipRequest } from "../ports/version-requests.ts";
import { firstAnswer } from "./answers.ts";
import { knownLeader, notLeader } from "./known-leader.ts";
import type { OpenRequests } from "./open-requests.ts";
import { type ReplyError, timeoutMsMax, type Waiter } from "./waiting-clients.ts";

/** What the decision is taken from. */
export interface SkipView {
  readonly state: Pick<State, "log" | "self">;
  /** The entry that the state machine of the leader cannot get past; null: there is none, or nobody can tell which one it is. */
  readonly stuckAt: LogIndex | null;
  /** The last entry that the state machine of the leader has got past. */
  readonly appliedIndex: LogIndex;
  /** Whether the state machine of this voter has said that it stands still at this entry, or before it. */
  standsStillAt(key: MemberKey, entry: LogIndex): boolean;
  peers(): readonly PeerStatus[];
}

/** The node as such a request sees it. */
export interface SkipTarget extends Omit<SkipView, "state"> {
  readonly state: State;
  /** Why it takes no change just now; null: it does. */
  readonly refusalOfChanges: ReplyError | null;
  readonly clock: Clock;
  readonly open: OpenRequests;
  /** For people: the operation of the command that the state machine cannot get past; null: it names none. */
  operationAt(entry: LogIndex): string | null;
  /** From now on nobody is told what this entry came to, until the function is called that is returned. */
  deciding(entry: LogIndex): () => void;
  submit(waiter: Waiter): void;
}

export function onSkipRequest(
  node: SkipTarget,
  { id, entry, dryRun, timeoutMs }: SkipRequest,
  client: ClientConnection,
  send: (answer: ClientReply) => void,
): void {
  const reply = firstAnswer(send);
  const fail = (error: ReplyError): void => reply({ kind: "error", id, ...error });
  const leads = node.state.role.kind === "leader";
  const obstacle = node.refusalOfChanges ?? (leads ? null : notLeader(knownLeader(node.state)));
  if (obstacle !== null) return fail(obstacle);
  const { activations } = node.state.log;
  const decided = decisionOn(entry, node.state);
  const operation = entry === node.stuckAt ? node.operationAt(entry) : null;
  const skipped = (index: LogIndex | null, refusal: string | null = null): void =>
    reply({ kind: "skipped", id, index, operation, refusal });
  if (decided !== null) return skipped(dryRun ? null : decided);
  const refusal = whyNotSkipped(entry, node);
  if (dryRun) return skipped(null, refusal);
  const active = activations.at(-1);
  if (refusal !== null || active === undefined) {
    return fail({ code: "rejected", message: refusal ?? "no version is active yet", leader: null });
  }
  const objection = node.open.objection(client.name, 0);
  if (objection !== null) return fail({ code: "overloaded", message: objection, leader: null });
  const over = node.deciding(entry);
  node.submit({
    kind: "activate",
    ...decisionOf(active, entry),
    payload: new Uint8Array(),
    from: client,
    open: node.open.open(client.name, 0),
    dueMs: node.clock.nowMs() + Math.min(timeoutMs, timeoutMsMax),
    succeed: (_, { index }) => {
      over();
      skipped(index);
    },
    fail: (error) => {
      over();
      fail(error);
    },
  });
}

/** The version that is active stays so. */
const decisionOf = ({ plugin }: PlacedActivation, skips: LogIndex) => ({
  plugin: codeOf(plugin),
  replaces: false,
  skips,
});

/** The committed entry that has decided it already; null: none. */
function decisionOn(entry: LogIndex, { log, commitIndex }: Pick<State, "log" | "commitIndex">): LogIndex | null {
  const decision = log.activations.find(({ skips, position }) => skips === entry && position.index <= commitIndex);
  return decision?.position.index ?? null;
}

/** Null: it can be skipped. */
export function whyNotSkipped(entry: LogIndex, view: SkipView): string | null {
  const { state, stuckAt } = view;
  const self = nodeIdOf(state.self);
  if (view.appliedIndex >= entry) {
    return `the state machine of ${self}, which leads, has got past entry ${entry}, or it has been skipped before; see graft cluster status`;
  }
  if (stuckAt !== entry) return whereItStands(self, stuckAt, entry);
  if (state.log.activations.some(({ position }) => position.index === entry)) {
    return `entry ${entry} activates a version of the plugin and cannot be skipped: correct its migrate or restore, and restart the nodes`;
  }
  const configuration = latestConfiguration(state.log);
  if (configuration === null) return "the members are not known yet";
  const standing = votersOf(configuration).filter((key) => key === state.self || view.standsStillAt(key, entry));
  if (!isQuorum(configuration, standing)) {
    const names = standing.map(nodeIdOf).join(", ");
    return (
      `only ${names} of ${votersOf(configuration).map(nodeIdOf).join(", ")} cannot get past entry ${entry}, which is no majority of the voters; ` +
      `wait until the others have said how far they are; where they have got past it, the fault is ${self}'s: restart ${self}`
    );
  }
  const known = new Map(view.peers().map((peer) => [peer.id, peer]));
  // A disk that a node had before may still be a member: the node is asked once, and this one need not be.
  const others = new Set(configuration.members.map(({ key }) => nodeIdOf(key)).filter((id) => id !== self));
  const unable = [...others].filter((id) => known.get(id)?.knowsSkips !== true);
  if (unable.length === 0) return null;
  return `${unable.join(", ")} did not say that they understand it: start those that are down, and put this version of graft on all nodes`;
}

const votersOf = ({ voters, outgoing }: Configuration): readonly MemberKey[] => [...new Set([...voters, ...outgoing])];

function whereItStands(self: string, stuckAt: LogIndex | null, entry: LogIndex): string {
  const where = stuckAt === null ? "stands still at no entry that is known" : `cannot get past entry ${stuckAt}`;
  return `the state machine of ${self}, which leads, ${where}, so entry ${entry} is not skipped; see graft cluster status`;
}
