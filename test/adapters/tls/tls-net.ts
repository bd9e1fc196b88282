// What the tests of TLS stand on: certificates made once, nodes on free ports of loopback, and raw sockets that can
// misbehave in ways the adapter's own code cannot.
import { createCa, type Credentials, issueClient, issueNode } from "../../../src/adapters/certs/authority.ts";
import { encodeFrame, decodeFrame, type FrameContext } from "../../../src/adapters/cbor/codec.ts";
import type { Frame, Hello, HelloSender } from "../../../src/adapters/cbor/frames.ts";
import { openFilesMax } from "../../../src/adapters/system/open-files.ts";
import { type ClientLink, dialNode, type DialOptions } from "../../../src/adapters/tls/dial.ts";
import { FrameSplitter } from "../../../src/adapters/tls/frame-splitter.ts";
import type { TransportLimits } from "../../../src/adapters/tls/limits.ts";
import type { TlsMaterial } from "../../../src/adapters/tls/tls-words.ts";
import { createTlsTransport, type TlsTransport } from "../../../src/adapters/tls/transport.ts";
import { toMemberKey } from "../../../src/core/configuration.ts";
import type { Clock } from "../../../src/ports/clock.ts";
import type { LogFields, LogLevel } from "../../../src/ports/logger.ts";
import type { ClientReply } from "../../../src/ports/requests.ts";
import {
  incarnation,
  type NodeChoice,
  Recorder,
  type TestNode,
  type TransportHarness,
} from "../../contracts/transport-harness.ts";

export const cluster = "demo";
const ca = await createCa({ cluster });
/** Another authority that claims to be the same cluster's. */
const strangersCa = await createCa({ cluster });
const issued = new Map<string, Promise<Credentials>>();

const materialOf = async (key: string, issue: () => Promise<Credentials>): Promise<TlsMaterial> => {
  const known = issued.get(key) ?? issue();
  issued.set(key, known);
  return { ca: ca.cert, ...(await known) };
};
export const nodeTls = (id: string): Promise<TlsMaterial> =>
  materialOf(`node ${id}`, () => issueNode(ca, { cluster, id, hosts: [] }));
export const clientTls = (name: string): Promise<TlsMaterial> =>
  materialOf(`client ${name}`, () => issueClient(ca, { cluster, name }));
/** A certificate of the other authority, together with the CA that the others trust. */
export const strangerTls = (name: string): Promise<TlsMaterial> =>
  materialOf(`stranger ${name}`, () => issueClient(strangersCa, { cluster, name }));
export const strangerNodeTls = (id: string): Promise<TlsMaterial> =>
  materialOf(`stranger node ${id}`, () => issueNode(strangersCa, { cluster, id, hosts: [] }));
export const expiredNodeTls = (id: string): Promise<TlsMaterial> =>
  materialOf(`expired ${id}`, () =>
    issueNode(ca, { cluster, id, hosts: [], days: 1, now: new Date(Date.now() - 9 * 86_400_000) }),
  );
export const strangersCaCert = strangersCa.cert;

const clock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  at(atMs, callback) {
    const timer = setTimeout(callback, Math.max(0, atMs - performance.now()));
    return { cancel: () => clearTimeout(timer) };
  },
  soon: (callback) => void setImmediate(callback),
  randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
};

export interface TlsNodeChoice extends NodeChoice {
  readonly tls?: TlsMaterial;
  readonly limits?: Partial<TransportLimits>;
  readonly cluster?: string;
  readonly machine?: string;
}

export interface TlsTestNode extends TestNode {
  readonly transport: TlsTransport;
  readonly lines: {
    readonly level: LogLevel;
    readonly message: string;
    readonly fields: LogFields;
    readonly cause?: string | undefined;
  }[];
}

/** What the node says of where others reach it: it listens at a port that is not known before. */
const announcedBy = (id: string): string => `${id}.test:7400`;

