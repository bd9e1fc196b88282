// What is told of a request whose copies ended in different ways? Every sequence of two and of three endings, as a table. A copy whose
// node may have taken it leaves a doubt, which no ending of another copy takes away. Without such a copy there is no doubt.
import { expect, test } from "bun:test";
import { GraftClient } from "../../src/client/client.ts";
import { type Doubt, graverDoubt, judge, judgeFailure } from "../../src/client/attempt.ts";
import type { Dial, LinkHandlers } from "../../src/client/connection.ts";
import { noRequest } from "../../src/client/membership.ts";
import { GraftError } from "../../src/errors.ts";
import type { ClientRequest, ReplyErrorCode } from "../../src/ports/requests.ts";
import { PlayedTime } from "./played-time.ts";

/** How one copy ends. The first three end before it has left. */
const endings = [
  "dial refused",
  "dial unauthorized",
  "dial hangs",
  "goodbye",
  "lost",
  "silent",
  "not-leader",
  "unavailable",
  "overloaded",
  "rejected",
  "unauthorized",
  "session-expired",
  "state-machine",
  "result-lost",
  "apply-failed",
  "outcome-unknown",
  "late unavailable",
  "late unauthorized",
  "late rejected",
  "late lost",
] as const;
type EndingName = (typeof endings)[number];

/** When the late endings come: another node has been asked by then. */
const lateMs = 150;
const timeoutMs = 300;

/** What can be known of one copy: it is on its way, its node may have taken it, or its node has not taken it. */
type Fate = "open" | "doubtful" | "not taken";

interface Copy {
  readonly ending: EndingName;
  readonly session: number | null;
  readonly sentMs: number;
  fate: Fate;
}

interface RequestKind {
  readonly hasSession: boolean;
  /** Several copies (in one session) have the effect of one. */
  readonly isRepeatable: boolean;
  readonly ask: (client: GraftClient) => Promise<unknown>;
}

const mayBeTaken = ({ fate }: Copy): boolean => fate !== "not taken";
const doubtful: ReadonlySet<string> = new Set(["lost", "apply-failed", "outcome-unknown"]);

/** Nodes at three addresses. Whichever is asked, the next copy ends as the script says; the last ending stays for all that follow. */
class Script {
  readonly copies: Copy[] = [];
  /** A copy that may have been taken was followed by one that would take effect as well. */
  isSentTwice = false;
  readonly #kind: RequestKind;
  readonly #endings: readonly EndingName[];
  readonly #time: PlayedTime;
  #at = 0;
  #sessions = 0;

  constructor(time: PlayedTime, scripted: readonly EndingName[], kind: RequestKind) {
    this.#time = time;
    this.#endings = scripted;
    this.#kind = kind;
  }

  readonly dial: Dial = async (_, handlers) => {
    const ending = this.#endings[this.#at]!;
    // The session is opened first, and a connection for that there always is.
    if (this.#sessions > 0 || !this.#kind.hasSession) {
      if (ending.startsWith("dial")) this.#next();
      if (ending === "dial hangs") return new Promise(() => {});
      if (ending === "dial refused") throw new GraftError("unavailable", "connection refused");
      if (ending === "dial unauthorized") throw new GraftError("unauthorized", "not for you");
    }
    return {
      clusterUuid: "c1",
      send: (request) => queueMicrotask(() => this.#take(request, handlers)),
      close: () => {},
    };
  };

  #next(): EndingName {
    const ending = this.#endings[this.#at]!;
    this.#at = Math.min(this.#at + 1, this.#endings.length - 1);
    return ending;
  }

