// One node that is frozen, full, down or not ours must not hold up what another could do. The nodes are scripts behind the
// Dial seam.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { GraftClient } from "../../src/client/client.ts";
import type { Dial, LinkHandlers } from "../../src/client/connection.ts";
import { GraftError } from "../../src/errors.ts";
import type { ClientRequest } from "../../src/ports/requests.ts";
import { PlayedTime, settled } from "./played-time.ts";

type Answer = (request: ClientRequest, handlers: LinkHandlers) => void;
/** Null: no dial ever gets there. */
type Node = GraftError | Answer | null;

const payload = new Uint8Array([1, 2, 3]);
const leads: Answer = ({ id }, { onReply }) =>
  onReply({ kind: "result", id, payload, index: 5, term: 2, stalenessMs: null });
const frozen: Answer = () => {};
const namesAsLeader =
  (address: string): Answer =>
  ({ id }, { onReply }) =>
    onReply({ kind: "error", id, code: "not-leader", message: "not the leader", leader: { id: "x", address } });

let time = new PlayedTime();
beforeEach(() => {
  time = new PlayedTime();
});

let client: GraftClient | null = null;
afterEach(() => client?.close());

/** An error refuses the dial. `dials` and `taken` record whom the client turned to, `closed` whose link it closed. */
function clientOf(table: Record<string, Node>, timeoutMs: number) {
  const dials: string[] = [];
  const taken: string[] = [];
  const closed: string[] = [];
  const dial: Dial = async (address, handlers) => {
    dials.push(address);
    const node = table[address];
    if (node === undefined) throw new RangeError(`there is no node at ${address}`);
    if (node instanceof GraftError) throw node;
    if (node === null) return new Promise(() => {});
    const send = (request: ClientRequest): void => {
      taken.push(address);
      queueMicrotask(() => node(request, handlers));
    };
    return { clusterUuid: "c1", send, close: () => void closed.push(address) };
  };
  client = new GraftClient({ addresses: Object.keys(table), dial, clock: time, timeoutMs, session: "none" });
  return { client, dials, taken, closed };
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  time.until(
    promise.then(
      () => "answered",
      (error: GraftError) => error.code,
    ),
  );

test("a frozen leader costs one command, not all that follow", async () => {
  const cluster = clientOf({ "a:1": frozen, "b:1": leads }, 150);
  expect(await codeOf(cluster.client.command(payload))).toBe("outcome-unknown");
  expect(await codeOf(cluster.client.command(payload))).toBe("answered");
  expect(cluster.taken).toEqual(["a:1", "b:1"]);
});

test("the connection to a node that has stopped answering is dropped, with all that waits on it", async () => {
  const cluster = clientOf({ "a:1": frozen, "b:1": leads }, 600);
  const began = time.nowMs();
  const command = codeOf(cluster.client.command(payload, { timeoutMs: 60_000 }));
  const status = cluster.client.status("a:1", { timeoutMs: 1200 });
  const query = codeOf(status);
  expect(await codeOf(cluster.client.command(payload))).toBe("outcome-unknown");
  expect(await command).toBe("outcome-unknown");
  expect(time.nowMs() - began).toBeLessThan(1100);
  expect(cluster.closed).toEqual(["a:1"]);
  expect(await query).toBe("unavailable");
  await expect(status).rejects.toThrow("the node at a:1 has stopped answering");
});

test("a node that answers others keeps its connection when one request is too slow", async () => {
  let held: ClientRequest | null = null;
  const slowWithOne: Answer = (request, handlers) => {
    if (held === null) held = request;
    else leads(request, handlers);
  };
  const cluster = clientOf({ "a:1": slowWithOne }, 600);
  const slow = codeOf(cluster.client.command(payload));
  expect(await codeOf(cluster.client.command(payload))).toBe("answered");
  expect(await slow).toBe("outcome-unknown");
  expect(cluster.closed).toEqual([]);
});

test("a leader whose connection broke with a command is not asked for the next one", async () => {
  let commands = 0;
  const breaks: Answer = (request, handlers) =>
    ++commands === 2 ? handlers.onClosed({ kind: "lost", reason: "connection reset" }) : leads(request, handlers);
  const cluster = clientOf({ "a:1": breaks, "b:1": leads }, 1000);
  const codes: string[] = [];
  for (let turn = 0; turn < 3; turn++) codes.push(await codeOf(cluster.client.command(payload)));
  expect(codes).toEqual(["answered", "outcome-unknown", "answered"]);
  expect(cluster.taken).toEqual(["a:1", "a:1", "b:1"]);
});

test("a node that does not accept this program is left out by the queries that follow", async () => {
  const cluster = clientOf({ "a:1": new GraftError("unauthorized", "not for you"), "b:1": leads }, 1000);
  for (let turn = 0; turn < 3; turn++) {
    expect(await codeOf(cluster.client.query(payload))).toBe("answered");
    // Longer than the pause after a dial that led nowhere.
    await time.pass(1000);
  }
  expect(cluster.dials).toEqual(["a:1", "b:1"]);
});

test("a query is asked of another node while the first is silent", async () => {
  const cluster = clientOf({ "a:1": frozen, "b:1": leads }, 600);
  expect(await codeOf(cluster.client.query(payload))).toBe("answered");
  expect(cluster.taken).toEqual(["a:1", "b:1"]);
});

test("a query that two nodes leave unanswered is asked of no other one: it may be one that never ends", async () => {
  const all = { "a:1": frozen, "b:1": frozen, "c:1": frozen, "d:1": frozen };
  const cluster = clientOf(all, 30_000);
  expect(await codeOf(cluster.client.query(payload))).toBe("unavailable");
  expect(cluster.taken).toEqual(["a:1", "b:1"]);
});

/** These cannot stop a state machine. */
test.each<readonly [string, (client: GraftClient) => Promise<unknown>]>([
  ["a status", (asked) => asked.status()],
  ["a list of the members", (asked) => asked.configuration()],
  ["a description", (asked) => asked.describe()],
  ["a hand-over to one node", (asked) => asked.transferLeadership("n2")],
])("%s that two nodes leave unanswered is asked of a third", async (_, ask) => {
  const cluster = clientOf({ "a:1": frozen, "b:1": frozen, "c:1": leads }, 30_000);
  await codeOf(ask(cluster.client));
  expect(cluster.taken.slice(0, 3)).toEqual(["a:1", "b:1", "c:1"]);
});

test.each<readonly [Node, Node, string]>([
  [frozen, null, "a:1"],
  [null, frozen, "b:1"],
])("a query that has left for only one of two nodes is asked of a third", async (first, second, silent) => {
  const cluster = clientOf({ "a:1": first, "b:1": second, "c:1": leads }, 30_000);
  expect(await codeOf(cluster.client.query(payload))).toBe("answered");
  expect(cluster.taken.slice(0, 2)).toEqual([silent, "c:1"]);
});

test("a query that one node leaves unanswered is asked of others until one takes it", async () => {
  const refuses: Answer = ({ id }, { onReply }) =>
    onReply({ kind: "error", id, code: "unavailable", message: "not now", leader: null });
  const cluster = clientOf({ "a:1": frozen, "b:1": refuses, "c:1": leads }, 30_000);
  expect(await codeOf(cluster.client.query(payload))).toBe("answered");
  expect(cluster.taken[0]).toBe("a:1");
  expect(cluster.taken.filter((address) => address === "a:1")).toHaveLength(1);
});

test("every node is asked once, and the slow one's answer still counts", async () => {
  const late: Answer = (request, handlers) => void time.at(time.nowMs() + 500, () => leads(request, handlers));
  const cluster = clientOf({ "a:1": late, "b:1": frozen }, 900);
  expect(await codeOf(cluster.client.query(payload))).toBe("answered");
  expect(cluster.taken).toEqual(["a:1", "b:1"]);
});

test("a node that refused at last, after another was asked, is asked again", async () => {
  let isFirst = true;
  const late: Answer = (request, handlers) => {
    if (!isFirst) return leads(request, handlers);
    isFirst = false;
    const error = { kind: "error", id: request.id, code: "unavailable", message: "not now", leader: null } as const;
    time.at(time.nowMs() + 1500, () => handlers.onReply(error));
  };
  const never: Answer = ({ id }, { onReply }) =>
    onReply({ kind: "error", id, code: "unavailable", message: "not now", leader: null });
  const cluster = clientOf({ "a:1": late, "b:1": never }, 10_000);
  expect(await codeOf(cluster.client.query(payload))).toBe("answered");
  expect(cluster.taken.filter((address) => address === "a:1").length).toBeGreaterThan(1);
});

test.each(["refuses", "does not accept this program"] as const)(
  "a node that %s at last, after another was asked, leaves the other one its time",
  async (how) => {
    const asked: string[] = [];
    const dial: Dial = async (address, { onReply }) => {
      if (address === "a:1" && how === "does not accept this program") {
        await new Promise((resolve) => void time.at(time.nowMs() + 1_300, () => resolve(null)));
        throw new GraftError("unauthorized", "not for you");
      }
      const send = ({ id }: ClientRequest): void => {
        asked.push(`${address} after ${Math.floor(time.passedMs / 1000)} s`);
        const error = { kind: "error", id, code: "unavailable", message: "not now", leader: null } as const;
        if (address === "a:1") time.at(time.nowMs() + 1_300, () => onReply(error));
      };
      return { clusterUuid: "c1", send, close: () => {} };
    };
    const addresses = ["a:1", "b:1", "c:1"];
    client = new GraftClient({ addresses, dial, clock: time, timeoutMs: 10_000, session: "none" });
    expect(await codeOf(client.query(payload))).toBe("unavailable");
    // Each node has a second, whatever another one says meanwhile.
    const first = how === "refuses" ? ["a:1 after 0 s"] : [];
    expect(asked.slice(0, first.length + 2)).toEqual([...first, "b:1 after 1 s", "c:1 after 2 s"]);
  },
);

test("a node that does not accept this program is asked once for each request, while others may still answer", async () => {
  let asked = 0;
  const late: Answer = (request, handlers) => (++asked < 5 ? namesAsLeader("x:1") : leads)(request, handlers);
  const strange = new GraftError("unauthorized", "not for you");
  const cluster = clientOf({ "a:1": strange, "x:1": new GraftError("unavailable", "down"), "b:1": late }, 10_000);
  expect(await codeOf(cluster.client.command(payload))).toBe("answered");
  expect(cluster.dials.filter((address) => address === "a:1")).toHaveLength(1);
});

test("what only one node can answer is asked of it once, however long it is silent", async () => {
  const cluster = clientOf({ "a:1": frozen, "b:1": leads }, 5000);
  expect(await codeOf(cluster.client.status("a:1"))).toBe("unavailable");
  expect(cluster.taken).toEqual(["a:1"]);
});

test("a silent node that another takes for the leader is not asked again", async () => {
  let asked = 0;
  const learns: Answer = (request, handlers) => (++asked < 4 ? namesAsLeader("a:1") : leads)(request, handlers);
  const cluster = clientOf({ "a:1": frozen, "b:1": learns }, 1500);
  expect(await codeOf(cluster.client.query(payload))).toBe("answered");
  expect(cluster.taken).toEqual(["a:1", "b:1", "b:1", "b:1", "b:1"]);
});

test("why the leader could not answer is said, although another node was asked since", async () => {
  const hangs: Answer = ({ id }, { onReply }) => {
    const error = { kind: "error", id, code: "outcome-unknown", message: "busy with entry 7", leader: null } as const;
    time.at(time.nowMs() + 2_500, () => onReply(error));
  };
  const cluster = clientOf({ "a:1": hangs, "b:1": namesAsLeader("a:1") }, 3_000);
  const failure = cluster.client.query(payload).catch((error: GraftError) => error.message);
  expect(await time.until(failure)).toContain("busy with entry 7");
});

test("while a slow leader has the request the others are asked less and less often", async () => {
  const late: Answer = (request, handlers) => void time.at(time.nowMs() + 2500, () => leads(request, handlers));
  const cluster = clientOf({ "a:1": late, "b:1": namesAsLeader("a:1") }, 20_000);
  expect(await codeOf(cluster.client.query(payload))).toBe("answered");
  // The query once; and with its answer, who the members are.
  expect(cluster.taken.filter((address) => address === "a:1")).toHaveLength(2);
  expect(cluster.taken.length).toBeLessThan(14);
});

test.each(["overloaded", "unavailable", "unauthorized"] as const)(
  "one node whose dial ends with %s stands in for no other",
  async (code) => {
    const cluster = clientOf({ "a:1": new GraftError(code, "no"), "b:1": leads }, 1000);
    for (let turn = 0; turn < 3; turn++) expect(await codeOf(cluster.client.command(payload))).toBe("answered");
    expect(cluster.dials).toEqual(["a:1", "b:1"]);
  },
);

test.each(["config", "rejected"] as const)("a dial that ends with %s is final", async (code) => {
  const cluster = clientOf({ "a:1": new GraftError(code, "no"), "b:1": leads }, 1000);
  expect(await codeOf(cluster.client.command(payload))).toBe(code);
  expect(cluster.dials).toEqual(["a:1"]);
});

test("a thousand requests that wait for three dead nodes dial no more often than one", async () => {
  const down = new GraftError("unavailable", "connection refused");
  const cluster = clientOf({ "a:1": down, "b:1": down, "c:1": down }, 1000);
  const codes = await Promise.all(Array.from({ length: 1000 }, () => codeOf(cluster.client.command(payload))));
  expect(new Set(codes)).toEqual(new Set(["unavailable"]));
  expect(cluster.dials.length).toBeGreaterThanOrEqual(9);
  expect(cluster.dials.length).toBeLessThan(60);
});

test("a request in a hurry costs the others no connection to a node that is only busy", async () => {
  let held: (() => void) | null = null;
  const busy: Answer = (request, handlers) => {
    if (held === null) held = () => leads(request, handlers);
  };
  const cluster = clientOf({ "a:1": busy }, 5000);
  const slow = codeOf(cluster.client.command(payload));
  expect(await codeOf(cluster.client.command(payload, { timeoutMs: 100 }))).toBe("outcome-unknown");
  expect(cluster.closed).toEqual([]);
  held!();
  expect(await slow).toBe("answered");
});

test.each([
  [1_200, ["b:1"]],
  [650, []],
])(
  "the second node, asked after a third of %i ms, is cut off only if it is silent for half a second",
  async (timeoutMs, closed) => {
    await time.pass(50);
    const cluster = clientOf({ "a:1": frozen, "b:1": frozen }, timeoutMs);
    expect(await codeOf(cluster.client.query(payload))).toBe("unavailable");
    expect(cluster.taken).toEqual(["a:1", "b:1"]);
    expect(cluster.closed).toEqual(closed);
  },
);

test.each<readonly [string, Node]>([
  ["down", new GraftError("unavailable", "connection refused")],
  ["not dialled yet", null],
  ["silent", frozen],
  ["without a leader", namesAsLeader("a:1")],
])("a client that is closed while its node is %s leaves no timer", async (_, node) => {
  // With pauses of other lengths each time.
  for (const afterMs of [5, 60, 300, 1_000]) {
    const cluster = clientOf({ "a:1": node }, 10_000);
    const over = [cluster.client.command(payload), cluster.client.query(payload), cluster.client.status("a:1")].map(
      codeOf,
    );
    await time.pass(afterMs);
    await cluster.client.close();
    await Promise.all(over);
    await settled();
    expect(time.pendingTimers).toBe(0);
  }
});

test("closing a client closes every connection that it has", async () => {
  const cluster = clientOf({ "a:1": namesAsLeader("b:1"), "b:1": leads }, 1000);
  expect(await codeOf(cluster.client.command(payload))).toBe("answered");
  expect(cluster.closed).toEqual([]);
  await cluster.client.close();
  expect(cluster.closed.toSorted()).toEqual(["a:1", "b:1"]);
});

/** Told that nothing happened, the caller may have asked for the opposite since. */
test.each(["command", "query", "hand-over"] as const)(
  "a %s that was given up before it left never leaves",
  async (kind) => {
    const opened = new Map<string, () => void>();
    const sent: string[] = [];
    const dial: Dial = (address) =>
      new Promise((resolve) => {
        const send = ({ kind: what }: ClientRequest): void => void sent.push(`${address} ${what}`);
        opened.set(address, () => resolve({ clusterUuid: "c1", send, close: () => {} }));
      });
    client = new GraftClient({ addresses: ["a:1", "b:1"], dial, clock: time, timeoutMs: 600, session: "none" });
    const asked = {
      command: () => client!.command(payload),
      query: () => client!.query(payload),
      "hand-over": () => client!.transferLeadership("n2"),
    }[kind]();
    expect(await codeOf(asked)).toBe("unavailable");
    for (const open of opened.values()) open();
    await settled();
    expect([...opened.keys()]).toContain("a:1");
    expect(sent).toEqual([]);
  },
);
