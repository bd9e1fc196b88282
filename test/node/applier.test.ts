// Committed entries reach the state machine in order and each once, and every waiter gets the answer to its own.
import { describe, expect, test } from "bun:test";
import { GraftError } from "../../src/errors.ts";
import { entryBytes } from "../../src/core/entry.ts";
import { querySliceMs } from "../../src/ports/state-machine.ts";
import { snapshotAt } from "../core/say.ts";
import { command, microtasks, noop, setUp, waiter } from "./applier-setting.ts";
import { bytes } from "./recording-machine.ts";

describe("applier", () => {
  test("applies each committed entry once and in order, however commitIndex moves", async () => {
    const { applier, machine } = setUp(Array.from({ length: 9 }, (_, at) => command(at + 1)));
    for (const through of [2, 2, 5, 4, 9]) applier.advance(through);
    await microtasks();
    expect(machine.applied).toEqual(Array.from({ length: 9 }, (_, at) => `${at + 1}:c${at + 1}`));
    expect(applier.appliedIndex).toBe(9);
    expect(applier.isIdle).toBe(true);
  });

  test("begins after what a snapshot covers, with index, term and replicated time of each entry", async () => {
    const { applier, machine, restores } = setUp([command(1), command(2), command(3)], 2);
    applier.advance(3);
    await microtasks();
    expect(machine.applied).toEqual([]);
    expect(applier).toMatchObject({ appliedIndex: 0, isIdle: false });
    restores[0]!.settle.resolve();
    await microtasks();
    expect(machine.runs.flat()).toMatchObject([
      { kind: "command", index: 3, term: 1, timeMs: 30, payload: bytes("c3"), session: null, isAwaited: false },
    ]);
  });

  test("says of each command whether somebody waits for its result", async () => {
    const { applier, machine, waiters } = setUp([command(1), command(2), command(3)]);
    waiters.set(2, waiter("command"));
    applier.advance(3);
    await microtasks();
    expect(machine.runs.flat().map(({ isAwaited }) => isAwaited)).toEqual([false, true, false]);
  });

  test("P20: paging through more than one run skips and repeats nothing", async () => {
    const heavy = "x".repeat(300 * 1024);
    const log = Array.from({ length: 40 }, (_, at) => command(at + 1, heavy));
    const { applier, machine, pages } = setUp(log);
    applier.advance(40);
    await microtasks();
    expect(pages.length).toBeGreaterThan(10);
    expect(machine.runs.flat().map(({ index }) => index)).toEqual(log.map(({ index }) => index));
    expect(applier.appliedIndex).toBe(40);
  });

  test("who waits for a state machine that hangs is told when the time is up", async () => {
    const { applier, machine, waiters, queries } = setUp([command(1), noop(2)]);
    const [change, question] = [waiter("command"), waiter("query", "?")];
    waiters.set(1, change);
    queries.set(2, [question]);
    machine.isSlow = true;
    applier.advance(2);
    applier.expire(999);
    expect([change.answers, question.answers]).toEqual([[], []]);
    applier.expire(1_000);
    expect([change.answers, question.answers]).toEqual([["outcome-unknown"], ["unavailable"]]);
  });

  test("P49: lets others have their turn while it replays a long log", async () => {
    const log = Array.from({ length: 10 }, (_, at) => command(at + 1, "x".repeat(1024 * 1024)));
    const { applier, machine, time, later } = setUp(log);
    machine.isSlow = true;
    time.pageMs = 6;
    applier.advance(10);
    expect([machine.runs.length, later.length]).toEqual([2, 1]);
    applier.advance(10);
    expect([machine.runs.length, later.length]).toEqual([2, 1]);
    later.shift()!();
    expect([machine.runs.length, later.length]).toEqual([4, 1]);
    applier.abandon("the node stops");
    later.shift()!();
    expect(machine.runs.length).toBe(4);
  });

  test("hands over no more than a few runs before the first is answered", async () => {
    const log = Array.from({ length: 40 }, (_, at) => command(at + 1, "x".repeat(1024 * 1024)));
    const { applier, machine } = setUp(log);
    machine.isSlow = true;
    applier.advance(40);
    expect(machine.runs.length).toBe(16);
    await microtasks();
    expect(machine.runs.length).toBe(16);
    expect(applier.appliedIndex).toBe(0);
    machine.release(3);
    await microtasks();
    expect(machine.runs.length).toBe(19);
    expect(applier.appliedIndex).toBe(3);
  });

  test("each waiter gets the answer to its own command, a rejected one its reason", async () => {
    const { applier, waiters } = setUp([command(1, "a"), command(2, "reject b"), command(3, "c")]);
    const clients = [waiter("command"), waiter("command"), waiter("command")];
    for (const [at, client] of clients.entries()) waiters.set(at + 1, client);
    applier.advance(3);
    await microtasks();
    expect(clients.map(({ answers }) => answers)).toEqual([["1.1 a"], ["rejected"], ["3.1 c"]]);
    expect(clients[1]!.messages).toEqual(["reject b is refused"]);
  });

  test("a query is put once everything that it has to see has been handed over, and not before", async () => {
    const { applier, machine, queries } = setUp([command(1), command(2), noop(3), command(4)]);
    const client = waiter("query", "q");
    queries.set(3, [client]);
    applier.advance(2);
    applier.serve();
    expect(machine.queries).toEqual([]);
    applier.advance(3);
    applier.advance(4);
    await microtasks();
    expect(machine.queries).toEqual(["q after 2"]);
    expect(client.answers).toEqual(["3.1 q of 2"]);
    expect(machine.applied.length).toBe(3);
  });

  test("a query that need not wait is put at once", async () => {
    const { applier, queries } = setUp([command(1)]);
    applier.advance(1);
    await microtasks();
    const client = waiter("query", "q");
    queries.set(1, [client]);
    applier.serve();
    await microtasks();
    expect(client.answers).toEqual(["1.1 q of 1"]);
  });

  test("P64: no more than a slice of queries is with the state machine, and commands go before the next one", async () => {
    const { applier, machine, queries } = setUp([command(1), command(2), command(3)]);
    machine.isSlow = true;
    machine.elapsedMs = querySliceMs;
    queries.set(
      1,
      Array.from({ length: 200 }, () => waiter("query", "q")),
    );
    applier.advance(1);
    const first = machine.queries.length;
    expect(first).toBeLessThan(10);
    applier.serve();
    applier.advance(2);
    expect([machine.queries.length, machine.runs.length]).toEqual([first, 2]);
    machine.release();
    await microtasks();
    expect(machine.queries.length).toBeGreaterThan(first);
    // Each takes a slice for itself, as far as is known by now.
    const second = machine.queries.length;
    machine.release();
    await microtasks();
    expect(machine.queries.length).toBeLessThanOrEqual(second + 2);
    expect(machine.queries.slice(first).every((asked) => asked === "q after 2")).toBe(true);
  });

  test("cheap queries go over many at a time", async () => {
    const { applier, machine, queries } = setUp([command(1)]);
    const clients = Array.from({ length: 3_000 }, () => waiter("query", "q"));
    queries.set(1, clients);
    applier.advance(1);
    let slices = 0;
    machine.isSlow = true;
    for (await microtasks(); machine.heldCount > 0; await microtasks()) {
      slices++;
      machine.release();
    }
    expect(clients.every(({ answers }) => answers.length === 1)).toBe(true);
    expect(slices).toBeLessThan(60);
  });

  test("P64: what a slice did not get to comes again in its turn, each query is answered once", async () => {
    const { applier, machine, queries } = setUp([command(1)]);
    machine.sliceMax = 2;
    const clients = Array.from({ length: 7 }, (_, at) => waiter("query", `q${at}`));
    queries.set(1, clients);
    applier.advance(1);
    await microtasks();
    expect(machine.queries).toEqual(clients.map((_, at) => `q${at} after 1`));
    expect(clients.map(({ answers }) => answers)).toEqual(clients.map((_, at) => [`1.1 q${at} of 1`]));
    expect(applier.isIdle).toBe(true);
  });

  test("a slice of which nothing was answered breaks the contract", async () => {
    const { applier, machine, queries, failures } = setUp([command(1)]);
    machine.sliceMax = 0;
    queries.set(1, [waiter("query", "q")]);
    applier.advance(1);
    await microtasks();
    expect(failures).toEqual(["node: Error: 1 queries asked, but 0 answers"]);
  });

  test("P64: a query that hangs holds its slice, and no more: the others are told when their time is up", async () => {
    const { applier, machine, queries, reads, time } = setUp([command(1)]);
    machine.isSlow = true;
    const clients = Array.from({ length: 2_000 }, () => waiter("query", "q", 100));
    queries.set(1, clients);
    applier.advance(1);
    const held = machine.queries.length;
    expect(reads.count).toBe(2_000 - held);
    time.nowMs = 100;
    reads.expire(100);
    applier.expire(100);
    expect(clients.every(({ answers }) => answers.length === 1 && answers[0] === "unavailable")).toBe(true);
    expect(reads.count).toBe(0);
    const patient = waiter("query", "after it", 1_000);
    queries.set(1, [patient]);
    machine.isSlow = false;
    machine.release();
    await microtasks();
    expect(patient.answers).toEqual(["1.1 after it of 1"]);
    // Nobody waits for the others any more.
    expect(machine.queries.length).toBe(held + 1);
  });

  test("a query that fails fails alone", async () => {
    const { applier, machine, waiters, queries, failures } = setUp([noop(1), command(2)]);
    const [bad, good, writer] = [waiter("query", "throw"), waiter("query", "q"), waiter("command")];
    queries.set(0, [bad]).set(1, [good]);
    waiters.set(2, writer);
    applier.advance(2);
    await microtasks();
    expect([bad.answers, good.answers, writer.answers]).toEqual([["query-failed"], ["1.1 q of 1"], ["2.1 c2"]]);
    expect(failures).toEqual([]);
    expect(applier.standstill).toBeNull();
    expect(machine.applied).toEqual(["2:c2"]);
  });

  test("a state machine that fails stands still: nobody is left waiting, no entry behind is applied", async () => {
    const { applier, machine, waiters, queries, failures, answeredCount } = setUp([
      command(1),
      command(2, "throw"),
      command(3),
      noop(4),
      command(5),
    ]);
    machine.isSlow = true;
    const clients = [1, 2, 3, 4, 5].map((index) => waiter(index === 4 ? "query" : "command"));
    queries.set(4, [clients[3]!]);
    for (const at of [1, 2, 3, 5]) waiters.set(at, clients[at - 1]!);
    for (const through of [1, 2, 3]) applier.advance(through);
    machine.release();
    await microtasks();
    expect(clients.slice(0, 3).map(({ answers }) => answers)).toEqual([["1.1 c1"], ["apply-failed"], ["apply-failed"]]);
    expect(clients[1]!.messages[0]).toContain("entry 2 failed");
    applier.advance(5);
    expect(clients.slice(3).map(({ answers }) => answers)).toEqual([["state-machine"], ["apply-failed"]]);
    expect(machine.applied).toEqual(["1:c1"]);
    expect(applier.appliedIndex).toBe(1);
    expect(failures).toEqual(["state machine: entry 2 failed"]);
    expect(applier.isIdle).toBe(true);
    // Once for the outcome, and once for each run that is over.
    expect(answeredCount()).toBe(4);
  });

  test("behind a failure a log for which nobody waits is not read", async () => {
    const { applier, pages, asked } = setUp([command(1, "throw"), command(2), command(3)]);
    applier.advance(1);
    await microtasks();
    applier.advance(3);
    expect([pages, asked]).toEqual([[[1, 1]], [1]]);
  });

  test("who is patient still gets the result, after the hasty one was told that the time is up", async () => {
    const { applier, machine, waiters } = setUp([command(1), command(2)]);
    machine.isSlow = true;
    const [hasty, patient] = [waiter("command", "", 100), waiter("command", "", 200)];
    waiters.set(1, hasty).set(2, patient);
    applier.advance(2);
    applier.expire(100);
    expect([hasty.answers, patient.answers]).toEqual([["outcome-unknown"], []]);
    machine.release();
    await microtasks();
    expect(patient.answers).toEqual(["2.1 c2"]);
    expect(applier.appliedIndex).toBe(2);
  });

  test("an answer that breaks the contract ends the node, and leaves its waiters to be answered by that end", async () => {
    const { applier, machine, waiters, failures } = setUp([command(1), command(2)]);
    machine.losesOutcomes = true;
    const client = waiter("command");
    waiters.set(2, client);
    applier.advance(2);
    await microtasks();
    expect(failures).toEqual(["node: Error: 2 commands applied, but 1 outcomes"]);
    expect(client.answers).toEqual([]);
    applier.abandon("the node stops");
    expect(client.answers).toEqual(["outcome-unknown"]);
  });

  test("P26: when the node ends, who waits for the state machine is told that the outcome is unknown, once", async () => {
    const { applier, machine, waiters, queries, failures } = setUp([command(1), noop(2), command(3)]);
    machine.isSlow = true;
    const [writer, reader] = [waiter("command"), waiter("query")];
    waiters.set(1, writer);
    queries.set(2, [reader]);
    applier.advance(3);
    applier.abandon("the node stops");
    expect([writer.answers, reader.answers]).toEqual([["outcome-unknown"], ["unavailable"]]);
    expect(applier.isIdle).toBe(true);
    const runs = machine.runs.length;
    await machine.close();
    await microtasks();
    expect([writer.answers.length, reader.answers.length]).toEqual([1, 1]);
    // The closing of the state machine is not reported as its failure.
    expect(failures).toEqual([]);
    expect(machine.runs.length).toBe(runs);
  });
});

