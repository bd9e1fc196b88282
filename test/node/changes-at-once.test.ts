// Two changes of the members that were both decided on the same configuration: only one of them may be made.
import { expect, test } from "bun:test";
import type { RequestedChange } from "../../src/ports/membership-requests.ts";
import { changing, voters } from "./administering.ts";
import { Cluster } from "./cluster.ts";

async function askedAtOnce(moreBetween: (cluster: Cluster) => void) {
  const cluster = await Cluster.founded(["n1", "n2", "n3", "n4", "n5"]);
  const { leader, followers } = cluster;
  const clients = [cluster.client(leader.id), cluster.client(leader.id)] as const;
  const changes: Partial<RequestedChange>[] = [{ demote: [followers[0]!.id] }, { demote: [followers[1]!.id] }];
  const expectedIndex = leader.node.state.log.configurations.at(-1)!.position.index;
  for (const [at, client] of clients.entries()) {
    client.send(changing(changes[at]!, { expectedIndex }));
    if (at === 0) moreBetween(cluster);
  }
  await cluster.until("both are answered", () => clients.every(({ raw }) => raw.length > 0), 70_000);
  return { cluster, replies: clients.map(({ raw }) => raw[0]!) };
}

test.each([
  ["in the same moment", () => {}],
  ["while the first one is under way", (cluster: Cluster) => cluster.clock.runSoon()],
] as const)(
  "of two changes that expect the same configuration, asked for %s, one is made and the other is refused",
  async (_, between) => {
    const { cluster, replies } = await askedAtOnce(between);
    expect(replies.map(({ kind }) => kind)).toEqual(["membershipChanged", "error"]);
    const message = expect.stringContaining("the configuration has changed");
    expect(replies[1]).toMatchObject({ code: "rejected", message });
    expect(voters(cluster.leader)).toHaveLength(4);
    await cluster.stopAll();
  },
);
