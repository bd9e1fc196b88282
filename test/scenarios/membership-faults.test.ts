// Stories of changes of the members that meet bad luck: partitions in the joint phase, leaders that fall midway, nodes
// that come back and do not know that they have left. How it goes otherwise is membership.test.ts.
import { expect } from "bun:test";
import { asVoter, join, votersOf } from "./members.ts";
import { begin, elect, story } from "./story.ts";

const three = ["n1", "n2", "n3"];
const five = ["n1", "n2", "n3", "n4", "n5"];

story(
  "configuration-rolled-back",
  "P41: a configuration goes with its entry, and the one before is in force again",
  (cluster) => {
    begin(cluster, "n1", ...three);
    cluster.say("n1 is cut off when it is asked to remove n3: the joint configuration stands in its log alone.");
    cluster.cutOff("n1");
    cluster.change("n1", { remove: ["n3"] });
    expect(votersOf(cluster, "n1")).toEqual(["n1", "n2"]);
    cluster.say("The others elect n2. They know nothing of the change, and n3 votes.");
    elect(cluster, "n2");
    cluster.show("n2", "n3");
    cluster.say("n1 comes back: its entry is replaced, and with it the configuration.");
    cluster.heal();
    cluster.fire("n2");
    cluster.settle();
    cluster.show();
    expect(cluster.outcomes).toEqual([{ kind: "unknown" }]);
    expect(votersOf(cluster, "n1")).toEqual(three);
    expect(cluster.logOf("n1")).toEqual([1, 2]);
  },
);

story(
  "joint-partition",
  "P39: in the joint phase neither half decides alone",
  (cluster) => {
    begin(cluster, "n1", ...five);
    cluster.say("n4 and n5 are to leave. The joint configuration reaches only them: three of the old five have it.");
    cluster.change("n1", { remove: ["n4", "n5"] });
    cluster.lose({ to: "n2" });
    cluster.lose({ to: "n3" });
    cluster.settle({ kind: "appendEntries" });
    cluster.deliver({ kind: "appendEntriesReply" });
    expect(cluster.state("n1").commitIndex).toBe(1);
    cluster.say(
      "n2 and n3 are cut off: a majority of the new three. n1 needs one of them, and they one of the others.",
    );
    cluster.cutOff("n2", "n3");
    cluster.aside("For two seconds nobody gets any further, and nobody leads any more.", () => cluster.live(2000));
    expect(cluster.leaders).toEqual([]);
    expect(five.map((id) => cluster.state(id).commitIndex)).toEqual([1, 0, 0, 1, 1]);
    cluster.aside(
      "The network is whole again: a leader is elected, finds the joint configuration, and ends it.",
      () => {
        cluster.heal();
        cluster.live(3000);
      },
    );
    expect(votersOf(cluster, cluster.leaders[0]!)).toEqual(three);
    expect([cluster.state("n4").removed, cluster.state("n5").removed]).not.toContain(null);
  },
  { nodes: five },
);

story(
  "removed-node-returns",
  "P9: a node that was away when it was removed disturbs nobody, and learns it from the log",
  (cluster) => {
    begin(cluster, "n1", ...three);
    cluster.crash("n3");
    cluster.aside("n3 is removed while it is down.", () => {
      cluster.change("n1", { remove: ["n3"] });
      cluster.settle();
      for (let beat = 0; beat < 50; beat++) {
        cluster.fire("n1");
        cluster.settle();
      }
    });
    cluster.say("It comes back, hears from nobody, and asks for votes in a cluster that it takes for its own.");
    cluster.start("n3");
    cluster.fire("n3");
    cluster.fire("n3");
    cluster.say("Nobody answers: they know of its removal. The leader sees who asks, and sends it the log.");
    cluster.settle();
    cluster.fire("n1");
    cluster.settle();
    cluster.show();
    expect(cluster.leaders).toEqual(["n1"]);
    expect(cluster.state("n1").currentTerm).toBe(1);
    expect(cluster.state("n3").removed?.position.index).toBe(3);
  },
);

