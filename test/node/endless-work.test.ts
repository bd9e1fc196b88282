// A command or a query that takes too long is named, with the moment since when; what follows quickly is not.
import { afterEach, describe, expect, test } from "bun:test";
import { EndlessWork } from "../../src/node/endless-work.ts";
import type { BusyWith } from "../../src/ports/state-machine.ts";
import { Cluster, type Member } from "./cluster.ts";

describe("work that takes too long", () => {
  const startMs = Date.UTC(2026, 10, 26);
  function watch() {
    const time = { nowMs: 1_000 };
    const busy: { with: BusyWith | null } = { with: null };
    const endless = new EndlessWork({
      busyWith: () => busy.with,
      operationAt: () => null,
      askerOf: (nth) => ["alice", "bob"][nth] ?? null,
      clock: { nowMs: () => time.nowMs, wallMs: () => startMs + time.nowMs - 1_000 },
    });
    const after = (ms: number): string | null => {
      time.nowMs += ms;
      endless.look();
      return endless.found?.problem ?? null;
    };
    return { busy, after };
  }

  test("an entry is named, with the moment in which it was first seen", () => {
    const { busy, after } = watch();
    busy.with = { kind: "entry", count: 1, index: 7, term: 2 };
    expect([after(0), after(4_999)]).toEqual([null, null]);
    expect(after(1)).toContain("busy with entry 7 (term 2) since 2026-11-26T00:00:00.000Z, and commands wait for it");
    expect(after(60_000)).toContain("since 2026-11-26T00:00:00.000Z");
    busy.with = null;
    expect(after(100)).toBeNull();
  });

  test("a query is named by its client", () => {
    const { busy, after } = watch();
    busy.with = { kind: "query", count: 1, nth: 1 };
    after(0);
    expect(after(5_000)).toContain('busy with a query of the client "bob" since');
  });

  test("one thing after the other is no single one that takes long", () => {
    const { busy, after } = watch();
    for (let count = 1; count < 100; count++) {
      busy.with = { kind: "entry", count, index: 7, term: 2 };
      expect(after(1_000)).toBeNull();
    }
  });
});

test("P64: an endless apply is named in the log and in the status, and no longer once it ends", async () => {
  const cluster = await Cluster.founded(["n1"]);
  const { leader } = cluster;
  const { self } = leader.node.state;
  leader.machine.busyWith = { kind: "entry", count: 3, index: 2, term: 1 };
  await cluster.advance(6_000, 100);
  expect(leader.node.requests.problemOf(self)).toContain("busy with entry 2 (term 1) since");
  expect(leader.logs.filter((line) => line === "warn something is wrong with this node")).toHaveLength(1);
  leader.machine.busyWith = null;
  await cluster.advance(200, 100);
  expect(leader.node.requests.problemOf(self)).toBeNull();
  await cluster.stopAll();
});

test("P64: an endless query is named with its client", async () => {
  const cluster = await Cluster.founded(["n1"]);
  const { leader } = cluster;
  leader.machine.isSlow = true;
  cluster.client("n1").query("never ends", 1_000);
  await cluster.settle();
  leader.machine.busyWith = { kind: "query", count: 3, nth: 0 };
  await cluster.advance(6_000, 100);
  expect(leader.node.requests.problemOf(leader.node.state.self)).toContain(
    'busy with a query of the client "tester" since',
  );
  leader.machine.release();
  await cluster.stopAll();
});

test("P64: an endless snapshot is named, and a query that waits behind it may be asked elsewhere", async () => {
  const cluster = await Cluster.founded(["n1"]);
  const { leader } = cluster;
  leader.machine.isSlow = true;
  const client = cluster.client("n1");
  client.query("waits", 6_000);
  await cluster.settle();
  leader.machine.busyWith = { kind: "snapshot", count: 3 };
  await cluster.advance(7_000, 100);
  expect(leader.node.requests.problemOf(leader.node.state.self)).toContain("busy with a snapshot since");
  expect(client.replies).toEqual(["1 unavailable"]);
  leader.machine.release();
  await cluster.stopAll();
});

