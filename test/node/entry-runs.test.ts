// Runs of entries alone: what is read and handed over, which of the parts hear of it, and in which order.
import { describe, expect, test } from "bun:test";
import { type Entry, entryBytes } from "../../src/core/entry.ts";
import type { WakeTime } from "../../src/core/wake-time.ts";
import type { LeaderHint } from "../../src/ports/requests.ts";
import type { AppliedEntry, Deliver, Outcome } from "../../src/ports/state-machine.ts";
import { EntryRuns } from "../../src/node/entry-runs.ts";
import { UnderWay } from "../../src/node/under-way.ts";
import type { ProposalWaiter, ReplyError } from "../../src/node/waiting-clients.ts";
import { ManualClock } from "../doubles/manual-clock.ts";
import { command, noop } from "./applier-setting.ts";
import { afterMicrotasks } from "./cluster.ts";
import { bytes, text } from "./recording-machine.ts";
import { someone, unbounded } from "./test-asker.ts";
import { noPlace } from "./trusted-copy.ts";

interface Run {
  readonly entries: readonly AppliedEntry[];
  readonly deliver: Deliver;
  readonly over: PromiseWithResolvers<WakeTime>;
}

const leader: LeaderHint = { id: "n2", address: "n2:1" };
const ok = (said: string): Outcome => ({ kind: "ok", payload: bytes(said) });

function setUp(log: readonly Entry[], after = 0) {
  /** What happened, in order. */
  const trace: string[] = [];
  const runs: Run[] = [];
  const clients = new Map<number, ProposalWaiter>();
  const failures: unknown[] = [];
  const world = { isAsked: true, readMs: 0, pageMax: log.length };
  const clock = new ManualClock();
  const underWay = new UnderWay({
    done: () => void trace.push("done"),
    answered: () => void trace.push("answered"),
    failed: (error) => void failures.push(error),
  });
  const entryRuns = new EntryRuns(
    after,
    underWay,
    {
      stateMachine: {
        apply(entries, deliver) {
          trace.push(`apply ${entries.map(({ index }) => index).join(" ")}`);
          const over = Promise.withResolvers<WakeTime>();
          runs.push({ entries, deliver, over });
          return over.promise;
        },
      },
      clock,
      tail: {
        read(first, last, bytesMax) {
          trace.push(`read ${first}-${last} of ${bytesMax}`);
          clock.stall(world.readMs);
          return log.slice(first - 1, Math.min(last, first - 1 + world.pageMax));
        },
      },
      waiting: {
        get count() {
          return clients.size;
        },
        take(entry, known) {
          expect(known).toBe(leader);
          expect(entry).toEqual(log[entry.index - 1]!);
          const client = clients.get(entry.index) ?? null;
          clients.delete(entry.index);
          return client;
        },
      },
    },
    {
      leader: () => leader,
      isAsked: () => world.isAsked,
      placeAfter: noPlace,
      handed: (last, weight) => void trace.push(`handed ${last.index}.${last.term} ${weight}`),
      freed: () => void trace.push("freed"),
      runningFrom: () => {
        throw new Error("nothing is activated here");
      },
      decisionOn: () => null,
      inQuestion: () => {
        throw new Error("nothing is to be skipped here");
      },
      due: () => void trace.push("due"),
      asked: (wakeAtMs, through) => {
        if (wakeAtMs !== null) trace.push(`asked for ${wakeAtMs} after ${through}`);
      },
      clientFull: (entry, outcome) => void trace.push(`full ${entry.index} ${entry.client} ${outcome.untilMs}`),
      failed: (error, through, waiters) => {
        const waiting = waiters.map((each) => (each === null ? "-" : each.kind)).join(" ");
        trace.push(`failed ${error.message} ${through} ${waiting}`);
      },
    },
  );
  /** A client waits for this entry. */
  const wait = (index: number): void => {
    clients.set(index, {
      kind: "command",
      session: null,
      payload: bytes(""),
      from: someone,
      open: unbounded,
      dueMs: 9,
      succeed: (payload, at) => void trace.push(`${index}: ${text(payload)} ${at.index}.${at.term}`),
      fail: ({ code, message }: ReplyError) => void trace.push(`${index}: ${code} ${message}`),
    });
  };
  /** What has happened since the last look. */
  const happened = async (): Promise<readonly string[]> => {
    await afterMicrotasks();
    return trace.splice(0);
  };
  return { entryRuns, underWay, runs, clients, clock, world, failures, wait, happened };
}

const log = Array.from({ length: 40 }, (_, nth) => command(nth + 1));
const weight = (...entries: readonly Entry[]): number => entries.reduce((sum, each) => sum + entryBytes(each), 0);

