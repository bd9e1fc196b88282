// What a node without a leader says that it waits for: voters that do not answer, those that vote on in a joint phase included.
import { describe, expect, test } from "bun:test";
import type { MemberKey } from "../../src/core/configuration.ts";
import type { State } from "../../src/core/state.ts";
import { waitingFor, type WaitingSource } from "../../src/node/waiting-for.ts";
import type { PeerStatus } from "../../src/ports/transport.ts";
import { follower, leader } from "../core/build.ts";
import { n1, n2, n3, n4, n5 } from "../core/say.ts";

const source = (state: State, refilling: readonly MemberKey[] = []): WaitingSource => ({
  state,
  options: { address: "n1:7400" },
  membership: {
    acquaintance: { bootstrap: null, list: null, contacts: [] },
    notFound: ["x:1: refused"],
    isConnected: () => true,
  },
  isRefilling: (key) => refilling.includes(key),
});
const gone = (id: string): PeerStatus => ({
  id,
  address: `${id}:7400`,
  reachable: false,
  reason: "refused",
  version: null,
  announced: null,
});
const allGone = ["n2", "n3", "n4", "n5"].map(gone);

describe("a node without a leader", () => {
  test("waits for each voter that does not answer, and for no learner", () => {
    const state = follower({ members: [n1, n2, n3, n4, n5], configuration: { voters: [n1, n2, n3] } });
    expect(waitingFor(source(state), allGone)).toEqual(["n2 at n2:7400: refused", "n3 at n3:7400: refused"]);
    const n2There = { ...gone("n2"), reachable: true };
    expect(waitingFor(source(state), [n2There, gone("n3")])).toEqual(["n3 at n3:7400: refused"]);
  });

  test("waits in a joint phase for voters of either half", () => {
    const configuration = { voters: [n1, n4], outgoing: [n1, n2], leaving: [] };
    const state = follower({ members: [n1, n2, n3, n4], configuration });
    expect(waitingFor(source(state), allGone)).toEqual(["n2 at n2:7400: refused", "n4 at n4:7400: refused"]);
    // Of the outgoing half alone too few have sound data.
    const [words, ...more] = waitingFor(source(state, [n2]), []);
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

test("a node that knows of a leader waits for nothing", () => {
  for (const state of [leader(), follower({ leader: n2 })]) expect(waitingFor(source(state), allGone)).toEqual([]);
});
