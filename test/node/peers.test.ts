// With whom a node keeps connections: by its own log, by a member's list, and by hearsay, of which the list is the better word.
import { describe, expect, test } from "bun:test";
import { toMemberKey } from "../../src/core/configuration.ts";
import { type Acquaintance, peersOf } from "../../src/node/peers.ts";
import { follower, leader } from "../core/build.ts";
import { n1, n2, n4 } from "../core/say.ts";

const nobody: Acquaintance = { bootstrap: null, list: null, contacts: [] };
const listAt = (index: number, ...members: readonly (readonly [string, string])[]): Acquaintance["list"] => ({
  kind: "memberList",
  index,
  members: members.map(([id, address]) => ({ key: toMemberKey(id, "disk"), address, priority: 0 })),
});
const inWords = (peers: ReturnType<typeof peersOf>) => peers.map(({ id, address }) => `${id} ${address}`).toSorted();

test("a member keeps to the other members, whatever it hears", () => {
  const hearsay = { ...nobody, contacts: [{ id: "n9", address: "n9:1" }], list: listAt(1_000, ["n8", "n8:1"]) };
  for (const state of [follower(), leader()]) {
    expect(inWords(peersOf(state, hearsay))).toEqual(["n2 n2:7400", "n3 n3:7400"]);
  }
});

test("a member is dialled where it has moved to", () => {
  const moved = peersOf(follower(), nobody, ({ key, address }) => (key === n2 ? "moved:1" : address));
  expect(inWords(moved)).toEqual(["n2 moved:1", "n3 n3:7400"]);
});

describe("a node that is no member", () => {
  const outside = follower({ self: n4 });

  test("keeps to the members that it knows and to those it has found, each once, where the list has them", () => {
    const contacts = [
      { id: "n1", address: "found:1" },
      { id: "n5", address: "n5:1" },
      { id: "n4", address: "itself:1" },
    ];
    const ofTheLog = ["n1 n1:7400", "n2 n2:7400", "n3 n3:7400", "n5 n5:1"];
    expect(inWords(peersOf(outside, { ...nobody, contacts }))).toEqual(ofTheLog);
    const list = listAt(7, ["n1", "listed:1"], ["n4", "n4:1"]);
    expect(inWords(peersOf(outside, { ...nobody, contacts, list }))).toEqual(["n1 listed:1", "n5 n5:1"]);
  });

  test("believes a list that is no older than its own log, and no other one", () => {
    const [latest] = outside.log.configurations;
    const configurations = [{ ...latest!, position: { index: 7, term: 1 } }];
    const state = { ...outside, log: { ...outside.log, configurations } };
    const of = (index: number) => inWords(peersOf(state, { ...nobody, list: listAt(index, ["n1", "listed:1"]) }));
    expect([of(6), of(7)]).toEqual([["n1 n1:7400", "n2 n2:7400", "n3 n3:7400"], ["n1 listed:1"]]);
  });

  test("takes the later member of two incarnations", () => {
    const list = listAt(7, ["n1", "old:1"], ["n1", "new:1"]);
    expect(inWords(peersOf(outside, { ...nobody, list }))).toEqual(["n1 new:1"]);
  });

  test("keeps to nobody once it has been removed", () => {
    const latest = follower().log.configurations.at(-1)!;
    const removed = { ...outside, removed: { ...latest, ticket: 1 } };
    expect(peersOf(removed, { ...nobody, contacts: [{ id: "n1", address: "n1:1" }] })).toEqual([]);
  });

  test("that knows no members yet takes a list also of the very first entry", () => {
    const empty = { ...outside, log: { ...outside.log, configurations: [] } };
    expect(inWords(peersOf(empty, { ...nobody, list: listAt(0, ["n1", "listed:1"]) }))).toEqual(["n1 listed:1"]);
  });

  test("that knows no members yet goes by the configuration file, and by what has answered there", () => {
    const empty = { ...outside, log: { ...outside.log, configurations: [] } };
    const bootstrap = [
      { id: "n1", address: "file:1" },
      { id: "n2", address: "file:2" },
    ];
    const contacts = [{ id: "n2", address: "found:2" }];
    expect(inWords(peersOf(empty, { ...nobody, bootstrap, contacts }))).toEqual(["n1 file:1", "n2 found:2"]);
  });
});

test("a leader keeps to those that it is telling of their removal, at their last address", () => {
  expect(farewellOf(["n7:1"])).toEqual(["n2 n2:7400", "n7 n7:1"]);
  expect(farewellOf(["n7:1", "n7:2"])).toEqual(["n2 n2:7400", "n7 n7:2"]);
});

test("or where the cluster was founded with them, when its log has forgotten them", () => {
  expect(farewellOf([], "n7:0")).toEqual(["n2 n2:7400", "n7 n7:0"]);
  expect(farewellOf([])).toEqual(["n2 n2:7400"]);
});

test("a node that does not lead tells nobody of a removal", () => {
  expect(farewellOf(["n7:1"], null, false)).toEqual(["n2 n2:7400"]);
});

/** With whom a leader keeps that has removed n7, which was at these addresses one after the other, and there when it was founded. */
function farewellOf(addresses: readonly string[], foundedAt: string | null = null, leads = true): readonly string[] {
  const state = leader({ members: [n1, n2] });
  if (state.role.kind !== "leader") throw new Error("it does not lead");
  const gone = toMemberKey("n7", "disk");
  const [latest] = state.log.configurations;
  const at = (address: string) => ({ key: gone, address, priority: 0 });
  const before = addresses.map((address) => ({
    position: latest!.position,
    configuration: { ...latest!.configuration, members: [...latest!.configuration.members, at(address)] },
  }));
  const { genesis } = state;
  const farewells = new Map([[gone, null as never]]);
  const telling = {
    ...state,
    genesis: foundedAt === null ? genesis : { ...genesis!, members: [...genesis!.members, at(foundedAt)] },
    log: { ...state.log, configurations: [...before, latest!] },
    role: { ...state.role, administration: { ...state.role.administration, farewells } },
  };
  return inWords(peersOf(leads ? telling : { ...telling, role: follower().role }, nobody));
}
