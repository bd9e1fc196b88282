// A change of the members is answered in the time of its request, and the answer says whether it was begun.
import { expect, test } from "bun:test";
import { change, changing, join, newcomer, testClusters, three, voters } from "./administering.ts";

const { founded } = testClusters();

test("a change that takes too long goes on: its outcome is said to be unknown, with how things stand", async () => {
  const cluster = await founded();
  const added = await join(cluster, "n4");
  await cluster.advance(500);
  added.holdsDisk = "everything";
  const reply = await change(cluster, cluster.leader, { add: [newcomer("n4")] }, { timeoutMs: 1_000 });
  expect(reply).toMatchObject({ kind: "error", code: "outcome-unknown" });
  expect(reply).toHaveProperty("message", expect.stringContaining("learners n4; n4 to vote when caught up"));
  added.holdsDisk = "nothing";
  added.store.flushAll();
  await cluster.until("it votes", () => voters(cluster.leader).includes("n4"));
});

test("a change whose newcomers cannot be tried in its time is not begun, and is answered in its time", async () => {
  const cluster = await founded();
  const { leader } = cluster;
  const client = cluster.client(leader.id);
  const add = [newcomer("n9")];
  client.send(changing({ add }, { timeoutMs: 300 }));
  await cluster.advance(400);
  expect(client.raw).toMatchObject([
    { code: "unavailable", message: "no answer yet whether n9 can be reached; the change was not begun" },
  ]);
  // Nor is it begun when the newcomer comes later.
  await cluster.start("n9", { bootstrap: null, join: three });
  await cluster.advance(10_000);
  expect(client.raw).toHaveLength(1);
  expect(voters(leader)).toEqual([...three]);
});

test("a change that waits for a hand-over beyond its time is not begun, and is answered in its time", async () => {
  const cluster = await founded();
  const { leader, followers } = cluster;
  // They confirm and vote no more.
  for (const each of followers) each.holdsDisk = "everything";
  cluster.client(leader.id).command("under way");
  const client = cluster.client(leader.id);
  const removal = { remove: [leader.id] };
  client.send(changing(removal, { timeoutMs: 300 }));
  await cluster.advance(299);
  expect(client.raw).toEqual([]);
  await cluster.advance(2);
  expect(client.raw).toMatchObject([
    { code: "unavailable", message: "leadership was not handed over in time; the change was not begun" },
  ]);
  for (const each of followers) {
    each.holdsDisk = "nothing";
    each.store.flushAll();
  }
  await cluster.advance(10_000);
  expect([client.raw.length, voters(leader)]).toEqual([1, [...three]]);
});

test("a change for which leadership would be handed over is not begun while somebody else hands it over", async () => {
  const cluster = await founded();
  const { leader, followers } = cluster;
  const [next] = followers;
  for (const each of followers) each.holdsDisk = "everything";
  cluster.client(leader.id).command("under way");
  const handed = leader.node.transfer(next!.id);
  await cluster.settle();
  const reply = await change(cluster, leader, { remove: [leader.id] }, { timeoutMs: 100 });
  expect(reply).toMatchObject({
    code: "unavailable",
    message: "leadership is being handed over; the change was not begun",
  });
  for (const each of followers) {
    each.holdsDisk = "nothing";
    each.store.flushAll();
  }
  await cluster.until("it is handed over", () => cluster.leader === next);
  expect(await handed).toEqual({ kind: "done" });
  await cluster.advance(10_000);
  expect(voters(cluster.leader)).toEqual([...three]);
});
