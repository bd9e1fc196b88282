// What every transport must find out about other nodes: whether the process of one has ended, whether one can be reached, and
// that one which nobody knows may come and stay.
import { describe, expect, test } from "bun:test";
import type { NodeMessage, Reach } from "../../src/ports/node-messages.ts";
import type { Discovery } from "../../src/ports/transport.ts";
import { connect, incarnation, roundTrip, testNet, type TransportHarness } from "./transport-harness.ts";

export function describePresenceContract(name: string, open: () => Promise<TransportHarness>): void {
  describe(`a transport, ${name}, and who is there`, () => {
    const { opened, pair } = testNet(open);

    for (const [gone, left] of [
      ["n1", "n2"],
      ["n2", "n1"],
    ] as const) {
      test(`the end of ${gone}'s process is found out by ${left}, whoever had dialled, once, after its connection's end`, async () => {
        const net = await opened();
        const [ending, other] = [await net.node(gone), await net.node(left)];
        // The connection is the other side's work: that it can be dialled is found out beside it.
        ending.transport.setPeers([{ id: left, address: other.address }]);
        await net.until(() => other.heard.isConnectedTo(gone), "it has dialled");
        other.transport.setPeers([{ id: gone, address: ending.address }]);
        await net.until(() => net.hasSeen(other, ending), "it has been reached by a dial as well");
        await ending.transport.stop(1_000);
        await net.until(() => other.heard.story.includes(`†${gone}/boot`), "it is found out");
        const ends = (): string[] => other.heard.story.filter((line) => /^[-†]/.test(line));
        expect(ends()).toEqual([`-${gone}`, `†${gone}/boot`]);
        const next = await net.node(gone, { bootId: "second", address: ending.address });
        next.transport.setPeers([{ id: left, address: other.address }]);
        await net.until(() => other.heard.isConnectedTo(gone), "the next process is connected");
        expect(ends()).toEqual([`-${gone}`, `†${gone}/boot`]);
      });
    }

    test("a node that nobody could ever dial is not found out to have ended", async () => {
      const net = await opened();
      const [a, b] = [await net.node("n1"), await net.node("n2")];
      a.transport.setPeers([{ id: "n2", address: b.address }]);
      net.shut(b);
      b.transport.setPeers([{ id: "n1", address: a.address }]);
      await net.until(() => a.heard.isConnectedTo("n2") && b.heard.isConnectedTo("n1"), "both are connected");
      await b.transport.stop(1_000);
      await net.until(() => a.transport.peers()[0]?.reachable === false, "the connection is gone");
      await net.until(() => a.transport.peers()[0]?.reason?.includes("refused") ?? false, "redialling has failed");
      expect(a.heard.story.filter((line) => line.startsWith("†"))).toEqual([]);
    });

    test("whether a node can be reached at an address, listed or not, and nothing changes by asking", async () => {
      const net = await opened();
      const [a, b] = [await net.node("n1"), await net.node("n2")];
      const answers: Reach[] = [];
      const ask = async (id: string, address: string): Promise<Reach> => {
        const before = answers.length;
        void a.transport.reach(id, address, 5_000).then((answer) => answers.push(answer));
        await net.until(() => answers.length > before, "there is an answer");
        return answers.at(-1) ?? { kind: "unreachable", reason: "none" };
      };
      expect(await ask("n2", b.address)).toEqual({ kind: "reached", incarnation, by: "dialled" });
      expect([a.heard.story, b.heard.story]).toEqual([[], []]);
      expect(await ask("n2", "127.0.0.1:1")).toMatchObject({ kind: "unreachable" });
      expect(await ask("n3", b.address)).toMatchObject({ kind: "unreachable" });
      await connect(net, a, b);
      expect(await ask("n2", b.address)).toEqual({ kind: "reached", incarnation, by: "dialled" });
    });

    test("one that has dialled this node counts as reached, though it cannot be dialled", async () => {
      const net = await opened();
      const [a, b] = [await net.node("n1"), await net.node("n2")];
      a.transport.setPeers([{ id: "n2", address: b.address }]);
      net.shut(b);
      b.transport.setPeers([{ id: "n1", address: a.address }]);
      await net.until(() => a.heard.isConnectedTo("n2"), "it has dialled");
      let answer: Reach | null = null;
      void a.transport.reach("n2", "127.0.0.1:1", 5_000).then((reach) => (answer = reach));
      await net.until(() => answer !== null, "there is an answer");
      expect<Reach | null>(answer).toEqual({ kind: "reached", incarnation, by: "accepted" });
    });

    test("who answers at an address is found out, and nothing changes by asking", async () => {
      const net = await opened();
      const [a, b] = [await net.node("n1"), await net.node("n2")];
      const found: Discovery[] = [];
      for (const address of [b.address, a.address, "127.0.0.1:1"]) {
        const before = found.length;
        void a.transport.discover(address, 5_000).then((each) => found.push(each));
        await net.until(() => found.length > before, "there is an answer");
      }
      expect(found).toMatchObject([
        { kind: "there", identity: { id: "n2", incarnation, bootId: "boot" } },
        { kind: "there", identity: { id: "n1" } },
        { kind: "failed", reason: expect.stringContaining("refused") },
      ]);
      expect([a.heard.story, b.heard.story]).toEqual([[], []]);
    });

    test("what nodes tell each other beside Raft arrives as the rest does", async () => {
      const { net, a, b } = await pair();
      const list: NodeMessage = {
        kind: "memberList",
        index: 7,
        members: [{ key: b.key, address: "h:1", priority: 0 }],
      };
      await roundTrip(net, a, b);
      a.transport.send(b.key, list);
      await net.until(() => b.heard.messages.some(({ message }) => message.kind === "memberList"), "it has arrived");
      expect(b.heard.messages.at(-1)).toEqual({ from: a.key, message: list });
    });

    test("a node that nobody lists may dial in and stay, and messages flow both ways", async () => {
      const { net, a, b } = await pair();
      const joiner = await net.node("n3");
      joiner.transport.setPeers([
        { id: "n1", address: a.address },
        { id: "n2", address: b.address },
      ]);
      await net.until(() => joiner.heard.isConnectedTo("n1") && joiner.heard.isConnectedTo("n2"), "it is connected");
      await roundTrip(net, a, joiner);
      a.transport.setPeers([{ id: "n2", address: b.address }]);
      await roundTrip(net, a, joiner);
      expect(a.heard.isConnectedTo("n3")).toBe(true);
    });
  });
}
