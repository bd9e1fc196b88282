// What the contract of transports is told with: a record of everything that a node hears, and what a harness must be able to do.
import { afterEach } from "bun:test";
import type { MemberKey } from "../../src/core/configuration.ts";
import type { Affiliation } from "../../src/core/genesis.ts";
import type { Message } from "../../src/core/messages.ts";
import type { BulkMessage } from "../../src/ports/bulk-messages.ts";
import type { NodeMessage } from "../../src/ports/node-messages.ts";
import type { ClientReply, ClientRequest } from "../../src/ports/requests.ts";
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
  readonly messages: { readonly from: MemberKey; readonly message: Message | NodeMessage }[] = [];
  readonly requests: { readonly request: ClientRequest; readonly client: ClientConnection }[] = [];
  readonly reasons: string[] = [];
  readonly parts: MemberKey[] = [];
  readonly bulk: { readonly from: PeerIdentity; readonly link: HeardLink }[] = [];
  readonly affiliations: Affiliation[] = [];
  onConnected: (peer: PeerIdentity) => void = () => {};
  /** While true, a callback is a breach of contract. */
  isInsideCall = false;

  onPeerConnected(peer: PeerIdentity, affiliation: Affiliation): void {
    this.#note(`+${peer.id}/${peer.bootId}`);
    this.affiliations.push(affiliation);
    this.onConnected(peer);
  }
  onPeerDisconnected(peer: PeerIdentity, reason: string): void {
    this.#note(`-${peer.id}`);
    this.reasons.push(reason);
  }
  onMessage(from: MemberKey, message: Message | NodeMessage): void {
    this.#note(`${from}: ${"term" in message ? message.term : message.kind}`);
    this.messages.push({ from, message });
  }
  onPeerCrashed(peer: PeerIdentity): void {
    this.#note(`†${peer.id}/${peer.bootId}`);
  }
  onPartReceived(from: MemberKey): void {
    this.parts.push(from);
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
  /** Default: `joining`. */
  readonly affiliation?: Affiliation;
}

export interface TransportHarness {
  /** A node that has been started, with the incarnation `i`. */
  node(id: string, choice?: NodeChoice): Promise<TestNode>;
  /** Returns once the condition holds; fails when it does not come to hold. */
  until(condition: () => boolean, what: string): Promise<void>;
  /** From now on nobody can dial the node. */
  shut(node: TestNode): void;
  /** Whether it has reached the other one's process by a dial of its own. */
  hasSeen(node: TestNode, other: TestNode): boolean;
  client(
    of: TestNode,
    name: "alice" | "admin",
  ): Promise<{ send(request: ClientRequest): void; replies: readonly ClientReply[] }>;
  close(): Promise<void>;
}

export const incarnation = "i";
export const timeoutNow = (term: number): Message => ({ kind: "timeoutNow", term });

/** Both list each other, and are connected. */
export async function connect(net: TransportHarness, a: TestNode, b: TestNode): Promise<void> {
  a.transport.setPeers([{ id: "n2", address: b.address }]);
  b.transport.setPeers([{ id: "n1", address: a.address }]);
  await net.until(() => a.heard.isConnectedTo("n2") && b.heard.isConnectedTo("n1"), "both are connected");
}

export interface TestNet {
  readonly opened: () => Promise<TransportHarness>;
  /** Two nodes that are connected. */
  readonly pair: () => Promise<{ readonly net: TransportHarness; readonly a: TestNode; readonly b: TestNode }>;
}

/** For the tests of one `describe`: each harness is closed after its test. */
export function testNet(open: () => Promise<TransportHarness>): TestNet {
  let harness: TransportHarness | null = null;
  afterEach(async () => {
    await harness?.close();
    harness = null;
  });
  const opened = async (): Promise<TransportHarness> => (harness = await open());
  return {
    opened,
    async pair() {
      const net = await opened();
      const [a, b] = [await net.node("n1"), await net.node("n2")];
      await connect(net, a, b);
      return { net, a, b };
    },
  };
}

/** After this, whatever was under way between the two before has arrived, or never will. */
export async function roundTrip(net: TransportHarness, a: TestNode, b: TestNode): Promise<void> {
  const [before, after] = [b.heard.messages.length, a.heard.messages.length];
  // Sent anew each time: one that was sent on a connection about to be replaced may be lost.
  await net.until(() => {
    a.transport.send(b.key, timeoutNow(1_000_000));
    b.transport.send(a.key, timeoutNow(1_000_000));
    return b.heard.messages.length > before && a.heard.messages.length > after;
  }, "a message each way");
}
