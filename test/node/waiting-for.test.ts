// What a node without a leader says that it waits for: voters that do not answer, those that vote on in a joint phase included.
import { describe, expect, test } from "bun:test";
import type { MemberKey } from "../../src/core/configuration.ts";
import type { State } from "../../src/core/state.ts";
import { waitingFor, type WaitingSource } from "../../src/node/waiting-for.ts";
import type { PeerStatus } from "../../src/ports/transport.ts";
import { restore } from "../../src/core/restore.ts";
import { follower, leader, play, saved, starting } from "../core/build.ts";
import { hello, n1, n2, n3, n4, n5 } from "../core/say.ts";

interface Circumstances {
  readonly refilling: readonly MemberKey[];
  /** Members in whose place a node with other data runs, if it can be reached. */
  readonly replaced: readonly MemberKey[];
  readonly bootstrap: WaitingSource["membership"]["acquaintance"]["bootstrap"];
}

const source = (state: State, circumstances: Partial<Circumstances> = {}): WaitingSource => {
  const { refilling = [], replaced = [], bootstrap = null } = circumstances;
  return {
    state,
    options: { address: "n1:7400" },
    membership: {
      acquaintance: { bootstrap, list: null, contacts: [] },
      notFound: ["x:1: refused"],
      isConnected: (key) => !replaced.includes(key),
    },
    isRefilling: (key) => refilling.includes(key),
  };
};
const gone = (id: string): PeerStatus => ({
  id,
  address: `${id}:7400`,
  reachable: false,
  reason: "refused",
  version: null,
  announced: null,
  knowsSkips: true,
});
const there = (id: string): PeerStatus => ({ ...gone(id), reachable: true, reason: null });
const ids = ["n2", "n3", "n4", "n5"];
const [allGone, allThere] = [ids.map(gone), ids.map(there)];
const refill: State["refill"] = { id: 1, finding: "the log is gone", clusterUuid: null, ticket: null };

describe("a node without a leader", () => {
  test("waits for each voter that does not answer, and for no learner", () => {
    const state = follower({ members: [n1, n2, n3, n4, n5], configuration: { voters: [n1, n2, n3] } });
    expect(waitingFor(source(state), allGone)).toEqual(["n2 at n2:7400: refused", "n3 at n3:7400: refused"]);
    expect(waitingFor(source(state), [there("n2"), gone("n3")])).toEqual(["n3 at n3:7400: refused"]);
    expect(waitingFor(source(state), [{ ...gone("n3"), reason: null }])).toEqual(["n3 at n3:7400: not connected yet"]);
  });

  test("waits in a joint phase for voters of either half", () => {
    const configuration = { voters: [n1, n4], outgoing: [n1, n2], leaving: [] };
    const state = follower({ members: [n1, n2, n3, n4], configuration });
    expect(waitingFor(source(state), allGone)).toEqual(["n2 at n2:7400: refused", "n4 at n4:7400: refused"]);
    // Of the outgoing half alone too few have sound data.
    const [words, ...more] = waitingFor(source(state, { refilling: [n2] }), []);
    expect(more).toEqual([]);
    expect(words).toStartWith("a majority of voters with sound data: n2 copies the log anew and does not vote");
  });

  test("that is no member yet waits to be added", () => {
    const state = follower({ self: n4 });
    expect(waitingFor(source(state), allGone)).toEqual(["being added: graft cluster add n4 n1:7400"]);
    expect(waitingFor(source({ ...state, genesis: null }), allGone)).toEqual([
      "being added: graft cluster add n4 n1:7400",
      "x:1: refused",
    ]);
  });
});

