// Stories of how a cluster begins, and of disks that do not belong to it.
import { expect } from "bun:test";
import { asVoter, join } from "./members.ts";
import { begin, story } from "./story.ts";

story(
  "founding",
  "the founding: nodes start one after the other, and the smallest id writes the genesis",
  (cluster) => {
    cluster.say("n3 and n2 start first and find each other. They wait for n1.");
    cluster.start("n3", "n2");
    cluster.connect("n2", "n3");
    cluster.pass(60_000);
    cluster.show("n2", "n3");
    cluster.say("A minute later n1 starts, and reaches n2 first. It waits for n3.");
    cluster.start("n1");
    cluster.connect("n1", "n2");
    expect(cluster.state("n1").genesis).toBeNull();
    cluster.say("Now it has heard everyone. It writes the genesis, and tells of it when it is on disk.");
    cluster.connect("n1", "n3");
    cluster.say("The others take it over, and pass it on when they have it on disk.");
    cluster.deliver({ kind: "genesisNotice" });
    cluster.settle();
    cluster.show();
    for (const id of ["n2", "n3"]) expect(cluster.state(id).genesis).toEqual(cluster.state("n1").genesis);
    cluster.say("Only now does anyone wait for an election.");
    cluster.aside("Half a minute later there is a leader.", () => cluster.live(30_000));
    expect(cluster.leaders).toHaveLength(1);
  },
);

story(
  "founding-crash",
  "the founder crashes before its genesis is durable: there was none; the next one is another",
  (cluster) => {
    cluster.say("The disk of n1 stalls while it writes the genesis. Nobody hears of it.");
    cluster.start("n1", "n2", "n3");
    cluster.stallDisk("n1");
    cluster.connectAll();
    const lost = cluster.state("n1").genesis?.clusterUuid;
    cluster.crash("n1");
    cluster.show();
    cluster.say("n1 starts anew. Its second genesis has another name, and is the only one that anyone knows.");
    cluster.start("n1");
    cluster.connectAll();
    cluster.settle();
    cluster.show();
    expect(cluster.state("n2").genesis?.clusterUuid).toBe(cluster.state("n1").genesis!.clusterUuid);
    expect(cluster.state("n1").genesis?.clusterUuid).not.toBe(lost!);
  },
);

story("founding-lagging", "a founder that missed the genesis learns of it from whomever it meets", (cluster) => {
  cluster.say("n1 writes the genesis; n2 hears of it. n3 crashes before it does.");
  cluster.start("n1", "n2", "n3");
  cluster.connectAll();
  cluster.crash("n3");
  cluster.settle();
  cluster.say("n3 comes back while n1 is down. n2 tells it.");
  cluster.crash("n1");
  cluster.start("n3");
  cluster.connect("n2", "n3");
  cluster.settle();
  cluster.show();
  expect(cluster.state("n3").genesis).toEqual(cluster.state("n2").genesis);
});

story(
  "wiped",
  "P42: a wiped n1 with its old configuration file neither votes nor founds a second cluster",
  (cluster) => {
    cluster.say("n1 writes the genesis, and n2 takes it over. n3 has not heard of it yet: what it is told gets lost.");
    cluster.start("n1", "n2", "n3");
    cluster.connectAll();
    cluster.lose({ to: "n3" });
    cluster.deliver({ to: "n2" });
    cluster.lose();
    cluster.say(
      "The disk of n1 is replaced by an empty one. Its file still names three founders, and it is the smallest id.",
    );
    cluster.crash("n1");
    cluster.wipe("n1");
    cluster.start("n1");
    cluster.say("n3 knows of no cluster either. Together they are two of three founders, which is not all of them.");
    cluster.connect("n1", "n3");
    cluster.settle();
    expect(cluster.state("n1").genesis).toBeNull();
    cluster.say("A candidate asks it for its vote: n1 has nothing to say.");
    cluster.fire("n2");
    cluster.settle();
    cluster.show();
    expect(cluster.leaders).toEqual([]);
    cluster.say("n2 does know the cluster, and that n1 had another disk.");
    cluster.connect("n1", "n2");
    expect(() => cluster.state("n1")).toThrow("n1 is down");
    cluster.say("n3 hears of the genesis from n2. The two of them are a majority, and go on without n1.");
    cluster.connect("n2", "n3");
    cluster.settle();
    cluster.aside("A few seconds later:", () => cluster.live(5000));
    expect(cluster.leaders).toHaveLength(1);
  },
);

story(
  "wiped-follower",
  "P42: a wiped follower is told so; its acknowledgements under the old name are gone with the disk",
  (cluster) => {
    begin(cluster, "n1", "n1", "n2", "n3");
    cluster.say("n3 is replaced, and says hello to the leader with its new disk.");
    cluster.crash("n3");
    cluster.wipe("n3");
    cluster.start("n3");
    cluster.connect("n1", "n3");
    cluster.settle();
    expect(() => cluster.state("n3")).toThrow("n3 is down");
    cluster.say("A command still needs both of the others.");
    cluster.propose("n1");
    cluster.settle();
    cluster.show();
    expect(cluster.state("n1").commitIndex).toBe(2);
  },
);

story(
  "wiped-founders",
  "P42: a wiped founder does not take one that waits to be added for a founder, though the id is in its table",
  (cluster) => {
    begin(cluster, "n1", "n1", "n2");
    cluster.aside("n3 has been added.", () => {
      join(cluster, "n3", "n1", "n2");
      cluster.change("n1", { add: [asVoter(cluster, "n3")] });
      cluster.live(5000);
    });
    cluster.say("The disk of n2 is replaced. It is started as a node that waits to be added, as it should be.");
    cluster.crash("n2");
    cluster.wipe("n2");
    cluster.startToJoin("n2");
    cluster.say("The disk of n1 is replaced too, and its file still names both founders.");
    cluster.crash("n1");
    cluster.wipe("n1");
    cluster.start("n1");
    cluster.connect("n1", "n2");
    cluster.settle();
    cluster.show();
    cluster.say("n1 founds no second cluster: n3 still has what was committed.");
    expect(cluster.state("n1").genesis).toBeNull();
    expect(cluster.state("n3").log.last.index).toBeGreaterThan(1);
  },
  { nodes: ["n1", "n2"], joiners: ["n3"] },
);
