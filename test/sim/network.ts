// What becomes of a message? A connection between each two nodes that stands or is lost, and on it messages that arrive
// late, twice, in another order or never. A new connection begins with a hello from both sides.
import type { MemberKey } from "../../src/core/configuration.ts";
import { describeMessage } from "../../src/core/describe.ts";
import type { Message } from "../../src/core/messages.ts";
import type { Weather } from "./profiles.ts";
import type { SimNode } from "./sim-node.ts";
import type { World } from "./world.ts";

/** The connection between two nodes. */
interface Link {
  isUp: boolean;
  /** How many connections have been lost. */
  epoch: number;
  /** What was sent on an earlier connection than this one does not arrive. */
  lostBefore: number;
  /** A genesis notice was lost: only a new hello repeats it. */
  mustRenew: boolean;
}

export class Network {
  readonly #world: World;
  weather: Weather;
  readonly #nodes: SimNode[] = [];
  readonly #links = new Map<string, Link>();
  /** `from>to`: nothing gets through in this direction. */
  readonly #blocked = new Set<string>();
  readonly #lastArrivalMs = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
    this.weather = world.profile.weather;
  }

  join(node: SimNode): void {
    this.#nodes.push(node);
  }

  send(from: SimNode, to: MemberKey, message: Message): void {
    const target = this.#nodes.find((node) => node.key === to);
    if (target === undefined) return;
    const { chance, coverage } = this.#world;
    const link = this.#link(from, target);
    if (!link.isUp) return;
    if (this.#isBlocked(from, target) || chance.happens(this.weather.drop)) {
      this.#lose(from, target, message);
      return;
    }
    const copies = chance.happens(this.weather.duplicate) ? 2 : 1;
    coverage.duplicated += copies - 1;
    for (let copy = 0; copy < copies; copy++) this.#carry(from, target, message, link);
  }

  #carry(from: SimNode, target: SimNode, message: Message, link: Link): void {
    const { chance, coverage, schedule } = this.#world;
    const { weather } = this;
    const direction = `${from.id}>${target.id}`;
    const detourMs = chance.happens(weather.detour) ? chance.between(0, weather.detourMs) : 0;
    const lastMs = this.#lastArrivalMs.get(direction) ?? 0;
    let arrivalMs = schedule.nowMs + chance.from(weather.delayMs) + detourMs;
    if (weather.isOrdered) arrivalMs = Math.max(arrivalMs, lastMs);
    else if (arrivalMs < lastMs) coverage.reordered++;
    this.#lastArrivalMs.set(direction, Math.max(arrivalMs, lastMs));
    const { epoch } = link;
    const [sender, receiver] = [from.key, target.key];
    if (detourMs > 0 && chance.happens(0.5)) this.#showPart(from, target, chance.between(schedule.nowMs, arrivalMs));
    schedule.at(arrivalMs, () => {
      if (target.key !== receiver || !target.isUp || epoch < link.lostBefore) return;
      if (this.#isBlocked(from, target)) this.#lose(from, target, message);
      else target.deliver({ kind: "message", from: sender, message });
    });
  }

  /** Some of a message that is long on its way has come. */
  #showPart(from: SimNode, target: SimNode, atMs: number): void {
    const { coverage, schedule } = this.#world;
    const [sender, receiver] = [from.key, target.key];
    schedule.at(atMs, () => {
      if (target.key !== receiver || !target.isUp || this.#isBlocked(from, target)) return;
      coverage.parts++;
      target.deliver({ kind: "partReceived", from: sender });
    });
  }

  #lose(from: SimNode, target: SimNode, message: Message): void {
    const { coverage, trace } = this.#world;
    coverage.dropped++;
    trace?.(`${" ".repeat(15)}✗ lost from ${from.id} to ${target.id}: ${describeMessage(message)}`);
    if (message.kind !== "genesisNotice") return;
    // Raft's own messages are made to bear a loss on a standing connection, which is worse than any transport does.
    const link = this.#link(from, target);
    link.mustRenew = true;
    if (!this.#isBlocked(from, target)) this.reset(from, target);
  }

  /** Whether a connection could be opened now to the node with that very disk. */
  isReachable(from: SimNode, to: MemberKey): boolean {
    const target = this.#nodes.find((node) => node.key === to);
    return target !== undefined && this.#canConnect(from, target);
  }

  /** The connection between two nodes is lost; they dial again. */
  reset(a: SimNode, b: SimNode): void {
    const { chance, coverage, profile } = this.#world;
    const link = this.#link(a, b);
    if (link.isUp) coverage.resets++;
    link.isUp = false;
    link.epoch++;
    link.mustRenew = false;
    if (!chance.happens(profile.survivesReset)) link.lostBefore = link.epoch;
    this.#dial(a, b);
  }

  /** Dials once; what makes it fail now dials again when it ends. */
  #dial(a: SimNode, b: SimNode): void {
    const { chance, profile } = this.#world;
    const link = this.#link(a, b);
    const { epoch } = link;
    const lives = [a.life, b.life];
    const isSame = () => epoch === link.epoch && !link.isUp && a.life === lives[0] && b.life === lives[1];
    this.#world.schedule.after(chance.from(profile.redialMs), () => {
      if (!isSame() || !this.#canConnect(a, b)) return;
      const hellos = [a.genesis, b.genesis] as const;
      this.#world.schedule.after(chance.from(this.weather.delayMs), () => {
        if (!isSame() || !this.#canConnect(a, b)) return;
        const [ofA, ofB] = hellos;
        if (ofA !== null && ofB !== null && ofA.clusterUuid !== ofB.clusterUuid) return;
        link.isUp = true;
        this.#world.coverage.connected++;
        a.deliver({ kind: "peerConnected", peer: b.peer, genesis: ofB });
        b.deliver({ kind: "peerConnected", peer: a.peer, genesis: ofA });
      });
    });
  }

  #canConnect(a: SimNode, b: SimNode): boolean {
    const isAwake = a.isUp && b.isUp && !a.isPaused && !b.isPaused;
    return isAwake && !this.#isBlocked(a, b) && !this.#isBlocked(b, a);
  }

  onStarted(node: SimNode): void {
    for (const other of this.#others(node)) this.#dial(node, other);
  }

  onStopped(node: SimNode): void {
    for (const other of this.#others(node)) {
      if (this.#link(node, other).isUp) this.#giveEvidence(node, other);
      this.reset(node, other);
    }
  }

  /**
   * Who was connected with a process that has ended may find out, soon or long after it is back: Raft must bear either, and
   * evidence on a node that has slept meanwhile as well.
   */
  #giveEvidence(ended: SimNode, other: SimNode): void {
    const { chance, coverage, profile, schedule } = this.#world;
    const { key } = ended;
    const { life } = other;
    if (!chance.happens(profile.crashNotice)) return;
    const isLate = chance.happens(0.15);
    schedule.after(profile.settings.electionTimeoutMs * chance.between(0, isLate ? 5 : 0.05), () => {
      if (other.life !== life || this.#isBlocked(other, ended)) return;
      coverage.crashNotices++;
      if (ended.isUp) coverage.lateCrashNotices++;
      other.deliver({ kind: "peerCrashed", peer: key });
    });
  }

  onResumed(node: SimNode): void {
    for (const other of this.#others(node)) if (!this.#link(node, other).isUp) this.#dial(node, other);
  }

  /** From now on nothing gets from `from` to `to`. */
  block(from: SimNode, to: SimNode): void {
    this.#blocked.add(`${from.id}>${to.id}`);
  }

  /** Everything gets through again; some of the connections that were cut have been lost by then. */
  heal(): void {
    const { chance } = this.#world;
    const cut = [...this.#blocked];
    this.#blocked.clear();
    for (const direction of cut) {
      const [from, to] = direction.split(">").map((id) => this.#nodes.find((node) => node.id === id)!);
      const link = this.#link(from!, to!);
      if (!link.isUp) this.#dial(from!, to!);
      else if (link.mustRenew || chance.happens(0.5)) this.reset(from!, to!);
    }
  }

  /** Every pair connects anew. */
  renew(): void {
    for (const [at, node] of this.#nodes.entries()) {
      for (const other of this.#nodes.slice(at + 1)) this.reset(node, other);
    }
  }

  #isBlocked(from: SimNode, to: SimNode): boolean {
    return this.#blocked.size > 0 && this.#blocked.has(`${from.id}>${to.id}`);
  }

  #others(node: SimNode): readonly SimNode[] {
    return this.#nodes.filter((other) => other !== node);
  }

  #link(a: SimNode, b: SimNode): Link {
    const id = a.id < b.id ? `${a.id}-${b.id}` : `${b.id}-${a.id}`;
    let link = this.#links.get(id);
    if (link === undefined) {
      link = { isUp: false, epoch: 0, lostBefore: 0, mustRenew: false };
      this.#links.set(id, link);
    }
    return link;
  }
}
