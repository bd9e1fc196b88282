// Growing, shrinking and replacing with the command line, on real nodes: what is said, and what is true afterwards.
import { afterEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { viewMembers } from "../../src/client/members.ts";
import { findFreePorts } from "../../src/local/free-ports.ts";
import type { LocalNode } from "../../src/local/local-cluster.ts";
import { TestCluster, until } from "./test-cluster.ts";

interface Listed {
  readonly address: string;
  readonly voter: boolean;
  readonly incarnation: string;
  readonly priority: number;
}

const portOf = (address: string): number => Number(address.split(":").at(-1));

let open: TestCluster | null = null;
afterEach(async () => {
  await open?.remove();
  open = null;
});

async function started(nodes = 3): Promise<TestCluster> {
  open = await TestCluster.start({ nodes });
  return open;
}

async function members(cluster: TestCluster): Promise<Record<string, Listed>> {
  const { members: list } = await viewMembers(cluster.client, 5_000);
  return Object.fromEntries(list.map(({ id, ...member }) => [id, member]));
}

/** Runs the command line until it succeeds: a node that was just started may not have found everyone yet. */
async function done(cluster: TestCluster, args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await cluster.graft(args);
  expect({ exitCode, stderr: withoutNews(stderr) }).toEqual({ exitCode: 0, stderr: "" });
  return stdout;
}

const put = ["execute", "command", "put", '{"key":"a","value":"1"}'];
const get = ["execute", "query", "get", '{"key":"a"}'];
/** That graft.toml follows the members is said beside the answer. */
const withoutNews = (stderr: string): string => stderr.replace(/^\S+ follows the members.*\n/m, "");
const listed = (cluster: TestCluster): readonly string[] =>
  (Bun.TOML.parse(readFileSync(cluster.layout.clientFile, "utf8")) as { readonly cluster: readonly string[] }).cluster;
const inALine = (text: string): string => text.replace(/\s+/g, " ");

describe("a node that is added", () => {
  test("gets all data, votes, and everything says so", async () => {
    const cluster = await started();
    await done(cluster, put);
    const { address } = await cluster.join("n4");
    await until("it says what to do", () => cluster.logOf("n4").includes(`say: graft cluster add n4 ${address}`));
    const waiting = await done(cluster, ["cluster", "status", "-c", address]);
    expect(waiting).toContain("joining");
    const dry = await done(cluster, ["cluster", "add", "n4", address, "--dry-run"]);
    expect(dry).toContain("nothing was changed");
    expect(dry).toContain("4 voters tolerate no more failures than 3 would");
    expect(Object.keys(await members(cluster))).toEqual(["n1", "n2", "n3"]);
    expect(await done(cluster, ["cluster", "add", "n4", address])).toBe(
      `n4 at ${address} is a voter; it holds all data\nvoters: n1, n2, n3, n4; 3 of them decide, 1 may fail\n`,
    );
    expect(listed(cluster)).toEqual([...cluster.layout.nodes.map((node) => node.address), address]);
    const status = JSON.parse(await done(cluster, ["cluster", "status", "--json"]));
    expect(status.nodes.find(({ id }: { id: string }) => id === "n4")).toMatchObject({ voter: true, reachable: true });
    expect(await done(cluster, [...get, "-c", address])).toContain("1");
    expect(inALine(await done(cluster, ["cluster", "demote", "n4"]))).toContain("learners: n4");
    expect(inALine(await done(cluster, ["cluster", "priority", "n4", "-5"]))).toContain("n4 has the priority -5");
    expect(inALine(await done(cluster, ["cluster", "promote", "n4"]))).toContain("n4 is a voter");
    expect((await members(cluster))["n4"]).toMatchObject({ voter: true, priority: -5 });
    const learner = await cluster.join("n5");
    // The command waits for no data of a learner.
    const added = inALine(await done(cluster, ["cluster", "add", "n5", learner.address, "--learner"]));
    expect(added).toStartWith(`n5 at ${learner.address} is a learner voters: `);
    expect(added).toContain("next: let it vote: graft cluster promote n5");
  }, 60_000);

  test("but not with another state machine: that is said on both sides, and nothing has changed", async () => {
    const cluster = await started();
    const { address } = await cluster.join("n4", { plugin: "counter" });
    const { exitCode, stderr } = await cluster.graft(["cluster", "add", "n4", address]);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('that of n4 "counter"')]);
    expect(cluster.logOf("n4")).toContain("code=wrong-state-machine");
    expect(await done(cluster, ["cluster", "configuration", "--json"])).not.toContain("n4");
  }, 60_000);

  test("at the address of another member that has moved as well is refused alone, and both are moved in one change", async () => {
    const cluster = await started();
    await done(cluster, put);
    const [one, other] = (await cluster.followers()).map((id) => cluster.node(id)) as [LocalNode, LocalNode];
    await done(cluster, ["cluster", "demote", other.id]);
    for (const { id } of [one, other]) await cluster.process(id).kill();
    const [there] = cluster.layout.nodes.filter((node) => node !== one && node !== other);
    const again = { join: [there!.address], again: true };
    await cluster.join(one.id, { ...again, port: portOf(other.address) });
    await cluster.join(other.id, { ...again, port: portOf(one.address) });
    await cluster.leader();
    const add = ["cluster", "add", one.id, other.address];
    await until("the way out is shown", async () =>
      inALine((await cluster.graft(add)).stderr).includes(`name both in one change with --also ${other.id}=HOST:PORT`),
    );
    // A voter that is added again as a learner votes as before. Neither has to catch up for the change.
    expect(await done(cluster, [...add, "--learner", "--also", `${other.id}=${one.address}`])).toStartWith(
      `${one.id} at ${other.address} is a voter; ${other.id} at ${one.address} is a learner\nvoters: `,
    );
    const list = await members(cluster);
    expect([list[one.id], list[other.id]]).toMatchObject([
      { address: other.address, voter: true },
      { address: one.address, voter: false },
    ]);
    await cluster.inStep();
  }, 60_000);

  test("though nobody can dial it takes part by its own connections", async () => {
    const cluster = await started();
    await done(cluster, put);
    const [port = 0] = findFreePorts(1);
    const advertise = `127.0.0.1:${port}`;
    await cluster.join("n4", { advertise });
    await until("it has found the others", () => cluster.logOf("n4").includes("waits to be added"));
    const add = ["cluster", "add", "n4", advertise];
    const refused = await cluster.graft(add);
    expect(refused.exitCode).not.toBe(0);
    expect(inALine(refused.stderr)).toContain(`cannot dial n4 at ${advertise}`);
    const added = await done(cluster, [...add, "--behind-nat"]);
    expect(added).toContain(`n4 at ${advertise} is a voter`);
    expect(inALine(added)).toContain("clients cannot reach it either");
    expect((await members(cluster))["n4"]).toMatchObject({ priority: -1 });
    const remark = `n4 is connected, and gives no answer at ${advertise}: clients cannot reach it there`;
    expect(inALine(await done(cluster, ["cluster", "status"]))).toContain(remark);
    await until("it has all data", async () => {
      const { nodes, commitIndex } = await cluster.view();
      return nodes.find(({ id }) => id === "n4")?.matchIndex === commitIndex;
    });
  }, 60_000);

  test("is added all the same when the leader that began it is killed meanwhile, and whoever asked hears of it", async () => {
    const cluster = await started();
    const { address } = await cluster.join("n4");
    await until("it has found the others", () => cluster.logOf("n4").includes("waits to be added"));
    const old = await cluster.leader();
    // It stands still, so that it cannot catch up before the leader is gone; nor can it be dialled meanwhile.
    cluster.process("n4").signal("SIGSTOP");
    const adding = cluster.graft(["cluster", "add", "n4", address, "--behind-nat"]);
    await until("the change has begun", async () => {
      const { pending } = await viewMembers(cluster.client, 5_000);
      return pending.some(({ promote }) => promote.includes("n4"));
    });
    await cluster.process(old).kill();
    cluster.process("n4").signal("SIGCONT");
    const { exitCode, stdout, stderr } = await adding;
    expect({ exitCode, stderr: withoutNews(stderr) }).toEqual({ exitCode: 0, stderr: "" });
    expect(stdout).toContain(`n4 at ${address} is a voter`);
    expect(await cluster.leader()).not.toBe(old);
  }, 60_000);

  test("and that nobody reaches is refused: who cannot reach whom is said, and nothing has changed", async () => {
    const cluster = await started();
    const [port = 0] = findFreePorts(1);
    const { exitCode, stderr } = await cluster.graft(["cluster", "add", "n4", `127.0.0.1:${port}`]);
    expect(exitCode).toBe(1);
    for (const id of ["n1", "n2", "n3"]) expect(stderr).toContain(`${id} cannot reach n4 at 127.0.0.1:${port}: `);
    expect(stderr).toContain("Nor has n4 connections of its own");
    expect(Object.keys(await members(cluster))).toEqual(["n1", "n2", "n3"]);
  }, 60_000);
});

