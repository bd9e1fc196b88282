// A flood of requests is taken turn by turn, in order and whole; everything else of the node has its turns in between, and so
// have the other clients.
import { heapStats } from "bun:jsc";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { encodeFrame } from "../../../src/adapters/cbor/codec.ts";
import { RequestTurns } from "../../../src/adapters/tls/request-turns.ts";
import { TlsNet, type TlsTestNode, until } from "./tls-net.ts";

const perTurn = 10;
const turnBytes = 64 * 1024;
let net = new TlsNet();
let node: TlsTestNode;

beforeEach(async () => {
  net = new TlsNet();
  node = await net.node("n1", { limits: { requestsPerTurn: perTurn, requestsTurnBytes: turnBytes } });
});
afterEach(() => net.close());

const ids = (name: string): readonly number[] =>
  node.heard.requests.filter(({ client }) => client.name === name).map(({ request }) => request.id);
const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, nth) => nth + 1);
const flood = (count: number): Buffer => Buffer.concat(upTo(count).map((id) => encodeFrame({ kind: "status", id })));

const isLarge = ({ kind }: { readonly kind: string }): boolean => kind === "command";

/** The most of those that count that were taken from one turn to the next, until `total` have been taken. */
async function mostPerTurn(total: number, counts: typeof isLarge = () => true): Promise<number> {
  let most = 0;
  let before = 0;
  await new Promise<void>((resolve) => {
    const look = (): void => {
      const taken = node.heard.requests.filter(({ request }) => counts(request)).length;
      most = Math.max(most, taken - before);
      before = taken;
      if (node.heard.requests.length >= total) resolve();
      else setImmediate(look);
    };
    look();
  });
  return most;
}

test("no turn takes more than its share, and all come in order, each once", async () => {
  const [one, other] = [await net.rawClient(node, "one"), await net.rawClient(node, "other")];
  one.send(flood(2_000));
  other.send(flood(500));
  // A look may fall before or after the taking of its turn.
  expect(await mostPerTurn(2_500)).toBeLessThanOrEqual(2 * perTurn);
  expect(ids("one")).toEqual(upTo(2_000));
  expect(ids("other")).toEqual(upTo(500));
  one.send(encodeFrame({ kind: "status", id: 2_001 }));
  await until(() => ids("one").length === 2_001, "it is read from again");
});

test("no turn takes more bytes than its share, unless a single request is larger, and small ones come in between", async () => {
  const [one, other] = [await net.rawClient(node, "one"), await net.rawClient(node, "other")];
  const command = (id: number, bytes: number) =>
    encodeFrame({ kind: "command", id, timeoutMs: 1_000, payload: new Uint8Array(bytes), session: null });
  // Two of the large ones would be more than a turn's share; the last is so by itself.
  const sizes = [...Array.from({ length: 40 }, () => 0.6 * turnBytes), 3 * turnBytes].map(Math.floor);
  one.send(Buffer.concat(sizes.map((bytes, at) => command(at + 1, bytes))));
  other.send(flood(20));
  expect(await mostPerTurn(sizes.length + 20, isLarge)).toBeLessThanOrEqual(2);
  expect(ids("one")).toEqual(upTo(sizes.length));
  expect(ids("other")).toEqual(upTo(20));
  const names = node.heard.requests.map(({ client }) => client.name);
  expect(names.lastIndexOf("other")).toBeLessThan(names.lastIndexOf("one"));
});

test("what is broken in a later turn is refused then, and nothing behind it is taken", async () => {
  const raw = await net.rawClient(node, "one");
  const bad = Buffer.from([0, 0, 0, 1, 0xff]);
  raw.send(Buffer.concat([flood(35), bad, flood(35)]));
  await until(() => raw.isClosed, "closed");
  expect(raw.frames("reply").at(-1)).toMatchObject({ kind: "refused", code: "bad-frame" });
  expect(ids("one")).toEqual(upTo(35));
});

