// Snapshots: when the log lets go of what one covers, and how a follower comes by what the others have forgotten (§5).
import { describe, expect, test } from "bun:test";
import { termAt } from "../../src/core/log-terms.ts";
import type { State } from "../../src/core/state.ts";
import { asFollower, effectsOf, follower, leader, linesOf, play, progressOf, take } from "./build.ts";
import {
  accepted,
  append,
  at,
  commands,
  failedFetch,
  fetched,
  foundedAtMs,
  fetchFailed,
  fetching,
  from,
  hello,
  install,
  n1,
  n2,
  n3,
  n4,
  persisted,
  propose,
  refused,
  snapshotAt,
  taken,
  tick,
} from "./say.ts";

/** A tail of no entry: the log begins where the snapshot ends. */
const bare = { tailEntriesMax: 0 };

describe("a snapshot that replaces the own one, whose state has gone wrong", () => {
  const replacing = (index: number, term: number, file: string) =>
    ({ kind: "snapshotReplaced", snapshot: { ...snapshotAt(at(index, term)), file } }) as const;
  const covered = () =>
    play(follower({ log: [1, 1, 1, 2, 2], commitIndex: 4, settings: bare }), taken(snapshotAt(at(3, 1))));

  test("may end where the own one does, and the log stays", () => {
    const [after, effects] = take(covered(), replacing(3, 1, "other"));
    expect(effects).toMatchObject([{ kind: "writeSnapshot", base: at(3, 1), discardsLog: false }]);
    expect(after).toMatchObject({ snapshot: { file: "other" }, appliedIndex: 4, log: { last: at(5, 2) } });
  });

  test("changes nothing where it ends earlier, or behind what was applied, or in another history", () => {
    const state = covered();
    for (const [index, term] of [
      [2, 1],
      [5, 2],
      [4, 1],
    ] as const)
      expect(take(state, replacing(index, term, "other"))).toEqual([state, []]);
  });
});

describe("a snapshot that this node has taken", () => {
  const applied = () => follower({ log: [1, 1, 1, 2, 2], commitIndex: 4, settings: bare });

  test("lets go of the entries that it covers, and keeps those behind it", () => {
    const [after, effects] = take(applied(), taken(snapshotAt(at(3, 1))));
    expect(effects).toMatchObject([{ kind: "writeSnapshot", base: at(3, 1), discardsLog: false, ticket: 1 }]);
    expect(after.log).toMatchObject({ base: at(3, 1), last: at(5, 2), termStarts: [at(4, 2)] });
    expect(termAt(after.log, 2)).toBeNull();
    expect(after.snapshot?.position).toEqual(at(3, 1));
  });

  test("the term that goes on behind it has its start there", () => {
    const [after] = take(applied(), taken(snapshotAt(at(2, 1))));
    expect(after.log.termStarts).toEqual([at(3, 1), at(4, 2)]);
    expect([3, 4, 5].map((index) => termAt(after.log, index))).toEqual([1, 2, 2]);
  });

  test("P33: one that ends where the latest does, or earlier, changes nothing", () => {
    const state = play(applied(), taken(snapshotAt(at(3, 1))));
    for (const old of [at(3, 1), at(2, 1)]) expect(take(state, taken(snapshotAt(old)))).toEqual([state, []]);
  });

  test("one of what was not applied here is a broken promise", () => {
    expect(() => take(applied(), taken(snapshotAt(at(5, 2))))).toThrow("not applied");
    expect(() => take(applied(), taken(snapshotAt(at(3, 9))))).toThrow("not applied");
  });

  test("P32: the configuration to roll back to stays, though its entry goes", () => {
    const state = play(applied(), taken(snapshotAt(at(3, 1))));
    expect(state.log.configurations.map(({ position }) => position)).toEqual([at(0, 0)]);
  });

  test("a bounded tail stays for followers that are a little behind", () => {
    const appended = play(
      follower({ log: [1], leader: n2, settings: { tailEntriesMax: 2 } }),
      from(n2, append({ term: 1, prev: at(1, 1), entries: commands([1, 1, 1, 1], 2), commit: 5 })),
      persisted(1),
    );
    expect(take(appended, taken(snapshotAt(at(5, 1))))[0].log.base).toEqual(at(3, 1));
    const narrow = { ...appended, settings: { ...appended.settings, tailBytesMax: 10 } };
    expect(take(narrow, taken(snapshotAt(at(5, 1))))[0].log.base).toEqual(at(5, 1));
  });
});

