// When a peer is dialled, and that nothing is dialled any more once it is no longer wanted.
import { describe, expect, test } from "bun:test";
import type { Link } from "../../../src/adapters/tls/link.ts";
import { defaultLimits } from "../../../src/adapters/tls/limits.ts";
import { PeerDialler } from "../../../src/adapters/tls/peer-dialler.ts";
import { ManualClock } from "../../doubles/manual-clock.ts";

const failure = { reason: "nothing listens there", cause: "nothing listens there" };

function setUp() {
  const clock = new ManualClock();
  const world = { isConnected: false, drops: [] as string[], attempts: [] as string[], reasons: [] as string[] };
  const dialler = new PeerDialler("n2:1", {
    clock,
    limits: defaultLimits,
    isConnected: () => world.isConnected,
    attempt: (address) => {
      world.attempts.push(address);
      return { drop: (reason: string) => void world.drops.push(reason) } as unknown as Link;
    },
    onReason: ({ reason }) => void world.reasons.push(reason),
  });
  return { clock, world, dialler };
}

describe("a peer that is no longer wanted", () => {
  test("is dialled no longer: the attempt under way is dropped, and no other one follows", () => {
    const { clock, world, dialler } = setUp();
    dialler.dial();
    dialler.stop();
    expect(world.drops).toHaveLength(1);
    dialler.failed(failure);
    dialler.dial();
    dialler.lost("broke", 10_000);
    clock.advance(60_000);
    expect([world.attempts, world.reasons, clock.pendingTimers]).toEqual([["n2:1"], [], 0]);
  });

  test("while the next attempt is waited for, is not dialled again", () => {
    const { clock, world, dialler } = setUp();
    dialler.dial();
    dialler.failed(failure);
    expect(clock.pendingTimers).toBe(1);
    dialler.stop();
    clock.advance(60_000);
    expect([world.attempts, world.drops, clock.pendingTimers]).toEqual([["n2:1"], [], 0]);
  });

  test("keeps the connection that it has", () => {
    const { world, dialler } = setUp();
    dialler.dial();
    world.isConnected = true;
    dialler.succeeded();
    dialler.stop();
    expect(world.drops).toEqual([]);
  });
});

test("pauses between attempts grow up to the limit, and a reason is told once as long as it stays the same", () => {
  const { clock, world, dialler } = setUp();
  const { backoffMinMs, backoffMaxMs } = defaultLimits;
  dialler.dial();
  for (let failures = 0; failures < 12; failures++) {
    const fullMs = Math.min(backoffMaxMs, backoffMinMs * 2 ** failures);
    dialler.failed(failure);
    clock.advance(fullMs / 2 - 1);
    expect(world.attempts).toHaveLength(failures + 1);
    clock.advance(fullMs / 2 + 1);
    expect(world.attempts).toHaveLength(failures + 2);
  }
  expect(world.reasons).toEqual([failure.reason]);
});

test("an attempt that is begun early takes the place of the one that was waited for", () => {
  for (const begin of [
    (dialler: PeerDialler) => {
      dialler.address = "n2:2";
      dialler.dial();
    },
    (dialler: PeerDialler) => dialler.lost("broke", 10_000),
  ]) {
    const { clock, world, dialler } = setUp();
    dialler.dial();
    dialler.failed(failure);
    begin(dialler);
    expect([world.attempts.length, clock.pendingTimers]).toEqual([2, 0]);
    clock.advance(60_000);
    expect(world.attempts).toHaveLength(2);
    dialler.failed(failure);
    expect(clock.pendingTimers).toBe(1);
  }
});

test("a connection that had held is renewed at once, and one that broke at once after a pause", () => {
  const { clock, world, dialler } = setUp();
  dialler.dial();
  dialler.succeeded();
  dialler.lost("broke", 199);
  expect(world.attempts).toHaveLength(1);
  clock.advance(defaultLimits.backoffMaxMs);
  expect(world.attempts).toHaveLength(2);
  dialler.succeeded();
  dialler.lost("broke", 200);
  expect(world.attempts).toHaveLength(3);
});

