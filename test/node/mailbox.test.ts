// What arrives together is handed to the core together, and in which order.
import { describe, expect, test } from "bun:test";
import { Mailbox } from "../../src/node/mailbox.ts";
import { type ProposalWaiter, type QueryWaiter, WaitingClients } from "../../src/node/waiting-clients.ts";
import { WaitingReads } from "../../src/node/waiting-reads.ts";
import { toMemberKey } from "../../src/core/configuration.ts";
import { Cluster } from "./cluster.ts";
import { bytes } from "./recording-machine.ts";
import { someone } from "./test-asker.ts";

const asked = (payload: string) => ({
  payload: bytes(payload),
  dueMs: 1_000,
  from: someone,
  succeed: () => {},
  fail: () => {},
});
const query = (payload = ""): QueryWaiter => ({ kind: "query", ...asked(payload) });
const command = (payload = ""): ProposalWaiter => ({ kind: "command", session: null, ...asked(payload) });

describe("mailbox", () => {
  test("commands that arrived together are one proposal, in their order, behind the events", () => {
    const mailbox = new Mailbox(new WaitingClients(), new WaitingReads());
    mailbox.addRequest(command("a"));
    mailbox.addEvent({ kind: "persisted", ticket: 1 });
    mailbox.addRequest(command("b"));
    mailbox.addEvent({ kind: "message", from: toMemberKey("n2", "x"), message: { kind: "timeoutNow", term: 1 } });
    const events = mailbox.take(7);
    expect(events.map(({ kind, nowMs }) => `${kind} ${nowMs}`)).toEqual(["persisted 7", "message 7", "propose 7"]);
    const propose = events.at(-1)!;
    expect(propose.kind === "propose" && propose.proposals).toEqual([
      { kind: "command", ref: 1, payload: bytes("a"), session: null },
      { kind: "command", ref: 2, payload: bytes("b"), session: null },
    ]);
  });

  test("all queries are one read, before the commands that arrived with them", () => {
    const reads = new WaitingReads();
    const mailbox = new Mailbox(new WaitingClients(), reads);
    const queries = [query(), query()];
    mailbox.addRequest(queries[0]!);
    mailbox.addRequest(command("a"));
    mailbox.addRequest(queries[1]!);
    const [read, propose] = mailbox.take(0);
    expect([read?.kind, propose?.kind === "propose" && propose.proposals.length]).toEqual(["read", 1]);
    reads.ready(read?.kind === "read" ? read.ref : -1, { index: 5, term: 1 });
    expect(reads.take(5, -1).map(({ waiter: each }) => each)).toEqual(queries);
  });

  test("it is empty after it was taken, and counts the requests and their bytes before", () => {
    const [waiting, reads] = [new WaitingClients(), new WaitingReads()];
    const mailbox = new Mailbox(waiting, reads);
    expect(mailbox.take(0)).toEqual([]);
    mailbox.addRequest(query("12345"));
    mailbox.addRequest(command("123"));
    expect([mailbox.isEmpty, mailbox.requestCount, mailbox.requestBytes]).toEqual([false, 2, 8]);
    expect([waiting.count, waiting.openBytes, reads.count, reads.bytes]).toEqual([0, 0, 0, 0]);
    mailbox.take(0);
    expect([mailbox.isEmpty, mailbox.requestCount, mailbox.requestBytes]).toEqual([true, 0, 0]);
    expect([waiting.count, waiting.openBytes, reads.count, reads.bytes]).toEqual([1, 3, 1, 5]);
  });

  test("P49: more commands than one quick write holds come in several, in their order, and none is left", () => {
    const waiting = new WaitingClients();
    const mailbox = new Mailbox(waiting, new WaitingReads());
    const sizes = (): number => {
      const [event] = mailbox.take(0);
      return event?.kind === "propose" ? event.proposals.length : 0;
    };
    for (let at = 0; at < 10_000; at++) mailbox.addRequest(command("x"));
    expect([sizes(), sizes(), sizes(), sizes()]).toEqual([4096, 4096, 1808, 0]);
    expect([waiting.openCount, mailbox.requestBytes]).toEqual([10_000, 0]);
    for (let at = 0; at < 3; at++) mailbox.addRequest({ ...command(""), payload: new Uint8Array(3 * 1024 * 1024) });
    expect([sizes(), sizes(), sizes(), mailbox.isEmpty]).toEqual([1, 1, 1, true]);
  });

  test("a hundred commands and queries of one moment are one write and one message to each follower", async () => {
    const cluster = await Cluster.founded(["n1", "n2", "n3"]);
    const { leader } = cluster;
    const client = cluster.client(leader.id);
    leader.trace.length = 0;
    for (let at = 0; at < 50; at++) {
      client.query(`q${at}`);
      client.command(`c${at}`);
    }
    await cluster.settle();
    const count = (what: string): number => leader.trace.filter((line) => line.startsWith(what)).length;
    expect(count("write")).toBe(1);
    expect(count("send appendEntries ")).toBe(2);
    expect(client.replies.length).toBe(100);
    // 50 commands, and nothing for the queries.
    expect(leader.node.state.log.last.index).toBe(1 + 50);
    expect(leader.machine.queries.length).toBe(50);
    await cluster.stopAll();
  });
});
