// A flood of requests is taken turn by turn, in order and whole; everything else of the node has its turns in between.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { encodeFrame } from "../../../src/adapters/cbor/codec.ts";
import { clientSender, clientTls, hello, type RawSocket, TlsNet, type TlsTestNode, until } from "./tls-net.ts";

const perTurn = 10;
const turnBytes = 64 * 1024;
let net = new TlsNet();
let node: TlsTestNode;

beforeEach(async () => {
  net = new TlsNet();
  node = await net.node("n1", { limits: { requestsPerTurn: perTurn, requestsTurnBytes: turnBytes } });
});
afterEach(() => net.close());

async function connect(name: string): Promise<RawSocket> {
  const raw = await net.raw(node, await clientTls(name));
  await until(() => raw.isSecure, "TLS stands");
  raw.send(hello(clientSender(name)));
  await until(() => raw.frames("reply").length === 1, "the hello is answered");
  return raw;
}

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
  const [one, other] = [await connect("one"), await connect("other")];
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
  const [one, other] = [await connect("one"), await connect("other")];
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
  const raw = await connect("one");
  const bad = Buffer.from([0, 0, 0, 1, 0xff]);
  raw.send(Buffer.concat([flood(35), bad, flood(35)]));
  await until(() => raw.isClosed, "closed");
  expect(raw.frames("reply").at(-1)).toMatchObject({ kind: "refused", code: "bad-frame" });
  expect(ids("one")).toEqual(upTo(35));
});
