// How is a change of the membership seen through? It may outlive the leader that began it: then whoever asked looks at what
// has become of it, and asks the next leader for what is left. Asking twice for the same is safe.
import { GraftError } from "../errors.ts";
import type { ConfigurationReply } from "../ports/requests.ts";
import type { RequestedChange } from "../ports/membership-requests.ts";
import type { GraftClient } from "./client.ts";
import { viewMembers } from "./cluster-view.ts";

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

/**
 * Resolves with the members once the change is complete, its new voters included. Rejects with a `GraftError`: `rejected`
 * when it is refused, `outcome-unknown` when it is not complete in time (it goes on), and as any request.
 */
export async function pursueChange(
  client: GraftClient,
  change: RequestedChange,
  { timeoutMs, expectedIndex }: PursuitOptions,
): Promise<ConfigurationReply> {
  const dueMs = performance.now() + timeoutMs;
  const leftMs = (): number => Math.max(1, Math.ceil(dueMs - performance.now()));
  let isInDoubt = false;
  for (;;) {
    const expected = expectedIndex === undefined || isInDoubt ? {} : { expectedIndex };
    const outcome = await client.changeMembership(change, { timeoutMs: leftMs(), ...expected }).catch(asFailure);
    if (!(outcome instanceof GraftError)) {
      return configurationFrom(client, outcome.index, leftMs()).catch((error: unknown) => {
        throw notShown(asFailure(error));
      });
    }
    if (outcome.effect === "none" && !isInDoubt) throw outcome;
    const isLate = performance.now() >= dueMs - pauseMs;
    // What is refused the second time may be what the first time has come to.
    const members = await viewMembers(client, Math.min(showMs, leftMs())).catch(() => null);
    if (members !== null && isSo(change, members)) return members;
    if (outcome.effect === "none") throw inDoubt(outcome);
    if (isLate) throw outcome;
    isInDoubt = true;
    await Bun.sleep(pauseMs);
  }
}

function asFailure(error: unknown): GraftError {
  if (error instanceof GraftError) return error;
  throw error;
}

const notShown = (cause: GraftError): GraftError =>
  new GraftError("result-lost", `no node shows the new members: ${cause.message}`, { cause, subject: "change" });

/** That the last attempt had no effect says nothing of those before it. */
const inDoubt = (cause: GraftError): GraftError =>
  new GraftError("outcome-unknown", `an earlier attempt was not answered; the last one: ${cause.message}`, {
    cause,
    subject: "change",
  });

/** The members as of `index` at least; whichever node answers may lag a moment behind. */
async function configurationFrom(client: GraftClient, index: number, limitMs: number): Promise<ConfigurationReply> {
  const dueMs = performance.now() + Math.min(limitMs, showMs);
  for (;;) {
    const members = await viewMembers(client, Math.max(1, Math.ceil(dueMs - performance.now())));
    if (members.index >= index || performance.now() >= dueMs - pauseMs) return members;
    await Bun.sleep(pauseMs);
  }
}

/** Whether a configuration is as the change would make it. */
export function isSo(change: RequestedChange, { members }: Pick<ConfigurationReply, "members">): boolean {
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
