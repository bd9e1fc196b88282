// Stories of logs: figure 3.7 both ways, a divergent log repaired, slow disks and lost writes.
import { expect } from "bun:test";
import type { Cluster } from "./cluster.ts";
import { begin, elect, story } from "./story.ts";

const five = { nodes: ["n1", "n2", "n3", "n4", "n5"], settings: { messageBytesMax: 1 } };

/** Figure 3.7 up to (c): n1 leads term 4, and the entry of its term 2 is on a majority: n1, n2, n3. */
function upToTheMajority(cluster: Cluster): void {
  cluster.aside("Five nodes; n4 has led term 1, and its no-op is everywhere.", () => {
    cluster.start(...five.nodes);
    cluster.connectAll();
    cluster.settle();
    elect(cluster, "n4");
    cluster.crash("n4");
    cluster.start("n4");
    cluster.connectAll();
    cluster.settle();
  });
  cluster.aside("(a) n1 leads term 2. Its no-op, entry 2, reaches n2 alone.", () => {
    cluster.cutOff("n5");
    untilLeading(cluster, "n1", ["n2"]);
  });
  expect(cluster.logOf("n2")).toEqual([1, 2]);
  cluster.aside(
    "(b) n1 crashes. n5 is elected in term 3 by n3 and n4, and appends an entry 2 of its own, which reaches nobody.",
    () => {
      cluster.crash("n1");
      cluster.cutOff("n2");
      cluster.heal();
      cluster.lose();
      cluster.cutOff("n2");
      untilLeading(cluster, "n5", []);
    },
  );
  expect(cluster.logOf("n5")).toEqual([1, 3]);
  cluster.aside("(c) n5 crashes, n1 comes back and is elected in term 4.", () => {
    cluster.crash("n5");
    cluster.start("n1");
    cluster.heal();
    cluster.connectAll();
    cluster.lose();
    untilLeading(cluster, "n1", []);
  });
}

/** The node wins its election; of what it sends as a leader only what goes to `heard` arrives. */
function untilLeading(cluster: Cluster, id: string, heard: readonly string[]): void {
  for (let attempts = 0; cluster.state(id).role.kind !== "leader"; attempts++) {
    if (attempts > 10) throw new Error(`${id} does not win`);
    cluster.fire(id);
    for (const kind of ["requestPreVote", "requestPreVoteReply", "requestVote", "requestVoteReply"] as const) {
      cluster.deliver({ kind });
    }
  }
  for (const to of heard) cluster.settle({ to, kind: "appendEntries" });
  cluster.lose();
}

story(
  "figure-3.7",
  "§3.6.2, figure 3.7: an entry of an earlier term that is on a majority is still overwritten",
  (cluster) => {
    upToTheMajority(cluster);
    cluster.say(
      "n1 shows n2 and n3 its entry 2 of term 2. It is on three of five now, and n1 does not call it committed.",
    );
    cluster.fire("n1");
    cluster.lose({ to: "n4" });
    cluster.deliver({ kind: "appendEntries" });
    cluster.deliver({ kind: "appendEntriesReply" });
    for (let rounds = 0; rounds < 5 && cluster.logOf("n3").length < 2; rounds++) {
      cluster.deliver({ to: "n3" });
      cluster.deliver({ from: "n3" });
    }
    cluster.deliver({ from: "n3" });
    cluster.lose();
    cluster.show();
    for (const id of ["n1", "n2", "n3"]) expect(cluster.logOf(id)[1]).toBe(2);
    expect(cluster.logOf("n3")).toEqual([1, 2]);
    expect(cluster.state("n1").commitIndex).toBeLessThan(2);
    cluster.say("(d) n1 crashes. n5 comes back, and can be elected by n2, n3 and n4: its last term is the later one.");
    cluster.crash("n1");
    cluster.start("n5");
    cluster.connectAll();
    cluster.aside("It is elected in term 5, and its entry 2 replaces the other one everywhere.", () => {
      untilLeading(cluster, "n5", []);
      cluster.live(1000);
    });
    for (const id of ["n2", "n3", "n4", "n5"]) expect(cluster.logOf(id)).toEqual([1, 3, 5]);
    expect(cluster.state("n5").commitIndex).toBe(3);
  },
  five,
);

story(
  "figure-3.7e",
  "§3.6.2, figure 3.7 (e): committed with an entry of the leader's own term it cannot be overwritten",
  (cluster) => {
    upToTheMajority(cluster);
    cluster.aside("n1 has its no-op of term 4 on a majority before it crashes: entry 2 is committed with it.", () => {
      cluster.live(200);
      cluster.crash("n1");
    });
    expect(cluster.logOf("n3")).toEqual([1, 2, 4]);
    cluster.say("n5 comes back and stands. Nobody who has the entry of term 4 encourages it.");
    cluster.start("n5");
    cluster.connectAll();
    cluster.settle();
    for (let attempts = 0; attempts < 2; attempts++) {
      cluster.fire("n5");
      cluster.settle();
    }
    expect(cluster.leaders).toEqual([]);
    cluster.aside("One of the others wins; n5 gives its entry up.", () => cluster.live(5000));
    for (const id of ["n2", "n3", "n4", "n5"]) expect(cluster.logOf(id).slice(0, 3)).toEqual([1, 2, 4]);
  },
  five,
);

