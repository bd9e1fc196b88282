// What every transport must do with connections for bulk: they carry what is large beside the ordinary connection.
import { describe, expect, test } from "bun:test";
import { toMemberKey } from "../../src/core/configuration.ts";
import {
  HeardLink,
  incarnation,
  roundTrip,
  type TestNode,
  testNet,
  type TransportHarness,
} from "./transport-harness.ts";

export function describeBulkContract(name: string, open: () => Promise<TransportHarness>): void {
  describe(`a transport, ${name}, and its connections for bulk`, () => {
    const { pair } = testNet(open);

    async function bulkPair(net: TransportHarness, a: TestNode, b: TestNode): Promise<[HeardLink, HeardLink]> {
      let ours: HeardLink | null = null;
      const opening = a.transport.openBulk(b.key).then((link) => (ours = new HeardLink(link)));
      await net.until(() => b.heard.bulk.length > 0, "the connection for bulk is known there");
      const accepted = b.heard.bulk.at(-1)?.link;
      await net.until(() => ours !== null, "and here");
      if (accepted === undefined) throw new Error("there is none");
      return [await opening, accepted];
    }

    test("a connection for bulk carries a file beside the ordinary connection, which stays as it is", async () => {
      const { net, a, b } = await pair();
      await roundTrip(net, a, b);
      const before = [a.heard.story.length, b.heard.story.filter((line) => !line.startsWith("bulk")).length];
      const [ours, theirs] = await bulkPair(net, a, b);
      expect(b.heard.bulk[0]?.from).toEqual({ id: "n1", incarnation, bootId: "boot" });
      ours.link.send({ kind: "snapshotRead", file: "f", offset: 7, bytesMax: 9 });
      await net.until(() => theirs.messages.length === 1, "it is asked");
      expect(theirs.messages).toEqual([{ kind: "snapshotRead", file: "f", offset: 7, bytesMax: 9 }]);
      const piece = { kind: "snapshotChunk", offset: 7, bytes: new Uint8Array(200_000).fill(5) } as const;
      for (let count = 0; count < 10; count += 1) theirs.link.send(piece);
      expect(theirs.link.queuedBytes).toBeGreaterThan(1_000_000);
      theirs.link.send({ kind: "snapshotGone", file: "f", reason: "it is old" });
      await net.until(() => ours.messages.length === 11, "it is answered");
      expect(ours.messages[9]).toEqual(piece);
      expect(ours.messages[10]).toEqual({ kind: "snapshotGone", file: "f", reason: "it is old" });
      await net.until(() => theirs.link.queuedBytes === 0, "nothing waits");
      ours.link.close("read");
      await net.until(() => theirs.ends.length === 1 && ours.ends.length === 1, "both know its end");
      expect([ours.link.isOpen, theirs.link.isOpen]).toEqual([false, false]);
      await roundTrip(net, a, b);
      expect(a.heard.story.slice(before[0]).every((line) => line.startsWith("n2@i"))).toBe(true);
      expect(b.heard.story.filter((line) => /^[+-]/.test(line))).toEqual(
        b.heard.story.filter((line) => line.startsWith("+")),
      );
    });

    test("what cannot be dialled is asked to dial back", async () => {
      const { net, a, b } = await pair();
      await roundTrip(net, a, b);
      net.shut(b);
      const [ours, theirs] = await bulkPair(net, a, b);
      ours.link.send({ kind: "snapshotRead", file: "f", offset: 0, bytesMax: 1 });
      await net.until(() => theirs.messages.length === 1, "it is asked");
      await roundTrip(net, a, b);
    });

    test("a connection for bulk with a node that is not there, or has another disk, does not come about", async () => {
      const { net, a, b } = await pair();
      const codes: string[] = [];
      const failed = (error: { readonly code: string }): void => void codes.push(error.code);
      a.transport.openBulk(toMemberKey("n9", incarnation)).then(() => codes.push("open"), failed);
      a.transport.openBulk(toMemberKey("n2", "wiped")).then(() => codes.push("open"), failed);
      await net.until(() => codes.length === 2, "both have failed");
      expect(codes).toEqual(["unavailable", "unavailable"]);
      // What the other disk has seen of it has ended, too.
      await net.until(() => b.heard.bulk.every(({ link }) => link.ends.length === 1), "nothing is left of it");
    });

    test("a few connections for bulk with one peer, and then no more until one has ended", async () => {
      const { net, a, b } = await pair();
      const links: HeardLink[] = [];
      const codes: string[] = [];
      const openOne = (): void => {
        a.transport.openBulk(b.key).then(
          (link) => links.push(new HeardLink(link)),
          (error) => codes.push(error.code),
        );
      };
      for (let count = 0; count < 5; count += 1) openOne();
      await net.until(() => links.length + codes.length === 5, "all are settled");
      expect([links.length, codes]).toEqual([4, ["overloaded"]]);
      links[0]?.link.close("done");
      await net.until(
        () => links[0]?.ends.length === 1 && b.heard.bulk.some(({ link }) => link.ends.length === 1),
        "one has ended",
      );
      openOne();
      await net.until(() => links.length === 5, "there is room again");
    });

    test("the connections for bulk end with the node", async () => {
      const { net, a, b } = await pair();
      const [ours, theirs] = await bulkPair(net, a, b);
      await b.transport.stop(1_000);
      await net.until(() => ours.ends.length === 1 && theirs.ends.length === 1, "both have ended");
      expect(ours.ends[0]).toContain("stopping");
    });
  });
}