  #take(request: ClientRequest, handlers: LinkHandlers): void {
    const { id } = request;
    const { onReply } = handlers;
    if (request.kind === "openSession") return onReply({ kind: "sessionOpened", id, session: ++this.#sessions });
    if (request.kind === "closeSession") return onReply({ kind: "done", id, leader: null });
    const ending = this.#next();
    const session = request.kind === "command" ? (request.session?.id ?? null) : null;
    const isAnother = (copy: Copy): boolean => !this.#kind.isRepeatable || copy.session !== session;
    if (this.copies.some((copy) => mayBeTaken(copy) && isAnother(copy))) this.isSentTwice = true;
    const copy: Copy = { ending, session, sentMs: this.#time.nowMs(), fate: "open" };
    this.copies.push(copy);
    if (!ending.startsWith("late ")) return this.#end(copy, ending, request, handlers);
    const end = (): void => this.#end(copy, ending.slice("late ".length) as EndingName, request, handlers);
    this.#time.at(this.#time.nowMs() + lateMs, end);
  }

  #end(copy: Copy, ending: EndingName, { id }: ClientRequest, { onReply, onClosed }: LinkHandlers): void {
    if (ending === "silent") return;
    copy.fate = doubtful.has(ending) ? "doubtful" : "not taken";
    switch (ending) {
      case "lost":
        return onClosed({ kind: "lost", reason: "connection reset" });
      case "dial refused":
      case "dial unauthorized":
      case "dial hangs":
      case "goodbye":
        return onClosed({ kind: "stopping", reason: "the node stops" });
      default:
        return onReply({
          kind: "error",
          id,
          code: ending as ReplyErrorCode,
          message: `it says ${ending}`,
          leader: null,
        });
    }
  }
}

/** What a node says of the copy that it has just been sent. */
const refusals = [
  "not-leader",
  "unavailable",
  "overloaded",
  "unauthorized",
  "session-expired",
  "state-machine",
] as const;

const payload = new Uint8Array([1]);
const requests: Readonly<Record<string, RequestKind>> = {
  "command of a session": {
    hasSession: true,
    isRepeatable: true,
    ask: (client) => client.command(payload, { timeoutMs }),
  },
  "hand-over to n2": {
    hasSession: false,
    isRepeatable: true,
    ask: (client) => client.transferLeadership("n2", { timeoutMs }),
  },
  "roll-out": {
    hasSession: false,
    isRepeatable: true,
    ask: (client) => client.rollOut({ timeoutMs }),
  },
  "command without a session": {
    hasSession: false,
    isRepeatable: false,
    ask: (client) => client.command(payload, { timeoutMs }),
  },
  "hand-over to any node": {
    hasSession: false,
    isRepeatable: false,
    ask: (client) => client.transferLeadership(null, { timeoutMs }),
  },
  "change of the membership": {
    hasSession: false,
    isRepeatable: false,
    ask: (client) => client.changeMembership(noRequest, { timeoutMs }),
  },
};

interface Told {
  readonly error: GraftError;
  /** When it was told. */
  readonly copies: readonly Copy[];
  readonly isSentTwice: boolean;
  readonly toldMs: number;
}

async function run(name: string, scripted: readonly EndingName[]): Promise<Told> {
  const kind = requests[name]!;
  const time = new PlayedTime();
  const script = new Script(time, scripted, kind);
  const options = kind.hasSession ? {} : ({ session: "none" } as const);
  const client = new GraftClient({ addresses: ["a:1", "b:1", "c:1"], dial: script.dial, clock: time, ...options });
  let copies: readonly Copy[] = [];
  const told = await time.until(
    kind.ask(client).then(
      () => null,
      (error: unknown) => {
        copies = script.copies.map((copy) => ({ ...copy }));
        return error;
      },
    ),
  );
  const toldMs = time.nowMs();
  await time.until(client.close());
  if (!(told instanceof GraftError)) throw new Error(`${scripted.join(", ")}: ${String(told)}`);
  return { error: told, copies, isSentTwice: script.isSentTwice, toldMs };
}

/** What is wrong with what the client was told; null: nothing. */
function faultOf(name: string, { error, copies, isSentTwice, toldMs }: Told): string | null {
  const { effect, code, message } = error;
  const refusal = refusals.find((each) => message.includes(`it says ${each}`));
  const isOfACopy = message.includes("another copy: it says");
  if (effect === "unknown" && refusal !== undefined && !isOfACopy)
    return `${refusal} is told of every copy: ${message}`;
  const isAmong = (ending: string): boolean => copies.some((copy) => copy.ending.endsWith(ending));
  if (isSentTwice) return "it was sent again, although it may have been taken and would take effect twice";
  // The state machine keeps what became of a session's command, for every copy of it.
  if (code === "rejected" && name === "command of a session") return isAmong("rejected") ? null : "it was not refused";
  if (code === "result-lost") return effect === "done" && isAmong("result-lost") ? null : "it was not said to be done";
  // A copy that leaves in the last moment has no answer yet when the time is up.
  const isGivenUp = message.startsWith("not answered in time");
  if (isGivenUp && effect === "unknown" && copies.some(({ sentMs }) => sentMs === toldMs)) return null;
  const hasLost = copies.some(({ ending, fate }) => ending.endsWith("lost") && fate === "doubtful");
  if (message.includes("its answer was lost") && !hasLost) return `no answer was lost: ${message}`;
  const isOpen = copies.some(({ fate }) => fate === "open");
  if (message.includes("is not answered") && !isOpen) return `each copy was answered: ${message}`;
  const expected = copies.some(mayBeTaken) ? "unknown" : "none";
  return effect === expected ? null : `the effect is said to be ${effect} (${code}), and is ${expected}`;
}

function* sequences(length: number): Generator<readonly EndingName[]> {
  if (length === 0) return yield [];
  for (const rest of sequences(length - 1)) for (const ending of endings) yield [...rest, ending];
}

async function faultsOf(name: string, length: number): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const scripted of sequences(length)) {
    const told = await run(name, scripted);
    const fault = faultOf(name, told);
    if (fault !== null)
      faults.push(`${scripted.join(", ")} [${told.copies.map(({ ending }) => ending).join(", ")}]: ${fault}`);
  }
  return faults;
}

