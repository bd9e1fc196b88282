// What a transport does before it is started and after it is stopped, what it says of its peers, and that no timer of it is left.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { encodeFrame } from "../../../src/adapters/cbor/codec.ts";
import { knockAt } from "../../../src/adapters/tls/listening.ts";
import { createTlsTransport, type TlsTransport } from "../../../src/adapters/tls/transport.ts";
import { toMemberKey } from "../../../src/core/configuration.ts";
import { incarnation, Recorder, timeoutNow } from "../../contracts/transport-harness.ts";
import { ManualClock } from "../../doubles/manual-clock.ts";
import {
  clientTls,
  cluster,
  greetingPeer,
  hello,
  nodeSender,
  nodeTls,
  TlsNet,
  type TlsTestNode,
  until,
} from "./tls-net.ts";

let net = new TlsNet();
beforeEach(() => {
  net = new TlsNet();
});
afterEach(() => net.close());

/**
 * Its timers move only with the test; what is soon comes by itself, or never while the loop is held up. The time of day is set
 * back again and again: none of the times here goes by it.
 */
class HalfManualClock extends ManualClock {
  isHeldUp = false;
  #setBackMs = 0;
  override wallMs(): number {
    this.#setBackMs += 60_000;
    return super.wallMs() - this.#setBackMs;
  }
  override soon(callback: () => void): void {
    if (!this.isHeldUp) setImmediate(callback);
  }
}

async function byHand(
  id: string,
  listen = "127.0.0.1:0",
): Promise<{ readonly transport: TlsTransport; readonly clock: HalfManualClock }> {
  const clock = new HalfManualClock();
  const transport = createTlsTransport({
    self: { id, incarnation, bootId: "boot", address: `${id}.test:7400` },
    cluster,
    listen,
    tls: await nodeTls(id),
    admins: [],
    software: "1.2.3",
    machine: "counter",
    openFilesMax: null,
    clock,
    logger: { log() {}, enabled: () => true },
  });
  return { transport, clock };
}

test("before its start it dials nobody and has no port, and at its start it dials whom it was told of", async () => {
  const other = await net.node("n2");
  const { transport, clock } = await byHand("n1");
  // Whoever knocks there comes behind a dial.
  let knocks = 0;
  using place = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { open: () => void knocks++, data() {} } });
  transport.setPeers([{ id: "n2", address: `127.0.0.1:${place.port}` }]);
  expect(await knockAt(`127.0.0.1:${place.port}`)).toBeNull();
  await until(() => knocks > 0, "it is knocked");
  expect(knocks).toBe(1);
  transport.setPeers([{ id: "n2", address: other.address }]);
  const opening = transport.openBulk(other.key);
  await expect(opening).rejects.toMatchObject({ code: "unavailable", message: "n1 does not run" });
  expect([transport.port, clock.pendingTimers]).toEqual([0, 0]);
  const heard = new Recorder();
  await transport.start(heard);
  await until(() => heard.isConnectedTo("n2"), "connected");
  expect(transport.port).toBeGreaterThan(0);
  await transport.stop(600_000);
});

test("no timer of it is left once it has stopped, whether anybody was connected or not, and stopping again changes nothing", async () => {
  for (const address of [null, (await net.node("n2")).address]) {
    const { transport, clock } = await byHand("n1");
    const heard = new Recorder();
    await transport.start(heard);
    if (address !== null) {
      transport.setPeers([
        { id: "n2", address },
        { id: "n3", address: "127.0.0.1:1" },
      ]);
      await until(() => heard.isConnectedTo("n2"), "connected");
      await until(() => transport.peers()[1]?.reason?.includes("refused") ?? false, "nobody is there");
    }
    await transport.stop(600_000);
    await transport.stop(600_000);
    expect(clock.pendingTimers).toBe(0);
    await expect(transport.openBulk(toMemberKey("n2", incarnation))).rejects.toMatchObject({ code: "unavailable" });
  }
});

