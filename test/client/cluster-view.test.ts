// How the words of several nodes, which may disagree, become one view of the cluster.
import { describe, expect, test } from "bun:test";
import { GraftClient } from "../../src/client/client.ts";
import { mergeStatus, viewCluster } from "../../src/client/cluster-view.ts";
import type { StatusReply } from "../../src/ports/requests.ts";
import { PlayedTime } from "./played-time.ts";
import { statusRow as row } from "./status-row.ts";

const reply = (node: string, more: Partial<StatusReply>): StatusReply => ({
  kind: "status",
  id: 1,
  cluster: "c",
  clusterUuid: "c1",
  node,
  leader: null,
  term: 1,
  commitIndex: 0,
  agreesThrough: null,
  plugin: null,
  nodes: [],
  waitingFor: [],
  ...more,
});
const leader = { id: "n1", address: "n1:1" };

describe("several nodes' words become one view", () => {
  const ofLeader = reply("n1", {
    leader,
    term: 3,
    commitIndex: 9,
    agreesThrough: null,
    nodes: [
      row("n1", { role: "leader", reachable: true, matchIndex: 10, appliedIndex: 9, lagEntries: 0 }),
      row("n2", { role: "follower", reachable: true, matchIndex: 8, lagEntries: 2 }),
      row("n3", { matchIndex: 4, lagEntries: 6 }),
    ],
  });
  const ofFollower = reply("n2", {
    leader,
    term: 3,
    commitIndex: 8,
    agreesThrough: null,
    nodes: [row("n1"), row("n2", { role: "follower", reachable: true, matchIndex: 9, appliedIndex: 7 }), row("n3")],
  });

  test("the leader's word on progress, each node's own on itself", () => {
    for (const replies of [
      [ofLeader, ofFollower],
      [ofFollower, ofLeader],
    ]) {
      const view = mergeStatus(replies);
      expect(view).toMatchObject({ leader, term: 3, commitIndex: 9, waitingFor: [] });
      expect(view.nodes.map((node) => [node.id, node.matchIndex, node.appliedIndex, node.lagEntries])).toEqual([
        ["n1", 10, 9, 0],
        ["n2", 8, 7, 2],
        ["n3", 4, null, 6],
      ]);
    }
  });

  test("a leader of an earlier term does not know that it no longer leads", () => {
    const later = reply("n2", { term: 4, leader: null, nodes: ofFollower.nodes, waitingFor: ["n3 at n3:1: refused"] });
    expect(mergeStatus([ofLeader, later])).toMatchObject({
      leader: null,
      term: 4,
      waitingFor: ["n3 at n3:1: refused"],
    });
  });

  test("without a leader everything that is waited for is told, once", () => {
    const waiting = (node: string, ...also: string[]): StatusReply =>
      reply(node, { waitingFor: ["n3 at n3:1: refused", ...also] });
    expect(mergeStatus([waiting("n1"), waiting("n2")]).waitingFor).toEqual(["n3 at n3:1: refused"]);
    const both = mergeStatus([waiting("n1"), waiting("n2", "n4 at n4:1: no answer")]);
    expect(both.waitingFor).toEqual(["n3 at n3:1: refused", "n4 at n4:1: no answer"]);
  });

  test("the state machine that was made active last is the active one, whichever node knows of it", () => {
    const plugin = (since: number) => ({ name: "kv", version: `${since}.0.0`, hash: "a", since });
    const knowing = (node: string, since: number | null): StatusReply =>
      reply(node, { leader, plugin: since === null ? null : plugin(since) });
    for (const [one, two, three] of [
      [3, 9, null],
      [9, 3, null],
      [null, 3, 9],
      [null, 9, 3],
    ] as const) {
      const replies = [knowing("n1", one), knowing("n2", two), knowing("n3", three)];
      expect(mergeStatus(replies).plugin).toEqual(plugin(9));
    }
    expect(mergeStatus([knowing("n1", null)]).plugin).toBeNull();
  });

  test("of two words of one node about itself the later one counts", () => {
    const replies = [6, 7].map((appliedIndex) => reply("n1", { leader, nodes: [row("n1", { appliedIndex })] }));
    expect(mergeStatus(replies).nodes).toMatchObject([{ id: "n1", appliedIndex: 7 }]);
  });

  test("the cluster's uuid is that of any node that knows it: the first ones to answer may not", () => {
    const unfounded = reply("n1", { clusterUuid: null });
    const view = (...replies: readonly StatusReply[]) => mergeStatus(replies).clusterUuid;
    expect(view(unfounded, reply("n2", {}))).toBe("c1");
    expect(view(unfounded, reply("n2", { clusterUuid: null }), reply("n3", {}))).toBe("c1");
    expect(view(unfounded)).toBeNull();
  });

  test("who answers is reachable, whatever the leader thinks", () => {
    const cutOff = reply("n3", { leader, term: 2, nodes: [row("n3", { role: "preCandidate", reachable: true })] });
    expect(mergeStatus([ofLeader, cutOff]).nodes[2]).toMatchObject({
      role: "preCandidate",
      reachable: true,
      matchIndex: 4,
    });
  });

  test("within a term a node that knows of a leader is believed before one that knows of none", () => {
    const knows = reply("n2", { leader, nodes: [row("n2", { priority: 7 })] });
    const knowsNot = reply("n3", { nodes: [row("n2", { priority: 8 })], waitingFor: ["n1 at n1:1: refused"] });
    for (const replies of [
      [knows, knowsNot],
      [knowsNot, knows],
    ]) {
      expect(mergeStatus(replies)).toMatchObject({ leader, waitingFor: [], nodes: [{ id: "n2", priority: 7 }] });
    }
  });

  test("the commit index is the highest that any node knows", () => {
    for (const [own, other] of [
      [5, 8],
      [8, 5],
    ] as const) {
      const replies = [reply("n1", { leader, commitIndex: own }), reply("n2", { commitIndex: other })];
      expect(mergeStatus(replies).commitIndex).toBe(8);
    }
  });

  test("each node says itself what it runs, how far it is and what is wrong with it; its role in the cluster the leader says", () => {
    const n2 = {
      role: "follower",
      appliedIndex: 7,
      matchIndex: 9,
      version: "1.2.3",
      problem: "its disk is full",
      plugins: [{ name: "kv", version: "2.0.0", hash: "b" }],
    } as const;
    const ofTheLeader = { voter: false, priority: 4, lagEntries: 3, pending: "promote" } as const;
    const view = mergeStatus([
      reply("n1", {
        leader,
        nodes: [row("n2", { ...ofTheLeader, version: "0.9", problem: "unreachable", plugins: [] })],
      }),
      reply("n2", { nodes: [row("n2", { ...n2, priority: 1 })] }),
    ]);
    expect(view.nodes).toEqual([row("n2", { ...ofTheLeader, ...n2, reachable: true })]);
  });

  test("a node that has no row for itself adds none", () => {
    const view = mergeStatus([reply("n1", { leader, nodes: [row("n1")] }), reply("n4", { nodes: [] })]);
    expect(view.nodes.map(({ id }) => id)).toEqual(["n1"]);
  });

  test("a node that answers and is no member has its row all the same", () => {
    const members = reply("n1", { leader, nodes: [row("n1", { role: "leader" })] });
    const waiting = reply("n4", { nodes: [row("n1"), row("n4", { role: "joining", voter: false })] });
    const seen = ["n1 leader", "n4 joining"];
    expect(mergeStatus([waiting, members]).nodes.map(({ id, role }) => `${id} ${role}`)).toEqual(seen);
    // It stands in for a member that has failed, at the same address.
    const moved = reply("n4", { nodes: [row("n4", { role: "joining", voter: false, address: "n1:1" })] });
    expect(mergeStatus([moved, members]).nodes.map(({ id, role }) => `${id} ${role}`)).toEqual(seen);
  });
});

