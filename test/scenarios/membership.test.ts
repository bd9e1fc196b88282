// Stories of members that come and go: learners first, joint configurations, leaders that leave, nodes that are replaced.
// What goes wrong meanwhile is membership-faults.test.ts.
import { expect } from "bun:test";
import { latestConfiguration } from "../../src/core/log-terms.ts";
import { asVoter, join, votersOf } from "./members.ts";
import { begin, story } from "./story.ts";

const three = ["n1", "n2", "n3"];

story(
  "member-added",
  "§4.2.1: a new node catches up as a learner and then becomes a voter by itself",
  (cluster) => {
    begin(cluster, "n1", ...three);
    cluster.aside("There is something to catch up with.", () => {
      cluster.propose("n1", 3);
      cluster.settle();
    });
    cluster.say("n4 starts without a table of founders. It adopts the genesis and waits.");
    join(cluster, "n4", ...three);
    expect(cluster.outcomes).toEqual([]);
    cluster.say("An administrator adds it as a voter: it is a learner in force at once, and sent the log.");
    cluster.change("n1", { add: [asVoter(cluster, "n4")] });
    cluster.deliver();
    cluster.deliver();
    expect(votersOf(cluster, "n1")).toEqual(three);
    cluster.say("It gets through its first round in less than an election timeout, and is promoted: jointly first.");
    cluster.settle();
    cluster.fire("n1");
    cluster.settle();
    cluster.show();
    expect(cluster.outcomes).toEqual([{ kind: "done", index: 7 }]);
    expect(votersOf(cluster, "n4")).toEqual(["n1", "n2", "n3", "n4"]);
  },
  { joiners: ["n4"] },
);

story(
  "leader-removed",
  "P40: a leader that leaves manages the cluster until the end, counts itself no longer, and goes",
  (cluster) => {
    begin(cluster, "n1", ...three);
    cluster.say(
      "The leader itself is removed. The joint configuration needs a majority of the old three and of n2 and n3.",
    );
    cluster.change("n1", { remove: ["n1"] });
    cluster.deliver({ kind: "appendEntries" });
    cluster.deliver({ kind: "appendEntriesReply", from: "n2" });
    cluster.say("n2 alone is no majority of n2 and n3; with n3 it is committed, and the last configuration follows.");
    expect(cluster.state("n1").commitIndex).toBe(1);
    cluster.deliver({ kind: "appendEntriesReply", from: "n3" });
    expect(votersOf(cluster, "n1")).toEqual(["n2", "n3"]);
    cluster.deliver({ kind: "appendEntries" });
    cluster.say("One of two is not enough, with n1 it would be two of three: it does not count itself.");
    cluster.deliver({ kind: "appendEntriesReply", from: "n2" });
    expect(cluster.state("n1")).toMatchObject({ commitIndex: 2, role: { kind: "leader" } });
    cluster.say("Now it is committed: n1 says so, asks a voter to take over, and knows that it has been removed.");
    cluster.deliver({ kind: "appendEntriesReply", from: "n3" });
    cluster.settle();
    cluster.show();
    expect(cluster.outcomes).toEqual([{ kind: "done", index: 3 }]);
    expect(cluster.state("n1").removed?.position.index).toBe(3);
    expect(cluster.leaders).toHaveLength(1);
    expect(cluster.leaders).not.toEqual(["n1"]);
  },
);

story(
  "dead-node-replaced",
  "§4.3: a dead node is replaced by a new one in one change: it makes room when the new one is ready",
  (cluster) => {
    begin(cluster, "n1", ...three);
    cluster.crash("n3");
    join(cluster, "n4", "n1", "n2");
    cluster.say("One change for both. Nobody leaves yet: two of three still decide.");
    cluster.change("n1", { add: [asVoter(cluster, "n4")], remove: ["n3"] });
    cluster.deliver();
    cluster.deliver();
    expect(votersOf(cluster, "n1")).toEqual(three);
    cluster.say("n4 has caught up: one joint step brings it in and takes n3 out.");
    cluster.settle();
    cluster.fire("n1");
    cluster.settle();
    cluster.show();
    expect(cluster.outcomes).toEqual([{ kind: "done", index: 4 }]);
    expect(votersOf(cluster, "n2")).toEqual(["n1", "n2", "n4"]);
  },
  { joiners: ["n4"] },
);