test("no timer is left of a probe that was answered or refused, and one that nobody answers ends in time", async () => {
  const other = await net.node("n2");
  const { transport, clock } = await byHand("n1");
  await transport.start(new Recorder());
  const before = clock.pendingTimers;
  expect(await transport.discover(other.address, 1_000)).toMatchObject({ kind: "there", identity: { id: "n2" } });
  expect(await transport.discover("127.0.0.1:1", 1_000)).toMatchObject({ kind: "failed" });
  await Promise.resolve();
  expect(clock.pendingTimers).toBe(before);
  using mute = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const found = [
    transport.discover(`127.0.0.1:${mute.port}`, 20.4),
    transport.reach("n3", `127.0.0.1:${mute.port}`, 20),
  ];
  clock.advance(21);
  const reason = "no answer within 20 ms";
  expect(await Promise.all(found)).toEqual([
    { kind: "failed", reason },
    { kind: "unreachable", reason },
  ]);
  // Also where a node of the cluster is, and gives no answer to the hello.
  const hellos: Buffer[] = [];
  using frozen = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    tls: { ...(await nodeTls("n3")), requestCert: true },
    socket: { data: (_, chunk) => void hellos.push(Buffer.from(chunk)) },
  });
  const asked = transport.discover(`127.0.0.1:${frozen.port}`, 20);
  await until(() => hellos.length > 0, "it has the hello");
  clock.advance(21);
  expect(await asked).toEqual({ kind: "failed", reason });
  await transport.stop(600_000);
});

test("a node that was probed or knocked at has nothing to tell an operator", async () => {
  const [asking, asked] = [await net.node("n1"), await net.node("n2")];
  expect(await asking.transport.discover(asked.address, 5_000)).toMatchObject({ kind: "there" });
  expect(await asking.transport.reach("n2", asked.address, 5_000)).toMatchObject({ kind: "reached" });
  // All connections have ended then.
  await asked.transport.stop(1_000);
  await asking.transport.stop(1_000);
  expect([asking.lines, asked.lines]).toEqual([[], []]);
});

test("what was sent leaves with a flush, though the loop is held up", async () => {
  const other = await net.node("n2");
  const { transport, clock } = await byHand("n1");
  const heard = new Recorder();
  await transport.start(heard);
  transport.setPeers([{ id: "n2", address: other.address }]);
  await until(() => heard.isConnectedTo("n2") && other.heard.isConnectedTo("n1"), "connected");
  clock.isHeldUp = true;
  transport.send(other.key, timeoutNow(5));
  transport.flush();
  await until(() => other.heard.terms.includes(5), "it has arrived");
  clock.isHeldUp = false;
  await transport.stop(600_000);
});

test("a client may be idle for as long as it likes, and a peer lives as long as it shows that", async () => {
  const { transport, clock } = await byHand("n1");
  const heard = new Recorder();
  await transport.start(heard);
  const node = { transport, address: `127.0.0.1:${transport.port}`, heard, key: toMemberKey("n1", incarnation) };
  const client = await net.client(node, "alice");
  const peer = await net.raw(node, await nodeTls("n2"));
  await until(() => peer.isSecure, "TLS stands");
  peer.send(hello(nodeSender("n2"), { meant: "n1" }));
  await until(() => heard.isConnectedTo("n2"), "connected");
  for (let seconds = 1; seconds <= 60; seconds++) {
    const before = heard.messages.length;
    peer.send(timeoutNow(seconds));
    await until(() => heard.messages.length > before, "it is heard");
    for (let quarter = 0; quarter < 4; quarter++) clock.advance(250);
  }
  client.send({ kind: "status", id: 1 });
  await until(() => heard.requests.length === 1, "the client is served");
  expect([client.isOpen, client.ends, heard.reasons]).toEqual([true, [], []]);
  await transport.stop(600_000);
});

test("a connection that had held is renewed before any time has passed", async () => {
  let count = 0;
  using peer = await greetingPeer(() => void count++);
  const { transport, clock } = await byHand("n1");
  const heard = new Recorder();
  await transport.start(heard);
  transport.setPeers([{ id: "n2", address: peer.address }]);
  await until(() => heard.isConnectedTo("n2"), "connected");
  clock.advance(200);
  peer.breakAll();
  await until(() => count === 2 && heard.isConnectedTo("n2"), "connected again");
  await transport.stop(600_000);
});

test("a side that never introduces itself is closed when its time is up", async () => {
  const { transport, clock } = await byHand("n1");
  await transport.start(new Recorder());
  const raw = await net.raw({ address: `127.0.0.1:${transport.port}` } as TlsTestNode, await clientTls("alice"));
  await until(() => raw.isSecure, "TLS stands");
  for (let passed = 0; passed <= 5_500; passed += 250) clock.advance(250);
  await until(() => raw.isClosed, "closed");
  await transport.stop(600_000);
});

