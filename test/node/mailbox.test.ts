// What arrives together is handed to the core together, and in which order.
import { describe, expect, test } from "bun:test";
import { Mailbox } from "../../src/node/mailbox.ts";
import { type ProposalWaiter, type QueryWaiter, WaitingClients } from "../../src/node/waiting-clients.ts";
import { WaitingReads } from "../../src/node/waiting-reads.ts";
import { toMemberKey } from "../../src/core/configuration.ts";
import { Cluster } from "./cluster.ts";
import { bytes } from "./recording-machine.ts";
import { someone, TestAsker } from "./test-asker.ts";

const asked = (payload: string, from = someone) => ({
  payload: bytes(payload),
  dueMs: 1_000,
  from,
  open: { bytes: payload.length, close: () => {} },
  succeed: () => {},
  fail: () => {},
});
const query = (payload = ""): QueryWaiter => ({ kind: "query", ...asked(payload) });
const command = (payload = "", from = someone): ProposalWaiter => ({
  kind: "command",
  session: null,
  ...asked(payload, from),
});

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

  test("it is empty after it was taken, and counts the requests before", () => {
    const [waiting, reads] = [new WaitingClients(), new WaitingReads()];
    const mailbox = new Mailbox(waiting, reads);
    expect(mailbox.take(0)).toEqual([]);
    mailbox.addRequest(query("12345"));
    mailbox.addRequest(command("123"));
    expect([mailbox.isEmpty, mailbox.requestCount]).toEqual([false, 2]);
    expect([waiting.count, waiting.openBytes, reads.count]).toEqual([0, 0, 0]);
    mailbox.take(0);
    expect([mailbox.isEmpty, mailbox.requestCount]).toEqual([true, 0]);
    expect([waiting.count, waiting.openBytes, reads.count]).toEqual([1, 3, 1]);
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
    expect(waiting.openCount).toBe(10_000);
    for (let at = 0; at < 3; at++) mailbox.addRequest({ ...command(""), payload: new Uint8Array(3 * 1024 * 1024) });
    expect([sizes(), sizes(), sizes(), mailbox.isEmpty]).toEqual([1, 1, 1, true]);
  });

  test("P64: when not all commands fit, each client name has the same share, by bytes, in the order of arrival", () => {
    const mailbox = new Mailbox(new WaitingClients(), new WaitingReads());
    const [greedy, modest] = [new TestAsker("greedy"), new TestAsker("modest")];
    const mebibyte = "x".repeat(1024 * 1024);
    for (let nth = 0; nth < 20; nth++) mailbox.addRequest(command(mebibyte, greedy));
    for (let nth = 0; nth < 3; nth++) mailbox.addRequest(command(`m${nth}`, modest));
    const sizes = (): readonly number[] => {
      const [event] = mailbox.take(0);
      return event?.kind === "propose"
        ? event.proposals.map((each) => (each.kind === "command" ? each.payload.byteLength : 0))
        : [];
    };
    const first = sizes();
    expect(first.filter((size) => size === 2)).toHaveLength(3);
    expect(first.length).toBeLessThan(8);
    // A name that comes while the backlog lasts does not wait for it.
    mailbox.addRequest(command("m3", modest));
    expect(sizes()).toContain(2);
    let left = 0;
    for (let batch = sizes(); batch.length > 0; batch = sizes()) left += batch.length;
    expect(left + first.length - 3).toBeLessThan(20);
    expect(mailbox.requestCount).toBe(0);
  });

  test("P64: each of them is taken once, whichever came before others of another name, and none is left behind", () => {
    const mailbox = new Mailbox(new WaitingClients(), new WaitingReads());
    const [greedy, modest] = [new TestAsker("greedy"), new TestAsker("modest")];
    const sizes = [...Array(6).keys()].map((nth) => 1024 * 1024 + nth);
    for (const size of sizes) mailbox.addRequest(command("x".repeat(size), greedy));
    for (const size of [1, 2, 3]) mailbox.addRequest(command("x".repeat(size), modest));
    const taken: number[] = [];
    while (!mailbox.isEmpty) {
      for (const event of mailbox.take(0)) {
        if (event.kind !== "propose") continue;
        for (const each of event.proposals) if (each.kind === "command") taken.push(each.payload.byteLength);
      }
    }
    expect(taken.slice(0, 6)).toEqual([...sizes.slice(0, 3), 1, 2, 3]);
    expect(taken.slice(6)).toEqual(sizes.slice(3));
  });

  test("P64: a command too large for a batch gets its turn, and does not come before others again and again", () => {
    const mailbox = new Mailbox(new WaitingClients(), new WaitingReads());
    const [greedy, modest] = [new TestAsker("greedy"), new TestAsker("modest")];
    const huge = (): ProposalWaiter => ({ ...command("", greedy), payload: new Uint8Array(5 * 1024 * 1024) });
    for (let nth = 0; nth < 3; nth++) mailbox.addRequest(huge());
    mailbox.addRequest(command("m", modest));
    const counts: number[] = [];
    while (!mailbox.isEmpty) {
      const [event] = mailbox.take(0);
      counts.push(
        event?.kind === "propose"
          ? event.proposals.reduce((sum, each) => sum + (each.kind === "command" ? each.payload.byteLength : 0), 0)
          : 0,
      );
    }
    expect(counts.indexOf(1)).toBeLessThan(2);
  });

  test("P64: while a leader has enough of commands on their way through its log the others wait here, and are told when their time is up", () => {
    const waiting = new WaitingClients();
    let isLeader = true;
    const mailbox = new Mailbox(waiting, new WaitingReads(), () => (isLeader ? 1 : null));
    const isEmpty = (): boolean => mailbox.isEmpty;
    const answers: string[] = [];
    const large = (): ProposalWaiter => ({
      ...command(),
      payload: new Uint8Array(4 * 1024 * 1024),
      open: { bytes: 4 * 1024 * 1024, close: () => void answers.push("closed") },
      fail: ({ code }) => void answers.push(code),
    });
    for (let nth = 0; nth < 4; nth++) mailbox.addRequest(large());
    const refs: number[] = [];
    while (!isEmpty()) {
      for (const event of mailbox.take(0))
        if (event.kind === "propose") refs.push(...event.proposals.map(({ ref }) => ref));
    }
    expect([refs.length, mailbox.requestCount, mailbox.take(0).length]).toEqual([2, 2, 0]);
    waiting.place(refs, { index: 1, term: 1 });
    waiting.take({ index: 1, term: 1 }, null);
    expect(isEmpty()).toBe(false);
    expect(mailbox.take(0)).toHaveLength(1);
    expect(isEmpty()).toBe(true);
    expect(mailbox.requestCount).toBe(1);
    // Queries and messages are not held up.
    mailbox.addRequest(query());
    expect(isEmpty()).toBe(false);
    expect(mailbox.take(0).map(({ kind }) => kind)).toEqual(["read"]);
    answers.length = 0;
    mailbox.expire(999);
    expect(answers).toEqual([]);
    mailbox.expire(1_000);
    expect(answers).toEqual(["closed", "unavailable"]);
    expect(mailbox.requestCount).toBe(0);
    mailbox.addRequest(large());
    isLeader = false;
    expect(isEmpty()).toBe(false);
    expect(mailbox.take(0)).toHaveLength(1);
  });

  test("P26: of the commands that wait, those whose time is up are answered, and the others keep their order", () => {
    const waiting = new WaitingClients();
    let isFull = true;
    waiting.underWay = () => ({ count: isFull ? 16_384 : 0, bytes: 0 });
    const mailbox = new Mailbox(waiting, new WaitingReads(), () => 1);
    const told: string[] = [];
    const add = (payload: string, dueMs: number): void =>
      mailbox.addRequest({
        ...command(payload),
        dueMs,
        open: { bytes: 1, close: () => void told.push(`${payload} is closed`) },
        fail: ({ message }) => void told.push(`${payload}: ${message}`),
      });
    add("a", 900);
    add("b", 500);
    add("c", 700);
    mailbox.addRequest(query());
    mailbox.expire(499);
    expect(told).toEqual([]);
    mailbox.expire(500);
    const reason = "the leader had no room in its log for the request in time";
    expect(told.splice(0)).toEqual(["b is closed", `b: ${reason}`]);
    expect(mailbox.requestCount).toBe(3);
    mailbox.expire(600, { problem: "it hangs", entry: 7, isQuery: false });
    expect(told).toEqual([]);
    isFull = false;
    const [, propose] = mailbox.take(650);
    const proposals = propose?.kind === "propose" ? propose.proposals : [];
    expect(proposals).toMatchObject([{ payload: bytes("a") }, { payload: bytes("c") }]);
    isFull = true;
    add("d", 1_000);
    mailbox.expire(1_000, { problem: "it hangs", entry: 7, isQuery: false });
    expect(told).toEqual(["d is closed", `d: ${reason}, and this node cannot go on: it hangs`]);
  });

  test("an opening and a closing of a session are proposed as they were asked for", () => {
    const mailbox = new Mailbox(new WaitingClients(), new WaitingReads());
    const opening = { kind: "openSession", ...asked(""), sessionTimeoutMs: 30_000 } as const;
    mailbox.addRequest({ ...opening, client: "root", isAdmin: true });
    mailbox.addRequest({ ...opening, client: "app", isAdmin: false });
    mailbox.addRequest({ kind: "closeSession", ...asked(""), client: "app", session: 7 });
    mailbox.addRequest({
      ...command("x"),
      kind: "command",
      session: { id: 7, sequence: 2, answeredBelow: 1, client: "app" },
    });
    const [propose] = mailbox.take(0);
    expect(propose?.kind === "propose" && propose.proposals).toEqual([
      { kind: "openSession", ref: 1, client: "root", isAdmin: true, timeoutMs: 30_000 },
      { kind: "openSession", ref: 2, client: "app", isAdmin: false, timeoutMs: 30_000 },
      { kind: "closeSession", ref: 3, client: "app", session: 7 },
      {
        kind: "command",
        ref: 4,
        payload: bytes("x"),
        session: { id: 7, sequence: 2, answeredBelow: 1, client: "app" },
      },
    ]);
  });

  test("what is put back comes before what has arrived since", () => {
    const mailbox = new Mailbox(new WaitingClients(), new WaitingReads());
    mailbox.addEvent({ kind: "persisted", ticket: 3 });
    mailbox.putBack([
      { kind: "persisted", ticket: 1 },
      { kind: "persisted", ticket: 2 },
    ]);
    expect(mailbox.take(5).map((event) => event.kind === "persisted" && event.ticket)).toEqual([1, 2, 3]);
    expect(mailbox.take(5)).toEqual([]);
  });

  test("due are events and queries, whatever commands have to wait", () => {
    const mailbox = new Mailbox(new WaitingClients(), new WaitingReads());
    mailbox.addRequest(command("x"));
    expect(mailbox.dueCount).toBe(0);
    mailbox.addRequest(query());
    mailbox.addEvent({ kind: "persisted", ticket: 1 });
    expect(mailbox.dueCount).toBe(2);
  });

  test("P64: a leader's log has room for 16384 commands of any size, and for no more", () => {
    const waiting = new WaitingClients();
    const mailbox = new Mailbox(waiting, new WaitingReads(), () => 1);
    const take = (): number => {
      const [event] = mailbox.take(0);
      if (event?.kind !== "propose") return 0;
      const refs = event.proposals.map(({ ref }) => ref);
      waiting.place(refs, { index: refs[0]!, term: 1 });
      return refs.length;
    };
    for (let nth = 0; nth < 16_383; nth++) mailbox.addRequest(command());
    for (let nth = 0; nth < 4; nth++) take();
    expect(waiting.underWay(1).count).toBe(16_383);
    mailbox.addRequest(command());
    expect([mailbox.isEmpty, take()]).toEqual([false, 1]);
    mailbox.addRequest(command());
    expect([mailbox.isEmpty, take(), mailbox.requestCount]).toEqual([true, 0, 1]);
  });

  test.each(["was taken", "was told that its time is up"])(
    "P64: once no command waits, what each name has brought before counts for nothing: the last one %s",
    (end) => {
      const mailbox = new Mailbox(new WaitingClients(), new WaitingReads());
      const [early, late] = [new TestAsker("early"), new TestAsker("late")];
      const sizesOf = (): readonly number[] => {
        const [event] = mailbox.take(0);
        const proposals = event?.kind === "propose" ? event.proposals : [];
        return proposals.map((each) => (each.kind === "command" ? each.payload.byteLength : 0));
      };
      const large = (from: TestAsker, size: number): ProposalWaiter => command("x".repeat(size), from);
      const mebibyte = 1024 * 1024;
      mailbox.addRequest(large(early, 4 * mebibyte));
      mailbox.addRequest(large(late, 1));
      expect(sizesOf()).toEqual([4 * mebibyte]);
      if (end === "was taken") expect(sizesOf()).toEqual([1]);
      else mailbox.expire(Infinity);
      expect(mailbox.requestCount).toBe(0);
      // Each gets half, although one has had more than the other.
      for (let nth = 0; nth < 4; nth++) mailbox.addRequest(large(early, mebibyte));
      for (let nth = 0; nth < 4; nth++) mailbox.addRequest(large(late, mebibyte - 1));
      expect(sizesOf().filter((size) => size === mebibyte)).toHaveLength(2);
    },
  );

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
