// A cluster behind the Dial seam: a session table behind two nodes that lose requests and answers as they are told.
import { type ClientOptions, GraftClient } from "../../src/client/client.ts";
import type { Dial, LinkHandlers } from "../../src/client/connection.ts";
import { type SessionOutcome, SessionTable } from "../../src/core/sessions.ts";
import type { GraftError } from "../../src/errors.ts";
import type { ClientReply, ClientRequest } from "../../src/ports/requests.ts";
import { PlayedTime } from "./played-time.ts";

/** What becomes of one request: `lostBefore` and `lostAfter` the command had its effect the connection breaks. */
export type Fate =
  "answered" | "held" | "lostBefore" | "lostAfter" | "unknownAfter" | "silent" | "silentAfter" | "notLeader";

const wordOf = (request: ClientRequest): string =>
  request.kind === "command" ? new TextDecoder().decode(request.payload) : request.kind;

/** A cluster of two addresses with one state: the words that have been applied. */
export class ClusterOfOne {
  readonly time = new PlayedTime();
  readonly applied: string[] = [];
  readonly asked: string[] = [];
  stampMs = 0;
  fateOf: (word: string, nth: number) => Fate = () => "answered";
  /** Is given what sends an answer that is held. */
  onHeld: (release: () => void) => void = () => {};
  #clusterUuid = "c1";
  #table = new SessionTable();
  readonly #counts = new Map<string, number>();
  #index = 0;

  readonly dial: Dial = async (address, handlers) => ({
    clusterUuid: this.#clusterUuid,
    send: (request) => {
      this.asked.push(`${address} ${wordOf(request)}`);
      queueMicrotask(() => this.#take(request, handlers));
    },
    close: () => {},
  });

  /** Its data are gone, and a new cluster has its name and its addresses, where others have opened sessions. */
  foundAnew(): void {
    this.#clusterUuid = "c2";
    this.#table = new SessionTable();
    for (let id = 1; id < 20; id++) this.#table.open(id, { client: "app", isAdmin: false, timeoutMs: 60_000 }, 0);
  }

  client(options: Partial<ClientOptions> = {}): GraftClient {
    return new GraftClient({
      addresses: ["a:1", "b:1"],
      dial: this.dial,
      clock: this.time,
      timeoutMs: 2000,
      ...options,
    });
  }

  /** In the time of this cluster: what the command came to, in a word. */
  told(answer: Promise<{ readonly payload: Uint8Array }>): Promise<string> {
    const word = answer.then(
      ({ payload }) => new TextDecoder().decode(payload),
      (error: GraftError) => error.code,
    );
    return this.time.until(word);
  }

  /** The message with which it failed. */
  failure(answer: Promise<unknown>): Promise<string> {
    return this.time.until(
      answer.then(
        () => "none",
        (error: GraftError) => `${error.code}: ${error.message}`,
      ),
    );
  }

  #take(request: ClientRequest, { onReply, onClosed }: LinkHandlers): void {
    const word = wordOf(request);
    const nth = (this.#counts.get(word) ?? 0) + 1;
    this.#counts.set(word, nth);
    const fate = this.fateOf(word, nth);
    const error = (code: "outcome-unknown" | "not-leader"): void =>
      onReply({ kind: "error", id: request.id, code, message: "so it was told", leader: null });
    if (fate === "lostBefore") return onClosed({ kind: "lost", reason: "connection reset" });
    if (fate === "notLeader") return error("not-leader");
    if (fate === "silent") return;
    const reply = this.#apply(request);
    if (fate === "held") return this.onHeld(() => onReply(reply));
    if (fate === "answered") onReply(reply);
    if (fate === "lostAfter") onClosed({ kind: "lost", reason: "connection reset" });
    if (fate === "unknownAfter") error("outcome-unknown");
  }

  #apply(request: ClientRequest): ClientReply {
    const { id } = request;
    const index = ++this.#index;
    if (request.kind === "openSession") {
      this.#table.open(index, { client: "app", isAdmin: false, timeoutMs: request.sessionTimeoutMs }, this.stampMs);
      return { kind: "sessionOpened", id, session: index };
    }
    if (request.kind === "closeSession") {
      this.#table.close(request.session, "app", this.stampMs);
      return { kind: "done", id, leader: null };
    }
    if (request.kind !== "command" || request.session === null) throw new Error(`not of a session: ${request.kind}`);
    const stamped = { stamp: { ...request.session, client: "app" }, digest: Bun.hash.crc32(request.payload) };
    const answer = this.#table.answerTo(stamped, this.stampMs);
    if (answer?.kind === "expired") {
      return { kind: "error", id, code: "session-expired", message: "the session is gone", leader: null };
    }
    if (answer?.kind === "forgotten") throw new Error("the client asks for what it does not wait for");
    const outcome = answer ?? this.#run(request.payload);
    if (answer === null) this.#table.keep(stamped, outcome);
    return outcome.kind === "ok"
      ? { kind: "result", id, payload: outcome.payload, index, term: 1, stalenessMs: null }
      : { kind: "error", id, code: "rejected", message: outcome.message, leader: null };
  }

  #run(payload: Uint8Array): SessionOutcome {
    const word = new TextDecoder().decode(payload);
    this.applied.push(word);
    return word.startsWith("refuse") ? { kind: "rejected", message: `${word} is refused` } : { kind: "ok", payload };
  }
}

export const bytes = (word: string): Uint8Array => new TextEncoder().encode(word);
