// How the clients of a simulation reach its nodes: the client's own seam, `Dial`, over the simulated network. Requests and answers
// pass through real frames. A direction that is cut holds them. When that takes too long, the side that sends gives the connection up.
// The other side may not hear of it: then the connection is half-open.
import { BadFrame, decodeFrame } from "../adapters/cbor/codec.ts";
import type { NodeId } from "../core/configuration.ts";
import type { Dial, Link, LinkHandlers } from "../client/connection.ts";
import { GraftError } from "../errors.ts";
import { genesisIn } from "../core/genesis.ts";
import type { LogIndex } from "../core/log-position.ts";
import type { ClientReply, ClientRequest } from "../ports/requests.ts";
import type { ClientConnection } from "../ports/transport.ts";
import type { Chance } from "./chance.ts";
import type { ClientCuts } from "./client-cuts.ts";
import type { Lane } from "./lane.ts";
import type { Life } from "./life.ts";
import { bodyOf, type SimNetwork } from "./network.ts";
import { isValid, type Process } from "./process.ts";
import type { SessionCount } from "./session-count.ts";

/** By how much an answer may come later than the request's time is up, ms. */
const lateMaxMs = 500;
/** How often what is under way comes late, of connections that it outlives. */
const lateOften = 0.5;
/** A dial that finds nobody gives up after so long. */
const dialTimeoutMs = 1000;

export interface ClientLinkWorld {
  readonly chance: Chance;
  readonly sessionCount: SessionCount;
  /** A client sends a command over a connection of which its node knows nothing any more. */
  readonly sentInVain: () => void;
  /** A node gives a client a result. */
  readonly gaveResult: (by: NodeId) => void;
  /** How much longer a command takes at the most whose connection has broken. */
  readonly repeatMaxMs: number;
  /** Told of a request that was taken and not answered once and in time, and of frames that are wrong. */
  readonly violated: (what: string) => void;
}

export class ClientLinks {
  readonly #network: SimNetwork;
  readonly #cuts: ClientCuts;
  readonly #open = new Set<SimLink>();
  /** Their nodes have forgotten them, and their clients do not know. */
  readonly #halfOpen = new Set<SimLink>();
  readonly #world: ClientLinkWorld;
  /** How often a client heard that its session had ended, and that there was no room for another. */
  readonly sessions = { ended: 0, refused: 0 };

  constructor(network: SimNetwork, cuts: ClientCuts, world: ClientLinkWorld) {
    this.#network = network;
    this.#cuts = cuts;
    this.#world = world;
  }

  /** For the client `name`, which lives as long as `life`. */
  dialOf(name: string, life: Life): Dial {
    return (address, handlers) => this.#dial(address, handlers, name, life);
  }