describe("what a leader keeps for its followers", () => {
  const leading = (matched: number) =>
    play(
      leader({
        log: [1, 1, 1],
        matched: [
          [n2, 4],
          [n3, matched],
        ],
        settings: { ...bare, snapshotsHeldMax: 1 },
      }),
      propose(4, 4, 4, 4),
      persisted(3),
      from(n2, accepted(2, 8)),
    );

  /** All proposals of one moment have one stamp. */
  const takenAt = (index: number) => taken({ ...snapshotAt(at(index, 2)), stampMs: foundedAtMs });

  test("P36: one that answers holds the log back, so that it need not fetch one snapshot after the other", () => {
    const state = leading(2);
    expect(take(state, takenAt(7))[0].log.base).toEqual(at(2, 1));
  });

  test("P36: nor is it cut under one that fetches a snapshot, which needs what comes behind that", () => {
    const offering = play(
      leader({ snapshot: at(4, 1), log: [1, 1, 1, 1], settings: { ...bare, snapshotsHeldMax: 2 } }),
      from(n2, refused(2, { prevIndex: 8, conflict: at(3, 0), lastIndex: 2 })),
      persisted(1),
      from(n3, accepted(2, 9)),
    );
    expect(progressOf(offering, n2)).toMatchObject({ kind: "installing", snapshot: { position: at(4, 1) } });
    expect(take(offering, taken(snapshotAt(at(8, 1))))[0].log.base).toEqual(at(4, 1));
  });

  test("P51: what lies before the snapshot on offer is not kept for the one that fetches it", () => {
    const offering = play(
      leader({ snapshot: at(4, 1), log: [1, 1, 1, 1], settings: { ...bare, snapshotsHeldMax: 2 } }),
      persisted(1),
      from(n3, accepted(2, 9)),
      taken(snapshotAt(at(6, 1))),
      from(n2, refused(2, { prevIndex: 8, conflict: at(3, 0), lastIndex: 2 })),
    );
    expect(offering.log.base).toEqual(at(4, 1));
    expect(progressOf(offering, n2)).toMatchObject({ kind: "installing", snapshot: { position: at(6, 1) } });
    expect(take(offering, taken(snapshotAt(at(8, 1))))[0].log.base).toEqual(at(6, 1));
  });

  test("but not further than over the snapshots that are allowed", () => {
    const state = play(leading(2), takenAt(5), takenAt(6));
    expect(state.log.base).toEqual(at(5, 2));
  });

  test("and one that has been silent for two election timeouts holds nothing", () => {
    const state = leading(2);
    const later = state.nowMs + 1001;
    const heard = take(state, from(n2, accepted(2, 8)), later)[0];
    expect(take(heard, takenAt(7))[0].log.base).toEqual(at(7, 2));
  });
});

