// A node whose disk is full takes no part: who waits for it is told so then, it does nothing by itself, and it comes back by itself.
import { expect, test } from "bun:test";
import { nextDeadlineMs } from "../../src/core/deadline.ts";
import { noChange } from "../../src/core/membership-change.ts";
import { Cluster } from "./cluster.ts";
import { appendEntries, followerLoop, from, n2 } from "./follower-loop.ts";

const mebibyte = 2 ** 20;

test("a leader answers what only a leader can, at once: reads, changes and hand-overs that are under way", async () => {
  const cluster = await Cluster.founded(["n1", "n2", "n3"]);
  const { leader } = cluster;
  const client = cluster.client(leader.id);
  cluster.isolate(leader.id);
  const outcomes: string[] = [];
  const changed = leader.node.requests.membership.change({ ...noChange, demote: [leader.id] }, null);
  void changed.then(({ kind }) => outcomes.push(kind));
  client.query("what is there");
  await cluster.settle();
  expect([client.replies, outcomes]).toEqual([[], []]);
  leader.room = { freeBytes: 10 * mebibyte, totalBytes: 1_000 * mebibyte };
  leader.store.isFull = true;
  client.command("too much");
  await cluster.settle();
  expect(leader.node.parts.loop.waitsForRoom).toBe(true);
  expect(client.replies.map((reply) => reply.split(" ", 2).join(" ")).toSorted()).toEqual([
    "1 not-leader",
    "2 outcome-unknown",
  ]);
  expect(outcomes).toHaveLength(1);
  expect(leader.node.requests.waitingCount).toBe(0);
  leader.store.isFull = false;
  leader.room = { freeBytes: 2 ** 40, totalBytes: 2 ** 40 };
  cluster.rejoin(leader.id);
  await cluster.stopAll();
});

test("it keeps no time meanwhile, whatever comes, and keeps it again as soon as there is room", () => {
  const { loop, clock, log, room } = followerLoop((_, onDurable) => onDurable());
  room.isThere = false;
  loop.arrive(from(n2, appendEntries(0, 1)));
  clock.run();
  expect([loop.waitsForRoom, clock.pendingTimers]).toEqual([true, 0]);
  log.length = 0;
  clock.advance(nextDeadlineMs(loop.state) - clock.nowMs() + 10_000);
  loop.arrive({ kind: "fitness", unfit: new Map() });
  clock.run();
  expect([loop.state.role.kind, log.includes("the timer fires"), clock.pendingTimers]).toEqual(["follower", false, 0]);
  loop.tryAgain();
  expect(clock.run()).toBe(0);
  room.isThere = true;
  loop.tryAgain();
  // Nothing else comes: a node that is alone would wait for ever.
  expect([clock.run(), loop.waitsForRoom, clock.pendingTimers]).toEqual([1, false, 1]);
  clock.advance(nextDeadlineMs(loop.state) - clock.nowMs());
  clock.run();
  expect(loop.state.role.kind).toBe("preCandidate");
});
