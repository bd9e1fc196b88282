// How does a node come by another state in the place of one that is wrong, whatever gets in its way? node/copies.ts.
import { expect, spyOn, test } from "bun:test";
import { createMemorySnapshotFiles } from "../../src/sim/memory/snapshot-store.ts";
import { GraftError } from "../../src/errors.ts";
import { unprovenOrigin } from "../../src/node/own-copy.ts";
import { Cluster, type Member, type MemberOptions } from "./cluster.ts";

const three = ["n1", "n2", "n3"] as const;
const standingOf = ({ node }: Member): string => node.parts.copies.own.standing;

async function founded(options: (id: string) => MemberOptions = () => ({})): Promise<Cluster> {
  const cluster = new Cluster(three, { tailEntriesMax: 0 });
  cluster.compareEveryEntries = 4;
  cluster.snapshotPolicy = { everyEntries: 8, everyBytes: 1e9 };
  for (const id of three) await cluster.start(id, options(id));
  await cluster.settle();
  await cluster.electLeader();
  return cluster;
}

async function commands(cluster: Cluster, count: number, eachMs = 50): Promise<void> {
  const client = cluster.client(cluster.leader.id);
  for (let nth = 0; nth < count; nth++) {
    client.command("x");
    await cluster.advance(eachMs, 50);
  }
}

/** No node makes a snapshot, so that none can be offered. */
function withholdSnapshots(cluster: Cluster): () => void {
  const machines = [...cluster.members.values()].map(({ machine }) => machine);
  const withheld = machines.map((machine) =>
    spyOn(machine, "snapshot").mockRejectedValue(new GraftError("state-machine", "no snapshot today")),
  );
  return () => {
    for (const each of withheld) each.mockRestore();
  };
}

async function untilNamed(cluster: Cluster, wrong: Member): Promise<void> {
  wrong.machine.spoil();
  const client = cluster.client(cluster.leader.id);
  for (let nth = 0; nth < 8; nth++) client.command(`y${nth}`);
  await cluster.until("it is named", () => wrong.logs.join().includes("is not to be trusted"));
}

/** As the leader says it of the copy that the node has now. */
function condemn(cluster: Cluster, { node }: Member): void {
  const { self, currentTerm: term } = cluster.leader.node.state;
  const range = { of: "content", after: 0, through: 8 } as const;
  const { copies } = node.parts;
  const verdict = { kind: "copyVerdict", copy: copies.own.number, standing: "wrong", isConfirmed: false } as const;
  copies.onMessage(self, { ...verdict, term, ...range });
}

test("a copy that was found wrong shows nothing after a restart, until it is found equal or replaced", async () => {
  const files = new Map(three.map((id) => [id, createMemorySnapshotFiles()] as const));
  const cluster = await founded((id) => ({ files: files.get(id as "n1")! }));
  const [wrong] = cluster.followers as [Member];
  await cluster.until("it has a snapshot", () => {
    cluster.client(cluster.leader.id).command("x");
    return wrong.node.state.snapshot !== null;
  });
  const giveBack = withholdSnapshots(cluster);
  await untilNamed(cluster, wrong);
  const disk = await cluster.crash(wrong.id);
  cluster.isolate(wrong.id);
  const again = await cluster.start(wrong.id, { disk, files: files.get(wrong.id as "n1")! });
  await cluster.settle();
  expect(standingOf(again)).toBe("doubted");
  const reader = cluster.client(wrong.id);
  reader.stale("x");
  await cluster.settle();
  expect(reader.replies[0]).not.toContain("result");
  giveBack();
  cluster.rejoin(wrong.id);
  await cluster.until("all are sound", () =>
    [...cluster.members.values()].every((each) => standingOf(each) === "sound"),
  );
  await commands(cluster, 8);
  expect(again.machine.applied).not.toContain("spoiled");
  await cluster.stopAll();
});

test("the record of a snapshot names the node itself once the copy is found equal, and again after a restart", async () => {
  const files = new Map(three.map((id) => [id, createMemorySnapshotFiles()] as const));
  const cluster = await founded((id) => ({ files: files.get(id as "n1")! }));
  const [wrong] = cluster.followers as [Member];
  await commands(cluster, 9);
  await cluster.until("it has a snapshot", () => wrong.node.state.snapshot !== null);
  condemn(cluster, wrong);
  cluster.isolate(wrong.id);
  await cluster.advance(10);
  expect(wrong.node.state.snapshot!.origin).toBe(unprovenOrigin);
  const disk = await cluster.crash(wrong.id);
  const again = await cluster.start(wrong.id, { disk, files: files.get(wrong.id as "n1")! });
  await cluster.until("it is found equal", () => standingOf(again) === "sound");
  await cluster.settle();
  expect(again.node.state.snapshot).toMatchObject({ position: { index: 8 }, origin: again.store.saved.incarnation });
  cluster.isolate(wrong.id);
  const secondDisk = await cluster.crash(wrong.id);
  cluster.isolate(wrong.id);
  const alone = await cluster.start(wrong.id, { disk: secondDisk, files: files.get(wrong.id as "n1")! });
  await cluster.settle();
  expect([standingOf(alone), alone.node.parts.copies.own.isGiven]).toEqual(["sound", false]);
  await cluster.stopAll();
});

