// Stories of reads: through a follower, of a leader that has been deposed without knowing it, of a new leader.
import { expect } from "bun:test";
import { begin, elect, story } from "./story.ts";

const three = ["n1", "n2", "n3"];
const ready = (lines: readonly string[]): readonly string[] => lines.filter((line) => line.includes("may be served"));

story("read", "§6.4: reads through a follower and at the leader share one round of heartbeats", (cluster) => {
  begin(cluster, "n1", ...three);
  cluster.say("A client has a command acknowledged, which n3 has not seen.");
  cluster.propose("n1");
  cluster.lose({ to: "n3" });
  cluster.settle();
  cluster.say("A query comes to n3. It asks its leader, whose client asks as well.");
  cluster.read("n3");
  cluster.deliver();
  cluster.read("n1");
  cluster.say("One heartbeat serves both. n3 may not answer before it has the command.");
  cluster.fire("n1");
  cluster.settle();
  cluster.show();
  expect(ready(cluster.lines)).toHaveLength(2);
  expect(cluster.state("n3").appliedIndex).toBe(2);
});

story("read-deposed", "P24: a leader that was deposed without hearing of it serves no read", (cluster) => {
  begin(cluster, "n1", ...three);
  cluster.say("n1 is cut off. A query comes while it still takes itself for the leader.");
  cluster.cutOff("n1");
  cluster.read("n1");
  cluster.fire("n1");
  cluster.aside("Meanwhile n2 is elected, and acknowledges a command that n1 does not know.", () => {
    cluster.pause("n1");
    elect(cluster, "n2");
    cluster.propose("n2");
    cluster.settle();
    cluster.resume("n1");
  });
  cluster.say("Nobody answers n1: it steps down, and the query is refused.");
  cluster.fire("n1");
  cluster.fire("n1");
  cluster.show("n1");
  expect(ready(cluster.lines)).toEqual([]);
  expect(cluster.lines.join("\n")).toContain("refuse read 1");
});

story("read-new-leader", "P22: a new leader serves nothing before its own no-op is committed", (cluster) => {
  begin(cluster, "n1", ...three);
  cluster.say("A command is committed and acknowledged; n2 has it, and does not know that it is committed.");
  cluster.propose("n1");
  cluster.settle({ kind: "appendEntries" });
  cluster.settle({ kind: "appendEntriesReply" });
  cluster.say("n1 dies, and n2 is elected by n3.");
  cluster.crash("n1");
  cluster.aside("Its no-op is on its way when a query comes.", () => {
    while (cluster.state("n2").role.kind !== "leader") {
      cluster.fire("n2");
      for (const kind of ["requestPreVote", "requestPreVoteReply", "requestVote", "requestVoteReply"] as const) {
        cluster.settle({ kind });
      }
    }
  });
  cluster.read("n2");
  cluster.say("The answers to what it sends confirm that it leads; what it serves waits for the no-op all the same.");
  cluster.fire("n2");
  cluster.settle();
  cluster.show("n2");
  expect(ready(cluster.lines)).toEqual(["      read 1 may be served at 3"]);
  expect(cluster.state("n2").appliedIndex).toBe(3);
});

story("read-lost", "§6.4: a follower whose question is lost has its client ask again", (cluster) => {
  begin(cluster, "n1", ...three);
  cluster.read("n3");
  cluster.lose({ kind: "readIndex" });
  cluster.say("Heartbeats go on. After an election timeout the query is refused, with the name of the leader.");
  cluster.aside("Until then:", () => cluster.live(480));
  cluster.live(20);
  cluster.say("The next one is served.");
  cluster.read("n3");
  cluster.deliver();
  cluster.fire("n1");
  cluster.settle();
  expect(ready(cluster.lines)).toHaveLength(1);
  expect(cluster.lines.join("\n")).toContain("refuse read 1, leader n1");
});
