// The network of a simulation: every message passes through a real frame and takes its time. Connections keep the order of what
// they carry. A direction that is blocked holds what is sent until it is open again, as TCP does; when that takes too long the
// connection breaks, and what was under way is lost.
import { decodeFrame, encodeFrame } from "../adapters/cbor/codec.ts";
import type { Frame } from "../adapters/cbor/frames.ts";
import { MemoryBulkLinks } from "./memory/bulk-links.ts";
import { type MemberKey, type NodeId, nodeIdOf } from "../core/configuration.ts";
import type { Message } from "../core/messages.ts";
import { GraftError } from "../errors.ts";
import type { NodeMessage, Reach } from "../ports/node-messages.ts";
import type { BulkLink, Discovery } from "../ports/transport.ts";
import type { Chance, Range } from "./chance.ts";
import { Lane } from "./lane.ts";
import type { Schedule } from "./schedule.ts";
import { accepts, dials, type Process } from "./process.ts";

export interface NetworkPace {
  readonly delayMs: Range;
  /** How much longer a part of a snapshot takes. */
  readonly bulkMs: Range;
  readonly redialMs: Range;
  /** How long a connection lives of which one side hears nothing. */
  readonly silenceMs: number;
  /** How often the end of a process is noticed by those who were connected with it. */
  readonly crashNotice: number;
  /** How often what is under way outlives its connection, also when its sender has ended. */
  readonly outlives: number;
}

interface Connection {
  readonly ends: readonly [Process, Process];
  readonly lanes: readonly [Direction, Direction];
  isOpen: boolean;
}

/** How many there were, and from where to where. */
interface Fullness {
  readonly way: string;
  readonly count: number;
}

/** One direction of a connection. */
interface Direction {
  readonly from: Process;
  readonly to: Process;
  readonly lane: Lane;
  /** Nothing of it arrives any more. */
  isOver: boolean;
}

/** What is longer may arrive in parts. Far less than on a real network, where the messages are longer. */
const packetBytes = 200;
const nothing: Fullness = { way: "nothing", count: 0 };
const pairOf = (a: NodeId, b: NodeId): string => (a < b ? `${a} ${b}` : `${b} ${a}`);

export class SimNetwork {
  readonly schedule: Schedule;
  readonly #chance: Chance;
  readonly #pace: NetworkPace;
  readonly trace: (line: string) => void;
  readonly processes = new Map<NodeId, Process>();
  readonly #connections = new Map<string, Connection>();
  /** The one before, of each pair. Some of it may still arrive, until there is another. */
  readonly #broken = new Map<string, Connection>();
  /** Directions, `from to`, of which nothing arrives. */
  readonly #blocked = new Set<string>();
  /** Directions, `from to`, whose messages take so much longer. */
  readonly #slow = new Map<string, number>();
  /** What waits for a direction to open, of nodes and of clients. */
  readonly #holding = new Set<Lane>();
  /** Told of each piece of a snapshot that a node sends. */
  chunkSent: (by: NodeId) => void = () => {};
  readonly #bulk: MemoryBulkLinks;
  #bulkClearMs = 0;
  #isBulkSlow: boolean;
  frames = 0;
  /** The most frames that were under way at once in one direction of a connection, and the most connections for bulk of one node to another. */
  readonly fullest: Record<"peer" | "client" | "bulk", Fullness> = { peer: nothing, client: nothing, bulk: nothing };