test("a stop waits for the connections to end, and closes what is left of them when its time is up", async () => {
  const { transport, clock } = await byHand("n1");
  const heard = new Recorder();
  await transport.start(heard);
  const node = { transport, address: `127.0.0.1:${transport.port}`, heard, key: toMemberKey("n1", incarnation) };
  const [frozen, prompt] = [await net.rawClient(node, "alice"), await net.rawClient(node, "bob")];
  frozen.socket?.pause();
  let isStopped = false;
  const stopped = transport.stop(600).then(() => (isStopped = true));
  await until(() => prompt.isClosed, "one has ended");
  clock.advance(599);
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(isStopped).toBe(false);
  clock.advance(1);
  await stopped;
  await until(() => frozen.isClosed, "closed");
});

test("of a peer that comes back as another version it says the new one, whoever has dialled", async () => {
  const node = await net.node("n1");
  node.transport.setPeers([{ id: "n2", address: "127.0.0.1:1" }]);
  for (const software of ["2.0.0", "2.1.0"]) {
    const raw = await net.raw(node, await nodeTls("n2"));
    await until(() => raw.isSecure, "TLS stands");
    raw.send(hello(nodeSender("n2", software), { meant: "n1", software }));
    await until(() => node.heard.story.at(-1) === `+n2/${software}`, "connected");
    expect(node.transport.peers()[0]?.version).toBe(software);
    raw.socket?.terminate();
    await until(() => node.heard.story.at(-1) === "-n2", "it has left");
  }
});

test("a start that fails, since its address is in use, leaves no timer and dials nobody", async () => {
  const other = await net.node("n2");
  const { transport, clock } = await byHand("n1", other.address);
  transport.setPeers([{ id: "n2", address: other.address }]);
  await expect(transport.start(new Recorder())).rejects.toMatchObject({ code: "config" });
  expect([transport.port, clock.pendingTimers, transport.peers()[0]?.reason]).toEqual([0, 0, "not connected yet"]);
});

test("it reaches itself without a dial", async () => {
  const { transport } = await byHand("n1");
  const reached = await transport.reach("n1", "127.0.0.1:1", 1);
  expect(reached).toEqual({ kind: "reached", incarnation, by: "dialled" });
});

test("of a peer it says what that has last said of itself, also while it is away", async () => {
  const [a, b] = [await net.node("n1"), await net.node("n2")];
  a.transport.setPeers([{ id: "n3", address: b.address }]);
  expect(a.transport.peers()).toEqual([
    { id: "n3", address: b.address, reachable: false, reason: "not connected yet", version: null, announced: null },
  ]);
  a.transport.setPeers([{ id: "n2", address: b.address }]);
  await until(() => a.transport.peers()[0]?.reachable ?? false, "connected");
  const told = { version: "1.2.3", announced: "n2.test:7400", knowsSkips: true };
  expect(a.transport.peers()).toEqual([{ id: "n2", address: b.address, reachable: true, reason: null, ...told }]);
  // It is left out of the list for a while, and keeps its connection.
  a.transport.setPeers([]);
  a.transport.setPeers([{ id: "n2", address: b.address }]);
  expect(a.transport.peers()).toEqual([{ id: "n2", address: b.address, reachable: true, reason: null, ...told }]);
  await b.transport.stop(1_000);
  await until(() => a.transport.peers()[0]?.reachable === false, "it is away");
  expect(a.transport.peers()[0]).toMatchObject({ id: "n2", reachable: false, reason: expect.any(String), ...told });
});

test("an attempt that is waited for is neither hurried by the same list of peers, nor made once the peer has dialled", async () => {
  const { transport, clock } = await byHand("n1");
  const heard = new Recorder();
  await transport.start(heard);
  const list = [{ id: "n2", address: "127.0.0.1:1" }];
  transport.setPeers(list);
  await until(() => transport.peers()[0]?.reason?.includes("refused") ?? false, "nobody is there");
  expect(clock.pendingTimers).toBe(2);
  transport.setPeers(list);
  // A dial would have taken the place of the timer.
  expect(clock.pendingTimers).toBe(2);
  const other = await net.node("n2");
  other.transport.setPeers([{ id: "n1", address: `127.0.0.1:${transport.port}` }]);
  await until(() => heard.isConnectedTo("n2"), "it has dialled");
  const told = { version: "1.2.3", announced: "n2.test:7400" };
  expect(transport.peers()[0]).toMatchObject({ reachable: true, reason: null, ...told });
  // Only the sweep is left, once the probe of the address beside the peer's own connection has ended.
  await until(() => clock.pendingTimers === 1, "nothing is waited for");
  await transport.stop(600_000);
});

