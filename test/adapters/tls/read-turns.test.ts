// A turn reads from clients no more than its share, and who was read from last waits for the others.
import { expect, test } from "bun:test";
import { ReadTurns } from "../../../src/adapters/tls/read-turns.ts";

class Source {
  bytesReceived = 0;
  pauses = 0;
  readonly #resumed: string[];

  constructor(
    readonly name: string,
    resumed: string[],
  ) {
    this.#resumed = resumed;
  }

  pause(): void {
    this.pauses++;
  }
  resume(): void {
    this.pauses--;
    this.#resumed.push(this.name);
  }
}

function turnsOf(names: readonly string[]) {
  const resumed: string[] = [];
  const soon: (() => void)[] = [];
  const turns = new ReadTurns(100, (callback) => void soon.push(callback));
  const sources = names.map((name) => new Source(name, resumed));
  for (const source of sources) turns.add(source);
  const read = (source: Source | undefined, bytes: number): void => {
    source!.bytesReceived += bytes;
    turns.onRead(source!);
  };
  const turn = (): void => {
    for (const callback of soon.splice(0)) callback();
  };
  return { turns, sources, resumed, read, turn };
}

test("beyond the bound nobody is read from until the next turn, and who has waited comes first then", () => {
  const { sources, resumed, read, turn } = turnsOf(["a", "b", "c"]);
  read(sources[0], 60);
  expect(sources.map(({ pauses }) => pauses)).toEqual([0, 0, 0]);
  read(sources[1], 60);
  expect(sources.map(({ pauses }) => pauses)).toEqual([1, 1, 1]);
  // What the system had read already.
  read(sources[1], 60);
  turn();
  expect(sources.map(({ pauses }) => pauses)).toEqual([0, 0, 0]);
  expect(resumed).toEqual(["c", "a", "b"]);
});

test("what was read in earlier turns, or is told twice, does not count", () => {
  const { turns, sources, read, turn } = turnsOf(["a", "b"]);
  for (let nth = 0; nth < 5; nth++) {
    read(sources[0], 99);
    turns.onRead(sources[0]!);
    turn();
  }
  expect(sources.map(({ pauses }) => pauses)).toEqual([0, 0]);
});

test("who comes while nobody is read from waits with the others, and who has left is not touched", () => {
  const { turns, sources, resumed, read, turn } = turnsOf(["a", "b"]);
  read(sources[0], 100);
  const late = new Source("late", resumed);
  turns.add(late);
  expect(late.pauses).toBe(1);
  turns.remove(sources[1]!);
  turn();
  expect(late.pauses).toBe(0);
  expect(resumed).toEqual(["a", "late"]);
});
