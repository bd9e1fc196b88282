// How connections for bulk come about: each way in which one begins or fails, and that nothing of it is left, by a clock that the
// test moves. What travels on them is in bulk.test.ts.
import { describe, expect, test } from "bun:test";
import type { NodePurpose } from "../../../src/adapters/cbor/frames.ts";
import { type BulkDial, BulkDesk } from "../../../src/adapters/tls/bulk-desk.ts";
import { FlushTurn } from "../../../src/adapters/tls/flush-turn.ts";
import { spareHandler } from "../../../src/adapters/tls/greeter.ts";
import type { NodeSender } from "../../../src/adapters/tls/hello.ts";
import { defaultLimits } from "../../../src/adapters/tls/limits.ts";
import { Link } from "../../../src/adapters/tls/link.ts";
import { toMemberKey } from "../../../src/core/configuration.ts";
import type { PeerIdentity } from "../../../src/ports/transport.ts";
import { ManualClock } from "../../doubles/manual-clock.ts";

const n2: PeerIdentity = { id: "n2", incarnation: "disk", bootId: "boot" };
const key = toMemberKey("n2", "disk");
const limits = { ...defaultLimits, handshakeTimeoutMs: 1_000, bulkLinksMax: 2 };
const forBulk: NodePurpose = { kind: "bulk", nonce: null };
const sender = (changes: Partial<NodeSender> = {}): NodeSender => ({
  role: "node",
  ...n2,
  address: "h:1",
  genesis: null,
  purpose: forBulk,
  ...changes,
});
const newLink = (): Link =>
  new Link({
    side: "dialled",
    frameBytesMax: 10,
    queueBytesMax: 10,
    flushTurn: new FlushTurn(() => {}),
    handler: spareHandler,
  });

function setUp({ isConnected = true, hasDialled = true, canDial = true } = {}) {
  const clock = new ManualClock();
  const dials: (BulkDial & { readonly link: Link })[] = [];
  const told: string[] = [];
  const asked: string[] = [];
  const desk = new BulkDesk({
    selfId: "n1",
    limits,
    clock,
    handler: { onBulk: ({ id, incarnation, bootId }) => void told.push(`bulk from ${id}@${incarnation}/${bootId}`) },
    dial: (request) => {
      const link = newLink();
      link.handler = { ...spareHandler, onClose: ({ reason }) => request.onFailed(reason) };
      dials.push({ ...request, link });
      if (canDial) return link;
      request.onFailed("its address is not known");
      return null;
    },
    isConnected: (peer) => isConnected && peer === key,
    hasDialled: (id) => hasDialled && id === "n2",
    askBack: (peer, nonce) => (told.push(`ask ${peer}`), asked.push(nonce)),
    onOpened: () => void told.push("opened"),
  });
  /** What became of it, in words; the links stay open. */
  const open = () => {
    const outcome: { words: string; code?: string } = { words: "pending" };
    desk.open(key).then(
      ({ isOpen }) => (outcome.words = isOpen ? "open" : "made"),
      (error) => Object.assign(outcome, { words: error.message, code: error.code }),
    );
    return outcome;
  };
  const accept = (from: NodeSender, link = newLink()) => desk.accept(link, from, () => void told.push("answered"));
  return { clock, dials, told, asked, desk, open, accept };
}