story(
  "older-configuration",
  "P10: a rightful candidate gets the vote of who does not know it yet, when a member vouches for it",
  (cluster) => {
    begin(cluster, "n1", ...three);
    join(cluster, "n4", ...three);
    cluster.aside("n4 becomes a voter; n3 has not heard of it at all.", () => {
      cluster.cutOff("n3");
      cluster.change("n1", { add: [asVoter(cluster, "n4")] });
      for (let beat = 0; beat < 3; beat++) {
        cluster.settle();
        cluster.fire("n1");
      }
      cluster.settle();
    });
    expect(cluster.outcomes).toMatchObject([{ kind: "done" }]);
    expect(votersOf(cluster, "n3")).toEqual(three);
    cluster.say(
      "The leader falls, and n3 is back. n4 needs three of four votes: n3 knows no n4, and votes for it once n2 has vouched.",
    );
    cluster.crash("n1");
    cluster.heal();
    elect(cluster, "n4");
    cluster.show();
    expect(cluster.leaders).toEqual(["n4"]);
    cluster.say("A restart forgets what is committed, not what is in force.");
    cluster.crash("n2");
    cluster.start("n2");
    expect(votersOf(cluster, "n2")).toEqual(["n1", "n2", "n3", "n4"]);
  },
  { joiners: ["n4"] },
);

story(
  "left-out-and-needed",
  "P40: who is left out by a configuration that is not committed may be the one who must lead",
  (cluster) => {
    begin(cluster, "n1", ...three);
    join(cluster, "n4", ...three);
    join(cluster, "n5", ...three);
    cluster.aside("n4 and n5 take the place of n1 and n2: the joint configuration is committed.", () => {
      cluster.change("n1", { add: [asVoter(cluster, "n4"), asVoter(cluster, "n5")], remove: ["n1", "n2"] });
      for (let turn = 0; turn < 12 && votersOf(cluster, "n1").includes("n1"); turn++) cluster.deliver();
      for (let turn = 0; turn < 12 && cluster.state("n1").log.configurations.length < 4; turn++) cluster.deliver();
    });
    cluster.say("The last configuration, of n3, n4 and n5, reaches n2 alone; then n1 falls, and is back soon.");
    for (const id of ["n3", "n4", "n5"]) cluster.lose({ to: id });
    cluster.deliver({ kind: "appendEntries" });
    cluster.crash("n1");
    cluster.start("n1");
    cluster.show();
    expect(votersOf(cluster, "n2")).toEqual(["n3", "n4", "n5"]);
    expect(votersOf(cluster, "n3")).toEqual(["n3", "n4", "n5"]);
    cluster.say("n3 needs a majority of the old three as well; n1 and n2 have longer logs and refuse.");
    cluster.fire("n3");
    cluster.settle();
    cluster.fire("n3");
    cluster.settle();
    expect(cluster.leaders).toEqual([]);
    cluster.say(
      "n2 is no voter by its own log, and stands all the same: it wins without its own vote, and leads to the end.",
    );
    cluster.fire("n2");
    if (cluster.state("n2").role.kind === "follower") cluster.fire("n2");
    expect(cluster.state("n2").role.kind).toBe("preCandidate");
    cluster.settle();
    cluster.show();
    expect(cluster.leaders).not.toContain("n2");
    expect(cluster.state("n2").removed).not.toBeNull();
    expect(cluster.leaders).toEqual([expect.stringMatching(/n[345]/)]);
  },
  { joiners: ["n4", "n5"] },
);

story(
  "partition-kill-removal",
  "P43: partition, kill and removal together lose nothing that was acknowledged",
  (cluster) => {
    begin(cluster, "n1", ...three);
    cluster.say("n3 is cut off; a command is committed by n1 and n2.");
    cluster.cutOff("n3");
    cluster.propose("n1");
    cluster.settle();
    expect(cluster.state("n1").commitIndex).toBe(2);
    cluster.say(
      "n2 dies, and somebody removes it in haste. Without n3 that is not committed: two of the old three are needed.",
    );
    cluster.crash("n2");
    cluster.change("n1", { remove: ["n2"] });
    cluster.settle();
    expect(cluster.state("n1").commitIndex).toBe(2);
    cluster.say("n1 dies as well. n3 is back, alone, and is nobody's leader.");
    cluster.crash("n1");
    cluster.heal();
    cluster.aside("It tries.", () => cluster.live(1500));
    expect(cluster.leaders).toEqual([]);
    cluster.say("n2 comes back. Only it can win, since it has what was acknowledged.");
    cluster.start("n2");
    cluster.connect("n2", "n3");
    cluster.aside("They elect a leader.", () => cluster.live(3000));
    expect(cluster.leaders).toEqual(["n2"]);
    expect(cluster.logOf("n3").slice(0, 2)).toEqual([1, 1]);
  },
);