describe("P64: while a state machine hangs", () => {
  const three = ["n1", "n2", "n3"] as const;
  let open: Cluster | null = null;
  afterEach(async () => {
    for (const { machine } of open?.members.values() ?? []) machine.release();
    await open?.stopAll();
    open = null;
  });

  async function founded(ids: readonly string[]): Promise<Cluster> {
    open = await Cluster.founded(ids);
    await open.advance(1_000);
    return open;
  }

  /** A query that never ends, and what was asked after it. */
  async function hang(cluster: Cluster, { id, machine }: Member): Promise<void> {
    machine.isSlow = true;
    cluster.client(id).stale("never ends");
    await cluster.settle();
    machine.busyWith = { kind: "query", count: 1, nth: 0 };
  }

  test("at a query, its leader hands over, and commands go on", async () => {
    const cluster = await founded(three);
    const { leader } = cluster;
    await hang(cluster, leader);
    await cluster.until("another one leads", () => cluster.leader !== leader);
    const client = cluster.client(cluster.leader.id);
    client.command("more");
    await cluster.advance(200);
    expect(client.replies).toEqual([expect.stringContaining("more")]);
  });

  test("at a query, it goes to the node whose state machine runs, and is handed no leadership itself", async () => {
    const cluster = await founded(three);
    const { leader } = cluster;
    const [sick, sound] = cluster.followers;
    await hang(cluster, leader);
    await hang(cluster, sick!);
    await cluster.until("the sound one leads", () => cluster.leader === sound);
    await cluster.advance(30_000, 50);
    expect(cluster.leader).toBe(sound!);
  });

  test("at an entry, its leader hands over to a node that has passed the entry, and to no other one", async () => {
    const cluster = await founded(three);
    const { leader } = cluster;
    const [slow, slower] = cluster.followers;
    const { currentTerm, log } = leader.node.state;
    const index = log.last.index + 1;
    for (const { machine } of cluster.members.values()) {
      machine.isSlow = true;
      machine.busyWith = { kind: "entry", count: 1, index, term: currentTerm };
    }
    cluster.client(leader.id).command("endless");
    await cluster.advance(30_000, 50);
    expect([cluster.leader, leader.node.state.currentTerm]).toEqual([leader, currentTerm]);
    slow!.machine.busyWith = null;
    slow!.machine.isSlow = false;
    slow!.machine.release();
    await cluster.until("the one that has passed it leads", () => cluster.leader === slow);
    expect(slower!.end).toBeNull();
  });

  test("at an entry, the command in it and those behind it are told to be in the log, and later ones only why not", async () => {
    const cluster = await founded(["n1"]);
    const { leader } = cluster;
    leader.machine.isSlow = true;
    const index = leader.node.state.log.last.index + 1;
    const client = cluster.client("n1");
    client.command("endless", 9_000);
    await cluster.settle();
    leader.machine.busyWith = { kind: "entry", count: 1, index, term: 1 };
    // More than the state machine is handed at once: the last ones wait for their turn, committed all the same.
    for (let nth = 0; nth < 20; nth++) {
      client.command("behind it", 9_000);
      await cluster.settle();
    }
    await cluster.advance(6_000, 100);
    expect(client.replies).toEqual([]);
    client.command("comes later", 9_000);
    expect(client.replies).toEqual(["22 unavailable"]);
    await cluster.advance(2_700, 100);
    const inTheLog = Array.from({ length: 21 }, (_, nth) => `${nth + 1} apply-failed`);
    expect(new Set(client.replies.slice(1))).toEqual(new Set(inTheLog));
    const cause = `this node cannot go on: its state machine has been busy with entry ${index} (term 1) since`;
    const messages = client.raw.map((reply) => (reply.kind === "error" ? reply.message : ""));
    expect(messages[0]).toStartWith(cause);
    for (const message of messages) expect(message).toContain(cause);
  });

  test("every error names what it hangs at, before its client stops waiting", async () => {
    const cluster = await founded(["n1"]);
    const { leader } = cluster;
    leader.machine.isSlow = true;
    const client = cluster.client("n1");
    client.query("never ends", 9_000);
    await cluster.settle();
    leader.machine.busyWith = { kind: "query", count: 1, nth: 0 };
    client.command("waits", 9_000);
    client.query("waits too", 9_000);
    await cluster.advance(6_000, 100);
    expect(client.replies).toEqual([]);
    client.command("comes later", 9_000);
    client.query("comes later", 9_000);
    expect(client.replies).toEqual(["4 unavailable", "5 unavailable"]);
    await cluster.advance(2_700, 100);
    expect(client.replies.toSorted()).toEqual([
      "1 query-failed",
      "2 outcome-unknown",
      "3 unavailable",
      "4 unavailable",
      "5 unavailable",
    ]);
    for (const reply of client.raw) {
      expect(reply).toMatchObject({
        message: expect.stringContaining('busy with a query of the client "tester" since'),
      });
    }
  });
});