describe("entries that are handed over", () => {
  test("are read in runs of 256 KiB, and told of once the state machine has them", async () => {
    const { entryRuns, happened } = setUp(log);
    entryRuns.commit(3);
    entryRuns.handOver();
    expect(await happened()).toEqual([
      "read 1-3 of 262144",
      "apply 1 2 3",
      `handed 3.1 ${weight(...log.slice(0, 3))}`,
      "freed",
    ]);
    expect([entryRuns.handedThrough, entryRuns.appliedThrough]).toEqual([3, 0]);
    // Nothing is read when nothing has been committed since, nor for a commit that is known already.
    entryRuns.commit(2);
    entryRuns.handOver();
    expect(await happened()).toEqual([]);
  });

  test("are applied as far as the state machine is done with them, which says when it is to be woken after those", async () => {
    const { entryRuns, runs, happened } = setUp(log);
    for (const through of [2, 3]) {
      entryRuns.commit(through);
      entryRuns.handOver();
    }
    await happened();
    runs[0]!.deliver([ok("a"), ok("b")]);
    runs[0]!.over.resolve(50);
    expect(await happened()).toContain("asked for 50 after 2");
    expect([entryRuns.handedThrough, entryRuns.appliedThrough]).toEqual([3, 2]);
    runs[1]!.deliver([ok("c")]);
    runs[1]!.over.resolve(60);
    expect(await happened()).toContain("asked for 60 after 3");
    expect([entryRuns.handedThrough, entryRuns.appliedThrough]).toEqual([3, 3]);
  });

  test("begin after what the state has, and entries of the consensus are a part of their run, but not applied", async () => {
    const all = [command(1), command(2), noop(3), command(4), noop(5)];
    const { entryRuns, runs, happened } = setUp(all, 2);
    expect([entryRuns.handedThrough, entryRuns.appliedThrough]).toEqual([2, 0]);
    entryRuns.commit(5);
    entryRuns.handOver();
    const run = ["read 3-5 of 262144", "apply 4", `handed 5.1 ${weight(...all.slice(2))}`, "freed"];
    expect(await happened()).toEqual(run);
    runs[0]!.deliver([ok("a")]);
    runs[0]!.over.resolve(null);
    await happened();
    expect(entryRuns.appliedThrough).toBe(5);
  });

  test("are with the state machine in sixteen runs at once, and each that ends makes room for another", async () => {
    const { entryRuns, runs, world, happened } = setUp(log);
    world.pageMax = 1;
    entryRuns.commit(40);
    entryRuns.handOver();
    expect([runs.length, entryRuns.handedThrough]).toEqual([16, 16]);
    runs[0]!.deliver([ok("a")]);
    runs[0]!.over.resolve(null);
    runs[1]!.over.reject(new Error("a bug"));
    await happened();
    entryRuns.handOver();
    expect([runs.length, entryRuns.handedThrough, entryRuns.appliedThrough]).toEqual([18, 18, 1]);
  });

  test("P49: are read for ten ms, and the rest is due as soon as others have had their turn", async () => {
    const { entryRuns, runs, clock, world, happened } = setUp(log);
    world.pageMax = 1;
    world.readMs = 5;
    entryRuns.commit(9);
    entryRuns.handOver();
    entryRuns.handOver();
    expect(runs).toHaveLength(2);
    await happened();
    clock.runSoon();
    expect(await happened()).toEqual(["due"]);
    world.readMs = 4.9;
    entryRuns.handOver();
    expect(runs).toHaveLength(5);
  });

  test("wait while nobody asks, and a node that ends does not hear of them", async () => {
    const { entryRuns, clock, world, happened } = setUp(log);
    world.isAsked = false;
    entryRuns.commit(2);
    entryRuns.handOver();
    expect(await happened()).toEqual([]);
    entryRuns.stop();
    clock.advance(1_000);
    expect([await happened(), clock.pendingTimers]).toEqual([[], 0]);
    entryRuns.handOver();
    clock.advance(5);
    expect(await happened()).toEqual(["due"]);
  });

  test("are those that have been gathered: what is committed after them waits for its own moment", async () => {
    const { entryRuns, clock, world, happened } = setUp(log);
    world.isAsked = false;
    entryRuns.commit(2);
    entryRuns.handOver();
    clock.advance(5);
    entryRuns.commit(4);
    entryRuns.handOver();
    expect((await happened()).slice(0, 3)).toEqual(["due", "read 1-2 of 262144", "apply 1 2"]);
    clock.advance(5);
    entryRuns.handOver();
    expect((await happened()).slice(0, 3)).toEqual(["due", "read 3-4 of 262144", "apply 3 4"]);
  });

  test("begin after a snapshot that takes the place of what is gone, and count as applied once it is restored", async () => {
    const { entryRuns, clock, world, happened } = setUp(log);
    entryRuns.skipTo(6);
    expect([entryRuns.handedThrough, entryRuns.appliedThrough]).toEqual([6, 0]);
    world.isAsked = false;
    entryRuns.handOver();
    // Nothing is gathered either.
    expect([await happened(), clock.pendingTimers]).toEqual([[], 0]);
    world.isAsked = true;
    entryRuns.onRestored(6);
    expect(entryRuns.appliedThrough).toBe(6);
    entryRuns.commit(7);
    entryRuns.handOver();
    expect((await happened()).slice(0, 2)).toEqual(["read 7-7 of 262144", "apply 7"]);
  });
});

