// Whole nodes in one process for tests: the real node over the network, the log store and the clock in memory. Nothing
// happens by itself: `settle` lets everything happen that needs no time, `advance` moves time, also in small steps.
import { createMemoryLogStore, type MemoryLogStore } from "../../src/sim/memory/log-store.ts";
import { ManualClock } from "../doubles/manual-clock.ts";
import type { MemoryDisk } from "../../src/sim/memory/memory-disk.ts";
import { createMemorySnapshotStore, type MemorySnapshotFiles } from "../../src/sim/memory/snapshot-store.ts";
import { MemoryNetwork } from "../doubles/memory-network.ts";
import type { VersionAtHand } from "../../src/core/activation.ts";
import { checkState } from "../../src/core/invariants.ts";
import { defaultSettings, type Settings } from "../../src/core/settings.ts";
import type { NodeEnd } from "../../src/node/node-end.ts";
import type { SnapshotPolicy } from "../../src/node/snapshot-taker.ts";
import { Node } from "../../src/node/node.ts";
import type { Room } from "../../src/ports/disk-space.ts";
import type { Logger } from "../../src/ports/logger.ts";
import type { HeldState } from "../../src/ports/state-machine.ts";
import { Client, type ClientIdentity } from "./client.ts";
import { RecordingMachine } from "./recording-machine.ts";
import { type HeldWrites, tracedStore, tracedTransport } from "./traced-ports.ts";

/** Counts what it has called back, so that it is known when nothing is left to do. */
class CountingClock extends ManualClock {
  calledBack = 0;

  override soon(callback: () => void): void {
    super.soon(() => {
      this.calledBack++;
      callback();
    });
  }
}

export interface MemberOptions {
  readonly disk?: MemoryDisk;
  /** The snapshot store's. */
  readonly files?: MemorySnapshotFiles;
  /** Of the configuration file; default: all nodes of the cluster. */
  readonly bootstrap?: readonly string[] | null;
  readonly incarnation?: string;
  /** Where it is reached, if not where it was before. */
  readonly address?: string;
  /** Ids of nodes at whose addresses it looks for the cluster. */
  readonly join?: readonly string[];
  /** Of its state machine; default: none. */
  readonly versions?: readonly VersionAtHand[];
  /** Its state machine keeps its state on disk. This is there; null: nothing. Default: it keeps none. */
  readonly held?: { readonly state: HeldState; readonly applied: readonly string[] } | null;
  /** All of these nodes are reached at addresses of this domain; default: `test`. */
  readonly domain?: string;
}

/** One node with its parts at hand. */
export interface Member {
  readonly id: string;
  readonly node: Node;
  readonly store: MemoryLogStore;
  readonly machine: RecordingMachine;
  /** What reached the ports, in order: `send appendEntries n2`, `flush`, `write appendLog`, `transport.stop`, … */
  readonly trace: string[];
  readonly logs: string[];
  /** On its disk, bytes; an error: the disk does not say. */
  room: Room | Error;
  /** These writes wait for `store.flushAll()`. Any other is durable before `write` returns. */
  holdsDisk: HeldWrites;
  /** The transport's `start` waits for it. */
  startsAfter: Promise<void> | null;
  /** Makes the transport's `stop` reject. */
  stopFailure: Error | null;
  /** Set once the node has ended. */
  end: NodeEnd | null;
  /** What the node has failed with at once: its process would be gone. */
  fatal: unknown;
}

function roomOf({ room }: Member): Room {
  if (room instanceof Error) throw room;
  return room;
}

export class Cluster {
  readonly clock = new CountingClock();
  readonly network = new MemoryNetwork();
  /** For nodes made from now on. */
  compareEveryEntries = 1_024;
  snapshotPolicy: SnapshotPolicy = { everyEntries: 1_000_000, everyBytes: 1e9 };
  /** By id, for nodes made from now on. */
  readonly certificateEnds = new Map<string, { readonly atMs: number; readonly date: string }>();
  /** For nodes made from now on. */
  scrubIntervalMs = 0;
  readonly members = new Map<string, Member>();
  readonly #ids: readonly string[];
  readonly #settings: Settings;
  #boots = 0;

  constructor(ids: readonly string[], settings: Partial<Settings> = {}) {
    this.#ids = ids;
    this.#settings = { ...defaultSettings, ...settings };
  }

  /** A running cluster with a leader that has committed the first entry of its term. */
  static async founded(ids: readonly string[], options: MemberOptions = {}): Promise<Cluster> {
    const cluster = new Cluster(ids);
    for (const id of ids) await cluster.start(id, options);
    await cluster.settle();
    await cluster.electLeader();
    return cluster;
  }

  member(id: string): Member {
    return this.members.get(id)!;
  }

  /** The node that leads the highest term. */
  get leader(): Member {
    const leader = this.#findLeader();
    if (leader === null) throw new Error("nobody leads");
    return leader;
  }

