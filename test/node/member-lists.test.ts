// Whose word a joining node takes for who the members are.
import { describe, expect, test } from "bun:test";
import { type MemberKey, nodeIdOf, toMemberKey } from "../../src/core/configuration.ts";
import { MemberLists } from "../../src/node/member-lists.ts";
import type { MemberList } from "../../src/ports/node-messages.ts";

const keyOf = (id: string): MemberKey => toMemberKey(id, "disk");
const listOf = (index: number, ...ids: readonly string[]): MemberList => ({
  kind: "memberList",
  index,
  members: ids.map((id) => ({ key: keyOf(id), address: `${id}:1`, priority: 0 })),
});
const namesOf = (list: MemberList | null) => list?.members.map(({ key }) => nodeIdOf(key)) ?? null;

function lists(...sent: readonly (readonly [from: string, MemberList])[]): MemberLists {
  const all = new MemberLists();
  for (const [from, list] of sent) all.add(keyOf(from), list);
  return all;
}

describe("the list of members that a joining node believes", () => {
  test("is the latest one of the nodes that its configuration file names", () => {
    const told = lists(["n1", listOf(7, "n1", "n2")], ["n2", listOf(9, "n1", "n2", "n3")]);
    expect(namesOf(told.believed(["n1", "n2"]))).toEqual(["n1", "n2", "n3"]);
  });

  test("P65: does not come from a stranger, however high its index", () => {
    const told = lists(["stranger", listOf(2 ** 53 - 1, "stranger")], ["n1", listOf(7, "n1", "n2")]);
    expect(namesOf(told.believed(["n1"]))).toEqual(["n1", "n2"]);
  });

  test("may come from a member that such a list names, and so from all that have taken their place", () => {
    const told = lists(["n1", listOf(7, "n1", "n2")], ["n2", listOf(9, "n2", "n3")], ["n3", listOf(12, "n3", "n4")]);
    expect(namesOf(told.believed(["n1"]))).toEqual(["n3", "n4"]);
  });

  test("is found also where each list is but one entry later than the one before", () => {
    const told = lists(
      ["n1", listOf(0, "n2")],
      ["n2", listOf(1, "n3")],
      ["n3", listOf(2, "n4")],
      ["n4", listOf(3, "n5")],
    );
    expect(namesOf(told.believed(["n1"]))).toEqual(["n5"]);
  });

  test("is any while none of those nodes has sent one", () => {
    expect(namesOf(lists(["n2", listOf(7, "n1", "n2")]).believed(["n1"]))).toEqual(["n1", "n2"]);
    expect(lists().believed(["n1"])).toBeNull();
  });

  test("of one sender only the last one counts, and of senders without end the last ones", () => {
    const told = lists(["n1", listOf(2 ** 53 - 1, "n9")], ["n1", listOf(7, "n1")]);
    expect(namesOf(told.believed(["n1"]))).toEqual(["n1"]);
    for (let count = 0; count < 64; count += 1) told.add(keyOf(`m${count}`), listOf(1, "m"));
    expect(namesOf(told.believed(["n1"]))).toEqual(["m"]);
  });

  test("of senders without end stays who has sent one lately, however early the first one came", () => {
    const told = lists(["n1", listOf(7, "n1")]);
    for (let count = 0; count < 63; count += 1) told.add(keyOf(`m${count}`), listOf(1, "m"));
    // There are as many now as are kept.
    expect(["n1", "m0"].map((id) => told.hasOneOf([id]))).toEqual([true, true]);
    told.add(keyOf("n1"), listOf(8, "n1", "n2"));
    expect(told.hasOneOf(["m0"])).toBe(true);
    told.add(keyOf("m63"), listOf(1, "m"));
    expect(namesOf(told.believed(["n1"]))).toEqual(["n1", "n2"]);
    expect(told.hasOneOf(["m0"])).toBe(false);
  });
});