story("divergent-log", "§3.5: a log that diverges over three terms is repaired with two refusals", (cluster) => {
  begin(cluster, "n1", "n1", "n2", "n3");
  cluster.aside("Three times n1 leads and takes ten commands that nobody else sees, and crashes.", () => {
    for (let terms = 0; terms < 3; terms++) {
      cluster.crash("n1");
      cluster.start("n1");
      cluster.connectAll();
      cluster.settle();
      untilLeading(cluster, "n1", []);
      cluster.propose("n1", 10);
      cluster.lose();
    }
    cluster.crash("n1");
  });
  cluster.aside("Meanwhile n2 leads and has forty commands committed, and then hands over to n3.", () => {
    elect(cluster, "n2");
    cluster.propose("n2", 40);
    cluster.settle();
    cluster.transfer("n2", "n3");
    cluster.settle();
  });
  expect(cluster.leaders).toEqual(["n3"]);
  cluster.start("n1");
  expect(cluster.logOf("n1")).toHaveLength(34);
  cluster.say("n1 returns. Its log is too short for the first question, and of terms that n3 never saw at the second.");
  cluster.connect("n1", "n3");
  cluster.settle();
  cluster.show();
  expect(cluster.logOf("n1")).toEqual(cluster.logOf("n3"));
  expect(
    cluster.lines.filter((line) => line.includes("n3: from n1: AppendEntriesReply") && line.includes("refused")),
  ).toHaveLength(2);
});

story(
  "slow-disk",
  "§10.2.1: a follower's slow disk delays nobody else; it acknowledges what is durable and no more",
  (cluster) => {
    begin(cluster, "n1", "n1", "n2", "n3");
    cluster.say("The disk of n3 stalls. A command is committed by n1 and n2.");
    cluster.stallDisk("n3");
    cluster.propose("n1");
    cluster.settle();
    expect(cluster.state("n1").commitIndex).toBe(2);
    cluster.say(
      "A heartbeat is answered at once, with what n3 has on disk. It knows of the commit and does not apply it.",
    );
    cluster.fire("n1");
    cluster.settle();
    cluster.show("n3");
    expect(cluster.state("n3")).toMatchObject({ commitIndex: 2, appliedIndex: 1 });
    cluster.say("The disk catches up: the acknowledgement that was owed goes out, and the command is applied.");
    cluster.sync("n3");
    cluster.settle();
    cluster.show();
    expect(cluster.state("n3").appliedIndex).toBe(2);
  },
);

story(
  "leader-disk",
  "§10.2.1: the leader's own slow disk: its followers commit, it applies when its disk has caught up",
  (cluster) => {
    begin(cluster, "n1", "n1", "n2", "n3");
    cluster.say("The entries leave for the followers before the leader's own write is done.");
    cluster.stallDisk("n1");
    cluster.propose("n1");
    cluster.deliver({ to: "n2" });
    cluster.say("With n2 alone it is not committed: the leader does not count itself yet. With n3 it is.");
    cluster.deliver({ from: "n2" });
    expect(cluster.state("n1").commitIndex).toBe(1);
    cluster.settle();
    expect(cluster.state("n1")).toMatchObject({ commitIndex: 2, appliedIndex: 1 });
    cluster.say("The disk catches up.");
    cluster.sync("n1");
    cluster.show();
    expect(cluster.state("n1").appliedIndex).toBe(2);
  },
);

story("lost-writes", "§3.8: a restart forgets what was not durable, and nothing that was promised", (cluster) => {
  begin(cluster, "n1", "n1", "n2", "n3");
  cluster.say("The disk of n3 stalls. It takes a command, says nothing, and loses power.");
  cluster.stallDisk("n3");
  cluster.propose("n1");
  cluster.deliver({ to: "n3" });
  cluster.crash("n3");
  cluster.settle();
  cluster.say("It starts with what it had acknowledged, and is brought up to date.");
  cluster.start("n3");
  cluster.show("n3");
  expect(cluster.logOf("n3")).toEqual([1]);
  cluster.connect("n1", "n3");
  cluster.settle();
  cluster.show();
  expect(cluster.logOf("n3")).toEqual([1, 1]);
  cluster.say("The disk of n3 stalls again, under a vote this time: n1 is down and n2 stands.");
  cluster.stallDisk("n3");
  cluster.crash("n1");
  cluster.fire("n2");
  cluster.settle();
  expect(cluster.leaders).toEqual([]);
  cluster.crash("n3");
  cluster.say("The vote is forgotten, and nobody has heard of it. It can be given again.");
  cluster.start("n3");
  cluster.connect("n2", "n3");
  expect(cluster.state("n3")).toMatchObject({ currentTerm: 1 });
  cluster.aside("n2 stands once more.", () => elect(cluster, "n2"));
});
