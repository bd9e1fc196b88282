// What a change of the membership has come to, when the leader that was asked is gone: only a member's word counts, and only of the
// node with the data that it has now. The cluster is what its nodes say behind the Dial seam.
import { describe, expect, test } from "bun:test";
import { GraftClient } from "../../src/client/client.ts";
import type { Dial } from "../../src/client/connection.ts";
import { isDone, noRequest, pursueChange } from "../../src/client/membership.ts";
import { GraftError } from "../../src/errors.ts";
import type { RequestedChange } from "../../src/ports/membership-requests.ts";
import type { ClientReply, ClientRequest, ConfigurationReply } from "../../src/ports/requests.ts";
import { PlayedTime } from "./played-time.ts";

type Member = ConfigurationReply["members"][number];

const member = (id: string, more: Partial<Member> = {}): Member => ({
  id,
  incarnation: "a",
  address: `${id}:1`,
  voter: true,
  outgoing: false,
  priority: 0,
  ...more,
});
const list = (...members: readonly Member[]) => ({ members });
const three = list(member("n1"), member("n2"), member("n3"));
const adding: RequestedChange = {
  ...noRequest,
  add: [{ id: "n3", address: "n3:1", priority: null, voter: true, behindNat: false }],
};
const unknown: ReadonlyMap<string, string> = new Map();
const running = (incarnation: string): ReadonlyMap<string, string> => new Map([["n3", incarnation]]);

describe("a change that is complete", () => {
  test("an addition: the node votes, alone under its name, at that address", () => {
    const before = list(member("n1"));
    expect(isDone(adding, before, three, unknown)).toBe(true);
    expect(isDone(adding, before, list(member("n1"), member("n3", { voter: false })), unknown)).toBe(false);
    expect(isDone(adding, before, list(member("n1"), member("n3", { address: "other:1" })), unknown)).toBe(false);
    const twice = list(member("n3"), member("n3", { incarnation: "b", voter: false }));
    expect(isDone(adding, before, twice, unknown)).toBe(false);
    expect(isDone(adding, before, list(member("n1")), unknown)).toBe(false);
  });

  test("an addition as a learner: whether it votes or not", () => {
    const learning = { ...adding, add: adding.add.map((each) => ({ ...each, voter: false })) };
    for (const voter of [false, true]) {
      expect(isDone(learning, list(member("n1")), list(member("n1"), member("n3", { voter })), unknown)).toBe(true);
    }
  });

  test("P67: an addition counts for the data that the node has now, and for no other", () => {
    expect(isDone(adding, three, three, running("a"))).toBe(true);
    expect(isDone(adding, three, three, running("b"))).toBe(false);
    const replaced = list(member("n1"), member("n2"), member("n3", { incarnation: "b" }));
    expect(isDone(adding, three, replaced, running("b"))).toBe(true);
  });

  test("P67: of a node that does not say which data it has, only a list that has changed counts", () => {
    expect(isDone(adding, three, three, unknown)).toBe(false);
    expect(isDone(adding, null, three, unknown)).toBe(false);
    expect(isDone(adding, three, list(member("n3", { incarnation: "b" })), unknown)).toBe(true);
    expect(isDone(adding, list(member("n3", { address: "old:1" })), three, unknown)).toBe(true);
  });

  test("not while a joint phase lasts", () => {
    const joint = list(...three.members.slice(1), member("n1", { outgoing: true }));
    expect(isDone(adding, null, joint, running("a"))).toBe(false);
  });

  test("a removal, a promotion, a demotion, a priority", () => {
    const isSo = (change: Partial<typeof noRequest>): boolean =>
      isDone({ ...noRequest, ...change }, three, three, unknown);
    expect(isSo({ remove: ["n4"] })).toBe(true);
    expect(isSo({ remove: ["n3"] })).toBe(false);
    expect(isSo({ promote: ["n3"] })).toBe(true);
    expect(isSo({ demote: ["n3"] })).toBe(false);
    expect(isSo({ prioritize: [{ name: "n3", priority: 1 }] })).toBe(false);
  });
});

