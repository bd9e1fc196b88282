// Stories of disks that lose what they had confirmed, and of what the cluster makes of it.
import { expect } from "bun:test";
import { begin, elect, story } from "./story.ts";

const three = ["n1", "n2", "n3"];

story(
  "rolled-back-directory",
  "P59: an older copy of a data directory is put back; the leader's word shows it, and the node is refilled",
  (cluster) => {
    begin(cluster, "n1", ...three);
    cluster.aside("Some commands are acknowledged by all.", () => {
      cluster.propose("n1", 4);
      cluster.settle();
    });
    cluster.say("n2 is stopped, and its whole directory of an earlier time is put back: nothing in it tells.");
    cluster.crash("n2");
    cluster.diskOf("n2").lose(2);
    cluster.start("n2");
    cluster.connectAll();
    cluster.say(
      "The leader's message says how much n2 had confirmed. n2 refuses, so that the leader knows as well, and halts.",
    );
    cluster.fire("n1");
    cluster.settle();
    expect(() => cluster.state("n2")).toThrow("n2 is down");
    cluster.say("It starts again with its damaged files set aside. It abstains and copies the log.");
    cluster.diskOf("n2").setAside("the directory was rolled back");
    cluster.start("n2");
    cluster.connectAll();
    cluster.live(200);
    cluster.show();
    expect(cluster.logOf("n2")).toEqual(cluster.logOf("n1"));
    expect(cluster.state("n2").refill).toBeNull();
    cluster.say("It counts again: with n3 gone, n1 and n2 commit.");
    cluster.crash("n3");
    cluster.propose("n1");
    cluster.settle({ to: "n2" });
    cluster.settle({ to: "n1" });
    cluster.show("n1");
    expect(cluster.state("n1").commitIndex).toBe(cluster.logOf("n1").length);
  },
);

story(
  "forgotten-vote",
  "P61: a node whose vote is gone from its log keeps it by its mark, and no second leader of the term is elected",
  (cluster) => {
    cluster.aside("A cluster of three; n1 is down, and n3 leads term 2 by the vote of n2.", () => {
      cluster.start(...three);
      cluster.connectAll();
      cluster.settle();
      elect(cluster, "n1");
      cluster.crash("n1");
      elect(cluster, "n3");
    });
    const { currentTerm } = cluster.state("n3");
    cluster.say("n3 freezes. n2 is killed, and its log loses its end, the vote with it. Its mark remembers both.");
    cluster.pause("n3");
    cluster.crash("n2");
    cluster.diskOf("n2").setAside("the end of the log is gone");
    cluster.start("n1", "n2");
    cluster.connectAll("n1", "n2");
    cluster.settle();
    cluster.say("n1 and n2 are two of three, but n2 abstains: whatever n1 asks for, it does not lead.");
    cluster.fire("n1");
    cluster.fire("n1");
    cluster.settle();
    cluster.fire("n2");
    cluster.settle();
    cluster.show("n1", "n2");
    expect(cluster.state("n1").role.kind).not.toBe("leader");
    cluster.say("n3 wakes. It is still the only leader that this term has had, and refills n2.");
    cluster.resume("n3");
    cluster.connectAll();
    cluster.live(100);
    cluster.show();
    expect(cluster.state("n3")).toMatchObject({ currentTerm, role: { kind: "leader" } });
    expect(cluster.state("n2").refill).toBeNull();
  },
);