describe("whom a view asks", () => {
  /** Node n1 is given and answers once; the node `other` at its address answers always. */
  async function view(first: Partial<StatusReply>, other: string, given: readonly string[]) {
    const time = new PlayedTime();
    const asked: string[] = [];
    const client = new GraftClient({
      addresses: ["n1:1", ...given],
      clock: time,
      session: "none",
      dial: async (address, { onReply }) => ({
        clusterUuid: "c1",
        close() {},
        send({ id }) {
          asked.push(address);
          const isFirst = address === "n1:1" && asked.length === 1;
          if (isFirst) queueMicrotask(() => onReply({ ...reply("n1", { nodes: [row("n1")], ...first }), id }));
          const own = reply(other, { nodes: [row(other, { role: "follower" })] });
          if (address === `${other}:1`) queueMicrotask(() => onReply({ ...own, id }));
        },
      }),
    });
    const seen = await time.until(viewCluster(client, 400));
    await client.close();
    return { seen, asked };
  }

  test.each<readonly [string, Partial<StatusReply>, readonly string[]]>([
    ["the members that the first one names", { nodes: [row("n1"), row("n2")] }, []],
    [
      "the leader that it names, which may have moved",
      { leader: { id: "n2", address: "gone:1", announced: "n2:1" } },
      [],
    ],
    ["the addresses that were given", {}, ["n2:1"]],
    ["a member whose address was given", { nodes: [row("n1"), row("n2")] }, ["n2:1"]],
  ])("%s, each once", async (_, first, given) => {
    const { seen, asked } = await view(first, "n2", given);
    expect(asked.filter((address) => address === "n2:1")).toHaveLength(1);
    expect(seen.answering).toEqual([{ address: "n2:1", id: "n2" }]);
    // The first one's word counts, although it gives no other.
    expect(seen.nodes.map(({ id, role }) => [id, role])).toEqual([
      ["n1", null],
      ["n2", "follower"],
    ]);
  });
});
