// How a node leaves: nobody who was promised an answer goes without one, and nothing of it is left running.
import { describe, expect, test } from "bun:test";
import { afterMicrotasks, Cluster } from "./cluster.ts";

const three = ["n1", "n2", "n3"] as const;
const closing = (trace: readonly string[]): readonly string[] =>
  trace.filter((line) => /^(transport\.stop|stateMachine\.close|store\.close)$/.test(line));
const inOrder = ["transport.stop", "stateMachine.close", "store.close"];

describe("graceful stop", () => {
  test("a leader hands over, answers what is under way, sends later requests on, and then closes", async () => {
    const cluster = await Cluster.founded(three);
    const old = cluster.leader;
    const client = cluster.client(old.id);
    old.machine.isSlow = true;
    client.command("under way");
    await cluster.settle();
    const stopped = old.node.stop();
    await cluster.advance(100);
    const { leader } = cluster;
    expect(leader).not.toBe(old);
    expect([client.replies, old.end]).toEqual([[], null]);
    client.command("later");
    expect(client.replies).toEqual([`2 not-leader ${leader.id}`]);
    old.machine.release();
    await cluster.settle();
    await stopped;
    expect(client.replies).toEqual([`2 not-leader ${leader.id}`, "1 result 2.1 under way"]);
    expect(old.end).toEqual({ kind: "stopped" });
    expect(closing(old.trace)).toEqual(inOrder);
    expect(client.late).toEqual([]);
    await cluster.stopAll();
  });

  test("a load sees no error: each command was answered, or did not happen and is welcome elsewhere", async () => {
    const cluster = await Cluster.founded(three);
    const old = cluster.leader;
    const client = cluster.client(old.id);
    void old.node.stop();
    for (let at = 0; at < 200 && old.end === null; at++) {
      client.command(`c${at}`);
      await cluster.settle();
      cluster.clock.advance(1);
    }
    await cluster.advance(100);
    expect(old.end).toEqual({ kind: "stopped" });
    const kinds = new Set(client.replies.map((reply) => reply.split(" ")[1]));
    expect([...kinds].filter((kind) => kind !== "result" && kind !== "not-leader")).toEqual([]);
    const applied = cluster.leader.machine.applied.length;
    expect(client.replies.filter((reply) => reply.includes(" result ")).length).toBe(applied);
    await cluster.stopAll();
  });

  test("a request of the very moment in which a node stops is answered before the farewell", async () => {
    for (const stops of ["leader", "follower"] as const) {
      const cluster = await Cluster.founded(three);
      const member = stops === "leader" ? cluster.leader : cluster.followers[0]!;
      const client = cluster.client(member.id);
      client.command("now");
      void member.node.stop();
      client.query("now");
      await afterMicrotasks();
      await cluster.advance(100);
      expect(member.end).toEqual({ kind: "stopped" });
      // A leader that hands over still reads.
      const query = stops === "leader" ? "2 result" : "2 not-leader";
      expect(client.replies.map((reply) => reply.split(" ", 2).join(" ")).sort()).toEqual(["1 not-leader", query]);
      expect(client.late).toEqual([]);
      await cluster.stopAll();
    }
  });

  test("a follower stops without a word to the leader", async () => {
    const cluster = await Cluster.founded(three);
    const { leader } = cluster;
    const follower = cluster.followers[0]!;
    const stopped = follower.node.stop();
    await cluster.settle();
    await stopped;
    expect(closing(follower.trace)).toEqual(inOrder);
    expect(cluster.leader).toBe(leader);
    const client = cluster.client(leader.id);
    client.command("still here");
    await cluster.settle();
    expect(client.replies.length).toBe(1);
    await cluster.stopAll();
  });

  test("a node alone answers what is under way, and names nobody to turn to", async () => {
    const cluster = await Cluster.founded(["n1"]);
    const { leader } = cluster;
    const client = cluster.client("n1");
    leader.machine.isSlow = true;
    client.command("under way");
    await cluster.settle();
    void leader.node.stop();
    await cluster.settle();
    client.command("later");
    expect(client.replies).toEqual(["2 not-leader"]);
    leader.machine.release();
    await cluster.settle();
    expect(client.replies).toEqual(["2 not-leader", "1 result 2.1 under way"]);
    expect(leader.end).toEqual({ kind: "stopped" });
    await cluster.stopAll();
  });

  test("stopping twice, and once more afterwards, is stopping once", async () => {
    const cluster = await Cluster.founded(["n1"]);
    const { leader } = cluster;
    const both = Promise.all([leader.node.stop(), leader.node.stop()]);
    await cluster.settle();
    await both;
    await leader.node.stop();
    expect(closing(leader.trace)).toEqual(inOrder);
    await cluster.stopAll();
  });

  test("a leader that is asked to stop a second time while it hands over does so once", async () => {
    const cluster = await Cluster.founded(three);
    const old = cluster.leader;
    const first = old.node.stop();
    await afterMicrotasks();
    await Promise.all([old.node.stop(), first, cluster.advance(100)]);
    expect(old.end).toEqual({ kind: "stopped" });
    expect(old.logs.filter((line) => line === "info handing leadership over")).toHaveLength(1);
    expect(closing(old.trace)).toEqual(inOrder);
    await cluster.stopAll();
  });

  test("without a quorum the stop takes bounded time, and the outcome of what was under way is unknown", async () => {
    const cluster = await Cluster.founded(three);
    const { leader } = cluster;
    const client = cluster.client(leader.id);
    cluster.isolate(leader.id);
    await cluster.settle();
    client.command("under way");
    client.query("under way");
    const stopped = leader.node.stop();
    await cluster.advance(4_000);
    await stopped;
    expect([...client.replies].sort()).toEqual(["1 outcome-unknown", "2 not-leader"]);
    expect(leader.end).toEqual({ kind: "stopped" });
    await cluster.stopAll();
  });

  test("P26: a state machine that never answers does not hold up the stop, and its commands are not denied", async () => {
    const cluster = await Cluster.founded(["n1"]);
    const { leader } = cluster;
    const client = cluster.client("n1");
    leader.machine.isSlow = true;
    client.command("under way");
    await cluster.settle();
    const stopped = leader.node.stop();
    await cluster.advance(3_000);
    await stopped;
    expect([client.replies, client.late]).toEqual([["1 outcome-unknown"], []]);
    await cluster.stopAll();
  });

  test("the vote that the next leader needs leaves before the node closes", async () => {
    const cluster = await Cluster.founded(["n1", "n2"]);
    const old = cluster.leader;
    const [next] = cluster.followers;
    old.holdsDisk = "everything";
    const stopped = old.node.stop();
    await cluster.advance(100);
    expect(old.end).toBeNull();
    old.store.flushAll();
    await cluster.settle();
    await stopped;
    expect(next!.node.state.role.kind).toBe("leader");
    await cluster.stopAll();
  });

  test("a node leaves as soon as its disk has the vote, and a follower that voted waits for that too", async () => {
    const cluster = await Cluster.founded(three);
    const [next, voter] = cluster.followers;
    voter!.holdsDisk = "everything";
    void cluster.leader.node.transfer(next!.id);
    await cluster.until("another one leads", () => cluster.leader === next);
    const stopped = voter!.node.stop();
    await cluster.settle();
    expect(voter!.end).toBeNull();
    voter!.store.flushAll();
    // Not even a millisecond passes.
    await cluster.settle();
    expect(voter!.end).toEqual({ kind: "stopped" });
    await stopped;
    await cluster.stopAll();
  });

  test("a node leaves as soon as its last request is answered, whoever answers it", async () => {
    const cluster = await Cluster.founded(three);
    const { leader } = cluster;
    const follower = cluster.followers[0]!;
    follower.machine.isSlow = true;
    const client = cluster.client(follower.id);
    client.stale("what is there");
    await cluster.settle();
    const stopped = follower.node.stop();
    await cluster.settle();
    expect([client.replies, follower.end]).toEqual([[], null]);
    follower.machine.release();
    await cluster.settle();
    expect([client.replies.length, follower.end]).toEqual([1, { kind: "stopped" }]);
    await stopped;
    expect(cluster.leader).toBe(leader);
    await cluster.stopAll();
  });

  test("who asks a node to stop that is stopping, or failing, hears of it when everything is closed", async () => {
    for (const begin of ["stop", "fail"] as const) {
      const cluster = await Cluster.founded(["n1"]);
      const { leader } = cluster;
      const closed = Promise.withResolvers<void>();
      const heard: string[] = [];
      leader.machine.close = () => closed.promise;
      if (begin === "stop") {
        void leader.node.stop().then(() => heard.push("first"));
      } else {
        leader.store.breakDisk();
        cluster.client("n1").command("a");
      }
      await cluster.settle();
      expect([closing(leader.trace), leader.end]).toEqual([["transport.stop"], null]);
      void leader.node.stop().then(() => heard.push("second"));
      await cluster.settle();
      expect(heard).toEqual([]);
      closed.resolve();
      await cluster.settle();
      expect([heard.toSorted(), leader.end?.kind]).toEqual(
        begin === "stop" ? [["first", "second"], "stopped"] : [["second"], "failed"],
      );
      await cluster.stopAll();
    }
  });

  test("a hand-over that an administrator has begun is waited for, not fought with", async () => {
    const cluster = await Cluster.founded(three);
    const old = cluster.leader;
    const client = cluster.client(old.id);
    const target = cluster.followers[0]!;
    client.send((id) => ({ kind: "transferLeadership", id, to: target.id }));
    cluster.clock.runSoon();
    void old.node.stop();
    await cluster.advance(100);
    expect(old.end).toEqual({ kind: "stopped" });
    expect(cluster.leader).toBe(target);
    expect(client.replies).toEqual(["1 done"]);
    expect(old.logs).toContain("info handing leadership over");
    await cluster.stopAll();
  });

  test("a disk that fails while the node hands over ends it, and stop does not hang", async () => {
    const cluster = await Cluster.founded(three);
    const { leader } = cluster;
    const stopped = leader.node.stop();
    leader.store.breakDisk();
    await cluster.advance(5_000, 100);
    await stopped;
    expect(leader.end?.kind).toBe("failed");
    await cluster.stopAll();
  });

  test("a node that fails while it waits for its disk to take the vote does not wait on", async () => {
    const cluster = await Cluster.founded(three);
    const old = cluster.leader;
    old.holdsDisk = "everything";
    const stopped = old.node.stop();
    await cluster.settle();
    expect([old.end, old.node.state.role.kind]).toEqual([null, "follower"]);
    old.store.breakDisk();
    // A further term is a further write. It takes no time, as opposed to the wait for answers.
    void cluster.leader.node.transfer(null);
    await cluster.settle();
    await stopped;
    expect(old.end?.kind).toBe("failed");
    await cluster.stopAll();
  });

  test("a stop asked for by a client is acknowledged first", async () => {
    const cluster = await Cluster.founded(["n1"]);
    const client = cluster.client("n1");
    client.send((id) => ({ kind: "stop", id }));
    expect(client.replies).toEqual(["1 done"]);
    await cluster.settle();
    expect(cluster.member("n1").end).toEqual({ kind: "stopped" });
    await cluster.stopAll();
  });
});
