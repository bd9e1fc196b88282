// Which commands go to a program together? However they are cut into batches, the table of the sessions comes to what it comes to when they go
// one by one.
import { expect, test } from "bun:test";
import { SessionTable } from "../../../src/core/sessions.ts";
import { Batch, batchMax } from "../../../src/adapters/process/batches.ts";
import { digestOf } from "../../../src/adapters/plugin/command-outcomes.ts";
import type { AppliedCommand, Outcome } from "../../../src/ports/state-machine.ts";

const command = (index: number, [id, sequence, answeredBelow = 1]: readonly [number, number, number?], timeMs = 5) => {
  const session = { id, sequence, answeredBelow, client: "app" };
  return {
    kind: "command",
    index,
    term: 1,
    timeMs,
    payload: Buffer.from(String(index)),
    session,
    isAwaited: true,
  } satisfies AppliedCommand;
};

function setUp() {
  const sessions = new SessionTable();
  for (const id of [1, 2]) sessions.open(id, { client: "app", isAdmin: false, timeoutMs: 1_000 }, id);
  const batch = new Batch(sessions);
  const outcomes: Record<number, string> = {};
  const take = (place: number, outcome: Outcome): void => {
    outcomes[place] = outcome.kind === "ok" ? `ok ${outcome.payload.length}` : outcome.kind;
  };
  const add = (each: AppliedCommand & { readonly session: NonNullable<AppliedCommand["session"]> }): void => {
    const stamped = { stamp: each.session, digest: digestOf(each.payload) };
    expect(sessions.answerTo(stamped, each.timeMs)).toBeNull();
    batch.pending.push({ command: each, stamped, place: each.index, fields: {} });
  };
  return { sessions, batch, outcomes, take, add };
}

const ok = (bytes: number): Outcome => ({ kind: "ok", payload: new Uint8Array(bytes) });

test("commands of several sessions, and several of one, go together", () => {
  const { batch, add } = setUp();
  add(command(3, [1, 1]));
  expect(batch.mustEndBefore(command(4, [2, 1]))).toBe(false);
  expect(batch.mustEndBefore(command(4, [1, 2]))).toBe(false);
  expect(batch.mustEndBefore({ ...command(4, [1, 1]), session: null })).toBe(false);
});

test("a copy, what lets go of an outcome that is not known, and another time wait", () => {
  const { batch, add } = setUp();
  expect(batch.mustEndBefore(command(3, [1, 1]))).toBe(false);
  add(command(3, [1, 1]));
  expect(batch.mustEndBefore(command(4, [1, 1]))).toBe(true);
  expect(batch.mustEndBefore(command(4, [1, 2, 2]))).toBe(true);
  expect(batch.mustEndBefore(command(4, [2, 2, 2]))).toBe(false);
  expect(batch.mustEndBefore(command(4, [2, 1], 6))).toBe(true);
});

test("a batch has a bound", () => {
  const { batch, add } = setUp();
  for (let nth = 1; nth < batchMax; nth++) add(command(nth + 2, [1, nth]));
  expect(batch.mustEndBefore(command(9_000, [2, 1]))).toBe(false);
  add(command(9_000, [2, 1]));
  expect(batch.mustEndBefore(command(9_001, [2, 2]))).toBe(true);
});

test("an answer to the first ones leaves the others, which are refused once their session holds too much", () => {
  const { batch, outcomes, take, add, sessions } = setUp();
  const mebibyte = 2 ** 20;
  for (let nth = 1; nth <= 5; nth++) add(command(nth + 2, [1, nth]));
  add(command(8, [2, 1]));
  expect(batch.due()).toHaveLength(6);
  batch.settle([ok(mebibyte), ok(8 * mebibyte)], take);
  expect([batch.pending.length, batch.due().length]).toEqual([4, 1]);
  batch.settle([ok(8 * mebibyte)], take);
  // The window of the first session is full of bytes: what follows of it is refused, and the other session goes on.
  expect(batch.pending.map(({ place }) => place)).toEqual([8]);
  batch.settle([ok(1)], take);
  expect(outcomes).toEqual({
    3: "ok 1048576",
    4: "ok 8388608",
    5: "ok 8388608",
    6: "rejected",
    7: "rejected",
    8: "ok 1",
  });
  expect(sessions.image().sessions.map(({ refusedThrough }) => refusedThrough)).toEqual([5, 0]);
});