describe("a change while two incarnations have one name", () => {
  const both = list(
    member("n1"),
    member("n3", { voter: false, priority: 2 }),
    member("n3", { incarnation: "b", priority: 1 }),
  );
  const alone = list(member("n1"), member("n3", { incarnation: "b", priority: 1 }));
  test.each<readonly [Partial<RequestedChange>, boolean, boolean]>([
    [{ promote: ["n3"] }, true, true],
    [{ promote: ["n3@a"] }, false, false],
    [{ promote: ["n3@b"] }, true, true],
    [{ demote: ["n3"] }, false, false],
    [{ demote: ["n3@a"] }, true, true],
    [{ demote: ["n3@b"] }, false, false],
    [{ remove: ["n3"] }, false, false],
    [{ remove: ["n3@a"] }, false, true],
    [{ remove: ["n3@b"] }, false, false],
    [{ ...adding, remove: ["n3"] }, false, true],
    [{ ...adding, remove: ["n1"] }, false, false],
    [{ ...adding, remove: ["n3@a"] }, false, true],
    [{ prioritize: [{ name: "n3", priority: 1 }] }, false, true],
    [{ prioritize: [{ name: "n3", priority: 2 }] }, false, false],
    [{ prioritize: [{ name: "n3@a", priority: 2 }] }, true, true],
    [{ prioritize: [{ name: "n3@b", priority: 2 }] }, false, false],
  ])("%j is complete with both: %p; with the new one alone: %p", (change, withBoth, withOne) => {
    const isComplete = (after: typeof both): boolean => isDone({ ...noRequest, ...change }, three, after, running("b"));
    expect([isComplete(both), isComplete(alone)]).toEqual([withBoth, withOne]);
  });
});

type Said = Pick<ConfigurationReply, "node" | "incarnation" | "index" | "members"> &
  Partial<Pick<ConfigurationReply, "committed">>;

/** What each node says of the members, by address; `change` answers a request to change them. */
class SayingNodes {
  readonly time = new PlayedTime();
  readonly asked: string[] = [];
  /** The index that each request to change the members names. */
  readonly expected: (number | null)[] = [];
  /** How long each of them has, ms. */
  readonly given: number[] = [];
  members: Readonly<Record<string, Said>> = {};
  change: (address: string, id: number, nth: number) => ClientReply = (_, id) => error(id, "outcome-unknown");
  #changes = 0;

  readonly dial: Dial = async (address, { onReply }) => {
    if (address === "gone:1") throw new GraftError("unavailable", "connection refused");
    const send = (request: ClientRequest): void => {
      this.asked.push(`${address} ${request.kind}`);
      // It takes a moment: what is left is no whole number of ms.
      this.time.stall(0.3);
      const reply = this.#answer(address, request);
      if (reply !== null) queueMicrotask(() => onReply(reply));
    };
    return { clusterUuid: "c1", send, close: () => {} };
  };

  client(...addresses: readonly string[]): GraftClient {
    return new GraftClient({ addresses, dial: this.dial, clock: this.time, session: "none" });
  }

  /** What becomes of the change: the index at which it is complete, or the code of the error. */
  pursued(
    client: GraftClient,
    timeoutMs = 10_000,
    change = adding,
    more: { readonly expectedIndex?: number } = {},
  ): Promise<number | string> {
    const pursued = pursueChange(client, change, { timeoutMs, ...more });
    return this.time.until(
      pursued.then(
        ({ after }) => after.index,
        ({ code }: GraftError) => code,
      ),
    );
  }

  #answer(address: string, request: ClientRequest): ClientReply | null {
    const { kind, id } = request;
    if (kind === "changeMembership") {
      this.expected.push(request.expectedIndex);
      this.given.push(request.timeoutMs);
      return this.change(address, id, ++this.#changes);
    }
    const said = this.members[address];
    return kind !== "configuration" || said === undefined
      ? null
      : { kind, id, clusterUuid: "c1", removed: false, committed: true, pending: [], ...said };
  }
}

const error = (id: number, code: "outcome-unknown" | "rejected", message = "the leader is gone"): ClientReply => ({
  kind: "error",
  id,
  code,
  message,
  leader: null,
});

