// What does a node say of each node that it knows of? As founder, as one that joins, as member, as leader and once it is removed.
import { describe, expect, test } from "bun:test";
import { genesisConfiguration } from "../../src/core/genesis.ts";
import { type MemberKey, nodeIdOf } from "../../src/core/configuration.ts";
import type { State } from "../../src/core/state.ts";
import type { Acquaintance } from "../../src/node/peers.ts";
import { describeConfiguration, describeStatus, type StatusSource } from "../../src/node/status.ts";
import type { NodeStatus } from "../../src/ports/requests.ts";
import type { PeerStatus } from "../../src/ports/transport.ts";
import { follower, leader, play, starting } from "../core/build.ts";
import { accepted, at, from, genesisOf, hello, n1, n2, n3, n4, n5, refused, snapshotAt, wiped } from "../core/say.ts";
import { restore } from "../../src/core/restore.ts";
import { statusRow } from "../client/status-row.ts";
import { createMemoryLogStore } from "../../src/sim/memory/log-store.ts";

const ownPlugin = { name: "kv", version: "1", hash: "ab".repeat(32) };
const nobody: Acquaintance = { bootstrap: null, list: null, contacts: [] };

interface Told {
  readonly acquaintance: Acquaintance;
  readonly peers: readonly PeerStatus[];
  readonly snapshots: StatusSource["snapshots"];
}

function statusOf(state: State, told: Partial<Told> = {}): ReturnType<typeof describeStatus> {
  const { acquaintance = nobody, peers = [], snapshots = { sentTo: () => null } } = told;
  return describeStatus({
    state,
    options: { cluster: "shop", version: "7", address: "own:7400" },
    appliedIndex: 3,
    agreesThrough: null,
    membership: { acquaintance, notFound: [], isConnected: () => true },
    snapshots,
    problemOf: (key) => `problem of ${key}`,
    isRefilling: () => false,
    versions: [{ ...ownPlugin, snapshots: true }],
    versionsOf: () => null,
    peers: () => peers,
  });
}

test("the version that is active is the last one that is committed, since it has been active without another between", () => {
  const state = follower({ log: [1, 1, 1, 1, 1, 1, 1] });
  const [v1, v2] = [ownPlugin, { ...ownPlugin, version: "2" }];
  const activations = [v1, v2, v1, v1, v2].map((plugin, nth) => ({
    plugin,
    replaces: false,
    position: at(2 + nth, 1),
  }));
  const since = [1, 2, 3, 4, 5, 6].map((commitIndex) => {
    const { plugin } = statusOf({ ...state, commitIndex, log: { ...state.log, activations } });
    return plugin === null ? null : `${plugin.version} since ${plugin.since}`;
  });
  expect(since).toEqual([null, "1 since 2", "2 since 3", "1 since 4", "1 since 4", "2 since 6"]);
});

const peer = (id: string, reachable = true): PeerStatus => ({
  id,
  address: `elsewhere-${id}:1`,
  reachable,
  reason: reachable ? null : "refused",
  version: `of ${id}`,
  announced: null,
});

/** A node that knows of no cluster yet. */
const blank = (self: MemberKey, bootstrap: Acquaintance["bootstrap"] = null): State =>
  restore(createMemoryLogStore({ incarnation: "any" }).saved, starting({ self, bootstrap }));

const listed = (...keys: readonly MemberKey[]) => ({
  kind: "memberList" as const,
  index: 5,
  members: keys.map((key) => ({ key, address: `listed-${nodeIdOf(key)}:1`, priority: 4 })),
});

/** A row of a node of which the node asked knows no more than where it is. */
const stranger = (id: string, address: string, more: Partial<NodeStatus> = {}): NodeStatus =>
  statusRow(id, { address, voter: false, ...more });
const ownOutside = (key: MemberKey, role: NodeStatus["role"], appliedIndex: number | null): NodeStatus =>
  stranger(nodeIdOf(key), "own:7400", {
    role,
    reachable: true,
    appliedIndex,
    version: "7",
    plugins: [ownPlugin],
    problem: `problem of ${key}`,
  });

