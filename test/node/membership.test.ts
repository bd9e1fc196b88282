// Changing the membership from outside, as an administrator does: nodes that join, leave and come back, and what each of them
// knows of the others meanwhile.
import { describe, expect, test } from "bun:test";
import { latestConfiguration } from "../../src/core/log-terms.ts";
import { change, changing, join, newcomer, testClusters, three, voters } from "./administering.ts";
import { Cluster, type Member } from "./cluster.ts";

const { founded, kept } = testClusters();

const peers = ({ node }: Member): readonly string[] =>
  node.requests
    .peers()
    .map(({ id }) => id)
    .sort();

describe("a node that joins", () => {
  test("finds everyone from one address, says that it waits, and becomes a voter with everyone's peers", async () => {
    const cluster = await founded();
    const added = await join(cluster, "n4", ["n2"]);
    await cluster.advance(500);
    expect(peers(added)).toEqual(["n1", "n2", "n3"]);
    expect(added.logs.join("\n")).toContain("n4 waits to be added; say: graft cluster add n4 n4.test:7400");
    expect(voters(added)).toEqual(["n1", "n2", "n3"]);
    const reply = await change(cluster, cluster.leader, { add: [newcomer("n4")] });
    expect(reply).toMatchObject({ kind: "membershipChanged", message: expect.stringContaining("voters n1 n2 n3 n4") });
    await cluster.advance(200);
    for (const member of cluster.members.values()) expect(voters(member)).toEqual(["n1", "n2", "n3", "n4"]);
    expect(peers(cluster.member("n3"))).toEqual(["n1", "n2", "n4"]);
  });

  test("waits for a cluster that is only founded later", async () => {
    const cluster = kept(new Cluster(three));
    const joining = await join(cluster, "n4", three);
    cluster.network.cut("n1", "n3");
    for (const id of three) await cluster.start(id);
    await cluster.advance(10_000, 100);
    expect(joining.logs.filter((line) => line === "info peer connected")).toHaveLength(3);
    expect(joining.node.state.genesis).toBeNull();
    cluster.network.heal("n1", "n3");
    await cluster.electLeader();
    await cluster.until("it knows the cluster", () => joining.node.state.genesis !== null);
    await cluster.until("it knows the members", () => peers(joining).length === 3);
  });

  test("that nobody can dial takes part by its own connections", async () => {
    const cluster = await founded();
    cluster.network.shut("n4");
    await join(cluster, "n4");
    await cluster.advance(500);
    const hidden = { ...newcomer("n4"), behindNat: true };
    const plan = await change(cluster, cluster.leader, { add: [hidden] }, { dryRun: true });
    expect(plan).toMatchObject({ refusal: null });
    expect(plan).toHaveProperty("risks", expect.arrayContaining([expect.stringContaining("nobody can dial n4 at")]));
    const reply = await change(cluster, cluster.leader, { add: [hidden] });
    expect(reply).toMatchObject({
      kind: "membershipChanged",
      message: expect.stringContaining("clients cannot reach"),
    });
    await cluster.until("it has the log", () => voters(cluster.member("n4")).length === 4);
    // The last choice for a leader.
    const members = latestConfiguration(cluster.leader.node.state.log)?.members ?? [];
    expect(members.map(({ priority }) => priority)).toEqual([0, 0, 0, -1]);
  });

  test("that nobody can dial at the address given is refused unless that is meant, naming who has tried", async () => {
    const cluster = await founded();
    await join(cluster, "n4");
    await cluster.advance(500);
    const mistyped = { ...newcomer("n4"), address: "n4.tset:7400" };
    const reason = expect.stringMatching(/^(.*: )?n\d, n\d and n\d cannot dial n4 at n4\.tset:7400.*--behind-nat$/);
    const reply = await change(cluster, cluster.leader, { add: [mistyped] });
    expect(reply).toMatchObject({ kind: "error", code: "rejected", message: reason });
    expect(voters(cluster.leader)).toEqual([...three]);
    const plan = await change(cluster, cluster.leader, { add: [mistyped] }, { dryRun: true });
    expect(plan).toMatchObject({ kind: "membershipPlan", refusal: reason });
  });

  test("that a voter cannot reach is refused, naming who cannot reach whom, and nothing has changed", async () => {
    const cluster = await founded();
    await join(cluster, "n4");
    cluster.network.cut("n4", cluster.followers[0]!.id);
    await cluster.advance(500);
    const reply = await change(cluster, cluster.leader, { add: [newcomer("n4")] });
    expect(reply).toMatchObject({ kind: "error", code: "rejected" });
    expect(reply).toHaveProperty(
      "message",
      `${cluster.followers[0]!.id} cannot reach n4 at n4.test:7400: the network is cut. Nor has n4 connections of its own to them. Check the network between them`,
    );
    expect(voters(cluster.leader)).toEqual([...three]);
    const plan = await change(cluster, cluster.leader, { add: [newcomer("n4")] }, { dryRun: true });
    expect(plan).toMatchObject({ kind: "membershipPlan", refusal: expect.stringContaining("cannot reach n4") });
  });
});

