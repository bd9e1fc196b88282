// Disks that fill: no commands before they are full, and everything else goes on.
import { describe, expect, test } from "bun:test";
import { GraftError } from "../../src/errors.ts";
import { testClusters, three } from "./administering.ts";
import { Cluster, type Member } from "./cluster.ts";

const mebibyte = 2 ** 20;

const { founded, kept } = testClusters();

const leave = (member: Member, freeMiB: number): void =>
  void (member.room = { freeBytes: freeMiB * mebibyte, totalBytes: 1_000 * mebibyte });

function problemOf(cluster: Cluster, asked: Member, id: string): string | null {
  const client = cluster.client(asked.id);
  client.send((request) => ({ kind: "status", id: request }));
  const [status] = client.raw;
  if (status?.kind !== "status") throw new Error("no status");
  return status.nodes.find((node) => node.id === id)?.problem ?? null;
}

describe("a disk that is nearly full", () => {
  test("on the leader: it hands over, and everyone knows why", async () => {
    const cluster = await founded();
    const { leader } = cluster;
    leave(leader, 99);
    await cluster.until("another one leads", () => cluster.leader !== leader);
    await cluster.advance(200);
    expect(problemOf(cluster, cluster.leader, leader.id)).toContain(
      "its disk is nearly full: less than 100 MiB are free",
    );
    const client = cluster.client(cluster.leader.id);
    client.command("a");
    await cluster.advance(200);
    expect(client.replies).toEqual([expect.stringContaining("result")]);
    expect(leader.machine.applied).toHaveLength(1);
  });

  test("on all: commands are refused with the reason, reads and members' changes go on, and it ends by itself", async () => {
    const cluster = await founded();
    const { leader } = cluster;
    for (const member of cluster.followers) leave(member, 99);
    await cluster.advance(2_000, 50);
    leave(leader, 99);
    await cluster.advance(20_000, 50);
    expect(cluster.leader).toBe(leader);
    const client = cluster.client(leader.id);
    client.command("a");
    client.query("count");
    await cluster.advance(200);
    const message = expect.stringMatching(
      /^the disk of the leader is nearly full; it takes no commands until there is space/,
    );
    expect(client.raw[0]).toMatchObject({ kind: "error", code: "overloaded", message });
    expect(client.raw[1]).toMatchObject({ kind: "result" });
    leave(leader, 110);
    await cluster.advance(2_000, 50);
    client.command("still too little");
    leave(leader, 130);
    await cluster.advance(2_000, 50);
    // The others are still full: a majority could not take much more.
    client.command("still too many");
    for (const member of cluster.members.values()) leave(member, 130);
    await cluster.advance(2_000, 50);
    client.command("b");
    await cluster.advance(200);
    expect(client.raw.slice(2, 4)).toEqual([
      expect.objectContaining({ code: "overloaded", message }),
      expect.objectContaining({
        code: "overloaded",
        message: expect.stringContaining("the disks of too many nodes are nearly full"),
      }),
    ]);
    expect(client.raw[4]).toMatchObject({ kind: "result" });
    expect(leader.logs).toContain("warn something is wrong with this node");
    expect(leader.logs).toContain("info all is well with this node again");
  });

  test("on all: no session begins, which would grow the log as a command does, and one ends all the same", async () => {
    const cluster = await founded();
    const { leader } = cluster;
    const client = cluster.client(leader.id);
    client.openSession();
    await cluster.advance(200);
    const [opened] = client.raw;
    if (opened?.kind !== "sessionOpened") throw new Error("no session");
    for (const member of cluster.followers) leave(member, 99);
    await cluster.advance(2_000, 50);
    leave(leader, 99);
    await cluster.advance(2_000, 50);
    client.openSession();
    client.closeSession(opened.session);
    await cluster.advance(200);
    expect(client.raw.slice(1)).toEqual([
      expect.objectContaining({
        code: "overloaded",
        message: expect.stringMatching(/^the disk of the leader is nearly full/),
      }),
      expect.objectContaining({ kind: "done" }),
    ]);
  });

  test("has the node take a snapshot, so that the log can be cut, unless there is no room for that either", async () => {
    const cluster = await founded();
    const { leader } = cluster;
    const [follower, crowded] = cluster.followers;
    const client = cluster.client(leader.id);
    client.command("a");
    await cluster.advance(200);
    leave(follower!, 99);
    leave(crowded!, 20);
    await cluster.until("a snapshot is taken", () => follower!.node.state.snapshot !== null);
    await cluster.advance(2_000, 50);
    expect(crowded!.node.state.snapshot).toBeNull();
    expect(crowded!.logs).toContain("error no snapshot could be taken");
    expect(leader.node.state.snapshot).toBeNull();
  });
});