describe("a node that is no member shows", () => {
  const founders = ["n1", "n2", "n3"].map((id) => ({ id, address: `founder-${id}:1` }));
  const contacts = ["n5", "n2"].map((id) => ({ id, address: `contact-${id}:1` }));
  const removedFrom = (...members: readonly MemberKey[]): State["removed"] => ({
    position: at(9, 2),
    configuration: genesisConfiguration(genesisOf(...members)),
    ticket: 1,
  });

  test("as a founder: each founder in the order of the table, and of the others whether they can be reached", () => {
    const acquaintance = { bootstrap: founders, list: listed(n4), contacts };
    const { nodes, ...status } = statusOf(blank(n2, founders), {
      acquaintance,
      peers: [peer("n1"), peer("n3", false)],
    });
    expect(nodes).toEqual([
      stranger("n1", "founder-n1:1", { reachable: true, version: "of n1" }),
      ownOutside(n2, "founding", null),
      stranger("n3", "founder-n3:1", { version: "of n3" }),
    ]);
    expect(status).toEqual({
      cluster: "shop",
      clusterUuid: null,
      node: "n2",
      leader: null,
      term: 0,
      commitIndex: 0,
      agreesThrough: null,
      plugin: null,
      waitingFor: ["n3 at elsewhere-n3:1: refused"],
    });
  });

  test("as one that joins: whom it has found, then the members of the list, and itself last", () => {
    const state = blank(n5);
    expect(statusOf(state, { acquaintance: { ...nobody, contacts }, peers: [peer("n2")] }).nodes).toEqual([
      stranger("n2", "contact-n2:1", { reachable: true, version: "of n2" }),
      ownOutside(n5, "joining", null),
    ]);
    const list = listed(n1, wiped(n5), n2);
    expect(statusOf(state, { acquaintance: { ...nobody, contacts, list } }).nodes).toEqual([
      stranger("n1", "listed-n1:1"),
      stranger("n2", "listed-n2:1"),
      ownOutside(n5, "joining", null),
    ]);
    expect(statusOf(state, { acquaintance: { ...nobody, contacts, list: listed() } }).nodes).toHaveLength(2);
  });

  test("once it knows the cluster, and is added by none of its configurations: those of the log where there is no list", () => {
    const state = follower({ self: n5, members: [n1, n2] });
    const { nodes, clusterUuid } = statusOf(state, {
      acquaintance: { ...nobody, bootstrap: founders, contacts },
    });
    expect(nodes).toEqual([stranger("n1", "n1:7400"), stranger("n2", "n2:7400"), ownOutside(n5, "joining", 3)]);
    expect(clusterUuid).toBe(state.genesis!.clusterUuid);
    expect(statusOf(state, { acquaintance: { ...nobody, list: listed(n4) } }).nodes.map(({ id }) => id)).toEqual([
      "n4",
      "n5",
    ]);
  });

  test("once it is removed: the members of the configuration that removed it, and no leader", () => {
    const state: State = {
      ...follower({ self: n5, members: [n1, n2], leader: n1 }),
      removed: removedFrom(n3, n4),
    };
    const { nodes, ...status } = statusOf(state, {
      acquaintance: { ...nobody, list: listed(n1), contacts },
    });
    expect(nodes).toEqual([stranger("n3", "n3:7400"), stranger("n4", "n4:7400"), ownOutside(n5, "removed", 3)]);
    expect(status).toMatchObject({ node: "n5", leader: null, waitingFor: [] });
  });
});

