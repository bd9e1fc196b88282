// P54, P55: requests that have begun and do not end take memory. Of all clients together they take no more than the bound.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { ArrivingRequests } from "../../../src/adapters/tls/arriving-requests.ts";
import { clientSender, clientTls, hello, type RawSocket, TlsNet, type TlsTestNode, until } from "./tls-net.ts";

const source = (arrivingBytes: number) => ({ arrivingBytes });

describe("whose request is given up", () => {
  let over: { arrivingBytes: number }[] = [];
  let arriving: ArrivingRequests<{ arrivingBytes: number }>;

  beforeEach(() => {
    over = [];
    arriving = new ArrivingRequests(100, (each) => void over.push(each));
  });

  test("no request is given up while all of them fit", () => {
    for (let nth = 0; nth < 10; nth++) arriving.onPart(source(10), "a");
    expect(over).toEqual([]);
  });

  test("the name with most gives up the request that began last", () => {
    const [first, second, other] = [source(40), source(40), source(40)];
    arriving.onPart(first, "greedy");
    arriving.onPart(second, "greedy");
    arriving.onPart(other, "modest");
    expect(over).toEqual([second]);
  });

  test("a request counts with what has come of it", () => {
    const [greedy, modest] = [source(10), source(45)];
    arriving.onPart(greedy, "greedy");
    arriving.onPart(modest, "modest");
    greedy.arrivingBytes = 60;
    arriving.onPart(greedy, "greedy");
    expect(over).toEqual([greedy]);
  });

  test("a request that comes in many parts counts once, and nothing stays of it", () => {
    for (let nth = 0; nth < 3; nth++) {
      const long = source(0);
      for (; long.arrivingBytes <= 100; long.arrivingBytes += 10) arriving.onPart(long, "a");
      arriving.remove(long);
    }
    arriving.onPart(source(100), "b");
    expect(over).toEqual([]);
  });

  test("a request that is complete, or whose client is gone, counts no more", () => {
    const [complete, gone] = [source(90), source(90)];
    arriving.onPart(complete, "a");
    arriving.remove(complete);
    arriving.onPart(gone, "b");
    arriving.remove(gone);
    arriving.onPart(source(90), "c");
    expect(over).toEqual([]);
  });

  test("what counts is all that has come of a name, and not its largest request", () => {
    const requests = [30, 30, 30].map(source);
    arriving.onPart(source(40), "modest");
    for (const each of requests) arriving.onPart(each, "greedy");
    expect(over).toEqual([requests[2]!]);
  });

  test("as many are given up as it takes: the last to begin may be small", () => {
    const [large, ...small] = [90, 3, 3].map(source);
    for (const each of [large!, ...small]) arriving.onPart(each, "a");
    large!.arrivingBytes = 98;
    arriving.onPart(large!, "a");
    expect(over).toEqual(small.toReversed());
    // What is left is within the bound.
    arriving.onPart(source(2), "b");
    expect(over.length).toBe(2);
  });

  test("what was given up counts no more", () => {
    arriving.onPart(source(90), "a");
    arriving.onPart(source(20), "a");
    arriving.onPart(source(10), "b");
    expect(over.map(({ arrivingBytes }) => arrivingBytes)).toEqual([20]);
  });
});

describe("on connections", () => {
  let net = new TlsNet();
  let node: TlsTestNode;

  beforeEach(async () => {
    net = new TlsNet();
    node = await net.node("n1", { limits: { clientsArrivingBytesMax: 100_000 } });
  });
  afterEach(() => net.close());

  async function begin(name: string, bytes: number): Promise<RawSocket> {
    const raw = await net.raw(node, await clientTls(name));
    await until(() => raw.isSecure, "TLS stands");
    raw.send(hello(clientSender(name)));
    await until(() => raw.frames("reply").length === 1, "the hello is answered");
    const part = Buffer.alloc(4 + bytes);
    part.writeUInt32BE(1_000_000);
    raw.send(part);
    return raw;
  }

  test("the greedy client is told that the node has no room, and the others go on", async () => {
    const modest = await begin("modest", 10_000);
    const greedy: RawSocket[] = [];
    for (let nth = 0; nth < 5; nth++) greedy.push(await begin("greedy", 30_000));
    await until(() => greedy.some(({ isClosed }) => isClosed), "one is closed");
    const told = greedy.flatMap((each) => each.frames("reply").slice(1));
    expect(told[0]).toMatchObject({ kind: "refused", code: "busy" });
    expect([greedy[0]?.isClosed, modest.isClosed]).toEqual([false, false]);
    expect(node.lines.filter(({ cause }) => cause === "refused client greedy busy")).not.toEqual([]);
    expect((await net.client(node, "modest")).isOpen).toBe(true);
  });
});
