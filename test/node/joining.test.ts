// A node that joins looks for the cluster until a member has told who belongs to it, or until it stops.
import { expect, test } from "bun:test";
import { toMemberKey } from "../../src/core/configuration.ts";
import { Joining } from "../../src/node/joining.ts";
import type { Discovery } from "../../src/ports/transport.ts";
import { ManualClock } from "../doubles/manual-clock.ts";
import { afterMicrotasks } from "./cluster.ts";

const there = (id: string): Discovery => ({ kind: "there", identity: { id, incarnation: "i", bootId: "b" } });
const refused: Discovery = { kind: "failed", reason: "connection refused" };

function setUp(addresses: readonly string[]) {
  const clock = new ManualClock();
  const asked: { readonly address: string; readonly answer: (found: Discovery) => void }[] = [];
  const logs: string[] = [];
  const seen = { changes: 0 };
  const joining = new Joining({
    self: "n4",
    addresses,
    transport: {
      discover(address) {
        const { promise, resolve } = Promise.withResolvers<Discovery>();
        asked.push({ address, answer: resolve });
        return promise;
      },
    },
    clock,
    logger: { enabled: () => true, log: (_, message) => void logs.push(message) },
    changed: () => void seen.changes++,
  });
  return { clock, asked, logs, seen, joining };
}

test("what is heard after the stop changes nothing, and nothing is asked any more", async () => {
  for (const found of [there("n1"), refused]) {
    const { clock, asked, logs, seen, joining } = setUp(["n1:1"]);
    joining.start();
    expect(asked).toHaveLength(1);
    joining.stop();
    asked[0]!.answer(found);
    await afterMicrotasks();
    clock.advance(60_000);
    await afterMicrotasks();
    expect([seen.changes, joining.contacts, logs, asked.length, clock.pendingTimers]).toEqual([0, [], [], 1, 0]);
  }
});

test("the pauses between two looks grow to five seconds, and a reason is logged once as long as it stays the same", async () => {
  const { clock, asked, logs, joining } = setUp(["n1:1"]);
  joining.start();
  for (const pauseMs of [200, 400, 800, 1_600, 3_200, 5_000, 5_000]) {
    const count = asked.length;
    asked.at(-1)!.answer(refused);
    await afterMicrotasks();
    clock.advance(pauseMs - 1);
    expect(asked).toHaveLength(count);
    clock.advance(1);
    expect(asked).toHaveLength(count + 1);
  }
  expect(logs).toEqual(["nobody to join found there"]);
  expect(joining.missing).toEqual(["n1:1: connection refused"]);
  joining.stop();
  expect(clock.pendingTimers).toBe(0);
});

test("only addresses where nobody was found are asked again, and none once a node found there has told who the members are", async () => {
  const { clock, asked, seen, joining } = setUp(["n1:1", "n2:1", "n4:1"]);
  joining.start();
  for (const [at, found] of [there("n1"), refused, there("n4")].entries()) asked[at]!.answer(found);
  await afterMicrotasks();
  // Its own address is no news.
  expect(seen.changes).toBe(1);
  clock.advance(200);
  expect(asked.slice(3).map(({ address }) => address)).toEqual(["n2:1"]);
  joining.onMemberList(toMemberKey("n1", "i"), { kind: "memberList", index: 3, members: [] });
  asked[3]!.answer(refused);
  await afterMicrotasks();
  clock.advance(60_000);
  await afterMicrotasks();
  expect([seen.changes, asked.length, clock.pendingTimers]).toEqual([2, 4, 0]);
});
