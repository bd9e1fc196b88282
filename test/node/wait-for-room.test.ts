// What a write weighs: what it is asked whether there is room for. And what a node remembers, and whom it answers, while there is none.
import { expect, test } from "bun:test";
import type { Genesis } from "../../src/core/genesis.ts";
import type { DurableEffect } from "../../src/core/effects.ts";
import { type Entry, entryBytes } from "../../src/core/entry.ts";
import { bytesOf, StandingEvents, turnedAway } from "../../src/node/wait-for-room.ts";
import {
  change,
  fitness,
  from,
  genesisOf,
  hello,
  n2,
  n3,
  propose,
  read,
  tick,
  timeoutNow,
  transferTo,
  type Untimed,
  wiped,
} from "../core/say.ts";

const wakeAt = (atMs: number): Untimed => ({ kind: "wake", wake: { atMs, through: 1 } });

const entryOf = (index: number, payloadBytes: number): Entry => ({
  kind: "command",
  index,
  term: 1,
  stampMs: 1,
  payload: new Uint8Array(payloadBytes),
  session: null,
});

test("a write weighs what all its entries weigh, and something for its records", () => {
  const entries = [entryOf(1, 1000), entryOf(2, 2_000_000), entryOf(3, 0)];
  const vote: DurableEffect = { kind: "writeVote", ticket: 1, currentTerm: 2, votedFor: null };
  const effects: readonly DurableEffect[] = [
    vote,
    { kind: "appendLog", ticket: 2, entries: entries.slice(0, 2) },
    { kind: "appendLog", ticket: 3, entries: entries.slice(2) },
  ];
  const ofEntries = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
  expect(bytesOf(effects)).toBe(bytesOf([vote]) + ofEntries);
  expect(bytesOf([vote])).toBeGreaterThan(0);
});

test("of what is told once the latest is remembered: of the node itself its fitness and when to wake it, and of each peer its hello and genesis", () => {
  const notice = (genesis: Genesis) => ({ kind: "genesisNotice", genesis }) as const;
  const told: readonly Untimed[] = [
    wakeAt(70),
    fitness([n2, "space"]),
    hello(n2, "founding"),
    hello(n3, "founding"),
    from(n2, notice(genesisOf(n2))),
    from(n3, notice(genesisOf(n3))),
    fitness(),
    // Of another incarnation of the same node.
    hello(wiped(n2), genesisOf(n3)),
    from(wiped(n2), notice(genesisOf(n2, n3))),
    tick,
    from(n2, timeoutNow(3)),
    wakeAt(90),
  ];
  const standing = new StandingEvents();
  for (const event of told) standing.note({ ...event, nowMs: 7 });
  expect(standing.latest).toEqual([11, 6, 7, 3, 8, 5].map((nth) => ({ ...told[nth]!, nowMs: 7 })) as never);
});

test.each<readonly [string, Untimed, unknown]>([
  ["a command", propose(1, 2), { kind: "proposalsRefused", refs: [1, 2], leader: null }],
  ["a query", read(4), { kind: "readRefused", ref: 4, leader: null }],
  [
    "a hand-over",
    transferTo(null, 5),
    { kind: "transferSettled", ref: 5, outcome: { kind: "notLeader", leader: null } },
  ],
  [
    "a change of the members",
    change({}),
    { kind: "changeSettled", ref: 1, outcome: { kind: "notLeader", leader: null } },
  ],
])("who asks while there is no room is answered at once: %s", (_, event, effect) => {
  expect(turnedAway({ ...event, nowMs: 7 })).toEqual([effect] as never);
});

test("what nobody waits for is not answered while there is no room", () => {
  for (const event of [tick, hello(n2, "founding"), fitness()]) expect(turnedAway({ ...event, nowMs: 7 })).toEqual([]);
});