describe("a disk that is full", () => {
  const fullProblem =
    "its disk is full: it neither votes, leads nor acknowledges until there is space; what was acknowledged is safe; free space on that disk";
  const fullOf = ({ id }: Member): string =>
    `the disk of ${id} is full, and ${id} takes no part until there is space; free space on that disk`;

  test("on the leader, before it could hand over: nothing is acknowledged, another one leads, and it comes back", async () => {
    const cluster = await founded();
    const { leader } = cluster;
    const client = cluster.client(leader.id);
    client.command("before");
    await cluster.advance(200);
    leave(leader, 10);
    leader.store.isFull = true;
    client.command("lost or not");
    await cluster.settle();
    expect(client.replies[0]).toContain("result");
    expect(client.replies[1]).not.toContain("result");
    expect(leader.logs).toContain("error the disk is full: this node takes no part until there is space on it");
    const next = await cluster.anotherLeader(leader);
    const other = cluster.client(next.id);
    other.command("after");
    await cluster.advance(200);
    expect(other.replies).toEqual([expect.stringContaining("result")]);
    // It tells clients so, and answers from the past.
    client.command("here");
    expect(client.raw.at(-1)).toMatchObject({ message: expect.stringContaining(fullOf(leader)) });
    expect(problemOf(cluster, next, leader.id)).toBe(fullProblem);
    expect(problemOf(cluster, leader, leader.id)).toBe(fullProblem);
    leave(leader, 500);
    leader.store.isFull = false;
    await cluster.until("it is in step", () => leader.node.appliedIndex === next.node.appliedIndex);
    expect(leader.machine.applied).toEqual(next.machine.applied);
    expect(leader.end).toBeNull();
    await cluster.advance(2_000, 50);
    expect(problemOf(cluster, next, leader.id)).toBeNull();
  });

  test("on all: nobody ends, nothing that was acknowledged is lost, and all recover when there is space", async () => {
    const cluster = await founded();
    const client = cluster.client(cluster.leader.id);
    client.command("before");
    await cluster.advance(200);
    for (const member of cluster.members.values()) {
      leave(member, 0);
      member.store.isFull = true;
    }
    client.command("while");
    await cluster.advance(30_000, 50);
    for (const { end, node } of cluster.members.values()) expect([end, node.state.role.kind]).not.toContain("leader");
    for (const member of cluster.members.values()) {
      leave(member, 500);
      member.store.isFull = false;
    }
    await cluster.advance(5_000);
    const after = cluster.client((await cluster.electLeader()).id);
    after.command("after");
    await cluster.advance(1_000);
    expect(after.replies).toEqual([expect.stringContaining("result")]);
    for (const { end, machine } of cluster.members.values()) {
      expect(end).toBeNull();
      const said = machine.applied.map((line) => line.split(":")[1]);
      expect([said[0], said.at(-1)]).toEqual(["before", "after"]);
      expect(said).toEqual(cluster.leader.machine.applied.map((line) => line.split(":")[1]));
    }
  });

  test.each(three)(
    "on %s before there is a cluster: what the others have told it once is not lost",
    async (crowded) => {
      const cluster = kept(new Cluster(three));
      const members = three.map((id) => cluster.make(id));
      const full = members.find(({ id }) => id === crowded)!;
      leave(full, 0);
      full.store.isFull = true;
      for (const { node } of members) await node.start();
      await cluster.advance(3_000, 50);
      expect(full.node.state.genesis).toBeNull();
      leave(full, 500);
      full.store.isFull = false;
      await cluster.until("it knows the cluster", () => full.node.state.genesis !== null);
      expect(full.end).toBeNull();
    },
  );

  test("before there is a cluster, while a node that is no founder tells of it as well: the founder's word is not lost", async () => {
    const cluster = kept(new Cluster(three));
    const members = three.map((id) => cluster.make(id));
    const full = members[2]!;
    leave(full, 0);
    full.store.isFull = true;
    for (const { node } of members) await node.start();
    await cluster.advance(3_000, 50);
    const newcomer = await cluster.start("n4", { bootstrap: null, join: three });
    await cluster.until("the newcomer knows the cluster", () => newcomer.node.state.genesis !== null);
    await cluster.advance(3_000, 50);
    expect(full.node.state.genesis).toBeNull();
    leave(full, 500);
    full.store.isFull = false;
    await cluster.until("it knows the cluster", () => full.node.state.genesis !== null);
  });

  test("of one that has space again no older word is believed, whenever that is noticed", async () => {
    // How often its state is looked at, and how often room is looked for: each moment in between.
    for (let phaseMs = 0; phaseMs < 1_400; phaseMs += 100) {
      const cluster = await founded();
      const [full] = cluster.followers;
      leave(full!, 0);
      full!.store.isFull = true;
      cluster.client(cluster.leader.id).command("a");
      await cluster.advance(3_000 + phaseMs, 50);
      expect(full!.logs).toContain("error the disk is full: this node takes no part until there is space on it");
      leave(full!, 500);
      full!.store.isFull = false;
      await cluster.advance(10_000, 100);
      expect([phaseMs, ...full!.node.state.unfit]).toEqual([phaseMs]);
    }
  });
});