  #findLeader(): Member | null {
    const leading = [...this.members.values()]
      .filter(({ node, end }) => end === null && node.state.role.kind === "leader")
      .sort((a, b) => b.node.state.currentTerm - a.node.state.currentTerm);
    return leading[0] ?? null;
  }

  get followers(): readonly Member[] {
    const { leader } = this;
    return [...this.members.values()].filter((member) => member !== leader && member.end === null);
  }

  make(id: string, options: MemberOptions = {}): Member {
    const addressOf = (each: string): string => `${each}.${options.domain ?? "test"}:7400`;
    const trace: string[] = [];
    const logs: string[] = [];
    const incarnation = options.incarnation ?? `${id}-disk`;
    const disk = options.disk === undefined ? {} : { disk: options.disk };
    const store = createMemoryLogStore({ incarnation, ...disk });
    const machine = new RecordingMachine(() => void trace.push("stateMachine.close"), options.versions);
    machine.isDurable = options.held !== undefined;
    machine.held = options.held?.state ?? null;
    machine.applied.push(...(options.held?.applied ?? []));
    const bootstrap = options.bootstrap === undefined ? this.#ids : options.bootstrap;
    const self = { id, incarnation: store.saved.incarnation, bootId: `boot-${++this.#boots}` };
    const address = options.address ?? addressOf(id);
    const transport = this.network.transport({ self, address, software: "0" });
    const logger: Logger = { enabled: () => true, log: (level, message) => void logs.push(`${level} ${message}`) };
    const node = new Node(
      {
        id,
        cluster: "test",
        settings: this.#settings,
        snapshotPolicy: this.snapshotPolicy,
        compareEveryEntries: this.compareEveryEntries,
        scrubIntervalMs: this.scrubIntervalMs,
        space: { minFreeBytes: 100 * 2 ** 20, minFreePercent: 5 },
        address,
        bootstrap: bootstrap?.map((each) => ({ id: each, address: addressOf(each) })) ?? null,
        join: options.join?.map(addressOf) ?? null,
        certificateEnds: this.certificateEnds.get(id) ?? null,
        version: "0",
      },
      {
        snapshots: createMemorySnapshotStore(options.files),
        disk: { measure: () => roomOf(member) },
        store: tracedStore(store, trace, () => member.holdsDisk),
        transport: tracedTransport(transport, trace, () => member),
        stateMachine: machine,
        clock: this.clock,
        logger,
        failStop: (cause) => {
          member.fatal ??= cause;
          trace.push("failStop");
          this.network.kill(id);
          store.crash();
        },
      },
    );
    const member: Member = {
      id,
      node,
      store,
      machine,
      trace,
      logs,
      room: { freeBytes: 2 ** 40, totalBytes: 2 ** 40 },
      holdsDisk: "nothing",
      startsAfter: null,
      stopFailure: null,
      end: null,
      fatal: null,
    };
    void node.ended.then((end) => void (member.end = end));
    this.members.set(id, member);
    return member;
  }

  async start(id: string, options: MemberOptions = {}): Promise<Member> {
    const member = this.make(id, options);
    await member.node.start();
    return member;
  }

  /** Power off: its connections break, and what was not durable is gone. The disk may be started again. */
  async crash(id: string): Promise<MemoryDisk> {
    const member = this.member(id);
    this.isolate(id);
    const disk = member.store.crash();
    // The process is gone; a node has no such end of its own, so that what is left of it is let stop out of earshot.
    void member.node.stop();
    await this.advance(4_000, 100);
    this.members.delete(id);
    this.rejoin(id);
    return disk;
  }

  /** Its process ends, and the system closes its sockets. The others are told as soon as the cluster settles. */
  kill(id: string): void {
    const member = this.member(id);
    this.network.kill(id);
    member.store.crash();
    // As above: what is left of it ends where nobody hears it.
    void member.node.stop();
    this.members.delete(id);
  }

  client(id: string, as: ClientIdentity = {}): Client {
    const { node, trace } = this.member(id);
    return new Client(node, trace, as);
  }

  isolate(id: string): void {
    for (const other of this.#ids) if (other !== id) this.network.cut(id, other);
  }

  rejoin(id: string): void {
    for (const other of this.#ids) if (other !== id) this.network.heal(id, other);
  }

  /** Lets happen what needs no time. */
  async settle(): Promise<void> {
    for (let isBusy = true; isBusy;) {
      const calledBefore = this.clock.calledBack;
      const delivered = this.network.deliverAll();
      this.clock.runSoon();
      await afterMicrotasks();
      isBusy = delivered > 0 || this.clock.calledBack > calledBefore;
    }
    for (const { node } of this.members.values()) checkState(node.state);
  }

  async advance(byMs: number, stepMs = 10): Promise<void> {
    for (let passed = 0; passed < byMs; passed += stepMs) {
      this.clock.advance(Math.min(stepMs, byMs - passed));
      await this.settle();
    }
  }

  /** Moves time on until `holds`; throws when it does not within `limitMs`. */
  async until(what: string, holds: () => boolean, limitMs = 10_000): Promise<void> {
    for (let passed = 0; !holds(); passed += 10) {
      if (passed > limitMs) throw new Error(`still not so after ${limitMs} ms: ${what}`);
      await this.advance(10);
    }
  }

  async electLeader(): Promise<Member> {
    const committed = ({ state }: Node): boolean =>
      state.role.kind === "leader" && state.commitIndex >= state.role.termStartIndex;
    await this.until("a leader is elected", () =>
      [...this.members.values()].some(({ node, end }) => end === null && committed(node)),
    );
    return this.leader;
  }

  async anotherLeader(than: Member): Promise<Member> {
    await this.until(`another one than ${than.id} leads`, () => ![null, than].includes(this.#findLeader()));
    return this.leader;
  }

  /** Stops every node and sees that nothing of them is left running. */
  async stopAll(): Promise<void> {
    const stopped = Promise.all([...this.members.values()].map(({ node }) => node.stop()));
    await this.advance(10_000, 100);
    await stopped;
    if (this.clock.pendingTimers > 0) throw new Error(`${this.clock.pendingTimers} timers are left running`);
  }
}

/** Once every promise that is settled has been acted on. */
export const afterMicrotasks = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
