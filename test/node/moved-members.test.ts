// All addresses of a cluster change at once: its members find each other again by the addresses of their configuration files.
import { afterEach, describe, expect, test } from "bun:test";
import { ManualClock } from "../doubles/manual-clock.ts";
import { nodeIdOf, toMemberKey } from "../../src/core/configuration.ts";
import { latestConfiguration } from "../../src/core/log-terms.ts";
import { MovedMembers } from "../../src/node/moved-members.ts";
import { change, newcomer } from "./administering.ts";
import { afterMicrotasks, Cluster } from "./cluster.ts";

let open: Cluster | null = null;
afterEach(async () => {
  await open?.stopAll();
  open = null;
});

const three = ["n1", "n2", "n3"] as const;

/** All nodes are down; their disks. */
async function fallen() {
  const cluster = (open = await Cluster.founded(three));
  const disks = new Map<string, Awaited<ReturnType<Cluster["crash"]>>>();
  for (const id of three) disks.set(id, await cluster.crash(id));
  return { cluster, disks };
}

describe("P75: all addresses change at once", () => {
  for (const [table, file] of [
    ["bootstrap", { domain: "moved" }],
    ["join", { domain: "moved", bootstrap: null, join: ["n1", "n2", "n3"] }],
  ] as const) {
    test(`the members find each other again through \`${table}\`, and lead and commit`, async () => {
      const { cluster, disks } = await fallen();
      for (const id of three) await cluster.start(id, { ...file, disk: disks.get(id)! });
      const leader = await cluster.electLeader();
      expect(leader.node.state.log.configurations.at(-1)?.configuration.members.map(({ address }) => address)).toEqual(
        three.map((id) => `${id}.test:7400`),
      );
      await cluster.until("all are connected", () => leader.node.requests.peers().every(({ reachable }) => reachable));
      expect(
        leader.node.requests
          .peers()
          .map(({ address }) => address)
          .sort(),
      ).toEqual(three.filter((id) => id !== leader.id).map((id) => `${id}.moved:7400`));
      const logs = [...cluster.members.values()].flatMap((member) => member.logs);
      expect(logs.some((line) => line.startsWith("warn a member has moved"))).toBe(true);
    });
  }

  test("another disk that answers there is not the member, and is not dialled", async () => {
    const { cluster, disks } = await fallen();
    await cluster.start("n2", { domain: "moved", incarnation: "n2-new-disk", bootstrap: null, join: [] });
    const back = await cluster.start("n1", { domain: "moved", disk: disks.get("n1")! });
    await cluster.advance(5_000, 100);
    expect(back.node.requests.peers().map(({ address, reachable }) => [address, reachable])).toEqual([
      ["n2.test:7400", false],
      ["n3.test:7400", false],
    ]);
  });

  test("a member at its old address is not looked for", async () => {
    const cluster = (open = await Cluster.founded(three));
    await cluster.advance(5_000, 100);
    const logs = [...cluster.members.values()].flatMap((member) => member.logs);
    expect(logs.filter((line) => line.includes("has moved"))).toEqual([]);
  });
});

