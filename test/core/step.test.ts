// The door of the core: pure, monotonic in time, and with one way in that changes members.
import { describe, expect, test } from "bun:test";
import type { Effect } from "../../src/core/effects.ts";
import type { Event } from "../../src/core/events.ts";
import { latestConfiguration } from "../../src/core/log-terms.ts";
import type { State } from "../../src/core/state.ts";
import { step } from "../../src/core/step.ts";
import { asking, candidate, effectsOf, follower, leader, play, preCandidate, take } from "./build.ts";
import {
  arriving,
  accepted,
  append,
  at,
  change,
  commands,
  failedFetch,
  fetched,
  crashed,
  fitness,
  from,
  genesisOf,
  hello,
  install,
  n1,
  n2,
  n3,
  n4,
  persisted,
} from "./say.ts";
import {
  preVote,
  preVoteReply,
  propose,
  read,
  readIndex,
  readIndexReply,
  requestVote,
  tick,
  snapshotAt,
  taken,
  timeoutNow,
  transferTo,
  type Untimed,
  voter,
  voteReply,
  wiped,
} from "./say.ts";

/** One of each kind of event, and for messages one of each kind of message: the compiler demands the list complete. */
const events: Readonly<Record<Event["kind"], readonly Untimed[]>> = {
  tick: [tick],
  message: [
    from(n2, preVote(3, at(1, 1))),
    from(n2, preVoteReply(2, 1, true)),
    from(n2, requestVote(3, at(9, 2))),
    from(n2, voteReply(2, true)),
    from(n2, append({ term: 3, prev: at(1, 1), entries: commands([3], 2) })),
    from(n2, accepted(2, 1)),
    from(n2, timeoutNow(1)),
    from(n2, readIndex(2, 7)),
    from(n2, readIndexReply(1, 7, null)),
    from(n2, install(snapshotAt(at(9, 1)), { term: 1 })),
    from(n2, { kind: "genesisNotice", genesis: genesisOf(n1) }),
  ],
  peerConnected: [hello(n2, "founding"), hello(wiped(n3), genesisOf(n1, n2))],
  partReceived: [arriving(n2)],
  wake: [
    { kind: "wake", wake: { atMs: 1, through: 0 } },
    { kind: "wake", wake: null },
  ],
  fitness: [fitness([n1, "space"], [n3, "hidden"])],
  peerCrashed: [crashed(n2), crashed(n3)],
  propose: [propose(4, 0)],
  read: [read(1)],
  persisted: [persisted(0)],
  changeMembership: [change({ remove: ["n3"] }), change({ add: [voter(n4)] }), change({})],
  snapshotTaken: [taken(snapshotAt(at(1, 1)))],
  snapshotFetched: [fetched(snapshotAt(at(9, 1)))],
  snapshotReplaced: [{ kind: "snapshotReplaced", snapshot: snapshotAt(at(1, 1)) }],
  fetchFailed: [failedFetch(n2, "9.snapshot")],
  transferLeadership: [transferTo("n2"), transferTo("n3"), transferTo(null), transferTo("n9")],
};

const states: Readonly<Record<string, () => State>> = {
  follower: () => follower({ log: [1], leader: n2, commitIndex: 1 }),
  preCandidate: () => preCandidate({ log: [1], commitIndex: 1 }),
  candidate: () => candidate({ log: [1], commitIndex: 1 }),
  asking: () => asking({ log: [1], commitIndex: 1 }),
  leader: () => leader({ log: [1], commitIndex: 1 }),
};

const each = Object.entries(states).flatMap(([name, state]) =>
  Object.values(events).flatMap((list) => list.map((event) => ({ name, state: state(), event }))),
);

describe("step is pure", () => {
  test("the same state and event give the same result, and the state given is left as it was", () => {
    for (const { state, event } of each) {
      const frozen = structuredClone(state);
      const once = step(state, { ...event, nowMs: 900 });
      expect(step(frozen, { ...event, nowMs: 900 })).toEqual(once);
      expect(state).toEqual(frozen);
    }
  });

  test("every kind of event finds every role in a state that its invariants hold in afterwards", () => {
    for (const { state, event } of each) expect(() => take(state, event, 900)).not.toThrow();
    expect(each.length).toBe(5 * 34);
  });

  test("time does not go back, even if an event's does", () => {
    const state = { ...follower({ log: [1] }), nowMs: 700 };
    expect(step(state, { kind: "tick", nowMs: 300 })[0].nowMs).toBe(700);
    expect(step(state, { kind: "tick", nowMs: 750 })[0].nowMs).toBe(750);
  });
});

// The one event that changes members refuses to remove the last voter (next-configuration.test.ts), and nothing else that
// can happen to a node makes it write a configuration, or take one from anywhere but a leader's log.
describe("P44: nothing but an administrator's change makes a configuration", () => {
  const others = each.filter(({ event }) => event.kind !== "changeMembership");

  test("P44: no other event changes the configuration in force", () => {
    for (const { state, event } of others) {
      expect(latestConfiguration(take(state, event, 900)[0].log)).toEqual(latestConfiguration(state.log));
    }
  });

  test("P44: no other event makes a node write a configuration entry", () => {
    for (const { state, event } of others) {
      const effects: readonly Effect[] = take(state, event, 900)[1];
      const written = effectsOf(effects, "appendLog").flatMap(({ entries }) => entries.map(({ kind }) => kind));
      expect(written).not.toContain("configuration");
    }
  });

  test("P44: a proposed command becomes a command, whatever its bytes say", () => {
    const [, effects] = take(leader(), propose(0, 9));
    expect(effectsOf(effects, "appendLog")[0]?.entries.map(({ kind }) => kind)).toEqual(["command", "command"]);
  });

  test("P44: a node that does not vote keeps answering", () => {
    const learning = follower({ log: [1], configuration: { voters: [n2, n3] } });
    const [after, effects] = take(learning, from(n2, preVote(2, at(1, 1))));
    expect(effects).toHaveLength(1);
    expect(play(after, propose(4)).role.kind).toBe("follower");
  });
});
