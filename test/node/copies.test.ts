// A copy of the state machine that goes wrong is found, named, kept from answering, and replaced: node/copies.ts.
import { describe, expect, test } from "bun:test";
import { GraftError } from "../../src/errors.ts";
import type { MemberKey } from "../../src/core/configuration.ts";
import { afterMicrotasks, Cluster, type Member } from "./cluster.ts";
import { createMemorySnapshotFiles } from "../../src/sim/memory/snapshot-store.ts";

const three = ["n1", "n2", "n3"] as const;
const every = 4;

async function founded(ids: readonly string[] = three): Promise<Cluster> {
  const cluster = new Cluster(ids, { tailEntriesMax: 0 });
  cluster.compareEveryEntries = every;
  for (const id of ids) await cluster.start(id);
  await cluster.settle();
  await cluster.electLeader();
  return cluster;
}

async function command(cluster: Cluster, count: number, prefix = "c"): Promise<void> {
  const client = cluster.client(cluster.leader.id);
  for (let nth = 0; nth < count; nth++) {
    client.command(`${prefix}${nth}`);
    await cluster.settle();
  }
  await cluster.advance(300);
}

const keyOf = ({ node }: Member): MemberKey => node.state.self;
const problemOf = (of: Member, at: Member = of): string | null => at.node.requests.problemOf(keyOf(of));
const standingOf = ({ node }: Member): string => node.parts.copies.own.standing;
const isInStep = (cluster: Cluster): boolean => {
  const states = [...cluster.members.values()].map(({ machine }) => machine.applied.join());
  return new Set(states).size === 1;
};
const inStep = (cluster: Cluster) =>
  cluster.until(
    "all copies are sound and alike",
    () => isInStep(cluster) && [...cluster.members.values()].every((member) => standingOf(member) === "sound"),
    40_000,
  );

describe("a follower whose state has gone wrong", () => {
  test("is named with the range, answers nothing, is replaced, and is in step again", async () => {
    const cluster = await founded();
    await command(cluster, 6);
    const [wrong] = cluster.followers as [Member];
    wrong.machine.spoil();
    const client = cluster.client(cluster.leader.id);
    for (let nth = 0; nth < every; nth++) client.command(`d${nth}`);
    await cluster.until("it is named", () => standingOf(wrong) === "wrong");
    expect(problemOf(wrong)).toContain(
      "its state machine is not to be trusted: the outcomes of the commands in the entries 5 to 8",
    );
    expect(wrong.logs).toContain("error the state machine is not to be trusted");
    expect(wrong.logs).toContain("error the first outcome that differs from that of the other nodes");
    expect(problemOf(wrong)).toContain("the entries 5 to 8, first that of the command d0 at entry 8, differ");
    expect(cluster.leader.logs).toContain(`error the copy of ${wrong.id} is wrong`);
    const reader = cluster.client(wrong.id);
    reader.stale("x");
    await cluster.settle();
    expect(reader.replies).toEqual([`1 not-leader ${cluster.leader.id}`]);
    const standings = new Set<string>();
    await cluster.until(
      "it has another state",
      () => standings.add(standingOf(wrong)) && standingOf(wrong) !== "wrong",
    );
    expect([...standings]).toEqual(["wrong", "sound"]);
    expect(wrong.node.state.snapshot?.origin).toBe(cluster.leader.node.state.snapshot!.origin);
    await inStep(cluster);
    expect(problemOf(wrong)).toBeNull();
    expect(wrong.end).toBeNull();
    await command(cluster, 6, "e");
    await inStep(cluster);
    await cluster.stopAll();
  });

  test("votes and keeps the log while nobody can give it another state", async () => {
    const cluster = await founded();
    await command(cluster, 6);
    const [wrong] = cluster.followers as [Member];
    for (const { machine } of cluster.members.values())
      machine.snapshot = () => Promise.reject(new GraftError("state-machine", "no snapshot today"));
    wrong.machine.spoil();
    await command(cluster, 6, "d");
    expect(standingOf(wrong)).toBe("wrong");
    const applied = wrong.node.appliedIndex;
    cluster.kill(cluster.followers.find((member) => member !== wrong)!.id);
    const client = cluster.client(cluster.leader.id);
    const id = client.command("more");
    await cluster.advance(1_000);
    expect(client.replies.at(-1)).toStartWith(`${id} result `);
    expect(wrong.node.state.commitIndex).toBe(cluster.leader.node.state.commitIndex);
    expect(wrong.node.appliedIndex).toBe(applied);
    await cluster.stopAll();
  });
});

