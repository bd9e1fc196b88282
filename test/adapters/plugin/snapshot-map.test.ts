// A SnapshotMap against a Map that is changed in the same way: whether a snapshot is open, closed or being put back must not
// show, or nodes that take their snapshots at different moments would part.
import { describe, expect, test } from "bun:test";
import { SnapshotMap } from "graft";
import { type FrozenView, watchingViews } from "../../../src/adapters/plugin/frozen-views.ts";
import { Draw } from "../cbor/draw.ts";

type Entry = readonly [string, number];

const filled = (count: number): SnapshotMap<string, number> => {
  const map = new SnapshotMap<string, number>();
  for (let nth = 0; nth < count; nth++) map.set(`k${nth}`, nth);
  return map;
};

/** One random change, or a walk with changes on the way, as a handler would do it: to both alike. */
function change(draw: Draw, maps: readonly (SnapshotMap<string, number> | Map<string, number>)[]): void {
  const key = `k${draw.below(40)}`;
  const other = `k${draw.below(40)}`;
  const kind = draw.below(20);
  const value = draw.below(1_000_000);
  const clears = draw.below(4) === 0;
  const results = maps.map((map) => {
    if (kind < 9) return map.set(key, value).size;
    if (kind < 15) return map.delete(key);
    if (kind === 19) return clears ? map.clear() : map.has(key);
    const walked: Entry[] = [];
    for (const entry of map) {
      walked.push([...entry]);
      if (entry[0] === key) map.delete(kind === 15 ? key : other);
      if (entry[0] === other && walked.length < 100 && map.delete(other)) map.set(other, value);
      if (kind === 17 && walked.length === 3) map.set(`new${value}`, value);
      if (kind === 18 && walked.length === 5) {
        map.clear();
        map.set(other, value).set(key, value);
      }
    }
    return walked;
  });
  expect(results[0]).toEqual(results[1]);
}

test("reads and iterates like a Map, whatever becomes of its snapshots", () => {
  let steps = 0;
  for (let seed = 0; seed < 300; seed++) {
    const draw = new Draw(seed);
    const map = new SnapshotMap<string, number>();
    const model = new Map<string, number>();
    let frozen: Entry[] = [];
    let left: Iterator<Entry> | null = null;
    let view: FrozenView | null = null;
    for (let round = 0; round < 200; round++, steps++) {
      const act = draw.below(12);
      if (act === 0 && left === null) {
        frozen = [...model];
        const snapshot = map.snapshot();
        [left, view] = [snapshot, snapshot];
      } else if (act === 1 && left !== null) {
        if (draw.below(2) === 0) expect([...{ [Symbol.iterator]: () => left! }]).toEqual(frozen);
        else view?.close();
        left = null;
      } else if (act === 2 && left !== null) {
        const expected = frozen.shift();
        const next = left.next();
        expect(next.done === true ? undefined : next.value).toEqual(expected);
        if (next.done === true) left = null;
      } else if (act === 3 && left === null) view?.settle(draw.below(5));
      else change(new Draw(seed * 1000 + round), [map, model]);
      expect(map.size).toBe(model.size);
      expect([...map]).toEqual([...model]);
      const key = `k${draw.below(40)}`;
      expect([map.get(key), map.has(key)]).toEqual([model.get(key), model.has(key)]);
    }
    expect([...map.keys()]).toEqual([...model.keys()]);
    expect([...map.values()]).toEqual([...model.values()]);
  }
  expect(steps).toBe(60_000);
});

/** What a map looks like once it was written down and read again. */
const restored = (map: SnapshotMap<string, number>): SnapshotMap<string, number> => {
  const copy = new SnapshotMap<string, number>();
  for (const [key, value] of map.snapshot()) copy.set(key, value);
  return copy;
};

test("a map that was restored iterates as the one that was not, and goes on doing so", () => {
  for (let seed = 0; seed < 200; seed++) {
    const map = new SnapshotMap<string, number>();
    const model = new Map<string, number>();
    let copy = new SnapshotMap<string, number>();
    for (let round = 0; round < 60; round++) {
      const draws = () => new Draw(seed * 997 + round);
      if (round % 20 === 10) copy = restored(map);
      change(draws(), [map, model]);
      if (round >= 10) change(draws(), [copy, new Map(copy)]);
      if (round >= 10) expect([...copy]).toEqual([...map]);
    }
  }
});

