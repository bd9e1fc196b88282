// What time the entries carry, and how far a stamp may leap that another node sends.
import { describe, expect, test } from "bun:test";
import { stampMsMax } from "../../src/core/entry.ts";
import { foundedAtMsMax } from "../../src/core/genesis.ts";
import { plausibleStampMs, stampLeapMaxMs } from "../../src/core/replicated-time.ts";
import type { State } from "../../src/core/state.ts";
import { effectsOf, elected, follower, leader, play, take } from "./build.ts";
import {
  append,
  at,
  commands,
  fetched,
  foundedAtMs,
  from,
  genesisOf,
  hello,
  install,
  n1,
  n2,
  n4,
  persisted,
  propose,
  snapshotAt,
} from "./say.ts";

const yearMs = 365 * 86_400_000;
const stamped = (stampMs: number) =>
  from(n2, append({ term: 1, prev: at(1, 1), entries: commands([1], 2).map((entry) => ({ ...entry, stampMs })) }));

/** Its last entry is stamped one ms after the founding, and its wall clock showed the founding when it started. */
const led = follower({ log: [1], leader: n2 });
const withWallClock = (state: State, wallMs: number): State => ({ ...state, wallOffsetMs: wallMs - state.nowMs });

describe("P65: a stamp leaps no further than a bound", () => {
  const boundMs = foundedAtMs + 1 + stampLeapMaxMs;

  test("an entry may lie eight years ahead of all that this node knows; beyond that it is a lie", () => {
    expect(play(led, stamped(boundMs)).log.last).toEqual(at(2, 1));
    for (const stampMs of [boundMs + 1, stampMsMax]) {
      const [after, effects] = take(led, stamped(stampMs));
      expect(after).toEqual(led);
      expect(effects).toMatchObject([{ kind: "accuse", from: n2, lie: expect.stringContaining("compare the clocks") }]);
    }
  });

  test("and so may a snapshot", () => {
    const offer = (stampMs: number) => from(n2, install({ ...snapshotAt(at(9, 1)), stampMs }, { term: 1 }));
    expect(effectsOf(take(led, offer(boundMs))[1], "fetchSnapshot").length).toBe(1);
    expect(effectsOf(take(led, offer(boundMs + 1))[1], "accuse").length).toBe(1);
  });

  test("a node that was away for decades knows by its wall clock what time it is", () => {
    const back = withWallClock(led, foundedAtMs + 30 * yearMs);
    expect(play(back, stamped(foundedAtMs + 30 * yearMs)).log.last).toEqual(at(2, 1));
  });

  test("a wall clock that stands far behind does no harm where the log tells the time", () => {
    expect(play(withWallClock(led, 0), stamped(boundMs)).log.last).toEqual(at(2, 1));
  });

  test("a newcomer takes the time of the log that it is brought, whatever it is", () => {
    const newcomer = follower({ self: n4 });
    const first = commands([1], 1).map((entry) => ({ ...entry, stampMs: stampMsMax }));
    expect(play(newcomer, from(n2, append({ term: 1, entries: first }))).log.lastStampMs).toBe(stampMsMax);
  });

  test("the next leap is possible until the end of the range, and no further", () => {
    const late = { ...led, log: { ...led.log, lastStampMs: stampMsMax - 5 } };
    expect(plausibleStampMs(late)).toBe(stampMsMax);
    expect(play(late, stamped(stampMsMax)).log.lastStampMs).toBe(stampMsMax);
  });

  test("a genesis of a time that is far ahead is not taken, so that the range is left to the cluster", () => {
    const { log } = follower();
    const fresh: State = { ...follower(), genesis: null, log: { ...log, configurations: [] } };
    const told = (ms: number) => hello(n2, { ...genesisOf(n1, n2), foundedAtMs: ms });
    expect(play(fresh, told(foundedAtMsMax)).genesis?.foundedAtMs).toBe(foundedAtMsMax);
    const [after, effects] = take(fresh, told(foundedAtMsMax + 1));
    expect([after.genesis, effects.map(({ kind }) => kind)]).toEqual([null, ["accuse"]]);
  });
});

describe("what a leader stamps", () => {
  test("is no earlier than the snapshot that has taken the place of its log", () => {
    const snapshot = { ...snapshotAt(at(9, 1)), stampMs: foundedAtMs + 1_000_000 };
    const offered = play(led, from(n2, install(snapshot, { term: 1 })));
    const installed = play(offered, fetched(snapshot), persisted(offered.durability.issued + 1));
    expect(installed.log.lastStampMs).toBe(snapshot.stampMs);
    const [after, effects] = take(elected(installed), propose(4));
    expect(effectsOf(effects, "appendLog")[0]?.entries[0]?.stampMs).toBeGreaterThanOrEqual(snapshot.stampMs);
    expect(after.log.lastStampMs).toBeGreaterThanOrEqual(snapshot.stampMs);
  });

  test("the last stamp and the time since it became leader, in whole ms", () => {
    const [, effects] = take(leader({ log: [1] }), propose(4), 800 + 12.7);
    expect(effectsOf(effects, "appendLog")[0]?.entries[0]?.stampMs).toBe(foundedAtMs + 1 + 12);
  });

  test("P65: at the end of the range time stands still, and the cluster goes on", () => {
    const waiting = follower({ log: [1] });
    const state = elected({ ...waiting, log: { ...waiting.log, lastStampMs: stampMsMax } });
    const [after, effects] = take(state, propose(4), state.nowMs + 60_000);
    expect(effectsOf(effects, "appendLog")[0]?.entries[0]?.stampMs).toBe(stampMsMax);
    expect(after.log.lastStampMs).toBe(stampMsMax);
  });
});