describe("a disk that does not say how much is free", () => {
  const gone = new GraftError("storage", "the disk of /data is gone; look at its mount");

  type Ask = (cluster: Cluster, member: Member) => void;
  const askers: readonly (readonly [string, Ask])[] = [
    ["a timer of the node", (cluster) => cluster.clock.advance(100)],
    ["a command", (cluster, { id }) => void cluster.client(id).command("a")],
    ["the status", (cluster, { id }) => void cluster.client(id).send((request) => ({ kind: "status", id: request }))],
    [
      "a peer that connects",
      (_, { node }) =>
        node.incoming.onPeerConnected({ id: "n2", incarnation: "n2-disk", bootId: "boot-2" }, "founding"),
    ],
  ];

  /** So little room is left that what was measured is good for 11 ms, and the next timer asks later than that. */
  async function withoutWord(): Promise<Cluster> {
    const cluster = await founded();
    const { leader } = cluster;
    leave(leader, 120);
    await cluster.advance(2_000, 50);
    await cluster.advance(50);
    leader.room = gone;
    return cluster;
  }

  test.each(askers)("ends its node as one whose disk has failed: asked by %s", async (_, ask) => {
    const cluster = await withoutWord();
    const { leader } = cluster;
    ask(cluster, leader);
    await cluster.settle();
    expect(leader.logs).toContain("error the node stops");
    await cluster.until("it has ended", () => leader.end !== null);
    expect([leader.end, leader.fatal]).toEqual([{ kind: "failed", error: gone }, null]);
  });

  test("leaves no client without an answer", async () => {
    const cluster = await withoutWord();
    const { leader } = cluster;
    const client = cluster.client(leader.id);
    client.command("a");
    client.query("count");
    await cluster.until("it has ended", () => leader.end !== null);
    expect(client.replies).toEqual(["1 unavailable", "2 unavailable"]);
    for (const reply of client.raw) expect(reply).toMatchObject({ message: gone.message });
  });
});