story(
  "wiped-node-replaced",
  "P42: a wiped disk comes back under its old name, and takes the place of what it was",
  (cluster) => {
    begin(cluster, "n1", ...three);
    cluster.crash("n3");
    cluster.wipe("n3");
    cluster.say("It waits: it is not the n3 that is a member, and its vote would be nobody's.");
    cluster.startToJoin("n3");
    cluster.connect("n3", "n1");
    cluster.connect("n3", "n2");
    cluster.settle();
    cluster.say("Added again: the new incarnation learns, and when it is ready the old one leaves in the same step.");
    cluster.change("n1", { add: [asVoter(cluster, "n3")] });
    cluster.settle();
    cluster.fire("n1");
    cluster.settle();
    cluster.fire("n1");
    cluster.settle();
    cluster.show();
    expect(cluster.outcomes).toEqual([{ kind: "done", index: 4 }]);
    expect(latestConfiguration(cluster.state("n3").log)?.voters).toEqual([
      cluster.keyOf("n1"),
      cluster.keyOf("n2"),
      cluster.keyOf("n3"),
    ]);
  },
);

story(
  "two-changes",
  "P38: two changes in a row: the second waits until the first is complete, joint phase included",
  (cluster) => {
    begin(cluster, "n1", "n1", "n2", "n3", "n4", "n5");
    cluster.change("n1", { remove: ["n5"] });
    cluster.say("The second one comes at once. It is kept, and nothing is appended.");
    cluster.change("n1", { demote: ["n4"] });
    expect(cluster.logOf("n1")).toHaveLength(2);
    cluster.say("The joint configuration is committed, then the last one; only then the second change begins.");
    cluster.settle();
    cluster.show();
    expect(cluster.outcomes).toEqual([
      { kind: "done", index: 3 },
      { kind: "done", index: 5 },
    ]);
    expect(votersOf(cluster, "n4")).toEqual(three);
  },
  { nodes: ["n1", "n2", "n3", "n4", "n5"] },
);

story("change-in-a-new-term", "P37: no change before an entry of the leader's own term is committed", (cluster) => {
  begin(cluster, "n1", ...three);
  cluster.crash("n1");
  cluster.say("n2 is elected; its no-op has not reached n3 when a change is asked for.");
  cluster.fire("n2");
  cluster.settle({ kind: "requestPreVote" });
  cluster.settle({ kind: "requestPreVoteReply" });
  cluster.settle({ kind: "requestVote" });
  cluster.settle({ kind: "requestVoteReply" });
  expect(cluster.leaders).toEqual(["n2"]);
  cluster.change("n2", { remove: ["n1"] });
  expect(cluster.logOf("n2")).toEqual([1, 2]);
  cluster.say("With the no-op committed the change begins.");
  cluster.settle();
  cluster.show("n2", "n3");
  expect(cluster.outcomes).toEqual([{ kind: "done", index: 4 }]);
});

story(
  "last-voter",
  "P44: the last voter stays, and what is removed knows what it was",
  (cluster) => {
    begin(cluster, "n1", "n1", "n2");
    cluster.say("n2 goes; it learns from the log that this is committed, and names the configuration.");
    cluster.change("n1", { remove: ["n2"] });
    cluster.settle();
    cluster.fire("n1");
    cluster.settle();
    expect(cluster.state("n2").removed?.configuration.voters).toEqual([cluster.keyOf("n1")]);
    cluster.say("n1 is alone: it can be neither removed nor demoted.");
    cluster.change("n1", { remove: ["n1"] });
    cluster.change("n1", { demote: ["n1"] });
    cluster.show();
    expect(cluster.outcomes.slice(1)).toEqual([
      { kind: "refused", reason: { kind: "lastVoter" } },
      { kind: "refused", reason: { kind: "lastVoter" } },
    ]);
  },
  { nodes: ["n1", "n2"] },
);
