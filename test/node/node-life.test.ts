// What each part of a node is told at the turning points of the node's life, in which order, and with what.
import { afterEach, describe, expect, test } from "bun:test";
import { GraftError } from "../../src/errors.ts";
import { BrokenRule } from "../../src/node/node-end.ts";
import { change } from "./administering.ts";
import { Cluster, type Member } from "./cluster.ts";
import { type Call, watchedCalls } from "./watched-parts.ts";

const mebibyte = 2 ** 20;
const three = ["n1", "n2", "n3"] as const;

let open: Cluster | null = null;
afterEach(async () => {
  await open?.stopAll();
  open = null;
});

async function founded(
  ids: readonly string[] = ["n1"],
): Promise<{ readonly cluster: Cluster; readonly leader: Member }> {
  open = await Cluster.founded(ids);
  return { cluster: open, leader: open.leader };
}

describe("a node that starts", () => {
  test("tells its transport of the cluster that it belongs to, before anybody connects", async () => {
    const { cluster, leader } = await founded();
    expect(leader.trace[0]).toBe("setAffiliation founding");
    const disk = await cluster.crash("n1");
    const back = await cluster.start("n1", { disk });
    expect(back.trace[0]).toBe("setAffiliation known");
  });
});

test("P49: a leader whose process stood still says by how much its heartbeats are late", async () => {
  const { cluster, leader } = await founded(three);
  cluster.clock.stall(200);
  await cluster.advance(10);
  const late = leader.logs.filter((line) => line.startsWith("warn heartbeats are late"));
  expect(late).toHaveLength(1);
});

test("a leader hands its state machine what is committed before it is done with the turn", async () => {
  const { cluster, leader } = await founded();
  const apply = leader.machine.apply.bind(leader.machine);
  leader.machine.apply = (...given) => {
    leader.trace.push("apply");
    return apply(...given);
  };
  leader.trace.length = 0;
  cluster.client("n1").command("a");
  await cluster.settle();
  expect(leader.trace.slice(0, 4)).toEqual(["flush", "write appendLog", "apply", "flush"]);
});

describe("every 100 ms a node looks at the clock", () => {
  const names = [
    "applier.lookForEndlessWork",
    "waiting.expire",
    "reads.expire",
    "mailbox.expire",
    "applier.expire",
    "requests.expire",
    "fitness.sweep",
    "loop.tryAgain",
    "snapshots.relieve",
  ];

  /** The calls of one look, and when it was. */
  async function oneLook({ cluster, leader }: Awaited<ReturnType<typeof founded>>) {
    const calls = watchedCalls(leader.node, ...names);
    leader.trace.length = 0;
    await cluster.advance(100);
    const [, nowMs] = calls.find(([name]) => name === "requests.expire")!;
    if (typeof nowMs !== "number") throw new Error("requests expire at no time");
    return { calls, nowMs };
  }

  test("and each part that keeps requests, or waits for something, is told what the time is", async () => {
    const all = await founded();
    const { machine, node } = all.leader;
    // What is committed counts, whether it has been applied or not.
    machine.isSlow = true;
    all.cluster.client("n1").command("slow");
    await all.cluster.settle();
    const { calls, nowMs } = await oneLook(all);
    const { commitIndex: index, currentTerm: term } = node.state;
    expect(node.appliedIndex).toBeLessThan(index);
    machine.isSlow = false;
    machine.release();
    expect(calls).toEqual([
      ["applier.lookForEndlessWork"],
      ["waiting.expire", nowMs, null, { index, term }],
      ["reads.expire", nowMs, null],
      ["mailbox.expire", nowMs, null],
      ["applier.expire", nowMs, null],
      ["requests.expire", nowMs],
      ["fitness.sweep"],
      ["loop.tryAgain"],
      ["snapshots.relieve", false],
    ]);
    expect(all.cluster.clock.nowMs() - nowMs).toBeLessThan(100);
    expect(all.leader.trace).toContain("flush");
  });

  test("and what those are told whose time is up leaves at once", async () => {
    const { cluster, leader } = await founded();
    const { requests, parts } = leader.node;
    const left: (readonly string[])[] = [];
    const [expire, sweep] = [requests.expire.bind(requests), parts.fitness.sweep.bind(parts.fitness)];
    requests.expire = (nowMs) => {
      leader.trace.length = 0;
      expire(nowMs);
    };
    parts.fitness.sweep = () => {
      left.push([...leader.trace]);
      sweep();
    };
    await cluster.advance(100);
    expect(left).toEqual([["flush"]]);
  });

  test("requests that need a state machine which hangs are answered a little earlier, and a full disk is relieved", async () => {
    const all = await founded();
    const { cluster, leader } = all;
    leader.machine.busyWith = { kind: "entry", count: 1, index: 2, term: 1 };
    leader.room = { freeBytes: 90 * mebibyte, totalBytes: 1_000 * mebibyte };
    await cluster.advance(10_000, 100);
    const { calls, nowMs } = await oneLook(all);
    const hangs = expect.objectContaining({ entry: 2 });
    const early = nowMs + 500;
    expect(calls.slice(1, 6)).toEqual([
      ["waiting.expire", early, hangs, expect.anything()],
      ["reads.expire", early, hangs],
      ["mailbox.expire", early, hangs],
      ["applier.expire", early, hangs],
      ["requests.expire", nowMs],
    ]);
    expect(calls.at(-1)).toEqual(["snapshots.relieve", true]);
  });
});

