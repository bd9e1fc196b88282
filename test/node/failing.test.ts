// How a node ends that cannot go on: it says why and what to do, answers whom it owes, and leaves nothing running.
import { describe, expect, test } from "bun:test";
import { GraftError } from "../../src/errors.ts";
import { changing } from "./administering.ts";
import { Cluster, type Member } from "./cluster.ts";

const three = ["n1", "n2", "n3"] as const;
const writes = (member: Member): readonly string[] => member.trace.filter((line) => line.startsWith("write"));
const failure = (member: Member): Error => {
  if (member.end?.kind !== "failed") throw new Error(`${member.id} has not failed`);
  return member.end.error;
};

describe("a failing disk", () => {
  test("P47: ends the node; the write is not retried, its client is told that the outcome is unknown", async () => {
    const cluster = await Cluster.founded(three);
    const { leader } = cluster;
    const client = cluster.client(leader.id);
    client.command("acknowledged");
    await cluster.settle();
    leader.store.breakDisk();
    client.command("in doubt");
    await cluster.settle();
    const written = writes(leader).length;
    client.command("later");
    await cluster.advance(3_000, 50);
    expect(client.replies).toEqual(["1 result 2.1 acknowledged", "2 outcome-unknown"]);
    expect([writes(leader).length, client.late]).toEqual([written, []]);
    expect(failure(leader).message).toContain("The disk failed");
    expect(leader.trace.slice(-3)).toEqual(["transport.stop", "stateMachine.close", "store.close"]);
    // The entry had left before the write: the others may well commit it, which is why the outcome is unknown.
    expect(cluster.leader).not.toBe(leader);
    await leader.node.quiet();
    await cluster.stopAll();
  });

  test("P73: a change of the membership under way when the node ends is answered before the farewell, and not denied", async () => {
    const cluster = await Cluster.founded(three);
    const { leader } = cluster;
    const client = cluster.client(leader.id);
    for (const follower of cluster.followers) follower.holdsDisk = "everything";
    client.send(changing({ demote: [cluster.followers[0]!.id] }));
    await cluster.settle();
    leader.store.breakDisk();
    client.command("in doubt");
    await cluster.settle();
    expect([...client.replies].sort()).toEqual(["1 outcome-unknown n1", "2 outcome-unknown"]);
    expect(client.late).toEqual([]);
    await cluster.stopAll();
  });

  test("P26: a command that is with the state machine when the node ends is not denied", async () => {
    const cluster = await Cluster.founded(three);
    const { leader } = cluster;
    const client = cluster.client(leader.id);
    leader.machine.isSlow = true;
    client.command("applied on the others");
    await cluster.settle();
    leader.store.breakDisk();
    client.command("in doubt");
    await cluster.settle();
    expect([...client.replies].sort()).toEqual(["1 outcome-unknown", "2 outcome-unknown"]);
    expect(client.late).toEqual([]);
    await cluster.stopAll();
  });

  test("a damaged log that cannot be read to be applied ends the node", async () => {
    const cluster = await Cluster.founded(["n1"]);
    cluster.client("n1").command("a");
    await cluster.settle();
    const disk = await cluster.crash("n1");
    const member = await cluster.start("n1", { disk });
    member.store.read = () => {
      throw new GraftError("storage", "entry 1 is damaged");
    };
    await cluster.until("it has ended", () => member.end !== null);
    expect(failure(member).message).toBe("entry 1 is damaged");
    expect(member.machine.applied).toEqual([]);
    await cluster.stopAll();
  });
});

describe("P58: a broken rule ends the node at once, and nothing leaves it any more", () => {
  test("one of its own code", async () => {
    const cluster = await Cluster.founded(three);
    const { leader } = cluster;
    const client = cluster.client(leader.id);
    leader.store.write = () => {
      throw new TypeError("a mistake");
    };
    client.command("in doubt");
    await cluster.advance(3_000, 50);
    expect(leader.fatal).toEqual(new TypeError("a mistake"));
    expect([client.replies, client.late.length]).toEqual([[], 1]);
    expect(cluster.leader).not.toBe(leader);
    await cluster.stopAll();
  });

  test("one of a port: a state machine that loses outcomes", async () => {
    const cluster = await Cluster.founded(three);
    const { leader } = cluster;
    const client = cluster.client(leader.id);
    leader.machine.isSlow = true;
    client.command("applied");
    await cluster.settle();
    leader.machine.losesOutcomes = true;
    leader.machine.release();
    await cluster.settle();
    expect(leader.fatal).toEqual(new Error("1 commands applied, but 0 outcomes"));
    expect([client.replies, client.late.length]).toEqual([[], 1]);
    await cluster.stopAll();
  });
});