describe("P64: each client name has its share of the turns", () => {
  function turns(count: number, bytes = 1_000_000) {
    const later: (() => void)[] = [];
    const taken: string[] = [];
    const cost = { ms: 0 };
    let nowMs = 0;
    const clock = { soon: (callback: () => void) => void later.push(callback), nowMs: () => nowMs };
    const requests = new RequestTurns({ count, bytes, ms: 10 }, clock);
    const link = () => {
      const source = { isOpen: true, pauses: 0, pause: () => void source.pauses++, resume: () => void source.pauses-- };
      return source;
    };
    const arrive = (from: ReturnType<typeof link>, name: string, size = 1): void =>
      requests.arrived(from, name, new Uint8Array(size), () => {
        nowMs += cost.ms;
        taken.push(name);
      });
    const turn = (): readonly string[] => {
      const before = taken.length;
      for (const callback of later.splice(0)) callback();
      return taken.slice(before);
    };
    return { link, arrive, turn, taken, cost };
  }

  test("however many requests of another one wait, over however many connections, the later ones too", () => {
    const { link, arrive, turn, taken } = turns(4);
    const crowd = Array.from({ length: 50 }, link);
    const modest = link();
    for (let nth = 0; nth < 1_000; nth++) arrive(crowd[nth % crowd.length]!, "greedy");
    expect(taken.length).toBe(4);
    for (let nth = 0; nth < 3; nth++) {
      arrive(modest, "modest");
      expect(modest.pauses).toBe(1);
      expect(turn()).toContain("modest");
      expect(modest.pauses).toBe(0);
    }
    let left = 0;
    while (taken.length < 1_003 && left < 1_000) left += turn().length;
    expect(taken.length).toBe(1_003);
    expect(crowd.every(({ pauses }) => pauses === 0)).toBe(true);
  });

  test("a turn ends when its requests have taken their time: a cheap question may have a dear answer", () => {
    const { link, arrive, turn, taken, cost } = turns(1_000);
    cost.ms = 3;
    for (let nth = 0; nth < 10; nth++) arrive(link(), "greedy");
    expect(taken.length).toBe(4);
    arrive(link(), "modest");
    expect(turn()).toContain("modest");
    cost.ms = 60;
    expect(turn().length).toBe(1);
    cost.ms = 0;
    while (turn().length > 0);
    expect(taken.length).toBe(11);
  });

  test("by bytes, not by count", () => {
    const { link, arrive, turn } = turns(1_000, 100_000);
    const [heavy, light] = [link(), link()];
    for (let nth = 0; nth < 20; nth++) arrive(heavy, "heavy", 90_000);
    for (let nth = 0; nth < 1_000; nth++) arrive(light, "light");
    const [first, second] = [turn(), turn()];
    const counts = [...first, ...second].filter((name) => name === "light").length;
    expect(counts).toBeGreaterThan(80);
    expect([...first, ...second]).toContain("heavy");
  });

  test("a client that comes late has its share from then on, and no claim to the turns before", () => {
    const { link, arrive, turn } = turns(4);
    const [early, late] = [link(), link()];
    for (let nth = 0; nth < 400; nth++) arrive(early, "early");
    for (let nth = 0; nth < 50; nth++) turn();
    for (let nth = 0; nth < 400; nth++) arrive(late, "late");
    for (let nth = 0; nth < 10; nth++) {
      const names = turn();
      expect(names.filter((name) => name === "early").length).toBeGreaterThanOrEqual(1);
      expect(names.filter((name) => name === "late").length).toBeGreaterThanOrEqual(1);
    }
  });

  test("what waits of a connection that is closed is dropped, and holds up nobody", () => {
    const { link, arrive, turn } = turns(2);
    const [gone, there] = [link(), link()];
    for (let nth = 0; nth < 10; nth++) arrive(gone, "gone");
    arrive(there, "there");
    gone.isOpen = false;
    expect(turn()).toEqual(["there"]);
    turn();
    arrive(there, "there");
    expect(there.pauses).toBe(0);
  });

  test("a waiting request keeps its bytes when the buffer that it arrived in is used again", () => {
    const later: (() => void)[] = [];
    const requests = new RequestTurns(
      { count: 1, bytes: 1_000, ms: 10 },
      { soon: (callback) => void later.push(callback), nowMs: () => 0 },
    );
    const link = { isOpen: true, pause: () => {}, resume: () => {} };
    const taken: number[][] = [];
    const buffer = new Uint8Array(3);
    for (let nth = 1; nth <= 3; nth++)
      requests.arrived(link, "one", buffer.fill(nth), (body) => void taken.push([...body]));
    buffer.fill(0);
    for (let turn = later.shift(); turn !== undefined; turn = later.shift()) turn();
    expect(taken).toEqual([
      [1, 1, 1],
      [2, 2, 2],
      [3, 3, 3],
    ]);
  });

  test("a request that was taken is let go of at once, also while its line never runs empty", () => {
    const { link, arrive, turn, taken } = turns(1);
    const [one, other] = [link(), link()];
    // The first is taken before any line exists.
    for (const from of [one, one, other]) arrive(from, "greedy");
    const before = buffersAlive();
    for (let nth = 0; nth < 2_000; nth++) {
      arrive(nth % 2 === 0 ? one : other, "greedy");
      turn();
    }
    expect(taken.length).toBe(2_001);
    expect(buffersAlive() - before).toBeLessThan(200);
  });
});

function buffersAlive(): number {
  Bun.gc(true);
  return heapStats().objectTypeCounts["Uint8Array"] ?? 0;
}
