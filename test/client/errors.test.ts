// What a client concludes from every code that a node can answer, for every request that it can make. The nodes are scripts behind
// the Dial seam. Which sentences an error shows is the matter of test/errors.test.ts.
import { beforeEach, describe, expect, test } from "bun:test";
import { replyErrorCodes } from "../../src/adapters/cbor/reply-frames.ts";
import { GraftClient } from "../../src/client/client.ts";
import type { Dial, LinkHandlers } from "../../src/client/connection.ts";
import { noRequest, pursueChange } from "../../src/client/membership.ts";
import { type Effect, GraftError, type Subject } from "../../src/errors.ts";
import type { ClientReply, ClientRequest, ReplyErrorCode } from "../../src/ports/requests.ts";
import { PlayedTime } from "./played-time.ts";

let time = new PlayedTime();
beforeEach(() => {
  time = new PlayedTime();
});

type Answer = (request: ClientRequest, handlers: LinkHandlers) => void;

/** One node. `answer` is called after the sending has returned, as over a network. */
function dialling(answer: Answer): Dial {
  return async (_, handlers) => ({
    clusterUuid: "c1",
    send: (request) => queueMicrotask(() => answer(request, handlers)),
    close: () => {},
  });
}

const payload = new Uint8Array([1]);
/** For what is tried again until the time is up, and for what has its answer at once. */
const shortMs = 40;
const longMs = 20_000;

const isTriedAgain = (code: ReplyErrorCode): boolean =>
  code === "not-leader" || code === "unavailable" || code === "overloaded";

const fails =
  (code: ReplyErrorCode): Answer =>
  ({ id }, { onReply }) =>
    onReply({ kind: "error", id, code, message: `the node says ${code}`, leader: null });

type Ask = (client: GraftClient, timeoutMs: number) => Promise<unknown>;

const requests: readonly (readonly [string, Subject, Ask])[] = [
  ["command", "command", (client, timeoutMs) => client.command(payload, { timeoutMs })],
  ["query", "query", (client, timeoutMs) => client.query(payload, { timeoutMs })],
  ["stale query", "query", (client, timeoutMs) => client.query(payload, { timeoutMs, consistency: "stale" })],
  ["status", "inspection", (client, timeoutMs) => client.status(null, { timeoutMs })],
  ["configuration", "inspection", (client, timeoutMs) => client.configuration({ timeoutMs })],
  ["describe", "inspection", (client, timeoutMs) => client.describe({ timeoutMs })],
  ["change", "change", (client, timeoutMs) => client.changeMembership(noRequest, { timeoutMs })],
  ["plan of a change", "inspection", (client, timeoutMs) => client.planMembership(noRequest, { timeoutMs })],
  ["hand-over to n2", "transfer", (client, timeoutMs) => client.transferLeadership("n2", { timeoutMs })],
  ["hand-over", "transfer", (client, timeoutMs) => client.transferLeadership(null, { timeoutMs })],
  ["roll-out", "rollOut", (client, timeoutMs) => client.rollOut({ timeoutMs })],
  ["plan of a roll-out", "inspection", (client, timeoutMs) => client.rollOut({ dryRun: true, timeoutMs })],
  ["stop", "stop", (client, timeoutMs) => client.stopNode("a:1", { timeoutMs })],
  ["backup", "backup", (client, timeoutMs) => client.backup("a:1", { timeoutMs })],
  [
    "piece of a backup",
    "backup",
    (client, timeoutMs) => client.readBackup("a:1", { file: "s1", offset: 0, bytesMax: 1 }, { timeoutMs }),
  ],
];

const changesNothing: readonly Subject[] = ["query", "inspection", "backup"];

async function failureOf(asked: Promise<unknown>): Promise<GraftError> {
  const outcome = await time.until(
    asked.then(
      () => new Error("it was answered"),
      (error: unknown) => error,
    ),
  );
  if (!(outcome instanceof GraftError)) throw outcome;
  return outcome;
}

const effectOfReply: Readonly<Record<ReplyErrorCode, Effect>> = {
  "not-leader": "none",
  unavailable: "none",
  overloaded: "none",
  rejected: "none",
  unauthorized: "none",
  "session-expired": "none",
  "state-machine": "none",
  "query-failed": "none",
  "backup-failed": "none",
  "result-lost": "done",
  "apply-failed": "unknown",
  "outcome-unknown": "unknown",
};