test("a refusal for want of room is no second process", async () => {
  const node = await net.node("n1", { limits: { clientsMax: 1 } });
  await net.client(node, "alice");
  await expect(net.client(node, "bob")).rejects.toMatchObject({ code: "overloaded" });
  await until(() => node.lines.some(({ fields }) => fields["code"] === "busy"), "it is told");
  expect(node.lines.filter(({ level }) => level === "error")).toEqual([]);
});

test("a peer whose address takes connections and breaks them has not ended", async () => {
  let isBroken = false;
  let broken = 0;
  using peer = await greetingPeer((socket) => {
    if (!isBroken) return;
    broken++;
    socket.terminate();
  });
  const node = await net.node("n1", { limits: { backoffMinMs: 1, backoffMaxMs: 5 } });
  node.transport.setPeers([{ id: "n2", address: peer.address }]);
  await until(() => node.lines.some(({ message }) => message === "peer reached"), "it is reached by a dial");
  isBroken = true;
  peer.breakAll();
  await until(() => node.heard.story.includes("-n2") && broken > 3, "it is dialled again and again");
  expect(node.heard.story).toEqual(["+n2/boot", "-n2"]);
});

test("a connection for bulk may stand longer than a handshake, and for a minute without any use", async () => {
  const other = await net.node("n2");
  const { transport, clock } = await byHand("n1");
  await transport.start(new Recorder());
  transport.setPeers([{ id: "n2", address: other.address }]);
  const bulk = await transport.openBulk(other.key);
  const pass = (ms: number): void => {
    for (let passed = 0; passed < ms; passed += 250) clock.advance(250);
  };
  pass(59_000);
  expect(bulk.isOpen).toBe(true);
  pass(2_000);
  expect(bulk.isOpen).toBe(false);
  await transport.stop(600_000);
});

test("a peer that was reached by a dial has the whole time of a handshake to answer one for bulk", async () => {
  let isMute = false;
  using peer = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    tls: { ...(await nodeTls("n2")), requestCert: true },
    socket: {
      data: (socket) => void (isMute || socket.write(encodeFrame(hello(nodeSender("n2"), { meant: "n1" })))),
    },
  });
  const { transport, clock } = await byHand("n1");
  const heard = new Recorder();
  await transport.start(heard);
  transport.setPeers([{ id: "n2", address: `127.0.0.1:${peer.port}` }]);
  await until(() => heard.isConnectedTo("n2"), "connected");
  isMute = true;
  const opening = transport.openBulk(toMemberKey("n2", incarnation)).catch(({ message }: Error) => message);
  clock.advance(4_900);
  // The sweep, and the time for the dial.
  expect(clock.pendingTimers).toBe(2);
  await transport.stop(10);
  expect(await opening).toContain("n2 cannot be reached");
});

test("P54: an own connection that is not to stay is closed in time, although the other side does not close it", async () => {
  const sockets = new Set<Bun.Socket>();
  using first = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    tls: { ...(await nodeTls("n1")), requestCert: true },
    socket: {
      open: (socket) => void sockets.add(socket),
      data: (socket) => void socket.write(encodeFrame(hello(nodeSender("n1"), { meant: "n2" }))),
      close: (socket) => void sockets.delete(socket),
    },
  });
  const node = await net.node("n2", { limits: { lingerMs: 20, sweepMs: 5, silenceMs: 600_000 } });
  node.transport.setPeers([{ id: "n1", address: `127.0.0.1:${first.port}` }]);
  await until(() => node.heard.isConnectedTo("n1") && sockets.size === 1, "it has dialled");
  const raw = await net.raw(node, await nodeTls("n1"));
  await until(() => raw.isSecure, "TLS stands");
  raw.send(hello(nodeSender("n1"), { meant: "n2" }));
  await until(() => sockets.size === 0, "the own one is closed");
  expect([raw.isClosed, node.heard.isConnectedTo("n1")]).toEqual([false, true]);
});
