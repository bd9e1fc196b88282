// What one node sends never ends another node's process: a message that contradicts what this node can check is a lie.
import { describe, expect, test } from "bun:test";
import { indexLeapMax } from "../../src/core/lies.ts";
import { nextUint32, seedRandom, type RandomState } from "../../src/core/random.ts";
import type { Configuration } from "../../src/core/configuration.ts";
import type { Entry } from "../../src/core/entry.ts";
import { genesisConfiguration } from "../../src/core/genesis.ts";
import type { Message } from "../../src/core/messages.ts";
import type { SnapshotRecord } from "../../src/core/snapshot-record.ts";
import type { State } from "../../src/core/state.ts";
import { asking, candidate, follower, leader, linesOf, preCandidate, take } from "./build.ts";
import { accepted, append, at, commands, fetchFailed, fetching, from, install, n1, n2, n3, n5 } from "./say.ts";
import { preVote, preVoteReply, readIndex, readIndexReply, refused, requestVote, snapshotAt } from "./say.ts";
import { foundedAtMs, genesisOf, timeoutNow, voteReply } from "./say.ts";

const led = follower({ log: [1, 2, 3], leader: n2, commitIndex: 2 });
const compacted = follower({ log: [3], snapshot: at(4, 2), leader: n2, term: 3 });
const leading = leader({ log: [1], matched: [[n2, 2]] });
/** It has followed n2 since its start. */
const followed = take(led, from(n2, append({ term: 3, prev: at(3, 3) })))[0];

const configuration = (part: Partial<Configuration>): Configuration => ({
  ...genesisConfiguration(genesisOf(n1, n2, n3)),
  ...part,
});
const configurationAt = (index: number, term: number, part: Partial<Configuration>): Entry => ({
  kind: "configuration",
  index,
  term,
  stampMs: foundedAtMs + index,
  configuration: configuration(part),
});
const withConfiguration = (record: SnapshotRecord, part: Partial<Configuration>): SnapshotRecord => ({
  ...record,
  stampMs: foundedAtMs,
  configuration: { position: at(0, 0), configuration: configuration(part) },
});

