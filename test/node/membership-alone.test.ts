// Whom a node tells of the members, with whom it asks for connections, and whom it lets ask: its membership with a transport that
// only notes what it is asked for.
import { describe, expect, test } from "bun:test";
import type { MemberKey } from "../../src/core/configuration.ts";
import { noChange } from "../../src/core/membership-change.ts";
import type { State } from "../../src/core/state.ts";
import { incarnationOf, nodeIdOf } from "../../src/core/configuration.ts";
import { NodeMembership, type NodeMembershipOptions } from "../../src/node/membership.ts";
import type { LogFields } from "../../src/ports/logger.ts";
import type { MemberList } from "../../src/ports/node-messages.ts";
import type { PeerIdentity, Transport } from "../../src/ports/transport.ts";
import { follower } from "../core/build.ts";
import { n1, n2, n3, n4, n5, wiped } from "../core/say.ts";
import { ManualClock } from "../doubles/manual-clock.ts";
import { afterMicrotasks } from "./cluster.ts";

function setUp(
  first: State,
  more: Partial<NodeMembershipOptions> = {},
  discover: Transport["discover"] = () => new Promise(() => {}),
) {
  const did: string[] = [];
  const lists: MemberList[] = [];
  const logs: string[] = [];
  const fields: (LogFields | undefined)[] = [];
  const clock = new ManualClock();
  let state = first;
  const transport: Pick<Transport, "send" | "setPeers" | "peers" | "reach" | "discover"> = {
    send: (to, message) => {
      const what = message.kind === "memberList" ? `${message.kind} ${message.index}` : message.kind;
      did.push(`${what} to ${nodeIdOf(to)}`);
      if (message.kind === "memberList") lists.push(message);
    },
    setPeers: (peers) => void did.push(`peers ${peers.map(({ id, address }) => `${id}=${address}`).join(" ")}`),
    peers: () => [],
    reach: (id, address) => {
      did.push(`reach ${id} ${address}`);
      return Promise.resolve({ kind: "unreachable", reason: "refused" });
    },
    discover,
  };
  const membership = new NodeMembership(
    {
      transport: transport as Transport,
      clock,
      logger: {
        enabled: () => true,
        log: (_, message, about) => {
          logs.push(message);
          fields.push(about);
        },
      },
    },
    {
      id: nodeIdOf(first.self),
      address: `${nodeIdOf(first.self)}:7400`,
      bootstrap: null,
      join: null,
      state: () => state,
      arrive: () => {},
      ...more,
    },
  );
  membership.start();
  const started = did.splice(0);
  /** What is done once the state is this one. */
  const turn = (next: State): readonly string[] => {
    state = next;
    membership.onTurned();
    return did.splice(0);
  };
  return { membership, did, lists, logs, fields, clock, started, turn, done: () => did.splice(0) };
}

const identityOf = (key: MemberKey): PeerIdentity => ({
  id: nodeIdOf(key),
  incarnation: incarnationOf(key),
  bootId: "boot",
});

/** The state with a further configuration at this index. */
function withMembers(state: State, index: number, members: readonly MemberKey[], address?: string): State {
  const [latest] = state.log.configurations;
  const configuration = {
    ...latest!.configuration,
    voters: members,
    members: members.map((key) => ({ key, address: address ?? `${nodeIdOf(key)}:7400`, priority: 0 })),
  };
  const placed = { position: { index, term: 1 }, configuration };
  return { ...state, log: { ...state.log, configurations: [...state.log.configurations, placed] } };
}

/** A state in which the node has been removed by the configuration at this index. */
function removedAt(state: State, index: number): State {
  const { position, configuration } = withMembers(state, index, [n2, n3]).log.configurations.at(-1)!;
  return { ...state, removed: { position, configuration, ticket: 1 } };
}

const listAt = (index: number, ...keys: readonly MemberKey[]): MemberList => ({
  kind: "memberList",
  index,
  members: keys.map((key) => ({ key, address: `${nodeIdOf(key)}:7400`, priority: 0 })),
});