describe("a node that is removed", () => {
  test("P44: and leads runs on and says so, does not start again from its data, and comes back with a new disk", async () => {
    const cluster = await started();
    await done(cluster, put);
    const id = await cluster.leader();
    const { address, dataDir } = cluster.node(id);
    const before = (await members(cluster))[id];
    expect(await done(cluster, ["cluster", "remove", id])).toStartWith(`${id} has been removed\n`);
    await until("it knows", async () => {
      const { nodes } = await cluster.client.status(address);
      return nodes.some((node) => node.id === id && node.role === "removed");
    });
    expect(cluster.process(id).isRunning).toBe(true);
    // Who knows it alone is sent to those who are left.
    expect(await done(cluster, [...get, "-c", address])).toContain("1");
    await cluster.process(id).stop();
    expect(await cluster.run(id).exited).not.toBe(0);
    expect(cluster.logOf(id)).toContain("needs an empty data_dir");
    await rm(dataDir, { recursive: true });
    await cluster.join(id, { port: portOf(address), again: true });
    await until("it waits", () => cluster.logOf(id).includes("waits to be added"));
    expect(await done(cluster, ["cluster", "add", id, address])).toContain(`${id} at ${address} is a voter`);
    const after = (await members(cluster))[id];
    expect(after).toMatchObject({ address, voter: true });
    expect(after?.incarnation).not.toBe(before!.incarnation);
  }, 90_000);
});

