// A state machine that cannot go on: its node says so, refuses what it cannot answer, and does not keep leading.
import { describe, expect, test } from "bun:test";
import { incarnationOf, nodeIdOf, toMemberKey } from "../../src/core/configuration.ts";
import { change, join, newcomer } from "./administering.ts";
import { Cluster } from "./cluster.ts";

/** What a promise of a node comes to, while time goes on. */
async function outcomeOf<T>(cluster: Cluster, promise: Promise<T>): Promise<T> {
  await cluster.advance(1_000);
  return promise;
}

const three = ["n1", "n2", "n3"] as const;

describe("a state machine that fails", () => {
  test("on the leader: it hands over, refuses what comes, and the cluster goes on", async () => {
    const cluster = await Cluster.founded(three);
    const old = cluster.leader;
    const client = cluster.client(old.id);
    old.machine.poison = "bad";
    client.command("good");
    client.command("bad");
    client.query("count");
    await cluster.settle();
    expect(client.replies.toSorted()).toEqual(["1 apply-failed", "2 apply-failed", "3 state-machine"]);
    await cluster.advance(100);
    const { leader } = cluster;
    expect(leader).not.toBe(old);
    // It follows now: its clients are sent on, and not kept by a node that cannot help them.
    client.command("later");
    expect(client.replies[3]).toBe(`4 not-leader ${leader.id}`);
    const other = cluster.client(leader.id);
    other.command("more");
    await cluster.advance(100);
    expect(other.replies.length).toBe(1);
    expect(leader.machine.applied.map((line) => line.split(":")[1])).toEqual(["good", "bad", "more"]);
    // Its log goes on: it still votes and acknowledges.
    expect([old.end, old.node.state.log.last]).toEqual([null, leader.node.state.log.last]);
    expect(old.logs).toContain("error the state machine has stopped");
    const asking = cluster.client(old.id);
    asking.send((id) => ({ kind: "status", id }));
    const [status] = asking.raw;
    const own = status?.kind === "status" ? status.nodes.find(({ id }) => id === old.id) : undefined;
    expect(own?.problem).toStartWith("its state machine has stopped: ");
    await cluster.stopAll();
  });

  test("between two commands, as when a query ends its thread: the leader hands over all the same, and the status shows it", async () => {
    const cluster = await Cluster.founded(three);
    const old = cluster.leader;
    const client = cluster.client(old.id);
    client.command("good");
    await cluster.advance(100);
    old.machine.die("its thread ended");
    await cluster.anotherLeader(old);
    expect(old.logs).toContain("error the state machine has stopped");
    const problem = old.node.requests.problemOf(old.node.state.self);
    expect(problem).toStartWith("its state machine has stopped: its thread ended");
    const other = cluster.client(cluster.leader.id);
    other.query("count");
    await cluster.advance(100);
    expect(other.replies).toEqual([expect.stringContaining("result")]);
    await cluster.stopAll();
  });

  test("a node whose state machine has stopped is not handed leadership, and does not keep one that it wins", async () => {
    const cluster = await Cluster.founded(three);
    const first = cluster.leader;
    const sick = cluster.followers[0];
    sick!.machine.poison = "bad";
    const client = cluster.client(first.id);
    client.command("bad");
    await cluster.advance(100);
    expect(client.replies.length).toBe(1);
    expect(await outcomeOf(cluster, first.node.transfer(sick!.id))).toMatchObject({ kind: "unfitTarget" });
    const { self, currentTerm } = first.node.state;
    sick!.node.incoming.onMessage(self, { kind: "timeoutNow", term: currentTerm });
    await cluster.until("it has won the election", () => cluster.leader === sick);
    await cluster.anotherLeader(sick!);
    await cluster.stopAll();
  });

  test("P72: a command that stops every state machine moves leadership nowhere, and everyone names the entry", async () => {
    const cluster = await Cluster.founded(three);
    const { leader } = cluster;
    const { currentTerm } = leader.node.state;
    for (const { machine } of cluster.members.values()) machine.poison = "bad";
    const client = cluster.client(leader.id);
    client.command("bad");
    await cluster.advance(60_000, 50);
    expect(cluster.leader).toBe(leader);
    expect(leader.node.state.currentTerm).toBe(currentTerm);
    client.command("later");
    client.query("later");
    expect(client.replies).toEqual(["1 apply-failed", "2 state-machine", "3 state-machine"]);
    for (const reply of client.raw) expect(reply).toMatchObject({ message: expect.stringContaining("entry 2") });
    for (const { id } of cluster.members.values()) {
      const asking = cluster.client(id);
      asking.send((request) => ({ kind: "status", id: request }));
      const [status] = asking.raw;
      const problems = status?.kind === "status" ? status.nodes.map(({ problem }) => problem) : [];
      expect(problems).toHaveLength(3);
      for (const problem of problems) expect(problem).toContain("entry 2");
    }
    await cluster.stopAll();
  });

  test("P72: a stopped leader hands over to no node that it has lost sight of", async () => {
    const cluster = await Cluster.founded(three);
    const { leader } = cluster;
    for (const { machine } of cluster.members.values()) machine.poison = "bad";
    cluster.client(leader.id).command("bad");
    await cluster.advance(10_000, 50);
    const [lost] = cluster.followers;
    cluster.network.cut(leader.id, lost!.id);
    await cluster.advance(50, 10);
    expect(leader.node.state.unfit.get(lost!.node.state.self)).toBe("stateMachine");
    expect(leader.node.state.role).toMatchObject({ kind: "leader", transfer: null });
    await cluster.stopAll();
  });

  test("a leader whose state machine has stopped waits until another one has passed the entry", async () => {
    const cluster = await Cluster.founded(three);
    const { leader } = cluster;
    const [slow, gone] = cluster.followers;
    cluster.isolate(gone!.id);
    leader.machine.poison = "bad";
    slow!.machine.isSlow = true;
    cluster.client(leader.id).command("bad");
    await cluster.advance(5_000, 50);
    expect(cluster.leader).toBe(leader);
    slow!.machine.isSlow = false;
    slow!.machine.release();
    await cluster.until("it has got past it and leads", () => cluster.leader === slow);
    await cluster.stopAll();
  });

  test("P72: one that has yet to say how it is has not passed the entry either", async () => {
    const cluster = await Cluster.founded(three);
    await cluster.advance(2_000, 50);
    const { leader, followers } = cluster;
    leader.machine.poison = "bad";
    for (const { machine, node } of followers) {
      machine.isSlow = true;
      // A new link, and the first word over it is still under way.
      const { self } = node.state;
      const peer = { id: nodeIdOf(self), incarnation: incarnationOf(self), bootId: "of this start" };
      leader.node.incoming.onPeerConnected(peer, "founding");
    }
    cluster.client(leader.id).command("bad");
    await cluster.advance(5_000, 50);
    expect(cluster.leader).toBe(leader);
    for (const { machine } of followers) {
      machine.isSlow = false;
      machine.release();
    }
    await cluster.until("one that has passed it leads", () => followers.includes(cluster.leader));
    await cluster.stopAll();
  });

  test("a leader whose state machine has stopped still changes the members: a newcomer may be the only way out", async () => {
    const cluster = await Cluster.founded(three);
    const { leader } = cluster;
    for (const { machine } of cluster.members.values()) machine.poison = "bad";
    cluster.client(leader.id).command("bad");
    await cluster.advance(1_000, 50);
    const client = cluster.client(leader.id);
    client.command("later");
    expect(client.replies).toEqual(["1 state-machine"]);
    const sound = await join(cluster, "n4");
    const reply = await change(cluster, leader, { add: [newcomer("n4")] });
    expect(reply).toMatchObject({ kind: "membershipChanged" });
    await cluster.until("the newcomer leads", () => cluster.leader === sound);
    await cluster.stopAll();
  });

  for (const [who, isMember] of [
    ["a member", true],
    ["a node that is no member", false],
  ] as const) {
    test(`P72: what ${who} says of a stop keeps no stopped leader in office`, async () => {
      const cluster = await Cluster.founded(three);
      const { leader } = cluster;
      const other = cluster.followers.at(-1)!;
      const honest = cluster.followers.filter((each) => !isMember || each !== other);
      leader.machine.poison = "bad";
      const liar = isMember ? other.node.state.self : toMemberKey("n9", "never-added");
      const stateMachine = { kind: "stopped", through: 2 ** 50 } as const;
      const calm = { isCertificateExpired: false, isRefilling: false, problem: null } as const;
      const said = { ...calm, undialled: [], versions: [], space: "enough" } as const;
      // It says so again and again, since the real node of this name tells the truth in between.
      const lie = (): void => {
        for (const { node } of [leader, ...honest]) {
          node.incoming.onMessage(liar, { kind: "condition", condition: { ...said, stateMachine } });
        }
      };
      lie();
      cluster.client(leader.id).command("bad");
      await cluster.until("an honest follower leads", () => {
        lie();
        return cluster.leader !== leader;
      });
      expect(honest).toContain(cluster.leader);
      await cluster.stopAll();
    });
  }

  test("a rejected command is an answer, the same on every node, and nothing stops", async () => {
    const cluster = await Cluster.founded(three);
    const client = cluster.client(cluster.leader.id);
    client.command("reject this");
    client.command("good");
    await cluster.advance(100);
    expect(client.replies).toEqual(["1 rejected", "2 result 3.1 good"]);
    for (const { machine } of cluster.members.values()) expect(machine.applied.length).toBe(2);
    await cluster.stopAll();
  });

  test("nothing is applied on a node before it is durable there, the leader's own disk included", async () => {
    const cluster = await Cluster.founded(three);
    const { leader } = cluster;
    const client = cluster.client(leader.id);
    leader.holdsDisk = "everything";
    client.command("a");
    await cluster.advance(100);
    expect(leader.node.state.commitIndex).toBe(2);
    expect([leader.machine.applied, client.replies]).toEqual([[], []]);
    expect(cluster.followers.map(({ machine }) => machine.applied)).toEqual([["2:a"], ["2:a"]]);
    leader.store.flushAll();
    await cluster.settle();
    expect([leader.machine.applied, client.replies]).toEqual([["2:a"], ["1 result 2.1 a"]]);
    leader.holdsDisk = "nothing";
    await cluster.stopAll();
  });
});