describe("a lie costs its sender the connection and changes nothing", () => {
  const cases: readonly (readonly [string, State, Message, string])[] = [
    ["an acknowledgement beyond the leader's log", leading, accepted(2, 9), "acknowledges entry 9"],
    ["an answer to a round that was never sent", leading, accepted(2, 1, 2 ** 53 - 1), "answers round"],
    ["AppendEntries in the leader's own term", leading, append({ term: 2 }), "claims to lead term 2"],
    ["InstallSnapshot in the leader's own term", leading, install(snapshotAt(at(9, 1)), { term: 2 }), "claims to lead"],
    ["prev contradicts a committed entry", led, append({ term: 3, prev: at(2, 1) }), "term 2 is committed there"],
    [
      "an entry contradicts a committed one",
      led,
      append({ term: 3, prev: at(1, 1), entries: commands([3], 2) }),
      "its entry 2 has term 3",
    ],
    ["prev contradicts the snapshot's end", compacted, append({ term: 3, prev: at(4, 1) }), "its entry 4 has term 1"],
    [
      "entries below the snapshot contradict its end",
      compacted,
      append({ term: 3, prev: at(1, 1), entries: commands([1, 1, 1, 2], 2) }),
      "its entry 4 has term 1",
    ],
    [
      "P20: entries with a gap",
      led,
      append({ term: 3, prev: at(3, 3), entries: [...commands([3], 4), ...commands([3], 6)] }),
      "its entry 6 does not follow 4",
    ],
    [
      "entries whose terms fall",
      led,
      append({ term: 3, prev: at(3, 3), entries: commands([3, 2], 4) }),
      "has term 2, after term 3",
    ],
    [
      "an entry of a later term than the leader's",
      led,
      append({ term: 3, prev: at(3, 3), entries: commands([4], 4) }),
      "later than its own",
    ],
    [
      "P59: more is confirmed in a new term than this node has ever acknowledged",
      followed,
      append({ term: 4, prev: at(3, 3), confirmed: 2 ** 40 }),
      "had entry 1099511627776 confirmed in term 4",
    ],
    [
      "the same with the offer of a snapshot",
      followed,
      install({ ...snapshotAt(at(9, 3)), stampMs: foundedAtMs }, { term: 4, confirmed: 8 }),
      "had entry 8 confirmed in term 4",
    ],
    [
      "the same of a node that has led since its start",
      leading,
      append({ term: 3, prev: at(2, 2), confirmed: 3 }),
      "had entry 3 confirmed in term 3",
    ],
    [
      "a configuration that no leader may append",
      led,
      append({ term: 3, prev: at(3, 3), entries: [configurationAt(4, 3, { leaving: [n2], outgoing: [n1, n2, n3] })] }),
      "does not hold: only who voted before and will not vote leaves",
    ],
    [
      "a snapshot with a configuration that no leader may append",
      led,
      install(withConfiguration(snapshotAt(at(9, 3)), { voters: [n1, n1, n2] }), { term: 3 }),
      "its snapshot has a configuration of which this does not hold: voters are members, each once",
    ],
    ["a snapshot contradicts a committed entry", led, install(snapshotAt(at(2, 1)), { term: 3 }), "its entry 2"],
    ["a snapshot goes on in an earlier term", led, install(snapshotAt(at(9, 1)), { term: 3 }), "in term 1"],
    [
      "P65: a snapshot leaps to the end of the indexes",
      led,
      install({ ...snapshotAt(at(4 + indexLeapMax, 3)), stampMs: foundedAtMs }, { term: 3 }),
      "beyond",
    ],
  ];
  for (const [title, state, message, words] of cases) {
    test(title, () => {
      const [after, effects] = take(state, from(n2, message));
      expect(after).toEqual(state);
      expect(effects).toEqual([{ kind: "accuse", from: n2, lie: expect.stringContaining(words) }]);
    });
  }

  test("another leader of a term whose leader this node follows; whether it is a member does not matter", () => {
    for (const liar of [n3, n5]) {
      expect(linesOf(led, from(liar, append({ term: 3, prev: at(3, 3) })))).toEqual([
        `accuse ${liar.slice(0, 2)}: it claims to lead term 3, which n2@disk2 leads`,
      ]);
    }
  });

  test("P65: a snapshot may end far away, as far as the next leap is still possible", () => {
    const snapshot = { ...snapshotAt(at(3 + indexLeapMax, 3)), stampMs: foundedAtMs };
    const [after, effects] = take(led, from(n2, install(snapshot, { term: 3 })));
    expect(effects.map(({ kind }) => kind)).toEqual(["fetchSnapshot", "send"]);
    expect(after.log).toEqual(led.log);
  });
});

describe("no lie", () => {
  test("P59: in the first term since its start a node may have lost what it had acknowledged", () => {
    const message = append({ term: 3, prev: at(3, 3), confirmed: 8 });
    for (const state of [led, followed]) {
      expect(take(state, from(n2, message))[1].map(({ kind }) => kind)).toEqual(["send", "halt"]);
    }
  });

  test("what a leader of an earlier term had confirmed may be overwritten since", () => {
    const acknowledged = take(followed, from(n2, append({ term: 4, prev: at(3, 3), entries: commands([4, 4], 4) })))[0];
    const overwritten = take(acknowledged, from(n3, append({ term: 5, prev: at(3, 3), entries: commands([5], 4) })))[0];
    const late = append({ term: 4, prev: at(5, 4), confirmed: 5 });
    const [after, effects] = take(overwritten, from(n2, late));
    expect(effects).toEqual([]);
    // The refusal waits for the disk: it promises term 5.
    expect(after).not.toEqual(overwritten);
  });

  test("a leader of an earlier term may hold what was overwritten since", () => {
    const stale = append({ term: 2, prev: at(2, 1), entries: commands([1], 3) });
    expect(linesOf(led, from(n3, stale))[0]).toStartWith("to n3: AppendEntriesReply term 3: refused");
  });

  test("an acknowledgement from an earlier leadership says nothing about this one", () => {
    expect(take(leading, from(n2, accepted(1, 9, 99)))).toEqual([leading, []]);
  });

  test("below the snapshot this node compares nothing", () => {
    const late = append({ term: 3, prev: at(1, 2), entries: commands([2, 2, 2], 2) });
    expect(linesOf(compacted, from(n2, late))).toEqual(["to n2: AppendEntriesReply term 3: matches through 4"]);
  });
});