describe("whom a member tells who is one", () => {
  test("a stranger when it connects, and no member, nor a learner", () => {
    const { membership, done } = setUp(follower({ configuration: { voters: [n1, n3] } }));
    for (const key of [n2, n4, wiped(n3)]) membership.onPeerConnected(identityOf(key));
    expect(done()).toEqual(["memberList 0 to n4", "memberList 0 to n3"]);
  });

  test("also as a learner, and with the learners among the members", () => {
    for (const self of [n1, n2]) {
      const { membership, lists } = setUp(follower({ self, configuration: { voters: [n1, n3] } }));
      membership.onPeerConnected(identityOf(n4));
      expect(lists.map(({ members }) => members.map(({ key }) => key))).toEqual([[n1, n2, n3]]);
    }
  });

  test("strangers that are connected, once for each new configuration", () => {
    const { membership, turn, done } = setUp(follower());
    for (const key of [n4, n5]) membership.onPeerConnected(identityOf(key));
    done();
    const changed = withMembers(follower(), 7, [n1, n2, n4]);
    // n4 is a member now, and gets the log.
    expect(turn(changed)).toEqual(["peers n2=n2:7400 n4=n4:7400", "memberList 7 to n5"]);
    expect(turn({ ...changed, commitIndex: 7 })).toEqual([]);
    membership.onPeerDisconnected(identityOf(n5));
    expect(turn(withMembers(changed, 9, [n1, n2]))).toEqual(["peers n2=n2:7400", "memberList 9 to n4"]);
  });

  test("also once it has been removed: by which configuration", () => {
    const state = follower();
    const { membership, turn, done } = setUp(state);
    membership.onPeerConnected(identityOf(n5));
    done();
    // It is the same configuration of which strangers were told. Only the address book becomes empty.
    expect(turn(removedAt(state, 8))).toEqual(["peers "]);
    membership.onPeerConnected(identityOf(n4));
    expect(done()).toEqual(["memberList 8 to n4"]);
  });

  test("and strangers of the genesis, once, when it is durable here", () => {
    const later = follower();
    const { issued, confirmed } = later.durability;
    const before = { ...later, genesis: null, log: { ...later.log, configurations: [] } };
    const { membership, turn, done } = setUp(before);
    for (const key of [n2, n4, n5]) membership.onPeerConnected(identityOf(key));
    expect([done(), turn(before)]).toEqual([[], []]);
    const known = { ...before, genesis: later.genesis, log: later.log };
    expect(turn({ ...known, durability: { ...later.durability, issued: confirmed + 1 } })).toEqual([
      "peers n2=n2:7400 n3=n3:7400",
      "memberList 0 to n4",
      "memberList 0 to n5",
    ]);
    membership.onPeerDisconnected(identityOf(n5));
    expect(turn({ ...known, durability: { ...later.durability, issued } })).toEqual(["genesisNotice to n4"]);
    expect([turn(known), turn({ ...known })]).toEqual([[], []]);
    // Whoever comes later learns of it from the hello.
    membership.onPeerConnected(identityOf(n5));
    done();
    expect(turn({ ...known })).toEqual([]);
  });

  test("and nobody of a genesis that became durable while nobody was connected: the hello tells it", () => {
    const state = follower();
    const { membership, turn, done } = setUp({ ...state, genesis: null });
    expect(turn(state)).toEqual([]);
    membership.onPeerConnected(identityOf(n4));
    expect([done(), turn({ ...state, commitIndex: 0 })]).toEqual([["memberList 0 to n4"], []]);
  });

  test("nobody, while it is no member itself", () => {
    const { membership, done } = setUp(follower({ self: n4 }));
    membership.onPeerConnected(identityOf(n5));
    expect(done()).toEqual([]);
  });
});

describe("with whom a node asks for connections", () => {
  test("the other members from the start, and once more only when one has come, gone or moved", () => {
    const { started, turn } = setUp(follower());
    expect(started).toEqual(["peers n2=n2:7400 n3=n3:7400"]);
    // The same members in a later configuration.
    expect(turn(withMembers(follower(), 4, [n1, n2, n3]))).toEqual([]);
    expect(turn(withMembers(follower(), 5, [n1, n2, n3], "elsewhere:1"))).toEqual([
      "peers n2=elsewhere:1 n3=elsewhere:1",
    ]);
    // Another node at the address of one that has gone.
    expect(turn(withMembers(follower(), 6, [n1, n2, n4], "elsewhere:1"))).toEqual([
      "peers n2=elsewhere:1 n4=elsewhere:1",
    ]);
  });
});

test("a member that answers at another address of the file is dialled there, and the log says how to move it", async () => {
  const discovered: string[] = [];
  const { done, fields } = setUp(follower(), { join: ["new:1", "own:1"] }, async (address) => {
    discovered.push(address);
    return { kind: "there", identity: identityOf(address === "new:1" ? n2 : n1) };
  });
  await afterMicrotasks();
  expect(new Set(discovered)).toEqual(new Set(["new:1", "own:1"]));
  expect(done()).toEqual(["peers n2=new:1 n3=n3:7400"]);
  expect(fields.filter((each) => each !== undefined && "next" in each)).toEqual([
    { peer: "n2", address: "new:1", before: "n2:7400", next: "graft cluster add n2 new:1" },
  ]);
});

test("also where the file names that address of a founder, and a learner is moved as one", async () => {
  const state = follower();
  const [first] = state.log.configurations;
  const learners = { ...first!, configuration: { ...first!.configuration, voters: [n1, n3] } };
  const { done, fields, membership } = setUp(
    { ...state, log: { ...state.log, configurations: [learners] } },
    { bootstrap: [{ id: "n2", address: "new:1" }] },
    async () => ({ kind: "there", identity: identityOf(n2) }),
  );
  await afterMicrotasks();
  expect(done()).toEqual(["peers n2=new:1 n3=n3:7400"]);
  expect(fields.map((each) => each?.["next"])).toEqual(["graft cluster add n2 new:1 --learner"]);
  // It does not join: nobody is looked for at the addresses of the founders.
  expect([membership.acquaintance.contacts, membership.notFound]).toEqual([[], []]);
});

