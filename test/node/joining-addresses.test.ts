// What a node that joins knows of each address, and whose list of the members it believes.
import { expect, test } from "bun:test";
import { toMemberKey } from "../../src/core/configuration.ts";
import { Joining } from "../../src/node/joining.ts";
import type { MemberList } from "../../src/ports/node-messages.ts";
import type { Discovery } from "../../src/ports/transport.ts";
import { ManualClock } from "../doubles/manual-clock.ts";
import { afterMicrotasks } from "./cluster.ts";

const there = (id: string): Discovery => ({ kind: "there", identity: { id, incarnation: "i", bootId: "b" } });
const failed = (reason: string): Discovery => ({ kind: "failed", reason });
const unable = (reason: string): Discovery => ({ kind: "unable", reason });

/** Each look finds what `world` has at the address at that moment. */
function setUp(world: Record<string, Discovery>) {
  const clock = new ManualClock();
  const asked: string[] = [];
  const logs: unknown[][] = [];
  const changes: number[] = [];
  /** Of which list it knows at each of these changes. */
  const listed: (number | null)[] = [];
  const joining = new Joining({
    self: "n4",
    addresses: Object.keys(world),
    transport: {
      discover(address, timeoutMs) {
        asked.push(`${address} ${timeoutMs}`);
        return Promise.resolve(world[address]!);
      },
    },
    clock,
    logger: { enabled: () => true, log: (...line) => void logs.push(line) },
    changed: () => {
      changes.push(joining.contacts.length);
      listed.push(joining.list?.index ?? null);
    },
  });
  const look = async (ms = 10_000): Promise<void> => {
    clock.advance(ms);
    await afterMicrotasks();
  };
  return { clock, asked, logs, changes, listed, joining, look, world };
}

test("each address is asked for five seconds, and one of which nothing is known yet is said to have given no answer", async () => {
  const { asked, clock, joining, look, logs } = setUp({ "a:1": failed("refused"), "b:1": unable("no descriptors") });
  expect(joining.missing).toEqual(["a:1: no answer yet", "b:1: no answer yet"]);
  joining.start();
  await look(0);
  expect(asked).toEqual(["a:1 5000", "b:1 5000"]);
  expect(joining.missing).toEqual(["a:1: refused", "b:1: no descriptors"]);
  const line = (address: string, reason: string) => ["warn", "nobody to join found there", { address, reason }];
  expect(logs).toEqual([line("a:1", "refused"), line("b:1", "no descriptors")]);
  expect(clock.pendingTimers).toBe(1);
  joining.stop();
  expect(clock.pendingTimers).toBe(0);
});

test("another reason is another line and replaces the old one, and a node that is found is missing no more", async () => {
  const { changes, joining, look, logs, world } = setUp({ "a:1": failed("refused") });
  joining.start();
  await look(0);
  world["a:1"] = failed("timed out");
  await look();
  await look();
  expect([logs.length, joining.missing]).toEqual([2, ["a:1: timed out"]]);
  world["a:1"] = there("n1");
  await look();
  expect([joining.missing, joining.contacts, changes]).toEqual([[], [{ id: "n1", address: "a:1" }], [1]]);
  expect(logs).toHaveLength(2);
});

test("once a node is found at every address nobody is asked any more, also without a list", async () => {
  const { asked, clock, joining, look } = setUp({ "a:1": there("n1"), "b:1": there("n4") });
  joining.start();
  for (let times = 0; times < 5; times++) await look();
  expect([asked.length, clock.pendingTimers, joining.list]).toEqual([2, 0, null]);
});

test("a node without addresses asks nobody", async () => {
  const { asked, clock, joining, look } = setUp({});
  joining.start();
  await look(0);
  expect([asked, clock.pendingTimers, joining.missing]).toEqual([[], 0, []]);
});

test("a list is announced each time, and a list of a node that was found at no address does not end the search", async () => {
  const { asked, changes, listed, joining, look } = setUp({ "a:1": there("n1"), "b:1": failed("refused") });
  const list = (index: number): MemberList => ({ kind: "memberList", index, members: [] });
  joining.start();
  await look(0);
  joining.onMemberList(toMemberKey("n9", "i"), list(8));
  await look();
  await look();
  expect([asked.length, changes]).toEqual([4, [1, 1]]);
  joining.onMemberList(toMemberKey("n1", "i"), list(3));
  joining.onMemberList(toMemberKey("n1", "i"), list(4));
  await look();
  expect([asked.length, changes, joining.list?.index]).toEqual([4, [1, 1, 1, 1], 4]);
  // It is known by the time of which it is told.
  expect(listed).toEqual([null, 8, 3, 4]);
});