test("a node whose disk is full forgets first what the disk does not have, and goes on from there", async () => {
  const { cluster, leader } = await founded();
  const { last } = leader.node.state.log;
  const names = ["tail.restart", "applier.letGo", "snapshots.onNoRoom", "waiting.abandon", "fitness.look"];
  const calls = watchedCalls(leader.node, ...names);
  leader.store.isFull = true;
  const client = cluster.client("n1");
  client.command("not written");
  await cluster.settle();
  expect(calls).toEqual([
    ["tail.restart", last],
    ["applier.letGo"],
    ["snapshots.onNoRoom"],
    ["waiting.abandon", "the disk of this node is full"],
    ["fitness.look"],
  ]);
  expect(client.replies).toEqual(["1 outcome-unknown"]);
  leader.store.isFull = false;
});

test("a node that is removed tells the clients that wait why, from its last entry on", async () => {
  const { cluster, leader } = await founded(three);
  const leaving = cluster.followers[0]!;
  const calls = watchedCalls(leaving.node, "waiting.leaveAfter");
  await change(cluster, leader, { remove: [leaving.id] });
  await cluster.until("it is removed", () => leaving.node.state.removed !== null);
  const reason = "this node was removed before the entry was committed";
  expect(calls).toEqual([["waiting.leaveAfter", leaving.node.state.commitIndex, reason]]);
  expect(leaving.logs.filter((line) => line.startsWith(`warn ${leaving.id} has been removed`))).toHaveLength(1);
});

describe("a node that ends", () => {
  const names = [
    "loop.stop",
    "snapshots.stop",
    "requests.unpark",
    "waiting.abandon",
    "reads.failAll",
    "applier.abandon",
    "handOvers.end",
    "fitness.stop",
    "membership.stop",
  ];

  const atTheEnd = (reason: string): readonly Call[] => [
    ["loop.stop"],
    ["snapshots.stop"],
    ["requests.unpark"],
    ["waiting.abandon", reason],
    ["reads.failAll", { code: "unavailable", message: reason, leader: null }],
    ["applier.abandon", reason],
    ["handOvers.end"],
    ["fitness.stop"],
    ["membership.stop"],
  ];

  test("stops taking steps before it answers all that waits, and says that it was asked to", async () => {
    const { cluster, leader } = await founded();
    const calls = watchedCalls(leader.node, ...names);
    const stopped = leader.node.stop();
    await cluster.advance(100);
    await stopped;
    expect(calls).toEqual([["requests.unpark"], ...atTheEnd("the node stops")]);
    expect(cluster.clock.pendingTimers).toBe(0);
  });

  test("is closed once any of its stops has resolved, also one that comes while it is stopping or failing", async () => {
    const { cluster, leader } = await founded();
    const closing = Promise.withResolvers<void>();
    leader.machine.close = () => closing.promise;
    const resolved: string[] = [];
    const stop = (name: string): void =>
      void leader.node.stop().then(() => resolved.push(`${name} ${leader.end?.kind}`));
    stop("first");
    stop("second");
    await cluster.advance(100);
    stop("third");
    await cluster.settle();
    expect([resolved, leader.end]).toEqual([[], null]);
    closing.resolve();
    await cluster.settle();
    stop("late");
    await cluster.settle();
    expect(resolved.toSorted()).toEqual(["first stopped", "late stopped", "second stopped", "third stopped"]);
    // It leaves once, however often it is told to.
    expect(leader.logs.filter((line) => line === "info handing leadership over")).toHaveLength(1);
    const failing = await cluster.start("n1", { disk: leader.store.crash() });
    const held = Promise.withResolvers<void>();
    failing.machine.close = () => held.promise;
    failing.store.write = () => {
      throw new GraftError("storage", "the disk is gone");
    };
    await cluster.advance(2_000, 50);
    let isStopped = false;
    void failing.node.stop().then(() => (isStopped = true));
    await cluster.settle();
    expect([failing.logs.at(-1), isStopped, failing.end]).toEqual(["error the node stops", false, null]);
    held.resolve();
    await cluster.settle();
    expect([isStopped, failing.end?.kind]).toEqual([true, "failed"]);
  });

  test("does the same when it cannot go on, and says why to its clients and in its log", async () => {
    const { cluster, leader } = await founded();
    const client = cluster.client("n1");
    const calls = watchedCalls(leader.node, ...names);
    const cause = new GraftError("storage", "the disk is gone");
    leader.store.write = () => {
      throw cause;
    };
    // What goes wrong after the cause is not the cause.
    leader.machine.closeFailure = new Error("not closed");
    client.command("a");
    await cluster.settle();
    // The loop has stopped by itself before.
    expect(calls).toEqual([["loop.stop"], ...atTheEnd("the disk is gone")]);
    expect(leader.end).toEqual({ kind: "failed", error: cause });
    expect(leader.logs.slice(-2)).toEqual(["error the node stops", "error closing failed"]);
  });

  test("leaves no timer of its scrubber", async () => {
    const cluster = (open = new Cluster(["n1"]));
    cluster.scrubIntervalMs = 1e9;
    const { node } = await cluster.start("n1");
    const stopped = node.stop();
    await cluster.advance(100);
    await stopped;
    expect(cluster.clock.pendingTimers).toBe(0);
  });

  test("tells each of those that wait until it is quiet", async () => {
    const { cluster, leader } = await founded();
    leader.machine.isSlow = true;
    cluster.client("n1").command("slow");
    await cluster.settle();
    const quiet: string[] = [];
    void leader.node.quiet().then(() => quiet.push("first"));
    void leader.node.quiet().then(() => quiet.push("second"));
    await cluster.settle();
    expect(quiet).toEqual([]);
    leader.machine.isSlow = false;
    leader.machine.release();
    await cluster.settle();
    expect(quiet.toSorted()).toEqual(["first", "second"]);
  });

  test("answers queries that no majority has confirmed", async () => {
    const { cluster, leader } = await founded(three);
    const client = cluster.client(leader.id);
    cluster.isolate(leader.id);
    client.query("is it so");
    await cluster.settle();
    leader.store.breakDisk();
    client.command("in doubt");
    await cluster.settle();
    expect([...client.replies].sort()).toEqual(["1 unavailable", "2 outcome-unknown"]);
    expect(client.late).toEqual([]);
  });

  test("answers also the commands for which there was no room in its log", async () => {
    const { cluster, leader } = await founded();
    const client = cluster.client("n1");
    leader.machine.isSlow = true;
    const commands = 1_500;
    for (let nth = 0; nth < commands; nth++) client.command("x".repeat(16 * 1024));
    await cluster.settle();
    expect(leader.node.parts.mailbox.requestCount).toBeGreaterThan(100);
    const stopped = leader.node.stop();
    await cluster.advance(5_000, 100);
    await stopped;
    expect([client.replies.length, client.late, leader.node.requests.waitingCount]).toEqual([commands, [], 0]);
  });
});

