// Stories of leadership that moves on purpose: proposals held meanwhile, a dead target, a slow network.
import { expect } from "bun:test";
import { begin, story } from "./story.ts";

const three = ["n1", "n2", "n3"];

story("transfer", "§3.10: leadership moves to a named node, which is brought up to date first", (cluster) => {
  begin(cluster, "n1", ...three);
  cluster.say("n3 has not seen the last command when an administrator names it.");
  cluster.propose("n1");
  cluster.lose({ to: "n3" });
  cluster.settle();
  cluster.transfer("n1", "n3");
  cluster.say("A command that comes now is held, neither refused nor appended.");
  cluster.propose("n1");
  cluster.say("The heartbeat finds what n3 lacks. Once it has acknowledged that it is told to stand.");
  cluster.fire("n1");
  cluster.settle({ kind: "appendEntries" });
  cluster.settle({ kind: "appendEntriesReply" });
  cluster.settle({ kind: "appendEntries" });
  cluster.settle({ kind: "appendEntriesReply" });
  cluster.say("It asks with a flag: the others have a leader, and encourage it all the same.");
  cluster.settle();
  cluster.show();
  expect(cluster.leaders).toEqual(["n3"]);
  expect(cluster.state("n3")).toMatchObject({ currentTerm: 2, commitIndex: 3 });
});

story("transfer-slow-network", "§3.10: heartbeats that arrive meanwhile do not call the target back", (cluster) => {
  begin(cluster, "n1", ...three);
  cluster.say("n2 is told to stand. Its pre-vote takes longer than a heartbeat.");
  cluster.transfer("n1", "n2");
  cluster.deliver({ kind: "timeoutNow" });
  cluster.fire("n1");
  cluster.deliver({ kind: "appendEntries" });
  expect(cluster.state("n2").role.kind).toBe("preCandidate");
  cluster.say("Then the pre-vote arrives, and the answers.");
  cluster.settle();
  cluster.show();
  expect(cluster.leaders).toEqual(["n2"]);
});

story(
  "transfer-dead-target",
  "§3.10: the target is dead: after an election timeout the leader takes what it held",
  (cluster) => {
    begin(cluster, "n1", ...three);
    cluster.say("n3 is dead, which nobody knows yet. A command comes while n1 waits for it.");
    cluster.crash("n3");
    cluster.transfer("n1", "n3");
    cluster.propose("n1");
    cluster.aside("Heartbeats go on, and n2 answers them, until the election timeout is nearly over.", () =>
      cluster.live(480),
    );
    expect(cluster.logOf("n1")).toHaveLength(1);
    cluster.say("The hand-over is given up, and the command appended and committed.");
    cluster.fire("n1");
    cluster.settle();
    cluster.show();
    expect(cluster.leaders).toEqual(["n1"]);
    expect(cluster.state("n1").commitIndex).toBe(2);
  },
);

story(
  "transfer-failed-election",
  "§3.10: the old leader has stepped down for a target that dies: the others elect one of them",
  (cluster) => {
    begin(cluster, "n1", ...three);
    cluster.say("n2 stands, and n1 gives it its vote: what n1 held goes back to its client, with the name of n2.");
    cluster.transfer("n1", "n2");
    cluster.propose("n1");
    cluster.deliver({ kind: "timeoutNow" });
    cluster.deliver({ kind: "requestPreVote" });
    cluster.deliver({ kind: "requestPreVoteReply" });
    cluster.deliver({ kind: "requestVote" });
    cluster.say("n2 dies before it hears of its victory.");
    cluster.crash("n2");
    cluster.show();
    expect(cluster.leaders).toEqual([]);
    cluster.aside("Within two election timeouts or so there is a leader.", () => cluster.live(2500));
    expect(cluster.leaders).toHaveLength(1);
  },
);
