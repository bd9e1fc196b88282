// What a transport does before it is started and after it is stopped, what it says of its peers, and that no timer of it is left.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { createTlsTransport, type TlsTransport } from "../../../src/adapters/tls/transport.ts";
import { toMemberKey } from "../../../src/core/configuration.ts";
import { incarnation, Recorder } from "../../contracts/transport-harness.ts";
import { ManualClock } from "../../doubles/manual-clock.ts";
import { cluster, nodeTls, TlsNet, until } from "./tls-net.ts";

let net = new TlsNet();
beforeEach(() => {
  net = new TlsNet();
});
afterEach(() => net.close());

/** Its timers move only with the test; what is soon comes by itself. */
class HalfManualClock extends ManualClock {
  override soon(callback: () => void): void {
    setImmediate(callback);
  }
}

async function byHand(id: string): Promise<{ readonly transport: TlsTransport; readonly clock: ManualClock }> {
  const clock = new HalfManualClock();
  const transport = createTlsTransport({
    self: { id, incarnation, bootId: "boot", address: `${id}.test:7400` },
    cluster,
    listen: "127.0.0.1:0",
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
  await transport.stop(600_000);
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
  const told = { version: "1.2.3", announced: "n2.test:7400" };
  expect(a.transport.peers()).toEqual([{ id: "n2", address: b.address, reachable: true, reason: null, ...told }]);
  await b.transport.stop(1_000);
  await until(() => a.transport.peers()[0]?.reachable === false, "it is away");
  expect(a.transport.peers()[0]).toMatchObject({ id: "n2", reachable: false, reason: expect.any(String), ...told });
});
