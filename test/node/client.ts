// A client of one node for tests, and what it was answered, in words.
import type { Node } from "../../src/node/node.ts";
import type { ClientReply, ClientRequest, Consistency } from "../../src/ports/requests.ts";
import type { ClientConnection } from "../../src/ports/transport.ts";
import { bytes, text } from "./recording-machine.ts";

/** As whom a client asks. */
export type ClientIdentity = Partial<Pick<ClientConnection, "name" | "isAdmin">>;

/** One client of one node. A reply that comes after the node's farewell, or after its end, is lost, as on a real connection. */
export class Client {
  readonly raw: ClientReply[] = [];
  readonly late: ClientReply[] = [];
  readonly #node: Node;
  readonly #trace: readonly string[];
  readonly #connection: ClientConnection;
  #lastId = 0;

  constructor(node: Node, trace: readonly string[], { name = "tester", isAdmin = true }: ClientIdentity = {}) {
    this.#node = node;
    this.#trace = trace;
    const reply = (answer: ClientReply): void => void (this.#isOver ? this.late : this.raw).push(answer);
    this.#connection = { name, isAdmin, isOpen: true, hasCredit: true, whenCredit: () => {}, reply };
  }

  /** Every reply, in words: `1 result 2.1 hello`, `2 not-leader n3`, `3 done`. */
  get replies(): readonly string[] {
    return this.raw.map(inWords);
  }

  command(payload: string, timeoutMs = 60_000): number {
    return this.send((id) => ({ kind: "command", id, payload: bytes(payload), timeoutMs, session: null }));
  }

  /** A command of a session. */
  once(payload: string, [id, sequence, answeredBelow = 1]: readonly [number, number, number?]): number {
    const session = { id, sequence, answeredBelow };
    return this.send((request) => ({
      kind: "command",
      id: request,
      payload: bytes(payload),
      timeoutMs: 60_000,
      session,
    }));
  }

  openSession(sessionTimeoutMs = 60_000): number {
    return this.send((id) => ({ kind: "openSession", id, timeoutMs: 60_000, sessionTimeoutMs }));
  }

  closeSession(session: number): number {
    return this.send((id) => ({ kind: "closeSession", id, timeoutMs: 60_000, session }));
  }

  query(payload: string, timeoutMs = 60_000): number {
    return this.#query(payload, timeoutMs, "linearizable", null);
  }

  stale(payload: string, maxStalenessMs: number | null = null): number {
    return this.#query(payload, 60_000, "stale", maxStalenessMs);
  }

  #query(payload: string, timeoutMs: number, consistency: Consistency, maxStalenessMs: number | null): number {
    return this.send((id) => ({ kind: "query", id, payload: bytes(payload), timeoutMs, consistency, maxStalenessMs }));
  }

  /** The request arrives at once; the node's turn comes later. */
  send(request: (id: number) => ClientRequest): number {
    const id = ++this.#lastId;
    if (!this.#isOver) this.#node.incoming.onRequest(request(id), this.#connection);
    return id;
  }

  get #isOver(): boolean {
    return this.#trace.includes("transport.stop") || this.#trace.includes("failStop");
  }
}

function inWords(reply: ClientReply): string {
  if (reply.kind === "result") return `${reply.id} result ${reply.index}.${reply.term} ${text(reply.payload)}`;
  if (reply.kind === "error") return `${reply.id} ${reply.code}${reply.leader === null ? "" : ` ${reply.leader.id}`}`;
  if (reply.kind === "sessionOpened") return `${reply.id} session ${reply.session}`;
  return `${reply.id} ${reply.kind}`;
}
