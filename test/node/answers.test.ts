// Each outcome of the state machine against what the client hears that waits for it, word for word.
import { expect, test } from "bun:test";
import { GraftError } from "../../src/errors.ts";
import { answer, firstAnswer, notOpened, queryFailed, stateMachineStopped } from "../../src/node/answers.ts";
import type { ProposalWaiter, QueryWaiter, ReplyError, Waiter } from "../../src/node/waiting-clients.ts";
import type { ClientReply } from "../../src/ports/requests.ts";
import type { Outcome } from "../../src/ports/state-machine.ts";
import { bytes, text } from "./recording-machine.ts";
import { someone, unbounded } from "./test-asker.ts";

type Kind = ProposalWaiter["kind"] | QueryWaiter["kind"];

/** Everything that the waiter hears. */
function told(kind: Kind, outcome: Outcome, stalenessMs?: number): readonly unknown[] {
  const heard: unknown[] = [];
  const asked = {
    from: someone,
    open: unbounded,
    payload: bytes(""),
    dueMs: 0,
    succeed: (payload: Uint8Array, position: object, staleness: number | null) =>
      void heard.push(text(payload), position, staleness),
    fail: (error: ReplyError) => void heard.push(error),
  };
  const waiters: Readonly<Record<Kind, Waiter>> = {
    command: { ...asked, kind: "command", session: null },
    openSession: { ...asked, kind: "openSession", client: "a", isAdmin: false, sessionTimeoutMs: 1 },
    closeSession: { ...asked, kind: "closeSession", client: "a", session: 1 },
    activate: { ...asked, kind: "activate", plugin: { name: "p", version: "1", hash: "0" }, replaces: false },
    query: { ...asked, kind: "query" },
  };
  const entry = { kind: "noop", index: 7, term: 3, stampMs: 50 } as const;
  if (stalenessMs === undefined) answer(waiters[kind], outcome, entry);
  else answer(waiters[kind], outcome, entry, stalenessMs);
  return heard;
}

const error = (code: ReplyError["code"], message: string): ReplyError => ({ code, message, leader: null });

test("a result comes with its place, which is no more than index and term, and with the age of the state", () => {
  const ok: Outcome = { kind: "ok", payload: bytes("done") };
  for (const kind of ["command", "openSession", "closeSession", "query"] as const) {
    expect(told(kind, ok)).toEqual(["done", { index: 7, term: 3 }, null]);
  }
  expect(told("query", ok, 12)).toEqual(["done", { index: 7, term: 3 }, 12]);
  expect(told("query", ok, 0)).toEqual(["done", { index: 7, term: 3 }, 0]);
});

const refusals: readonly (readonly [Outcome, Kind, ReplyError])[] = [
  [{ kind: "rejected", message: "no" }, "command", error("rejected", "no")],
  [{ kind: "rejected", message: "no" }, "closeSession", error("rejected", "no")],
  [{ kind: "rejected", message: "no" }, "query", error("rejected", "no")],
  [{ kind: "rejected", message: "no" }, "openSession", error("overloaded", "no session was opened: no")],
  [
    { kind: "full", message: "ten of ten", untilMs: 9 },
    "openSession",
    error("overloaded", "no session was opened: ten of ten"),
  ],
  [{ kind: "unsendable", message: "a cycle" }, "command", error("result-lost", "a cycle")],
  [{ kind: "expired" }, "command", error("session-expired", "the session of the command has ended")],
  [
    { kind: "forgotten" },
    "command",
    error(
      "outcome-unknown",
      "the client has said that it waits for this command no longer, so its outcome is not kept",
    ),
  ],
];

test("each refusal has its code and its words, and an opening may be tried again later", () => {
  for (const [outcome, kind, expected] of refusals) expect(told(kind, outcome)).toEqual([expected]);
});

test("a query that failed alone has the code of that, and any other failure is one of the state machine", () => {
  expect(queryFailed(new GraftError("query-failed", "a bug"))).toEqual(error("query-failed", "a bug"));
  const stopped = (why: string) => error("state-machine", `the state machine of this node has stopped: ${why}`);
  expect(queryFailed(new GraftError("state-machine", "entry 4"))).toEqual(stopped("entry 4"));
  expect(queryFailed(new Error("its thread ended"))).toEqual(stopped("its thread ended"));
  expect(stateMachineStopped(new Error("entry 5"))).toEqual(stopped("entry 5"));
  expect(notOpened("no room")).toEqual(error("overloaded", "no session was opened: no room"));
});

test("of what is given as the answer only the first is sent, whatever comes later", () => {
  const sent: ClientReply[] = [];
  const answerWith = firstAnswer((reply) => void sent.push(reply));
  const [first, ...later] = (["unavailable", "outcome-unknown", "unavailable"] as const).map((code, at) => ({
    kind: "error" as const,
    id: at,
    ...error(code, "why"),
  }));
  expect(sent).toEqual([]);
  for (const reply of [first!, ...later]) answerWith(reply);
  expect(sent).toEqual([first!]);
});