describe.each(requests)("P73: a %s that a node answers with an error", (_, subject, ask) => {
  test.each(replyErrorCodes)("%s has the effect that the node means", async (code) => {
    const client = new GraftClient({ addresses: ["a:1"], dial: dialling(fails(code)), clock: time, session: "none" });
    const isRepeated = isTriedAgain(code) || code === "outcome-unknown";
    const error = await failureOf(ask(client, isRepeated ? shortMs : longMs));
    await time.until(client.close());
    expect(error.subject).toBe(subject);
    expect(error.effect).toBe(changesNothing.includes(subject) ? "none" : effectOfReply[code]);
    expect(error.message).toContain(`the node says ${code}`);
  });

  test("another answer than the one to the request leaves in doubt what the node did", async () => {
    const other: Answer = ({ id }, { onReply }) => onReply({ kind: "sessionOpened", id, session: 1 });
    const client = new GraftClient({ addresses: ["a:1"], dial: dialling(other), clock: time, session: "none" });
    const error = await failureOf(ask(client, longMs));
    await time.until(client.close());
    expect([error.code, error.subject]).toEqual(["outcome-unknown", subject]);
    expect(error.effect).toBe(changesNothing.includes(subject) ? "none" : "unknown");
  });
});

test("another answer than a result leaves a command of a session in doubt", async () => {
  const other: Answer = ({ id, kind }, { onReply }) =>
    onReply(kind === "openSession" ? { kind: "sessionOpened", id, session: 1 } : { kind: "done", id, leader: null });
  const client = new GraftClient({ addresses: ["a:1"], dial: dialling(other), clock: time });
  const { code, effect, subject } = await failureOf(client.command(payload, { timeoutMs: longMs }));
  await time.until(client.close());
  expect([code, effect, subject]).toEqual(["outcome-unknown", "unknown", "command"]);
});

test("another answer than a session leaves a command unsent", async () => {
  const other: Answer = ({ id }, { onReply }) => onReply({ kind: "done", id, leader: null });
  const client = new GraftClient({ addresses: ["a:1"], dial: dialling(other), clock: time });
  const { code, effect, message } = await failureOf(client.command(payload, { timeoutMs: longMs }));
  await time.until(client.close());
  expect([code, effect, message]).toEqual(["unavailable", "none", 'the node answered "done" to "openSession"']);
});

/** The first copy is taken and its connection breaks; those that follow are answered with `code`. */
function afterOneLost(code: ReplyErrorCode): Answer {
  let isFirst = true;
  return (request, handlers) => {
    const { id, kind } = request;
    if (kind === "openSession") return handlers.onReply({ kind: "sessionOpened", id, session: 1 });
    if (!isFirst) return fails(code)(request, handlers);
    isFirst = false;
    handlers.onClosed({ kind: "lost", reason: "connection reset" });
  };
}

describe("P26, P73: a copy that had no effect says nothing of the earlier one whose answer was lost", () => {
  const repeated: readonly (readonly [string, Ask])[] = [
    ["command of a session", (client, timeoutMs) => client.command(payload, { timeoutMs })],
    ["hand-over to n2", (client, timeoutMs) => client.transferLeadership("n2", { timeoutMs })],
  ];
  const pairs = repeated.flatMap(([name, ask]) => replyErrorCodes.map((code) => [name, code, ask] as const));

  test.each(pairs)("a %s, then %s", async (name, code, ask) => {
    const client = new GraftClient({ addresses: ["a:1"], dial: dialling(afterOneLost(code)), clock: time });
    const isRepeated = isTriedAgain(code) || code === "outcome-unknown";
    const { effect } = await failureOf(ask(client, isRepeated ? 400 : longMs));
    await time.until(client.close());
    // What the state machine has refused once it refuses for every copy, and it keeps that a command took effect.
    const isAuthoritative = code === "result-lost" || (code === "rejected" && name !== "hand-over to n2");
    expect(effect).toBe(isAuthoritative ? effectOfReply[code] : "unknown");
  });
});

