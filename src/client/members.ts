// Which nodes belong to the cluster? Only the list of a member counts. A node that waits to be added, or was removed, may have a list
// that is older than the latest change.
import type { ConfigurationReply } from "../ports/requests.ts";

/** A client that asks a node for its list of the members. */
interface Lister {
  /** The nodes that it knows. */
  readonly addresses: readonly string[];
  configuration(options: { readonly timeoutMs: number }, address?: string): Promise<ConfigurationReply>;
}

/** How long one node among several may take to answer for itself, in ms. */
const nodeAnswerMs = 1000;

/** Whether the node that answers is a member by its own list, with the data that it has now. */
export const isMember = ({ node, incarnation, removed, members }: ConfigurationReply): boolean =>
  !removed && members.some((member) => member.id === node && member.incarnation === incarnation);

/**
 * The list of a member; of several the newest. Where no member is reached, that of any node, which says so. Rejects with
 * `GraftError("unavailable")` when no node at all answers within `timeoutMs`.
 */
export async function viewMembers(client: Lister, timeoutMs: number): Promise<ConfigurationReply> {
  const first = await client.configuration({ timeoutMs });
  if (isMember(first)) return first;
  const limitMs = Math.min(nodeAnswerMs, timeoutMs);
  const addresses = new Set([...first.members.map(({ address }) => address), ...client.addresses]);
  const answers = await Promise.allSettled(
    [...addresses].map((address) => client.configuration({ timeoutMs: limitMs }, address)),
  );
  const told = answers.flatMap((answer) =>
    answer.status === "fulfilled" && isMember(answer.value) ? [answer.value] : [],
  );
  return told.sort((one, other) => other.index - one.index)[0] ?? first;
}
