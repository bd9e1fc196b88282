// Which clients does the network cut from which nodes? Some clients are beside a node, so whatever cuts that node from others cuts them as
// well. And now and then a node that its peers reach is cut from clients alone (P71). Some nodes forget a connection, and its client
// hears nothing of it.
import type { NodeId } from "../core/configuration.ts";
import type { Chance, Range } from "./chance.ts";
import type { SimNetwork } from "./network.ts";
import type { Schedule } from "./schedule.ts";

export interface ClientCutPace {
  /** How many of the clients are beside a node. */
  readonly partitionClients: number;
  /** Between two cuts of clients alone, on average. 0: there are none. */
  readonly cutClients: number;
  /** How often a client does not hear that its connection is over. */
  readonly halfOpen: number;
  readonly forMs: Range;
}

export interface ClientCutWorld {
  readonly schedule: Schedule;
  readonly later: Chance;
  readonly members: readonly { readonly id: NodeId; readonly isLeader: boolean }[];
  readonly network: SimNetwork;
  readonly trace: (line: string) => void;
  /** Clients alone are cut from this node, and its peers are not. */
  readonly happened: (id: NodeId) => void;
}

export type Way = "toNode" | "toClient";

/** A request that changes the members and arrives late would surprise whoever counts on the disks that it names. */
const isNeverHeld = (name: string, way: Way): boolean => name === "administrator" && way === "toNode";

/** How many clients a cut of clients alone reaches, how often it comes to the leader, and in both directions. */
const reachesOften = 0.7;
const leaderOften = 0.6;
const bothWaysOften = 0.5;

export class ClientCuts {
  readonly #pace: ClientCutPace;
  readonly #world: ClientCutWorld;
  /** Beside which node each client is. */
  readonly #homes = new Map<string, NodeId | null>();
  /** The node whose clients are cut from it, and how. */
  #cut: { readonly id: NodeId; readonly ways: readonly Way[] } | null = null;
  /** The clients that this cut reaches or spares. */
  readonly #reached = new Map<string, boolean>();
  #isOver = false;
  count = 0;

  constructor(pace: ClientCutPace, world: ClientCutWorld) {
    this.#pace = pace;
    this.#world = world;
    if (pace.cutClients > 0) this.#next();
  }

  isHeld(name: string, id: NodeId, way: Way): boolean {
    if (this.#isOver || isNeverHeld(name, way)) return false;
    const home = this.#homeOf(name);
    const [from, to] = way === "toNode" ? [home, id] : [id, home];
    if (from !== null && to !== null && from !== to && this.#world.network.isBlocked(from, to)) return true;
    return this.#cut?.id === id && this.#cut.ways.includes(way) && this.#isReached(name);
  }

  /** Whether a client that could hear that its connection is over does not hear of it. */
  isUnheard(): boolean {
    return !this.#isOver && this.#world.later.happens(this.#pace.halfOpen);
  }

  end(): void {
    this.#isOver = true;
    this.#cut = null;
  }

  #homeOf(name: string): NodeId | null {
    const known = this.#homes.get(name);
    if (known !== undefined) return known;
    const { later, members, trace } = this.#world;
    const home = later.happens(this.#pace.partitionClients) ? later.pick(members).id : null;
    this.#homes.set(name, home);
    if (home !== null) trace(`${name} is beside ${home}`);
    return home;
  }

  #isReached(name: string): boolean {
    const known = this.#reached.get(name);
    if (known !== undefined) return known;
    const isReached = this.#world.later.happens(reachesOften);
    this.#reached.set(name, isReached);
    return isReached;
  }

  #next(): void {
    const { schedule, later } = this.#world;
    schedule.after(later.wait(this.#pace.cutClients), () => {
      if (this.#isOver) return;
      if (this.#cut === null) this.#begin();
      this.#next();
    });
  }

  #begin(): void {
    const { schedule, later, members, network, trace, happened } = this.#world;
    const leader = later.happens(leaderOften) ? members.find(({ isLeader }) => isLeader) : undefined;
    const { id } = leader ?? later.pick(members);
    const ways: readonly Way[] = later.happens(bothWaysOften)
      ? ["toNode", "toClient"]
      : [later.pick<Way>(["toNode", "toClient"])];
    const cut = { id, ways };
    this.#cut = cut;
    this.#reached.clear();
    this.count++;
    const words = { toNode: `send to ${id}`, toClient: `hear from ${id}` };
    trace(`the network holds what some clients ${ways.map((way) => words[way]).join(" and ")}`);
    happened(id);
    schedule.after(later.from(this.#pace.forMs), () => {
      if (this.#cut !== cut) return;
      this.#cut = null;
      network.releaseHeld();
      trace(`all clients reach ${id} again`);
    });
  }
}