describe("P64, P73: a command whose first copy the leader holds while its state machine hangs", () => {
  const hang = "its state machine has been busy with entry 6";
  const refusedWith = "this copy was refused";

  /** The leader, a:1, answers its first copy after 5.5 s, and refuses those that follow. The other nodes name it. */
  function hanging(code: ReplyErrorCode): { readonly dial: Dial; readonly copies: string[] } {
    const copies: string[] = [];
    const leader = { id: "n1", address: "a:1" };
    const dial: Dial = async (address, { onReply }) => {
      const answer = (request: ClientRequest): void => {
        const { id, kind } = request;
        if (kind === "openSession" && address === "a:1") return onReply({ kind: "sessionOpened", id, session: 1 });
        if (kind !== "command" || address !== "a:1") {
          return onReply({ kind: "error", id, code: "not-leader", message: `${address} does not lead`, leader });
        }
        copies.push(address);
        if (copies.length > 1) {
          return onReply({ kind: "error", id, code: "unavailable", message: refusedWith, leader: null });
        }
        const late = (): void => onReply({ kind: "error", id, code, message: hang, leader: null });
        time.at(time.nowMs() + 5_500, late);
      };
      return { clusterUuid: "c1", send: (request) => queueMicrotask(() => answer(request)), close: () => {} };
    };
    return { dial, copies };
  }

  async function failed(code: ReplyErrorCode): Promise<readonly [GraftError, number]> {
    const { dial, copies } = hanging(code);
    const client = new GraftClient({ addresses: ["a:1", "b:1", "c:1"], dial, clock: time });
    const error = await failureOf(client.command(payload, { timeoutMs: 6_000 }));
    await time.until(client.close());
    return [error, copies.length];
  }

  test("names the hang, and no refusal of a later copy", async () => {
    const [error, copies] = await failed("outcome-unknown");
    expect(copies).toBeGreaterThan(1);
    expect([error.code, error.message]).toEqual(["outcome-unknown", `not answered in time: ${hang}`]);
  });

  test("is not sent again once the leader has said that it is in the log", async () => {
    const [error, copies] = await failed("apply-failed");
    expect([error.code, error.message, copies]).toEqual(["apply-failed", hang, 1]);
    expect(error.next).toStartWith("Do not send it again: it is in the log.");
  });
});

describe("a session that cannot be opened leaves no doubt of the command, which was not sent", () => {
  test.each(replyErrorCodes)("%s", async (code) => {
    const commands: ClientRequest[] = [];
    const answer: Answer = (request, handlers) => {
      if (request.kind === "command") commands.push(request);
      else fails(code)(request, handlers);
    };
    const client = new GraftClient({ addresses: ["a:1"], dial: dialling(answer), clock: time });
    const isRepeated = isTriedAgain(code) || code === "outcome-unknown";
    const error = await failureOf(client.command(payload, { timeoutMs: isRepeated ? shortMs : longMs }));
    await time.until(client.close());
    expect([error.effect, commands]).toEqual(["none", []]);
    if (isRepeated) expect(error.cause).toMatchObject({ code });
    // What it says of a request that may have been done would be said of the command.
    const isReworded = code === "result-lost" || code === "apply-failed";
    expect(error.message).toContain(`${isReworded ? "no session was opened: " : ""}the node says ${code}`);
    if (isReworded) expect(error).toMatchObject({ code: "unavailable", cause: { code } });
    expect(["outcome-unknown", "apply-failed", "result-lost"]).not.toContain(error.code);
  });
});

describe("a change of the membership that is seen through", () => {
  const member = { incarnation: "a", address: "n1:1", voter: true, outgoing: false, priority: 0 };
  const change = { ...noRequest, remove: ["n3"] };
  const listed =
    (ids: readonly string[]) =>
    (id: number): ClientReply => ({
      kind: "configuration",
      id,
      clusterUuid: "c1",
      node: "n1",
      incarnation: "a",
      index: 7,
      removed: false,
      members: ids.map((each) => ({ ...member, id: each })),
      pending: [],
      committed: true,
    });

  test("P67: is not said to have been refused when an earlier copy may have been taken", async () => {
    const changes = afterOneLost("rejected");
    const answer: Answer = (request, handlers) =>
      request.kind === "configuration"
        ? handlers.onReply(listed(["n1", "n3"])(request.id))
        : changes(request, handlers);
    const client = new GraftClient({ addresses: ["a:1"], dial: dialling(answer), clock: time, session: "none" });
    const error = await failureOf(pursueChange(client, change, { timeoutMs: longMs }));
    await time.until(client.close());
    expect([error.code, error.effect, error.subject]).toEqual(["outcome-unknown", "unknown", "change"]);
    expect(error.message).toContain("the node says rejected");
  });

  test("is said to be made when it is, although no node shows the members", async () => {
    const answer: Answer = (request, handlers) =>
      request.kind === "changeMembership"
        ? handlers.onReply({ kind: "membershipChanged", id: request.id, index: 7, message: "" })
        : fails("unauthorized")(request, handlers);
    const client = new GraftClient({ addresses: ["a:1"], dial: dialling(answer), clock: time, session: "none" });
    const error = await failureOf(pursueChange(client, change, { timeoutMs: longMs }));
    await time.until(client.close());
    expect([error.code, error.effect, error.meaning]).toEqual(["result-lost", "done", "The membership was changed."]);
  });
});