describe("whether a member's data is connected", () => {
  test("is so for this node, and for those that are connected, until they no longer are", () => {
    const { membership } = setUp(follower());
    expect([n1, n2].map((key) => membership.isConnected(key))).toEqual([true, false]);
    membership.onPeerConnected(identityOf(n2));
    expect([n2, wiped(n2)].map((key) => membership.isConnected(key))).toEqual([true, false]);
    membership.onPeerDisconnected(identityOf(wiped(n2)));
    expect(membership.isConnected(n2)).toBe(true);
    membership.onPeerDisconnected(identityOf(n2));
    expect(membership.isConnected(n2)).toBe(false);
  });
});

describe("what others ask for", () => {
  test("only members have an address tried", async () => {
    const { membership, done } = setUp(follower());
    const request = { kind: "reachRequest", id: 1, node: "n9", address: "n9:1", timeoutMs: 1_000 } as const;
    membership.onMessage(n4, request);
    membership.onMessage(wiped(n2), request);
    await afterMicrotasks();
    expect(done()).toEqual([]);
    membership.onMessage(n2, request);
    await afterMicrotasks();
    expect(done()).toEqual(["reach n9 n9:1", "reachReply to n2"]);
  });

  test("a member believes its own log, and no list that it is sent", () => {
    const { membership, done } = setUp(follower());
    membership.onMessage(n2, listAt(99, n4));
    expect([membership.acquaintance.list, done()]).toEqual([null, []]);
    const outside = setUp(follower({ self: n4 }));
    outside.membership.onMessage(n2, listAt(99, n2));
    expect(outside.membership.acquaintance.list?.index).toBe(99);
  });
});

describe("a node that waits to be added", () => {
  test("says so once, with the command that adds it", () => {
    const { membership, logs } = setUp(follower({ self: n4 }));
    membership.onMessage(n2, listAt(7, n2));
    membership.onMessage(n2, listAt(8, n2, n3));
    expect(logs).toEqual(["n4 waits to be added; say: graft cluster add n4 n4:7400"]);
  });

  test("says whose place it would take, and nothing once it has been a member", () => {
    const other = setUp(follower({ self: wiped(n2) }));
    other.membership.onMessage(n3, listAt(7, n2, n3));
    expect(other.logs).toEqual([
      "n2 has other data than the member n2, and waits to take its place; say: graft cluster add n2 n2:7400",
    ]);
    const former = setUp(withMembers(follower(), 5, [n2, n3]));
    former.membership.onMessage(n3, listAt(7, n2, n3));
    expect(former.logs).toEqual([]);
    const founder = withMembers(follower(), 5, [n2, n3]);
    const compacted = setUp({
      ...founder,
      log: { ...founder.log, configurations: founder.log.configurations.slice(1) },
    });
    compacted.membership.onMessage(n3, listAt(7, n2, n3));
    expect(compacted.logs).toEqual([]);
    // Nor while the list has it already, and its log does not yet.
    const added = setUp(follower({ self: n4 }));
    added.membership.onMessage(n2, listAt(7, n2, n4));
    expect(added.logs).toEqual([]);
    // Nor where it was none at the beginning and has been one since.
    const later = follower({ self: n4 });
    const learning = withMembers(later, 5, [n1, n2, n4]);
    const [genesis, placed] = learning.log.configurations;
    const learner = { ...placed!, configuration: { ...placed!.configuration, voters: [n1, n2] } };
    const learned = { ...learning, log: { ...learning.log, configurations: [genesis!, learner] } };
    const formers = [learning, learned].map((state) => withMembers(state, 6, [n1, n2]));
    for (const state of [...formers, removedAt(later, 8)]) {
      const gone = setUp(state);
      gone.membership.onMessage(n3, listAt(7, n2, n3));
      expect(gone.logs).toEqual([]);
    }
  });
});

describe("a node that ends", () => {
  test("waits until the clients have been told what became of their changes, and of those that it had forgotten none", async () => {
    const { membership } = setUp(follower());
    const told = Promise.withResolvers<void>();
    const change = membership.change(noChange, null);
    await membership.untilAnswered(Promise.resolve());
    void membership.untilAnswered(told.promise);
    let isStopped = false;
    const stopping = membership.stop().then(() => (isStopped = true));
    expect(await change).toEqual({ kind: "unknown" });
    await afterMicrotasks();
    expect(isStopped).toBe(false);
    told.resolve();
    await stopping;
    expect(isStopped).toBe(true);
  });
});
