// What one node sends never ends another node's process: the connection of the one that lied is closed, and the cluster goes on.
import { afterEach, describe, expect, test } from "bun:test";
import { toMemberKey } from "../../src/core/configuration.ts";
import type { Message } from "../../src/core/messages.ts";
import type { State } from "../../src/core/state.ts";
import { accepted, append, at } from "../core/say.ts";
import { Cluster } from "./cluster.ts";

let open: Cluster | null = null;
afterEach(async () => {
  await open?.stopAll();
  open = null;
});

describe("a member that lies", () => {
  const toLeader: readonly (readonly [string, (state: State) => Message])[] = [
    ["acknowledges what is not there", ({ currentTerm }) => accepted(currentTerm, 1e9)],
    [
      "sends AppendEntries of the leader's own term",
      ({ currentTerm }) => append({ term: currentTerm, prev: at(1, 9) }),
    ],
  ];
  for (const [what, lie] of toLeader) {
    test(`${what}: the leader closes its connection and leads on`, async () => {
      const cluster = (open = await Cluster.founded(["n1", "n2", "n3"]));
      const { leader } = cluster;
      const [liar] = cluster.followers;
      leader.node.incoming.onMessage(liar!.node.state.self, lie(leader.node.state));
      await cluster.until("it is cut off", () => leader.logs.includes("info peer disconnected"));
      await cluster.advance(2_000, 50);
      expect([leader.end, cluster.leader.id]).toEqual([null, leader.id]);
      expect(leader.node.requests.peers().every(({ reachable }) => reachable)).toBe(true);
    });
  }

  const toFollower: readonly (readonly [string, (state: State) => Message])[] = [
    ["leads a term that another one leads", ({ currentTerm, log }) => append({ term: currentTerm, prev: log.last })],
    ["contradicts what is committed", ({ currentTerm }) => append({ term: currentTerm + 9, prev: at(1, 9) })],
  ];
  for (const [what, lie] of toFollower) {
    test(`${what}: the follower closes its connection and follows on`, async () => {
      const cluster = (open = await Cluster.founded(["n1", "n2", "n3"]));
      const [follower, liar] = cluster.followers;
      await cluster.until("it has committed", () => follower!.node.state.commitIndex > 0);
      follower!.node.incoming.onMessage(liar!.node.state.self, lie(follower!.node.state));
      await cluster.until("it is cut off", () => follower!.logs.includes("info peer disconnected"));
      await cluster.advance(2_000, 50);
      expect(follower!.end).toBeNull();
      expect(follower!.node.state.role).toMatchObject({ leader: cluster.leader.node.state.self });
    });
  }
});

describe("P54: a node that is no member", () => {
  test("has this node dial nobody, and is not answered, while a member is", async () => {
    const cluster = (open = await Cluster.founded(["n1", "n2", "n3"]));
    const stranger = await cluster.start("n4", { bootstrap: null, join: ["n1"] });
    await cluster.until("it is connected", () => stranger.node.requests.peers().some(({ reachable }) => reachable));
    const { leader } = cluster;
    const [member] = cluster.followers;
    const ask = (from: State["self"]): void =>
      leader.node.incoming.onMessage(from, {
        kind: "reachRequest",
        id: 7,
        node: "n9",
        address: "n9.test:7400",
        timeoutMs: 1000,
      });
    const answers = (): readonly string[] => leader.trace.filter((line) => line.startsWith("send reachReply"));
    // A former disk of a member is no member either.
    for (const from of [stranger.node.state.self, toMemberKey(member!.id, "former")]) ask(from);
    await cluster.advance(3_000, 50);
    expect(answers()).toEqual([]);
    ask(member!.node.state.self);
    await cluster.advance(3_000, 50);
    expect(answers()).toHaveLength(1);
  });
});