  /** The connections of a process with its clients end. `isGraceful`: it has told them, and what it has answered still arrives. */
  lose(process: Process, isGraceful: boolean): void {
    for (const link of this.#open) if (link.node === process) link.lost(isGraceful ? "stopping" : "lost");
  }

  /** All faults are over: clients hear what they have not heard. */
  end(): void {
    this.#cuts.end();
    for (const link of this.#halfOpen) link.tellLoss();
  }

  #dial(address: string, handlers: LinkHandlers, name: string, life: Life): Promise<Link> {
    return new Promise((resolve, reject) => {
      life.after(this.#network.delayMs() + this.#network.delayMs(), () => {
        const node = [...this.#network.processes.values()].find((process) => process.address === address);
        if (node === undefined) return reject(new GraftError("unavailable", "connection refused"));
        const open = (): void => {
          if (!isValid(node, life)) return reject(new GraftError("unavailable", "the certificate has expired"));
          if (node.handler === null) return reject(new GraftError("unavailable", "the connection was closed"));
          const shared = {
            network: this.#network,
            cuts: this.#cuts,
            open: this.#open,
            halfOpen: this.#halfOpen,
            sessions: this.sessions,
          };
          resolve(new SimLink({ ...this.#world, ...shared, node, name, life, handlers }));
        };
        const answers = (): boolean =>
          !node.life.isAsleep && ways.every((way) => !this.#cuts.isHeld(name, node.self.id, way));
        if (answers()) return open();
        life.after(dialTimeoutMs, () => (answers() ? open() : reject(new GraftError("unavailable", "no answer"))));
      });
    });
  }
}

const ways = ["toNode", "toClient"] as const;

interface SimLinkOptions extends ClientLinkWorld {
  readonly network: SimNetwork;
  readonly cuts: ClientCuts;
  readonly node: Process;
  readonly name: string;
  readonly life: Life;
  readonly handlers: LinkHandlers;
  readonly open: Set<SimLink>;
  readonly halfOpen: Set<SimLink>;
  readonly sessions: ClientLinks["sessions"];
}

class SimLink implements Link {
  readonly clusterUuid: string | null;
  readonly node: Process;
  readonly #options: SimLinkOptions;
  readonly #connection: ClientConnection & { isOpen: boolean };
  readonly #toNode: Lane;
  readonly #toClient: Lane;
  /** The client knows that it is over, or has ended it. */
  #isOver = false;
  /** Nobody tells the client that its node has forgotten it, also not when it sends something. */
  #isSilent = false;
  /** What is under way on it is lost. After a goodbye the answers that have left still arrive. */
  #hasBroken = false;
  /** Requests that are under way still arrive. */
  #outlives = false;
  /** So much later, if they are commands: the machine that sent them repeats what is lost, though nobody waits for an answer. */
  #repeatMs = 0;
  /** Requests that the node has been handed and not answered, and how far the log was applied then. */
  readonly #taken = new Map<number, LogIndex>();

  constructor(options: SimLinkOptions) {
    this.#options = options;
    this.node = options.node;
    this.clusterUuid = genesisIn(options.node.affiliation)?.clusterUuid ?? null;
    const reply = (answer: ClientReply): void => this.#reply(answer);
    this.#connection = {
      name: options.name,
      isAdmin: true,
      isOpen: true,
      hasCredit: true,
      whenCredit: () => {},
      reply,
    };
    const { network, cuts, name, node } = options;
    this.#toNode = network.laneOf(
      () => cuts.isHeld(name, node.self.id, "toNode"),
      () => this.#later(() => this.#toNode.held > 0 && this.#giveUp()),
    );
    this.#toClient = network.laneOf(
      () => cuts.isHeld(name, node.self.id, "toClient"),
      () => this.#later(() => this.#toClient.held > 0 && this.lost("lost")),
    );
    options.open.add(this);
  }

  send(request: ClientRequest): void {
    if (this.#options.halfOpen.has(this)) {
      if (request.kind === "command") this.#options.sentInVain();
      return this.#toNode.carry(() => this.#refuse());
    }
    if (this.#isOver || !this.#connection.isOpen) return;
    const { schedule } = this.#options.network;
    const bytes = bodyOf(request);
    this.#toNode.carry(() => {
      if (!this.#connection.isOpen && !this.#outlives) return;
      const isLate = !this.#connection.isOpen && this.#repeatMs > 0 && request.kind === "command";
      if (isLate) schedule.after(this.#repeatMs, () => this.#arrive(bytes));
      else this.#arrive(bytes);
    });
    const { network, name } = this.#options;
    network.noteCount("client", this.#toNode.count, () => `${name} to ${this.node.self.id}`);
  }

  #arrive(bytes: Uint8Array): void {
    const { network, node } = this.#options;
    network.frames++;
    const received = this.#received(() => decodeFrame(bytes, "request") as ClientRequest);
    if (received === null) return;
    node.life.run(() => {
      if (node.handler === null) return;
      this.#taken.set(received.id, this.#options.sessionCount.through);
      this.#expectAnswer(received);
      node.handler.onRequest(received, this.#connection);
    });
  }

  /** The machine of a node that has forgotten it says so, if it is there. */
  #refuse(): void {
    const { network, node, halfOpen } = this.#options;
    if (halfOpen.has(this) && !this.#isSilent && network.processes.has(node.self.id)) this.tellLoss();
  }

  #later(action: () => void): void {
    const { network } = this.#options;
    network.schedule.after(network.silenceMs, action);
  }

  /** Nothing that the client has sent is confirmed. Some of it may still arrive, and the end of the connection behind it. */
  #giveUp(): void {
    if (this.#isOver) return;
    const { network, name, node } = this.#options;
    this.#outlives = network.outlives();
    network.trace(`${name} gives up its connection with ${node.self.id}: nothing was confirmed`);
    this.#hear("lost", "nothing was confirmed");
    if (this.#outlives) this.#toNode.carry(() => this.#end());
    else this.#end();
  }

  /** Each request that was taken is answered in its time, by a node that is awake. */
  #expectAnswer(request: ClientRequest): void {
    if (!("timeoutMs" in request)) return;
    const { node, violated } = this.#options;
    // By the node's clock, which stands still for nobody: one that slept has as long again.
    node.life.at(node.life.nowMs() + request.timeoutMs + lateMaxMs, () => {
      if (!this.#taken.has(request.id) || !this.#connection.isOpen) return;
      node.life.after(lateMaxMs, () => {
        if (this.#taken.has(request.id) && this.#connection.isOpen) {
          violated(`${node.self.id} has not answered "${request.kind}" of ${this.#options.name} in its time`);
        }
      });
    });
  }

  close(): void {
    this.#isOver = true;
    this.#options.halfOpen.delete(this);
    this.#hasBroken = true;
    this.#drawEnd();
    this.#end();
  }

  /** As when the process at the other end has ended. */
  lost(kind: "stopping" | "lost"): void {
    if (!this.#end()) return;
    this.#hasBroken = kind === "lost";
    const { network, cuts, halfOpen, name, node } = this.#options;
    this.#drawEnd();
    // Behind the answers that have left already, and held with them.
    if (kind === "stopping") return this.#toClient.carry(() => this.#hear(kind, "the node has ended"), 0);
    const isCut = cuts.isHeld(name, node.self.id, "toClient");
    const isUnheard = cuts.isUnheard();
    if (!isCut && !isUnheard) return this.tellLoss();
    if (this.#isOver) return;
    halfOpen.add(this);
    this.#isSilent = isUnheard;
    network.trace(`${node.self.id} has forgotten its connection with ${name}, which has not heard of it`);
  }

  /** Its client hears that it is over. */
  tellLoss(): void {
    const { network, halfOpen } = this.#options;
    halfOpen.delete(this);
    network.schedule.after(network.delayMs(), () => this.#hear("lost", "the node has ended"));
  }

  #hear(kind: "stopping" | "lost", reason: string): void {
    if (this.#isOver) return;
    const { life, handlers, halfOpen } = this.#options;
    this.#isOver = true;
    halfOpen.delete(this);
    life.run(() => handlers.onClosed({ kind, reason }));
  }

  #reply(answer: ClientReply): void {
    if (!this.#connection.isOpen) return;
    const { network, life, handlers, name, node, sessions, sessionCount, gaveResult, violated } = this.#options;
    if (answer.kind === "result") gaveResult(node.self.id);
    if (answer.kind === "error" && answer.code === "session-expired") sessions.ended++;
    const takenAt = this.#taken.get(answer.id);
    if (takenAt === undefined) violated(`${node.self.id} answers request ${answer.id} a second time`);
    this.#taken.delete(answer.id);
    if (answer.kind === "error" && answer.message.startsWith("no session was opened")) {
      sessions.refused++;
      sessionCount.onRefused(name, takenAt ?? 0);
    }
    const bytes = bodyOf(answer);
    this.#toClient.carry(() => {
      if (this.#hasBroken || this.#isOver) return;
      network.frames++;
      const received = this.#received(() => decodeFrame(bytes, "reply") as ClientReply);
      if (received !== null) life.run(() => handlers.onReply(received));
    });
    network.noteCount("client", this.#toClient.count, () => `${node.self.id} to ${name}`);
  }

  /** Null: nobody may send such a frame. */
  #received<Frame>(decode: () => Frame): Frame | null {
    try {
      return decode();
    } catch (error) {
      if (!(error instanceof BadFrame)) throw error;
      const { node, name, violated } = this.#options;
      violated(`${node.self.id} and ${name} exchange a frame that is wrong: ${error.message}`);
      return null;
    }
  }

  #drawEnd(): void {
    const { network, chance, repeatMaxMs } = this.#options;
    this.#outlives = network.outlives();
    this.#repeatMs = chance.happens(lateOften) ? chance.between(0, repeatMaxMs) : 0;
  }

  #end(): boolean {
    if (!this.#connection.isOpen) return false;
    this.#connection.isOpen = false;
    this.#options.open.delete(this);
    return true;
  }
}