describe("a snapshot", () => {
  test("is closed when it is read to its end, and others may follow", () => {
    const map = filled(10);
    for (let nth = 0; nth < 3; nth++) {
      const snapshot = map.snapshot();
      map.set("k0", -nth);
      map.delete(`k${nth + 1}`);
      expect([...snapshot]).toHaveLength(10 - nth);
      expect(snapshot.next()).toEqual({ done: true, value: undefined });
    }
    expect(map.get("k0")).toBe(-2);
  });

  test("is alone: a second is refused while the first is open, and the first is unharmed", () => {
    const map = filled(3);
    const first = map.snapshot();
    expect(() => map.snapshot()).toThrow("a snapshot of this SnapshotMap is open");
    map.clear();
    expect(() => map.snapshot()).toThrow("a snapshot of this SnapshotMap is open");
    expect([...first]).toHaveLength(3);
    expect([...map.snapshot()]).toEqual([]);
  });

  test("that was closed half-way gives nothing more", () => {
    const snapshot = filled(3).snapshot();
    for (const [key] of snapshot) {
      expect(key).toBe("k0");
      break;
    }
    expect(() => snapshot.next()).toThrow("closed");
    expect(() => snapshot.get("k0")).toThrow("closed");
    snapshot.close();
  });

  test("can be asked for a key, whatever became of it", () => {
    const map = filled(5);
    const snapshot = map.snapshot();
    map.set("k0", -1).set("k9", 9).delete("k1");
    expect(["k0", "k1", "k9"].map((key) => snapshot.get(key))).toEqual([0, 1, undefined]);
    expect(snapshot.next().value).toEqual(["k0", 0]);
  });

  test("can be mapped and filtered on the way, and is closed as well", () => {
    const map = filled(5);
    const even = map
      .snapshot()
      .filter(([, value]) => value % 2 === 0)
      .map(([key]) => key);
    map.clear();
    expect([...even]).toEqual(["k0", "k2", "k4"]);
    expect([...map.snapshot()]).toEqual([]);
  });

  test("does not change with a value that somebody keeps: it is frozen, all the way down", () => {
    const map = new SnapshotMap<string, { readonly tags: string[]; bytes: Uint8Array }>();
    const value = { tags: ["a"], bytes: new Uint8Array(2) };
    map.set("a", value);
    expect(() => value.tags.push("b")).toThrow(TypeError);
    expect(() => {
      value.bytes = new Uint8Array();
    }).toThrow(TypeError);
    expect(map.get("a")?.tags).toEqual(["a"]);
  });

  test("of many entries is taken at once, and what changed meanwhile is put back in small steps", () => {
    const map = filled(300_000);
    const openings = Array.from({ length: 5 }, () => {
      const begin = performance.now();
      map.snapshot().close();
      return performance.now() - begin;
    });
    expect(Math.min(...openings)).toBeLessThan(3); // To copy it takes thirty.
    const snapshot = map.snapshot();
    for (let nth = 0; nth < 10_000; nth++) map.set(`k${nth * 5}`, -1).set(`n${nth}`, 1);
    snapshot.close();
    let steps = 1;
    while (!snapshot.settle(64)) steps++;
    expect(steps).toBe(Math.ceil(20_001 / 64));
    expect([map.size, map.get("k5"), map.get("n7")]).toEqual([310_000, -1, 1]);
  });
});

test("what arrives while a snapshot is put back does not keep it from coming to an end", () => {
  const map = filled(0);
  const snapshot = map.snapshot();
  for (let nth = 0; nth < 1000; nth++) map.set(`a${nth}`, nth);
  snapshot.close();
  let steps = 0;
  for (let isDone = false; !isDone; steps++) {
    for (let nth = 0; nth < 10; nth++) map.set(`${steps}/${nth}`, nth);
    isDone = snapshot.settle(5);
  }
  expect(steps).toBeLessThan(1000);
});

test("who watches is told of a view that is opened, and may refuse it", () => {
  const seen: FrozenView[] = [];
  const map = filled(2);
  const snapshot = watchingViews(
    (view) => seen.push(view),
    () => map.snapshot(),
  );
  expect(seen).toEqual([snapshot]);
  seen[0]?.close();
  const refuse = (): never => {
    throw new Error("too late");
  };
  expect(() => watchingViews(refuse, () => map.snapshot())).toThrow("too late");
  expect([...map.snapshot()]).toHaveLength(2);
  expect(seen).toHaveLength(1);
});