/** Numbers as a careless or hostile node might choose them: near what is true, and at the end of the range. */
function* numbers(seed: RandomState): Generator<number, never> {
  let random = seedRandom(seed);
  for (;;) {
    const [pick, afterPick] = nextUint32(random);
    const [value, after] = nextUint32(afterPick);
    random = after;
    yield pick % 5 === 0 ? [0, 2 ** 20, 2 ** 44, 2 ** 48, 2 ** 53 - 1][value % 5]! : value % 7;
  }
}

function someMessage(next: () => number): Message {
  const place = () => {
    const index = next();
    return index === 0 ? at(0, 0) : at(index, Math.max(1, next()));
  };
  const term = Math.max(1, next());
  const prev = place();
  const terms = Array.from({ length: next() % 4 }, () => next());
  const record = { ...snapshotAt(place()), stampMs: next() };
  const all: readonly (() => Message)[] = [
    () => append({ term, prev, entries: commands(terms, next()), commit: next(), round: next(), freshAsOf: next() }),
    () => append({ term, prev, entries: commands(terms, prev.index + 1), commit: next(), round: next() }),
    () => install(record, { term, round: next() }),
    () => accepted(term, next(), next(), next()),
    () => refused(term, { prevIndex: next(), conflict: place(), lastIndex: next() }, next()),
    () => fetching(term, next()),
    () => fetchFailed(term, record.file, next()),
    () => preVote(term, prev, next() % 2 === 0),
    () => preVoteReply(term, next(), next() % 2 === 0),
    () => requestVote(term, prev, next() % 2 === 0),
    () => voteReply(term, next() % 2 === 0),
    () => timeoutNow(term),
    () => readIndex(term, next()),
    () => readIndexReply(term, next(), next()),
  ];
  return all[next() % all.length]!();
}

describe("whatever one node sends", () => {
  const states: Readonly<Record<string, () => State>> = {
    follower: () => led,
    "follower with a snapshot": () => compacted,
    "follower without a leader": () => follower({ log: [1, 2], commitIndex: 1 }),
    newcomer: () => follower({ self: n5 }),
    preCandidate: () => preCandidate({ log: [1] }),
    candidate: () => candidate({ log: [1] }),
    "candidate that asks": () => asking({ log: [1] }),
    leader: () => leading,
    "leader of one": () => leader({ members: [n1] }),
  };
  for (const [name, start] of Object.entries(states)) {
    for (const liar of [n2, n5]) {
      test(`${name} is neither stopped nor broken by ${liar === n2 ? "a member" : "a stranger"}`, () => {
        for (let run = 0; run < 400; run += 1) {
          const random = numbers([run, 7, 7, 7]);
          const next = () => random.next().value;
          let state = start();
          for (let count = 0; count < 6; count += 1) {
            const message = someMessage(next);
            const told = from(liar === n5 && state.self === n5 ? n3 : liar, message);
            try {
              [state] = take(state, told);
            } catch (error) {
              throw new Error(`run ${run}: ${JSON.stringify(message)}`, { cause: error });
            }
          }
        }
      });
    }
  }
});