describe("a node with sound data that can reach the others", () => {
  const five = follower({ members: [n1, n2, n3, n4, n5] });
  const said = (circumstances: Partial<Circumstances>, state = five, peers = allThere): readonly string[] =>
    waitingFor(source(state, circumstances), peers);
  const recover = "empty no data directory, and recover from a node with sound data: graft recover --data-dir DIR";

  test("waits for nothing as long as a majority of the voters has sound data", () => {
    expect(said({})).toEqual([]);
    expect(said({ refilling: [n2, n3] })).toEqual([]);
    expect(said({ refilling: [n2, n3, n4] })).toHaveLength(1);
  });

  test("waits, where too many copy the log, for ever", () => {
    const never = "so no leader can be elected, and this does not end by itself; ";
    expect(said({ refilling: [n2, n4, n5] })).toEqual([
      "a majority of voters with sound data: n2, n4, n5 copy the log anew and do not vote, " +
        `${never}stop n2, n4, n5, ${recover}`,
    ]);
    expect(said({ refilling: [n2] }, follower({ members: [n1, n2] }))).toEqual([
      `a majority of voters with sound data: n2 copies the log anew and does not vote, ${never}stop n2, ${recover}`,
    ]);
  });

  test("names each that runs in the place of a voter, as long as the others can elect a leader", () => {
    const words = (id: string): string =>
      `${id} with its old data: ${id} runs with other data than the member ${id} and does not vote; once there is a leader it can be added`;
    expect(said({ replaced: [n2, n4] })).toEqual([words("n2"), words("n4")]);
    // Of one that cannot be reached nothing is known, and a learner is not needed.
    expect(said({ replaced: [n2, n4] }, five, [gone("n2"), there("n4")])).toEqual([
      "n2 at n2:7400: refused",
      words("n4"),
    ]);
    const withLearners = follower({ members: [n1, n2, n3, n4, n5], configuration: { voters: [n1, n2, n3] } });
    expect(said({ replaced: [n4], refilling: [n5] }, withLearners)).toEqual([]);
  });

  test("has those started with their old data that run in the place of voters, where too few are left", () => {
    const ifNone = "if no node knows a leader, none can be elected, and this does not end by itself: ";
    expect(said({ replaced: [n2, n3, n5] })).toEqual([
      "a majority of voters with sound data: n2, n3, n5 run with other data than the members n2, n3, n5 and do not vote; " +
        `${ifNone}start n2, n3, n5 with the old data if it is sound; otherwise stop n2, n3, n5, ${recover}`,
    ]);
    // One that copies the log is no other node, whatever connection it has.
    expect(said({ refilling: [n4, n5], replaced: [n3, n5] })).toEqual([
      "a majority of voters with sound data: n4, n5 copy the log anew and do not vote, and " +
        `n3 runs with other data than the member n3 and does not vote; ${ifNone}start n3 with the old data if it is sound; otherwise stop n4, n5, n3, ${recover}`,
    ]);
  });
});

describe("a node that has lost its log", () => {
  const fromLeader = expect.stringMatching(/^a leader from which n1 copies the log: only a majority of voters /);

  test("waits for a leader to copy from, and for the voters that do not answer, whatever data they have", () => {
    const state = { ...follower({ members: [n1, n2, n3, n4] }), refill };
    expect(waitingFor(source(state, { refilling: [n2, n3, n4] }), [gone("n2"), there("n3"), gone("n5")])).toEqual([
      "n2 at n2:7400: refused",
      fromLeader,
    ]);
  });

  test("and with it what cluster it is of, or that it is a member, does not wait to be added", () => {
    const state = { ...follower({ self: n1, members: [n2, n3] }), refill };
    const blank = { ...state, genesis: null, log: { ...state.log, configurations: [] } };
    expect(waitingFor(source(state), [gone("n3")])).toEqual(["n3 at n3:7400: refused", fromLeader]);
    expect(waitingFor(source(blank), [gone("n3")])).toEqual(["n3 at n3:7400: refused", fromLeader]);
  });
});

test("a founder waits for each other founder that it cannot reach", () => {
  const state = follower();
  const blank = { ...state, genesis: null, log: { ...state.log, configurations: [] } };
  const bootstrap = ["n1", "n2", "n3"].map((id) => ({ id, address: `${id}:7400` }));
  expect(waitingFor(source(blank, { bootstrap }), [there("n2"), gone("n3")])).toEqual(["n3 at n3:7400: refused"]);
});

test("a founder waits for one that answers and waits to be added, and says how both can be helped", () => {
  const bootstrap = ["n1", "n2", "n3"].map((id) => ({ id, address: `${id}:7400` }));
  const blank = restore({ ...saved(), genesis: null }, starting({ self: n1, bootstrap }));
  const state = play(blank, hello(n2, "joining"), hello(n3, "founding"));
  const words =
    "n2 at n2:7400, which waits to be added and founds no cluster: if the cluster exists already, start n1 with " +
    "cluster.join in place of cluster.bootstrap; if it does not, start n2 with cluster.bootstrap";
  expect(waitingFor(source(state, { bootstrap }), [there("n2"), there("n3")])).toEqual([words]);
  expect(waitingFor(source(state, { bootstrap }), [gone("n2"), there("n3")])).toEqual(["n2 at n2:7400: refused"]);
  const helped = play(state, hello(n2, "founding"));
  expect(waitingFor(source(helped, { bootstrap }), [there("n2"), there("n3")])).toEqual([]);
});

test("a node that has been removed waits for nothing", () => {
  const [placed] = follower().log.configurations;
  const state = { ...follower({ self: n4 }), removed: { ...placed!, ticket: 1 } };
  expect(waitingFor(source(state), allGone)).toEqual([]);
});

test("a node that knows of a leader waits for nothing", () => {
  for (const state of [leader(), follower({ leader: n2 })]) expect(waitingFor(source(state), allGone)).toEqual([]);
});
