// What is handed to the log when a client opens or closes a session, and what the leader remembers of its sessions then.
import { describe, expect, test } from "bun:test";
import { FullClients } from "../../src/node/full-clients.ts";
import { OpenRequests } from "../../src/node/open-requests.ts";
import { submitClosing, submitOpening } from "../../src/node/session-requests.ts";
import type { ReplyError, Waiter } from "../../src/node/waiting-clients.ts";
import { bytes } from "./recording-machine.ts";
import { someone } from "./test-asker.ts";

function setUp() {
  const world = { stampMs: 100 };
  const fullClients = new FullClients(() => ({ term: 3, stampMs: world.stampMs }));
  const submitted: Waiter[] = [];
  const answers: unknown[] = [];
  const open = new OpenRequests();
  const common = () => ({
    client: "a",
    payload: bytes("payload"),
    from: someone,
    open: open.open("a", 7),
    dueMs: 500,
    succeed: (...answer: readonly unknown[]) => void answers.push(answer),
    fail: (error: ReplyError) => void answers.push(error),
  });
  /** The session table has refused an opening of "a". */
  const refuse = (message = "ten of ten"): void =>
    fullClients.onFull({ client: "a", term: 3 } as never, { kind: "full", message, untilMs: 150 });
  const node = { fullClients, submit: (waiter: Waiter) => void submitted.push(waiter) };
  const opening = { kind: "openSession" as const, isAdmin: false, sessionTimeoutMs: 60, ...common() };
  return { world, fullClients, node, submitted, answers, open, refuse, opening, common };
}

const done = [bytes("done"), { index: 9, term: 3 }, null] as const;
const failure = (code: ReplyError["code"]): ReplyError => ({ code, message: "why", leader: null });

describe("an opening", () => {
  test("of a client with room goes to the log as it is", () => {
    const { node, submitted, opening } = setUp();
    submitOpening(node, opening);
    expect(submitted).toEqual([opening]);
  });

  test("of a full client waits until the state has reached what was acknowledged before, with what it brought and for as long", () => {
    const { node, submitted, answers, open, opening, refuse } = setUp();
    refuse();
    submitOpening(node, opening);
    const { payload, from, dueMs } = opening;
    const reach = { kind: "reach", notDone: "the session was not opened", payload, from, open: opening.open, dueMs };
    expect(submitted).toMatchObject([reach]);
    expect([answers, open.count]).toEqual([[], 1]);
  });

  test("is refused then in the words of the latest refusal, and open no more", () => {
    const { node, submitted, answers, open, opening, refuse } = setUp();
    refuse();
    submitOpening(node, opening);
    refuse("two of two");
    submitted[0]!.succeed(...done);
    const message = "no session was opened: two of two";
    expect(answers).toEqual([{ code: "overloaded", message, leader: null }]);
    expect([submitted.length, open.count, open.bytes]).toEqual([1, 0, 0]);
  });

  test.each<readonly [string, (all: ReturnType<typeof setUp>) => void]>([
    ["a session has expired", ({ world }) => void (world.stampMs = 151)],
    ["a closing has come", ({ fullClients }) => void fullClients.closing("a")],
  ])("goes to the log after all when %s meanwhile", (_, happens) => {
    const all = setUp();
    const { node, submitted, answers, open, opening, refuse } = all;
    refuse();
    submitOpening(node, opening);
    happens(all);
    submitted[0]!.succeed(...done);
    expect(submitted.slice(1)).toEqual([opening]);
    expect([answers, open.count]).toEqual([[], 1]);
  });

  test("that cannot wait is told why, and is open no more", () => {
    const { node, submitted, answers, open, opening, refuse } = setUp();
    refuse();
    submitOpening(node, opening);
    submitted[0]!.fail(failure("not-leader"));
    expect([answers, open.count, submitted.length]).toEqual([[failure("not-leader")], 0, 1]);
  });
});

describe("a closing", () => {
  const asked = () => {
    const all = setUp();
    all.refuse();
    submitClosing(all.node, { kind: "closeSession", session: 9, ...all.common() });
    const [closing] = all.submitted as [Waiter];
    /** Whether the leader takes the table's word for it that the client is full. */
    const isRemembered = (): boolean => (all.refuse(), all.fullClients.whyFull("a") !== null);
    return { ...all, closing, isRemembered };
  };

  test("goes to the log as it is, and from then on the client may have room", () => {
    const { closing, fullClients, isRemembered, submitted } = asked();
    expect(closing).toMatchObject({
      kind: "closeSession",
      client: "a",
      session: 9,
      payload: bytes("payload"),
      dueMs: 500,
    });
    expect([fullClients.whyFull("a"), isRemembered(), submitted.length]).toEqual([null, false, 1]);
  });

  test.each<readonly [string, (closing: Waiter) => void, boolean, unknown]>([
    ["is done", (closing) => closing.succeed(...done), true, done],
    ["has not been taken", (closing) => closing.fail(failure("not-leader")), true, failure("not-leader")],
    ["is refused", (closing) => closing.fail(failure("session-expired")), true, failure("session-expired")],
    // It may still be applied, and give room.
    ["is in doubt", (closing) => closing.fail(failure("outcome-unknown")), false, failure("outcome-unknown")],
  ])("that %s is answered so, and tells whether the table is believed afterwards", (_, end, canBeFull, answer) => {
    const { closing, answers, isRemembered } = asked();
    end(closing);
    expect(answers).toEqual([answer]);
    expect(isRemembered()).toBe(canBeFull);
  });
});
