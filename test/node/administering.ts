// How an administrator's requests are made in tests of the membership, and what the nodes show of it.
import { afterEach } from "bun:test";
import { nodeIdOf } from "../../src/core/configuration.ts";
import { latestConfiguration } from "../../src/core/log-terms.ts";
import type { RequestedChange } from "../../src/ports/membership-requests.ts";
import type { ClientReply, ClientRequest } from "../../src/ports/requests.ts";
import { Cluster, type Member } from "./cluster.ts";

export const three = ["n1", "n2", "n3"] as const;

export interface TestClusters {
  /** Three nodes with a leader. */
  readonly founded: () => Promise<Cluster>;
  readonly kept: (cluster: Cluster) => Cluster;
}

/** For the tests of the file that calls this: each cluster is stopped after its test. */
export function testClusters(): TestClusters {
  const open: Cluster[] = [];
  afterEach(async () => {
    for (const cluster of open.splice(0)) await cluster.stopAll();
  });
  const kept = (cluster: Cluster): Cluster => {
    open.push(cluster);
    return cluster;
  };
  return { founded: async () => kept(await Cluster.founded(three)), kept };
}

const nothing: RequestedChange = { add: [], promote: [], demote: [], remove: [], prioritize: [] };
export const newcomer = (id: string, voter = true) => ({
  id,
  address: `${id}.test:7400`,
  priority: null,
  voter,
  behindNat: false,
});

export const join = (cluster: Cluster, id: string, at: readonly string[] = ["n1"]): Promise<Member> =>
  cluster.start(id, { bootstrap: null, join: at });

interface ChangeOptions {
  readonly expectedIndex?: number;
  readonly dryRun?: boolean;
  readonly timeoutMs?: number;
}

/** What `Client.send` takes. */
export function changing(changes: Partial<RequestedChange>, options: ChangeOptions = {}) {
  const { expectedIndex = null, dryRun = false, timeoutMs = 60_000 } = options;
  const request = { change: { ...nothing, ...changes }, timeoutMs, expectedIndex, dryRun };
  return (id: number): ClientRequest => ({ kind: "changeMembership", id, ...request });
}

/** Asks the node, and lets time pass until it has answered. */
export async function change(
  cluster: Cluster,
  asked: Member,
  changes: Partial<RequestedChange>,
  options: ChangeOptions = {},
): Promise<ClientReply> {
  const client = cluster.client(asked.id);
  client.send(changing(changes, options));
  await cluster.until("the change is answered", () => client.raw.length > 0, 70_000);
  return client.raw[0]!;
}

export const voters = ({ node }: Member): readonly string[] =>
  latestConfiguration(node.state.log)?.voters.map(nodeIdOf) ?? [];