/** Promises that are settled have told so. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
};
const end = (link: Link): void => link.neverOpened({ kind: "closed", reason: "it is over" });

describe("a connection that is dialled", () => {
  test("is the one to that node, for bulk, and leaves no timer", async () => {
    const { clock, dials, told, open } = setUp();
    const outcome = open();
    expect(dials).toMatchObject([{ id: "n2", purpose: { kind: "bulk", nonce: null } }]);
    expect(dials[0]!.onHello(dials[0]!.link, sender())).toBeNull();
    await settle();
    expect([outcome.words, told, clock.pendingTimers]).toEqual(["made", ["opened"], 0]);
  });

  test.each([
    ["another purpose", sender({ purpose: { kind: "peer" } }), "bad-frame"],
    ["another disk", sender({ incarnation: "wiped" }), "wrong-node"],
    ["another id", sender({ id: "n3" }), "wrong-node"],
  ])("is refused when the answer is of %s", async (_, answer, code) => {
    const { dials, told, desk, open } = setUp();
    open();
    expect(dials[0]!.onHello(dials[0]!.link, answer)).toMatchObject({ kind: "refused", code });
    desk.dialBack(n2, "7");
    expect(dials[1]!.onHello(dials[1]!.link, answer)).toMatchObject({ kind: "refused", code });
    expect(told).toEqual([]);
  });

  test.each([
    [true, 1_000],
    [false, 200],
  ])("is given up in time, where the node was reached by a dial before: %p, after %i ms", async (hasDialled, ms) => {
    const { clock, told, open } = setUp({ hasDialled });
    open();
    clock.advance(ms - 1);
    await settle();
    expect(told).toEqual([]);
    clock.advance(1);
    await settle();
    expect(told).toEqual([`ask ${key}`]);
    expect(clock.pendingTimers).toBe(1);
  });

  test.each([
    [true, 1_000],
    [false, 200],
  ])(
    "that gets no answer is told with its own time, where a dial succeeded before: %p, %i ms",
    async (hasDialled, ms) => {
      const { clock, open } = setUp({ hasDialled, isConnected: false });
      const outcome = open();
      clock.advance(ms);
      await settle();
      expect(outcome).toEqual({
        words:
          `n2 cannot be reached: no answer within ${ms} ms; ` +
          "no connection stands over which it could be asked to dial back",
        code: "unavailable",
      });
    },
  );
});

describe("a peer that is asked to dial back", () => {
  const asking = async () => {
    const all = setUp({ canDial: false });
    const outcome = all.open();
    await settle();
    const [nonce = ""] = all.asked;
    expect(nonce).toMatch(/^[0-9a-f]{32}$/);
    return { ...all, outcome, nonce, back: sender({ purpose: { kind: "bulk", nonce } }) };
  };

  test("opens the connection once, and leaves no timer", async () => {
    const { clock, told, outcome, back, accept } = await asking();
    expect(accept(back)).toBeNull();
    await settle();
    expect([outcome.words, told, clock.pendingTimers]).toEqual(["made", [`ask ${key}`, "answered", "opened"], 0]);
    expect(accept(back)).toMatchObject({ code: "not-allowed" });
  });

  test("is another node, or another disk: it is refused without an answer, and the right one is let in", async () => {
    const { told, back, accept } = await asking();
    for (const other of [{ id: "n3" }, { incarnation: "wiped" }])
      expect(accept({ ...back, ...other })).toMatchObject({ code: "not-allowed" });
    expect(told).toEqual([`ask ${key}`]);
    expect(accept(back)).toBeNull();
  });

  test("has as long as a handshake may take, and is let in no more then", async () => {
    const { clock, outcome, back, accept } = await asking();
    clock.advance(999);
    await settle();
    expect(outcome.words).toBe("pending");
    clock.advance(1);
    await settle();
    const words = "n2 cannot be reached: its address is not known; it did not dial back within 1000 ms";
    expect([outcome, clock.pendingTimers]).toEqual([{ words, code: "unavailable" }, 0]);
    expect(accept(back)).toMatchObject({ code: "not-allowed" });
  });

  test("is waited for no more when the node stops, and none is asked after that", async () => {
    const { clock, told, outcome, desk, open } = await asking();
    desk.stop();
    await settle();
    expect([outcome.words, clock.pendingTimers]).toEqual([
      "n2 cannot be reached: its address is not known; n1 is stopping",
      0,
    ]);
    const late = open();
    await settle();
    expect(late.words).toContain("no connection stands over which it could be asked to dial back");
    expect(told).toEqual([`ask ${key}`]);
  });

  test("is not asked without a connection", async () => {
    const { told, open } = setUp({ canDial: false, isConnected: false });
    const outcome = open();
    await settle();
    expect(outcome.words).toContain("no connection stands over which it could be asked to dial back");
    expect(told).toEqual([]);
  });
});

describe("a connection that the peer wants", () => {
  test("is answered before it is handed on, with who has opened it", () => {
    const { told, accept } = setUp();
    expect(accept(sender())).toBeNull();
    expect(told).toEqual(["answered", "opened", "bulk from n2@disk/boot"]);
  });

  test("is dialled for it when it asks, with its own nonce", () => {
    const { dials, told, desk } = setUp();
    desk.dialBack(n2, "its nonce");
    expect(dials).toMatchObject([{ id: "n2", purpose: { kind: "bulk", nonce: "its nonce" } }]);
    expect(dials[0]!.onHello(dials[0]!.link, sender({ bootId: "later" }))).toBeNull();
    expect(told).toEqual(["opened", "bulk from n2@disk/later"]);
  });

  test("is none of this node's own identity", () => {
    const { told, accept } = setUp();
    expect(accept(sender({ id: "n1" }))).toMatchObject({ code: "duplicate-node" });
    expect(told).toEqual([]);
  });
});

describe("no more connections with one peer than there may be", () => {
  test("of this node's own: the next one is an overload, until one has ended", async () => {
    const { dials, open } = setUp();
    open();
    open();
    for (const { link, onHello } of dials) onHello(link, sender());
    await settle();
    const third = open();
    await settle();
    expect(third).toEqual({ words: "as many connections for bulk with n2 as there may be", code: "overloaded" });
    expect(dials.length).toBe(2);
    end(dials[0]!.link);
    open();
    expect(dials.length).toBe(3);
  });

  test("of this node's own, by a dial of the peer: they count as such, until they have ended", async () => {
    const { asked, open, accept } = setUp({ canDial: false });
    const links = [newLink(), newLink()];
    for (const [at, link] of links.entries()) {
      open();
      await settle();
      expect(accept(sender({ purpose: { kind: "bulk", nonce: asked[at]! } }), link)).toBeNull();
    }
    expect((open(), await settle(), asked.length)).toBe(2);
    for (const link of links) end(link);
    expect((open(), await settle(), asked.length)).toBe(3);
  });

  test("of the peer's: those that it dials and those that it asks for count together, and not for this node's own", async () => {
    const { dials, desk, open, accept } = setUp();
    const own = newLink();
    expect(accept(sender(), own)).toBeNull();
    desk.dialBack(n2, "1");
    desk.dialBack(n2, "2");
    expect(dials.length).toBe(1);
    expect(accept(sender())).toMatchObject({ code: "busy" });
    open();
    expect(dials.length).toBe(2);
    // An attempt that failed leaves its place, and so does a connection that has ended.
    dials[0]!.onFailed("nobody is there");
    end(own);
    desk.dialBack(n2, "3");
    desk.dialBack(n2, "4");
    desk.dialBack(n2, "5");
    expect(dials.length).toBe(4);
  });
});
