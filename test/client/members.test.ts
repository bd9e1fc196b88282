// Whose list of the members counts: that of a member, and of several the one that stands latest.
import { describe, expect, test } from "bun:test";
import { isMember, viewMembers } from "../../src/client/members.ts";
import { WhichCluster } from "../../src/client/which-cluster.ts";
import { GraftError } from "../../src/errors.ts";
import type { ConfigurationReply } from "../../src/ports/requests.ts";

const member = (id: string, incarnation = "a") => ({
  id,
  incarnation,
  address: `${id}:1`,
  voter: true,
  outgoing: false,
  priority: 0,
});
const members = ["n1", "n2", "n3"].map((id) => member(id));

/** The list of the node, as of that index. */
const list = (node: string, index: number, more: Partial<ConfigurationReply> = {}): ConfigurationReply => ({
  kind: "configuration",
  id: 1,
  clusterUuid: "c1",
  node,
  incarnation: "a",
  removed: false,
  index,
  members,
  pending: [],
  committed: true,
  ...more,
});

/** A client whose first answer comes from the first of these nodes. Those that are missing do not answer. */
const clientOf = (...lists: readonly ConfigurationReply[]) => ({
  addresses: members.map(({ address }) => address),
  configuration: async (_: object, address?: string): Promise<ConfigurationReply> => {
    const found = address === undefined ? lists[0] : lists.find(({ node }) => `${node}:1` === address);
    if (found === undefined) throw new GraftError("unavailable", "nobody answers");
    return found;
  },
});

describe("the list of the members", () => {
  test("is a member's own, when the first that answers is one", async () => {
    expect(await viewMembers(clientOf(list("n1", 5), list("n2", 9)), 100)).toEqual(list("n1", 5));
  });

  test("is the latest of all members' lists, when the first that answers is no member", async () => {
    const outside = list("n9", 20, { members: [member("n9"), ...members], removed: true });
    for (const [one, other] of [
      [4, 7],
      [7, 4],
    ] as const) {
      const found = await viewMembers(clientOf(outside, list("n2", one), list("n3", other)), 100);
      expect(found.index).toBe(7);
    }
  });

  test.each<readonly [string, readonly string[], readonly string[]]>([
    ["one that only the first list names", ["n9", "n2"], []],
    ["one whose address is only known otherwise", ["n9"], ["n2:1"]],
  ])("is that of %s", async (_, named, addresses) => {
    const outside = list("n9", 20, { members: named.map((id) => member(id)), removed: true });
    const client = { ...clientOf(outside, list("n2", 4)), addresses };
    expect((await viewMembers(client, 100)).node).toBe("n2");
  });

  test("is what the first has said, when no member answers", async () => {
    const outside = list("n9", 3);
    const removed = list("n2", 30, { removed: true });
    expect(await viewMembers(clientOf(outside, removed), 100)).toEqual(outside);
  });

  test.each([
    [100, 100],
    [60_000, 1000],
  ])("is awaited of all for %i ms, and of one node among several for %i ms", async (timeoutMs, oneMs) => {
    const limits: number[] = [];
    const { addresses, configuration } = clientOf(list("n9", 3), list("n2", 4));
    await viewMembers(
      {
        addresses,
        configuration: (options, address) => {
          limits.push(options.timeoutMs);
          return configuration(options, address);
        },
      },
      timeoutMs,
    );
    expect(limits).toEqual([timeoutMs, oneMs, oneMs, oneMs]);
  });

  test.each([
    ["a member with its own data", true, list("n1", 1)],
    ["one that was removed", false, list("n1", 1, { removed: true })],
    ["one that no list names", false, list("n9", 1)],
    ["one whose name only begins like a member's", false, list("n10", 1)],
    ["an incarnation that only begins like a member's", false, list("n1", 1, { incarnation: "ab" })],
    ["another incarnation of a member", false, list("n1", 1, { incarnation: "b" })],
  ] as const)("of %s counts as a member's: %p", (_, counts, reply) => expect(isMember(reply)).toBe(counts));
});

test("the first node that belongs to a cluster says which one counts, whatever others were reached before", () => {
  const which = new WhichCluster(null);
  expect([which.objectionTo("a:1", null), which.uuid]).toEqual([null, null]);
  expect([which.objectionTo("b:1", "c1"), which.uuid]).toEqual([null, "c1"]);
  expect(which.objectionTo("a:1", "c2")?.code).toBe("wrong-cluster");
  expect(which.uuid).toBe("c1");
});

test("a node counts as one of another cluster until it says that it belongs to this one, or to none", () => {
  const which = new WhichCluster("c1");
  const other = { address: "b:1", clusterUuid: "c2" };
  for (const joined of ["c1", null]) {
    expect(which.objectionTo("b:1", "c2")?.code).toBe("wrong-cluster");
    expect(which.others).toEqual([other]);
    expect([which.objectionTo("b:1", joined), which.others]).toEqual([null, []]);
  }
});