test("after a connection that had held the pauses begin anew, and are shorter at first, however long they were before", () => {
  const { clock, world, dialler } = setUp();
  const { backoffMinMs, backoffMaxMs } = defaultLimits;
  dialler.dial();
  for (let failures = 0; failures < 12; failures++) {
    dialler.failed(failure);
    clock.advance(backoffMaxMs);
  }
  dialler.succeeded();
  dialler.lost("broke", 10_000);
  const before = world.attempts.length;
  for (let attempt = 0; attempt < 6; attempt++) {
    const fullMs = backoffMinMs * 2 ** (attempt - 3);
    dialler.failed(failure);
    clock.advance(fullMs / 2 - 0.1);
    expect(world.attempts).toHaveLength(before + attempt);
    clock.advance(fullMs / 2 + 0.1);
    expect(world.attempts).toHaveLength(before + attempt + 1);
  }
});

describe("a connection that the peer has dialled", () => {
  test("ends the wait for the next attempt", () => {
    const { clock, world, dialler } = setUp();
    dialler.dial();
    dialler.failed(failure);
    world.isConnected = true;
    dialler.connected();
    expect(clock.pendingTimers).toBe(0);
    // It breaks at once, which counts as a failure like any other.
    world.isConnected = false;
    dialler.lost("broke", 0);
    expect(clock.pendingTimers).toBe(1);
    clock.advance(defaultLimits.backoffMaxMs);
    expect(world.attempts).toHaveLength(2);
  });

  test("leaves an attempt that is under way alone, and its failure then says nothing", () => {
    const { clock, world, dialler } = setUp();
    dialler.dial();
    world.isConnected = true;
    dialler.connected();
    dialler.dial();
    expect(world.attempts).toHaveLength(1);
    dialler.failed(failure);
    expect([dialler.reason, world.reasons, clock.pendingTimers]).toEqual([null, [], 0]);
    world.isConnected = false;
    dialler.dial();
    expect(world.attempts).toHaveLength(2);
    // It breaks while the attempt is under way: one attempt at a time.
    dialler.connected();
    dialler.dial();
    expect(world.attempts).toHaveLength(2);
  });

  test("makes no peer wanted again that no longer is", () => {
    const { world, dialler } = setUp();
    dialler.stop();
    dialler.connected();
    dialler.dial();
    expect(world.attempts).toEqual([]);
  });
});

test("a connection that breaks at once, again and again, while an attempt is waited for, asks for no second one", () => {
  const { clock, world, dialler } = setUp();
  dialler.dial();
  dialler.failed(failure);
  for (let times = 0; times < 3; times++) dialler.lost("broke", 10);
  expect(clock.pendingTimers).toBe(1);
  dialler.failed({ reason: "late", cause: "late" });
  clock.advance(defaultLimits.backoffMaxMs);
  expect([world.attempts.length, world.reasons]).toEqual([2, [failure.reason]]);
});

test("the reason is that of the last failure or loss, and there is none before it and after a success", () => {
  const { clock, world, dialler } = setUp();
  const seen = [dialler.reason];
  dialler.dial();
  dialler.failed(failure);
  seen.push(dialler.reason);
  clock.advance(defaultLimits.backoffMaxMs);
  dialler.failed({ reason: "no answer", cause: "no answer" });
  seen.push(dialler.reason);
  clock.advance(defaultLimits.backoffMaxMs);
  dialler.succeeded();
  seen.push(dialler.reason);
  dialler.lost("broke", 10_000);
  seen.push(dialler.reason);
  expect(seen).toEqual([null, "nothing listens there", "no answer", null, "broke"]);
  expect(world.reasons).toEqual(["nothing listens there", "no answer"]);
  dialler.failed(failure);
  expect(world.reasons.at(-1)).toBe(failure.reason);
});

test("the attempt that was waited for goes to the address that is the peer's by then", () => {
  const { clock, world, dialler } = setUp();
  dialler.dial();
  dialler.failed(failure);
  dialler.address = "n2:2";
  clock.advance(defaultLimits.backoffMaxMs);
  expect(world.attempts).toEqual(["n2:1", "n2:2"]);
});
