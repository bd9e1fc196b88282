// Whose request is taken next: the client name of which least has been taken, by bytes, from the moment on in which it has requests here.
import { expect, test } from "bun:test";
import { RequestTurns } from "../../../src/adapters/tls/request-turns.ts";

class Source {
  isOpen = true;
  pauses = 0;
  pause(): void {
    this.pauses++;
  }
  resume(): void {
    this.pauses--;
  }
}

/** One request a turn. */
function setUp() {
  const soon: (() => void)[] = [];
  const taken: string[] = [];
  const clock = { nowMs: () => 0, soon: (callback: () => void) => void soon.push(callback) };
  const turns = new RequestTurns({ count: 1, bytes: 1e9, ms: 1e9 }, clock);
  const counts = new Map<string, number>();
  const arrive = (name: string, count: number, bytes = 100, link = new Source()): Source => {
    for (let nth = 0; nth < count; nth++) {
      const number = (counts.get(name) ?? 0) + 1;
      counts.set(name, number);
      turns.arrived(link, name, new Uint8Array(bytes), () => void taken.push(`${name}${number}`));
    }
    return link;
  };
  /** What so many turns take. */
  const turn = (count = 1): readonly string[] => {
    const before = taken.length;
    for (let nth = 0; nth < count; nth++) for (const callback of soon.splice(0)) callback();
    return taken.slice(before);
  };
  return { arrive, turn, taken, soon };
}

test("a name that comes anew has its turn next, and then as many as the others", () => {
  const { arrive, turn, taken } = setUp();
  arrive("a", 6);
  expect(taken).toEqual(["a1"]);
  expect(turn()).toEqual(["a2"]);
  arrive("b", 3);
  expect(turn(6)).toEqual(["b1", "a3", "b2", "a4", "b3", "a5"]);
});

test("a name that was away for long has no claim to the time before", () => {
  const { arrive, turn } = setUp();
  arrive("a", 20);
  arrive("b", 1);
  expect(turn(10)).toEqual(["a2", "b1", "a3", "a4", "a5", "a6", "a7", "a8", "a9", "a10"]);
  arrive("b", 5);
  expect(turn(6)).toEqual(["b2", "a11", "b3", "a12", "b4", "a13"]);
});

test("large requests count for what they weigh", () => {
  const { arrive, turn } = setUp();
  arrive("x", 1);
  arrive("a", 2, 10_240 - 1_024);
  arrive("b", 12, 0);
  expect(turn(14).slice(0, 13)).toEqual(["a1", ...Array.from({ length: 10 }, (_, nth) => `b${nth + 1}`), "a2", "b11"]);
});

test("a request is taken at once when the turn before it took none, and waits when this turn has taken its part", () => {
  const { arrive, turn, taken } = setUp();
  arrive("a", 2);
  expect([taken.length, turn()]).toEqual([1, ["a2"]]);
  arrive("a", 1);
  expect(taken.length).toBe(2);
  expect(turn()).toEqual(["a3"]);
  turn();
  arrive("a", 1);
  expect(taken.length).toBe(4);
});

test.each([
  [[60, 40], 2],
  [[60, 41], 1],
  [[101, 1], 1],
  [[1, 101], 1],
  [[100, 0, 0], 3],
])("of requests of %j bytes a turn of 100 takes %i", (sizes, count) => {
  const soon: (() => void)[] = [];
  const turns = new RequestTurns(
    { count: 10, bytes: 100, ms: 1 },
    { nowMs: () => 0, soon: (callback) => void soon.push(callback) },
  );
  let taken = 0;
  const link = new Source();
  const arrive = (bytes: number): void => turns.arrived(link, "a", new Uint8Array(bytes), () => void taken++);
  for (const bytes of sizes) arrive(bytes);
  expect(taken).toBe(count);
  while (soon.length > 0) soon.shift()!();
  expect(taken).toBe(sizes.length);
  // The same holds for those that have waited for a turn.
  for (const bytes of [101, ...sizes]) arrive(bytes);
  expect(taken).toBe(sizes.length + 1);
  soon.shift()!();
  expect(taken).toBe(sizes.length + 1 + count);
});

test("nothing stays of the links whose requests have been taken, while others go on", async () => {
  const { arrive, turn } = setUp();
  arrive("a", 1_000);
  const gone: WeakRef<Source>[] = [];
  // A name each: whatever the stack still shows of one leads to no other.
  const visit = (): void => {
    for (let nth = 0; nth < 200; nth++) gone.push(new WeakRef(arrive(`b${nth}`, 2)));
  };
  visit();
  turn(1_000);
  // What a weak reference was asked for in this task stays until its end.
  await new Promise((resolve) => setImmediate(resolve));
  Bun.gc(true);
  expect(gone.filter((link) => link.deref() !== undefined).length).toBeLessThan(100);
});

test("a link is read from again when its last request has been taken, and one that has closed is passed over", () => {
  const { arrive, turn, soon } = setUp();
  arrive("x", 1);
  const [a, b] = [arrive("a", 2), arrive("b", 2)];
  expect([a.pauses, b.pauses]).toEqual([1, 1]);
  b.isOpen = false;
  expect(turn()).toEqual(["a1"]);
  expect([a.pauses, b.pauses]).toEqual([1, 0]);
  expect(turn()).toEqual(["a2"]);
  expect([a.pauses, turn(3), soon.length]).toEqual([0, [], 0]);
});