describe("a node of another incarnation", () => {
  test("P42: with a wiped disk it ends, says what to do, and has voted for nobody", async () => {
    const cluster = await Cluster.founded(three);
    const old = cluster.followers[0]!;
    await cluster.crash(old.id);
    const wiped = await cluster.start(old.id, { incarnation: "another-disk" });
    const client = cluster.client(old.id);
    client.command("a");
    await cluster.settle();
    const { message } = failure(wiped);
    expect(message).toContain(`knows ${old.id} with another disk: this one is new or was wiped`);
    expect(message).toContain("point data_dir at it");
    expect(message).toContain(`graft cluster add ${old.id} ADDRESS; it then takes the place of the old ${old.id}`);
    expect(writes(wiped)).toEqual([]);
    expect(wiped.trace.filter((line) => line.startsWith("send"))).toEqual([]);
    expect(client.replies.length).toBe(1);
    await cluster.stopAll();
  });

  test("one that the cluster was founded without ends, and says so", async () => {
    const cluster = new Cluster(["n1", "n2", "n3", "n4"]);
    for (const id of three) await cluster.start(id, { bootstrap: three });
    await cluster.settle();
    await cluster.electLeader();
    const stranger = await cluster.start("n4");
    await cluster.settle();
    expect(failure(stranger).message).toContain("was founded without n4. Have it added to that cluster");
    expect(writes(stranger)).toEqual([]);
    await cluster.stopAll();
  });
});

describe("closing", () => {
  test("whatever fails to close, the rest is closed and the node ends", async () => {
    for (const part of ["transport", "stateMachine"] as const) {
      const cluster = await Cluster.founded(["n1"]);
      const member = cluster.member("n1");
      if (part === "transport") member.stopFailure = new Error("a socket will not close");
      else member.machine.closeFailure = new Error("the worker will not end");
      const stopped = member.node.stop();
      await cluster.settle();
      await stopped;
      expect(failure(member).message).toContain("will not");
      expect(member.trace.slice(-3)).toEqual(["transport.stop", "stateMachine.close", "store.close"]);
      await cluster.stopAll();
    }
  });

  test("a state machine that does not end when it is closed keeps nothing else open", async () => {
    const cluster = await Cluster.founded(["n1"]);
    const member = cluster.member("n1");
    member.machine.close = () => new Promise(() => {});
    const stopped = member.node.stop();
    await cluster.advance(5_000, 100);
    await stopped;
    expect(failure(member).message).toBe("not closed within 2000 ms: state machine");
    expect(member.trace.slice(-1)).toEqual(["store.close"]);
    await cluster.stopAll();
  });

  test("the first reason stands when closing fails as well", async () => {
    const cluster = await Cluster.founded(["n1"]);
    const member = cluster.member("n1");
    member.stopFailure = new Error("a socket will not close");
    member.store.breakDisk();
    cluster.client("n1").command("a");
    await cluster.settle();
    expect(failure(member).message).toContain("The disk failed");
    expect(member.logs).toContain("error closing failed");
    await cluster.stopAll();
  });

  test("a node that cannot listen closes what it had opened", async () => {
    const cluster = await Cluster.founded(["n1"]);
    const first = cluster.member("n1");
    const second = cluster.make("n1");
    await expect(second.node.start()).rejects.toThrow("it is in use");
    await cluster.settle();
    expect(failure(second).message).toContain("it is in use");
    expect(second.trace.slice(-3)).toEqual(["transport.stop", "stateMachine.close", "store.close"]);
    await second.node.stop();
    expect(first.end).toBeNull();
    const stopped = first.node.stop();
    await cluster.settle();
    await stopped;
    expect(cluster.clock.pendingTimers).toBe(0);
  });

  test("a node that is stopped while it starts leaves no timer running", async () => {
    const cluster = new Cluster(["n1"]);
    const member = cluster.make("n1");
    const listening = Promise.withResolvers<void>();
    member.startsAfter = listening.promise;
    const started = member.node.start();
    const stopped = member.node.stop();
    await cluster.advance(100);
    await stopped;
    listening.resolve();
    await started;
    expect(member.end).toEqual({ kind: "stopped" });
    expect(cluster.clock.pendingTimers).toBe(0);
  });

  test("a hand-over asked of a node that has ended is answered at once", async () => {
    const cluster = await Cluster.founded(["n1"]);
    const { node } = cluster.member("n1");
    await cluster.stopAll();
    expect(await node.transfer(null)).toEqual({ kind: "notLeader", leader: null });
    await node.quiet();
  });
});