test.each(Object.keys(requests))("P26, P73: two copies of a %s, ended in any two ways", async (name) => {
  expect(await faultsOf(name, 1)).toEqual([]);
  expect(await faultsOf(name, 2)).toEqual([]);
});

test.each(Object.keys(requests).filter((name) => requests[name]!.isRepeatable))(
  "P26, P73: three copies of a %s, ended in any three ways",
  async (name) => {
    expect(await faultsOf(name, 3)).toEqual([]);
  },
  240_000,
);

const told = (message: string): Doubt => ({ error: new GraftError("outcome-unknown", message) });
const lost: Doubt = { error: new GraftError("unavailable", "connection reset") };
const silent: Doubt = { error: null };

test.each<readonly [string, Doubt | null, Doubt, "earlier" | "later"]>([
  ["the first doubt", null, lost, "later"],
  ["a lost copy after a silent one", silent, lost, "later"],
  ["a node's word after a lost copy", lost, told("n1 stopped"), "later"],
  ["a node's word before a lost copy", told("n1 stopped"), lost, "earlier"],
  ["a node's word before a silent copy", told("n1 stopped"), silent, "earlier"],
  ["the later of two nodes' words", told("n1 stopped"), told("n2 stopped"), "later"],
])("of two copies in doubt it is told of %s", (_, earlier, later, which) => {
  expect(graverDoubt(earlier, later)).toBe(which === "earlier" ? earlier! : later);
});

test("what is told of a doubt names how the last copy ended as its cause", () => {
  const last = new GraftError("unavailable", "n2 has no leader");
  const body = { kind: "transferLeadership", to: null, timeoutMs } as const;
  const error = judgeFailure(body, lost, last);
  expect([error.code, error.cause]).toEqual(["outcome-unknown", last]);
  // Nothing of the kind was met when the one copy is in doubt.
  const alone = judge(body, { kind: "lost", reason: "connection reset" });
  expect(alone).toEqual({ kind: "failed", error: new GraftError("outcome-unknown", "connection reset") });
});