describe("a member that has been found at another address", () => {
  const [n1, n2] = [toMemberKey("n1", "a"), toMemberKey("n2", "b")];
  const microtasks = async (): Promise<void> => {
    for (let count = 0; count < 20; count += 1) await Promise.resolve();
  };

  /** n1 looks for n2, which its log has at "old:1" and its file at "new:1". */
  function setUp(incarnation = "b", addresses: readonly string[] = ["new:1", "n1:1"]) {
    const clock = new ManualClock();
    const n2At = { log: "old:1", isAt: "new:1", isReached: false };
    const told: string[] = [];
    const asked: string[] = [];
    const timeouts = new Set<number>();
    let answers: Promise<void> = Promise.resolve();
    const member = () => ({ key: n2, address: n2At.log, priority: 0 });
    const moved: MovedMembers = new MovedMembers({
      addresses,
      self: () => n1,
      ownAddress: "n1:1",
      members: () => [{ key: n1, address: "n1:0", priority: 0 }, member()],
      howToMove: (key, address) => `move ${key} to ${address}`,
      clock,
      logger: { log: (_, message) => void told.push(message), enabled: () => true },
      changed: () => void told.push(`changed: ${moved.addressOf(member())}`),
      transport: {
        peers: () => [
          { id: "n2", address: n2At.log, reachable: n2At.isReached, reason: null, version: null, announced: null },
        ],
        discover: async (address, timeoutMs) => {
          asked.push(address);
          timeouts.add(timeoutMs);
          await answers;
          return address === n2At.isAt
            ? { kind: "there", identity: { id: "n2", incarnation, bootId: "x" } }
            : { kind: "failed", reason: "nobody" };
        },
      },
    });
    /** Whoever is asked from now on does not answer before that. */
    const hold = (): (() => void) => {
      const held = Promise.withResolvers<void>();
      answers = held.promise;
      return held.resolve;
    };
    const look = async (): Promise<string> => {
      clock.advance(1_000);
      await microtasks();
      return moved.addressOf(member());
    };
    moved.start();
    return { clock, moved, n2At, look, told, asked, timeouts, hold };
  }

  test("is dialled there, which is known when the change is told", async () => {
    const { look, told } = setUp();
    expect(await look()).toBe("new:1");
    expect(told[0]).toBe("changed: new:1");
  });

  test("is looked for once a second, with some seconds for an answer, and not while it is connected", async () => {
    const { clock, n2At, look, asked, timeouts } = setUp();
    n2At.isAt = "nowhere";
    await look();
    expect([asked.length, [...timeouts]]).toEqual([1, [5_000]]);
    clock.advance(999);
    await microtasks();
    expect(asked).toHaveLength(1);
    clock.advance(1);
    await microtasks();
    expect(asked).toHaveLength(2);
    n2At.isReached = true;
    for (const _ of [1, 2]) await look();
    expect(asked).toHaveLength(2);
  });

  test("is not looked for at this node's own address", async () => {
    const { look, asked } = setUp();
    for (const _ of [1, 2]) await look();
    expect(new Set(asked)).toEqual(new Set(["new:1", "old:1"]));
  });

  test("is not looked for where the log expects a member, unless it has been found elsewhere", async () => {
    const { n2At, look, asked } = setUp("b", ["n1:0", "old:1", "new:1"]);
    n2At.isAt = "nowhere";
    for (const _ of [1, 2]) await look();
    expect(asked.splice(0)).toEqual(["new:1", "new:1"]);
    n2At.isAt = "new:1";
    for (const _ of [1, 2]) await look();
    expect(asked).toEqual(["new:1", "new:1", "old:1"]);
  });

  test("is told of no more once the search has stopped, also by an answer that was on its way, and no timer is left", async () => {
    const { clock, moved, n2At, look, told, asked, hold } = setUp();
    n2At.isAt = "nowhere";
    await look();
    const release = hold();
    await look();
    n2At.isAt = "new:1";
    asked.length = 0;
    moved.stop();
    release();
    await look();
    expect([moved.addressOf({ key: n2, address: "old:1", priority: 0 }), told, asked]).toEqual(["old:1", [], []]);
    expect(clock.pendingTimers).toBe(0);
    const between = setUp();
    await between.look();
    between.moved.stop();
    expect(between.clock.pendingTimers).toBe(0);
  });

  test("is not found where another incarnation of the same id answers", async () => {
    const { look, told } = setUp("c");
    expect([await look(), told]).toEqual(["old:1", []]);
  });

  test("is dialled at the address of the log again when it is back there", async () => {
    const { n2At, look, told } = setUp();
    expect(await look()).toBe("new:1");
    n2At.isAt = "old:1";
    expect(await look()).toBe("old:1");
    expect(told).toEqual([
      "changed: new:1",
      "a member has moved; it is reached at an address of the configuration file",
      "changed: old:1",
      "a member is back at its address",
    ]);
  });

  test("is dialled where it has moved once more, which is told once", async () => {
    const { n2At, look, told } = setUp("b", ["new:1", "newer:1"]);
    expect(await look()).toBe("new:1");
    n2At.isAt = "newer:1";
    for (const _ of [1, 2]) expect(await look()).toBe("newer:1");
    const hasMoved = "a member has moved; it is reached at an address of the configuration file";
    expect(told).toEqual(["changed: new:1", hasMoved, "changed: newer:1", hasMoved]);
  });

  test("stays dialled there while it is connected", async () => {
    const { n2At, look, told } = setUp();
    await look();
    n2At.isReached = true;
    told.length = 0;
    for (const _ of [1, 2]) expect(await look()).toBe("new:1");
    expect(told).toEqual([]);
  });

  test("is dialled at the address that the log has since", async () => {
    const { n2At, look } = setUp();
    expect(await look()).toBe("new:1");
    n2At.log = "newer:1";
    n2At.isReached = true;
    expect(await look()).toBe("newer:1");
  });
});