describe("a leader whose follower lacks entries that are gone", () => {
  /** Its log begins after 4; nobody has acknowledged anything yet. */
  const leading = () => leader({ snapshot: at(4, 1), log: [1, 1] });
  const short = refused(2, { prevIndex: 6, conflict: at(3, 0), lastIndex: 2 });

  test("offers its snapshot instead, once", () => {
    const [after, effects] = take(leading(), from(n2, short));
    expect(effects).toMatchObject([{ kind: "send", to: n2, message: { kind: "installSnapshot", term: 2 } }]);
    expect(progressOf(after, n2)).toMatchObject({ kind: "installing", snapshot: { position: at(4, 1) } });
    expect(linesOf(after, propose(4)).filter((line) => line.startsWith("to n2"))).toEqual([]);
  });

  test("offers it anew with each heartbeat: the offer may be lost", () => {
    const state = play(leading(), from(n2, short));
    const lines = linesOf(state, tick, state.nowMs + 60).filter((line) => line.startsWith("to n2"));
    expect(lines).toEqual(["to n2: InstallSnapshot term 2: through 4.1"]);
  });

  test("P36: goes on offering the same one although there is a newer one by now", () => {
    let state = play(leading(), from(n2, short), from(n3, accepted(2, 7)), persisted(2));
    state = play(state, taken(snapshotAt(at(6, 1))));
    const lines = linesOf(state, tick, state.nowMs + 60).filter((line) => line.startsWith("to n2"));
    expect(lines).toEqual(["to n2: InstallSnapshot term 2: through 4.1"]);
  });

  test("an answer that it fetches shows life, and moves nothing", () => {
    const state = play(leading(), from(n2, short));
    const after = take(state, from(n2, fetching(2, 3)), state.nowMs + 20)[0];
    expect(progressOf(after, n2)).toMatchObject({ kind: "installing", heardMs: state.nowMs + 20, ackedRound: 3 });
  });

  const damaged = ({ snapshot }: State) => from(n2, fetchFailed(2, snapshot!.file, 3));

  test("has it checked when the follower finds it damaged, and offers the next one that there is", () => {
    let state = play(leading(), from(n2, short), from(n3, accepted(2, 7)), persisted(2));
    const effects = take(state, damaged(state))[1];
    expect(effects).toMatchObject([{ kind: "checkSnapshot", by: n2, snapshot: state.snapshot }]);
    state = play(state, damaged(state));
    expect(linesOf(state, tick, state.nowMs + 60)).toContain("to n2: InstallSnapshot term 2: through 4.1");
    state = play(state, taken(snapshotAt(at(6, 1))));
    expect(linesOf(state, tick, state.nowMs + 60)).toContain("to n2: InstallSnapshot term 2: through 6.1");
  });

  test("has nothing checked when there is a newer one already: that is offered", () => {
    const offered = play(leading(), from(n2, short), from(n3, accepted(2, 7)), persisted(2));
    const state = play(offered, taken(snapshotAt(at(6, 1))));
    const [after, effects] = take(state, damaged(offered));
    expect(effectsOf(effects, "checkSnapshot")).toEqual([]);
    expect(linesOf(after, tick, state.nowMs + 60)).toContain("to n2: InstallSnapshot term 2: through 6.1");
  });

  test("takes no notice of a late word about another file than the one on offer", () => {
    const state = play(leading(), from(n2, short));
    const [after, effects] = take(state, from(n2, fetchFailed(2, "other.snapshot", 3)));
    expect([progressOf(after, n2), effects]).toMatchObject([{ isDamaged: false }, []]);
  });

  test("goes on with the entries behind it once it is installed", () => {
    const state = play(leading(), from(n2, short));
    const [after, effects] = take(state, from(n2, accepted(2, 4)));
    expect(progressOf(after, n2)).toMatchObject({ kind: "probing", matchIndex: 4, nextIndex: 5 });
    expect(effectsOf(effects, "sendEntries")).toMatchObject([{ to: n2, prev: at(4, 1), through: at(7, 2) }]);
  });

  test("P36: offers the same one anew on a new connection, though there is a newer one: half of it may be there", () => {
    let state = play(leading(), from(n2, short), from(n3, accepted(2, 7)), persisted(2));
    state = play(state, taken(snapshotAt(at(6, 1))));
    expect(linesOf(state, hello(n2, state.genesis!))).toEqual(["to n2: InstallSnapshot term 2: through 4.1"]);
    expect(progressOf(state, n2)).toMatchObject({ kind: "installing", snapshot: { position: at(4, 1) } });
  });
});

describe("a follower that is offered a snapshot", () => {
  const offer = from(n2, install(snapshotAt(at(6, 2)), { term: 3, round: 5 }));

  test("hears its leader by it, has the node fetch it, and says so", () => {
    const [after, effects] = take(follower({ log: [1], term: 2 }), offer);
    expect(asFollower(after)).toMatchObject({ leader: n2, leaderHeardMs: 0, round: 5 });
    expect(effects.map(({ kind }) => kind)).toEqual(["writeVote", "fetchSnapshot"]);
    const lines = linesOf(after, persisted(1));
    expect(lines).toEqual(["to n2: AppendEntriesReply term 3: fetches the snapshot"]);
  });

  test("says that the file is damaged to the leader that offered it, and to no other", () => {
    const state = follower({ log: [1], term: 3, leader: n2 });
    const lines = linesOf(state, failedFetch(n2, "6.snapshot"));
    expect(lines).toEqual(["to n2: AppendEntriesReply term 3: finds 6.snapshot damaged"]);
    expect(take(state, failedFetch(n3, "6.snapshot"))).toEqual([state, []]);
  });

  test("P33: one that a leader of an earlier term offers is refused", () => {
    const lines = linesOf(follower({ log: [1], term: 4 }), offer);
    expect(lines).toEqual(["to n2: AppendEntriesReply term 4: refused after 0, conflict 0.0, last 1"]);
  });

  test("P33: does not fetch what it has: it acknowledges what it has committed", () => {
    const state = follower({ log: [1, 1, 1, 1, 1, 2, 2], term: 3, commitIndex: 7, leader: n2 });
    expect(linesOf(state, offer)).toEqual(["to n2: AppendEntriesReply term 3: matches through 7"]);
  });

  test("takes its own log's word when it has the entry at the end: everything up to there is committed", () => {
    const state = follower({ log: [1, 1, 1, 1, 1, 2, 2], term: 3, leader: n2 });
    const lines = linesOf(state, offer);
    expect(lines).toEqual(["apply 1 through 6", "to n2: AppendEntriesReply term 3: matches through 6"]);
  });
});