test("a member goes by its own log, whatever list of members it is told", async () => {
  const cluster = await founded();
  const [told, teller] = cluster.followers;
  told!.node.incoming.onMessage(teller!.node.state.self, { kind: "memberList", index: 1_000, members: [] });
  expect(told!.node.requests.membership.acquaintance.list).toBeNull();
});

test("P73: a change that was begun and that a later one takes back is in doubt, and not said to be unmade", async () => {
  const cluster = await founded();
  const added = await join(cluster, "n4");
  added.holdsDisk = "everything";
  await cluster.advance(500);
  const client = cluster.client(cluster.leader.id);
  client.send(changing({ add: [newcomer("n4")] }));
  const members = (): number => latestConfiguration(cluster.leader.node.state.log)?.members.length ?? 0;
  await cluster.until("it is a learner", () => members() === 4);
  expect(await change(cluster, cluster.leader, { remove: ["n4"] })).toMatchObject({ kind: "membershipChanged" });
  const message = expect.stringContaining("n4 was removed or demoted again before it could become a voter");
  expect(client.raw).toEqual([expect.objectContaining({ kind: "error", code: "outcome-unknown", message })]);
});

describe("a node that leaves", () => {
  test("P9, P44: goes on telling clients so, campaigns no more, and does not start again from its data", async () => {
    const cluster = await founded();
    const leaving = cluster.followers[0]!;
    const term = cluster.leader.node.state.currentTerm;
    const reply = await change(cluster, cluster.leader, { remove: [leaving.id] });
    expect(reply.kind).toBe("membershipChanged");
    await cluster.advance(5_000, 50);
    expect(leaving.end).toBeNull();
    expect(leaving.node.state.removed).not.toBeNull();
    expect(leaving.logs.join("\n")).not.toContain("waits to be added");
    expect(peers(leaving)).toEqual([]);
    expect(peers(cluster.leader)).not.toContain(leaving.id);
    expect(cluster.leader.node.state.currentTerm).toBe(term);
    const client = cluster.client(leaving.id);
    client.command("a");
    client.query("count");
    client.stale("count");
    await cluster.advance(50);
    for (const answer of client.raw) {
      expect(answer).toMatchObject({
        kind: "error",
        code: "not-leader",
        leader: { id: expect.stringMatching(/^n[123]$/) },
      });
      expect(answer).toHaveProperty("message", expect.stringContaining(`${leaving.id} has been removed`));
    }
    expect(client.raw).toHaveLength(3);
    const lost = await join(cluster, "n4", [leaving.id]);
    await cluster.until("who asks it is told who the members were", () => peers(lost).length === 3);
    const disk = await cluster.crash(leaving.id);
    expect(cluster.start(leaving.id, { disk })).rejects.toThrow("needs an empty data_dir");
    await cluster.settle();
  });

  test("P9: that was away meanwhile learns of it when it is back, and the others have a calm time", async () => {
    const cluster = await founded();
    const away = cluster.followers[0]!;
    const { currentTerm } = cluster.leader.node.state;
    cluster.isolate(away.id);
    await change(cluster, cluster.leader, { remove: [away.id] });
    await cluster.advance(10_000, 50);
    expect(peers(cluster.leader)).not.toContain(away.id);
    expect(away.node.state.removed).toBeNull();
    cluster.rejoin(away.id);
    await cluster.until("it knows", () => away.node.state.removed !== null);
    expect(cluster.leader.node.state.currentTerm).toBe(currentTerm);
  });

  test("is dialled as long as it is to be told", async () => {
    const cluster = await founded();
    const away = cluster.followers[0]!;
    cluster.isolate(away.id);
    await change(cluster, cluster.leader, { remove: [away.id] });
    expect(peers(cluster.leader)).toContain(away.id);
    await cluster.advance(10_000, 50);
    expect(peers(cluster.leader)).not.toContain(away.id);
  });

  test("and leads hands over first: who asks is sent to the next leader, which removes it", async () => {
    const cluster = await founded();
    const old = cluster.leader;
    const first = await change(cluster, old, { remove: [old.id] });
    expect(first).toMatchObject({ kind: "error", code: "not-leader" });
    const next = await cluster.anotherLeader(old);
    expect(first).toMatchObject({ leader: { id: next.id } });
    const second = await change(cluster, next, { remove: [old.id] });
    expect(second.kind).toBe("membershipChanged");
    await cluster.until("it knows", () => old.node.state.removed !== null);
  });

  test("comes back with its disk wiped, as another incarnation in the place of the old one", async () => {
    const cluster = await founded();
    const lost = cluster.followers[0]!;
    await cluster.crash(lost.id);
    const back = await cluster.start(lost.id, { incarnation: "new-disk", bootstrap: null, join: ["n1", "n2", "n3"] });
    await cluster.advance(500);
    expect(back.logs.join("\n")).toContain(`${lost.id} has other data than the member ${lost.id}`);
    const reply = await change(cluster, cluster.leader, { add: [newcomer(lost.id)] });
    expect(reply.kind).toBe("membershipChanged");
    const keys = latestConfiguration(cluster.leader.node.state.log)?.members.map(({ key }) => String(key));
    expect(keys).toContain(`${lost.id}@new-disk`);
    expect(keys).toHaveLength(3);
  });
});

