// How is a change of the membership seen through? It may outlive the leader that began it: then whoever asked looks at what
// has become of it, and asks the next leader for what is left. Asking twice for the same is safe.
import { isDeepStrictEqual } from "node:util";
import { GraftError } from "../errors.ts";
import type { ConfigurationReply } from "../ports/requests.ts";
import type { RequestedChange } from "../ports/membership-requests.ts";
import type { GraftClient } from "./client.ts";
import { isMember, viewMembers } from "./members.ts";
import { pause } from "./pause.ts";

export interface PursuitOptions {
  /** For all of it, in ms. */
  readonly timeoutMs: number;
  /** Only while the configuration stands there. */
  readonly expectedIndex?: number;
}

const pauseMs = 100;
/** How long the nodes may take to show what is committed, ms. */
const showMs = 2_000;

/** Nothing of these, to be filled in. */
export const noRequest: RequestedChange = { add: [], promote: [], demote: [], remove: [], prioritize: [] };

/** What a change has come to. */
export interface CompletedChange {
  /** The configuration of a member before the change; null: no member was reached. */
  readonly before: ConfigurationReply | null;
  readonly after: ConfigurationReply;
}

/**
 * Resolves with the members once the change is complete, its new voters included. Rejects with a `GraftError`: `rejected`
 * when it is refused, `outcome-unknown` when it is not complete in time (it goes on), and as any request.
 */
export async function pursueChange(
  client: GraftClient,
  change: RequestedChange,
  { timeoutMs, expectedIndex }: PursuitOptions,
): Promise<CompletedChange> {
  const { clock } = client;
  const dueMs = clock.nowMs() + timeoutMs;
  const leftMs = (): number => Math.max(1, Math.ceil(dueMs - clock.nowMs()));
  // A member that has moved may lead, and the others do not know yet where.
  for (const { address } of change.add) client.alsoTry(address);
  const before = await membersNow(client, leftMs());
  let isInDoubt = false;
  for (;;) {
    const expected = expectedIndex === undefined || isInDoubt ? {} : { expectedIndex };
    const outcome = await client.changeMembership(change, { timeoutMs: leftMs(), ...expected }).catch(asFailure);
    if (!(outcome instanceof GraftError)) return { before, after: await membersFrom(client, outcome.index, leftMs()) };
    if (outcome.effect === "none" && !isInDoubt) throw outcome;
    const isLate = clock.nowMs() >= dueMs - pauseMs;
    // What is refused the second time may be what the first time has come to.
    const after = await membersNow(client, leftMs());
    const isSoNow = after !== null && isDone(change, before, after, await incarnationsOf(client, change, leftMs()));
    // A member that lags behind may show a list from before a node came that is to go now.
    const isNews = after !== null && before !== null && after.index > before.index;
    if (isSoNow && isNews && after.committed) return { before, after };
    // An uncommitted configuration may still be committed, or be cut off.
    if (outcome.effect === "none" && (isLate || !isSoNow || !isNews)) throw inDoubt(outcome);
    if (isLate) throw outcome;
    isInDoubt = true;
    await pause(clock, pauseMs);
  }
}

function asFailure(error: unknown): GraftError {
  if (error instanceof GraftError) return error;
  throw error;
}

const notShown = (index: number): GraftError =>
  new GraftError("result-lost", `no member was reached that shows the members as of index ${index}`, {
    subject: "change",
  });

/** That the last attempt had no effect says nothing of those before it. */
const inDoubt = (cause: GraftError): GraftError =>
  new GraftError("outcome-unknown", `an earlier attempt was not answered; the last one: ${cause.message}`, {
    cause,
    subject: "change",
  });

/** Null: no member was reached. */
async function membersNow(client: GraftClient, limitMs: number): Promise<ConfigurationReply | null> {
  const members = await viewMembers(client, Math.min(showMs, limitMs)).catch(() => null);
  return members !== null && isMember(members) ? members : null;
}

/** The members as of `index` at least. A member that answers may lag behind for a moment. */
async function membersFrom(client: GraftClient, index: number, limitMs: number): Promise<ConfigurationReply> {
  const { clock } = client;
  const dueMs = clock.nowMs() + Math.min(limitMs, showMs);
  for (;;) {
    const members = await membersNow(client, Math.max(1, Math.ceil(dueMs - clock.nowMs())));
    if (members !== null && members.index >= index) return members;
    if (clock.nowMs() >= dueMs - pauseMs) throw notShown(index);
    await pause(clock, pauseMs);
  }
}

/** The incarnations that run at the addresses of the additions, by id. A node that does not answer is missing. */
async function incarnationsOf(
  client: GraftClient,
  { add }: RequestedChange,
  limitMs: number,
): Promise<ReadonlyMap<string, string>> {
  const options = { timeoutMs: Math.min(showMs, limitMs) };
  const answers = await Promise.allSettled(add.map(({ address }) => client.configuration(options, address)));
  return new Map(
    answers.flatMap((each) => (each.status === "fulfilled" ? [[each.value.node, each.value.incarnation]] : [])),
  );
}

/**
 * Whether the change is complete. A node with a wiped disk looks like the voter that it was before. So the list must name the
 * incarnation that runs now or, if the node does not answer, differ from the list before.
 */
export function isDone(
  change: RequestedChange,
  before: Pick<ConfigurationReply, "members"> | null,
  after: Pick<ConfigurationReply, "members">,
  incarnations: ReadonlyMap<string, string>,
): boolean {
  if (!isSo(change, after)) return false;
  return change.add.every(({ id }) => {
    const own = after.members.find((member) => member.id === id);
    const incarnation = incarnations.get(id);
    if (incarnation !== undefined) return own?.incarnation === incarnation;
    return before !== null && !before.members.some((member) => isDeepStrictEqual(member, own));
  });
}

/** Whether a configuration is as the change would make it. */
function isSo(change: RequestedChange, { members }: Pick<ConfigurationReply, "members">): boolean {
  if (members.some(({ outgoing }) => outgoing)) return false;
  const called = (name: string) =>
    members.filter(({ id, incarnation }) => name === id || name === `${id}@${incarnation}`);
  const isAlone = (id: string): boolean => called(id).length === 1;
  return (
    change.add.every(({ id, address, voter }) =>
      called(id).every((member) => isAlone(id) && member.address === address && (member.voter || !voter)),
    ) &&
    change.add.every(({ id }) => called(id).length > 0) &&
    change.promote.every((name) => called(name).some(({ voter }) => voter)) &&
    change.demote.every((name) => called(name).every(({ voter }) => !voter)) &&
    change.remove.every(
      (name) => called(name).length === 0 || (change.add.some(({ id }) => id === name) && isAlone(name)),
    ) &&
    change.prioritize.every(({ name, priority }) => called(name).every((member) => member.priority === priority))
  );
}
