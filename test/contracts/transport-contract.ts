// What every transport must do, whatever carries the messages. A harness makes nodes that have been started and knows how to
// wait; nothing here depends on how long anything takes. Who is there is transport-presence-contract.ts, what is large
// transport-bulk-contract.ts.
import { describe, expect, test } from "bun:test";
import { toMemberKey } from "../../src/core/configuration.ts";
import type { Genesis } from "../../src/core/genesis.ts";
import { connect, incarnation, roundTrip, timeoutNow, testNet, type TransportHarness } from "./transport-harness.ts";

const genesis: Genesis = {
  clusterUuid: "0123456789abcdef0123456789abcdef",
  members: [{ key: toMemberKey("n1", incarnation), address: "127.0.0.1:1", priority: 0 }],
  foundedAtMs: 1_700_000_000_000,
};

/** `admin` is listed among the administrators, `alice` is not. */
export function describeTransportContract(name: string, open: () => Promise<TransportHarness>): void {
  describe(`a transport: ${name}`, () => {
    const { opened, pair } = testNet(open);

    test("two nodes that list each other learn who the other is, before any message", async () => {
      const { net, a, b } = await pair();
      await roundTrip(net, a, b);
      expect(a.heard.story[0]).toBe("+n2/boot");
      expect(b.heard.story[0]).toBe("+n1/boot");
      expect(a.transport.peers()).toEqual([
        {
          id: "n2",
          address: b.address,
          reachable: true,
          reason: null,
          version: "1.2.3",
          announced: expect.stringMatching(/^[^ ]+:\d+$/),
          knowsSkips: true,
        },
      ]);
    });

    test("a peer that has lied is told why its connection closes, and may connect again", async () => {
      const { net, a, b } = await pair();
      await net.until(() => {
        // Again: the other side may just have replaced the connection that is closed.
        if (a.heard.isConnectedTo("n2")) a.transport.dismiss(b.key, "it acknowledges entry 9");
        return b.heard.reasons.some((reason) => reason.includes("it acknowledges entry 9"));
      }, "it is told");
      await net.until(() => a.heard.isConnectedTo("n2") && b.heard.isConnectedTo("n1"), "both are connected again");
      await roundTrip(net, a, b);
      a.transport.dismiss(toMemberKey("n2", "another disk"), "another node is meant");
      await roundTrip(net, a, b);
      expect([...a.heard.reasons, ...b.heard.reasons].join()).not.toContain("another node is meant");
    });

    test("one side that dials is enough for both directions", async () => {
      const net = await opened();
      const [a, b] = [await net.node("n1"), await net.node("n2")];
      b.transport.setPeers([{ id: "n1", address: a.address }]);
      await net.until(() => a.heard.isConnectedTo("n2") && b.heard.isConnectedTo("n1"), "both are connected");
      a.transport.send(b.key, timeoutNow(1));
      b.transport.send(a.key, timeoutNow(2));
      await net.until(() => a.heard.terms.length === 1 && b.heard.terms.length === 1, "both messages have arrived");
      expect([a.heard.terms, b.heard.terms]).toEqual([[2], [1]]);
      expect(a.transport.peers()).toEqual([]);
    });

    test("messages keep their order and come from whom the connection says", async () => {
      const { net, a, b } = await pair();
      await roundTrip(net, a, b);
      const [fromA, fromB] = [a.heard.terms.length, b.heard.terms.length];
      const terms = Array.from({ length: 2_000 }, (_, k) => k + 1);
      for (const term of terms) {
        a.transport.send(b.key, timeoutNow(term));
        b.transport.send(a.key, timeoutNow(term));
      }
      a.transport.flush();
      await net.until(
        () => a.heard.terms.at(-1) === 2_000 && b.heard.terms.at(-1) === 2_000,
        "the last ones have arrived",
      );
      const ofRun = (all: number[], from: number): number[] => all.slice(from).filter((term) => term <= 2_000);
      expect(ofRun(a.heard.terms, fromA)).toEqual(terms);
      expect(ofRun(b.heard.terms, fromB)).toEqual(terms);
      expect(b.heard.messages.every(({ from }) => from === a.key)).toBe(true);
    });

    test("a message sent as soon as the peer is known arrives there after its own notice", async () => {
      const net = await opened();
      const [a, b] = [await net.node("n1"), await net.node("n2")];
      for (const node of [a, b]) {
        node.heard.onConnected = (peer) => node.transport.send(toMemberKey(peer.id, peer.incarnation), timeoutNow(7));
      }
      await connect(net, a, b);
      await net.until(() => a.heard.terms.includes(7) && b.heard.terms.includes(7), "the greetings have arrived");
      for (const node of [a, b]) expect(node.heard.story[0]?.startsWith("+")).toBe(true);
    });

    test("what is sent to nobody, or to another incarnation, is dropped in silence", async () => {
      const { net, a, b } = await pair();
      a.transport.send(toMemberKey("n9", incarnation), timeoutNow(1));
      a.transport.send(toMemberKey("n2", "wiped"), timeoutNow(2));
      await roundTrip(net, a, b);
      expect(b.heard.terms.every((term) => term === 1_000_000)).toBe(true);
    });

    test("nothing calls back from inside a call", async () => {
      const { net, a, b } = await pair();
      a.heard.isInsideCall = true;
      a.transport.send(b.key, timeoutNow(1));
      a.transport.flush();
      a.transport.setAffiliation(genesis);
      a.transport.setPeers([]);
      a.heard.isInsideCall = false;
      // Sent anew each time: one that was sent on a connection about to be replaced may be lost.
      await net.until(() => {
        a.transport.send(b.key, timeoutNow(1));
        return b.heard.terms.includes(1);
      }, "the message has arrived");
    });

    test("a peer that stops is reported, with its word for it, and it hears nothing more itself", async () => {
      const { net, a, b } = await pair();
      await roundTrip(net, a, b);
      const heardBefore = b.heard.story.length;
      a.transport.send(b.key, timeoutNow(5));
      await b.transport.stop(1_000);
      await net.until(() => !a.heard.isConnectedTo("n2"), "the end is known");
      expect(a.heard.reasons.at(-1)).toContain("stopping");
      expect(b.heard.story.length).toBe(heardBefore);
      await net.until(() => a.transport.peers()[0]?.reason?.includes("refused") ?? false, "redialling has failed");
      expect(a.transport.peers()[0]?.reachable).toBe(false);
    });

    test("what is queued when a node stops still leaves", async () => {
      const { net, a, b } = await pair();
      await roundTrip(net, a, b);
      for (let term = 1; term <= 500; term += 1) b.transport.send(a.key, timeoutNow(term));
      await b.transport.stop(1_000);
      await net.until(() => a.heard.terms.includes(500), "the last message has arrived");
    });

    test("a node that has been restarted is known as a new process, and connected again", async () => {
      const { net, a, b } = await pair();
      await b.transport.stop(1_000);
      const restarted = await net.node("n2", { bootId: "second", address: b.address });
      await net.until(() => a.heard.story.includes("+n2/second"), "the new process is known");
      expect(a.heard.story.indexOf("-n2")).toBeGreaterThan(-1);
      expect(a.heard.story.indexOf("-n2")).toBeLessThan(a.heard.story.indexOf("+n2/second"));
      await roundTrip(net, a, restarted);
    });

    test("each hello carries what was known of the cluster when it was said", async () => {
      const net = await opened();
      const [a, b] = [
        await net.node("n1", { affiliation: genesis }),
        await net.node("n2", { affiliation: "founding" }),
      ];
      await connect(net, a, b);
      expect(b.heard.affiliations[0]).toEqual(genesis);
      expect(a.heard.affiliations[0]).toBe("founding");
      let last = b;
      for (const affiliation of ["joining", genesis] as const) {
        await last.transport.stop(1_000);
        const bootId = typeof affiliation === "string" ? "second" : "third";
        last = await net.node("n2", { bootId, address: b.address, affiliation });
        await net.until(() => a.heard.story.includes(`+n2/${bootId}`), "the new process is known");
        expect(a.heard.affiliations.at(-1)).toEqual(affiliation);
      }
    });

    test("the list of peers replaces the one before", async () => {
      const { a, b } = await pair();
      a.transport.setPeers([
        { id: "n2", address: b.address },
        { id: "n3", address: "127.0.0.1:1" },
      ]);
      expect(a.transport.peers().map((peer) => [peer.id, peer.reachable])).toEqual([
        ["n2", true],
        ["n3", false],
      ]);
      expect(a.transport.peers()[1]?.reason).toBeString();
      a.transport.setPeers([{ id: "n3", address: "127.0.0.1:1" }]);
      expect(a.transport.peers().map((peer) => peer.id)).toEqual(["n3"]);
    });

    test("a client asks under its name and its rights, and gets its answers", async () => {
      const net = await opened();
      const node = await net.node("n1");
      const [alice, admin] = [await net.client(node, "alice"), await net.client(node, "admin")];
      alice.send({ kind: "status", id: 1 });
      admin.send({ kind: "stop", id: 2 });
      await net.until(() => node.heard.requests.length === 2, "both requests are there");
      const asked = node.heard.requests.map(({ request, client }) => [client.name, client.isAdmin, request.kind]);
      expect(asked.toSorted(([a], [b]) => String(a).localeCompare(String(b)))).toEqual([
        ["admin", true, "stop"],
        ["alice", false, "status"],
      ]);
      for (const { request, client } of node.heard.requests)
        client.reply({ kind: "done", id: request.id, leader: null });
      await net.until(() => alice.replies.length + admin.replies.length === 2, "both answers are there");
      expect(alice.replies).toEqual([{ kind: "done", id: 1, leader: null }]);
      expect(admin.replies).toEqual([{ kind: "done", id: 2, leader: null }]);
    });

    test("an address that is in use is a matter of configuration", async () => {
      const net = await opened();
      const node = await net.node("n1");
      await expect(net.node("n2", { address: node.address })).rejects.toMatchObject({
        name: "GraftError",
        code: "config",
      });
    });
  });
}