test("a change is refused that would leave the cluster without a quorum", async () => {
  const cluster = await founded();
  const [lost, other] = cluster.followers;
  await cluster.crash(lost!.id);
  const reply = await change(cluster, cluster.leader, { remove: [other!.id] });
  expect(reply).toMatchObject({ kind: "error", code: "rejected" });
  expect(reply).toHaveProperty("message", expect.stringContaining(`${lost!.id} does not answer`));
  expect((await change(cluster, cluster.leader, { remove: [lost!.id] })).kind).toBe("membershipChanged");
});

test("a list of the members says whether it is committed", async () => {
  const cluster = await founded();
  const { leader } = cluster;
  const isCommitted = (member: Member): boolean => {
    const client = cluster.client(member.id);
    client.send((id) => ({ kind: "configuration", id }));
    const [reply] = client.raw;
    if (reply?.kind !== "configuration") throw new Error("no list of the members");
    return reply.committed;
  };
  expect(isCommitted(leader)).toBe(true);
  cluster.isolate(leader.id);
  cluster.client(leader.id).send(changing({ prioritize: [{ name: leader.id, priority: 1 }] }));
  await cluster.advance(20, 1);
  expect([isCommitted(leader), ...cluster.followers.map(isCommitted)]).toEqual([false, true, true]);
  cluster.rejoin(leader.id);
  await cluster.until("it is committed, or gone", () => isCommitted(leader));
});

