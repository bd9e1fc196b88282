// All addresses of a cluster change at once: its members find each other again by the addresses of their configuration files.
import { afterEach, describe, expect, test } from "bun:test";
import { Cluster } from "./cluster.ts";

let open: Cluster | null = null;
afterEach(async () => {
  await open?.stopAll();
  open = null;
});

const three = ["n1", "n2", "n3"] as const;

/** All nodes are down; their disks. */
async function fallen() {
  const cluster = (open = await Cluster.founded(three));
  const disks = new Map<string, Awaited<ReturnType<Cluster["crash"]>>>();
  for (const id of three) disks.set(id, await cluster.crash(id));
  return { cluster, disks };
}

describe("P75: all addresses change at once", () => {
  for (const [table, file] of [
    ["bootstrap", { domain: "moved" }],
    ["join", { domain: "moved", bootstrap: null, join: ["n1", "n2", "n3"] }],
  ] as const) {
    test(`the members find each other again through \`${table}\`, and lead and commit`, async () => {
      const { cluster, disks } = await fallen();
      for (const id of three) await cluster.start(id, { ...file, disk: disks.get(id)! });
      const leader = await cluster.electLeader();
      expect(leader.node.state.log.configurations.at(-1)?.configuration.members.map(({ address }) => address)).toEqual(
        three.map((id) => `${id}.test:7400`),
      );
      await cluster.until("all are connected", () => leader.node.peers().every(({ reachable }) => reachable));
      expect(
        leader.node
          .peers()
          .map(({ address }) => address)
          .sort(),
      ).toEqual(three.filter((id) => id !== leader.id).map((id) => `${id}.moved:7400`));
      const logs = [...cluster.members.values()].flatMap((member) => member.logs);
      expect(logs.some((line) => line.startsWith("warn a member has moved"))).toBe(true);
    });
  }

  test("another disk that answers there is not the member, and is not dialled", async () => {
    const { cluster, disks } = await fallen();
    await cluster.start("n2", { domain: "moved", incarnation: "n2-new-disk", bootstrap: null, join: [] });
    const back = await cluster.start("n1", { domain: "moved", disk: disks.get("n1")! });
    await cluster.advance(5_000, 100);
    expect(back.node.peers().map(({ address, reachable }) => [address, reachable])).toEqual([
      ["n2.test:7400", false],
      ["n3.test:7400", false],
    ]);
  });

  test("a member at its old address is not looked for", async () => {
    const cluster = (open = await Cluster.founded(three));
    await cluster.advance(5_000, 100);
    const logs = [...cluster.members.values()].flatMap((member) => member.logs);
    expect(logs.filter((line) => line.includes("has moved"))).toEqual([]);
  });
});