  constructor(schedule: Schedule, chance: Chance, pace: NetworkPace, trace: (line: string) => void) {
    this.schedule = schedule;
    this.#chance = chance;
    this.#pace = pace;
    this.trace = trace;
    this.#isBulkSlow = pace.bulkMs.high > 0;
    this.#bulk = new MemoryBulkLinks((delivery) => {
      const lagMs = this.#isBulkSlow ? chance.from(pace.bulkMs) : 0;
      this.#bulkClearMs = Math.max(this.#bulkClearMs, schedule.nowMs + this.delayMs() + lagMs);
      schedule.at(this.#bulkClearMs, delivery);
    });
  }

  delayMs(): number {
    return this.#chance.from(this.#pace.delayMs);
  }

  get silenceMs(): number {
    return this.#pace.silenceMs;
  }

  /** A direction of a connection: while `isCut` it holds what arrives. */
  laneOf(isCut: () => boolean, onHeld: () => void = () => {}): Lane {
    return new Lane({
      schedule: this.schedule,
      delayMs: () => this.delayMs(),
      isCut,
      onHeld: (lane) => {
        this.#holding.add(lane);
        onHeld();
      },
    });
  }

  /** There is one more of it. */
  noteCount(kind: keyof SimNetwork["fullest"], count: number, way: () => string): void {
    if (count > this.fullest[kind].count) this.fullest[kind] = { way: way(), count };
  }

  /** What is held goes on, as far as its direction is open. */
  releaseHeld(): void {
    const holding = [...this.#holding];
    this.#holding.clear();
    for (const lane of holding) lane.release();
  }

  /** Draws whether what is under way outlives its connection. */
  outlives(): boolean {
    return this.#chance.happens(this.#pace.outlives);
  }

  isBlocked(from: NodeId, to: NodeId): boolean {
    return this.#blocked.has(`${from} ${to}`);
  }

  isCut(a: NodeId, b: NodeId): boolean {
    return this.isBlocked(a, b) || this.isBlocked(b, a);
  }

  join(process: Process): void {
    this.processes.set(process.self.id, process);
    for (const id of this.processes.keys()) this.connectSoon(process.self.id, id);
  }

  /** @param isCrash whoever was connected may notice that the process has ended */
  leave(process: Process, isCrash: boolean): void {
    if (this.processes.get(process.self.id) === process) this.processes.delete(process.self.id);
    process.handler = null;
    this.#bulk.break(`${process.self.id} has ended`, process.self.id);
    for (const connection of this.#connections.values()) {
      if (!connection.ends.includes(process)) continue;
      const other = connection.ends[0] === process ? connection.ends[1] : connection.ends[0];
      this.#break(connection, "the other side has ended");
      if (!isCrash || this.isCut(process.self.id, other.self.id)) continue;
      if (!this.#chance.happens(this.#pace.crashNotice)) continue;
      // Behind what was told of the connection itself, and never behind the next one.
      const { clearMs } = laneTo(connection, other).lane;
      this.schedule.at(Math.max(clearMs, this.schedule.nowMs) + 2 * this.#pace.delayMs.high, () => {
        if (this.#broken.get(pairOf(process.self.id, other.self.id)) !== connection) return;
        other.life.run(() => other.handler?.onPeerCrashed(process.self));
      });
    }
  }

  block(from: NodeId, to: NodeId): void {
    const direction = `${from} ${to}`;
    if (this.#blocked.has(direction)) return;
    this.#blocked.add(direction);
    this.#bulk.break("the network is cut", from, to);
    const connection = this.#connections.get(pairOf(from, to));
    if (connection === undefined) return;
    this.schedule.after(this.#pace.silenceMs, () => {
      if (connection.isOpen && this.#blocked.has(direction)) this.#break(connection, "silence");
    });
  }

  slow(from: NodeId, to: NodeId, lagMs: number): void {
    this.#slow.set(`${from} ${to}`, lagMs);
  }

  /** No direction is slow any more. */
  hurry(): void {
    this.#slow.clear();
  }

  /** Snapshots are as quick as anything else. */
  hurryBulk(): void {
    this.#isBulkSlow = false;
  }

  heal(): void {
    this.#blocked.clear();
    this.releaseHeld();
    for (const a of this.processes.keys()) for (const b of this.processes.keys()) this.connectSoon(a, b);
  }

  /** Breaks the connection of two nodes. They connect again. */
  reset(a: NodeId, b: NodeId): void {
    const connection = this.#connections.get(pairOf(a, b));
    if (connection !== undefined) this.#break(connection, "reset");
  }

  /** A process that was asleep dials whom it has lost. */
  dialAgain(id: NodeId): void {
    for (const other of this.processes.keys()) this.connectSoon(id, other);
  }

  connectSoon(a: NodeId, b: NodeId): void {
    if (a === b) return;
    this.schedule.after(this.#chance.from(this.#pace.redialMs), () => this.#connect(a, b));
  }

  #connect(a: NodeId, b: NodeId): void {
    const [one, other] = [this.processes.get(a), this.processes.get(b)];
    if (one === undefined || other === undefined || this.#connections.has(pairOf(a, b)) || this.isCut(a, b)) return;
    // It dials when it wakes up.
    if (one.life.isAsleep || other.life.isAsleep) return;
    if (!accepts(one, other)) return this.schedule.after(this.#pace.silenceMs, () => this.#connect(a, b));
    if (!dials(one, other) && !dials(other, one)) return;
    for (const lane of this.#broken.get(pairOf(a, b))?.lanes ?? []) lane.isOver = true;
    this.#broken.delete(pairOf(a, b));
    const laneOf = (from: Process, to: Process): Direction => {
      const lane = this.laneOf(() => this.isBlocked(from.self.id, to.self.id));
      return { from, to, lane, isOver: false };
    };
    const connection: Connection = {
      ends: [one, other],
      lanes: [laneOf(one, other), laneOf(other, one)],
      isOpen: true,
    };
    this.#connections.set(pairOf(a, b), connection);
    one.life.run(() => one.handler?.onPeerConnected(other.self, other.affiliation));
    other.life.run(() => other.handler?.onPeerConnected(one.self, one.affiliation));
  }

  #break(connection: Connection, reason: string): void {
    if (!connection.isOpen) return;
    connection.isOpen = false;
    const [a, b] = connection.ends;
    const pair = pairOf(a.self.id, b.self.id);
    this.#connections.delete(pair);
    this.#broken.set(pair, connection);
    this.trace(`the connection of ${a.self.id} and ${b.self.id} breaks: ${reason}`);
    for (const direction of connection.lanes) {
      const { from, to, lane } = direction;
      direction.isOver = !this.outlives();
      if (direction.isOver) lane.clearMs = this.schedule.nowMs;
      // The end of a connection does not overtake what was sent on it.
      lane.clearMs = Math.max(lane.clearMs, this.schedule.nowMs + this.delayMs());
      this.schedule.at(lane.clearMs, () => {
        direction.isOver = true;
        if (this.#broken.get(pair) !== connection) return;
        to.life.run(() => to.handler?.onPeerDisconnected(from.self, reason));
      });
    }
    // Both have been told by then.
    this.schedule.after(2 * this.#pace.delayMs.high, () => this.connectSoon(a.self.id, b.self.id));
  }

  send(from: Process, to: MemberKey, message: Message | NodeMessage): void {
    const connection = this.#connections.get(pairOf(from.self.id, nodeIdOf(to)));
    const direction = connection?.lanes.find((each) => each.from === from);
    if (connection === undefined || direction === undefined || direction.to.key !== to) return;
    const bytes = bodyOf(message);
    const lagMs = this.#slow.get(`${from.self.id} ${direction.to.self.id}`) ?? 0;
    const delayMs = this.delayMs();
    const beginsMs = this.schedule.nowMs + delayMs;
    // A part comes behind what was sent before.
    const hasParts = beginsMs >= direction.lane.clearMs && lagMs > 0 && bytes.length > packetBytes;
    if (hasParts) this.schedule.at(beginsMs, () => this.#deliverPart(direction));
    direction.lane.carry(() => this.#deliver(direction, bytes), delayMs + lagMs);
    this.noteCount("peer", direction.lane.count, () => `${from.self.id} to ${direction.to.self.id}`);
  }

  /** Of a long message on a slow way: its first bytes have come. */
  #deliverPart({ from, to, lane, isOver }: Direction): void {
    if (isOver || lane.held > 0 || this.isBlocked(from.self.id, to.self.id)) return;
    to.life.run(() => to.handler?.onPartReceived(from.key));
  }

  #deliver({ from, to, isOver }: Direction, bytes: Uint8Array): void {
    if (isOver) return;
    this.frames++;
    const message = decodeFrame(bytes, "peer") as Message | NodeMessage;
    to.life.run(() => {
      to.heard(from.key, message);
      to.handler?.onMessage(from.key, message);
    });
  }

  dismiss(by: Process, peer: MemberKey, reason: string): void {
    const connection = this.#connections.get(pairOf(by.self.id, nodeIdOf(peer)));
    if (connection?.ends.some(({ key }) => key === peer) !== true) return;
    this.#break(connection, reason);
    laneTo(connection, by).isOver = true;
  }

  /** Frames that wait for a direction to open. */
  get heldCount(): number {
    return [...this.#connections.values()].reduce((sum, { lanes: [one, other] }) => {
      return sum + one.lane.held + other.lane.held;
    }, 0);
  }

  /** Connections for bulk that are open. */
  get bulkCount(): number {
    return this.#bulk.size;
  }

  isConnected(a: NodeId, b: NodeId): boolean {
    return this.#connections.has(pairOf(a, b));
  }

  reach(from: Process, id: NodeId, address: string): Promise<Reach> {
    return this.#answerOf(from, () => {
      const target = this.processes.get(id);
      const isThere = target?.address === address && accepts(from, target);
      if (!isThere || this.isCut(from.self.id, id)) {
        return { kind: "unreachable", reason: "no answer" };
      }
      return { kind: "reached", incarnation: target.self.incarnation, by: "dialled" };
    });
  }

  discover(from: Process, address: string): Promise<Discovery> {
    return this.#answerOf(from, () => {
      const target = [...this.processes.values()].find((process) => process.address === address);
      if (target === undefined || !accepts(from, target) || this.isCut(from.self.id, target.self.id))
        return { kind: "failed", reason: "no answer" };
      return { kind: "there", identity: target.self };
    });
  }

  openBulk(from: Process, to: MemberKey): Promise<BulkLink> {
    return this.#answerOf(from, () => {
      const id = nodeIdOf(to);
      const target = this.processes.get(id);
      const isThere = target?.key === to && target.handler !== null && !target.life.isAsleep && accepts(from, target);
      if (!isThere || this.isCut(from.self.id, id)) throw new GraftError("unavailable", `${id} cannot be reached`);
      this.noteCount("bulk", this.#bulk.count(from.self.id, id) + 1, () => `${from.self.id} to ${id}`);
      const [opener, opened] = this.#bulk.open(from.self.id, id);
      const send = opened.send.bind(opened);
      opened.send = (message) => {
        if (message.kind === "snapshotChunk") this.chunkSent(id);
        send(message);
      };
      target.handler!.onBulk(from.self, opened);
      return opener;
    });
  }

  #answerOf<Result>(asker: Process, answer: () => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      asker.life.after(this.delayMs() + this.delayMs(), () => {
        try {
          resolve(answer());
        } catch (error) {
          reject(error);
        }
      });
    });
  }
}

const laneTo = ({ lanes }: Connection, end: Process): Direction => lanes.find(({ to }) => to === end)!;

/** A frame without its length: what a receiver is handed. */
export const bodyOf = (frame: Frame): Uint8Array => encodeFrame(frame).subarray(4);