describe("a change that outlives the leader that was asked", () => {
  const own = { node: "n1", incarnation: "a", index: 7, members: three.members };

  test("P67: is not done because a node that waits to be added has an old list", async () => {
    const nodes = new SayingNodes();
    // n3 has lost its disk: it has another incarnation, and the list of the founders.
    const joining = { node: "n3", incarnation: "b", index: 1, members: three.members };
    nodes.members = { "n1:1": own, "n3:1": joining };
    const client = nodes.client("n3:1");
    expect(await nodes.pursued(client, 2000)).toBe("outcome-unknown");
    nodes.change = (_, id, nth) => {
      const replaced = [member("n1"), member("n2"), member("n3", { incarnation: "b" })];
      nodes.members = { "n1:1": { ...own, index: 9, members: replaced }, "n3:1": joining };
      return error(id, nth < 4 ? "outcome-unknown" : "rejected");
    };
    expect(await nodes.pursued(client)).toBe(9);
    await client.close();
  });

  test("P67: is not done because the only node that is reached has an old list and is no member", async () => {
    const nodes = new SayingNodes();
    nodes.members = { "n3:1": { node: "n3", incarnation: "b", index: 1, members: three.members } };
    const client = nodes.client("n3:1");
    const promotion = { ...noRequest, add: [], promote: ["n3"] };
    expect(await nodes.pursued(client, 2000, promotion)).toBe("outcome-unknown");
    await client.close();
  });

  test.each([
    ["until it is", true, 8],
    ["and is in doubt when it never is", false, "outcome-unknown"],
  ] as const)("is not done while its entry is not committed, %s", async (_, isCommittedLater, end) => {
    const nodes = new SayingNodes();
    const removal = { ...noRequest, remove: ["n3"] };
    const left = { ...own, index: 8, members: three.members.slice(0, 2), committed: false };
    nodes.members = { "n1:1": own };
    nodes.change = (_address, id, nth) => {
      if (nth > 1) return error(id, "rejected", "nothing to do");
      nodes.members = { "n1:1": left };
      nodes.time.at(
        nodes.time.nowMs() + 1000,
        () => void (nodes.members = { "n1:1": { ...left, committed: isCommittedLater } }),
      );
      return error(id, "outcome-unknown");
    };
    const client = nodes.client("n1:1");
    const beganMs = nodes.time.nowMs();
    expect(await nodes.pursued(client, 5000, removal)).toBe(end);
    expect(nodes.time.nowMs() - beganMs).toBeGreaterThanOrEqual(1000);
    await client.close();
  });

  test("is not done because a member that lags behind has a list from before the node came that was to go", async () => {
    const nodes = new SayingNodes();
    nodes.members = { "n1:1": own };
    nodes.change = (_, id) => {
      nodes.members = { "n1:1": { ...own, index: 3, members: three.members.slice(0, 2) } };
      return error(id, "outcome-unknown");
    };
    const client = nodes.client("n1:1");
    expect(await nodes.pursued(client, 3000, { ...noRequest, remove: ["n3"] })).toBe("outcome-unknown");
    await client.close();
  });

  test("P67: is not done because a member that lags behind shows such a list before the attempt and after it", async () => {
    const nodes = new SayingNodes();
    nodes.members = { "n1:1": { ...own, index: 3, members: three.members.slice(0, 2) } };
    const client = nodes.client("n1:1");
    expect(await nodes.pursued(client, 3000, { ...noRequest, remove: ["n3"] })).toBe("outcome-unknown");
    await client.close();
  });

  test("P67: is not done because a node that is no member any more has a later list", async () => {
    const nodes = new SayingNodes();
    nodes.members = { "n1:1": own };
    nodes.change = (_, id) => {
      nodes.members = { "n3:1": { node: "n3", incarnation: "a", index: 8, members: three.members.slice(0, 2) } };
      return error(id, "outcome-unknown");
    };
    const client = nodes.client("n1:1", "n3:1");
    expect(await nodes.pursued(client, 10_000, { ...noRequest, remove: ["n3"] })).toBe("outcome-unknown");
    await client.close();
  });

  test.each([
    ["the members are not as the change would make them", { ...own, index: 8 }],
    ["a list shows it that was there before", { ...own, members: three.members.slice(0, 2) }],
  ])("is in doubt at once when its second attempt is rejected and %s", async (_, said) => {
    const nodes = new SayingNodes();
    nodes.members = { "n1:1": own };
    nodes.change = (_address, id, nth) => {
      nodes.members = { "n1:1": said };
      return error(id, nth === 1 ? "outcome-unknown" : "rejected");
    };
    const client = nodes.client("n1:1");
    expect(await nodes.pursued(client, 10_000, { ...noRequest, remove: ["n3"] })).toBe("outcome-unknown");
    expect(nodes.given).toHaveLength(2);
    await client.close();
  });

  test("is not attempted again when its time would be up by then", async () => {
    const nodes = new SayingNodes();
    nodes.members = { "n1:1": own };
    const client = nodes.client("n1:1");
    const beganMs = nodes.time.nowMs();
    expect(await nodes.pursued(client, 250, { ...noRequest, remove: ["n3"] })).toBe("outcome-unknown");
    expect(nodes.time.nowMs() - beganMs).toBeLessThanOrEqual(250);
    expect(nodes.given).toHaveLength(3);
    await client.close();
  });

  test("is not done because a list shows it, when none was seen before", async () => {
    const nodes = new SayingNodes();
    nodes.change = (_, id) => {
      nodes.members = { "n1:1": own };
      return error(id, "outcome-unknown");
    };
    const client = nodes.client("n1:1");
    expect(await nodes.pursued(client, 3000, { ...noRequest, remove: ["n4"] })).toBe("outcome-unknown");
    await client.close();
  });

  test.each(["answered", "seen in the list of a member"])(
    "tells the members from before it and from after it when it is %s",
    async (how) => {
      const nodes = new SayingNodes();
      nodes.members = { "n1:1": own };
      nodes.change = (_, id) => {
        nodes.members = { "n1:1": { ...own, index: 8, members: three.members.slice(0, 2) } };
        return how === "answered"
          ? { kind: "membershipChanged", id, index: 8, message: "done" }
          : error(id, "outcome-unknown");
      };
      const client = nodes.client("n1:1");
      const pursued = pursueChange(client, { ...noRequest, remove: ["n3"] }, { timeoutMs: 10_000 });
      expect(await nodes.time.until(pursued)).toMatchObject({
        before: { index: 7, members: three.members },
        after: { index: 8, members: three.members.slice(0, 2) },
      });
      await client.close();
    },
  );

  test("a list that is older than the change is not the answer", async () => {
    const nodes = new SayingNodes();
    nodes.members = { "n1:1": own };
    nodes.change = (_, id) => {
      nodes.time.at(nodes.time.nowMs() + 500, () => void (nodes.members = { "n1:1": { ...own, index: 8 } }));
      return { kind: "membershipChanged", id, index: 8, message: "done" };
    };
    const client = nodes.client("n1:1");
    expect(await nodes.pursued(client)).toBe(8);
    await client.close();
  });

  test("names the index that it expects in its first attempt alone, which may have moved the members on", async () => {
    const nodes = new SayingNodes();
    const before = { ...own, index: 3, members: [member("n1"), member("n2")] };
    nodes.members = { "n1:1": before };
    nodes.change = (_, id, nth) => {
      if (nth === 1) {
        const learner = member("n3", { voter: false });
        nodes.members = { "n1:1": { ...before, index: 5, members: [...before.members, learner] } };
        return error(id, "outcome-unknown");
      }
      nodes.members = { "n1:1": own };
      return { kind: "membershipChanged", id, index: 7, message: "" };
    };
    expect(await nodes.pursued(nodes.client("n1:1"), 10_000, adding, { expectedIndex: 3 })).toBe(7);
    expect(nodes.expected).toEqual([3, null]);
    // n3 is silent, and is waited for as long as a node may take. The second attempt has the time that is left.
    expect(nodes.time.passedMs).toBeLessThan(2500);
    expect(nodes.given[1]).toBeLessThan(nodes.given[0]! - 1800);
  });

  test("is done, and not shown, when no node tells the members: it waits for them only so long", async () => {
    const nodes = new SayingNodes();
    nodes.change = (_, id) => ({ kind: "membershipChanged", id, index: 7, message: "" });
    expect(await nodes.pursued(nodes.client("n1:1"), 60_000)).toBe("result-lost");
    expect(nodes.time.passedMs).toBeLessThan(4500);
  });

  test("is done, and not shown, when its own time ends before a node tells the members", async () => {
    const nodes = new SayingNodes();
    nodes.members = { "n1:1": own };
    nodes.change = (_, id) => {
      nodes.members = {};
      return { kind: "membershipChanged", id, index: 8, message: "" };
    };
    const client = nodes.client("n1:1");
    const beganMs = nodes.time.nowMs();
    expect(await nodes.pursued(client, 500)).toBe("result-lost");
    // The deadlines are looked at every 50 ms.
    expect(nodes.time.nowMs() - beganMs).toBeLessThanOrEqual(560);
    await client.close();
  });

  test("counts for the node that is to be added, and not for another node that answers at its address", async () => {
    const nodes = new SayingNodes();
    nodes.members = { "n1:1": { ...own, members: three.members.slice(0, 2) } };
    nodes.change = (_, id) => {
      nodes.members = { "n1:1": { ...own, index: 8 }, "n3:1": { ...own, node: "n9", incarnation: "b" } };
      return error(id, "outcome-unknown");
    };
    expect(await nodes.pursued(nodes.client("n1:1"))).toBe(8);
  });

  test("a member that has moved and leads is asked at its new address", async () => {
    const nodes = new SayingNodes();
    nodes.members = { "n1:1": own };
    nodes.change = (address, id) =>
      address === "n3:1"
        ? { kind: "membershipChanged", id, index: 7, message: "done" }
        : { kind: "error", id, code: "not-leader", message: "n3 leads", leader: { id: "n3", address: "gone:1" } };
    const client = nodes.client("n1:1");
    expect(await nodes.pursued(client)).toBe(7);
    expect(nodes.asked).toContain("n3:1 changeMembership");
    await client.close();
  });
});