describe("a follower whose fetched snapshot is there", () => {
  const snapshot = snapshotAt(at(6, 2), n1, n2, n3, n4);
  const behind = () => follower({ log: [1, 1, 1, 1, 1, 1, 1, 1], commitIndex: 3, term: 3, leader: n2 });

  test("P34: nothing of a log that conflicts at its end survives, also not what lies behind it", () => {
    const [after, effects] = take(behind(), fetched(snapshot));
    expect(effects).toMatchObject([{ kind: "writeSnapshot", discardsLog: true, base: at(6, 2) }]);
    expect(after.log).toMatchObject({ base: at(6, 2), last: at(6, 2), termStarts: [], segments: [] });
    expect(after.commitIndex).toBe(6);
  });

  test("P31: its configuration takes the place of every other, newer ones included", () => {
    const state = behind();
    const configurations = [
      ...state.log.configurations,
      { ...snapshotAt(at(8, 1), n1).configuration, position: at(8, 1) },
    ];
    const [after] = take({ ...state, log: { ...state.log, configurations } }, fetched(snapshot));
    expect(after.log.configurations).toEqual([snapshot.configuration]);
  });

  test("P30: applies nothing until it is durable, then the state is replaced before anything follows", () => {
    const installing = play(behind(), fetched(snapshot));
    expect(installing).toMatchObject({ appliedIndex: 3, installing: 1 });
    const [more, effects] = take(
      installing,
      from(n2, append({ term: 3, prev: at(6, 2), entries: commands([3], 7), commit: 7, round: 9 })),
    );
    expect(effects.map(({ kind }) => kind)).toEqual(["appendLog"]);
    expect(linesOf(more, persisted(2))).toEqual([
      "restore the state of snapshot 6.2",
      "to n2: AppendEntriesReply term 3: matches through 7",
      "apply 7 through 7",
    ]);
  });

  test("P30: hands over nothing that is gone from the log, though it is committed and becomes durable meanwhile", () => {
    const state = play(
      follower({ log: [1, 1], commitIndex: 2, term: 3, leader: n2 }),
      from(n2, append({ term: 3, prev: at(2, 1), entries: commands([1, 1], 3), commit: 4 })),
    );
    expect(state).toMatchObject({ commitIndex: 4, appliedIndex: 2 });
    const installing = play(state, fetched(snapshot));
    expect(linesOf(installing, persisted(1))).toEqual(["to n2: AppendEntriesReply term 3: matches through 4"]);
    expect(linesOf(installing, persisted(2))[0]).toBe("restore the state of snapshot 6.2");
  });

  test("P29: acknowledges it only once it is durable", () => {
    const installing = play(behind(), fetched(snapshot));
    const lines = linesOf(installing, persisted(1));
    expect(lines).toEqual(["restore the state of snapshot 6.2", "to n2: AppendEntriesReply term 3: matches through 6"]);
  });

  test("what was on its way to the disk before counts only as far as it is committed", () => {
    const state = play(
      follower({ log: [1, 1], commitIndex: 1, term: 3, leader: n2 }),
      from(n2, append({ term: 3, prev: at(2, 1), entries: commands([1, 1, 1, 1, 1, 1], 3) })),
    );
    const installing = play(state, fetched(snapshot), persisted(1));
    expect(installing.durability.persistedIndex).toBe(1);
    expect(play(installing, persisted(2)).durability.persistedIndex).toBe(6);
  });

  test("P33: is not taken back by one that ends at or below what it has committed", () => {
    const state = follower({ log: [1, 1, 1, 1, 1, 1, 1], commitIndex: 7, term: 3, leader: n2 });
    expect(take(state, fetched(snapshot))).toEqual([state, []]);
  });

  test("does not install one of a term that its disk, which was full, has not kept: a leader offers it again", () => {
    const state = follower({ term: 2, log: [1, 1], leader: n2 });
    expect(take(state, fetched(snapshotAt(at(9, 3))))).toEqual([state, []]);
  });

  test("installs one at a time, and none while it stands for election or leads", () => {
    const installing = play(behind(), fetched(snapshot));
    expect(take(installing, fetched(snapshotAt(at(9, 2))))).toEqual([installing, []]);
    const leading = leader({ log: [1] });
    expect(take(leading, fetched(snapshotAt(at(9, 2))))).toEqual([leading, []]);
  });
});