describe("a member shows", () => {
  const members = [n1, n2, n3, n4, n5];
  const configuration = { voters: [n1, n2, n4], outgoing: [n1, n3], leaving: [n3] };
  const rowsOf = (...args: Parameters<typeof statusOf>): ReadonlyMap<string, NodeStatus> =>
    new Map(statusOf(...args).nodes.map((node) => [node.id, node]));

  test("as leader: of each how far it is, where it votes, and its problem", () => {
    const led = leader({
      members,
      log: [1, 1],
      matched: [
        [n2, 2],
        [n3, 3],
        [n4, 1],
      ],
    });
    const state = play(led, from(n5, accepted(2, 0)));
    const [placed] = state.log.configurations;
    const priority = (key: MemberKey): number => members.indexOf(key);
    const joint = {
      ...placed!,
      configuration: {
        ...placed!.configuration,
        ...configuration,
        members: placed!.configuration.members.map((each) => ({
          ...each,
          priority: priority(each.key),
        })),
      },
    };
    const rows = rowsOf(
      { ...state, log: { ...state.log, configurations: [joint] } },
      { peers: [peer("n2"), peer("n3", false), peer("n4"), peer("n5")] },
    );
    const common = {
      outgoing: false,
      pending: null,
      reachable: true,
      appliedIndex: null,
      snapshot: null,
      plugins: null,
    };
    const row = (key: MemberKey, more: Partial<NodeStatus>): NodeStatus => {
      const id = nodeIdOf(key);
      const own = { id, address: `${id}:7400`, version: `of ${id}`, problem: `problem of ${key}` };
      return {
        ...common,
        ...own,
        role: "follower",
        voter: true,
        priority: priority(key),
        ...more,
      } as NodeStatus;
    };
    expect([...rows.values()]).toEqual([
      row(n1, {
        role: "leader",
        outgoing: true,
        matchIndex: 3,
        appliedIndex: 3,
        lagEntries: 0,
        version: "7",
        plugins: [ownPlugin],
      }),
      row(n2, { matchIndex: 2, lagEntries: 1 }),
      row(n3, {
        role: null,
        reachable: false,
        voter: false,
        outgoing: true,
        matchIndex: 3,
        lagEntries: 0,
      }),
      row(n4, { matchIndex: 1, lagEntries: 2 }),
      row(n5, { voter: false, matchIndex: 0, lagEntries: 3 }),
    ]);
  });

  test("as follower: who leads, and of the others no place in the log", () => {
    const state = follower({ self: n3, log: [1, 1, 1], leader: n2 });
    const { nodes, leader: hint } = statusOf(state, { peers: [peer("n1"), peer("n2", false)] });
    expect(hint).toEqual({ id: "n2", address: "n2:7400" });
    expect(
      nodes.map(({ id, role, reachable, matchIndex, appliedIndex, lagEntries }) => [
        id,
        role,
        reachable,
        matchIndex,
        appliedIndex,
        lagEntries,
      ]),
    ).toEqual([
      ["n1", "follower", true, null, null, null],
      ["n2", "leader", false, null, null, null],
      ["n3", "follower", true, 3, 3, 0],
    ]);
  });

  test("as follower whose last entries are not durable: how much its disk lacks", () => {
    const state = follower({ log: [1, 1, 1], leader: n2 });
    const durability = { ...state.durability, persistedIndex: 1 };
    expect(rowsOf({ ...state, durability }).get("n1")).toMatchObject({
      matchIndex: 1,
      lagEntries: 2,
    });
  });

  test("how much of a snapshot a follower has been sent, as long as it is being sent one", () => {
    const offering = play(
      leader({ snapshot: at(4, 1), log: [1, 1] }),
      hello(n2, "founding"),
      from(n2, refused(2, { prevIndex: 6, conflict: at(3, 0), lastIndex: 2 })),
    );
    const asked: string[] = [];
    const snapshots = {
      sentTo: (id: string) => (asked.push(id), id === "n2" || id === "n3" ? 40 : null),
    };
    const rows = rowsOf(offering, { snapshots });
    const { bytes } = snapshotAt(at(4, 1));
    expect([...rows.values()].map(({ id, snapshot }) => [id, snapshot])).toEqual([
      ["n1", null],
      ["n2", { sentBytes: 40, bytes }],
      ["n3", null],
    ]);
    expect(asked).toEqual(["n1", "n2", "n3"]);
    expect(rowsOf(offering).get("n2")!.snapshot).toBeNull();
  });
});

test("a node that knows no configuration says so, with which cluster it is of", () => {
  expect(describeConfiguration(blank(n1))).toEqual({
    clusterUuid: null,
    node: "n1",
    incarnation: n1.split("@")[1]!,
    removed: false,
    index: 0,
    members: [],
    pending: [],
    committed: false,
  });
});

describe("the plugin that is active", () => {
  const placed = (index: number, version: string) => ({
    position: at(index, 1),
    plugin: { ...ownPlugin, version },
    replaces: false,
  });
  const shown = (commitIndex: number, ...activations: readonly ReturnType<typeof placed>[]) => {
    const state = follower({ log: [1, 1, 1, 1, 1, 1, 1, 1, 1], commitIndex });
    const { plugin } = statusOf({ ...state, log: { ...state.log, activations } });
    return plugin === null ? null : `${plugin.version} since ${plugin.since}`;
  };

  test("is the latest one that is committed, from its own entry on", () => {
    const all = [placed(2, "1"), placed(5, "2")];
    expect([1, 2, 4, 5, 9].map((commitIndex) => shown(commitIndex, ...all))).toEqual([
      null,
      "1 since 2",
      "1 since 2",
      "2 since 5",
      "2 since 5",
    ]);
    expect(shown(9)).toBeNull();
  });

  test("is so since it was asked for first, unless another one was active in between", () => {
    expect(shown(9, placed(2, "1"), placed(4, "2"), placed(5, "2"), placed(6, "2"))).toBe("2 since 4");
    expect(shown(9, placed(2, "2"), placed(3, "2"))).toBe("2 since 2");
    expect(shown(9, placed(2, "2"), placed(4, "1"), placed(6, "2"))).toBe("2 since 6");
  });
});