test("members that have moved together are all found, each where it answers, and each is told of as itself", async () => {
  const keys = ["n2", "n3"].map((id) => toMemberKey(id, "a"));
  const members = keys.map((key) => ({ key, address: `${nodeIdOf(key)}.old:1`, priority: 0 }));
  const told: string[] = [];
  const isAt: Record<string, string> = { "new:1": "n3", "new:2": "n2" };
  const clock = new ManualClock();
  const moved = new MovedMembers({
    addresses: ["new:1", "new:2"],
    self: () => toMemberKey("n1", "a"),
    ownAddress: "n1:1",
    members: () => members,
    howToMove: (key, address) => `move ${nodeIdOf(key)} to ${address}`,
    clock,
    logger: {
      enabled: () => true,
      log: (_, __, fields, cause) => void told.push(`${String(fields?.["next"] ?? fields?.["peer"])} (${cause})`),
    },
    changed: () => {},
    transport: {
      peers: () => [],
      discover: async (address) => {
        const id = isAt[address];
        return id === undefined
          ? { kind: "failed", reason: "nobody" }
          : { kind: "there", identity: { id, incarnation: "a", bootId: "x" } };
      },
    },
  });
  moved.start();
  await afterMicrotasks();
  expect(members.map(moved.addressOf)).toEqual(["new:2", "new:1"]);
  expect(told.splice(0).toSorted()).toEqual(["move n2 to new:2 (moved n2)", "move n3 to new:1 (moved n3)"]);
  delete isAt["new:1"];
  isAt["n3.old:1"] = "n3";
  clock.advance(1_000);
  await afterMicrotasks();
  expect(members.map(moved.addressOf)).toEqual(["new:2", "n3.old:1"]);
  expect(told).toEqual(["n3 (back n3)"]);
  moved.stop();
});

describe("the status of a member that cannot be dialled", () => {
  const problemOf = (cluster: Cluster, asked: string, id: string): string | null =>
    cluster.member(asked).node.requests.problemOf(cluster.member(id).node.state.self);
  const hint = (id: string): string =>
    `it announces the address ${id}.moved:7400, and the members have ${id}.test:7400; if ${id} has moved: graft cluster add ${id} ${id}.moved:7400`;

  test("names the address that it announces and the command that moves it, until it has been moved", async () => {
    const cluster = (open = await Cluster.founded(three));
    const { id } = cluster.followers[0]!;
    await cluster.start(id, { address: `${id}.moved:7400`, disk: await cluster.crash(id) });
    for (const asked of three) {
      await cluster.until(`${asked} says so`, () => problemOf(cluster, asked, id)?.includes(hint(id)) === true, 60_000);
    }
    const addition = { ...newcomer(id), address: `${id}.moved:7400` };
    expect(await change(cluster, cluster.leader, { add: [addition] })).toMatchObject({ kind: "membershipChanged" });
    for (const asked of three) {
      await cluster.until(`${asked} says it no more`, () => problemOf(cluster, asked, id) === null, 60_000);
    }
  });

  test("names the command that leaves a learner a learner", async () => {
    const cluster = (open = await Cluster.founded(three));
    const { id } = cluster.followers[0]!;
    await change(cluster, cluster.leader, { demote: [id] });
    const file = { address: `${id}.moved:7400`, bootstrap: null, join: ["n1", "n2", "n3"] };
    await cluster.start(id, { ...file, disk: await cluster.crash(id) });
    const leader = cluster.leader.id;
    await cluster.until("it says so", () => problemOf(cluster, leader, id)?.includes("announces") === true, 60_000);
    expect(problemOf(cluster, leader, id)).toContain(`graft cluster add ${id} ${id}.moved:7400 --learner`);
    const addition = { ...newcomer(id, false), address: `${id}.moved:7400` };
    await change(cluster, cluster.leader, { add: [addition] });
    expect(latestConfiguration(cluster.leader.node.state.log)?.voters.map(nodeIdOf)).not.toContain(id);
  });

  test("names no other address when it announces the one in the log", async () => {
    const cluster = (open = await Cluster.founded(three));
    const { id } = cluster.followers[0]!;
    cluster.network.shut(id);
    await cluster.until("it is hidden", () => problemOf(cluster, cluster.leader.id, id) !== null, 60_000);
    expect(problemOf(cluster, cluster.leader.id, id)).toBe("the other voters cannot dial it, and so clients cannot");
  });
});