describe("P58: a node that has an error of its own code", () => {
  test("fails with all that went wrong, also when it cannot write down what it has found", async () => {
    const { cluster, leader } = await founded();
    leader.store.keepFinding = () => {
      throw new Error("the disk is gone");
    };
    leader.node.parts.loop.arrive({ kind: "no such event" } as never);
    await cluster.settle();
    expect(leader.fatal).toBeInstanceOf(AggregateError);
    expect(leader.fatal).toHaveProperty(
      "message",
      expect.stringMatching(/^a rule of Raft does not hold.*disk is gone$/),
    );
  });

  test("tells nobody anything any more, and keeps what it has found with the time of the day", async () => {
    const { cluster, leader } = await founded();
    const client = cluster.client("n1");
    leader.machine.isSlow = true;
    client.command("in doubt");
    await cluster.settle();
    const kept: unknown[] = [];
    leader.store.keepFinding = ({ at }) => void kept.push(at);
    leader.node.parts.loop.arrive({ kind: "no such event" } as never);
    await cluster.settle();
    expect(leader.fatal).toBeInstanceOf(BrokenRule);
    expect([client.raw, kept]).toEqual([[], [new Date(cluster.clock.wallMs()).toISOString()]]);
  });

  test("fails at once also while it is closing", async () => {
    const { cluster, leader } = await founded();
    leader.machine.close = () => new Promise(() => {});
    void leader.node.stop();
    await cluster.advance(100);
    expect([leader.trace.includes("transport.stop"), leader.end, leader.fatal]).toEqual([true, null, null]);
    leader.room = new GraftError("damaged", "the disk does not answer");
    // The store may be closed already, and what the node has said of its end stands.
    leader.store.keepDamage = () => void leader.logs.push("damage is kept");
    const { length } = leader.logs;
    await cluster.advance(1_000);
    leader.node.parts.fitness.look();
    await cluster.settle();
    expect([leader.fatal, leader.logs.slice(length)]).toEqual([null, []]);
    leader.room = new TypeError("a mistake");
    await cluster.advance(1_000);
    leader.node.parts.fitness.look();
    await cluster.settle();
    expect(leader.fatal).toEqual(new TypeError("a mistake"));
  });
});