describe("a leader whose state has gone wrong", () => {
  test("hands over, and is replaced", async () => {
    const cluster = await founded();
    await command(cluster, 6);
    const { leader } = cluster;
    leader.machine.spoil();
    const client = cluster.client(leader.id);
    for (let nth = 0; nth < 6; nth++) client.command(`d${nth}`);
    await cluster.until("it is named", () => standingOf(leader) === "wrong");
    await cluster.anotherLeader(leader);
    await inStep(cluster);
    await command(cluster, 6, "e");
    await inStep(cluster);
    expect(leader.machine.applied).not.toContain("spoiled");
    expect(leader.logs).toContain("error the first outcome that differs from that of the other nodes");
    await cluster.stopAll();
  });
});

describe("copies that differ without a majority", () => {
  test("answer nothing any more, and nothing repairs itself", async () => {
    const cluster = await founded(["n1", "n2"]);
    await command(cluster, 6);
    const [other] = cluster.followers as [Member];
    other.machine.spoil();
    const client = cluster.client(cluster.leader.id);
    for (let nth = 0; nth < 6; nth++) client.command(`d${nth}`);
    await cluster.advance(300);
    expect([...cluster.members.values()].map(standingOf)).toEqual(["doubted", "doubted"]);
    await cluster.advance(60_000, 100);
    expect([...cluster.members.values()].map(standingOf)).toEqual(["doubted", "doubted"]);
    for (const member of cluster.members.values()) {
      expect(problemOf(member)).toContain("no majority of the voters has the same");
      const asker = cluster.client(member.id);
      asker.command("more");
      asker.query("x");
      await cluster.settle();
      for (const reply of asker.replies) expect(reply).toMatch(/^[12] (not-leader|state-machine)/);
      expect(asker.replies).toHaveLength(2);
    }
    await cluster.stopAll();
  });

  test("serve again when a third voter comes back and makes a majority", async () => {
    const cluster = await founded();
    await command(cluster, 6);
    const [away, other] = cluster.followers as [Member, Member];
    const files = createMemorySnapshotFiles();
    const disk = await cluster.crash(away.id);
    other.machine.spoil();
    await command(cluster, 6, "d");
    expect(standingOf(cluster.leader)).toBe("sound");
    await cluster.advance(31_000, 100);
    expect([standingOf(cluster.leader), standingOf(other)]).toEqual(["doubted", "doubted"]);
    await cluster.start(away.id, { disk, files });
    await inStep(cluster);
    expect(other.machine.applied).not.toContain("spoiled");
    await cluster.stopAll();
  });
});

describe("contents", () => {
  test("differ at a snapshot: the copy is named, and replaced", async () => {
    const cluster = new Cluster(three, { tailEntriesMax: 0 });
    cluster.compareEveryEntries = 1_000;
    cluster.snapshotPolicy = { everyEntries: 10, everyBytes: 1e9 };
    for (const id of three) await cluster.start(id);
    await cluster.settle();
    await cluster.electLeader();
    const [wrong] = cluster.followers as [Member];
    await command(cluster, 4);
    wrong.machine.readsWrong = true;
    await command(cluster, 6, "d");
    expect(wrong.logs.join("\n")).toContain("error the state machine is not to be trusted");
    wrong.machine.readsWrong = false;
    await cluster.until("another state is there", () => wrong.node.parts.copies.own.number > 0);
    await inStep(cluster);
    await cluster.stopAll();
  });

  test("of a copy that was given are compared until it is confirmed, with the log standing still", async () => {
    const cluster = await founded();
    await command(cluster, 6);
    const [wrong] = cluster.followers as [Member];
    wrong.machine.spoil();
    await command(cluster, 6, "d");
    await cluster.until("another state is there", () => wrong.node.parts.copies.own.number > 0);
    await cluster.until("it is a witness again", () => !wrong.node.parts.copies.own.isGiven);
    await inStep(cluster);
    await afterMicrotasks();
    await cluster.stopAll();
  });
});

test("a copy whose content differs after each restore is restored a few times, and is compared by its outcomes from then on", async () => {
  const cluster = await founded();
  await command(cluster, 6);
  const [odd] = cluster.followers as [Member];
  odd.machine.readsWrong = true;
  await cluster.advance(300_000, 100);
  // As long as it is a witness, nobody asks for contents.
  odd.machine.spoil();
  await command(cluster, 6, "d");
  await cluster.advance(300_000, 100);
  expect(standingOf(odd)).toBe("sound");
  expect(odd.logs.filter((line) => line.includes("snapshot fetched"))).toHaveLength(4);
  expect(problemOf(odd)).toContain("graft plugin check");
  await command(cluster, 6, "e");
  odd.machine.spoil();
  await command(cluster, 6, "f");
  await inStep(cluster);
  await cluster.stopAll();
});
