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
