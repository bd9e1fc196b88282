// What happens to a client's command when it arrives: a place in the log, or a refusal that says who leads.
import { describe, expect, test } from "bun:test";
import { entryBytes } from "../../src/core/entry.ts";
import { genesisConfiguration } from "../../src/core/genesis.ts";
import { asking, effectsOf, follower, leader, linesOf, play, preCandidate, take } from "./build.ts";
import { at, commands, foundedAtMs, genesisOf, n1, n2, n3, noop, propose } from "./say.ts";

describe("a leader", () => {
  test("gives proposals that came together consecutive places, in one append and one message each", () => {
    const state = leader({
      log: [1],
      matched: [
        [n2, 2],
        [n3, 2],
      ],
    });
    const [after, effects] = take(state, propose(5, 0, 7));
    expect(effects.map(({ kind }) => kind)).toEqual(["appendLog", "proposalsAccepted", "sendEntries", "sendEntries"]);
    expect(effectsOf(effects, "appendLog")[0]?.entries).toMatchObject([
      { kind: "command", index: 3, term: 2, payload: new Uint8Array(5) },
      { kind: "command", index: 4, term: 2, payload: new Uint8Array() },
      { kind: "command", index: 5, term: 2, payload: new Uint8Array(7) },
    ]);
    expect(effectsOf(effects, "proposalsAccepted")).toEqual([
      { kind: "proposalsAccepted", refs: [1, 2, 3], first: at(3, 2) },
    ]);
    expect(after.log.last).toEqual(at(5, 2));
  });

  test("keeps the bytes it was given: the payload is neither copied nor looked at", () => {
    const payload = new Uint8Array([1, 2, 3]);
    const [, effects] = take(leader(), {
      kind: "propose",
      proposals: [{ kind: "command", ref: 9, payload, session: null }],
    });
    const entry = effectsOf(effects, "appendLog")[0]?.entries[0];
    expect(entry?.kind === "command" && entry.payload).toBe(payload);
  });

  test("does nothing for nothing", () => {
    const state = leader();
    expect(take(state, propose())).toEqual([state, []]);
  });
});

describe("anyone else refuses, and says who leads if it knows", () => {
  const cases = [
    { title: "a follower of a leader", state: follower({ leader: n3 }), line: "refuse 2, leader n3" },
    { title: "a follower without one", state: follower(), line: "refuse 2, leader unknown" },
    { title: "a pre-candidate", state: preCandidate(), line: "refuse 2, leader unknown" },
    { title: "a candidate", state: asking(), line: "refuse 2, leader unknown" },
  ];
  for (const { title, state, line } of cases) {
    test(title, () => expect(linesOf(state, propose(1, 1))).toEqual([line]));
  }
});

describe("replicated time", () => {
  const stampsOf = (effects: Parameters<typeof effectsOf>[0]): readonly number[] =>
    effectsOf(effects, "appendLog").flatMap(({ entries }) => entries.map(({ stampMs }) => stampMs));

  test("goes on from the last stamp in the log, as fast as the leader's monotonic clock", () => {
    const state = leader({ log: [1, 1] });
    expect(state.log.lastStampMs).toBe(foundedAtMs + 2);
    expect(stampsOf(take(state, propose(1, 1), 800.9)[1])).toEqual([foundedAtMs + 2, foundedAtMs + 2]);
    expect(stampsOf(take(state, propose(1), 1050)[1])).toEqual([foundedAtMs + 252]);
  });

  test("never goes back, even if the event's clock does", () => {
    const late = take(leader({ log: [1] }), propose(1), 1000)[0];
    expect(stampsOf(take(late, propose(1), 900)[1])).toEqual([late.log.lastStampMs]);
  });

  test("starts at the founding", () => {
    expect(leader().log.lastStampMs).toBe(foundedAtMs);
  });
});

test("what an entry weighs: its payload and a little more, a configuration by its members", () => {
  expect(entryBytes(commands([1], 1, 100)[0]!)).toBe(132);
  expect(entryBytes(noop(1, 1))).toBe(32);
  const configuration = genesisConfiguration(genesisOf(n1, n2, n3));
  expect(entryBytes({ kind: "configuration", index: 1, term: 1, stampMs: 0, configuration })).toBe(32 + 3 * 96);
});

test("P26: on step-down what was appended is left in the log, undecided: the core refuses only what it never appended", () => {
  const state = play(leader({ log: [1] }), propose(4));
  const [after, effects] = take(state, { kind: "tick" }, 1300);
  expect(after.role.kind).toBe("follower");
  expect(after.log.last).toEqual(at(3, 2));
  expect(effectsOf(effects, "proposalsRefused")).toEqual([]);
  expect(effectsOf(effects, "truncateLog")).toEqual([]);
});
