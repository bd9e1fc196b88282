// What stories about members say again and again: who joins, who is to vote, who votes.
import { nodeIdOf } from "../../src/core/configuration.ts";
import { latestConfiguration } from "../../src/core/log-terms.ts";
import type { Addition } from "../../src/core/membership-change.ts";
import type { Cluster } from "./cluster.ts";

/** The node starts for the first time, without a table of founders, and says hello to the others. */
export function join(cluster: Cluster, id: string, ...others: readonly string[]): void {
  cluster.startToJoin(id);
  for (const other of others) cluster.connect(id, other);
  cluster.settle();
}

/** The node as it is now, to be added as a voter. */
export const asVoter = (cluster: Cluster, id: string): Addition => ({
  key: cluster.keyOf(id),
  address: `${id}:7400`,
  priority: null,
  voter: true,
});

/** The ids of the voters in the configuration that is in force on the node, in order. */
export const votersOf = (cluster: Cluster, id: string): readonly string[] =>
  (latestConfiguration(cluster.state(id).log)?.voters ?? []).map(nodeIdOf).sort();
