// A client's session through the node: it is opened, its commands take effect once whichever node they are given to, and what a
// client is told of it is true.
import { describe, expect, test } from "bun:test";
import { sessionLimits } from "../../src/core/session-limits.ts";
import { SessionTable } from "../../src/core/sessions.ts";
import { Cluster } from "./cluster.ts";

const three = ["n1", "n2", "n3"] as const;
const appliedOn = (cluster: Cluster): readonly (readonly string[])[] =>
  [...cluster.members.values()].map(({ machine }) => machine.applied.map((line) => line.split(":")[1]!));

describe("a session", () => {
  test("is named by the index of its entry; another copy of a command is answered as the first one was", async () => {
    const cluster = await Cluster.founded(three);
    const client = cluster.client(cluster.leader.id);
    client.openSession();
    await cluster.settle();
    expect(client.replies).toEqual(["1 session 2"]);
    client.once("a", [2, 1]);
    client.once("a", [2, 1]);
    client.once("reject b", [2, 2]);
    await cluster.settle();
    client.once("a", [2, 1]);
    client.once("reject b", [2, 2]);
    await cluster.advance(200);
    expect(client.replies.slice(1)).toEqual([
      "2 result 3.1 a",
      "3 result 4.1 a",
      "4 rejected",
      "5 result 6.1 a",
      "6 rejected",
    ]);
    expect(appliedOn(cluster)).toEqual(Array.from({ length: 3 }, () => ["a", "reject b"]));
    await cluster.stopAll();
  });

  test("P25: a command whose leader fell silent is given to the next one, and takes effect once", async () => {
    const cluster = await Cluster.founded(three);
    const old = cluster.leader;
    const first = cluster.client(old.id);
    first.openSession();
    await cluster.settle();
    first.once("a", [2, 1]);
    // The entry reaches the followers, their acknowledgements do not come back.
    cluster.clock.runSoon();
    cluster.network.deliverAll();
    cluster.isolate(old.id);
    await cluster.anotherLeader(old);
    const second = cluster.client(cluster.leader.id);
    second.once("a", [2, 1]);
    await cluster.settle();
    expect(second.replies).toHaveLength(1);
    expect(second.replies[0]).toMatch(/^1 result \d+\.\d a$/);
    cluster.rejoin(old.id);
    await cluster.advance(500);
    expect(first.replies).toEqual(["1 session 2", "2 result 3.1 a"]);
    expect(appliedOn(cluster)).toEqual([["a"], ["a"], ["a"]]);
    await cluster.stopAll();
  });

  test("that is closed, expired or unknown is said to be gone, and nothing happens", async () => {
    const cluster = await Cluster.founded(three);
    const client = cluster.client(cluster.leader.id);
    client.openSession();
    client.openSession(100);
    await cluster.settle();
    client.closeSession(2);
    client.once("a", [2, 1]);
    client.once("b", [77, 1]);
    client.once("c", [3, 1]);
    await cluster.settle();
    await cluster.advance(500);
    client.once("d", [3, 2]);
    client.closeSession(2);
    await cluster.settle();
    const gone = "session-expired";
    const said = ["3 done", `4 ${gone}`, `5 ${gone}`, "6 result 7.1 c", `7 ${gone}`, `8 ${gone}`];
    expect(client.replies.slice(2)).toEqual(said);
    expect(cluster.leader.machine.applied).toEqual(["7:c"]);
    await cluster.stopAll();
  });

  test("P63: is no other client's, whichever node it asks", async () => {
    const cluster = await Cluster.founded(three);
    const client = cluster.client(cluster.leader.id);
    client.openSession();
    await cluster.settle();
    const thief = cluster.client(cluster.leader.id, { name: "thief", isAdmin: false });
    thief.once("stolen", [2, 1]);
    thief.closeSession(2);
    thief.openSession();
    await cluster.settle();
    client.once("a", [2, 1]);
    client.once("b", [2, 1]);
    await cluster.settle();
    await cluster.advance(200);
    expect(thief.replies).toEqual(["1 rejected", "2 rejected", "3 session 5"]);
    expect(client.replies.slice(1)).toEqual(["2 result 6.1 a", "3 rejected"]);
    expect(appliedOn(cluster)).toEqual([["a"], ["a"], ["a"]]);
    await cluster.stopAll();
  });

  test("P63: has a place for administrators where others find none", async () => {
    const cluster = await Cluster.founded(["n1"]);
    cluster.leader.machine.sessions = new SessionTable({ ...sessionLimits, sessionsMax: 2, adminSessions: 1 });
    const other = cluster.client("n1", { name: "other", isAdmin: false });
    const admin = cluster.client("n1", { name: "admin", isAdmin: true });
    other.openSession();
    other.openSession();
    await cluster.settle();
    admin.openSession();
    await cluster.settle();
    expect([other.replies, admin.replies]).toEqual([["1 session 2", "2 overloaded"], ["1 session 4"]]);
    await cluster.stopAll();
  });

  test("for which there is no room is refused for now: nothing is wrong with the request", async () => {
    const cluster = await Cluster.founded(["n1"]);
    cluster.leader.machine.sessions = new SessionTable({ ...sessionLimits, sessionsMax: 1, adminSessions: 0 });
    const client = cluster.client("n1");
    client.openSession();
    client.openSession();
    await cluster.settle();
    expect(client.replies).toEqual(["1 session 2", "2 overloaded"]);
    await cluster.stopAll();
  });

  test("knows what its client waits for no longer: what became of that is not told", async () => {
    const cluster = await Cluster.founded(["n1"]);
    const client = cluster.client("n1");
    client.openSession();
    await cluster.settle();
    client.once("b", [2, 2, 2]);
    client.once("a", [2, 1]);
    await cluster.settle();
    expect(client.replies.slice(1)).toEqual(["2 result 3.1 b", "3 outcome-unknown"]);
    expect(cluster.leader.machine.applied).toEqual(["3:b"]);
    await cluster.stopAll();
  });

  test("is asked of the leader alone: a follower says who that is", async () => {
    const cluster = await Cluster.founded(three);
    const client = cluster.client(cluster.followers[0]!.id);
    client.openSession();
    client.closeSession(2);
    await cluster.settle();
    const leader = cluster.leader.id;
    expect(client.replies).toEqual([`1 not-leader ${leader}`, `2 not-leader ${leader}`]);
    await cluster.stopAll();
  });
});
