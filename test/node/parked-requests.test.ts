// What becomes of requests that reach a node while an election is under way in which it has a part.
import { describe, expect, test } from "bun:test";
import { OpenRequests } from "../../src/node/open-requests.ts";
import { isElecting, ParkedRequests } from "../../src/node/parked-requests.ts";
import type { Waiter } from "../../src/node/waiting-clients.ts";
import type { State } from "../../src/core/state.ts";
import { asking, candidate, follower, leader, play, preCandidate } from "../core/build.ts";
import { at, crashed, from, n1, n2, n3, requestVote, timeoutNow } from "../core/say.ts";
import { Cluster } from "./cluster.ts";
import { someone, unbounded } from "./test-asker.ts";

const three = ["n1", "n2", "n3"] as const;

function waiter(name: string, dueMs: number, answers: string[]): Waiter {
  const fail: Waiter["fail"] = ({ code }) => void answers.push(`${name} ${code}`);
  return {
    kind: "query",
    from: someone,
    open: unbounded,
    payload: new Uint8Array(3),
    dueMs,
    succeed: () => void answers.push(name),
    fail,
  };
}

const withAttemptsLeft = (state: State, attemptsLeft: number): State => ({
  ...state,
  crashedLeader: { ...state.crashedLeader!, attemptsLeft },
});

describe("whether it will soon be known who leads", () => {
  const following = follower({ log: [1], leader: n3 });
  const cases: readonly (readonly [string, State, boolean])[] = [
    ["a follower of a leader", following, false],
    ["a follower whose leader has crashed", play(following, crashed(n3)), true],
    ["one that has tried in vain since", withAttemptsLeft(play(following, crashed(n3)), 0), false],
    ["one that may try once more", withAttemptsLeft(play(following, crashed(n3)), 1), true],
    ["one that the leader has asked to take over", play(following, from(n3, timeoutNow(1))), true],
    ["one that only asks whether it could win", preCandidate({ log: [1] }), false],
    ["a candidate", candidate({ log: [1] }), true],
    ["a candidate that has asked", asking({ log: [1] }), true],
    [
      "a voter that waits for word of the winner",
      play(follower({ log: [1] }), from(n2, requestVote(2, at(1, 1)))),
      true,
    ],
    [
      "a learner that has voted",
      play(follower({ log: [1], configuration: { voters: [n2, n3] } }), from(n2, requestVote(2, at(1, 1)))),
      false,
    ],
    ["a leader that has stepped down", follower({ log: [1], votedFor: n1 }), false],
    ["a node that knows nothing", follower({ log: [1] }), false],
    ["a leader", leader({ log: [1] }), false],
  ];
  for (const [title, state, expected] of cases) {
    test(`${title}: ${expected ? "yes" : "no"}`, () => expect(isElecting(state)).toBe(expected));
  }
});

test("what has waited too long while it was parked is open no more, and what waits on keeps its order", () => {
  const [parked, requests] = [new ParkedRequests(), new OpenRequests()];
  const answers: string[] = [];
  const waiters = [100, 300, 200, 400].map((dueMs, nth) => ({
    ...waiter(`w${nth}`, dueMs, answers),
    open: requests.open("a", 10),
  }));
  for (const each of waiters) parked.add(each);
  parked.expire(200);
  expect([answers, requests.count, requests.bytes]).toEqual([["w0 unavailable", "w2 unavailable"], 2, 20]);
  expect(parked.release()).toEqual([waiters[1]!, waiters[3]!]);
  expect(parked.count).toBe(0);
});

test("what is parked is released in order, and what has waited too long is told that nothing happened", () => {
  const parked = new ParkedRequests();
  const answers: string[] = [];
  const [first, second, third] = [
    waiter("first", 100, answers),
    waiter("second", 50, answers),
    waiter("third", 100, answers),
  ];
  for (const each of [first, second, third]) parked.add(each);
  expect(parked.count).toBe(3);
  parked.expire(50);
  expect(answers).toEqual(["second unavailable"]);
  expect(parked.count).toBe(2);
  expect(parked.release()).toEqual([first, third]);
  expect(parked.count).toBe(0);
});

describe("while a leader hands over", () => {
  test("what its target is asked too early is done by it as soon as it leads", async () => {
    const cluster = await Cluster.founded(three);
    const old = cluster.leader;
    const [target] = cluster.followers;
    if (target === undefined) throw new Error("there is no follower");
    target.holdsDisk = "everything";
    const settled = old.node.transfer(target.id);
    for (let round = 0; target.node.state.role.kind !== "candidate"; round += 1) {
      if (round > 100) throw new Error("it does not stand");
      await cluster.settle();
      await cluster.advance(1);
    }
    const client = cluster.client(target.id);
    client.command("early");
    client.query("count");
    await cluster.settle();
    expect(client.replies).toEqual([]);
    expect(target.node.requests.waitingCount).toBe(2);
    target.holdsDisk = "nothing";
    target.store.flushAll();
    await cluster.advance(100);
    await settled;
    expect(client.replies.map((reply) => reply.split(" ").slice(0, 2).join(" ")).toSorted()).toEqual([
      "1 result",
      "2 result",
    ]);
    await cluster.stopAll();
  });

  test("a node that stops meanwhile says so, and keeps nobody", async () => {
    const cluster = await Cluster.founded(three);
    const [target] = cluster.followers;
    if (target === undefined) throw new Error("there is no follower");
    target.holdsDisk = "everything";
    void cluster.leader.node.transfer(target.id);
    for (let round = 0; target.node.state.role.kind !== "candidate"; round += 1) {
      if (round > 100) throw new Error("it does not stand");
      await cluster.settle();
      await cluster.advance(1);
    }
    const client = cluster.client(target.id);
    client.command("early");
    const stopped = target.node.stop();
    target.holdsDisk = "nothing";
    target.store.flushAll();
    await cluster.advance(5_000);
    await stopped;
    expect(client.replies).toHaveLength(1);
    await cluster.stopAll();
  });
});
