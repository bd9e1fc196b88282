// Stories of leaders whose process ends, of nodes that find out at once, and of one that only seems to be silent.
import { expect } from "bun:test";
import { begin, story } from "./story.ts";

const three = ["n1", "n2", "n3"];

story(
  "crash-noticed",
  "§4.2.3: a leader's process is killed; both others find nobody at its address, and one takes over at once",
  (cluster) => {
    begin(cluster, "n1", ...three);
    cluster.say("n1 is killed. n2 dials it again and is refused.");
    cluster.crash("n1");
    cluster.evidence("n2", "n1");
    cluster.say("It waits for a moment, so that two who find out together do not meet, and asks.");
    cluster.fire("n2");
    cluster.say("n3 has heard its leader just now and knows of nothing: it refuses.");
    cluster.settle();
    expect(cluster.leaders).toEqual([]);
    cluster.say("Then n3 is refused by the dead node as well. n2 asks again, and this time n3 encourages it.");
    cluster.evidence("n3", "n1");
    cluster.fire("n2");
    cluster.settle();
    cluster.show();
    expect(cluster.leaders).toEqual(["n2"]);
    expect(cluster.nowMs).toBeLessThan(cluster.state("n2").settings.electionTimeoutMs * 3);
    cluster.say("n1 comes back and follows.");
    cluster.start("n1");
    cluster.connectAll();
    cluster.settle();
    cluster.show();
    expect(cluster.state("n1").role).toMatchObject({ kind: "follower", leader: cluster.state("n2").self });
  },
);

story(
  "crash-noticed-by-both",
  "§3.4: two nodes stand on their evidence at the same moment, split the vote, and are done a moment later",
  (cluster) => {
    begin(cluster, "n1", ...three);
    cluster.say("Both find out that n1 is gone, and by chance both ask before either hears the other.");
    cluster.crash("n1");
    cluster.evidence("n2", "n1");
    cluster.evidence("n3", "n1");
    cluster.fire("n2");
    cluster.fire("n3");
    cluster.say("Each encourages the other, each votes for itself, and nobody wins.");
    cluster.settle();
    expect(cluster.leaders).toEqual([]);
    expect(["n2", "n3"].map((id) => cluster.state(id).currentTerm)).toEqual([2, 2]);
    const heartbeatMs = cluster.state("n2").settings.heartbeatIntervalMs;
    const splitMs = cluster.nowMs;
    cluster.say("They stand again after a wait that is small and drawn anew. This time one is first by far.");
    const [first = "n2"] = ["n2", "n3"].toSorted((a, b) => cluster.dueMs(a) - cluster.dueMs(b));
    cluster.fire(first);
    cluster.settle();
    cluster.show();
    expect(cluster.leaders).toEqual([first]);
    expect(cluster.nowMs - splitMs).toBeLessThanOrEqual(2 * heartbeatMs);
  },
);

story(
  "crash-that-was-none",
  "§4.2.3: evidence that is wrong: the leader lives, and its next word is enough",
  (cluster) => {
    begin(cluster, "n1", ...three);
    cluster.say("n2 takes n1 for dead: a firewall has begun to refuse its connections. n1 knows nothing of it.");
    cluster.evidence("n2", "n1");
    cluster.fire("n2");
    cluster.say("n1 itself and n3, who hears it, refuse: the word of n2 lifts nobody else's loyalty.");
    cluster.settle();
    cluster.say("The next heartbeat of n1 brings n2 back. The term has not changed.");
    cluster.fire("n1");
    cluster.settle();
    cluster.show();
    expect(cluster.leaders).toEqual(["n1"]);
    for (const id of three) expect(cluster.state(id)).toMatchObject({ currentTerm: 1, crashedLeader: null });
  },
);

story(
  "crash-and-quick-return",
  "§3.6: a leader that is back before the others have stood follows the one they elect",
  (cluster) => {
    begin(cluster, "n1", ...three);
    cluster.say("n1 is killed and started again within a few ms. Its new process says hello: the old one is gone.");
    cluster.crash("n1");
    cluster.start("n1");
    for (const id of ["n2", "n3"]) {
      cluster.evidence(id, "n1");
      cluster.connect(id, "n1");
    }
    cluster.settle();
    cluster.say("It leads nobody any more, and the others do not wait for it.");
    const [first = "n2", second = "n3"] = ["n2", "n3"].toSorted((a, b) => cluster.dueMs(a) - cluster.dueMs(b));
    cluster.fire(first);
    cluster.settle();
    cluster.show();
    expect(cluster.leaders).toEqual([first]);
    for (const id of ["n1", second]) {
      expect(cluster.state(id).role).toMatchObject({ kind: "follower", leader: cluster.state(first).self });
    }
  },
);

story("slow-message", "P49: a message that takes three election timeouts to arrive deposes nobody", (cluster) => {
  begin(cluster, "n1", ...three);
  cluster.say("n1 takes a large command. Both followers are still reading it when their heartbeats are long overdue.");
  cluster.propose("n1");
  cluster.aside("Whatever n1 sends waits behind it; each follower says now and then that it is reading.", () => {
    const endMs = cluster.nowMs + 1500;
    for (; cluster.nowMs < endMs; cluster.pass(100)) {
      for (const id of ["n2", "n3"]) {
        cluster.part(id, "n1");
        expect(cluster.dueMs(id)).toBeGreaterThan(cluster.nowMs);
      }
      cluster.deliver({ to: "n1" });
      while (cluster.dueMs("n1") <= cluster.nowMs) cluster.fire("n1");
    }
  });
  expect(cluster.leaders).toEqual(["n1"]);
  cluster.aside("Then it is complete, and with it comes all that had waited.", () => cluster.settle());
  for (const id of three) expect(cluster.state(id)).toMatchObject({ currentTerm: 1, log: { last: { index: 2 } } });
  expect(cluster.state("n1").commitIndex).toBe(2);
});