describe("outcomes", () => {
  test("go to the clients that wait, each once, and the run is over when the state machine says so", async () => {
    const { entryRuns, underWay, runs, wait, happened } = setUp(log);
    wait(1);
    wait(3);
    entryRuns.commit(3);
    entryRuns.handOver();
    await happened();
    expect(runs[0]!.entries.map(({ isAwaited }) => isAwaited)).toEqual([true, false, true]);
    runs[0]!.deliver([ok("a")]);
    expect(await happened()).toEqual(["1: a 1.1", "answered"]);
    runs[0]!.deliver([ok("b"), ok("c")]);
    expect(await happened()).toEqual(["3: c 3.1", "answered"]);
    expect([entryRuns.appliedThrough, underWay.isEmpty]).toEqual([0, false]);
    runs[0]!.over.resolve(null);
    expect(await happened()).toEqual(["done", "answered"]);
    expect([entryRuns.appliedThrough, underWay.isEmpty]).toEqual([3, true]);
  });

  test("of an opening that its client has no room for are told, also when nobody waits for them", async () => {
    const opening = (index: number, client: string): Entry => ({
      kind: "openSession",
      index,
      term: 1,
      stampMs: 50,
      client,
      isAdmin: false,
      timeoutMs: 60,
    });
    const { entryRuns, runs, wait, happened } = setUp([opening(1, "a"), opening(2, "b"), command(3), opening(4, "c")]);
    wait(1);
    entryRuns.commit(4);
    entryRuns.handOver();
    await happened();
    const full = (untilMs: number): Outcome => ({ kind: "full", message: "ten", untilMs });
    runs[0]!.deliver([full(70), full(80), ok(""), { kind: "rejected", message: "no" }]);
    expect(await happened()).toEqual([
      "full 1 a 70",
      "1: overloaded no session was opened: ten",
      "full 2 b 80",
      "answered",
    ]);
  });

  test("that are too few or too many break the contract, in these words", async () => {
    const few = setUp(log);
    few.entryRuns.commit(2);
    few.entryRuns.handOver();
    few.runs[0]!.deliver([ok("a")]);
    few.runs[0]!.over.resolve(null);
    await few.happened();
    expect(few.failures).toEqual([new Error("2 commands applied, but 1 outcomes")]);
    expect(few.entryRuns.appliedThrough).toBe(0);
    const many = setUp(log);
    many.entryRuns.commit(1);
    many.entryRuns.handOver();
    many.runs[0]!.deliver([ok("a"), ok("b")]);
    expect(many.failures).toEqual([new Error("1 commands applied, but more outcomes")]);
  });
});

test("a state machine that waits for a version has the clients of what is committed refused, and none of it read twice", async () => {
  const { entryRuns, wait, happened } = setUp(log);
  const why = new Error("version 2 is not here");
  wait(2);
  entryRuns.commit(4);
  entryRuns.refuseLacking(why);
  const refused = `apply-failed the state machine of this node has stopped: ${why.message}`;
  expect(await happened()).toEqual(["read 1-4 of 262144", `2: ${refused}`, "freed"]);
  wait(6);
  entryRuns.commit(6);
  entryRuns.refuseLacking(why);
  expect(await happened()).toEqual(["read 5-6 of 262144", `6: ${refused}`, "freed"]);
  // They are handed over all the same, once the version is here.
  entryRuns.handOver();
  expect([(await happened())[0], entryRuns.handedThrough]).toEqual(["read 1-6 of 262144", 6]);
});

describe("a state machine that fails", () => {
  test("is told of with the last entry of the run, and with those who have no answer yet", async () => {
    const { entryRuns, underWay, runs, wait, happened } = setUp(log);
    for (const index of [1, 2]) wait(index);
    entryRuns.commit(3);
    entryRuns.handOver();
    runs[0]!.deliver([ok("a")]);
    await happened();
    runs[0]!.over.reject(new Error("a bug"));
    expect(await happened()).toEqual(["failed a bug 3 - command -", "done", "answered"]);
    expect([entryRuns.appliedThrough, underWay.isEmpty]).toEqual([0, true]);
  });

  test("gets nothing more: the clients of what is committed are refused, page by page, while any wait", async () => {
    const { entryRuns, clients, world, wait, happened } = setUp(log);
    world.pageMax = 2;
    wait(3);
    wait(4);
    entryRuns.commit(9);
    entryRuns.refuse(new Error("a bug"));
    expect(await happened()).toEqual([
      "read 1-9 of 262144",
      "freed",
      "read 3-9 of 262144",
      "3: apply-failed a bug",
      "4: apply-failed a bug",
      "freed",
    ]);
    // The rest is not read, now or later.
    expect([entryRuns.handedThrough, clients.size]).toEqual([9, 0]);
    wait(10);
    entryRuns.commit(10);
    entryRuns.refuse(new Error("a bug"));
    expect((await happened())[0]).toBe("read 10-10 of 262144");
    entryRuns.refuse(new Error("a bug"));
    expect(await happened()).toEqual([]);
  });
});
