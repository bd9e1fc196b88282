// How the words of several nodes, which may disagree, become one view of the cluster.
import { describe, expect, test } from "bun:test";
import { mergeStatus } from "../../src/client/cluster-view.ts";
import type { StatusReply } from "../../src/ports/requests.ts";
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
    const waiting = (node: string): StatusReply => reply(node, { waitingFor: ["n3 at n3:1: refused"] });
    expect(mergeStatus([waiting("n1"), waiting("n2")]).waitingFor).toEqual(["n3 at n3:1: refused"]);
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

  test("a node that answers and is no member has its row all the same", () => {
    const members = reply("n1", { leader, nodes: [row("n1", { role: "leader" })] });
    const waiting = reply("n4", { nodes: [row("n1"), row("n4", { role: "joining", voter: false })] });
    expect(mergeStatus([waiting, members]).nodes.map(({ id, role }) => `${id} ${role}`)).toEqual([
      "n1 leader",
      "n4 joining",
    ]);
  });
});
