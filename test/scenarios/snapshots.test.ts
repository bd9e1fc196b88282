// Stories of snapshots: a log that is cut, a follower that lacks what is gone, a leader that changes in the middle.
import { expect } from "bun:test";
import type { Cluster } from "./cluster.ts";
import { begin, elect, story } from "./story.ts";

const three = ["n1", "n2", "n3"];
const noTail = { settings: { tailEntriesMax: 0 } };

/** n3 sees nothing of the last commands, and both others have cut them out of their logs. */
function fallBehind(cluster: Cluster): void {
  begin(cluster, "n1", ...three);
  cluster.aside("n3 is cut off. Four commands later n1 and n2 have made snapshots, and begin behind them.", () => {
    cluster.cutOff("n3");
    cluster.propose("n1", 4);
    cluster.settle();
    // Long enough that nobody holds the log back for it.
    cluster.live(1500);
    cluster.takeSnapshot("n1");
    cluster.takeSnapshot("n2");
  });
  expect(cluster.state("n1").log.base.index).toBe(5);
}

story(
  "snapshot-installed",
  "§5: a follower that lacks what the leader has forgotten is given its snapshot, then what follows",
  (cluster) => {
    fallBehind(cluster);
    cluster.say("n3 is back. Its log ends before the leader's begins: there is nothing to send it but the snapshot.");
    cluster.heal();
    cluster.settle();
    cluster.say("Heartbeats are offers too, and n3 says each time that it is at it. Commands go on meanwhile.");
    cluster.propose("n1");
    cluster.fire("n1");
    cluster.settle();
    cluster.say(
      "The file is there. The log stands on it durably, then the state is replaced, then the leader is told.",
    );
    cluster.finishFetching("n3");
    cluster.settle();
    cluster.show();
    expect(cluster.state("n3").log.base.index).toBe(5);
    expect(cluster.logOf("n3")).toEqual(cluster.logOf("n1"));
  },
  noTail,
);

story(
  "snapshot-crash",
  "P29: a crash before the snapshot is durable leaves the old log, one after it the new",
  (cluster) => {
    fallBehind(cluster);
    cluster.aside("n3 is back, and fetches the snapshot.", () => {
      cluster.heal();
      cluster.settle();
    });
    cluster.say("Its disk is slow, and it crashes before the log stands on it.");
    cluster.stallDisk("n3");
    cluster.finishFetching("n3");
    cluster.crash("n3");
    cluster.start("n3");
    cluster.show("n3");
    expect(cluster.state("n3").log).toMatchObject({ base: { index: 0 }, last: { index: 1 } });
    cluster.say("Again; this time it crashes when it is durable. It starts from the snapshot.");
    cluster.connectAll();
    cluster.settle();
    cluster.fire("n1");
    cluster.settle();
    cluster.finishFetching("n3");
    cluster.crash("n3");
    cluster.start("n3");
    cluster.show("n3");
    expect(cluster.state("n3")).toMatchObject({ commitIndex: 5, appliedIndex: 5 });
  },
  noTail,
);

story(
  "snapshot-of-an-old-leader",
  "P33: a snapshot that comes when it is no longer needed takes nobody back",
  (cluster) => {
    fallBehind(cluster);
    cluster.aside("n3 is back and fetches the snapshot of n1, which takes long.", () => {
      cluster.heal();
      cluster.settle();
    });
    cluster.say("n1 crashes, n2 leads and offers a snapshot of its own. That one is quicker.");
    cluster.crash("n1");
    elect(cluster, "n2");
    cluster.fire("n2");
    cluster.settle();
    cluster.finishFetching("n3");
    cluster.propose("n2");
    cluster.settle();
    const commitIndex = cluster.state("n3").commitIndex;
    cluster.say("The first one arrives at last: it ends before what n3 has committed.");
    cluster.finishFetching("n3");
    cluster.show("n3");
    expect(cluster.state("n3").commitIndex).toBe(commitIndex);
  },
  noTail,
);

story(
  "snapshot-tail",
  "a follower that is a little behind is spared the snapshot: a tail of the log stays",
  (cluster) => {
    begin(cluster, "n1", ...three);
    cluster.say("n3 misses two commands. n1 makes a snapshot of them, and keeps them all the same.");
    cluster.propose("n1", 2);
    cluster.lose({ to: "n3" });
    cluster.settle();
    cluster.takeSnapshot("n1");
    cluster.say("The next heartbeat finds what n3 lacks.");
    cluster.fire("n1");
    cluster.settle();
    cluster.show();
    expect(cluster.logOf("n3")).toEqual([1, 1, 1]);
  },
);
