// Stories of elections: the first one, a crash, partitions, and a node that slept.
import { expect } from "bun:test";
import { begin, elect, story } from "./story.ts";

const three = ["n1", "n2", "n3"];

story(
  "first-election",
  "§3.4, §9.6: the first election: a pre-vote, a vote, and a no-op that is committed",
  (cluster) => {
    cluster.aside("Three nodes have founded a cluster; nobody leads.", () => {
      cluster.start(...three);
      cluster.connectAll();
      cluster.settle();
    });
    cluster.say("The wait of n2 is over first. It asks whether it could win, and touches nothing.");
    cluster.fire("n2");
    cluster.deliver({ kind: "requestPreVote" });
    cluster.say("Both encourage it. It raises its term, votes for itself, and asks once that is on its disk.");
    cluster.deliver({ kind: "requestPreVoteReply" });
    cluster.say("Both vote, and answer once term and vote are on their disks.");
    cluster.deliver({ kind: "requestVote" });
    cluster.say("The first vote makes a majority. The second finds a leader already.");
    cluster.deliver({ kind: "requestVoteReply" });
    cluster.say("The no-op that opens the term reaches the others, and is committed.");
    cluster.settle();
    cluster.say("The next heartbeat tells them so.");
    cluster.fire("n2");
    cluster.settle();
    cluster.show();
    expect(cluster.leaders).toEqual(["n2"]);
    for (const id of three) expect(cluster.state(id).commitIndex).toBe(1);
  },
);

story(
  "leader-crash",
  "§3.4, §3.6: a leader crashes; another takes over with everything that was committed",
  (cluster) => {
    begin(cluster, "n1", ...three);
    cluster.say("A command reaches n2 and is committed; another reaches nobody. Then n1 crashes.");
    cluster.propose("n1");
    cluster.lose({ to: "n3" });
    cluster.settle();
    cluster.propose("n1");
    cluster.lose();
    cluster.crash("n1");
    cluster.say(
      "n3 lacks the committed command. Its wait is over first, but n2 knows better and does not encourage it.",
    );
    cluster.fire("n3");
    cluster.settle();
    expect(cluster.leaders).toEqual([]);
    cluster.say("The wait of n2 is long over: it gives itself a moment, as if it had slept, and then stands and wins.");
    cluster.fire("n2");
    cluster.fire("n2");
    cluster.settle();
    cluster.show();
    expect(cluster.leaders).toEqual(["n2"]);
    cluster.say("n1 comes back with its lost command, and has it replaced.");
    cluster.start("n1");
    cluster.connect("n1", "n2");
    cluster.settle();
    cluster.fire("n2");
    cluster.settle();
    cluster.show();
    for (const id of three) expect(cluster.logOf(id)).toEqual([1, 1, 2]);
  },
);

story(
  "leader-without-quorum",
  "§6.2: a leader that is cut off steps down; its commands are not committed",
  (cluster) => {
    begin(cluster, "n1", ...three);
    cluster.say("n1 is cut off and takes a command, which it can show to nobody.");
    cluster.cutOff("n1");
    cluster.propose("n1");
    cluster.aside("For an election timeout it goes on trying.", () => {
      for (let ticks = 0; ticks < 50 && cluster.leaders.includes("n1"); ticks++) cluster.fire("n1");
    });
    expect(cluster.state("n1")).toMatchObject({
      currentTerm: 1,
      commitIndex: 1,
      role: { kind: "follower", leader: null },
    });
    cluster.say("It has stepped down, in its own term. A client is refused from now on.");
    cluster.propose("n1");
    cluster.aside("The others have elected n2 meanwhile.", () => elect(cluster, "n2"));
    cluster.say("Back in touch, n1 hears the new leader; the command that nobody saw is replaced.");
    cluster.heal();
    cluster.settle();
    cluster.fire("n2");
    cluster.settle();
    cluster.show();
    expect(cluster.leaders).toEqual(["n2"]);
    expect(cluster.logOf("n1")).toEqual(cluster.logOf("n2"));
  },
);

story(
  "returning-node",
  "§9.6, §4.2.3: a node that was cut off does not disturb the leader when it returns",
  (cluster) => {
    begin(cluster, "n1", ...three);
    cluster.say("n3 is cut off. It asks for pre-votes again and again, of nobody, and stays in its term.");
    cluster.cutOff("n3");
    cluster.aside("The others live on, and take a command.", () => {
      cluster.propose("n1");
      cluster.live(3000);
      cluster.live(cluster.dueMs("n3") - cluster.nowMs - 1);
    });
    expect(cluster.state("n3")).toMatchObject({ currentTerm: 1, role: { kind: "preCandidate" } });
    cluster.say("The network is whole again at the very moment at which n3 asks once more. n1 and n2 have a leader.");
    cluster.heal();
    cluster.fire("n3");
    cluster.deliver({ from: "n3" });
    cluster.deliver({ kind: "requestPreVoteReply" });
    expect(cluster.leaders).toEqual(["n1"]);
    cluster.say("What the leader sent on the new connection brings it back.");
    cluster.settle();
    cluster.show();
    expect(cluster.state("n3").role).toMatchObject({ kind: "follower", leader: cluster.state("n1").self });
    for (const id of three)
      expect(cluster.state(id)).toMatchObject({ currentTerm: 1, log: { last: { index: 2, term: 1 } } });
  },
);

story("sleeper", "P52: a node that was stopped looks at what is waiting before it acts on its timer", (cluster) => {
  begin(cluster, "n1", ...three);
  cluster.say("n3 is stopped for a minute. What the leader sends meanwhile waits in its socket.");
  cluster.pause("n3");
  cluster.aside("The others have taken a command.", () => {
    cluster.propose("n1");
    cluster.live(60_000);
  });
  cluster.say("It goes on, and its timer is overdue by far. It gives itself a moment, and asks nobody.");
  cluster.resume("n3");
  cluster.fire("n3");
  expect(cluster.state("n3").role).toMatchObject({ kind: "follower", wokeLate: true });
  cluster.aside("What was waiting shows that there is a leader, and nothing comes of the timer.", () =>
    cluster.settle(),
  );
  expect(cluster.state("n3").role).toMatchObject({
    kind: "follower",
    leader: cluster.state("n1").self,
    wokeLate: false,
  });
});

story(
  "sleeping-leader",
  "P52: a leader that was stopped asks before it holds the silence against the others",
  (cluster) => {
    begin(cluster, "n1", ...three);
    cluster.say(
      "The whole machine with all three nodes on it was suspended for a minute. The timer of n1 is the first to fire.",
    );
    cluster.pass(60_000);
    cluster.fire("n1");
    expect(cluster.leaders).toEqual(["n1"]);
    cluster.settle();
    cluster.show();
    expect(cluster.state("n1").currentTerm).toBe(1);
    cluster.say("Stopped alone it is not missed for long.");
    cluster.pause("n1");
    cluster.aside("Five seconds later:", () => cluster.live(5000));
    cluster.say("It goes on, believes for a moment that it leads, takes a command, and is told better.");
    cluster.resume("n1");
    cluster.propose("n1");
    cluster.fire("n1");
    cluster.aside("It reads what was waiting, and its command gives way to what the others have.", () =>
      cluster.settle(),
    );
    expect(cluster.leaders).toHaveLength(1);
    expect(cluster.leaders).not.toContain("n1");
    expect(cluster.logOf("n1")).toEqual([1, 2]);
  },
);
