// Openings of a client that has as many sessions as it may: the table decides at the first one, and the leader need not write the others.
import { describe, expect, test } from "bun:test";
import { sessionLimits } from "../../src/core/session-limits.ts";
import { SessionTable } from "../../src/core/sessions.ts";
import { FullClients } from "../../src/node/full-clients.ts";
import type { AppliedOpenSession } from "../../src/ports/state-machine.ts";
import { Cluster } from "./cluster.ts";

const three = ["n1", "n2", "n3"] as const;

/** A client may have one session. */
async function founded(ids: readonly string[]): Promise<Cluster> {
  const cluster = await Cluster.founded(ids);
  for (const { machine } of cluster.members.values()) {
    machine.sessions = new SessionTable({ ...sessionLimits, clientSessionsMax: 1 });
  }
  return cluster;
}

const lastOf = (cluster: Cluster): number => cluster.leader.node.state.log.last.index;

describe("an opening beyond the limit of its client", () => {
  test("is written once, and those after it are refused without an entry, with the same words", async () => {
    const cluster = await founded(three);
    const client = cluster.client(cluster.leader.id);
    client.openSession();
    client.openSession();
    await cluster.settle();
    const last = lastOf(cluster);
    client.openSession();
    client.openSession();
    await cluster.settle();
    expect(client.replies).toEqual(["1 session 2", "2 overloaded", "3 overloaded", "4 overloaded"]);
    expect(new Set(client.raw.slice(1).map((reply) => reply.kind === "error" && reply.message)).size).toBe(1);
    expect(lastOf(cluster)).toBe(last);
    expect(cluster.leader.node.requests.open.count).toBe(0);
    await cluster.stopAll();
  });

  test("says what was not done in time, while the leader finds out whether it leads", async () => {
    const cluster = await founded(three);
    const client = cluster.client(cluster.leader.id);
    client.openSession();
    client.openSession();
    await cluster.settle();
    cluster.isolate(cluster.leader.id);
    client.send((id) => ({ kind: "openSession", id, timeoutMs: 100, sessionTimeoutMs: 60_000 }));
    client.send((id) => ({ kind: "backup", id, timeoutMs: 100 }));
    client.query("count", 100);
    await cluster.advance(300);
    const said = client.raw.slice(2).map((reply) => (reply.kind === "error" ? `${reply.code}: ${reply.message}` : ""));
    expect(said.toSorted()).toEqual([
      "unavailable: the backup was not begun in time",
      "unavailable: the query was not answered in time",
      "unavailable: the session was not opened in time",
    ]);
    await cluster.stopAll();
  });

  test("says nothing of the sessions of another client", async () => {
    const cluster = await founded(["n1"]);
    const [client, other] = [cluster.client("n1"), cluster.client("n1", { name: "other" })];
    client.openSession();
    client.openSession();
    await cluster.settle();
    other.openSession();
    await cluster.settle();
    expect(other.replies).toEqual(["1 session 4"]);
    await cluster.stopAll();
  });

  test("is accepted behind a closing, also one that is asked for in the same moment", async () => {
    const cluster = await founded(["n1"]);
    const client = cluster.client("n1");
    client.openSession();
    client.openSession();
    await cluster.settle();
    client.closeSession(2);
    client.openSession();
    await cluster.settle();
    expect(client.replies).toEqual(["1 session 2", "2 overloaded", "3 done", "4 session 5"]);
    await cluster.stopAll();
  });

  test("is accepted as soon as a session has expired", async () => {
    const cluster = await founded(["n1"]);
    const client = cluster.client("n1");
    client.openSession(1_000);
    client.openSession();
    await cluster.settle();
    const last = lastOf(cluster);
    await cluster.advance(900, 100);
    client.openSession();
    await cluster.settle();
    expect(lastOf(cluster)).toBe(last);
    await cluster.advance(200, 100);
    client.openSession();
    await cluster.settle();
    expect(client.replies.slice(2)).toEqual(["3 overloaded", "4 session 4"]);
    await cluster.stopAll();
  });

  test("is refused by no leader that has been replaced: another one may have let the client close a session", async () => {
    const cluster = await founded(three);
    const old = cluster.leader;
    const first = cluster.client(old.id);
    first.openSession();
    first.openSession();
    await cluster.settle();
    cluster.isolate(old.id);
    const { self, currentTerm } = old.node.state;
    cluster.followers[0]!.node.incoming.onMessage(self, { kind: "timeoutNow", term: currentTerm });
    await cluster.anotherLeader(old);
    expect(old.node.state.role.kind).toBe("leader");
    const second = cluster.client(cluster.leader.id);
    second.closeSession(2);
    await cluster.settle();
    expect(second.replies).toEqual(["1 done"]);
    first.openSession();
    await cluster.settle();
    expect(first.replies).toEqual(["1 session 2", "2 overloaded"]);
    cluster.rejoin(old.id);
    await cluster.advance(500);
    expect(first.replies[2]).toStartWith("3 not-leader");
    await cluster.stopAll();
  });
});

describe("what a leader knows of a full client", () => {
  const opening = (term: number): AppliedOpenSession => ({
    kind: "openSession",
    index: 9,
    term,
    timeMs: 0,
    isAwaited: true,
    client: "a",
    isAdmin: false,
    timeoutMs: 10,
  });
  const full = { kind: "full", message: "full", untilMs: 100 } as const;
  const setUp = () => {
    const leading: { term: number | null; stampMs: number } = { term: 3, stampMs: 50 };
    const clients = new FullClients(() =>
      leading.term === null ? null : { term: leading.term, stampMs: leading.stampMs },
    );
    return { leading, clients };
  };

  test("holds in the term of the opening, through the stamp at which a session may expire", () => {
    const { leading, clients } = setUp();
    clients.onFull(opening(3), full);
    leading.stampMs = 100;
    expect(clients.whyFull("a")).toBe("full");
    leading.stampMs = 101;
    expect(clients.whyFull("a")).toBeNull();
    leading.stampMs = 100;
    expect(clients.whyFull("a")).toBeNull();
  });

  test("is not taken from an earlier leader's opening, nor kept into a later term", () => {
    const { leading, clients } = setUp();
    clients.onFull(opening(2), full);
    expect(clients.whyFull("a")).toBeNull();
    clients.onFull(opening(3), full);
    leading.term = 4;
    expect(clients.whyFull("a")).toBeNull();
  });

  test("is not taken while a closing is under way, which may be behind the opening in the log", () => {
    const { clients } = setUp();
    const [one, other] = [clients.closing("a"), clients.closing("a")];
    one(true);
    one(true);
    clients.onFull(opening(3), full);
    expect(clients.whyFull("a")).toBeNull();
    other(true);
    clients.onFull(opening(3), full);
    expect(clients.whyFull("a")).toBe("full");
  });

  test("is not taken in a term in which it is not known what became of a closing", () => {
    const { leading, clients } = setUp();
    clients.closing("a")(false);
    clients.onFull(opening(3), full);
    expect(clients.whyFull("a")).toBeNull();
    leading.term = 4;
    clients.onFull(opening(4), full);
    expect(clients.whyFull("a")).toBe("full");
  });
});