describe("a member that comes back", () => {
  test("P42: with its disk wiped is told what to do, and then takes the place of the old one", async () => {
    const cluster = await started();
    await done(cluster, put);
    const [id = ""] = await cluster.followers();
    const { address, dataDir } = cluster.node(id);
    const before = (await members(cluster))[id];
    await cluster.process(id).kill();
    await rm(dataDir, { recursive: true });
    expect(await cluster.run(id).exited).not.toBe(0);
    expect(cluster.logOf(id)).toContain(`graft cluster add ${id} ADDRESS; it then takes the place of the old ${id}`);
    await cluster.join(id, { port: portOf(address), again: true });
    await until("it waits", () => cluster.logOf(id).includes(`has other data than the member ${id}`));
    await done(cluster, ["cluster", "add", id, address]);
    const after = await members(cluster);
    expect(Object.keys(after).sort()).toEqual(["n1", "n2", "n3"]);
    expect(after[id]?.incarnation).not.toBe(before!.incarnation);
    await cluster.caughtUp();
  }, 90_000);

  test("at another address, where only the command that says so finds it, leads and is followed by graft.toml", async () => {
    const cluster = await started(1);
    const old = cluster.node("n1").address;
    await cluster.process("n1").stop();
    const { address } = await cluster.join("n1", { again: true });
    expect(listed(cluster)).toEqual([old]);
    expect(await done(cluster, ["cluster", "add", "n1", address])).toContain(`n1 at ${address} is a voter`);
    expect(listed(cluster)).toEqual([address]);
    await done(cluster, put);
  }, 90_000);

  test("at another address with its data is the same member, found there from then on", async () => {
    const cluster = await started();
    const [id = ""] = await cluster.followers();
    const before = (await members(cluster))[id];
    await cluster.process(id).stop();
    const { address } = await cluster.join(id, { again: true });
    expect(address).not.toBe(before!.address);
    await until("it follows", async () => (await cluster.client.status(address)).leader !== null);
    expect(await done(cluster, ["cluster", "add", id, address])).toContain(`${id} at ${address} is a voter`);
    expect((await members(cluster))[id]).toEqual({ ...before!, address });
    expect(listed(cluster)).toContain(address);
    expect(listed(cluster)).not.toContain(before!.address);
    await cluster.caughtUp();
  }, 90_000);
});
