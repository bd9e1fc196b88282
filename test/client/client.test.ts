// What a client does with each ending: it finds the leader, tries again only what cannot have taken effect, and never
// says "failed" of a command that may have happened. The nodes are scripts behind the Dial seam.
import { beforeEach, describe, expect, test } from "bun:test";
import { payloadBytesMax } from "../../src/adapters/cbor/limits.ts";
import { encodeFrame } from "../../src/adapters/cbor/codec.ts";
import { type ClientOptions, GraftClient } from "../../src/client/client.ts";
import type { Dial, LinkHandlers } from "../../src/client/connection.ts";
import { noRequest } from "../../src/client/membership.ts";
import { GraftError } from "../../src/errors.ts";
import type { ClientReply, ClientRequest } from "../../src/ports/requests.ts";
import { PlayedTime, settled } from "./played-time.ts";

let time = new PlayedTime();
beforeEach(() => {
  time = new PlayedTime();
});

const clientOf = (addresses: readonly string[], dial: Dial, options: Partial<ClientOptions> = {}): GraftClient =>
  new GraftClient({ addresses, dial, clock: time, session: "none", ...options });

/** Its time is up at once when it has been looked at so often. */
class CountedTime extends PlayedTime {
  readonly #most: number;
  looks = 0;

  constructor(most: number) {
    super();
    this.#most = most;
  }

  override nowMs(): number {
    return ++this.looks < this.#most ? super.nowMs() : Number.POSITIVE_INFINITY;
  }
}

type Answer = (request: ClientRequest, handlers: LinkHandlers) => void;

/** Nodes by address; `taken` records who was asked what. */
function nodes(table: Record<string, Answer>) {
  const taken: string[] = [];
  let dialled = 0;
  const dial: Dial = async (address, handlers) => {
    dialled++;
    const answer = table[address];
    if (answer === undefined) throw new GraftError("unavailable", `${address} does not answer`);
    const send = (request: ClientRequest): void => {
      taken.push(`${address} ${request.kind}`);
      queueMicrotask(() => answer(request, handlers));
    };
    return { clusterUuid: "c1", send, close: () => handlers.onClosed({ kind: "lost", reason: "closed" }) };
  };
  return { dial, taken, dialled: () => dialled };
}

const payload = new Uint8Array([1, 2, 3]);
const leads: Answer = ({ id }, { onReply }) =>
  onReply({ kind: "result", id, payload, index: 5, term: 2, stalenessMs: null });
const redirectsTo =
  (address: string | null): Answer =>
  ({ id }, { onReply }) =>
    onReply({
      kind: "error",
      id,
      code: "not-leader",
      message: "not the leader",
      leader: address === null ? null : { id: "x", address },
    });
const fails =
  (code: Extract<ClientReply, { kind: "error" }>["code"]): Answer =>
  ({ id }, { onReply }) =>
    onReply({ kind: "error", id, code, message: code, leader: null });

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  time.until(
    promise.then(
      () => "answered",
      (error: GraftError) => error.code,
    ),
  );

