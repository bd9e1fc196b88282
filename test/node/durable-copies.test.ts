// Copies that keep their state on disk are compared like any other, and the disk says what became of them: node/state-on-disk.ts.
import { expect, spyOn, test } from "bun:test";
import { createMemorySnapshotFiles } from "../../src/sim/memory/snapshot-store.ts";
import { pluginVersion } from "./applier-setting.ts";
import { Cluster, type Member, type MemberOptions } from "./cluster.ts";

const three = ["n1", "n2", "n3"] as const;
const copyOf = ({ node }: Member) => node.parts.copies.own;

async function founded(options: MemberOptions): Promise<Cluster> {
  const cluster = new Cluster(three, { tailEntriesMax: 0 });
  cluster.compareEveryEntries = 4;
  for (const id of three) await cluster.start(id, options);
  await cluster.settle();
  await cluster.electLeader();
  return cluster;
}

async function commands(cluster: Cluster, count: number): Promise<void> {
  const client = cluster.client(cluster.leader.id);
  const end = cluster.leader.node.state.log.last.index + count;
  for (let nth = 0; nth < count; nth++) client.command(`c${nth}`);
  await cluster.until("all have applied them", () =>
    [...cluster.members.values()].every(({ node }) => node.appliedIndex >= end),
  );
}

test("a copy that is found wrong says so on disk, is made anew from the leader's snapshot, and is a witness again", async () => {
  const cluster = await founded({ held: null });
  await commands(cluster, 6);
  const [wrong] = cluster.followers as [Member];
  wrong.machine.spoil();
  const client = cluster.client(cluster.leader.id);
  for (let nth = 0; nth < 4; nth++) client.command(`d${nth}`);
  await cluster.until("it is found wrong", () => copyOf(wrong).standing === "wrong");
  await cluster.settle();
  expect(wrong.machine.origins).toEqual(["nobody"]);
  await cluster.until("it is a witness again", () => copyOf(wrong).standing === "sound" && !copyOf(wrong).isGiven);
  expect(wrong.machine.origins).toEqual(["nobody", wrong.node.state.self.split("@").at(-1)!]);
  expect(wrong.machine.applied).toEqual(cluster.leader.machine.applied);
  await cluster.stopAll();
});

test("a copy from disk that another node made is no witness, until its content is found equal", async () => {
  const cluster = await founded({});
  await commands(cluster, 6);
  const [away] = cluster.followers as [Member];
  const { applied } = away.machine;
  const reached = { index: away.node.appliedIndex, term: away.node.state.log.last.term, timeMs: 1 };
  const owner = away.store.saved.incarnation;
  const disk = await cluster.crash(away.id);
  const state = { reached, plugin: pluginVersion("1"), owner, origin: "n9-disk", wakeAtMs: null };
  const held = { state, applied: [...applied] };
  const again = await cluster.start(away.id, { disk, held, files: createMemorySnapshotFiles() });
  await cluster.settle();
  expect([copyOf(again).origin, copyOf(again).isGiven]).toEqual(["n9-disk", true]);
  await cluster.until("it is a witness", () => !copyOf(again).isGiven);
  await cluster.settle();
  expect(again.machine.origins).toEqual([owner]);
  await commands(cluster, 8);
  expect([...cluster.members.values()].map((each) => copyOf(each).standing)).toEqual(["sound", "sound", "sound"]);
  await cluster.stopAll();
});

test("a copy that is condemned while its state machine begins anew does not continue with its state on disk", async () => {
  const cluster = await founded({ held: null });
  await commands(cluster, 6);
  const [wrong] = cluster.followers as [Member];
  const { machine, node } = wrong;
  const begins = Promise.withResolvers<void>();
  const renew = machine.renew.bind(machine);
  const renewed = spyOn(machine, "renew").mockImplementation(() => begins.promise.then(renew));
  machine.spoil();
  const owner = wrong.store.saved.incarnation;
  const reached = { index: node.appliedIndex, term: node.state.log.last.term, timeMs: 1 };
  machine.held = { reached, plugin: pluginVersion("1"), owner, origin: owner, wakeAtMs: null };
  machine.die("its thread ended");
  cluster.client(cluster.leader.id).command("more");
  await cluster.until("it begins anew", () => renewed.mock.calls.length > 0);
  const { self, currentTerm: term } = cluster.leader.node.state;
  const range = { of: "content", after: 0, through: 6, isConfirmed: false } as const;
  const verdict = { kind: "copyVerdict", term, copy: copyOf(wrong).number, standing: "wrong", ...range } as const;
  node.parts.copies.onMessage(self, verdict);
  cluster.isolate(wrong.id);
  begins.resolve();
  await cluster.advance(100);
  expect(wrong.logs).toContain("warn the state on disk is not used: the state machine is restored");
  expect(wrong.logs).not.toContain("info the state machine continues with its state on disk");
  await cluster.stopAll();
});

test("a copy that is condemned while its state on disk is being read does not continue with it", async () => {
  const cluster = await founded({ held: null });
  await commands(cluster, 6);
  const [wrong] = cluster.followers as [Member];
  const { machine, node } = wrong;
  const owner = wrong.store.saved.incarnation;
  const reached = { index: node.appliedIndex, term: node.state.log.last.term, timeMs: 1 };
  machine.held = { reached, plugin: pluginVersion("1"), owner, origin: owner, wakeAtMs: null };
  const reads = Promise.withResolvers<void>();
  const recall = machine.recall.bind(machine);
  const recalled = spyOn(machine, "recall").mockImplementation((of) => reads.promise.then(() => recall(of)));
  machine.die("its thread ended");
  cluster.client(cluster.leader.id).command("more");
  await cluster.until("it reads its disk", () => recalled.mock.calls.length > 0);
  const { self, currentTerm: term } = cluster.leader.node.state;
  const range = { of: "content", after: 0, through: 6, isConfirmed: false } as const;
  const verdict = { kind: "copyVerdict", term, copy: copyOf(wrong).number, standing: "wrong", ...range } as const;
  node.parts.copies.onMessage(self, verdict);
  cluster.isolate(wrong.id);
  reads.resolve();
  await cluster.advance(100);
  expect(wrong.logs).not.toContain("info the state machine continues with its state on disk");
  await cluster.stopAll();
});
