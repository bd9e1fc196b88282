// Growing, shrinking and replacing with the command line, on real nodes: what is said, and what is true afterwards.
import { afterEach, describe, expect, test } from "bun:test";
import { TestCluster } from "./test-cluster.ts";

let open: TestCluster | null = null;
afterEach(async () => {
  await open?.remove();
  open = null;
});

async function started(): Promise<TestCluster> {
  open = await TestCluster.start();
  return open;
}

async function members(
  cluster: TestCluster,
): Promise<Record<string, { address: string; voter: boolean; incarnation: string }>> {
  const { members: list } = await cluster.client.configuration();
  return Object.fromEntries(list.map(({ id, ...member }) => [id, member]));
}

describe("a node that is added", () => {
  test("gets all data, votes, and everything says so", async () => {
    const cluster = await started();
    await cluster.graft(["execute", "command", "put", '{"key":"a","value":"1"}']);
    const { address } = await cluster.join("n4");
    const dry = await cluster.graft(["cluster", "add", "n4", address, "--dry-run"]);
    expect(dry).toMatchObject({ exitCode: 0, stderr: "" });
    expect(dry.stdout).toContain("nothing was changed");
    expect(dry.stdout).toContain("4 voters tolerate no more failures than 3 would");
    expect(Object.keys(await members(cluster))).toEqual(["n1", "n2", "n3"]);
    const added = await cluster.graft(["cluster", "add", "n4", address]);
    expect(added).toMatchObject({ exitCode: 0, stderr: "" });
    expect(added.stdout).toBe(
      `n4 at ${address} is a voter; it holds all data\nvoters: n1, n2, n3, n4; 3 of them decide, 1 may fail\n`,
    );
    const status = JSON.parse((await cluster.graft(["cluster", "status", "--json"])).stdout);
    expect(status.nodes.find(({ id }: { id: string }) => id === "n4")).toMatchObject({ voter: true, reachable: true });
    const read = await cluster.graft(["execute", "query", "get", '{"key":"a"}', "-c", address]);
    expect(read.stdout).toContain("1");
  }, 60_000);
});