describe("client", () => {
  test("a payload that no node would take is rejected before it is sent", async () => {
    const cluster = nodes({ "l:1": leads });
    const client = clientOf(["l:1"], cluster.dial);
    expect(await codeOf(client.command(new Uint8Array(payloadBytesMax + 1)))).toBe("rejected");
    expect(await codeOf(client.query(new Uint8Array(payloadBytesMax + 1)))).toBe("rejected");
    expect(cluster.taken).toEqual([]);
    expect(await codeOf(client.command(new Uint8Array(payloadBytesMax)))).toBe("answered");
    await client.close();
  });

  test("follows a redirect to a leader it did not know, and stays with it", async () => {
    const cluster = nodes({ "f:1": redirectsTo("l:1"), "l:1": leads });
    const client = clientOf(["f:1"], cluster.dial);
    expect((await time.until(client.command(payload))).index).toBe(5);
    await time.until(client.command(payload));
    expect(cluster.taken).toEqual(["f:1 command", "l:1 command", "l:1 command"]);
    await client.close();
  });

  test("finds a leader that has moved at the address that it says itself, and keeps to the configured one otherwise", async () => {
    const moved = { id: "x", address: "gone:1", announced: "l:1" };
    const names: Answer = ({ id }, { onReply }) =>
      onReply({ kind: "error", id, code: "not-leader", message: "not the leader", leader: moved });
    const cluster = nodes({ "f:1": names, "l:1": leads });
    const client = clientOf(["f:1"], cluster.dial);
    expect((await time.until(client.command(payload))).index).toBe(5);
    expect(cluster.taken).toEqual(["f:1 command", "f:1 command", "l:1 command"]);
    await client.close();
    const behind = nodes({ "f:1": names, "gone:1": leads, "l:1": leads });
    const other = clientOf(["f:1"], behind.dial);
    await time.until(other.command(payload));
    expect(behind.taken).toEqual(["f:1 command", "gone:1 command"]);
    await other.close();
  });

  test("learns who the members are while all is well, and finds them when everyone it was given is gone", async () => {
    let isGone = false;
    const member = { incarnation: "a", voter: true, outgoing: false, priority: 0 };
    const own = { clusterUuid: "c1", node: "n0", incarnation: "a" };
    const members = ["l:1", "m:1"].map((address, at) => ({ id: `n${at}`, address, ...member }));
    const first: Answer = (request, handlers) => {
      if (isGone) handlers.onClosed({ kind: "stopping", reason: "gone" });
      else if (request.kind !== "configuration") leads(request, handlers);
      else
        handlers.onReply({
          kind: "configuration",
          id: request.id,
          ...own,
          index: 3,
          removed: false,
          members,
          pending: [],
          committed: true,
        });
    };
    const cluster = nodes({ "l:1": first, "m:1": leads });
    const client = clientOf(["l:1"], cluster.dial);
    while (!client.addresses.includes("m:1")) {
      await time.until(client.command(payload));
      await time.pass(10);
    }
    isGone = true;
    expect((await time.until(client.command(payload))).index).toBe(5);
    expect(cluster.taken.at(-1)).toBe("m:1 command");
    await client.close();
  });

  test("P25: two nodes that name each other make no loop", async () => {
    const cluster = nodes({ "a:1": redirectsTo("b:1"), "b:1": redirectsTo("a:1") });
    const client = clientOf(["a:1"], cluster.dial);
    expect(await codeOf(client.command(payload, { timeoutMs: 400 }))).toBe("unavailable");
    expect(cluster.taken.length).toBeLessThan(30);
    await client.close();
  });

  test("two nodes that name each other do not keep a client from the one that leads", async () => {
    const cluster = nodes({
      "a:1": redirectsTo("b:1"),
      "b:1": redirectsTo("a:1"),
      "c:1": redirectsTo("d:1"),
      "d:1": leads,
    });
    const client = clientOf(["a:1", "b:1", "c:1"], cluster.dial);
    expect(await codeOf(client.command(payload, { timeoutMs: 2_000 }))).toBe("answered");
    expect(cluster.taken.length).toBeLessThan(20);
    await client.close();
  });

  test("what only one node can answer is not asked of it at once again when it names another", async () => {
    const cluster = nodes({ "a:1": redirectsTo("b:1"), "b:1": leads });
    const client = clientOf(["a:1", "b:1"], cluster.dial);
    expect(await codeOf(client.backup("a:1", { timeoutMs: 3_000 }))).toBe("unavailable");
    expect(cluster.taken.length).toBeLessThan(40);
    expect(cluster.taken.every((taken) => taken.startsWith("a:1"))).toBe(true);
    await client.close();
  });

  test("when a leader that was named and has answered stops, the node that named it is asked", async () => {
    let isGone = false;
    const stops: Answer = (request, handlers) =>
      isGone ? handlers.onClosed({ kind: "stopping", reason: "this node is stopping" }) : leads(request, handlers);
    const names: Answer = (request, handlers) => (isGone ? leads : redirectsTo("c:1"))(request, handlers);
    const cluster = nodes({ "a:1": names, "b:1": leads, "c:1": stops });
    const client = clientOf(["a:1", "b:1", "c:1"], cluster.dial);
    await time.until(client.command(payload));
    isGone = true;
    await time.until(client.command(payload));
    expect(cluster.taken).toEqual(["a:1 command", "c:1 command", "c:1 command", "a:1 command"]);
    await client.close();
  });

  test("P73: an answer from inside send, which leads to another node, leaves that node's request the one in doubt", async () => {
    const taken: string[] = [];
    const leader = { id: "b", address: "b:1" };
    const dial: Dial = async (address, { onReply }) => ({
      clusterUuid: "c1",
      close: () => {},
      send: ({ id, kind }) => {
        taken.push(`${address} ${kind} ${id}`);
        if (address === "a:1") onReply({ kind: "error", id, code: "not-leader", message: "b leads", leader });
      },
    });
    const client = clientOf(["a:1"], dial, { timeoutMs: 300 });
    expect(await codeOf(client.status("a:1"))).toBe("unavailable");
    taken.length = 0;
    expect(await codeOf(client.command(payload))).toBe("outcome-unknown");
    // The numbers differ: each connection has its own.
    expect(taken).toEqual([expect.stringMatching(/^a:1 command ([2-9]|\d\d)$/), "b:1 command 1"]);
    await client.close();
  });

  test("P26: a command under way when the connection breaks is unknown, and is not sent again", async () => {
    const breaks: Answer = (_request, { onClosed }) => onClosed({ kind: "lost", reason: "connection reset" });
    const cluster = nodes({ "a:1": breaks, "b:1": leads });
    const client = clientOf(["a:1", "b:1"], cluster.dial);
    expect(await codeOf(client.command(payload))).toBe("outcome-unknown");
    expect(cluster.taken).toEqual(["a:1 command"]);
    await client.close();
  });

  test("a query under way when the connection breaks is asked again elsewhere", async () => {
    const breaks: Answer = (_request, { onClosed }) => onClosed({ kind: "lost", reason: "connection reset" });
    const cluster = nodes({ "a:1": breaks, "b:1": leads });
    const client = clientOf(["a:1", "b:1"], cluster.dial);
    expect((await time.until(client.query(payload))).index).toBe(5);
    await client.close();
  });

  test("a node that says goodbye took nothing that it did not answer: the command goes elsewhere", async () => {
    const goodbye: Answer = (_request, { onClosed }) => onClosed({ kind: "stopping", reason: "this node is stopping" });
    const cluster = nodes({ "a:1": goodbye, "b:1": leads });
    const client = clientOf(["a:1", "b:1"], cluster.dial);
    expect((await time.until(client.command(payload))).index).toBe(5);
    expect(cluster.taken).toEqual(["a:1 command", "b:1 command"]);
    await client.close();
  });

  test("tries the next address when one does not answer", async () => {
    const cluster = nodes({ "b:1": leads });
    const client = clientOf(["a:1", "b:1"], cluster.dial);
    expect((await time.until(client.command(payload))).term).toBe(2);
    await client.close();
  });

  test("waits for a leader while there is none, within its time", async () => {
    let elected = false;
    const cluster = nodes({ "a:1": (request, handlers) => (elected ? leads : redirectsTo(null))(request, handlers) });
    const client = clientOf(["a:1"], cluster.dial);
    const answer = client.command(payload);
    expect(await codeOf(client.command(payload, { timeoutMs: 150 }))).toBe("unavailable");
    elected = true;
    expect((await time.until(answer)).index).toBe(5);
    await client.close();
  });

  test.each([
    "rejected",
    "state-machine",
    "unauthorized",
    "query-failed",
    "backup-failed",
    "result-lost",
    "apply-failed",
    "outcome-unknown",
  ] as const)("%s is final: it is not tried again", async (code) => {
    const cluster = nodes({ "a:1": fails(code), "b:1": leads });
    const client = clientOf(["a:1", "b:1"], cluster.dial);
    expect(await codeOf(client.command(payload))).toBe(code);
    expect(cluster.taken.length).toBe(1);
    await client.close();
  });

  test("a command that was sent and not answered in time is unknown; one that never left is not", async () => {
    const silent = nodes({ "a:1": () => {} });
    const client = clientOf(["a:1"], silent.dial);
    expect(await codeOf(client.command(payload, { timeoutMs: 100 }))).toBe("outcome-unknown");
    await client.close();
    const nobody = clientOf(["a:1"], nodes({}).dial);
    expect(await codeOf(nobody.command(payload, { timeoutMs: 100 }))).toBe("unavailable");
    await nobody.close();
    const hangs: Dial = () => new Promise(() => {});
    const waiting = clientOf(["a:1"], hangs);
    expect(await codeOf(waiting.command(payload, { timeoutMs: 100 }))).toBe("unavailable");
    await waiting.close();
  });

  test("many requests share one connection, each with its own answer", async () => {
    const echo: Answer = (request, { onReply }) =>
      onReply({
        kind: "result",
        id: request.id,
        payload: request.kind === "command" ? request.payload : payload,
        index: request.id,
        term: 1,
        stalenessMs: null,
      });
    const cluster = nodes({ "a:1": echo });
    const client = clientOf(["a:1"], cluster.dial);
    const asked = Array.from({ length: 200 }, (_, at) => client.command(new Uint8Array([at])));
    const answers = await time.until(Promise.all(asked));
    expect(answers.map((answer) => answer.payload[0])).toEqual(Array.from({ length: 200 }, (_, at) => at));
    expect(cluster.dialled()).toBe(1);
    await client.close();
  });

  test("a refusal of the identity is said as soon as every node has refused", async () => {
    let dialled = 0;
    const dial: Dial = async () => {
      dialled++;
      throw new GraftError("unauthorized", "the certificate is of another cluster");
    };
    const client = clientOf(["a:1", "b:1"], dial);
    expect(await codeOf(client.command(payload))).toBe("unauthorized");
    expect(dialled).toBe(2);
    await client.close();
  });

  test.each([Infinity, Number.NaN, -1, 0.5, 2 ** 31])(
    "a timeout of %p is refused before it is sent",
    async (timeoutMs) => {
      const cluster = nodes({ "l:1": leads });
      expect(() => clientOf(["l:1"], cluster.dial, { timeoutMs })).toThrow("no timeout");
      const client = clientOf(["l:1"], cluster.dial);
      const others = [client.command(payload), client.status(null, { timeoutMs })].map(codeOf);
      expect(await codeOf(client.command(payload, { timeoutMs }))).toBe("usage");
      expect(await codeOf(client.query(payload, { timeoutMs }))).toBe("usage");
      expect(await Promise.all(others)).toEqual(["answered", "usage"]);
      expect(cluster.taken).toEqual(["l:1 command"]);
      await client.close();
    },
  );

  test.each([Infinity, Number.NaN, -1, 0.5])("no frame claims to carry %p as an unsigned integer", (timeoutMs) => {
    expect(() => encodeFrame({ kind: "command", id: 1, payload, timeoutMs, session: null })).toThrow(RangeError);
  });

  test("close says unknown only of a command that had left", async () => {
    const silent = nodes({ "a:1": () => {} });
    const client = clientOf(["a:1"], silent.dial);
    const left = codeOf(client.command(payload));
    await settled();
    expect(silent.taken).toEqual(["a:1 command"]);
    await client.close();
    expect(await left).toBe("outcome-unknown");
    // A client that begins what it has just abandoned again and again would never end.
    const clock = new CountedTime(10_000);
    const waiting = new GraftClient({ addresses: ["a:1"], dial: () => new Promise(() => {}), clock });
    const stayed = codeOf(waiting.command(payload));
    await waiting.close();
    expect(await stayed).toBe("unavailable");
    expect(clock.looks).toBeLessThan(100);
  });
});

describe("a name or an address that is none", () => {
  const never = () => Promise.reject(new Error("it was dialled"));
  const add = (id: string, address: string) => ({
    ...noRequest,
    add: [{ id, address, priority: null, voter: true, behindNat: false }],
  });

  test.each([
    [add("n4", "::1:7404"), '"::1:7404" needs brackets: [::1]:7404'],
    [add("n 4", "h:1"), '"n 4" is not the name of a node'],
    [{ ...noRequest, remove: ["n1@"] }, '"n1@" is not the name of a node'],
  ])("in a change is found before it is sent", async (change, fault) => {
    const client = clientOf(["h:1"], never);
    const expected = { code: "rejected", subject: "change", message: expect.stringContaining(fault) };
    await expect(client.changeMembership(change)).rejects.toMatchObject(expected);
    await expect(client.planMembership(change)).rejects.toMatchObject(expected);
    await client.close();
  });

  test("is no place to look for a cluster", () => {
    expect(() => clientOf(["h:1", "::1:7404"], never)).toThrow("needs brackets");
    expect(() => clientOf([], never)).toThrow("the address of at least one node");
  });
});
