// What every transport must do, whatever carries the messages. A harness makes nodes that have been started and knows how to
// wait; nothing here depends on how long anything takes.
import { afterEach, describe, expect, test } from "bun:test";
import { type MemberKey, toMemberKey } from "../../src/core/configuration.ts";
import type { Genesis } from "../../src/core/genesis.ts";
import type { Message } from "../../src/core/messages.ts";
import type { ClientReply, ClientRequest } from "../../src/ports/requests.ts";
import type { BulkMessage } from "../../src/ports/bulk-messages.ts";
import type {
  BulkLink,
  ClientConnection,
  PeerIdentity,
  Transport,
  TransportHandler,
} from "../../src/ports/transport.ts";

/** Keeps everything that a transport tells its node, in order. */
export class Recorder implements TransportHandler {
  /** `+n2/boot`, `-n2`, `n2@i: 17`, in order. */
  readonly story: string[] = [];
  readonly messages: { readonly from: MemberKey; readonly message: Message }[] = [];
  readonly requests: { readonly request: ClientRequest; readonly client: ClientConnection }[] = [];
  readonly reasons: string[] = [];
  readonly bulk: { readonly from: PeerIdentity; readonly link: HeardLink }[] = [];
  readonly geneses: (Genesis | null)[] = [];
  onConnected: (peer: PeerIdentity) => void = () => {};
  /** While true, a callback is a breach of contract. */
  isInsideCall = false;

  onPeerConnected(peer: PeerIdentity, genesis: Genesis | null): void {
    this.#note(`+${peer.id}/${peer.bootId}`);
    this.geneses.push(genesis);
    this.onConnected(peer);
  }
  onPeerDisconnected(peer: PeerIdentity, reason: string): void {
    this.#note(`-${peer.id}`);
    this.reasons.push(reason);
  }
  onMessage(from: MemberKey, message: Message): void {
    this.#note(`${from}: ${"term" in message ? message.term : message.kind}`);
    this.messages.push({ from, message });
  }
  onBulk(from: PeerIdentity, link: BulkLink): void {
    this.#note(`bulk from ${from.id}/${from.bootId}`);
    this.bulk.push({ from, link: new HeardLink(link) });
  }
  onRequest(request: ClientRequest, client: ClientConnection): void {
    this.#note(`${client.name} asks ${request.kind}`);
    this.requests.push({ request, client });
  }
  isConnectedTo(id: string): boolean {
    const last = this.story.findLast((line) => line.startsWith(`+${id}/`) || line === `-${id}`);
    return last?.startsWith("+") ?? false;
  }
  get terms(): number[] {
    return this.messages.map(({ message }) => ("term" in message ? message.term : -1));
  }
  #note(line: string): void {
    if (this.isInsideCall) throw new Error(`called back from inside a call: ${line}`);
    this.story.push(line);
  }
}

/** A connection for bulk, and everything that has come on it. */
export class HeardLink {
  readonly messages: BulkMessage[] = [];
  readonly ends: string[] = [];

  constructor(readonly link: BulkLink) {
    link.onMessage = (message) => void this.messages.push(message);
    link.onClose = (reason) => void this.ends.push(reason);
  }
}

export interface TestNode {
  readonly transport: Transport;
  readonly address: string;
  readonly heard: Recorder;
  readonly key: MemberKey;
}

export interface NodeChoice {
  /** Default: `boot`. */
  readonly bootId?: string;
  /** Where to listen; default: anywhere free. */
  readonly address?: string;
  readonly genesis?: Genesis;
}

export interface TransportHarness {
  /** A node that has been started, with the incarnation `i`. */
  node(id: string, choice?: NodeChoice): Promise<TestNode>;
  /** Returns once the condition holds; fails when it does not come to hold. */
  until(condition: () => boolean, what: string): Promise<void>;
  /** From now on nobody can dial the node. */
  shut(node: TestNode): void;
  client(
    of: TestNode,
    name: "alice" | "admin",
  ): Promise<{ send(request: ClientRequest): void; replies: readonly ClientReply[] }>;
  close(): Promise<void>;
}

export const incarnation = "i";
export const timeoutNow = (term: number): Message => ({ kind: "timeoutNow", term });

const genesis: Genesis = {
  clusterUuid: "0123456789abcdef0123456789abcdef",
  members: [{ key: toMemberKey("n1", incarnation), address: "127.0.0.1:1", priority: 0 }],
  foundedAtMs: 1_700_000_000_000,
};

/** `admin` is listed among the administrators, `alice` is not. */
export function describeTransportContract(name: string, open: () => Promise<TransportHarness>): void {
  describe(`a transport: ${name}`, () => {
    let harness: TransportHarness | null = null;
    const opened = async (): Promise<TransportHarness> => (harness = await open());
    afterEach(async () => {
      await harness?.close();
      harness = null;
    });

    async function pair(): Promise<{ net: TransportHarness; a: TestNode; b: TestNode }> {
      const net = await opened();
      const [a, b] = [await net.node("n1"), await net.node("n2")];
      await connect(net, a, b);
      return { net, a, b };
    }

    async function connect(net: TransportHarness, a: TestNode, b: TestNode): Promise<void> {
      a.transport.setPeers([{ id: "n2", address: b.address }]);
      b.transport.setPeers([{ id: "n1", address: a.address }]);
      await net.until(() => a.heard.isConnectedTo("n2") && b.heard.isConnectedTo("n1"), "both are connected");
    }

    /** After this, whatever was under way between the two before has arrived, or never will. */
    async function roundTrip(net: TransportHarness, a: TestNode, b: TestNode): Promise<void> {
      const [before, after] = [b.heard.messages.length, a.heard.messages.length];
      // Sent anew each time: one that was sent on a connection about to be replaced may be lost.
      await net.until(() => {
        a.transport.send(b.key, timeoutNow(1_000_000));
        b.transport.send(a.key, timeoutNow(1_000_000));
        return b.heard.messages.length > before && a.heard.messages.length > after;
      }, "a message each way");
    }

    test("two nodes that list each other learn who the other is, before any message", async () => {
      const { net, a, b } = await pair();
      await roundTrip(net, a, b);
      expect(a.heard.story[0]).toBe("+n2/boot");
      expect(b.heard.story[0]).toBe("+n1/boot");
      expect(a.transport.peers()).toEqual([
        { id: "n2", address: b.address, reachable: true, reason: null, version: "1.2.3" },
      ]);
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
      a.transport.setGenesis(genesis);
      a.transport.setPeers([]);
      a.heard.isInsideCall = false;
      await net.until(() => b.heard.terms.includes(1), "the message has arrived");
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

    test("each hello carries the genesis that was known when it was said", async () => {
      const net = await opened();
      const [a, b] = [await net.node("n1", { genesis }), await net.node("n2")];
      await connect(net, a, b);
      expect(b.heard.geneses[0]).toEqual(genesis);
      expect(a.heard.geneses[0]).toBeNull();
      await b.transport.stop(1_000);
      await net.node("n2", { bootId: "second", address: b.address, genesis });
      await net.until(() => a.heard.story.includes("+n2/second"), "the new process is known");
      expect(a.heard.geneses.at(-1)).toEqual(genesis);
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
      const piece = { kind: "snapshotChunk", offset: 7, bytes: new Uint8Array(200_000).fill(5), checksum: 3 } as const;
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