test("a snapshot that was taken over names the node itself once the copy is found equal", async () => {
  const cluster = await founded();
  const [wrong] = cluster.followers as [Member];
  await commands(cluster, 9);
  await untilNamed(cluster, wrong);
  await cluster.until(
    "it is a witness again",
    () => standingOf(wrong) === "sound" && !wrong.node.parts.copies.own.isGiven,
  );
  const { incarnation } = wrong.store.saved;
  await cluster.until("its record says so", () => wrong.node.state.snapshot!.origin === incarnation);
  await cluster.stopAll();
});

test("a copy of a state machine that makes no snapshots begins anew from the log", async () => {
  const cluster = await founded();
  for (const { machine } of cluster.members.values()) Object.assign(machine.description, { snapshots: false });
  const [wrong] = cluster.followers as [Member];
  await untilNamed(cluster, wrong);
  await cluster.until("it is sound again", () => standingOf(wrong) === "sound");
  await cluster.until("it has caught up", () => wrong.machine.applied.join() === cluster.leader.machine.applied.join());
  expect(wrong.machine.renewals).toBe(1);
  await cluster.stopAll();
});

test("a copy is offered the same snapshot until it has it, however many follow", async () => {
  const cluster = await founded();
  const [wrong] = cluster.followers as [Member];
  await untilNamed(cluster, wrong);
  const { copies } = cluster.leader.node.parts;
  await cluster.until("a snapshot is offered", () => copies.offeredFiles.length > 0);
  const [file] = copies.offeredFiles;
  await commands(cluster, 40, 100);
  expect(copies.offeredFiles.length === 0 || copies.offeredFiles[0] === file).toBe(true);
  await cluster.until("it is sound again", () => standingOf(wrong) === "sound");
  await cluster.stopAll();
});

test("a copy that was found wrong, and is wrong again after a restart, stops no other one while a voter is away", async () => {
  const files = new Map(three.map((id) => [id, createMemorySnapshotFiles()] as const));
  const cluster = await founded((id) => ({ files: files.get(id as "n1")! }));
  const [wrong, away] = cluster.followers as [Member, Member];
  await commands(cluster, 8);
  await cluster.until("it has a snapshot", () => wrong.node.state.snapshot !== null);
  const giveBack = withholdSnapshots(cluster);
  await untilNamed(cluster, wrong);
  cluster.kill(away.id);
  const disk = await cluster.crash(wrong.id);
  giveBack();
  const again = await cluster.start(wrong.id, { disk, files: files.get(wrong.id as "n1")! });
  again.machine.spoil();
  const leader = await cluster.electLeader();
  for (let round = 0; round < 8; round++) {
    await commands(cluster, 4);
    await cluster.advance(10_000, 100);
  }
  expect([standingOf(leader), standingOf(again)]).toEqual(["sound", "doubted"]);
  const client = cluster.client(leader.id);
  const id = client.command("more");
  await cluster.settle();
  expect(client.replies.at(-1)).toStartWith(`${id} result `);
  await cluster.stopAll();
});

test("a copy whose state machine has stopped for good is replaced as well, and the problem names both until then", async () => {
  const cluster = await founded();
  await commands(cluster, 9);
  const [wrong] = cluster.followers as [Member];
  await cluster.until("it has a snapshot", () => wrong.node.state.snapshot !== null);
  wrong.machine.poison = "bad";
  const client = cluster.client(cluster.leader.id);
  for (const said of ["bad", "more"]) client.command(said);
  await cluster.advance(100_000, 100);
  const problem = (): string | null => wrong.node.requests.problemOf(wrong.node.state.self);
  expect(problem()).toContain("attempts to restore it have failed");
  condemn(cluster, wrong);
  expect(problem()).toContain("attempts to restore it have failed");
  expect(problem()).toContain("its state machine is not to be trusted: the content of the state at entry 8");
  wrong.machine.poison = null;
  await cluster.until("it is sound again", () => standingOf(wrong) === "sound");
  await cluster.until("it is in step", () => wrong.machine.applied.join() === cluster.leader.machine.applied.join());
  expect(problem()).toBeNull();
  await cluster.stopAll();
});

test("a snapshot that is recorded already is not fetched again while the state machine begins with it", async () => {
  const cluster = await founded();
  await commands(cluster, 9);
  const [wrong] = cluster.followers as [Member];
  await cluster.until("it has a snapshot", () => wrong.node.state.snapshot !== null);
  const begins = Promise.withResolvers<void>();
  const renew = wrong.machine.renew.bind(wrong.machine);
  spyOn(wrong.machine, "renew").mockImplementation(() => begins.promise.then(renew));
  condemn(cluster, wrong);
  await cluster.advance(10_000, 100);
  expect(standingOf(wrong)).toBe("wrong");
  expect(wrong.logs.filter((line) => line.includes("snapshot fetched"))).toHaveLength(1);
  begins.resolve();
  await cluster.until("it is sound again", () => standingOf(wrong) === "sound");
  await cluster.stopAll();
});