/** Looks at the condition after every turn of the loop; the deadline is there for what never comes. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`it did not happen: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

export class TlsNet implements TransportHarness {
  readonly until = until;
  readonly #nodes: TlsTestNode[] = [];
  readonly #clients: ClientLink[] = [];
  readonly #raw: RawSocket[] = [];

  async node(id: string, choice: TlsNodeChoice = {}): Promise<TlsTestNode> {
    const heard = new Recorder();
    const lines: TlsTestNode["lines"] = [];
    const transport = createTlsTransport({
      self: { id, incarnation, bootId: choice.bootId ?? "boot", address: announcedBy(id) },
      cluster: choice.cluster ?? cluster,
      listen: choice.address ?? "127.0.0.1:0",
      tls: choice.tls ?? (await nodeTls(id)),
      admins: ["admin"],
      software: "1.2.3",
      machine: choice.machine ?? "counter",
      openFilesMax: openFilesMax(),
      clock,
      logger: {
        log: (level, message, fields = {}, cause) => void lines.push({ level, message, fields, cause }),
        enabled: () => true,
      },
      ...(choice.limits === undefined ? {} : { limits: choice.limits }),
    });
    transport.setAffiliation(choice.affiliation ?? "joining");
    await transport.start(heard);
    const [host] = (choice.address ?? "127.0.0.1:0").split(":");
    const node = { transport, address: `${host}:${transport.port}`, heard, key: toMemberKey(id, incarnation), lines };
    this.#nodes.push(node);
    return node;
  }

  /** The others look for it where nobody listens: to them that is as good as a router that lets nothing in. */
  shut(node: TestNode): void {
    for (const { transport } of this.#nodes) {
      const peers = transport.peers().map(({ id, address }) => ({
        id,
        address: address === node.address ? "127.0.0.1:1" : address,
      }));
      transport.setPeers(peers);
    }
  }

  hasSeen(node: TestNode, other: TestNode): boolean {
    const lines = this.#nodes.find(({ transport }) => transport === node.transport)?.lines ?? [];
    return lines.some(({ message, fields }) => message === "peer reached" && fields["address"] === other.address);
  }

  async client(of: TestNode, name: string): Promise<ClientLink & { replies: ClientReply[]; ends: string[] }> {
    const replies: ClientReply[] = [];
    const ends: string[] = [];
    const handler = {
      onReply: (reply: ClientReply) => void replies.push(reply),
      onClose: (end: string) => void ends.push(end),
    };
    const link = await this.dial(of, { name, tls: await clientTls(name), handler });
    return Object.assign(link, { replies, ends });
  }

  async dial(of: TestNode, options: Partial<DialOptions>): Promise<ClientLink> {
    const tls = options.tls ?? (await clientTls("alice"));
    const handler = { onReply() {}, onClose() {} };
    const rest = { address: of.address, cluster, meant: null, name: "alice", software: "1.2.3", handler };
    const link = await dialNode({ ...rest, ...options, tls });
    this.#clients.push(link);
    return link;
  }

  /** A socket on which the test says what it likes. Without `tls`, in plain text. */
  async raw(of: TestNode, tls: object | null): Promise<RawSocket> {
    const raw = await RawSocket.open(of.address, tls);
    this.#raw.push(raw);
    return raw;
  }

  /** Of a client whose hello is answered. */
  async rawClient(of: TestNode, name: string): Promise<RawSocket> {
    const raw = await this.raw(of, await clientTls(name));
    await until(() => raw.isSecure, "TLS stands");
    raw.send(hello(clientSender(name)));
    await until(() => raw.frames("reply").length === 1, "the hello is answered");
    return raw;
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.close();
    for (const raw of this.#raw) raw.socket?.terminate();
    await Promise.all(this.#nodes.map((node) => node.transport.stop(2_000)));
  }
}

/** What connects without being told to: TLS as the test wants it, then bytes. */
export class RawSocket {
  socket: Bun.Socket<unknown> | null = null;
  #chunks: Buffer[] = [];
  isClosed = false;
  isSecure = false;
  failure = "";

  static async open(address: string, tls: object | null): Promise<RawSocket> {
    const raw = new RawSocket();
    const [hostname = "", port] = address.split(":");
    const socket: Bun.SocketHandler<unknown> = {
      handshake: (_, ok, error) => {
        raw.isSecure = ok;
        raw.failure = error?.message ?? raw.failure;
      },
      data: (_, chunk) => {
        raw.#chunks.push(Buffer.from(chunk));
      },
      error: (_, error) => {
        raw.failure = error.message;
      },
      close: () => {
        raw.isClosed = true;
      },
    };
    const secure = tls === null ? {} : { tls: { rejectUnauthorized: false, ...tls } };
    raw.socket = await Bun.connect({ hostname, port: Number(port), socket, ...secure });
    return raw;
  }

  /** Joined only when it is looked at: joining at each chunk copies everything again, which takes seconds for megabytes. */
  get received(): Buffer {
    const joined = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    return joined;
  }

  send(bytes: Uint8Array | Frame): void {
    this.socket?.write(bytes instanceof Uint8Array ? bytes : encodeFrame(bytes));
  }

  /** The frames that have come, the first of them in the context `hello`. */
  frames(context: FrameContext): Frame[] {
    const frames: Frame[] = [];
    new FrameSplitter(1 << 24).push(this.received, (body) => {
      if (body.length > 0) frames.push(decodeFrame(body, frames.length === 0 ? "hello" : context));
      return true;
    });
    return frames;
  }
}

export const hello = (sender: HelloSender, changes: Partial<Hello> = {}): Hello => ({
  kind: "hello",
  versionMin: 2,
  versionMax: 2,
  features: [],
  cluster,
  sender,
  meant: null,
  software: "9.9.9",
  ...changes,
});

export const nodeSender = (id: string, bootId = "boot"): HelloSender => ({
  role: "node",
  id,
  incarnation,
  bootId,
  address: announcedBy(id),
  genesis: null,
  purpose: { kind: "peer" },
});
export const clientSender = (name: string): HelloSender => ({ role: "client", name });

/** An address that takes each connection and breaks it at once. */
export function breakingPlace() {
  const seen = { attempts: 0 };
  const open = (socket: Bun.Socket): void => {
    seen.attempts++;
    socket.terminate();
  };
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { open, data() {} } });
  return { seen, address: `127.0.0.1:${listener.port}`, [Symbol.dispose]: () => listener.stop(true) };
}

/** n2 as n1 meets it: greets, and says nothing more. `opened` is called for each connection. */
export async function greetingPeer(opened: (socket: Bun.Socket) => void) {
  const sockets = new Set<Bun.Socket>();
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    tls: { ...(await nodeTls("n2")), requestCert: true },
    socket: {
      open(socket) {
        sockets.add(socket);
        opened(socket);
      },
      data: (socket) => void socket.write(encodeFrame(hello(nodeSender("n2"), { meant: "n1" }))),
      close: (socket) => void sockets.delete(socket),
    },
  });
  return {
    address: `127.0.0.1:${listener.port}`,
    breakAll(): void {
      for (const socket of sockets) socket.terminate();
    },
    [Symbol.dispose]: () => listener.stop(true),
  };
}
