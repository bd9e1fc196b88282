// Links that were written to in a turn are flushed once at its end.
import { expect, test } from "bun:test";
import { FlushTurn } from "../../../src/adapters/tls/flush-turn.ts";

function setUp() {
  const soon: (() => void)[] = [];
  const flushed: string[] = [];
  const turn = new FlushTurn((callback) => void soon.push(callback));
  const link = (name: string, more = (): void => {}) => ({ flush: () => (flushed.push(name), more()) });
  const end = (): void => {
    for (const callback of soon.splice(0)) callback();
  };
  return { soon, flushed, turn, link, end };
}

test("all links of a turn are flushed in one callback, in order", () => {
  const { soon, flushed, turn, link, end } = setUp();
  turn.add(link("a"));
  turn.add(link("b"));
  expect([soon.length, flushed]).toEqual([1, []]);
  end();
  expect([soon.length, flushed]).toEqual([0, ["a", "b"]]);
});

test("what is flushed earlier is not flushed again, and the next turn asks for its own end", () => {
  const { soon, flushed, turn, link, end } = setUp();
  turn.add(link("a"));
  turn.flush();
  expect(flushed).toEqual(["a"]);
  end();
  expect(flushed).toEqual(["a"]);
  turn.add(link("b"));
  expect(soon.length).toBe(1);
  end();
  expect(flushed).toEqual(["a", "b"]);
});

test("a link that is written to while others are flushed waits for the next turn", () => {
  const { soon, flushed, turn, link, end } = setUp();
  turn.add(link("a", () => turn.add(link("again"))));
  end();
  expect([soon.length, flushed]).toEqual([1, ["a"]]);
  end();
  expect(flushed).toEqual(["a", "again"]);
});
