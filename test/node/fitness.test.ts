// Leadership goes to nodes that can lead well, as the nodes tell each other.
import { afterEach, describe, expect, test } from "bun:test";
import { Cluster, type Member } from "./cluster.ts";

const three = ["n1", "n2", "n3"] as const;

let open: Cluster | null = null;
afterEach(async () => {
  await open?.stopAll();
  open = null;
});

async function founded(prepare: (cluster: Cluster) => void = () => {}): Promise<Cluster> {
  const cluster = new Cluster(three);
  open = cluster;
  prepare(cluster);
  for (const id of three) await cluster.start(id);
  await cluster.settle();
  await cluster.electLeader();
  return cluster;
}

/** What each member that runs believes of this one. */
const beliefs = (cluster: Cluster, about: Member): ReadonlySet<string | undefined> =>
  new Set([...cluster.members.values()].map(({ node }) => node.state.unfit.get(about.node.state.self)));

function problemsOf(cluster: Cluster, asked: Member): Record<string, string | null> {
  const client = cluster.client(asked.id);
  client.send((id) => ({ kind: "status", id }));
  const [status] = client.raw;
  if (status?.kind !== "status") throw new Error("no status");
  return Object.fromEntries(status.nodes.map(({ id, problem }) => [id, problem]));
}

describe("P71: a node that the other voters cannot dial", () => {
  test("hands leadership to one that they can, and says so", async () => {
    const cluster = await founded();
    const { leader } = cluster;
    cluster.network.shut(leader.id);
    await cluster.until("another one leads", () => cluster.leader !== leader, 60_000);
    expect(beliefs(cluster, leader)).toEqual(new Set(["hidden"]));
    expect(problemsOf(cluster, leader)[leader.id]).toContain("the other voters cannot dial it");
    expect(problemsOf(cluster, cluster.leader)[leader.id]).toContain("the other voters cannot dial it");
    // It stays a voter that counts, and never leads while others can.
    await cluster.advance(60_000, 50);
    expect(cluster.leader).not.toBe(leader);
  });

  test("is handed nothing, also when the leader stops and there is no other", async () => {
    const cluster = await founded();
    const { leader, followers } = cluster;
    for (const { id } of followers) cluster.network.shut(id);
    await cluster.until("the leader knows it of both", () => leader.node.state.unfit.size === 2, 60_000);
    const outcome = leader.node.transfer(null);
    await cluster.settle();
    expect(await outcome).toEqual({ kind: "noTarget" });
  });

  test("is handed nothing, also when its state machine and those of all others have stopped", async () => {
    const cluster = await founded();
    const { leader, followers } = cluster;
    const [hidden, other] = followers;
    cluster.network.shut(hidden!.id);
    await cluster.until("the leader knows it", () => leader.node.state.unfit.size === 1, 60_000);
    for (const { machine } of cluster.members.values()) machine.poison = "bad";
    cluster.client(leader.id).command("bad");
    await cluster.until("the leader knows it of all", () => leader.node.state.unfit.size === 3, 60_000);
    cluster.isolate(other!.id);
    await cluster.advance(1_000);
    const outcome = leader.node.transfer(null);
    await cluster.settle();
    expect(await outcome).toEqual({ kind: "noTarget" });
  });

  test("counts as one again once it can be dialled", async () => {
    const cluster = await founded();
    const { leader } = cluster;
    cluster.network.shut(leader.id);
    await cluster.until("another one leads", () => cluster.leader !== leader, 60_000);
    cluster.network.unshut(leader.id);
    await cluster.until("all know", () => beliefs(cluster, leader).has(undefined), 60_000);
    await cluster.advance(1_000);
    expect(beliefs(cluster, leader)).toEqual(new Set([undefined]));
    expect(problemsOf(cluster, leader)).toEqual({ n1: null, n2: null, n3: null });
  });
});

test("a leader whose certificate expires hands over, and says when that was", async () => {
  const ends = new Map<string, { atMs: number; readonly date: string }>(
    three.map((id) => [id, { atMs: Number.POSITIVE_INFINITY, date: `the day of ${id}` }]),
  );
  const cluster = await founded(({ certificateEnds }) => {
    for (const [id, each] of ends) certificateEnds.set(id, each);
  });
  const { leader } = cluster;
  const [other, last] = cluster.followers;
  const endMs = cluster.clock.wallMs() + 5_000;
  for (const { id } of [leader, other!]) ends.get(id)!.atMs = endMs;
  await cluster.advance(4_000, 50);
  expect(cluster.leader).toBe(leader);
  await cluster.until("the one whose certificate is good leads", () => cluster.leader === last);
  expect(problemsOf(cluster, last!)).toMatchObject({
    [leader.id]: expect.stringContaining(`expired at the day of ${leader.id}`),
    [last!.id]: null,
  });
  const { unfit } = last!.node.state;
  expect(new Set(unfit.values())).toEqual(new Set(["certificate"]));
});