describe("P30: a snapshot that takes the place of the state", () => {
  const log = Array.from({ length: 9 }, (_, at) => command(at + 1));
  const snapshot = snapshotAt({ index: 6, term: 1 });

  test("comes after what was handed over before it, and before everything that follows", async () => {
    const { applier, machine, restores } = setUp(log);
    machine.isSlow = true;
    applier.advance(2);
    applier.restore(snapshot);
    applier.advance(8);
    await microtasks();
    expect(restores).toEqual([]);
    machine.release();
    await microtasks();
    expect(restores.map(({ through }) => through)).toEqual([6]);
    machine.isSlow = false;
    restores[0]!.settle.resolve();
    await microtasks();
    expect(machine.applied).toEqual(["1:c1", "2:c2", "7:c7", "8:c8"]);
    expect(applier).toMatchObject({ appliedIndex: 8, isIdle: true });
  });

  test("P33: of two that come close together the later one stands", async () => {
    const { applier, machine, restores } = setUp(log);
    applier.restore(snapshot);
    applier.restore(snapshotAt({ index: 8, term: 1 }));
    applier.advance(9);
    restores[0]!.settle.resolve();
    await microtasks();
    restores[1]!.settle.resolve();
    await microtasks();
    expect(restores.map(({ through }) => through)).toEqual([6, 8]);
    expect(machine.applied).toEqual(["9:c9"]);
  });

  test("holds back what is committed and not handed over, from the moment in which the log lets go of it", async () => {
    const { applier, machine, restores, pages } = setUp(Array.from({ length: 20 }, (_, at) => command(at + 1)));
    machine.isSlow = true;
    for (let at = 1; at <= 20; at++) applier.advance(at);
    const read = pages.length;
    expect(machine.heldCount).toBe(16);
    applier.hold();
    machine.isSlow = false;
    machine.release();
    await microtasks();
    expect(pages.length).toBe(read);
    applier.restore(snapshotAt({ index: 20, term: 1 }));
    restores[0]!.settle.resolve();
    await microtasks();
    expect(pages.length).toBe(read);
    expect(applier).toMatchObject({ appliedIndex: 20, isIdle: true });
  });

  test("of a state machine that stands still is not restored, and nothing that is gone is read for it", async () => {
    const { applier, machine, restores, pages, failures } = setUp(log);
    machine.poison = "c2";
    applier.advance(3);
    await microtasks();
    expect(failures.length).toBe(1);
    applier.hold();
    applier.restore(snapshot);
    const read = pages.length;
    applier.advance(6);
    await microtasks();
    expect([restores.length, pages.length]).toEqual([0, read]);
  });

  test.each([
    ["P35: whose file is damaged ends the node", "damaged", "node: GraftError: it is bad"],
    ["that the state machine does not take stops the state machine alone", "state-machine", "state machine: it is bad"],
  ] as const)("%s", async (_, code, failure) => {
    const { applier, machine, restores, failures } = setUp(log);
    applier.restore(snapshot);
    applier.advance(8);
    restores[0]!.settle.reject(new GraftError(code, "it is bad"));
    await microtasks();
    expect(failures).toEqual([failure]);
    expect(machine.applied).toEqual([]);
  });
});

test("says after each run how far it has handed over, before anything else is", async () => {
  const log = Array.from({ length: 4 }, (_, at) => command(at + 1));
  const { applier, handed } = setUp(log);
  applier.advance(3);
  applier.advance(4);
  await microtasks();
  expect(handed).toEqual([`3 ${3 * entryBytes(log[0]!)}`, `4 ${entryBytes(log[3]!)}`]);
});