test("a change of a configuration that has changed since it was looked at is refused", async () => {
  const cluster = await founded();
  const reply = await change(cluster, cluster.leader, { demote: [cluster.followers[0]!.id] }, { expectedIndex: 7 });
  expect(reply).toMatchObject({ kind: "error", code: "rejected" });
  expect(reply).toHaveProperty("message", expect.stringContaining("the configuration has changed: it stands at 0"));
});

describe("what a node says of itself", () => {
  const statusOf = (cluster: Cluster, id: string) => {
    const client = cluster.client(id);
    client.send((request) => ({ kind: "status", id: request }));
    client.send((request) => ({ kind: "configuration", id: request }));
    const [status, configuration] = client.raw;
    if (status?.kind !== "status" || configuration?.kind !== "configuration") throw new Error("no answer");
    return { ...status, configuration };
  };
  const rowOf = (cluster: Cluster, asked: string, id: string) =>
    statusOf(cluster, asked).nodes.find((node) => node.id === id);

  test("before it is added: that it waits, for what, and who the others are", async () => {
    const cluster = await founded();
    const lonely = await join(cluster, "n5", ["nobody"]);
    await cluster.advance(100);
    expect(statusOf(cluster, lonely.id)).toMatchObject({
      nodes: [{ id: "n5", role: "joining", voter: false }],
      waitingFor: [
        "being added: graft cluster add n5 n5.test:7400",
        "nobody.test:7400: connection refused: nothing listens there",
      ],
    });
    await join(cluster, "n4");
    await cluster.advance(500);
    const status = statusOf(cluster, "n4");
    expect(status.nodes.map(({ id, role }) => [id, role])).toEqual([
      ["n1", null],
      ["n2", null],
      ["n3", null],
      ["n4", "joining"],
    ]);
    expect(status.waitingFor).toEqual(["being added: graft cluster add n4 n4.test:7400"]);
  });

  test("while it catches up: a learner that is to be promoted, and whom it replaces", async () => {
    const cluster = await founded();
    const added = await join(cluster, "n4");
    await cluster.advance(500);
    added.holdsDisk = "everything";
    const [dead] = cluster.followers;
    await change(cluster, cluster.leader, { add: [newcomer("n4")], remove: [dead!.id] }, { timeoutMs: 500 });
    expect(rowOf(cluster, cluster.leader.id, "n4")).toMatchObject({ voter: false, pending: "promote", priority: 0 });
    expect(rowOf(cluster, cluster.leader.id, dead!.id)).toMatchObject({ voter: true, pending: "remove" });
    const { configuration } = statusOf(cluster, cluster.leader.id);
    expect(configuration.pending).toEqual([{ promote: ["n4"], demote: [], remove: [dead!.id] }]);
    expect(configuration.removed).toBe(false);
  });

  test("P44: after it was removed: that it was, and the last configuration that it knows", async () => {
    const cluster = await founded();
    const [leaving] = cluster.followers;
    await change(cluster, cluster.leader, { remove: [leaving!.id] });
    await cluster.until("it knows", () => leaving!.node.state.removed !== null);
    const status = statusOf(cluster, leaving!.id);
    expect(status).toMatchObject({ leader: null, waitingFor: [], configuration: { removed: true } });
    expect(rowOf(cluster, leaving!.id, leaving!.id)).toMatchObject({ role: "removed", voter: false });
    expect(status.configuration.members.map(({ id }) => id)).toEqual(three.filter((id) => id !== leaving!.id));
  });

  test("without a quorum: whom it waits for, and no learner among them", async () => {
    const cluster = await founded();
    await join(cluster, "n4");
    await cluster.advance(500);
    await change(cluster, cluster.leader, { add: [newcomer("n4", false)] });
    const survivor = cluster.leader;
    const lost = cluster.followers.map(({ id }) => id);
    for (const id of lost) await cluster.crash(id);
    await cluster.advance(2_000);
    const { waitingFor } = statusOf(cluster, survivor.id);
    expect(waitingFor.map((line) => line.slice(0, 2)).sort()).toEqual(three.filter((id) => id !== survivor.id));
  });
});
